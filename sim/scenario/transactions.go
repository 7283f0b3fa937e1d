package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads"
	"brokersim/workloads/client"
	"brokersim/workloads/fields"
)

// Transactions is how a producer writes in transactions: at most so many records in each; of
// so many one is aborted on purpose, 0 is none, when its records are in the log, or AtOnce;
// and each is open for so long at least. No Records are no transactions.
type Transactions struct {
	Records    int
	AbortOneIn int64
	AtOnce     bool
	Hold       time.Duration
}

// Processor is a service that reads whole topics in a group, and makes of each record one of
// another topic, with exactly-once semantics: what it writes, and how far it has read, are of
// one transaction for each poll, which is open for Hold at least.
type Processor struct {
	Name   string
	Topics []string
	Output string
	Node   uint32        // its number; 0: by its place in the file
	Work   time.Duration // for one record
	Hold   time.Duration
	From   time.Duration // when it first begins
}

func (p *reader) transactions(t *Transactions) fields.Take {
	return func(n ast.Node) {
		t.Records = 1
		p.Fields(n, "transactions", fields.Fields{
			"records":      p.Number(func(n int64) { t.Records = int(n) }, 1, 100_000),
			"abort_one_in": p.Number(func(n int64) { t.AbortOneIn = n }, 1, 1_000_000),
			"at_once":      p.Bool(&t.AtOnce),
			"hold":         p.Duration(&t.Hold, 0, maxFor),
		})
	}
}

func (p *reader) processor(s *Spec, name string, at, n ast.Node) {
	r, members, outputAt := Processor{Name: name}, int64(0), at
	p.client(name, at)
	p.Fields(n, "processor "+name, fields.Fields{
		"topics": p.List(&r.Topics, func(topic string, at ast.Node) {
			p.Later(func() { p.topicOf(s, "processor "+name, topic, at) })
		}),
		"output":  fields.Both(func(n ast.Node) { outputAt = n }, p.Text(&r.Output)),
		"work":    p.Duration(&r.Work, 0, time.Minute),
		"hold":    p.Duration(&r.Hold, 0, maxFor),
		"from":    p.Duration(&r.From, 0, maxFor),
		"members": p.Number(func(n int64) { members = n }, 1, maxMembers),
	})
	p.Later(func() {
		p.topicOf(s, "processor "+name, r.Output, outputAt)
		switch {
		case len(r.Topics) == 0:
			p.Fail(at, "processor %s: topics are missing", name)
		case slices.Contains(r.Topics, r.Output):
			p.Fail(outputAt, "processor %s: output %s: it would read what it writes", name, r.Output)
		case r.From > s.For:
			p.Fail(at, "processor %s: from must lie in the %v of the load", name, s.For)
		case !s.log():
			p.Fail(at, "processor %s: only a log has transactions", name)
		case slices.Contains(s.clientNames()[:len(s.Producers)+len(s.Readers)], name):
			p.Fail(at, "%s is a producer or a reader, too: faults could not tell them apart", name)
		}
	})
	if members == 0 {
		s.Processors = append(s.Processors, r)
	}
	for i := range members {
		r.Name = fmt.Sprintf("%s-%d", name, i+1)
		s.Processors = append(s.Processors, r)
	}
}

// transactional reports whether there are transactions in a run of the scenario.
func (s *Spec) transactional() bool {
	return len(s.Processors) > 0 || slices.ContainsFunc(s.Producers, func(p Producer) bool { return p.Transactions.Records > 0 })
}

// transactionVersion is the level of the feature where there are transactions.
func (s *Spec) transactionVersion() int16 {
	switch {
	case !s.transactional():
		return 0
	case s.TransactionVersion == 0:
		return 2
	}
	return s.TransactionVersion
}

// assumed are settings beneath all others, which who writes in transactions, and who
// processes, cannot do without: a transactional.id of its own, the group of all processors
// that differ in a number alone, and no commits beside the transactions.
func (s *Spec) assumed() config.Layer {
	l := config.Layer{Source: s.File}
	set := func(key, value string) { l.Entries = append(l.Entries, config.Entry{Key: key, Value: value}) }
	for _, p := range s.Producers {
		if p.Transactions.Records > 0 {
			set("producer."+p.Name+".transactional.id", p.Name)
		}
	}
	for _, p := range s.Processors {
		set("producer."+p.Name+".transactional.id", p.Name)
		set("consumer."+p.Name+".group.id", strings.TrimRight(strings.TrimRight(p.Name, "0123456789"), "-"))
		set("consumer."+p.Name+".enable.auto.commit", "false")
	}
	return l
}

// checkTransactions finds what is wrong with the settings of those who have transactions.
func (p *plan) checkTransactions() error {
	for i := range p.Spec.Producers {
		x := &p.Spec.Producers[i]
		id := p.set.Producer(x.Name).TransactionalID
		switch {
		case x.Transactions.Records == 0 && id != "":
			return fmt.Errorf("producer %s: transactional.id=%s, but it writes in no transactions: transactions: {records: 1}", x.Name, id)
		case x.Transactions.Records > 0 && !p.Spec.log():
			return fmt.Errorf("producer %s: only a log has transactions", x.Name)
		case x.Transactions.Records > 0 && id == "":
			return fmt.Errorf("producer %s: transactions without a transactional.id", x.Name)
		}
	}
	for i := range p.Spec.Processors {
		x := &p.Spec.Processors[i]
		set := p.set.Consumer(x.Name)
		switch {
		case p.set.Producer(x.Name).TransactionalID == "" || set.GroupID == "":
			return fmt.Errorf("processor %s: needs a transactional.id and a group.id", x.Name)
		case set.EnableAutoCommit:
			return fmt.Errorf("processor %s: enable.auto.commit=true: its positions are committed with its transactions", x.Name)
		}
	}
	return nil
}

// txnSettings adds what the checker must know of those who have transactions.
func (p *plan) txnSettings(s *history.Settings) {
	differ := false
	for _, name := range p.transactionalServices() {
		timeout := p.set.Producer(name).TransactionTimeout.Milliseconds()
		differ = differ || s.Txn && timeout != s.TxnTimeout
		s.Txn, s.TxnTimeout = true, timeout
	}
	if differ {
		s.TxnTimeout = 0
	}
	for i := range p.Spec.Readers {
		if p.set.Consumer(p.Spec.Readers[i].Name).IsolationLevel == readCommitted {
			s.Iso = "rc"
		}
	}
	for i := range p.Spec.Processors {
		set := p.set.Consumer(p.Spec.Processors[i].Name)
		if set.IsolationLevel == readCommitted {
			s.Iso = "rc"
		}
		s.Sub = "subscribe"
		if at := protocolOf(set); s.Protocol == "" || at == "eager" {
			s.Protocol = at
		}
	}
}

const readCommitted = "read_committed"

// uncommitted has polls of a consumer say that they are of all records, where the history
// takes those that say nothing for polls of committed ones.
func (r *run) uncommitted(name string) bool {
	return r.header.Set.Iso == "rc" && r.set.Consumer(name).IsolationLevel != readCommitted
}

// alone reports whether nobody else has the transactional.id of a service.
func (p *plan) alone(name string) bool {
	n, id := 0, p.set.Producer(name).TransactionalID
	for _, x := range p.transactionalServices() {
		if p.set.Producer(x).TransactionalID == id {
			n++
		}
	}
	return n == 1
}

// transactionalServices are the names of those who have transactions.
func (p *plan) transactionalServices() (names []string) {
	for i := range p.Spec.Producers {
		if p.Spec.Producers[i].Transactions.Records > 0 {
			names = append(names, p.Spec.Producers[i].Name)
		}
	}
	for i := range p.Spec.Processors {
		names = append(names, p.Spec.Processors[i].Name)
	}
	return names
}

func (s *Spec) processorNode(i int) uint32 {
	if n := s.Processors[i].Node; n != 0 {
		return n
	}
	return uint32(firstClient + len(s.Producers) + len(s.Readers) + i)
}

// addWriter adds a producer that writes in transactions.
func (c *clients) addWriter(r *run, i int, node nodeName) {
	spec := &r.Spec.Producers[i]
	cfg := workloads.WriterConfig{
		Load: workloads.Load{
			ID: int32(node.id), Name: node.name, Seed: r.Seed, Arrivals: spec.arrivals(), Keys: spec.Keys, Sizes: spec.Sizes,
			From: r.Spec.loadFrom(), Until: machine.Instant(r.Spec.For), ForkAt: machine.Instant(r.Fork.At), ForkSeed: r.Fork.Seed,
		},
		Bootstrap: r.cluster.bootstrap(), Settings: r.set.Producer(spec.Name), Topic: spec.Topic,
		Records: spec.Transactions.Records, AbortOneIn: uint64(spec.Transactions.AbortOneIn), AbortAtOnce: spec.Transactions.AtOnce, Hold: spec.Transactions.Hold,
		Alone: r.alone(spec.Name), Tombstones: r.set.Topic(spec.Topic).CleanupPolicy.Compact,
		Recorder: r.rec, TPs: r.topology.number, Failpoints: r.cluster.set(node.id),
	}
	c.addNode(r, node, &Machine{}, func(life uint32) machine.Machine {
		cfg.Life = life
		c.writers[i] = workloads.NewWriter(cfg)
		return c.writers[i]
	})
}

func (c *clients) addProcessor(r *run, i int, node nodeName) {
	spec := &r.Spec.Processors[i]
	cfg := workloads.ProcessorConfig{
		ID: int32(node.id), Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(),
		Consumer: r.set.Consumer(spec.Name), Producer: r.set.Producer(spec.Name),
		Topics: spec.Topics, Input: r.topology.of(spec.Topics), Output: spec.Output, Work: spec.Work, Hold: spec.Hold,
		From:  max(machine.Instant(spec.From), r.Spec.readFrom()),
		Alone: r.alone(spec.Name), Uncommitted: r.uncommitted(spec.Name),
		Recorder: r.rec, TPs: r.topology.number, Failpoints: r.cluster.set(node.id),
	}
	c.addNode(r, node, &Machine{}, func(life uint32) machine.Machine {
		cfg.Life = life
		c.processors[i] = workloads.NewProcessor(cfg)
		return c.processors[i]
	})
}

// processorGroups are the groups of processors, and what they read.
func (r *run) processorGroups() (list []client.GroupErrand) {
	for i := range r.Spec.Processors {
		x := &r.Spec.Processors[i]
		id := r.set.Consumer(x.Name).GroupID
		if !slices.ContainsFunc(list, func(g client.GroupErrand) bool { return g.Group == id }) {
			list = append(list, client.GroupErrand{Group: id, Read: r.topology.of(x.Topics)})
		}
	}
	return list
}

// unprocessed is what the groups of processors have still to do.
func (r *run) unprocessed() (list []string) {
	for _, g := range r.processorGroups() {
		if slices.ContainsFunc(r.Spec.Processors, func(x Processor) bool {
			return r.set.Consumer(x.Name).GroupID == g.Group && r.waitsForForgotten(x.Name)
		}) {
			continue
		}
		for _, tp := range g.Read {
			end := r.goal(r.Spec.Processors[0].Name, tp)
			through := slices.ContainsFunc(r.clients.processors, func(p *workloads.Processor) bool { return p != nil && p.Through(tp, end) })
			if !through {
				list = append(list, fmt.Sprintf("nobody of group %s has processed %v up to its end, offset %d", g.Group, tp, end))
			}
		}
	}
	return list
}

// internalPartitions are those that coordinators lead.
func (p *plan) internalPartitions() (list []wire.TP) {
	s := p.set.Broker()
	for i := range s.OffsetsTopicNumPartitions {
		list = append(list, wire.TP{Topic: coordinator.Offsets, Partition: i})
	}
	for i := range s.TransactionLogNumPartitions {
		list = append(list, wire.TP{Topic: coordinator.Transactions, Partition: i})
	}
	return list
}

// internalNames are what schedules may call the partitions that coordinators lead: as many as
// there are by default.
func internalNames() (names []string) {
	const most = 50
	for _, topic := range []string{coordinator.Offsets, coordinator.Transactions} {
		for i := range int32(most) {
			names = append(names, wire.TP{Topic: topic, Partition: i}.String())
		}
	}
	return names
}

// partition is one that a schedule names.
func (r *run) partition(name string) (wire.TP, bool) {
	if tp, ok := r.topology.parse(name); ok {
		return tp, true
	}
	for _, tp := range r.internalPartitions() {
		if tp.String() == name {
			return tp, true
		}
	}
	return wire.TP{}, false
}

// The roles of coordinators: of the first group, and of the first transactional.id.
const (
	groupCoordinatorRole = "coordinator"
	txnCoordinatorRole   = "txn-coordinator"
)

// coordinates is the partition whose leader has such a role; not ok if there is none.
func (p *plan) coordinates(role string) (tp wire.TP, ok bool) {
	s := p.set.Broker()
	switch role {
	case groupCoordinatorRole:
		for i := range p.Spec.Processors {
			id := p.set.Consumer(p.Spec.Processors[i].Name).GroupID
			return wire.TP{Topic: coordinator.Offsets, Partition: coordinator.PartitionFor(id, s.OffsetsTopicNumPartitions)}, true
		}
		for i := range p.Spec.Readers {
			if id := p.set.Consumer(p.Spec.Readers[i].Name).GroupID; id != "" {
				return wire.TP{Topic: coordinator.Offsets, Partition: coordinator.PartitionFor(id, s.OffsetsTopicNumPartitions)}, true
			}
		}
	case txnCoordinatorRole:
		for _, name := range p.transactionalServices() {
			id := p.set.Producer(name).TransactionalID
			return wire.TP{Topic: coordinator.Transactions, Partition: coordinator.PartitionFor(id, s.TransactionLogNumPartitions)}, true
		}
	}
	return tp, false
}
