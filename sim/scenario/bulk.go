package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/bulk"
	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// Bulk makes the clients of a scenario those of a load that is measured by the
// second: their records go into no history, and are judged by checker/bulk.
type Bulk struct {
	From time.Duration // the first records are due
	Warm time.Duration // from then on, until the load ends, counts
	// Limits are the latencies that are counted against.
	Limits measure.Limits
	// Hopeless is how many records may be due and have no outcome: the load ends at the
	// first second of those that count after which there are more. 0 is any number.
	Hopeless int64
	// Machines are what the nodes run on; nil is without any bound.
	Machines *Machines
}

// Loaded is what a bulk load came to.
type Loaded struct {
	Sums    measure.Sums
	Batches int64 // Produce batches that were acknowledged in the window
	Marks   []Mark
	AtRest  bool    // every record had its outcome and was read by every group
	GivenUp bool    // the load was [Bulk.Hopeless]: its window ends early
	Usage   []Usage // At is the length of the window
	Ways    []Way   // of the records that were followed
}

// Role is what a node of a load is there for.
type Role uint8

// The roles.
const (
	ABroker Role = iota
	AProducer
	AReader
)

// Usage is what the hardware of a node did in the window.
type Usage struct {
	Node string
	Role Role
	sim.Usage
}

// Look is what somebody wants to see of a load beside what it comes to.
type Look struct {
	Each func(*measure.Interval) // every interval of a second, as it ends
	// Follow has every so many-th record followed; 0 is none.
	Follow uint64
}

// Mark is a moment at which the cluster became another.
type Mark struct {
	At   machine.Instant
	What string
}

// interval is how often a load is measured.
const interval = time.Second

// Load makes one run of a scenario with a bulk load, as [Run] does of any other. The
// verdict is that on the records: a load that was too much and has not been read to its end in
// time has lost nothing that was looked at.
func Load(c Case, look Look) (result.Result, Loaded) {
	p, err := c.plan()
	if err == nil && p.Spec.Bulk == nil {
		err = fmt.Errorf("%s: has no bulk load", p.Spec.Name)
	}
	if err != nil {
		return refused(c, err), Loaded{}
	}
	r := newRun(p)
	l := r.load
	l.each = look.Each
	if look.Follow > 0 {
		l.ways = r.follow(look.Follow)
	}
	r.sim.At(machine.Instant(p.Spec.Bulk.Warm), func() { l.before = l.usage() })
	l.play()
	return l.result()
}

// underLoad is a bulk load under way. It is the witness of its clients.
type underLoad struct {
	r       *run
	ledger  *bulk.Ledger
	window  *measure.Window
	overdue int64 // records that are due and have no outcome
	batches int64
	marks   []Mark
	was     state
	atRest  bool
	givenUp bool
	each    func(*measure.Interval)

	ways          *ways // nil: nobody is followed
	before, after []Usage
}

// usage is what all nodes have done so far.
func (l *underLoad) usage() (list []Usage) {
	s := l.r.Spec
	for i, n := range s.nodes() {
		role := ABroker
		switch {
		case i < s.Brokers:
		case i < s.Brokers+s.controllers():
			continue
		case i < s.Brokers+s.controllers()+len(s.Producers):
			role = AProducer
		default:
			role = AReader
		}
		list = append(list, Usage{n.name, role, l.r.sim.Usage(n.name)})
	}
	return list
}

// used is what they have done in the window.
func (l *underLoad) used() (list []Usage) {
	for i := range l.before {
		if i < len(l.after) {
			x := l.after[i]
			x.Usage = x.Usage.Since(l.before[i].Usage)
			x.At = machine.Instant(l.after[i].At - l.before[i].At)
			list = append(list, x)
		}
	}
	return list
}

func newLoad(r *run) *underLoad {
	b := r.Spec.Bulk
	var producers []string
	for _, p := range r.Spec.Producers {
		producers = append(producers, p.Name)
	}
	l := &underLoad{r: r, ledger: bulk.New(producers, r.Spec.groups(), r.header.TPs)}
	l.window = measure.NewWindow(int64(b.Warm), int64(r.Spec.For), b.Limits, func(i *measure.Interval) {
		if l.each != nil {
			l.each(i)
		}
	})
	r.sim.At(machine.Instant(b.From), l.tick)
	return l
}

// tick ends an interval and begins the next.
func (l *underLoad) tick() {
	now := l.r.sim.Now()
	l.window.Close(int64(now), l.overdue, l.ledger.Behind(), int64(l.was.underReplicated))
	switch b := l.r.Spec.Bulk; {
	case now >= machine.Instant(l.r.Spec.For):
	case b.Hopeless > 0 && l.overdue > b.Hopeless && now > machine.Instant(b.Warm):
		l.givenUp = true
		l.r.sim.Stop()
	default:
		l.r.sim.At(now.Add(interval), l.tick)
	}
}

// play lets the load happen, and what is under way come to its end. Nothing is healed:
// whoever is down stays down, so that a load on one broker less is that to the end.
func (l *underLoad) play() {
	r := l.r
	defer r.blame()
	if r.runTo(machine.Instant(r.Spec.For)); r.stopped {
		return
	}
	if r.healed, l.after = r.sim.Now(), l.usage(); l.givenUp {
		return
	}
	for _, p := range r.clients.bulk.producers {
		p.GiveUp()
	}
	l.atRest = len(r.waitFor(l.open)) == 0
}

// open is what the clients have still to be told.
func (l *underLoad) open() []string {
	r := l.r
	if list := r.openOfClients(); len(list) > 0 {
		return list
	}
	return r.unreadByAll()
}

// result is what the run came to.
func (l *underLoad) result() (result.Result, Loaded) {
	r := l.r
	res := r.result()
	res.Promise.Properties = slices.DeleteFunc(res.Promise.Properties, func(name string) bool { return !slices.Contains(bulk.Properties(), name) })
	res.Ledger, res.Findings = l.ledger.Finish(res.Promise.Properties, l.atRest)
	sums := l.window.Sums()
	res.LatencyUS = result.Latencies{Ack: measure.LatencyOf(sums.Ack), E2E: measure.LatencyOf(sums.E2E)}
	res.Verdict = result.Overall(res.Findings)
	switch {
	case len(res.Audits) > 0:
		res.Verdict = result.Broken
	case r.stopped:
		r.noVerdict(&res)
	}
	res.Exit = res.Verdict.Exit()
	return res, Loaded{Sums: sums, Batches: l.batches, Marks: l.marks, AtRest: l.atRest, GivenUp: l.givenUp, Usage: l.used(), Ways: l.ways.list()}
}

// Due is told of records that are due.
func (l *underLoad) Due(n int64) {
	l.overdue += n
	l.window.Due(n)
}

// Sent is told of a record that a client has taken.
func (l *underLoad) Sent(by int, due, sent machine.Instant) uint64 {
	return l.ledger.Sent(by, int64(due), int64(sent))
}

// Died is told of the death of a producer.
func (l *underLoad) Died(by int) {
	before := l.ledger.Pending()
	l.ledger.Died(by)
	l.overdue -= before - l.ledger.Pending()
}

// Settled is told of the outcome of a batch.
func (l *underLoad) Settled(by int, now machine.Instant, x *client.Result) {
	tp := int(l.r.topology.number(x.TP))
	l.overdue -= int64(len(x.Records))
	if now >= machine.Instant(l.r.Spec.Bulk.Warm) && x.Outcome == client.Acked {
		l.batches++
	}
	for i := range x.Records {
		n := uint64(x.Records[i].Ticket)
		switch x.Outcome {
		case client.Rejected:
			l.ledger.Rejected(by, n)
		case client.Unknown:
			l.ledger.Unknown(by, n)
		default:
			offset := int64(-1)
			if x.Base >= 0 {
				offset = x.Base + int64(i)
			}
			due, sent := l.ledger.Acked(by, n, tp, offset)
			l.window.Acked(int64(now), due, sent)
			if l.ways.follows(n) {
				l.ways.ackedAt(by, n, now, machine.Instant(due))
			}
		}
	}
}

// Read is told of a record that a group has done with.
func (l *underLoad) Read(group int, now machine.Instant, tp wire.TP, offset int64, by int, n uint64) {
	if due, first := l.ledger.Read(group, int(l.r.topology.number(tp)), offset, by, n); first {
		l.window.Read(int64(now), due)
		if l.ways.follows(n) {
			l.ways.readAt(by, n, now)
		}
	}
}

// bulkClients are those of a bulk load, in the lives that they are in.
type bulkClients struct {
	producers []*workloads.BulkProducer
	readers   []*workloads.BulkReader
}

func (c *clients) addBulkProducer(r *run, i int, node nodeName) {
	spec := &r.Spec.Producers[i]
	cfg := workloads.BulkProducerConfig{
		Place: i, Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Producer(spec.Name),
		Topic: spec.Topic, Arrivals: spec.arrivals(), Keys: spec.Keys, Sizes: spec.Sizes,
		From: machine.Instant(r.Spec.Bulk.From), Until: machine.Instant(r.Spec.For),
		Failpoints: r.cluster.set(node.id),
	}
	c.addNode(r, node, &r.Spec.machines().Producer, func(life uint32) machine.Machine {
		cfg.Life, cfg.Witness = life, r.load
		c.bulk.producers[i] = workloads.NewBulkProducer(cfg, c.bulk.producers[i])
		return c.bulk.producers[i]
	})
}

func (c *clients) addBulkReader(r *run, i int, node nodeName) {
	spec := &r.Spec.Readers[i]
	cfg := workloads.BulkReaderConfig{
		Group: slices.Index(r.Spec.groups(), spec.group()), Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Consumer(spec.Name),
		Partitions: r.share(i), Work: spec.Work, Wake: spec.Wake, Failpoints: r.cluster.set(node.id),
	}
	c.addNode(r, node, &r.Spec.machines().Reader, func(life uint32) machine.Machine {
		cfg.Life, cfg.Witness = life, r.load
		c.bulk.readers[i] = workloads.NewBulkReader(cfg, c.bulk.readers[i])
		return c.bulk.readers[i]
	})
}

// state is what marks are made of.
type state struct {
	alive           []int32
	leaderless      int
	underReplicated int
}

// mark notes what has changed in the metadata that are committed.
func (l *underLoad) mark() {
	n := l.r.cluster.controller()
	if n == nil || !n.Active() {
		return
	}
	im := n.Image()
	now := state{alive: im.AliveBrokers()}
	for _, tp := range l.r.topology.tps {
		p := im.Partition(tp.Topic, tp.Partition)
		if p == nil {
			return // the topics are being created
		}
		if p.Leader < 0 {
			now.leaderless++
		}
		if len(p.ISR) < len(p.Replicas) {
			now.underReplicated++
		}
	}
	was := l.was
	l.was = now
	for _, b := range was.alive {
		if !slices.Contains(now.alive, b) {
			l.say("%s fenced", brokerName(b))
			if now.leaderless == 0 { // what it led is led by others in the same moment
				l.say("leaders elected")
			}
		}
	}
	for _, b := range now.alive {
		if len(was.alive) > 0 && !slices.Contains(was.alive, b) {
			l.say("%s back", brokerName(b))
		}
	}
	switch {
	case was.leaderless > 0 && now.leaderless == 0:
		l.say("leaders elected")
	case was.leaderless == 0 && now.leaderless > 0:
		l.say("%d partitions without a leader", now.leaderless)
	}
	switch {
	case was.underReplicated > 0 && now.underReplicated == 0:
		l.say("ISR whole")
	case was.underReplicated == 0 && now.underReplicated > 0:
		l.say("ISR shrinks")
	}
}

func (l *underLoad) say(format string, args ...any) {
	l.marks = append(l.marks, Mark{l.r.sim.Now(), fmt.Sprintf(format, args...)})
}

// told makes a mark of a step of the schedule.
func (l *underLoad) told(text string) {
	if !strings.HasPrefix(text, "#") {
		l.say("%s", text)
	}
}
