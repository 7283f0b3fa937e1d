package log

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// controllerLab runs one controller by hand: frames arrive at once, syncs are
// answered when a test says so.
type controllerLab struct {
	t     testing.TB
	disk  *labDisk
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
	l := &controllerLab{t: t, disk: newLabDisk(), conns: map[machine.ConnID]*labBroker{}}
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
		l.disk.durable[e.Name] = slices.Clone(l.disk.files[e.Name])
	}
	l.step(&machine.Input{Kind: machine.DiskDone, Tag: e.Tag, Err: err})
}

func (l *controllerLab) syncAll() {
	for len(l.syncs) > 0 {
		l.sync(nil)
	}
}

func (l *controllerLab) powerLoss() {
	l.disk.files = map[string][]byte{}
	for name, b := range l.disk.durable { // unordered: file by file
		l.disk.files[name] = slices.Clone(b)
	}
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

// Until its epoch is durable a controller decides nothing.
func TestControllerNotYetActive(t *testing.T) {
	l := newControllerLab(t)
	b := l.dial()
	b.send(labRegister(1, 1))
	if code := b.answer().Body.(*kmsg.BrokerRegistrationResponse).ErrorCode; code != wire.NotController {
		t.Errorf("register: %s", wire.ErrorName(code))
	}
	b.send(labHeartbeat(1, 0, 0))
	if code := b.answer().Body.(*kmsg.BrokerHeartbeatResponse).ErrorCode; code != wire.NotController {
		t.Errorf("heartbeat: %s", wire.ErrorName(code))
	}
	b.send(labCreate("orders", 1))
	if topics := b.answer().Body.(*kmsg.CreateTopicsResponse).Topics; len(topics) != 1 || topics[0].ErrorCode != wire.NotController {
		t.Errorf("create: %+v", topics)
	}
	b.send(kmsg.NewPtrAlterPartitionRequest())
	if code := b.answer().Body.(*kmsg.AlterPartitionResponse).ErrorCode; code != wire.NotController {
		t.Errorf("alter: %s", wire.ErrorName(code))
	}
	b.send(kmsg.NewPtrAllocateProducerIDsRequest())
	if code := b.answer().Body.(*kmsg.AllocateProducerIDsResponse).ErrorCode; code != wire.NotController {
		t.Errorf("producer ids: %s", wire.ErrorName(code))
	}
	b.send(labFetch(0))
	if code := b.answer().Body.(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode; code != wire.NotLeaderOrFollower {
		t.Errorf("fetch: %s", wire.ErrorName(code))
	}
	if l.node.Deadline() != machine.Never || l.node.Image().Offset != -1 {
		t.Errorf("deadline %d, image at %d", l.node.Deadline(), l.node.Image().Offset)
	}
	l.sync(nil) // the epoch; its first batch is not durable yet
	b.send(labRegister(1, 1))
	if code := b.answer().Body.(*kmsg.BrokerRegistrationResponse).ErrorCode; code != wire.NotController || l.node.Active() {
		t.Errorf("register: %s, active %t", wire.ErrorName(code), l.node.Active())
	}
	l.syncAll()
	b.send(labRegister(1, 1))
	l.syncAll()
	if reg := b.answer().Body.(*kmsg.BrokerRegistrationResponse); reg.ErrorCode != 0 || reg.BrokerEpoch != 1 {
		t.Errorf("register: %+v", reg)
	}
}

// No answer leaves before what it rests on is durable: a crash before the sync
// has promised nothing, one after it keeps all.
func TestControllerPromises(t *testing.T) {
	for _, synced := range []bool{false, true} {
		l := newActiveLab(t)
		b, other := l.dial(), l.dial()
		epoch := b.join(1, 1)
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = 1, epoch
		b.send(req)
		b.waits("a block of producer ids")
		// What changes nothing has still looked at what is not durable.
		other.send(labHeartbeat(1, epoch, l.node.Image().Offset))
		other.waits("a heartbeat")
		reader := l.dial()
		reader.send(labFetch(0))
		if p := reader.answer().Body.(*kmsg.FetchResponse).Topics[0].Partitions[0]; p.HighWatermark != l.node.HighWatermark() || p.HighWatermark > l.node.Image().Offset {
			t.Errorf("a reader was told of high watermark %d; image at %d", p.HighWatermark, l.node.Image().Offset)
		}
		if synced {
			l.syncAll()
			block := b.answer().Body.(*kmsg.AllocateProducerIDsResponse)
			if block.ErrorCode != 0 || block.ProducerIDStart != 0 || block.ProducerIDLen != controller.ProducerIDBlock {
				t.Fatalf("block %+v", block)
			}
			other.answer()
		}
		l.powerLoss()
		l.syncAll()
		if next := l.node.Image().NextProducerID; next != 0 != synced {
			t.Errorf("synced=%t: the next producer id after the crash is %d", synced, next)
		}
	}
}

// A process that crashed leaves in the page cache what it had not synced. That
// is neither lost nor known to be kept: nobody hears of it before it is synced.
func TestControllerProcessCrash(t *testing.T) {
	l := newActiveLab(t)
	b := l.dial()
	b.send(labRegister(1, 1))
	b.waits("the registration")
	epoch := l.node.ControllerEpoch()
	l.start()
	if l.node.Quorum().LogEnd() == 0 || l.node.Image().Brokers[1] != nil || l.node.HighWatermark() != 0 {
		t.Fatalf("the log ends at %d; replayed\n%vhigh watermark %d", l.node.Quorum().LogEnd(), l.node.Image(), l.node.HighWatermark())
	}
	l.syncAll()
	if l.node.Image().Brokers[1] == nil {
		t.Errorf("what was left in the page cache is not in the image\n%v", l.node.Image())
	}
	if l.node.ControllerEpoch() != epoch+1 || !l.node.Active() || l.node.HighWatermark() != l.node.Image().Offset+1 {
		t.Errorf("epoch %d after %d, active %t, high watermark %d, image at %d",
			l.node.ControllerEpoch(), epoch, l.node.Active(), l.node.HighWatermark(), l.node.Image().Offset)
	}
}

// A restarted controller has the image that it had, and fences nobody before a
// whole session without a sign of life.
func TestControllerRestart(t *testing.T) {
	l := newActiveLab(t)
	b := l.dial()
	b.join(1, 1)
	epoch := b.join(2, 2)
	b.send(labCreate("orders", 1, 2))
	l.syncAll()
	if a := b.answer().Body.(*kmsg.CreateTopicsResponse).Topics[0]; a.ErrorCode != 0 {
		t.Fatalf("create: %+v", a)
	}
	l.advance(8 * time.Second)
	was := l.node.Image().String()
	l.powerLoss()
	l.syncAll()
	// The only difference is the record that the new epoch begins with.
	if _, is, _ := strings.Cut(l.node.Image().String(), "\n"); !strings.HasSuffix(was, is) {
		t.Fatalf("after a restart\n%s\nbefore\n%s", is, was)
	}
	l.advance(8 * time.Second)
	b = l.dial()
	b.send(labHeartbeat(2, epoch, l.node.Image().Offset))
	if hb := b.answer().Body.(*kmsg.BrokerHeartbeatResponse); hb.ErrorCode != 0 || hb.IsFenced {
		t.Fatalf("heartbeat after the restart: %+v", hb)
	}
	if l.node.Image().Brokers[1].Fenced {
		t.Fatal("broker 1 was fenced 8 s after the restart")
	}
	l.advance(time.Second)
	l.syncAll()
	p := l.node.Image().Partition("orders", 0)
	if !l.node.Image().Brokers[1].Fenced || l.node.Image().Brokers[2].Fenced || p.Leader != 2 || p.LeaderEpoch != 1 {
		t.Errorf("9 s after the restart:\n%v", l.node.Image())
	}
}

// A fetch at the end waits: for records, or for its time.
func TestControllerLongPoll(t *testing.T) {
	l := newActiveLab(t)
	reader, b := l.dial(), l.dial()
	end := l.node.HighWatermark()
	reader.send(labFetch(end))
	reader.waits("a fetch at the end")
	b.send(labRegister(1, 1))
	reader.waits("a fetch of what is not durable")
	l.syncAll()
	a := reader.answer()
	p := a.Body.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	im := controller.NewImage()
	for h, batch := range wire.SplitBatches(a.Records[0]) {
		err := wire.EachRecord(batch, func(r *wire.Record) error {
			rec, err := controller.DecodeRecord(r.Value)
			if err != nil {
				return err
			}
			_, err = im.Replay(h.BaseOffset+int64(r.OffsetDelta), rec)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.HighWatermark != end+1 || im.String() != l.node.Image().String() {
		t.Errorf("high watermark %d; the reader has\n%snot\n%s", p.HighWatermark, im, l.node.Image())
	}

	reader.send(labFetch(end + 1))
	l.advance(499 * time.Millisecond)
	reader.waits("a fetch of 500 ms")
	l.advance(time.Millisecond)
	if p := reader.answer().Body.(*kmsg.FetchResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.HighWatermark != end+1 {
		t.Errorf("timed out with %+v", p)
	}
	// A reader who has gone is not woken.
	reader.send(labFetch(end + 1))
	l.step(&machine.Input{Kind: machine.Closed, Conn: reader.conn, Err: machine.ErrReset})
	delete(l.conns, reader.conn)
	if l.node.Deadline() != machine.Never {
		t.Errorf("a fetch of nobody's is due at %d", l.node.Deadline())
	}
}

// Each answer waits for its own records, not for the first sync that ends.
func TestControllerAnswersByOffset(t *testing.T) {
	l := newActiveLab(t)
	a, b := l.dial(), l.dial()
	a.send(labRegister(1, 1))
	b.send(labRegister(2, 2)) // goes with the next sync
	l.sync(nil)
	a.answer()
	b.waits("what the first sync did not cover")
	l.sync(nil)
	b.answer()
}

// What a run must have met is counted where it is decided.
func TestControllerSituations(t *testing.T) {
	l := newActiveLab(t)
	b := l.dial()
	epoch := b.join(1, 1)
	b.join(2, 2)
	b.send(labCreate("orders", 1, 2))
	l.syncAll()
	b.answer()
	count := func(leaders, shrinks, expands uint64) {
		t.Helper()
		fp := l.failpoints
		if got := [3]uint64{fp.Reached(failpoint.LeaderChange), fp.Reached(failpoint.ISRShrink), fp.Reached(failpoint.ISRExpand)}; got != [3]uint64{leaders, shrinks, expands} {
			t.Errorf("%d leader changes, ISR shrinks, expansions; want %d, %d, %d", got, leaders, shrinks, expands)
		}
	}
	alter := func(isr ...int32) {
		t.Helper()
		p := l.node.Image().Partition("orders", 0)
		want := kmsg.NewAlterPartitionRequestTopicPartition()
		want.LeaderEpoch, want.PartitionEpoch = p.LeaderEpoch, p.PartitionEpoch
		for _, id := range isr {
			r := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			r.BrokerID, r.BrokerEpoch = id, l.node.Image().Brokers[id].Epoch
			want.NewEpochISR = append(want.NewEpochISR, r)
		}
		topic := kmsg.NewAlterPartitionRequestTopic()
		topic.TopicID = p.TopicID
		topic.Partitions = append(topic.Partitions, want)
		req := kmsg.NewPtrAlterPartitionRequest()
		req.BrokerID, req.BrokerEpoch = 1, epoch
		req.Topics = append(req.Topics, topic)
		b.send(req)
		b.waits("a change of the ISR")
		l.syncAll()
		a := b.answer().Body.(*kmsg.AlterPartitionResponse)
		if a.ErrorCode != 0 || a.Topics[0].Partitions[0].ErrorCode != 0 || !slices.Equal(a.Topics[0].Partitions[0].ISR, isr) {
			t.Fatalf("alter: %+v", a)
		}
	}
	count(0, 0, 0)
	alter(1)
	count(0, 1, 0)
	alter(1, 2)
	count(0, 1, 1)
	fence := labHeartbeat(1, epoch, l.node.Image().Offset)
	fence.WantFence = true
	b.send(fence)
	l.syncAll()
	count(1, 2, 1)
}

// What cannot be understood ends its connection.
func TestControllerGarbage(t *testing.T) {
	for name, frame := range map[string][]byte{ // unordered: independent rows
		"nothing":            {0, 0, 0, 0},
		"wrong size":         {0, 0, 0, 9, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"unknown key":        {0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"unknown version":    {0, 0, 0, 10, 0, 62, 0, 99, 0, 0, 0, 1, 0xff, 0xff},
		"produce":            {0, 0, 0, 10, 0, 0, 0, 9, 0, 0, 0, 1, 0xff, 0xff},
		"half a heartbeat":   {0, 0, 0, 12, 0, 63, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0, 0},
		"half a fetch of v4": {0, 0, 0, 12, 0, 1, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0, 0},
	} {
		l := newActiveLab(t)
		b := l.dial()
		l.step(&machine.Input{Kind: machine.Received, Conn: b.conn, Frame: machine.Literal(frame)})
		if !b.closed || len(b.answers) > 0 || l.node.Err() != nil {
			t.Errorf("%s: closed %t, answers %v, error %v", name, b.closed, b.answers, l.node.Err())
		}
	}
	// An ApiVersions that is too new is answered all the same (KIP-511).
	l := newActiveLab(t)
	l.out.Reset()
	l.node.Step(l.now, &machine.Input{Kind: machine.Accepted, Conn: 9}, &l.out)
	l.node.Step(l.now, &machine.Input{
		Kind: machine.Received, Conn: 9, Frame: machine.Literal([]byte{0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff}),
	}, &l.out)
	if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
		t.Fatalf("answered with %v", &l.out)
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := resp.ReadFrom(l.out.List[0].Frame.Contiguous()[8:]); err != nil || resp.ErrorCode != wire.UnsupportedVersion || len(resp.ApiKeys) == 0 {
		t.Errorf("answered with %+v, %v", resp, err)
	}
}

// Answers of a connection keep the order of its requests.
func TestControllerOrder(t *testing.T) {
	l := newActiveLab(t)
	b := l.dial()
	epoch := b.join(1, 1)
	b.send(labFetch(l.node.HighWatermark()))
	b.send(labHeartbeat(1, epoch, 0))
	b.send(labHeartbeat(1, epoch, 0))
	b.waits("anything")
	if !b.stopped {
		t.Error("the connection is read on although its requests wait")
	}
	l.advance(500 * time.Millisecond)
	if b.stopped {
		t.Error("the connection is not read again")
	}
	if _, ok := b.answer().Body.(*kmsg.FetchResponse); !ok {
		t.Error("the first answer is not that of the fetch")
	}
	b.answer()
	b.answer()
}

// After an error of the disk a controller has nothing more to say.
func TestControllerDiskError(t *testing.T) {
	l := newActiveLab(t)
	b := l.dial()
	b.join(1, 1)
	b.send(labRegister(2, 2))
	l.sync(machine.ErrIO)
	b.waits("a registration that could not be synced")
	if !b.closed || !errors.Is(l.node.Err(), machine.ErrIO) || l.node.Active() || l.node.Deadline() != machine.Never {
		t.Errorf("closed %t, error %v, active %t, deadline %d", b.closed, l.node.Err(), l.node.Active(), l.node.Deadline())
	}
	l.last++
	late := &labBroker{lab: l, conn: l.last, peer: wire.NewPeer("lab", wire.ControllerTable())}
	l.conns[late.conn] = late
	l.step(&machine.Input{Kind: machine.Accepted, Conn: late.conn})
	if !late.closed {
		t.Error("a new connection was let in")
	}
	l.start() // the next life reads the disk again
	l.syncAll()
	if !l.node.Active() {
		t.Errorf("the next life is not active: %v", l.node.Err())
	}

	l = newActiveLab(t)
	b = l.dial()
	l.disk.fail = machine.ErrNoSpace
	b.send(labRegister(1, 1))
	if !b.closed || !errors.Is(l.node.Err(), machine.ErrNoSpace) || len(l.node.Image().Brokers) > 0 {
		t.Errorf("full disk: closed %t, error %v, image\n%v", b.closed, l.node.Err(), l.node.Image())
	}

	// Two sessions end at once, and the first of them cannot be written down.
	l = newActiveLab(t)
	b = l.dial()
	b.join(1, 1)
	b.join(2, 2)
	l.disk.fail = machine.ErrNoSpace
	l.advance(20 * time.Second)
	if !errors.Is(l.node.Err(), machine.ErrNoSpace) {
		t.Errorf("full disk when sessions end: error %v", l.node.Err())
	}
}

// What is in the log must be a log that a controller wrote.
func TestControllerBadLog(t *testing.T) {
	l := newActiveLab(t)
	l.dial().join(1, 1)
	for name := range l.disk.files { // unordered: one of them
		if strings.HasSuffix(name, "quorum-state") {
			l.disk.files[name] = slices.Concat([]byte("garbage\n"), l.disk.files[name])
		}
	}
	l.start()
	if l.node.Err() == nil || l.node.Active() || len(l.syncs) > 0 {
		t.Errorf("started on a bad quorum-state: %v, syncs %v", l.node.Err(), l.syncs)
	}
}

// Garbage closes its connection and touches nothing else.
func FuzzControllerFrame(f *testing.F) {
	var out machine.Effects
	peer := wire.NewPeer("lab", wire.ControllerTable())
	seed := func() {
		for _, e := range out.List {
			f.Add(e.Frame.Contiguous())
		}
		out.Reset()
	}
	l := newActiveLab(f)
	b := l.dial()
	peer.Open(b.conn, &out)
	seed()
	for _, req := range []kmsg.Request{
		labRegister(1, 1), labHeartbeat(1, 0, 0), labCreate("orders", 1), labFetch(0),
		kmsg.NewPtrAlterPartitionRequest(), kmsg.NewPtrAllocateProducerIDsRequest(),
	} {
		b.peer.Send(&out, req, nil, nil)
		seed()
	}
	f.Add([]byte{0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 10, 0, 62, 0, 4, 0, 0, 0, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		l := newActiveLab(t)
		good := l.dial()
		good.join(1, 1)
		l.last++
		bad := l.last
		l.step(&machine.Input{Kind: machine.Accepted, Conn: bad})
		l.out.Reset()
		in := machine.Input{Kind: machine.Received, Conn: bad, Frame: machine.Literal(bytes.Clone(frame))}
		l.node.Step(l.now, &in, &l.out)
		for _, e := range l.out.List {
			if e.Kind == machine.DoSync {
				l.syncs = append(l.syncs, e)
			}
		}
		if l.node.Err() != nil {
			t.Fatalf("the controller gave up: %v", l.node.Err())
		}
		l.step(&machine.Input{Kind: machine.Closed, Conn: bad, Err: machine.ErrReset})
		l.syncAll()
		good.join(2, 2)
	})
}

// labDisk is files in memory, with what of them is durable.
type labDisk struct {
	files, durable map[string][]byte
	fail           error // of every write
}

func newLabDisk() *labDisk {
	return &labDisk{files: map[string][]byte{}, durable: map[string][]byte{}}
}

func (d *labDisk) List() []string { return slices.Sorted(maps.Keys(d.files)) }

func (d *labDisk) Size(name string) (int64, bool) {
	b, ok := d.files[name]
	return int64(len(b)), ok
}

func (d *labDisk) Append(name string, b machine.Bytes) error {
	if d.fail != nil {
		return d.fail
	}
	d.files[name] = b.AppendTo(slices.Clip(d.files[name]))
	return nil
}

func (d *labDisk) Truncate(name string, size int64) error {
	d.files[name] = d.files[name][:min(size, int64(len(d.files[name])))]
	return d.fail
}

func (d *labDisk) Rename(from, to string) error {
	d.files[to] = d.files[from]
	delete(d.files, from)
	return d.fail
}

func (d *labDisk) Remove(name string) error {
	delete(d.files, name)
	return d.fail
}

func (d *labDisk) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	b := d.files[name]
	off = min(off, int64(len(b)))
	return machine.Literal(b[off:min(off+n, int64(len(b)))]), nil
}

func (d *labDisk) Resident(string, int64, int64) bool { return true }

// A heartbeat is what a controller hears most.
func BenchmarkControllerHeartbeat(b *testing.B) {
	l := newActiveLab(b)
	broker := l.dial()
	epoch := broker.join(1, 1)
	var out machine.Effects
	broker.peer.Send(&out, labHeartbeat(1, epoch, l.node.Image().Offset), nil, nil)
	in := machine.Input{Kind: machine.Received, Conn: broker.conn, Frame: out.List[0].Frame}
	b.ReportAllocs()
	for b.Loop() {
		l.out.Reset()
		l.node.Step(l.now, &in, &l.out)
	}
	if len(l.out.List) != 1 || l.out.List[0].Kind != machine.DoSend {
		b.Fatalf("answered with %v", &l.out)
	}
}
