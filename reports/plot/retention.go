package plot

import (
	"brokersim/checker/result"

	"gonum.org/v1/plot"
)

// retention is how full the disk of a broker is against the time that is kept.
func retention(c *result.Capacity) []Plot {
	r := c.Retention
	if r == nil || r.PerNode == 0 || r.Seconds == 0 {
		return nil
	}
	unit, kept := "days", float64(r.Seconds)/86400
	if r.Seconds < 2*86400 {
		unit, kept = "hours", float64(r.Seconds)/3600
	}
	each := float64(r.PerNode) / 1e12
	p := newPanel("retention, "+unit, "disk of a broker, TB")
	p.Add(gridLines(true, false))
	f := &frame{width: half, height: 240, panels: []*plot.Plot{p}}
	far := kept * 1.6
	rows := [][]string{row("retention_"+unit, "bytes_per_broker", "disk_bytes", "used_percent")}
	if r.Disk > 0 {
		disk := float64(r.Disk) / 1e12
		far = max(far, min(kept*disk/each*1.1, kept*4))
		p.Add(&polyline{x: []float64{0, far}, y: []float64{disk, disk}, style: stroke(words, 1.2)},
			&polyline{x: []float64{0, far}, y: []float64{disk * .85, disk * .85}, style: stroke(vermillion, 1.2, dashes()...)})
		f.legend = append(f.legend, entry{label: "disk", line: stroke(words, 1.2)}, entry{label: "85 % of it", line: stroke(vermillion, 1.2, dashes()...)})
	}
	used := &polyline{x: []float64{0, far}, y: []float64{0, each * far / kept}, style: stroke(blue, 1.8)}
	p.Add(used)
	f.legend = append([]entry{{label: "used, with 20 % not yet deleted", line: used.style}}, f.legend...)
	f.marks = append(f.marks, mark{kept, number(kept) + " " + unit + ": " + number(each) + " TB", stroke(faint, .9)})
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, far, evenly(6)
	p.Y.Min, p.Y.Tick.Marker = 0, evenly(5)
	if r.Disk > 0 {
		p.Y.Max = max(float64(r.Disk)/1e12*1.1, each*1.1)
	}
	for i := 1; i <= 8; i++ {
		d := far * float64(i) / 8
		bytes := each * 1e12 * d / kept
		share := ""
		if r.Disk > 0 {
			share = number(bytes * 100 / float64(r.Disk))
		}
		rows = append(rows, row(number(d), int64(bytes), unknown(r.Disk), share))
	}
	return []Plot{{Name: "retention", Title: "Disk for retention", frame: f, Rows: rows, About: r.How}}
}
