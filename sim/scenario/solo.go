package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	logwire "brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/pubsub"
	pubsubwire "brokersim/broker/pubsub/wire"
	"brokersim/broker/queue"
	queuewire "brokersim/broker/queue/wire"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// solo is the one broker of a scenario whose kind is not the log, and its services.
type solo struct {
	r      *run
	name   string
	points *failpoint.Set

	queue      *queue.Broker // of a queue: in the life that it is in
	lives      uint32
	publishers []*workloads.Publisher
	receivers  []*workloads.Receiver
	drains     []*workloads.Drain
}

const (
	soloID     = 1
	amqpPort   = 5672
	redisPort  = 6379
	drainID    = 900_010 // of the first group; no schedule can name these
	mostWaits  = 100     // of records in a subscriber that is too slow: go-redis's channel size
	restingFor = 500 * time.Millisecond
	quietFor   = 300 * time.Millisecond
)

// newSolo adds the broker and the services to the world.
func newSolo(r *run) *solo {
	s := &solo{r: r, name: brokerName(soloID)}
	r.solo = s
	r.cluster = &cluster{r: r, opaque: true} // nobody looks into the broker: what clients see is all
	r.sim.After = s.after
	s.points = r.cluster.set(soloID)
	r.sim.Add(r.Spec.machines().Broker.on(sim.NodeConfig{Name: s.name, ID: soloID, Listeners: []string{s.address()}, Boot: s.boot}))
	nodes := r.Spec.nodes()[1:]
	s.publishers = make([]*workloads.Publisher, len(r.Spec.Producers))
	for i := range r.Spec.Producers {
		s.addPublisher(i, nodes[i])
	}
	s.receivers = make([]*workloads.Receiver, len(r.Spec.Readers))
	for i := range r.Spec.Readers {
		s.addReceiver(i, nodes[len(s.publishers)+i])
	}
	return s
}

func (s *solo) isQueue() bool { return s.r.Spec.Kind == KindQueue }

func (s *solo) address() string {
	port := redisPort
	if s.isQueue() {
		port = amqpPort
	}
	return fmt.Sprintf("%s:%d", s.name, port)
}

// boot begins a life of the broker.
func (s *solo) boot() machine.Machine {
	if !s.isQueue() {
		return pubsub.NewBroker(pubsub.Config{Output: s.r.Spec.PubSub.Output, Failpoints: s.points})
	}
	cfg := queue.Config{Name: s.name, Seed: s.r.Seed, Life: s.lives, Failpoints: s.points}
	if s.r.Spec.Profile == "short" {
		cfg.Settings.Heartbeat, cfg.Settings.HandshakeTimeout = shortHeartbeat, shortAnswer
	}
	s.lives++
	s.queue = queue.New(cfg)
	return s.queue
}

// err is why the broker has given up.
func (s *solo) err() error {
	if s.queue != nil {
		return s.queue.Err()
	}
	return nil
}

// after has whoever watches see the step that a node has made.
func (s *solo) after(node int) {
	if s.r.Watch == nil {
		return
	}
	s.r.observing = true
	s.r.show(node)
	s.r.observing = false
}

// What the profile named short is for clients of these kinds: the time-outs of hours and
// minutes in the proportion of those of seconds.
const (
	shortHeartbeat = 2 * time.Second
	shortConnect   = 400 * time.Millisecond
	shortAnswer    = 600 * time.Millisecond
	shortReconnect = 20 * time.Millisecond
	shortLongest   = 400 * time.Millisecond
)

func (s *solo) amqp(name string, life uint32) client.AMQPConfig {
	cfg := client.AMQPConfig{Name: name, Life: life, Seed: s.r.Seed, Addrs: []string{s.address()}}
	if s.r.Spec.Profile == "short" {
		cfg.Heartbeat, cfg.ConnectTimeout, cfg.Handshake = shortHeartbeat, shortConnect, shortAnswer
		cfg.Reconnect, cfg.ReconnectMax = shortReconnect, shortLongest
	}
	s.shape().Declare(&cfg)
	return cfg
}

func (s *solo) redis(name string, life uint32) client.PubSubConfig {
	cfg := client.PubSubConfig{Name: name, Life: life, Seed: s.r.Seed, Addrs: []string{s.address()}}
	if s.r.Spec.Profile == "short" {
		cfg.ConnectTimeout, cfg.AnswerTimeout, cfg.Reconnect, cfg.ReconnectMax = shortConnect, shortAnswer, shortReconnect, shortLongest
	}
	return cfg
}

// shape is what everybody declares at a broker of queues.
func (s *solo) shape() *workloads.Topology {
	t := &workloads.Topology{Topics: s.r.Spec.topicNames(), Durable: s.r.Spec.Queue.Durable, SingleConsumer: s.r.Spec.Queue.Single, DeadLetterAfter: s.r.Spec.Queue.DeadLetterAfter}
	for i := range s.r.Spec.Readers {
		x := &s.r.Spec.Readers[i]
		at := slices.IndexFunc(t.Queues, func(q workloads.TopologyQueue) bool { return q.Name == x.group() })
		if at < 0 {
			at = len(t.Queues)
			t.Queues = append(t.Queues, workloads.TopologyQueue{Name: x.group()})
		}
		for _, topic := range x.Topics {
			if !slices.Contains(t.Queues[at].Topics, topic) {
				t.Queues[at].Topics = append(t.Queues[at].Topics, topic)
			}
		}
	}
	return t
}

// partition is the number of a topic in the history: it has one partition.
func (s *solo) partition(topic string) history.TP {
	return s.r.topology.number(logwire.TP{Topic: topic})
}

func (s *solo) addPublisher(i int, node nodeName) {
	r, spec := s.r, &s.r.Spec.Producers[i]
	load := workloads.Load{
		ID: int32(node.id), Name: node.name, Seed: r.Seed, Arrivals: spec.arrivals(), Keys: spec.Keys, Sizes: spec.Sizes,
		From: loadFrom(r.Spec.For), Until: machine.Instant(r.Spec.For),
		ForkAt: machine.Instant(r.Fork.At), ForkSeed: r.Fork.Seed,
	}
	patience := r.set.Producer(spec.Name).DeliveryTimeout
	lives := uint32(0)
	r.sim.Add(sim.NodeConfig{Name: node.name, ID: node.id, Boot: func() machine.Machine {
		load.Life = lives
		lives++
		s.publishers[i] = workloads.NewPublisher(workloads.PublisherConfig{
			Load: load, TP: s.partition(spec.Topic), Patience: patience, Recorder: r.rec, Outlet: s.outlet(node.name, load.Life, spec.Topic),
		})
		return s.publishers[i]
	}})
}

func (s *solo) outlet(name string, life uint32, topic string) workloads.Outlet {
	if !s.isQueue() {
		return &workloads.ChannelOutlet{PubSub: client.NewPubSub(s.redis(name, life)), Channel: topic}
	}
	q := &s.r.Spec.Queue
	cfg := s.amqp(name, life)
	cfg.Confirms, cfg.Republish = q.Confirms, q.Republish
	return &workloads.QueueOutlet{AMQP: client.NewAMQP(cfg), Exchange: topic, Persistent: q.Durable}
}

func (s *solo) addReceiver(i int, node nodeName) {
	r, spec := s.r, &s.r.Spec.Readers[i]
	var tps []history.TP
	for _, topic := range spec.Topics {
		tps = append(tps, s.partition(topic))
	}
	lives := uint32(0)
	r.sim.Add(sim.NodeConfig{Name: node.name, ID: node.id, Boot: func() machine.Machine {
		life := lives
		lives++
		s.receivers[i] = workloads.NewReceiver(workloads.ReceiverConfig{
			ID: int32(node.id), Life: life, Group: s.audience(spec), TPs: tps, Work: spec.Work, Settle: spec.Settle, Recorder: r.rec, TP: s.partition,
			Inlet: s.inlet(node.name, life, spec), Most: mostWaits,
		})
		return s.receivers[i]
	}})
}

// audience is for whom a reader takes records. Nobody shares a subscription.
func (s *solo) audience(spec *Reader) string {
	if s.isQueue() {
		return spec.group()
	}
	return spec.Name
}

func (s *solo) inlet(name string, life uint32, spec *Reader) workloads.Inlet {
	if !s.isQueue() {
		cfg := s.redis(name, life)
		cfg.Channels = spec.Topics
		return &workloads.ChannelInlet{PubSub: client.NewPubSub(cfg)}
	}
	q := &s.r.Spec.Queue
	cfg := s.amqp(name, life)
	if !q.AutoAck {
		cfg.Prefetch = uint16(q.Prefetch)
	}
	cfg.Consume = []queuewire.BasicConsume{{Queue: spec.group(), NoAck: q.AutoAck}}
	return &workloads.QueueInlet{AMQP: client.NewAMQP(cfg), AutoAck: q.AutoAck}
}

// comeToRest waits, for no longer than Settle, until nothing is under way.
func (s *solo) comeToRest() {
	l := &s.r.liveness
	l.looked += int64(len(s.publishers) + len(s.receivers))
	if open := s.r.waitFor(s.open); len(open) > 0 {
		l.pending = append(l.pending, s.r.sentence("had not come to rest", open))
	}
}

func (s *solo) open() (list []string) {
	nodes := s.r.Spec.nodes()[1:]
	for i, p := range s.publishers {
		if !p.Done() {
			list = append(list, fmt.Sprintf("%s has no outcome yet for %d records", &nodes[i], p.Pending()))
		}
	}
	for i, x := range s.receivers {
		if x.Resting(s.r.sim.Now()) < restingFor {
			list = append(list, fmt.Sprintf("%s is still at work, or has no connection", &nodes[len(s.publishers)+i]))
		}
	}
	if s.isQueue() {
		for _, q := range s.shape().Queues {
			if ready, unacked, ok := s.queue.Depth(q.Name); !ok || ready+unacked > 0 {
				list = append(list, fmt.Sprintf("queue %s has %d messages, and %d that are not settled", q.Name, ready, unacked))
			}
		}
	}
	return list
}

// drainAll takes what is left in queues.
func (s *solo) drainAll() {
	if !s.isQueue() {
		return
	}
	for i, q := range s.toDrain() {
		name := fmt.Sprintf("final-read-%d", i+1)
		d := workloads.NewDrain(workloads.DrainConfig{ID: drainID + int32(i), Group: q.group, Queue: q.name, Client: s.amqp(name, 0), Quiet: quietFor, Recorder: s.r.rec, TP: s.partition})
		s.drains = append(s.drains, d)
		s.r.sim.Add(sim.NodeConfig{Name: name, ID: uint32(drainID + i), Boot: func() machine.Machine { return d }})
	}
	s.r.liveness.looked += int64(len(s.drains))
	open := s.r.waitFor(func() (list []string) {
		for i, d := range s.drains {
			if !d.Done() {
				list = append(list, "queue "+s.toDrain()[i].name+" has not been read to its end")
			}
		}
		return list
	})
	if len(open) > 0 {
		s.r.liveness.pending = append(s.r.liveness.pending, s.r.sentence("could not be read to the end", open))
	}
}

// drained is a queue that is read to its end, and whose records are in it.
type drained struct{ name, group string }

// toDrain are the queues of all groups, and those of their dead letters.
func (s *solo) toDrain() (list []drained) {
	t := s.shape()
	for _, q := range t.Queues {
		list = append(list, drained{q.Name, q.Name})
		if t.DeadLetterAfter > 0 {
			list = append(list, drained{workloads.DeadLetters(q.Name), q.Name})
		}
	}
	return list
}

// classes are the classes of frames that a schedule may name.
func (s *Spec) classes() map[string]uint16 {
	switch s.Kind {
	case KindPubSub:
		return pubsubwire.Classes()
	case KindQueue:
		return queuewire.Classes()
	}
	return logwire.Classes()
}

// FrameNames names the classes of frames of a case whose brokers are no log, as traces and
// schedules do: the methods of AMQP, the commands of RESP and their answers. It is nil for
// a log, whose frames say their API key.
func FrameNames(c Case) func(class uint16) string {
	spec, err := c.Scenario()
	if err != nil || spec.log() {
		return nil
	}
	return func(class uint16) string { return cmp.Or(spec.className(class), "a frame") }
}

// className is the class of a frame as traces print it.
func (s *Spec) className(class uint16) string {
	switch s.Kind {
	case KindQueue:
		return queuewire.ClassName(class)
	case KindPubSub:
		all := pubsubwire.Classes()
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if all[name] == class {
				return name
			}
		}
		return ""
	}
	return logwire.ClassName(class)
}
