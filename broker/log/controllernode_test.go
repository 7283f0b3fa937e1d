package log

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

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
	if l.node.Deadline() != l.node.tasks[0].at {
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
	l.disk.Err = machine.ErrNoSpace
	b.send(labRegister(1, 1))
	if !b.closed || !errors.Is(l.node.Err(), machine.ErrNoSpace) || len(l.node.Image().Brokers) > 0 {
		t.Errorf("full disk: closed %t, error %v, image\n%v", b.closed, l.node.Err(), l.node.Image())
	}

	// Two sessions end at once, and the first of them cannot be written down.
	l = newActiveLab(t)
	b = l.dial()
	b.join(1, 1)
	b.join(2, 2)
	l.disk.Err = machine.ErrNoSpace
	l.advance(20 * time.Second)
	if !errors.Is(l.node.Err(), machine.ErrNoSpace) {
		t.Errorf("full disk when sessions end: error %v", l.node.Err())
	}
}

// What is in the log must be a log that a controller wrote.
func TestControllerBadLog(t *testing.T) {
	l := newActiveLab(t)
	l.dial().join(1, 1)
	for _, name := range l.disk.List() {
		if strings.HasSuffix(name, "quorum-state") {
			l.disk.Put(name, slices.Concat([]byte("garbage\n"), l.disk.Get(name)))
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
