package log

import (
	"iter"
	"maps"
	"slices"
	"strconv"
	"time"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/sasl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// BrokerConfig is what a broker is started with.
type BrokerConfig struct {
	ID          int32
	Incarnation [16]byte // of this life: no other start of any broker has it
	Host        string   // advertised to clients and followers
	Port        int32
	Rack        string  // empty: none
	Controllers []Voter // controller.quorum.voters
	Settings    config.Broker
	Failpoints  *failpoint.Set // nil: off
	// Admin, unless nil, has the broker serve operators and their tools, too. Simulated
	// clients, who do not need that, keep the answer to ApiVersions that they know.
	Admin *Admin
	// Coordinators has the broker coordinate groups and transactions. Simulated clients of
	// neither keep the answer to ApiVersions that they know.
	Coordinators bool
	// TransactionVersion is the finalized level of the feature transaction.version: from 2 on
	// producers have a new epoch for each transaction, and their partitions are added by
	// Produce (KIP-890).
	TransactionVersion int16
	// Security, unless nil, has the broker serve what is about who a client is. Simulated
	// clients, who are nobody, keep the answer to ApiVersions that they know.
	Security *Security
	// ShareVersion is the finalized level of the feature share.version: with 1 the broker has share
	// groups (KIP-932). Simulated clients of none keep the answer to ApiVersions that they know.
	ShareVersion int16
	// FirstEpoch is the epoch that transactional ids begin with: 0 but in simulations that
	// have to come to the end of the epochs.
	FirstEpoch int16
	// ShutdownWait is how long a broker that is to stop waits for the controller to have others
	// lead; 0 is five minutes, as Kafka does.
	ShutdownWait time.Duration
	// Remember is how many of the last batches of each log are known without its index; 0
	// is all of them, which audits need and a server has no memory for.
	Remember int
	// CheckRecords has it look into all records that producers send, as Kafka does.
	CheckRecords bool
}

// Admin is what a broker can only tell operators if it is told itself.
type Admin struct {
	LogDir string            // the directory of its files
	Set    map[string]string // its settings that differ from Kafka's defaults
	// Tools has it serve what clients' tools alone ask for, too: quotas, which are kept and
	// bind nobody, and the levels of features.
	Tools bool
}

// Security is how clients show who they are.
type Security struct {
	// Host and Port are what clients are told of the listener on which they have to: the
	// node's second. An empty Host: there is none.
	Host string
	Port int32
	// Passwords are those of the users of PLAIN, as in a file for JAAS; those of SCRAM have
	// their credentials in the metadata.
	Passwords map[string]string
	// Nonce and Scram are [sasl.Users]'s.
	Nonce func() string
	Scram func(m sasl.Scram, credential func(user string) (sasl.Credential, bool), nonce func() string) sasl.Conversation
}

// tools reports whether tools are served.
func (cfg *BrokerConfig) tools() bool { return cfg.Admin != nil && cfg.Admin.Tools }

// shares reports whether share groups are served.
func (cfg *BrokerConfig) shares() bool { return cfg.ShareVersion > 0 && cfg.Coordinators }

// Voter is one of the controllers, as others reach it.
type Voter struct {
	ID   int32
	Addr string // of its listener: "c101:9093"
}

// Broker is one broker node. It serves clients and followers on its only
// listener.
type Broker struct {
	cfg      BrokerConfig  // with the settings that hold now
	static   config.Broker // those that it was started with
	handlers [numAPIs]handler
	serves   *wire.Table
	before   *wire.Table // what is served to who has not been authenticated
	sasl     sasl.Rules
	rules    *acl.Rules // nil: there is no authorizer, and everybody may do everything
	files    machine.Files
	err      error // why it serves no more, until its next life

	image *controller.Image
	delta []*controller.PartitionInfo // changed and not yet applied
	gone  []*controller.TopicInfo     // removed, and the partitions are still here
	// reconfigured says that settings of brokers have changed, and that is not taken over.
	reconfigured bool
	strays       bool         // were looked for in this life
	partitions   []*partition // by topic and partition
	byTopic      map[string]*ofTopic
	near         *ofTopic // the topic that was asked for last

	active     activeController
	life       lifecycle
	metadata   link
	metadataAt machine.Instant // when to fetch it again
	snapshot   *fetchedSnapshot
	commands   commands
	fetchers   []*fetcher // by leader, then number

	requests [numAPIs]int64 // that were read, by key

	conns   map[machine.ConnID]*conn
	waiting []*conn // until the broker has caught up with the metadata
	free    []*conn // whose request has been answered in this step
	touched []*partition
	moved   []*partition // by this step
	movedAt int64        // the metadata offset when all were last said to be
	parked  parked
	// unverified are requests whose transaction's coordinator is to be asked, in the order in
	// which they came.
	unverified    []*verifying
	verifications verifications
	markers       txnMarkers // of coordinators on this broker
	persister     persister  // of share partitions on this broker
	sharing       sharing
	hungUpOn      []*conn // that are closed, and had share sessions
	reading       fetchAnswer
	ids           producerIDs

	sessions     fetchSessions
	coordinators coordinators
	syncs        []syncing
	stopping     stopping
	marking      machine.Tag // the sync of the marker of a clean shutdown; 0: none is under way
	found        []string    // see Found
	retention    retention
	doomed       []doomed   // in the order in which they were deleted
	checkpoint   checkpoint // the high watermarks
	recovery     checkpoint // the recovery points
	logStart     checkpoint // the log start offsets
	cleaned      checkpoint // how far compacted logs have been cleaned
	cleaning     cleaning
	flushAt      machine.Instant // when to look for logs that are to be flushed
	tags         machine.Tag
	isrAt        machine.Instant // when to look for replicas that lag
	expireAt     machine.Instant // when to look for producers that have expired
	deadline     machine.Instant
}

// partition is a replica with what the node keeps beside it.
type partition struct {
	*replica.Replica
	topicID  [16]byte
	epochs   []memberEpoch // of followers, in this leader epoch
	named    []memberEpoch // the same when the question about the ISR arose
	fetcher  *fetcher      // nil: it does not follow
	touched  bool          // is in Broker.touched
	moved    bool          // is in Broker.moved
	queued   bool          // has a question about its ISR for the controller
	expiring bool          // waits for its disk to delete more of what has expired
	produces []*parkedProduce
	deletes  []*parkedDelete
	markers  []*parkedMarkers
	fetches  []*parkedFetch

	shares       []*sharePart   // in the order in which they have begun
	shareFetches []*parkedShare // that wait for something of it

	coordinates *kind  // what its topic is for; nil: for nothing of coordinators
	shard       *shard // nil: this broker does not lead it
}

// ofTopic are the partitions of a topic by their numbers; nil where there is none here.
type ofTopic struct {
	name  string
	parts []*partition
	// above are those that are numbered from mostParts on: a directory may have any number
	// in its name.
	above map[int32]*partition
}

// mostParts is how many partitions of a topic are found by their place.
const mostParts = 1 << 16

func (t *ofTopic) set(n int32, p *partition) {
	if n >= mostParts {
		if t.above == nil {
			t.above = make(map[int32]*partition)
		}
		t.above[n] = p
		return
	}
	if more := int(n) + 1 - len(t.parts); more > 0 {
		t.parts = append(t.parts, make([]*partition, more)...)
	}
	t.parts[n] = p
}

// partition is this broker's replica of a partition, or nil. Most requests name many of
// one topic.
func (b *Broker) partition(topic string, n int32) *partition {
	if b.near == nil || b.near.name != topic {
		t := b.byTopic[topic]
		if t == nil {
			return nil
		}
		b.near = t
	}
	if n < 0 || int(n) >= len(b.near.parts) {
		return b.near.above[n]
	}
	return b.near.parts[n]
}

func (b *Broker) addPartition(tp wire.TP, p *partition) {
	if b.cfg.Coordinators {
		p.coordinates = b.coordinators.of(tp.Topic)
	}
	i, _ := slices.BinarySearchFunc(b.partitions, tp, func(p *partition, tp wire.TP) int { return p.TP().Compare(tp) })
	b.partitions = slices.Insert(b.partitions, i, p)
	t := b.byTopic[tp.Topic]
	if t == nil {
		t = &ofTopic{name: tp.Topic}
		b.byTopic[tp.Topic] = t
	}
	t.set(tp.Partition, p)
}

// syncing is a flush under way.
type syncing struct {
	tag machine.Tag
	p   *partition
}

// ClusterID is the id of the only cluster there is.
const ClusterID = "AAAAAAAAAAAAAAAAAAAAAQ"

// NewBroker returns a broker that has not been started.
func NewBroker(cfg BrokerConfig) *Broker {
	s := &cfg.Settings
	b := &Broker{
		cfg:      cfg,
		static:   cfg.Settings,
		handlers: handlers(&cfg),
		image:    controller.NewImage(),
		byTopic:  make(map[string]*ofTopic),
		conns:    make(map[machine.ConnID]*conn),
		deadline: machine.Never,
	}
	b.serves = servedBy(&b.handlers, &cfg)
	b.secure()
	b.sessions = newFetchSessions(s.MaxIncrementalFetchSessionCacheSlots, cfg.Incarnation)
	first := cfg.Controllers[0].Addr
	name := "broker-" + strconv.Itoa(int(cfg.ID))
	b.life.link = newLink(name+"-heartbeat", first, wire.ControllerTable(), reconnectBackoff, s.BrokerSessionTimeout,
		wire.BrokerRegistration, wire.BrokerHeartbeat)
	b.life.epoch, b.life.before = -1, -1
	speaks := wire.ControllerTable()
	if len(cfg.Controllers) > 1 {
		speaks = wire.VoterTable()
	}
	b.metadata = newLink(name+"-metadata", first, speaks, reconnectBackoff, s.ControllerQuorumRequestTimeout, wire.Fetch)
	b.commands.link = newLink(name+"-to-controller", first, controllerTable(wire.ControllerTable(), cfg.Admin != nil, cfg.tools(), cfg.Security != nil), reconnectBackoff, controllerTimeout,
		wire.AlterPartition, wire.AllocateProducerIDs, wire.CreateTopics)
	b.parked.earliest = machine.Never
	b.coordinators.start()
	b.verifications, b.markers = newVerifications(), newTxnMarkers()
	b.persister, b.sharing = newPersister(), newSharing(cfg.shares())
	return b
}

// ID is the broker id.
func (b *Broker) ID() int32 { return b.cfg.ID }

// Epoch is the broker epoch that the controller has given to this life; -1 until
// it has registered.
func (b *Broker) Epoch() int64 { return b.life.epoch }

// numAPIs is above the key of every API there is.
const numAPIs = 128

// Requests yields how many requests of each API the broker has read in this life, by
// key; not those of which there was none.
func (b *Broker) Requests() iter.Seq2[int16, int64] {
	return func(yield func(int16, int64) bool) {
		for key, n := range b.requests {
			if n > 0 && !yield(int16(key), n) {
				return
			}
		}
	}
}

// Image is the metadata as the broker has replayed it. It must not be changed.
func (b *Broker) Image() *controller.Image { return b.image }

// Replica is this broker's replica of a partition; nil if it has none.
func (b *Broker) Replica(tp wire.TP) *replica.Replica {
	if p := b.partition(tp.Topic, tp.Partition); p != nil {
		return p.Replica
	}
	return nil
}

// Coordinates is the leader epoch in which this broker coordinates what has its home in a
// partition of an internal topic. It serves nobody before it knows what those before it have
// decided, and that is committed.
func (b *Broker) Coordinates(tp wire.TP) (epoch int32, serving bool) {
	p := b.partition(tp.Topic, tp.Partition)
	if p == nil || p.shard == nil || p.shard.stage != serves {
		return 0, false
	}
	return p.shard.epoch, true
}

// Served counts the coordinators on this broker that have begun to serve since it was started.
func (b *Broker) Served() int { return b.coordinators.served }

// Replicas are all replicas of this broker, by topic and partition.
func (b *Broker) Replicas() []*replica.Replica {
	list := make([]*replica.Replica, len(b.partitions))
	for i, p := range b.partitions {
		list[i] = p.Replica
	}
	return list
}

// Err is why the broker has given up, such as a disk that failed; nil if it has
// not. It then serves nobody until it is started again.
func (b *Broker) Err() error { return b.err }

// Deadline is when the broker next wants a Tick.
func (b *Broker) Deadline() machine.Instant { return b.deadline }

// tag is a new tag for a dial or a sync.
func (b *Broker) tag() machine.Tag {
	b.tags++
	return b.tags
}

// Step is [machine.Machine]'s.
func (b *Broker) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	for _, p := range b.moved {
		p.moved = false
	}
	b.moved = b.moved[:0]
	if b.err != nil || b.stopping.begun {
		b.quiet(now, in, out)
		return
	}
	b.input(now, in, out)
	if b.leave(now.Mono, out); b.stopping.begun {
		b.deadline = machine.Never
		return
	}
	b.applyMetadata(now.Mono, out)
	b.tellTopics(now, out)
	b.moveAll()
	b.periodic(now, out)
	b.admit(now, out)
	b.settle(now, out)
	b.doom(now.Mono)
	b.lowered(now.Mono)
	if b.err == nil {
		b.beat(now.Mono, out)
		b.fetchMetadata(now.Mono, out)
		b.command(now.Mono, out)
		b.follow(now.Mono, out)
		b.sendVerifications(now.Mono, out)
		b.sendMarkers(now.Mono, out)
		b.sendPersisting(now.Mono, out)
	}
	b.deadline = b.nextDeadline(now.Mono)
}

func (b *Broker) input(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		b.start(now, in.Files, out)
	case machine.Accepted:
		b.accepted(in, out)
	case machine.DiskDone:
		b.diskDone(now, in, out)
	case machine.Received:
		if c := b.conns[in.Conn]; c != nil {
			b.arrived(now, c, in.Frame, out)
			return
		}
		b.stepLinks(now, in, out)
	case machine.Closed:
		if c := b.conns[in.Conn]; c != nil && in.Conn != 0 {
			b.forget(c)
			return
		}
		b.stepLinks(now, in, out)
	case machine.Stopping:
		b.stop(now, out)
	case machine.Opened:
		if !b.stepLinks(now, in, out) {
			out.Close(in.Conn) // given up on
		}
	}
}

func (b *Broker) stepLinks(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	return b.stepFetchers(now, in, out) || b.stepLifecycle(now.Mono, in, out) || b.stepMetadata(now.Mono, in, out) || b.stepCommands(now, in, out) ||
		b.stepVerifications(now, in, out) || b.stepMarkers(now, in, out) || b.stepPersisting(now, in, out)
}

// periodic does what is due by the clock.
func (b *Broker) periodic(now machine.Now, out *machine.Effects) {
	if b.err != nil {
		return
	}
	at := now.Mono
	if b.life.expire(at, out) {
		b.life.nextAt = at
	}
	if b.metadata.expire(at, out) {
		b.askNext(at, out)
	}
	b.expireCommands(now, out)
	for _, f := range b.fetchers {
		if f.expire(at, out) {
			f.asked = f.asked[:0]
		}
	}
	if at >= b.isrAt {
		b.isrAt = at.Add(b.cfg.Settings.ReplicaLagTimeMax / 2)
		for _, p := range b.partitions {
			if !p.Asking() {
				p.Shrink(at)
				b.ask(p)
			}
		}
	}
	if at >= b.expireAt {
		b.expireAt = at.Add(b.cfg.Settings.ProducerIDExpirationCheckInterval)
		for _, p := range b.partitions {
			p.ExpireProducers(now.Wall.Millis(), b.cfg.Settings.ProducerIDExpiration.Milliseconds())
		}
	}
	b.tickCoordinators(now, out)
	b.expireVerifications(now, out)
	b.expireMarkersSent(now, out)
	b.expirePersisting(now, out)
	b.tickShares(now, out)
	b.retain(now, out)
	b.discard(at, out)
	b.clean(now, out)
	b.flushOld(at, out)
	b.saveCheckpoints(at, out)
}

func (b *Broker) nextDeadline(now machine.Instant) machine.Instant {
	if b.err != nil {
		return machine.Never
	}
	at := min(b.beatDue(), b.parked.earliest, b.isrAt, b.expireAt, b.checkpointsDue(), b.flushAt, b.commands.due(), b.retention.due(), b.discardAt(), b.cleaning.due(), b.coordinators.earliest)
	at = min(at, b.metadata.due(b.metadataAt), b.leaveDue(), b.verifications.due(now), b.markers.due(now), b.persister.due(now), b.sharing.earliest)
	for _, f := range b.fetchers {
		at = min(at, f.due())
	}
	return at
}

// touch notes that a partition has changed in a way that somebody may wait for.
func (b *Broker) touch(p *partition) {
	b.move(p)
	if !p.touched {
		p.touched = true
		b.touched = append(b.touched, p)
	}
}

// move notes that a step has changed a partition, for audits.
func (b *Broker) move(p *partition) {
	if !p.moved {
		p.moved = true
		b.moved = append(b.moved, p)
	}
}

// moveAll notes that new metadata may have changed how every partition looks.
func (b *Broker) moveAll() {
	if b.movedAt != b.image.Offset {
		b.movedAt = b.image.Offset
		for _, p := range b.partitions {
			b.move(p)
		}
	}
}

// settle answers everything that can be answered now, and goes on with the
// connections that are free by that, until there is nothing more to do.
func (b *Broker) settle(now machine.Now, out *machine.Effects) {
	b.expireParked(now, out)
	for b.err == nil {
		switch {
		case len(b.touched) > 0:
			p := b.touched[len(b.touched)-1]
			b.touched = b.touched[:len(b.touched)-1]
			p.touched = false
			b.wakeProduces(p, out)
			b.wakeDeletes(p, out)
			b.wakeMarkers(now, p, out)
			b.wakeFetches(now.Mono, p, out)
			b.wakeCoordinator(now, p, out)
			b.wakeShares(now, p, out)
		case len(b.unverified) > 0:
			v := b.unverified[0]
			b.unverified = slices.Delete(b.unverified, 0, 1)
			b.verify(now, v, out)
		case len(b.hungUpOn) > 0:
			c := b.hungUpOn[0]
			b.hungUpOn = slices.Delete(b.hungUpOn, 0, 1)
			b.hungUp(now, c, out)
		case len(b.free) > 0:
			c := b.free[0]
			b.free = slices.Delete(b.free, 0, 1)
			if b.conns[c.ID] != c {
				continue
			}
			if frame, ok := c.Next(out); ok {
				b.serve(now, c, frame, out)
			}
		default:
			return
		}
	}
}

// fail gives up: a broker that cannot believe its disk can promise nothing
// (Kafka halts when its last log directory fails).
func (b *Broker) fail(err error, out *machine.Effects) {
	b.err = err
	b.cfg.Failpoints.Hit(failpoint.LogDirOffline)
	b.hangUpAll(out)
}

// hangUpAll closes all connections.
func (b *Broker) hangUpAll(out *machine.Effects) {
	for _, id := range slices.Sorted(maps.Keys(b.conns)) {
		out.Close(id)
	}
	for _, l := range b.links() {
		if l.conn != 0 {
			out.Close(l.conn)
		}
	}
	clear(b.conns)
	b.coordinators.stop()
	b.verifications, b.markers = newVerifications(), newTxnMarkers()
	b.persister, b.sharing, b.hungUpOn = newPersister(), newSharing(false), nil
	b.parked, b.waiting, b.free, b.touched, b.unverified = parked{earliest: machine.Never}, nil, nil, nil, nil
}

// quiet is the step of a broker that serves nobody any more.
func (b *Broker) quiet(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch {
	case in.Kind == machine.Accepted, in.Kind == machine.Opened:
		out.Close(in.Conn)
	case in.Kind == machine.DiskDone && b.err == nil:
		b.diskDone(now, in, out)
		b.stopMore(out)
	}
	b.deadline = machine.Never
}

func (b *Broker) links() []*link {
	list := []*link{&b.life.link, &b.metadata, &b.commands.link}
	for _, f := range b.fetchers {
		list = append(list, &f.link)
	}
	return b.persister.links(b.markers.links(b.verifications.links(list)))
}
