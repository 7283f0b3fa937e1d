package log

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// lab connects machines in memory: what one sends arrives at once, in order,
// unless a test holds it back. Time stands still but for advance.
type lab struct {
	t       testing.TB
	now     machine.Now
	nodes   []*labNode
	queue   []delivery
	in      machine.Input
	out     machine.Effects
	auditor *Auditor // nil: off

	broken   []string // what the auditor has said
	collects bool     // that is no error yet

	controller *labNode
	brokers    []*labNode
}

// labNode is a place where machines run, one after the other.
type labNode struct {
	name    string
	addr    string // where it listens; "": nowhere
	second  string // and for clients who must show who they are
	boot    func() machine.Machine
	machine machine.Machine // nil: it is down
	worked  machine.Work
	life    int
	disk    *storagetest.Disk
	ends    map[machine.ConnID]*labEnd
	last    machine.ConnID

	paused bool
	held   []delivery // while paused

	holdSyncs bool
	syncs     []machine.Effect // while held
}

// labEnd is one end of a connection.
type labEnd struct {
	node    *labNode
	id      machine.ConnID
	peer    *labEnd
	closed  bool
	stopped bool       // reading
	unread  []delivery // while stopped
}

// delivery is an input under way.
type delivery struct {
	to   *labNode
	life int
	end  *labEnd // of Received and of Closed
	in   machine.Input
}

func newLab(t testing.TB) *lab {
	return &lab{t: t, now: machine.Now{Mono: machine.Instant(time.Hour), Wall: machine.Instant(400_000 * time.Hour)}}
}

func (l *lab) node(name, addr string, boot func() machine.Machine) *labNode {
	n := &labNode{name: name, addr: addr, boot: boot, disk: storagetest.New(), ends: map[machine.ConnID]*labEnd{}}
	l.nodes = append(l.nodes, n)
	return n
}

// newCluster is a lab with a controller and brokers 1 to n, which serve.
func newCluster(t testing.TB, n int, set func(*config.Broker)) *lab {
	l := newLab(t)
	l.auditor = NewAuditor(1)
	settings := config.DefaultBroker()
	settings.AutoCreateTopics = false
	if set != nil {
		set(&settings)
	}
	l.controller = l.node("c101", "c101:9093", func() machine.Machine {
		return NewController(ControllerConfig{ID: 101, Settings: settings, Seed: 7})
	})
	for i := range int32(n) {
		l.addBroker(i+1, settings)
	}
	l.start(l.controller)
	for _, b := range l.brokers {
		l.start(b)
	}
	l.advance(time.Second)
	return l
}

func (l *lab) addBroker(id int32, settings config.Broker) *labNode {
	if settings.LogRetentionMillis == config.Unset {
		settings.LogRetentionMillis = -1 // the records of tests are of long ago
	}
	name := fmt.Sprintf("b%d", id)
	n := l.node(name, name+":9092", nil)
	n.boot = func() machine.Machine {
		return NewBroker(BrokerConfig{
			ID: id, Incarnation: [16]byte{byte(id), byte(n.life)}, Host: name, Port: 9092, Controllers: []Voter{{101, "c101:9093"}},
			Settings: settings, Failpoints: failpoint.New(7, uint32(id)),
		})
	}
	l.brokers = append(l.brokers, n)
	return n
}

// broker is the process of a broker id.
func (l *lab) broker(id int32) *Broker { return l.brokers[id-1].machine.(*Broker) }

func (l *lab) start(n *labNode) {
	l.t.Helper()
	n.machine = n.boot()
	l.push(delivery{to: n, life: n.life, in: machine.Input{Kind: machine.Start, Files: n.disk}})
	l.run()
}

// crash ends a process; what is on its disk stays.
func (l *lab) crash(n *labNode) {
	l.t.Helper()
	n.machine, n.held, n.syncs, n.paused = nil, nil, nil, false
	n.life++
	for _, id := range slices.Sorted(maps.Keys(n.ends)) {
		l.hangUp(n.ends[id], machine.ErrReset)
	}
	clear(n.ends)
	l.run()
}

// stop asks a process to end in good order, and gives it the time for that.
func (l *lab) stop(n *labNode) {
	l.t.Helper()
	l.push(delivery{to: n, life: n.life, in: machine.Input{Kind: machine.Stopping}})
	l.run()
	l.advance(10 * time.Second)
}

// reset ends all connections between two nodes; both hear of it, and what is under
// way between them is lost.
func (l *lab) reset(a, b *labNode) {
	l.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(a.ends)) {
		if e := a.ends[id]; e.peer.node == b {
			for _, end := range []*labEnd{e, e.peer} {
				end.node.held = slices.DeleteFunc(end.node.held, func(d delivery) bool { return d.end == end })
				end.unread, end.stopped = nil, false
				l.push(delivery{to: end.node, life: end.node.life, end: end, in: machine.Input{Kind: machine.Closed, Conn: end.id, Err: machine.ErrReset}})
			}
		}
	}
	l.run()
}

// hangUp ends a connection for its other end.
func (l *lab) hangUp(e *labEnd, why error) {
	p := e.peer
	e.closed = true
	l.push(delivery{to: p.node, life: p.node.life, end: p, in: machine.Input{Kind: machine.Closed, Conn: p.id, Err: why}})
}

func (l *lab) push(d delivery) { l.queue = append(l.queue, d) }

// run delivers what is under way, and what comes of it, until there is nothing
// more.
func (l *lab) run() {
	l.t.Helper()
	for i := 0; i < len(l.queue); i++ {
		if i > 10_000 {
			l.t.Fatalf("no end of what is under way at %d", l.now.Mono)
		}
		d := l.queue[i]
		l.queue[i] = delivery{}
		l.deliver(d)
	}
	l.queue = l.queue[:0]
}

func (l *lab) deliver(d delivery) {
	l.t.Helper()
	n := d.to
	if n.machine == nil || d.life != n.life {
		return
	}
	if n.paused {
		n.held = append(n.held, d)
		return
	}
	if e := d.end; e != nil {
		switch {
		case e.closed:
			return
		case e.stopped && (d.in.Kind == machine.Received || len(e.unread) > 0):
			e.unread = append(e.unread, d)
			return
		case d.in.Kind == machine.Closed:
			e.closed = true
			delete(n.ends, e.id)
		}
	}
	l.in = d.in // passing a local would be an allocation each time
	l.step(n, &l.in)
}

func (l *lab) step(n *labNode, in *machine.Input) {
	l.t.Helper()
	l.out.Reset()
	n.machine.Step(l.now, in, &l.out)
	n.worked = n.worked.Plus(l.out.Done)
	for i := range l.out.List {
		l.perform(n, &l.out.List[i])
	}
	l.audit(n)
}

func (l *lab) audit(n *labNode) {
	l.t.Helper()
	if l.auditor == nil {
		return
	}
	brokers := make([]*Broker, len(l.brokers))
	at := -1
	for i, b := range l.brokers {
		brokers[i], _ = b.machine.(*Broker)
		if b == n {
			at = i
		}
	}
	c, _ := l.controller.machine.(*ControllerNode)
	broken := l.auditor.Controller(len(brokers), c)
	if at >= 0 {
		broken = append(broken, l.auditor.Step(at, brokers, c)...)
	}
	l.broken = append(l.broken, broken...)
	for _, s := range broken {
		if !l.collects {
			l.t.Errorf("audit: %s", s)
		}
	}
}

func (l *lab) perform(n *labNode, e *machine.Effect) {
	switch e.Kind {
	case machine.DoDial:
		l.dial(n, e)
	case machine.DoSend:
		if end := n.ends[e.Conn]; end != nil && !end.closed {
			p := end.peer
			l.push(delivery{to: p.node, life: p.node.life, end: p, in: machine.Input{Kind: machine.Received, Conn: p.id, Frame: e.Frame}})
		}
	case machine.DoClose:
		if end := n.ends[e.Conn]; end != nil {
			l.hangUp(end, machine.ErrEOF)
			delete(n.ends, e.Conn)
		}
	case machine.DoStopReading:
		if end := n.ends[e.Conn]; end != nil {
			end.stopped = true
		}
	case machine.DoRead:
		if end := n.ends[e.Conn]; end != nil {
			end.stopped = false
			l.queue = append(l.queue, end.unread...)
			end.unread = nil
		}
	case machine.DoSync:
		n.syncs = append(n.syncs, *e)
		if !n.holdSyncs {
			l.answerSync(n, nil)
		}
	default:
		l.t.Fatalf("%s asked to %v", n.name, e)
	}
}

func (l *lab) dial(from *labNode, e *machine.Effect) {
	i := slices.IndexFunc(l.nodes, func(n *labNode) bool { return n.addr == e.Name || n.second != "" && n.second == e.Name })
	if i < 0 || l.nodes[i].machine == nil {
		l.push(delivery{to: from, life: from.life, in: machine.Input{Kind: machine.Closed, Tag: e.Tag, Err: machine.ErrRefused}})
		return
	}
	to := l.nodes[i]
	a, b := &labEnd{node: from}, &labEnd{node: to}
	a.peer, b.peer = b, a
	for _, end := range []*labEnd{a, b} {
		end.node.last++
		end.id = end.node.last
		end.node.ends[end.id] = end
	}
	var listener machine.Listener
	if e.Name == to.second {
		listener = 1
	}
	l.push(delivery{to: to, life: to.life, in: machine.Input{Kind: machine.Accepted, Conn: b.id, Listen: listener, From: from.name}})
	l.push(delivery{to: from, life: from.life, in: machine.Input{Kind: machine.Opened, Tag: e.Tag, Conn: a.id}})
}

// answerSync answers the oldest sync of a node.
func (l *lab) answerSync(n *labNode, err error) {
	l.t.Helper()
	if len(n.syncs) == 0 {
		l.t.Fatalf("%s has asked for no sync", n.name)
	}
	e := n.syncs[0]
	n.syncs = n.syncs[1:]
	if err == nil {
		n.disk.Sync(e.Name)
	}
	l.push(delivery{to: n, life: n.life, in: machine.Input{Kind: machine.DiskDone, Tag: e.Tag, Err: err}})
}

// sync answers all syncs of a node and of what comes of that.
func (l *lab) sync(n *labNode, err error) {
	l.t.Helper()
	for {
		l.answerSync(n, err)
		l.run()
		if len(n.syncs) == 0 || err != nil {
			return
		}
	}
}

func (l *lab) pause(n *labNode) { n.paused = true }

func (l *lab) resume(n *labNode) {
	l.t.Helper()
	n.paused = false
	l.queue = append(l.queue, n.held...)
	n.held = nil
	l.run()
}

// advance lets time pass, with a tick whenever a machine has asked for one. A
// machine whose deadline stays in the past would never let a simulation go on.
func (l *lab) advance(d time.Duration) {
	l.t.Helper()
	until := l.now.Mono.Add(d)
	ticks := 0
	for {
		next := l.next()
		if next == nil || next.machine.Deadline() > until {
			break
		}
		if at := next.machine.Deadline(); at > l.now.Mono {
			l.pass(at)
			ticks = 0
		}
		if ticks++; ticks > 100 {
			l.t.Fatalf("%s wants one tick after the other at %d", next.name, l.now.Mono)
		}
		l.push(delivery{to: next, life: next.life, in: machine.Input{Kind: machine.Tick}})
		l.run()
	}
	l.pass(until)
}

func (l *lab) pass(at machine.Instant) {
	l.now.Wall += at - l.now.Mono
	l.now.Mono = at
}

// next is the node whose deadline comes first.
func (l *lab) next() *labNode {
	var next *labNode
	for _, n := range l.nodes {
		if n.machine == nil || n.paused || n.machine.Deadline() == machine.Never {
			continue
		}
		if next == nil || n.machine.Deadline() < next.machine.Deadline() {
			next = n
		}
	}
	return next
}

// labClient is the requesting end of one connection. Its frames are made and read
// by kmsg alone, in any version.
type labClient struct {
	l       *lab
	n       *labNode
	conn    machine.ConnID
	asked   []kmsg.Request // not answered
	answers []kmsg.Response
	closed  error
	format  *kmsg.RequestFormatter
}

func (c *labClient) Step(_ machine.Now, in *machine.Input, _ *machine.Effects) {
	switch in.Kind {
	case machine.Opened:
		c.conn = in.Conn
	case machine.Closed:
		c.closed = in.Err
	case machine.Received:
		if len(c.asked) == 0 {
			c.l.t.Fatal("an answer to nothing")
		}
		req := c.asked[0]
		c.asked = c.asked[1:]
		resp := req.ResponseKind()
		resp.SetVersion(req.GetVersion())
		b := in.Frame.Contiguous()[8:]
		if resp.IsFlexible() && req.Key() != wire.ApiVersions {
			b = b[1:]
		}
		if err := resp.ReadFrom(b); err != nil {
			c.l.t.Fatalf("answer to %s version %d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
		}
		c.answers = append(c.answers, resp)
	}
}

func (c *labClient) Deadline() machine.Instant { return machine.Never }

// client connects to a node.
func (l *lab) client(to *labNode) *labClient {
	l.t.Helper()
	return l.clientAt(to.addr)
}

func (l *lab) clientAt(addr string) *labClient {
	l.t.Helper()
	c := &labClient{l: l, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID("lab"))}
	c.n = l.node("client", "", func() machine.Machine { return c })
	l.start(c.n)
	l.perform(c.n, &machine.Effect{Kind: machine.DoDial, Name: addr, Tag: 1})
	l.run()
	if c.conn == 0 {
		l.t.Fatalf("%s does not answer: %v", addr, c.closed)
	}
	return c
}

func (c *labClient) raw(frame []byte) {
	c.l.t.Helper()
	c.l.perform(c.n, &machine.Effect{Kind: machine.DoSend, Conn: c.conn, Frame: machine.Literal(frame)})
	c.l.run()
}

func (c *labClient) send(req kmsg.Request, version int16) {
	c.l.t.Helper()
	req.SetVersion(version)
	frame := c.format.AppendRequest(nil, req, 1)
	if p, ok := req.(*kmsg.ProduceRequest); !ok || p.Acks != 0 {
		c.asked = append(c.asked, req)
	}
	c.raw(frame)
}

// answer is the oldest answer not yet looked at.
func (c *labClient) answer() kmsg.Response {
	c.l.t.Helper()
	if len(c.answers) == 0 {
		c.l.t.Fatalf("no answer; closed: %v", c.closed)
	}
	a := c.answers[0]
	c.answers = c.answers[1:]
	return a
}

// waits says that there is no answer yet.
func (c *labClient) waits(what string) {
	c.l.t.Helper()
	if len(c.answers) > 0 || c.closed != nil {
		c.l.t.Fatalf("%s does not wait: %+v, closed: %v", what, c.answers, c.closed)
	}
}

func (c *labClient) hangUp() {
	c.l.t.Helper()
	c.l.perform(c.n, &machine.Effect{Kind: machine.DoClose, Conn: c.conn})
	c.l.run()
}

// ask sends a request that must be answered at once.
func ask[R kmsg.Response](c *labClient, req kmsg.Request, version int16) R {
	c.l.t.Helper()
	c.send(req, version)
	return c.answer().(R)
}

// create has a topic of one partition created on replicas, the first of which
// leads.
func (l *lab) create(topic string, configs map[string]string, replicas ...int32) {
	l.t.Helper()
	req := labCreate(topic, replicas...)
	req.TimeoutMillis = 10_000
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = name, kmsg.StringPtr(configs[name])
		req.Topics[0].Configs = append(req.Topics[0].Configs, c)
	}
	c := l.client(l.brokers[0])
	if a := ask[*kmsg.CreateTopicsResponse](c, req, 7).Topics[0]; a.ErrorCode != 0 {
		l.t.Fatalf("create %s: %s", topic, wire.ErrorName(a.ErrorCode))
	}
	c.hangUp()
	l.advance(time.Second)
}

// batch is a record batch of values, of no producer in particular.
func batch(values ...string) []byte { return batchOf(-1, -1, -1, values...) }

func batchOf(id int64, epoch int16, sequence int32, values ...string) []byte {
	b := wire.NewBuilder(id, epoch, sequence)
	for i, v := range values {
		b.Append(1_000+int64(i), nil, []byte(v), nil)
	}
	return b.Bytes().Contiguous()
}

func produceRequest(topic string, acks int16, timeout time.Duration, batches ...[]byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, int32(timeout.Milliseconds())
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	for _, b := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Records = b
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func fetchRequest(topic string, offset int64, minBytes int32, wait time.Duration) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MinBytes, req.MaxWaitMillis, req.MaxBytes = -1, minBytes, int32(wait.Milliseconds()), 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = offset, 1<<20, -1, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// values are the values of the records in batches, first offset first.
func values(t testing.TB, batches []byte) (list []string) {
	t.Helper()
	for _, b := range wire.SplitBatches(machine.Literal(batches)) {
		if err := wire.EachRecord(b, func(r *wire.Record) error {
			list = append(list, string(r.Value))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
