package measure

import (
	"github.com/HdrHistogram/hdrhistogram-go"

	"brokersim/checker/result"
)

// Latencies of a load that is measured by the second reach from one microsecond to
// one hour, to three digits.
const longest = int64(3_600_000_000)

// Interval is what happened from one instant to another. Its histograms are written
// anew for each interval: whoever wants to keep one copies it.
type Interval struct {
	From, Until          int64 // ns
	Due, Acked, Read     int64 // records; Read times groups
	Ack, AckSent, E2E    *hdrhistogram.Histogram
	Overdue              int64 // records that are due and not acknowledged, at the end
	Behind, UnderReplica int64 // as the owner says: see Window.Close
}

// Limits are what latencies are held to, in ns; 0 is no limit. How many exceed them
// is counted of the latencies themselves, not of the histograms, which round.
type Limits struct{ Ack, E2E int64 }

// Window measures a load interval by interval, and all of those that lie in the
// window from From to Until together. Percentiles are never averaged: histograms are
// merged.
type Window struct {
	from, until int64
	limits      Limits
	each        func(*Interval)

	now  Interval
	sums Sums
}

// Sums are of the whole window.
type Sums struct {
	From, Until       int64 // ns: of the intervals that were counted
	Due, Acked, Read  int64
	Ack, AckSent, E2E *hdrhistogram.Histogram // us
	AckOver, E2EOver  int64                   // samples over the limits
	Overdue           []int64                 // at the end of each interval
}

// NewWindow measures what happens from from to until. Each, if it is not nil, sees
// every interval, also those before and after.
func NewWindow(from, until int64, limits Limits, each func(*Interval)) *Window {
	w := &Window{from: from, until: until, limits: limits, each: each}
	for _, h := range []**hdrhistogram.Histogram{&w.now.Ack, &w.now.AckSent, &w.now.E2E, &w.sums.Ack, &w.sums.AckSent, &w.sums.E2E} {
		*h = hdrhistogram.New(1, longest, 3)
	}
	return w
}

// inside reports whether the interval under way belongs to the window.
func (w *Window) inside() bool { return w.now.From >= w.from && w.now.From < w.until }

// Due counts records that are due.
func (w *Window) Due(n int64) { w.now.Due += n }

// Acked takes an acknowledgement at t of a record that was due, and given to the
// client at sent.
func (w *Window) Acked(t, due, sent int64) {
	w.now.Acked++
	put(w.now.Ack, t-due)
	put(w.now.AckSent, t-sent)
	if w.limits.Ack > 0 && t-due > w.limits.Ack && w.inside() {
		w.sums.AckOver++
	}
}

// Read takes a record that a group has done with at t.
func (w *Window) Read(t, due int64) {
	w.now.Read++
	put(w.now.E2E, t-due)
	if w.limits.E2E > 0 && t-due > w.limits.E2E && w.inside() {
		w.sums.E2EOver++
	}
}

// put counts a latency in whole us: below one as 1, beyond the longest as that.
func put(h *hdrhistogram.Histogram, ns int64) {
	if err := h.RecordValue(min(max(ns/1000, 1), longest)); err != nil {
		panic("measure: " + err.Error()) // the bounds above are those of NewWindow
	}
}

// Close ends the interval under way at t and begins the next. Overdue records wait
// for their acknowledgement, readers are behind by so many records, and so many
// partitions lack a replica.
func (w *Window) Close(t, overdue, behind, underReplicated int64) {
	i := &w.now
	i.Until, i.Overdue, i.Behind, i.UnderReplica = t, overdue, behind, underReplicated
	if w.inside() && i.Until > i.From {
		w.add(i)
	}
	if w.each != nil {
		w.each(i)
	}
	*i = Interval{From: t, Ack: i.Ack, AckSent: i.AckSent, E2E: i.E2E}
	for _, h := range []*hdrhistogram.Histogram{i.Ack, i.AckSent, i.E2E} {
		h.Reset()
	}
}

func (w *Window) add(i *Interval) {
	s := &w.sums
	if s.Until == 0 {
		s.From = i.From
	}
	s.Until = i.Until
	s.Due, s.Acked, s.Read = s.Due+i.Due, s.Acked+i.Acked, s.Read+i.Read
	s.Ack.Merge(i.Ack)
	s.AckSent.Merge(i.AckSent)
	s.E2E.Merge(i.E2E)
	s.Overdue = append(s.Overdue, i.Overdue)
}

// Sums are those of all intervals of the window so far.
func (w *Window) Sums() Sums { return w.sums }

// Samples that a quantile needs before it is more than one slow moment.
const (
	forP999  = 100_000
	forP9999 = 1_000_000
)

// curve are the quantiles, in millionths, that a percentile plot is drawn of.
var curve = [...]int64{
	0, 100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 750_000, 800_000, 850_000, 900_000, 925_000, 950_000, 970_000, 980_000,
	990_000, 993_000, 995_000, 997_000, 998_000, 999_000, 999_500, 999_800, 999_900, 999_950, 999_980, 999_990, 1_000_000,
}

// TailOf reads a distribution off a histogram: each quantile is the smallest value
// that enough samples do not exceed. What has too few samples is left out.
func TailOf(h *hdrhistogram.Histogram) result.Tail {
	n := h.TotalCount()
	t := result.Tail{N: n}
	if n == 0 {
		return t
	}
	values := quantiles(h, curve[:])
	for i, q := range curve {
		if n*(1_000_000-q) >= 10*1_000_000 || q == 1_000_000 {
			t.Curve = append(t.Curve, [2]int64{q, values[i]})
		}
	}
	at := quantiles(h, []int64{500_000, 900_000, 990_000, 999_000, 999_900, 1_000_000})
	t.P50, t.P90, t.P99, t.Max = at[0], at[1], at[2], at[5]
	if n >= forP999 {
		t.P999 = at[3]
	}
	if n >= forP9999 {
		t.P9999 = at[4]
	}
	return t
}

// QuantileOf is one quantile, in millionths; 0 of an empty histogram.
func QuantileOf(h *hdrhistogram.Histogram, millionths int64) int64 {
	return quantiles(h, []int64{millionths})[0]
}

// quantiles are values at ascending quantiles, in millionths.
func quantiles(h *hdrhistogram.Histogram, at []int64) []int64 {
	values := make([]int64, len(at))
	n, sum, k := h.TotalCount(), int64(0), 0
	for _, bar := range h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		sum += bar.Count
		for k < len(at) && sum*1_000_000 >= n*at[k] {
			values[k] = bar.To
			k++
		}
	}
	return values
}
