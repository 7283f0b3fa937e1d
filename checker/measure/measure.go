// Package measure takes throughput, latency and unavailability from a history
// as it is written. Decisions and quantiles are integer arithmetic, so the same
// history gives the same numbers on every machine.
//
// Latency counts from when an operation was due, never from when it was sent:
// a client that could not send is late, not idle. Ack is from due to the
// acknowledgement of a record; end to end is from due until a reader had
// finished with it, once for each record and reader, or until it was polled if
// the history tells of no processing.
//
// A partition is unavailable while sends wait and none is acknowledged: from
// when the first send was due that found nothing else waiting (or from the last
// acknowledgement, if others waited already) until the next acknowledgement,
// provided that this took longer than the stall that New was given. Sends that
// fail or time out in between do not end it. The unavailable time of a run is
// the time during which at least one partition was. It is time in which records
// were due at a living producer: while the producers themselves are dead nothing
// is offered, and nothing counts but what they had under way.
package measure

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// Stall is how long acknowledgements may fail to come before a partition with
// waiting sends counts as unavailable, unless a caller asks for another time.
const Stall = 100 * time.Millisecond

// highest is the longest latency that is told apart from longer ones, in µs.
const highest = int64(24 * time.Hour / time.Microsecond)

// Measure is a [history.Sink].
type Measure struct {
	stall int64 // ns

	ack, polled, done *hdrhistogram.Histogram // µs

	due   history.Table[int64] // value -> 1 + when it was due, ns
	ops   map[int64]sends
	parts []part
	seen  map[int32][]reach // by process, by TP

	begun bool
	s     Summary
	stops []interval
}

// sends are the records of an operation under way, per partition.
type sends struct {
	tp   history.TP
	n    int64
	rest []history.TP // of those in other partitions than the first
}

type part struct {
	waiting bool
	pending int64
	since   int64 // when the wait began
	end     int64 // when the last send of this wait was given up
}

// reach is how far a reader has come: what lies below is not counted again.
type reach struct{ polled, done int64 }

type interval struct{ from, until int64 }

// Summary is what was measured.
type Summary struct {
	Sent, Acked, Polled, Processed int64 // records; the last two times readers
	// From and Until are the first and the last event that moved a record, in ns.
	From, Until int64
	// Unavailable is the time in which records that were due at a living producer
	// waited and their partition acknowledged none: 0 where nothing was offered.
	Unavailable time.Duration
	Latencies   result.Latencies
}

// New returns a measure. A stall of 0 or less means [Stall].
func New(stall time.Duration) *Measure {
	if stall <= 0 {
		stall = Stall
	}
	m := &Measure{stall: int64(stall), ops: map[int64]sends{}, seen: map[int32][]reach{}}
	for _, h := range []**hdrhistogram.Histogram{&m.ack, &m.polled, &m.done} {
		*h = hdrhistogram.New(1, highest, 3)
	}
	return m
}

// Event takes the next event.
func (m *Measure) Event(e *history.Event) {
	switch {
	case e.F == history.Send && e.E == history.Inv:
		m.begins(e)
	case e.F == history.Send:
		m.ends(e)
	case (e.F == history.Poll || e.F == history.Process || e.F == history.Deliver) && e.E != history.Inv:
		m.reads(e)
	default:
		return
	}
	if !m.begun {
		m.begun, m.s.From = true, e.T
	}
	m.s.Until = e.T
}

func (m *Measure) part(tp history.TP) *part {
	for int(tp) >= len(m.parts) {
		m.parts = append(m.parts, part{})
	}
	return &m.parts[tp]
}

func (m *Measure) begins(e *history.Event) {
	if len(e.Sends) == 0 {
		return
	}
	due := e.Due
	if due == 0 {
		due = e.T
	}
	o := sends{tp: e.Sends[0].TP}
	for i := range e.Sends {
		s := &e.Sends[i]
		m.due.Set(s.Value, due+1)
		if s.TP == o.tp {
			o.n++
		} else {
			o.rest = append(o.rest, s.TP)
		}
		p := m.part(s.TP)
		if !p.waiting {
			p.waiting, p.since = true, max(due, p.since)
		}
		p.pending++
	}
	m.s.Sent += int64(len(e.Sends))
	m.ops[e.ID] = o
}

func (m *Measure) ends(e *history.Event) {
	for i := range e.Sends {
		s := &e.Sends[i]
		if ok := s.Err == "" && (e.E == history.OK || e.E == history.Info && s.Offset >= 0); !ok {
			continue
		}
		m.s.Acked++
		if due := m.due.Get(s.Value); due != 0 {
			record(m.ack, e.T-(due-1))
		}
		p := m.part(s.TP)
		if p.waiting {
			m.stopped(p.since, e.T)
		}
		p.since = e.T
	}
	o, ok := m.ops[e.ID]
	if !ok {
		return
	}
	delete(m.ops, e.ID)
	m.settle(o.tp, o.n, e.T)
	for _, tp := range o.rest {
		m.settle(tp, 1, e.T)
	}
}

// settle takes n sends off what a partition waits for. When none is left, the
// wait is over only if it ended with an acknowledgement.
func (m *Measure) settle(tp history.TP, n, t int64) {
	p := m.part(tp)
	p.pending -= n
	p.end = t
	if p.since == t {
		p.waiting = p.pending > 0
	}
}

// stopped takes a wait that has ended.
func (m *Measure) stopped(from, until int64) {
	if until-from > m.stall {
		m.stops = append(m.stops, interval{from, until})
	}
}

func (m *Measure) reads(e *history.Event) {
	at := m.seen[e.P]
	for i := range e.Runs {
		run := &e.Runs[i]
		for int(run.TP) >= len(at) {
			at = append(at, reach{})
			m.seen[e.P] = at
		}
		far, h, n := &at[run.TP].polled, m.polled, &m.s.Polled
		if e.F == history.Process {
			far, h, n = &at[run.TP].done, m.done, &m.s.Processed
		}
		*n += int64(len(run.Records))
		for j := range run.Records {
			r := &run.Records[j]
			if r.Offset != history.None { // else a record that comes again is measured again
				if r.Offset < *far {
					continue
				}
				*far = r.Offset + 1
			}
			if due := m.due.Get(r.Value); due != 0 {
				record(h, e.T-(due-1))
			}
		}
	}
}

// record counts a latency in whole µs: below one as 1, beyond the highest as
// the highest.
func record(h *hdrhistogram.Histogram, ns int64) {
	us := min(max(ns/1000, 1), highest)
	if err := h.RecordValue(us); err != nil {
		panic("measure: " + err.Error()) // the bounds above are those of New
	}
}

// Finish returns what was measured. The measure must not be used afterwards.
func (m *Measure) Finish() Summary {
	for i := range m.parts {
		p := &m.parts[i]
		switch {
		case p.pending > 0:
			m.stopped(p.since, m.s.Until)
		case p.waiting:
			m.stopped(p.since, p.end)
		}
	}
	m.s.Unavailable = time.Duration(union(m.stops))
	m.s.Latencies = result.Latencies{Ack: LatencyOf(m.ack), E2E: LatencyOf(m.E2E())}
	return m.s
}

// Ack is the distribution of acknowledgement latencies in µs.
func (m *Measure) Ack() *hdrhistogram.Histogram { return m.ack }

// E2E is the distribution of end-to-end latencies in µs.
func (m *Measure) E2E() *hdrhistogram.Histogram {
	if m.done.TotalCount() > 0 {
		return m.done
	}
	return m.polled
}

// Fill writes latencies and unavailability into a result.
func (s *Summary) Fill(r *result.Result) {
	r.LatencyUS = s.Latencies
	r.Ledger.UnavailableUS = int64(s.Unavailable / time.Microsecond)
}

// AckedPerSecond is how many records a second were acknowledged, rounded down.
func (s *Summary) AckedPerSecond() int64 {
	us := (s.Until - s.From) / 1000
	if us <= 0 {
		return 0
	}
	return s.Acked/us*1e6 + s.Acked%us*1e6/us
}

// union is how much time the intervals cover together.
func union(list []interval) int64 {
	slices.SortStableFunc(list, func(a, b interval) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0 // which of two that begin together comes first changes no sum
	})
	var sum, end int64
	for i, x := range list {
		if i == 0 || x.from > end {
			end = x.from
		}
		if x.until > end {
			sum += x.until - end
			end = x.until
		}
	}
	return sum
}

// LatencyOf reads the quantiles off a histogram: each is the smallest value that
// enough samples do not exceed.
func LatencyOf(h *hdrhistogram.Histogram) result.Latency {
	n := h.TotalCount()
	l := result.Latency{N: n}
	if n == 0 {
		return l
	}
	targets := []struct {
		mille int64
		to    *int64
	}{{500, &l.P50}, {990, &l.P99}, {999, &l.P999}}
	var sum int64
	for _, bar := range h.Distribution() {
		sum += bar.Count
		for len(targets) > 0 && sum*1000 >= n*targets[0].mille {
			*targets[0].to = bar.To
			targets = targets[1:]
		}
	}
	return l
}
