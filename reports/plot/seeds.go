package plot

import (
	"cmp"
	"slices"

	"brokersim/checker/result"
)

// load is all runs at one offered rate.
type load struct {
	offered int64
	points  []result.Point
}

// loads are the points of a curve by offered rate.
func loads(c *result.Curve) (list []load) {
	if c == nil {
		return nil
	}
	points := slices.Clone(c.Points)
	slices.SortStableFunc(points, func(a, b result.Point) int { return cmp.Compare(a.Offered, b.Offered) })
	for _, p := range points {
		if n := len(list); n == 0 || list[n-1].offered != p.Offered {
			list = append(list, load{offered: p.Offered})
		}
		last := &list[len(list)-1]
		last.points = append(last.points, p)
	}
	return list
}

// passed reports whether most runs of a load met the SLO.
func (l *load) passed() bool {
	n := 0
	for _, p := range l.points {
		if p.Passed {
			n++
		}
	}
	return 2*n > len(l.points)
}

// nearest is the load next to a rate; nil if there is none.
func nearest(list []load, offered int64) *load {
	var best *load
	for i := range list {
		l := &list[i]
		if best == nil || abs(l.offered-offered) < abs(best.offered-offered) {
			best = l
		}
	}
	return best
}

func abs(n int64) int64 { return max(n, -n) }

// over is the median over the seeds with the bounds of its 95 % interval, of the
// seeds that have the value; ok is false if none has.
func (l *load) over(value func(*result.Point) int64) (median, low, high float64, ok bool) {
	var values []int64
	for i := range l.points {
		if v := value(&l.points[i]); v > 0 {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, 0, 0, false
	}
	slices.Sort(values)
	n, k := len(values), within(len(values))
	return (float64(values[(n-1)/2]) + float64(values[n/2])) / 2, float64(values[k]), float64(values[n-1-k]), true
}

// within is how many values on each side are outside the 95 % interval of a median:
// the median of all there could be is below the k-th of n with the chance that a
// coin falls heads fewer than k times in n. With fewer than 6 it is their range.
func within(n int) (k int) {
	chance, below := 1.0, 0.0
	for range n {
		chance /= 2
	}
	for ; k < (n-1)/2; k++ {
		if below += chance; below > .025 {
			break
		}
		chance = chance * float64(n-k) / float64(k+1)
	}
	return max(k-1, 0)
}
