package log

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// controllerLab runs one controller by hand: frames arrive at once, syncs are
// answered when a test says so.
type controllerLab struct {
	t     testing.TB
	disk  *storagetest.Disk
	node  *ControllerNode
	now   machine.Now
	out   machine.Effects
	syncs []machine.Effect // asked for, not answered
	conns map[machine.ConnID]*labBroker
	last  machine.ConnID

	failpoints *failpoint.Set
}

// labBroker is the requesting end of one connection.
type labBroker struct {
	lab     *controllerLab
	conn    machine.ConnID
	peer    *wire.Peer
	answers []wire.Answer
	closed  bool
	stopped bool
}

func newControllerLab(t testing.TB) *controllerLab {
	l := &controllerLab{t: t, disk: storagetest.New(), conns: map[machine.ConnID]*labBroker{}}
	l.start()
	return l
}

// newActiveLab is a lab whose controller leads.
func newActiveLab(t testing.TB) *controllerLab {
	l := newControllerLab(t)
	l.syncAll()
	if !l.node.Active() {
		t.Fatal("the controller is not active")
	}
	return l
}

func (l *controllerLab) start() {
	l.failpoints = failpoint.New(7, 101)
	l.node = NewController(ControllerConfig{ID: 101, Settings: config.DefaultBroker(), Seed: 7, Failpoints: l.failpoints})
	l.syncs = nil
	clear(l.conns)
	l.step(&machine.Input{Kind: machine.Start, Files: l.disk})
}

// step feeds one input and carries what the controller sends to whom it is for.
func (l *controllerLab) step(in *machine.Input) {
	l.t.Helper()
	l.out.Reset()
	l.node.Step(l.now, in, &l.out)
	for _, e := range slices.Clone(l.out.List) {
		b := l.conns[e.Conn]
		switch e.Kind {
		case machine.DoSync:
			l.syncs = append(l.syncs, e)
		case machine.DoSend:
			if b == nil || b.closed {
				l.t.Fatalf("sent to connection %d", e.Conn)
			}
			var out machine.Effects
			a, ok, err := b.peer.Received(e.Frame, &out)
			if err != nil {
				l.t.Fatalf("what the controller sent: %v", err)
			}
			if ok {
				b.answers = append(b.answers, a)
			}
		case machine.DoClose:
			if b != nil {
				b.closed = true
			}
		case machine.DoStopReading, machine.DoRead:
			b.stopped = e.Kind == machine.DoStopReading
		default:
			l.t.Fatalf("the controller asked to %v", e)
		}
	}
}

// sync answers the oldest sync; the file as it is then is durable.
func (l *controllerLab) sync(err error) {
	l.t.Helper()
	if len(l.syncs) == 0 {
		l.t.Fatal("no sync was asked for")
	}
	e := l.syncs[0]
	l.syncs = l.syncs[1:]
	if err == nil {
		l.disk.Sync(e.Name)
	}
	l.step(&machine.Input{Kind: machine.DiskDone, Tag: e.Tag, Err: err})
}

func (l *controllerLab) syncAll() {
	for len(l.syncs) > 0 {
		l.sync(nil)
	}
}

func (l *controllerLab) powerLoss() {
	l.disk.PowerLoss(0)
	l.start()
}

// advance lets time pass, with a tick when the controller has asked for one.
func (l *controllerLab) advance(d time.Duration) {
	l.t.Helper()
	until := l.now.Mono.Add(d)
	for l.node.Deadline() <= until {
		l.now.Mono = max(l.now.Mono, l.node.Deadline())
		was := l.node.Deadline()
		l.step(&machine.Input{Kind: machine.Tick})
		if l.node.Deadline() == was {
			l.t.Fatalf("a tick at %d left the deadline there", was)
		}
	}
	l.now.Mono = until
}

func (l *controllerLab) dial() *labBroker {
	l.t.Helper()
	l.last++
	b := &labBroker{lab: l, conn: l.last, peer: wire.NewPeer("lab", wire.ControllerTable())}
	l.conns[b.conn] = b
	l.step(&machine.Input{Kind: machine.Accepted, Conn: b.conn})
	var out machine.Effects
	b.peer.Open(b.conn, &out)
	b.deliver(&out)
	return b
}

func (b *labBroker) deliver(out *machine.Effects) {
	b.lab.t.Helper()
	for _, e := range out.List {
		if e.Kind == machine.DoSend && !b.closed {
			b.lab.step(&machine.Input{Kind: machine.Received, Conn: e.Conn, Frame: e.Frame})
		}
	}
}

func (b *labBroker) send(req kmsg.Request) {
	b.lab.t.Helper()
	var out machine.Effects
	b.peer.Send(&out, req, nil, nil)
	b.deliver(&out)
}

// answer is the oldest answer not yet looked at.
func (b *labBroker) answer() wire.Answer {
	b.lab.t.Helper()
	if len(b.answers) == 0 {
		b.lab.t.Fatal("no answer")
	}
	a := b.answers[0]
	b.answers = b.answers[1:]
	return a
}

func (b *labBroker) waits(what string) {
	b.lab.t.Helper()
	if len(b.answers) > 0 {
		b.lab.t.Fatalf("%s is answered already: %+v", what, b.answers[0].Body)
	}
}

func labRegister(id int32, incarnation byte) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.BrokerID, req.IncarnationID = id, [16]byte{incarnation}
	listener := kmsg.NewBrokerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "PLAINTEXT", fmt.Sprintf("b%d", id), 9092
	req.Listeners = append(req.Listeners, listener)
	return req
}

func labHeartbeat(id int32, epoch, offset int64) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch, req.CurrentMetadataOffset = id, epoch, offset
	return req
}

func labCreate(topic string, replicas ...int32) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
	a.Replicas = replicas
	t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	req.Topics = append(req.Topics, t)
	return req
}

func labFetch(offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes = 1, 500, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = quorum.Topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// join registers a broker and unfences it; it returns the broker epoch.
func (b *labBroker) join(id int32, incarnation byte) int64 {
	b.lab.t.Helper()
	b.send(labRegister(id, incarnation))
	b.lab.syncAll()
	reg := b.answer().Body.(*kmsg.BrokerRegistrationResponse)
	if reg.ErrorCode != 0 {
		b.lab.t.Fatalf("register broker %d: %s", id, wire.ErrorName(reg.ErrorCode))
	}
	b.send(labHeartbeat(id, reg.BrokerEpoch, b.lab.node.Image().Offset))
	b.lab.syncAll()
	if hb := b.answer().Body.(*kmsg.BrokerHeartbeatResponse); hb.ErrorCode != 0 || hb.IsFenced {
		b.lab.t.Fatalf("heartbeat of broker %d: %+v", id, hb)
	}
	return reg.BrokerEpoch
}
