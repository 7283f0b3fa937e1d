package queue

import (
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// A file of the journal may go when nothing in it is held and what the next begins with
// is on the disk, not before: a power loss would leave neither.
func TestOldFilesStayUntilTheNextIsDurable(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1, Settings: Settings{SegmentBytes: 300}})
	k := newTalk(d)
	k.do(`
		a1 queue.declare queue=q durable
		a1 basic.publish key=q body=first persistent
		a1 basic.get queue=q noack
		a1 confirm.select`)
	d.hold = true
	k.do(`
		a1 basic.publish key=q body=zeros:100 persistent
		a1 basic.publish key=q body=zeros:300 persistent
		a1 basic.get queue=q noack
		a1 basic.get queue=q noack`)
	file := (&segment{number: 1}).name()
	if len(d.disk.List()) < 2 || len(d.syncs) != 1 {
		t.Fatalf("want a second file and one sync under way: %v, %v", d.disk.List(), d.syncs)
	}
	e := d.syncs[0]
	d.syncs = nil
	d.disk.Sync(e.Name)
	d.step(&machine.Input{Kind: machine.DiskDone, Tag: e.Tag})
	if !slices.Contains(d.disk.List(), file) {
		t.Error("the first file has gone, and nothing of the second is on the disk")
	}
	d.hold = false
	d.sleep(time.Second)
	d.settle()
	if slices.Contains(d.disk.List(), file) {
		t.Error("the first file stays for ever")
	}
	if got := k.do("restart after power loss\nb1 queue.declare queue=q passive"); !strings.Contains(got, "declare-ok") {
		t.Error(got)
	}
}

// A broker sends heartbeats when it has nothing else to send, and gives up a client that
// sends none for twice the time-out.
func TestHeartbeats(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1})
	d.open("a")
	d.send("a", machine.Literal([]byte(wire.ProtocolHeader)))
	for _, m := range []wire.Method{
		&wire.ConnectionStartOk{Mechanism: "PLAIN", Response: "\x00guest\x00guest"}, &wire.ConnectionTuneOk{FrameMax: 4096, Heartbeat: 2}, &wire.ConnectionOpen{VirtualHost: "/"},
	} {
		d.send("a", first(wire.Encode(0, m)))
	}
	d.hear()
	for i := range 5 {
		d.sleep(1100 * time.Millisecond)
		if got := d.hear()["a"]; len(got) != 1 || got[0].Type != wire.FrameHeartbeat {
			t.Fatalf("after %d intervals: %v", i+1, got)
		}
		d.send("a", wire.Heartbeat())
	}
	d.sleep(3900 * time.Millisecond)
	if d.closed("a") {
		t.Error("a client is given up before twice the time-out")
	}
	d.sleep(200 * time.Millisecond)
	if !d.closed("a") {
		t.Error("a silent client is not given up")
	}
}

// A client that has said nothing, or the wrong thing, is not waited for.
func TestHandshakes(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1})
	d.open("silent")
	d.sleep(11 * time.Second)
	if !d.closed("silent") {
		t.Error("a client may be silent for ever")
	}
	d.open("http")
	d.send("http", machine.Literal([]byte("GET / HTTP/1.1\r\n\r\n")))
	got := d.hear()["http"]
	if !d.closed("http") || len(got) != 1 || string(got[0].Payload.Contiguous()) != wire.ProtocolHeader {
		t.Errorf("another protocol is answered by %v", got)
	}
}

// A broker whose disk fails closes all connections and takes none until it is started
// again; what it had confirmed is then there.
func TestFailedSyncEndsTheLife(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1})
	k := newTalk(d)
	k.do("a1 queue.declare queue=q durable\na1 confirm.select\na1 basic.publish key=q body=1 persistent")
	d.hold = true
	k.do("a1 basic.publish key=q body=2 persistent")
	d.step(&machine.Input{Kind: machine.DiskDone, Tag: d.syncs[0].Tag, Err: machine.ErrIO})
	if d.broker.Err() == nil || !d.closed("a") {
		t.Error("a failed sync is believed")
	}
	d.open("b")
	if !d.closed("b") {
		t.Error("a broker that has given up takes connections")
	}
	d.hold = false
	if got := k.do("restart after power loss\nc1 basic.get queue=q"); !strings.Contains(got, "body=1") {
		t.Error(got)
	}
}

// A publisher of which too many messages wait for the disk is not read until so many
// are written as credit says; who publishes nothing is read all the while.
func TestCredit(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1, Settings: Settings{Credit: 4, CreditMore: 3}})
	k := newTalk(d)
	k.do("a1 queue.declare queue=q durable\nb1 queue.declare queue=q passive")
	d.hold = true
	for i := range 4 {
		if d.unread["a"] {
			t.Errorf("not read with %d messages waiting", i)
		}
		k.do("a1 basic.publish key=q body=m persistent\na1 basic.publish key=q body=transient")
	}
	if !d.unread["a"] || d.unread["b"] {
		t.Errorf("with 4 messages waiting: %v", d.unread)
	}
	d.hold = false
	if d.hear(); d.unread["a"] {
		t.Error("everything is written, and it is not read")
	}
}

// A publisher is not read while too much memory is held, and then again.
func TestMemoryAlarm(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1, Settings: Settings{MemoryHighWatermark: 10}})
	k := newTalk(d)
	k.do("a1 queue.declare queue=q\nb1 queue.declare queue=q passive")
	if k.do("a1 basic.publish key=q body=1234567890"); d.unread["a"] {
		t.Error("not read at the watermark, want above it")
	}
	if k.do("a1 basic.publish key=q body=1"); !d.unread["a"] || d.unread["b"] {
		t.Errorf("above the watermark: %v", d.unread)
	}
	if k.do("b1 basic.get queue=q noack"); d.unread["a"] {
		t.Error("there is room, and it is not read")
	}
}

// No more than 64 KiB and one message leave for a client that does not read.
func TestSlowConsumerIsNotFed(t *testing.T) {
	d := newStepped(Config{Name: "b1", Seed: 1})
	k := newTalk(d)
	k.do("a1 queue.declare queue=q\na1 basic.consume queue=q consumertag=c noack")
	c := d.broker.conns[d.ids["a"]]
	k.do("b1 basic.qos")
	d.deaf = "a"
	for range 40 {
		k.do("b1 basic.publish key=q body=zeros:10000")
	}
	ready, _, _ := d.broker.Depth("q")
	if c.clogged || ready > 0 {
		t.Errorf("little by little nothing is known of it: clogged=%v, %d ready", c.clogged, ready)
	}
	d.unsent = machine.DrainedBelow
	k.do("b1 basic.publish key=q body=1")
	if ready, _, _ := d.broker.Depth("q"); ready != 1 {
		t.Errorf("%d ready, want the one that came when 64 KiB were unsent", ready)
	}
	d.unsent, d.deaf = 0, ""
	d.step(&machine.Input{Kind: machine.Drained, Conn: d.ids["a"]})
	if ready, _, _ := d.broker.Depth("q"); ready != 0 {
		t.Errorf("%d ready after it has drained", ready)
	}
}
