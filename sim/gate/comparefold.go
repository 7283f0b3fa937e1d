package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Units of a row's cells: see [result.CompareRow].
const (
	unitShare     = "share"
	unitRuns      = "runs"
	unitPerSecond = "per-second"
	unitMicros    = "us"
)

const million = 1_000_000

// question is a row: what is counted of each run, and what is said of each kind.
type question struct {
	name, asks, fault, unit string
	// part of whole is what a run comes to. Of runs only part counts, if it is not 0; of
	// a share without a whole nothing can be said. Of the others part is the value.
	part, whole func(*outcome) int64
	least       bool // the worst run is that with the least
	claims      map[string]claim
}

// claim is what tutorials say, and what would have to be measured for it.
type claim struct {
	says   string
	expect expectation
	why    string // what brings it about where it is not so
}

// Why measurements are not what is said.
const (
	whyShared = "two readers of one queue work at the same time, and the later record may be done first; what is delivered again comes later still"
	whyOneWay = "one publisher, one channel and one connection for each subscriber keep an order that nobody promises"
	whyAcks0  = "with acks=0 the producer takes for sent what it has written to a connection, and no broker has said anything"
	whyEarly  = "the reader commits what a poll gave it before it works on it, and passes over the rest when it dies"
	whyAuto   = "with automatic acknowledgement a message is settled when it is sent, before anybody has worked on it"
	whyNobody = "without confirms the producer takes for sent what it has written to a connection that leads nowhere"
	whyMemory = "nothing is durable: what is in a queue goes with the broker, and without confirms so does what is on its way"
)

type expectation uint8

const (
	anything expectation = iota
	all                  // every record
	none                 // no record in any run
	some                 // it comes about
)

// questions are the rows of the ledger.
var questions = slices.Concat([]question{
	{
		name: "retention", asks: "of what was sent, how much can be read when everybody has read it", fault: noFault, unit: unitShare, least: true,
		part: func(o *outcome) int64 { return o.fates.readable }, whole: func(o *outcome) int64 { return o.fates.told },
		claims: map[string]claim{scenario.KindLog: {says: "kept after reading", expect: all}, scenario.KindQueue: {says: "gone once it is acknowledged", expect: none}, scenario.KindPubSub: {says: "no retention", expect: none}},
	},
	{
		name: "replay", asks: "of what was read, how much can be read again from the beginning", fault: noFault, unit: unitShare, least: true,
		part: func(o *outcome) int64 { return o.fates.again }, whole: func(o *outcome) int64 { return o.fates.any },
		claims: map[string]claim{scenario.KindLog: {says: "replay: yes", expect: all}, scenario.KindQueue: {says: "no replay", expect: none}, scenario.KindPubSub: {says: "no replay", expect: none}},
	},
	{
		name: "fan-out", asks: "of what was sent, how much came to every group of readers", fault: noFault, unit: unitShare, least: true,
		part: func(o *outcome) int64 { return o.fates.everywhere }, whole: func(o *outcome) int64 { return o.fates.told },
		claims: map[string]claim{scenario.KindLog: {says: "consumer groups: each reads all", expect: all}, scenario.KindQueue: {says: "a queue for each, bound to a fan-out exchange", expect: all}, scenario.KindPubSub: {says: "every subscriber gets all", expect: all}},
	},
	{
		name: "competing", asks: "of what a group of two shared, how much did both work on", fault: noFault, unit: unitShare,
		part: func(o *outcome) int64 { return o.fates.doubled }, whole: func(o *outcome) int64 { return o.fates.shared },
		claims: map[string]claim{scenario.KindLog: {says: "one consumer of a group for each partition", expect: none}, scenario.KindQueue: {says: "competing consumers share a queue", expect: none}, scenario.KindPubSub: {says: "no competing consumers: every one gets all", expect: some}},
	},
	{
		name: "throughput", asks: "records a second that a reader finished with under the same load", fault: noFault, unit: unitPerSecond, least: true,
		part: func(o *outcome) int64 { return perSecond(o.fates.inLoad, &o.fates) },
	},
	{
		name: "throughput", asks: fmt.Sprintf("records a second that a reader finished with, of %d that were offered: who reaches those can take more", saturatedRate), fault: saturation, unit: unitPerSecond, least: true,
		part: func(o *outcome) int64 { return perSecond(2*o.fates.late, &o.fates) },
	},
	{
		name: "ack p99", asks: "until the producer takes it for sent, 99 % are faster; where nobody acknowledges, that is at once", fault: noFault, unit: unitMicros,
		part: func(o *outcome) int64 { return o.LatencyUS.Ack.P99 },
	},
	{
		name: "end to end p99", asks: "until a reader has finished with it, 99 % are faster", fault: noFault, unit: unitMicros,
		part: func(o *outcome) int64 { return o.LatencyUS.E2E.P99 },
	},
	{
		name: "order, one reader", asks: "of what one reader finished with, how much came behind a later one of its key", fault: noFault, unit: unitShare,
		part: func(o *outcome) int64 { return o.fates.inverted }, whole: func(o *outcome) int64 { return o.fates.finished },
		claims: map[string]claim{scenario.KindLog: {says: "order per partition", expect: none}, scenario.KindQueue: {says: "a queue is first in, first out", expect: none, why: whyShared}, scenario.KindPubSub: {says: "no order guarantee", expect: some, why: whyOneWay}},
	},
	{
		name: "order, two share", asks: "of what two readers shared, how much was finished with behind a later one of its key", fault: noFault, unit: unitShare,
		part: func(o *outcome) int64 { return o.fates.overtaken }, whole: func(o *outcome) int64 { return o.fates.shared },
		claims: map[string]claim{scenario.KindLog: {says: "order per partition", expect: none}, scenario.KindQueue: {says: "a queue is first in, first out", expect: none, why: whyShared}, scenario.KindPubSub: {says: "no order guarantee", expect: some, why: whyOneWay}},
	},
	{
		name: "order, one reader", asks: "the same", fault: consumerCrash, unit: unitShare,
		part: func(o *outcome) int64 { return o.fates.inverted }, whole: func(o *outcome) int64 { return o.fates.finished },
		claims: map[string]claim{scenario.KindLog: {says: "order per partition", expect: none}, scenario.KindQueue: {says: "a queue is first in, first out", expect: none, why: whyShared}, scenario.KindPubSub: {says: "no order guarantee", expect: some, why: whyOneWay}},
	},
}, under(brokerCrash, whyAcks0, claim{"no acknowledged record is lost", none, whyMemory}),
	under(consumerCrash, whyEarly, claim{"it is redelivered to somebody else", none, whyAuto}),
	under(partition5s, whyAcks0, claim{"it waits until it is over", none, whyNobody}))

// perSecond is the rate of each reader that is alone, in thousandths, if all together have
// finished with n records during the load.
func perSecond(n int64, f *fates) int64 {
	if f.loadNS <= 0 || f.readers == 0 {
		return 0
	}
	return int64(float64(n) * 1e12 / float64(f.loadNS) / float64(f.readers))
}

// under are the rows of one fault; why a log may lose something under it, and what is said
// of a queue.
func under(fault, whyLog string, queue claim) []question {
	return []question{
		{
			name: "loss", asks: "runs in which a group has not got what the producer was told is sent", fault: fault, unit: unitRuns,
			part: func(o *outcome) int64 { return o.fates.lost },
			claims: map[string]claim{scenario.KindLog: {says: "durable: nothing is lost", expect: none, why: whyLog}, scenario.KindQueue: queue,
				scenario.KindPubSub: {says: "at most once: who is not there misses it", expect: some}},
		},
		{
			name: "duplicates", asks: "runs in which a reader finished with a record twice", fault: fault, unit: unitRuns,
			part: func(o *outcome) int64 { return o.fates.twice },
			claims: map[string]claim{scenario.KindLog: {says: "at least once: a record may come twice", expect: anything}, scenario.KindQueue: {says: "at least once: a message may come twice", expect: anything},
				scenario.KindPubSub: {says: "at most once: never twice", expect: none}},
		},
		{
			name: "unavailable", asks: "for how long nothing was taken that was due", fault: fault, unit: unitMicros,
			part: func(o *outcome) int64 { return o.Ledger.UnavailableUS },
		},
	}
}

// fold makes the ledger of the runs.
func (p *compared) fold() {
	p.out.V, p.out.Scenario, p.out.Seeds = result.Version, p.Spec.Name, p.Seeds
	p.out.Faults = p.faults
	p.out.Rows = []result.CompareRow{}
	for i := range p.columns {
		p.out.Columns = append(p.out.Columns, p.foldColumn(i))
	}
	for i := range questions {
		if q := &questions[i]; q.applies(p) {
			p.out.Rows = append(p.out.Rows, p.foldRow(q))
		}
	}
}

// applies reports whether there is anything to ask about: two that share, one that is alone.
func (q *question) applies(p *compared) bool {
	if !slices.ContainsFunc(p.faults, func(f result.CompareFault) bool { return f.Name == q.fault }) {
		return false
	}
	switch q.name {
	case "competing", "order, two share":
		return slices.Contains(p.alone, false)
	case "order, one reader", "duplicates", "throughput":
		return slices.Contains(p.alone, true)
	}
	return true
}

func (p *compared) foldColumn(i int) result.CompareColumn {
	x := &p.columns[i]
	c := result.CompareColumn{Kind: x.kind, Like: x.like, Config: x.config, Set: x.settings(), HeldTo: []string{}}
	for j := range p.faults {
		for k := range p.jobs[i][j] {
			o := &p.jobs[i][j][k]
			switch {
			case o.internal != "":
				p.out.Internal = append(p.out.Internal, o.internal)
				continue
			case p.saturated(j):
				continue // it is stopped while records are under way
			case o.Verdict == result.Broken:
				if c.Broken++; c.Repro == "" {
					c.Repro = o.Repro
				}
			case o.Verdict != result.Kept:
				c.Unknown++
			}
			c.HeldTo = o.Promise.Properties
		}
	}
	return c
}

func (p *compared) foldRow(q *question) result.CompareRow {
	row := result.CompareRow{Name: q.name, Question: q.asks, Fault: q.fault, Unit: q.unit, Cells: []result.CompareCell{}, Claims: []result.CompareClaim{}}
	fault := slices.IndexFunc(p.faults, func(f result.CompareFault) bool { return f.Name == q.fault })
	for i := range p.columns {
		row.Cells = append(row.Cells, q.cell(p.jobs[i][fault]))
	}
	for _, kind := range scenario.Kinds() {
		if c, some := q.claims[kind]; some && slices.ContainsFunc(p.columns, func(x column) bool { return x.kind == kind }) {
			x := result.CompareClaim{Kind: kind, Says: c.says, Differs: p.differs(&row, kind, c.expect)}
			if x.Differs != "" {
				x.Why = c.why
			}
			row.Claims = append(row.Claims, x)
		}
	}
	return row
}

// cell measures one cell.
func (q *question) cell(runs []outcome) result.CompareCell {
	c := result.CompareCell{}
	var values []int64
	hits := int64(0)
	for i := range runs {
		o := &runs[i]
		if o.internal != "" {
			continue
		}
		part, value := q.part(o), int64(0)
		switch q.unit {
		case unitShare:
			whole := q.whole(o)
			if whole == 0 {
				continue
			}
			value = part * million / whole
		default:
			value = part
		}
		if part > 0 {
			hits++
		}
		if len(values) == 0 || q.least && value < c.Most || !q.least && value > c.Most {
			c.Most, c.WorstSeed, c.Repro = value, o.Seed, o.Repro
		}
		values = append(values, value)
		c.Total += part
	}
	c.Runs = int64(len(values))
	switch {
	case c.Runs == 0:
	case q.unit == unitRuns:
		c.Value, c.Low, c.High = wilson(hits, c.Runs)
	case q.unit == unitMicros:
		c.Value, c.Low, c.High = median(values)
	default:
		c.Value, c.Low, c.High = mean(values)
	}
	return c
}

// differs says where the measurement is not what is said, and marks the cells.
func (p *compared) differs(row *result.CompareRow, kind string, e expectation) string {
	var list []string
	seen, runs := false, int64(0)
	for i := range p.columns {
		c := &row.Cells[i]
		if p.columns[i].kind != kind {
			continue
		}
		runs += c.Runs
		seen = seen || c.Total > 0
		other := e == all && c.Most < million && c.Runs > 0 || e == none && c.Total > 0
		if other {
			c.Differs = true
			list = append(list, p.columns[i].config)
		}
	}
	if e == some && !seen {
		for i := range p.columns {
			row.Cells[i].Differs = row.Cells[i].Differs || p.columns[i].kind == kind && row.Cells[i].Runs > 0
		}
	}
	switch {
	case len(list) > 0 && e == all:
		return "not all, in " + strings.Join(list, ", ")
	case len(list) > 0:
		return "it was seen, in " + strings.Join(list, ", ")
	case e == some && !seen && runs > 0:
		if runs == 1 {
			return "not seen in the one run"
		}
		return fmt.Sprintf("never seen in %d runs", runs)
	}
	return ""
}

// z is the number of standard deviations within which 95 % of a normal distribution lie.
const z = 1.959964

// wilson is k of n in millionths, with Wilson's interval (1927): unlike the usual one it
// says something where k is 0 or n.
func wilson(k, n int64) (value, low, high int64) {
	f, m := float64(k)/float64(n), float64(n)
	center := (f + z*z/(2*m)) / (1 + z*z/m)
	half := z / (1 + z*z/m) * math.Sqrt(f*(1-f)/m+z*z/(4*m*m))
	low, high = int64(math.Round((center-half)*million)), int64(math.Round((center+half)*million))
	return k * million / n, max(low, 0), min(high, million)
}

// mean is the mean, with the interval in which it lies if means are distributed normally.
func mean(values []int64) (value, low, high int64) {
	n := float64(len(values))
	sum := 0.0
	for _, v := range values {
		sum += float64(v)
	}
	at, square := sum/n, 0.0
	for _, v := range values {
		square += (float64(v) - at) * (float64(v) - at)
	}
	half := 0.0
	if n > 1 {
		half = z * math.Sqrt(square/(n-1)/n)
	}
	return int64(math.Round(at)), max(int64(math.Round(at-half)), 0), int64(math.Round(at + half))
}

// median is the median, between the order statistics that bound it with 95 % whatever the
// distribution is.
func median(values []int64) (value, low, high int64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	away := int(math.Ceil(z / 2 * math.Sqrt(float64(n))))
	return sorted[n/2], sorted[max(n/2-away, 0)], sorted[min(n/2+away, n-1)]
}
