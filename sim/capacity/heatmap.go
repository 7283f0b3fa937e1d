package capacity

import (
	"fmt"

	"brokersim/checker/result"
)

// The values of the heat map.
var (
	lingers    = []int64{0, 1, 5, 20}            // ms
	batchSizes = []int64{16384, 131072, 1 << 20} // bytes
)

// heatProbes are the runs of the heat map, by row, then column, at the rate to plan on.
func (p *Plan) heatProbes() (list []Probe) {
	for _, linger := range lingers {
		for _, size := range batchSizes {
			x := p.brief(0)
			x.Rate = p.rated()
			x.Set = []string{fmt.Sprintf("%s=%d", setLinger, linger), fmt.Sprintf("%s=%d", setBatch, size)}
			list = append(list, x)
		}
	}
	return list
}

func (s *Study) heatMap(found []Outcome) *result.HeatMap {
	m := &result.HeatMap{RowAxis: result.Axis{Name: "linger.ms"}, ColumnAxis: result.Axis{Name: "batch.size"}}
	for _, size := range batchSizes {
		m.ColumnAxis.Values = append(m.ColumnAxis.Values, fmt.Sprint(size))
	}
	for i, linger := range lingers {
		m.RowAxis.Values = append(m.RowAxis.Values, fmt.Sprint(linger))
		var p99, requests []int64
		for j := range batchSizes {
			x := &found[i*len(batchSizes)+j].Point
			v := int64(-1)
			if x.Passed {
				v = s.judged(x).P99
			}
			p99, requests = append(p99, v), append(requests, x.Requests)
		}
		m.P99US, m.Requests = append(m.P99US, p99), append(m.Requests, requests)
	}
	return m
}
