package scenario

import (
	"cmp"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// Nodes that no schedule can name: their numbers are above those of all others,
// so that a scenario with a client more draws the same for them.
const (
	adminID     = 900_001
	finalReadID = 900_002
)

// clients are the services of the scenario, in the lives that they are in.
type clients struct {
	producers  []*workloads.Producer // by Spec.Producers
	readers    []*workloads.Reader   // by Spec.Readers; nil for a member of a group
	members    []*workloads.Member   // by Spec.Readers; nil for any other
	groups     []*consumerGroup
	writers    []*workloads.Writer    // by Spec.Producers; nil for those without transactions
	processors []*workloads.Processor // by Spec.Processors
	bulk       bulkClients            // instead, if Spec.Bulk is set
	topics     *workloads.Operator[*client.Admin]
	recreator  *workloads.Operator[*client.Recreator] // nil if no topic is recreated
	trimmer    *workloads.Operator[*client.Trimmer]   // nil if no records are deleted
	grower     *workloads.Operator[*client.Grower]    // nil if no topic grows
	remover    *workloads.GroupOperator               // nil if no group is deleted
	dumper     *workloads.Dumper                      // nil before the final read
	offsets    *workloads.GroupOperator               // same, and where there are no groups
}

// loadFrom is when the first records are due. It is an instant of the run, not
// the one at which the topics exist: then what is due would hang on how long
// their creation took, and no two runs that differ in a fault could be compared.
// A record that is due before its topic exists waits, and its latency counts.
func loadFrom(length time.Duration) machine.Instant {
	return machine.Instant(min(200*time.Millisecond, length/5))
}

// newClients adds the services to the world, and who creates their topics.
func newClients(r *run) *clients {
	c := &clients{producers: make([]*workloads.Producer, len(r.Spec.Producers)), readers: make([]*workloads.Reader, len(r.Spec.Readers))}
	c.members, c.groups = make([]*workloads.Member, len(c.readers)), r.consumerGroups()
	c.writers, c.processors = make([]*workloads.Writer, len(c.producers)), make([]*workloads.Processor, len(r.Spec.Processors))
	nodes := r.Spec.clientNodes()
	addProducer, addReader := c.addProducer, c.addReader
	if r.Spec.Bulk != nil {
		addProducer, addReader = c.addBulkProducer, c.addBulkReader
		c.bulk.producers, c.bulk.readers = make([]*workloads.BulkProducer, len(c.producers)), make([]*workloads.BulkReader, len(c.readers))
	}
	for i := range c.producers {
		addProducer(r, i, nodes[i])
	}
	for i := range c.readers {
		addReader(r, i, nodes[len(c.producers)+i])
	}
	for i := range c.processors {
		c.addProcessor(r, i, nodes[len(c.producers)+len(c.readers)+i])
	}
	c.topics = workloads.Operate(client.NewAdmin(r.operator("admin"), r.newTopics()))
	r.sim.Add(sim.NodeConfig{Name: "admin", ID: adminID, Boot: func() machine.Machine { return c.topics }})
	c.addMover(r)
	c.addRecreator(r)
	c.addTrimmer(r)
	c.addGrower(r)
	c.addRemover(r)
	return c
}

// operator is what a client is made of that changes something of the cluster.
func (r *run) operator(name string) client.AdminConfig {
	return client.AdminConfig{Name: name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Consumer("")}
}

func (r *run) newTopics() []client.NewTopic {
	var list []client.NewTopic
	for _, t := range r.Spec.Topics {
		x := client.NewTopic{Name: t.Name, Partitions: t.Partitions, Replication: t.Replication}
		for _, o := range r.set.TopicOverrides(t.Name) {
			x.Configs = append(x.Configs, client.TopicConfig(o))
		}
		list = append(list, x)
	}
	return list
}

func (c *clients) addProducer(r *run, i int, node nodeName) {
	spec := &r.Spec.Producers[i]
	if spec.Transactions.Records > 0 {
		c.addWriter(r, i, node)
		return
	}
	cfg := workloads.ProducerConfig{
		ID: int32(node.id), Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Producer(spec.Name),
		Topic: spec.Topic, Parts: int32(len(r.topology.of([]string{spec.Topic}))),
		Arrivals: spec.arrivals(), Keys: spec.Keys, Sizes: spec.Sizes, FirstSequence: spec.FirstSequence,
		Tombstones: r.set.Topic(spec.Topic).CleanupPolicy.Compact,
		From:       r.Spec.loadFrom(), Until: machine.Instant(r.Spec.For),
		ForkAt: machine.Instant(r.Fork.At), ForkSeed: r.Fork.Seed,
		Recorder: r.rec, TPs: r.topology.number, Failpoints: r.cluster.set(node.id),
	}
	c.addNode(r, node, &Machine{}, func(life uint32) machine.Machine {
		cfg.Life = life
		c.producers[i] = workloads.NewProducer(cfg)
		return c.producers[i]
	})
}

// addNode adds the node of a client, of which boot makes each life.
func (c *clients) addNode(r *run, node nodeName, on *Machine, boot func(life uint32) machine.Machine) {
	lives := uint32(0)
	r.sim.Add(on.on(sim.NodeConfig{Name: node.name, ID: node.id, Boot: func() machine.Machine {
		lives++
		return boot(lives - 1)
	}}))
}

// publisher is what a run asks of a producer.
type publisher interface {
	Pending() int64 // records that are due and have no outcome yet
	Done() bool     // and nothing will be due any more
}

func (c *clients) publisher(i int) publisher {
	if len(c.bulk.producers) > 0 {
		return c.bulk.producers[i]
	}
	if w := c.writers[i]; w != nil {
		return w
	}
	return c.producers[i]
}

// position is the offset below which a reader has processed a partition; -1 while
// there is none.
func (c *clients) position(i int, tp wire.TP) int64 {
	if len(c.bulk.readers) > 0 {
		return c.bulk.readers[i].Position(tp)
	}
	return c.readers[i].Position(tp)
}

// through reports whether a reader has nothing left to do below an offset.
func (c *clients) through(i int, tp wire.TP, offset int64) bool {
	if len(c.bulk.readers) > 0 {
		return c.bulk.readers[i].Position(tp) >= offset
	}
	return c.readers[i].Through(tp, offset)
}

func (c *clients) addReader(r *run, i int, node nodeName) {
	if r.groupID(i) != "" {
		c.addMember(r, i, node)
		return
	}
	spec := &r.Spec.Readers[i]
	cfg := workloads.ReaderConfig{
		ID: int32(node.id), Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Consumer(spec.Name),
		Partitions: r.share(i), Work: spec.Work, Settle: spec.Settle,
		Commit: commits[r.Spec.Log.Commit], CommitEvery: cmp.Or(r.Spec.Log.CommitEvery, commitEvery),
		From: max(machine.Instant(spec.From), r.Spec.readFrom()), Replay: machine.Instant(spec.Replay), Uncommitted: r.uncommitted(spec.Name),
		Recorder: r.rec, TPs: r.topology.number, Failpoints: r.cluster.set(node.id),
	}
	cfg.Paused.From, cfg.Paused.Until = machine.Instant(spec.Pause.From), machine.Instant(spec.Pause.From+spec.Pause.For)
	c.addNode(r, node, &Machine{}, func(life uint32) machine.Machine {
		cfg.Life = life
		c.readers[i] = workloads.NewReader(cfg)
		return c.readers[i]
	})
}

// addDumper adds the final read, which begins at once.
func (c *clients) addDumper(r *run) {
	c.dumper = workloads.NewDumper(workloads.DumperConfig{
		ID: finalReadID, Name: "final-read", Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.set.Consumer(""),
		Partitions: r.topology.tps, From: r.sim.Now(), Batches: r.Spec.transactional(), Recorder: r.rec, TPs: r.topology.number,
	})
	r.sim.Add(sim.NodeConfig{Name: "final-read", ID: finalReadID, Boot: func() machine.Machine { return c.dumper }})
}
