package queue

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/broker/storage/storagetest"
)

// stepped is a transport to a broker of ours that is stepped by hand. Disks answer at
// once.
type stepped struct {
	cfg    Config
	broker *Broker
	disk   *storagetest.Disk
	now    machine.Instant
	ids    map[string]machine.ConnID
	names  map[machine.ConnID]string
	next   machine.ConnID
	inbox  map[string][]wire.Frame
	ended  map[string]bool
	unread map[string]bool // the broker reads nothing of it for now
	syncs  []machine.Effect
	hold   bool   // syncs are not answered
	deaf   string // a connection whose client reads nothing
	unsent int64  // of it, as the runner says
}

func newStepped(cfg Config) *stepped {
	d := &stepped{cfg: cfg, disk: storagetest.New(), ids: make(map[string]machine.ConnID), names: make(map[machine.ConnID]string),
		inbox: make(map[string][]wire.Frame), ended: make(map[string]bool), unread: make(map[string]bool)}
	d.boot()
	return d
}

func (d *stepped) boot() {
	d.broker = New(d.cfg)
	d.step(&machine.Input{Kind: machine.Start, Files: d.disk})
}

func (d *stepped) step(in *machine.Input) {
	var out machine.Effects
	out.Kernel = func(c machine.ConnID) int64 {
		if d.deaf != "" && c == d.ids[d.deaf] {
			return d.unsent
		}
		return 0
	}
	d.broker.Step(machine.Now{Mono: d.now, Wall: d.now}, in, &out)
	for _, e := range out.List {
		switch e.Kind {
		case machine.DoSend:
			name := d.names[e.Conn]
			for b := e.Frame; b.Len() > 0; {
				f, rest, err := wire.Next(b)
				must(err)
				d.inbox[name] = append(d.inbox[name], f)
				b = rest
			}
		case machine.DoClose:
			d.ended[d.names[e.Conn]] = true
		case machine.DoStopReading, machine.DoRead:
			d.unread[d.names[e.Conn]] = e.Kind == machine.DoStopReading
		case machine.DoSync:
			d.syncs = append(d.syncs, e)
		}
	}
	for _, e := range out.List { // everybody reads at once: what was full has drained
		if e.Kind == machine.DoSend && (d.deaf == "" || e.Conn != d.ids[d.deaf]) && d.broker.conns[e.Conn] != nil && d.broker.conns[e.Conn].clogged {
			d.step(&machine.Input{Kind: machine.Drained, Conn: e.Conn})
		}
	}
	check(d.broker)
}

// settle answers the disk until it has nothing more to do.
func (d *stepped) settle() {
	for len(d.syncs) > 0 && !d.hold {
		e := d.syncs[0]
		d.syncs = d.syncs[1:]
		d.disk.Sync(e.Name)
		d.step(&machine.Input{Kind: machine.DiskDone, Tag: e.Tag})
	}
}

func (d *stepped) open(name string) {
	d.next++
	d.ids[name], d.names[d.next], d.ended[name] = d.next, name, false
	d.inbox[name] = nil
	d.step(&machine.Input{Kind: machine.Accepted, Conn: d.next})
}

func (d *stepped) send(name string, b machine.Bytes) {
	d.step(&machine.Input{Kind: machine.Received, Conn: d.ids[name], Frame: b})
}

func (d *stepped) await(string) {}

func (d *stepped) hear() map[string][]wire.Frame {
	d.settle()
	got := d.inbox
	d.inbox = make(map[string][]wire.Frame)
	return got
}

func (d *stepped) closed(name string) bool { return d.ended[name] }

func (d *stepped) kill(name string) {
	d.step(&machine.Input{Kind: machine.Closed, Conn: d.ids[name], Err: machine.ErrReset})
}

func (d *stepped) sleep(by time.Duration) {
	until := d.now.Add(by)
	for d.broker.Deadline() <= until {
		d.now = max(d.now, d.broker.Deadline())
		d.step(&machine.Input{Kind: machine.Tick})
		d.settle()
	}
	d.now = until
}

// restart ends the broker's life: with nothing lost, or by a power loss.
func (d *stepped) restart(how string) {
	if how == "after power loss" {
		d.disk.PowerLoss(0)
	}
	d.syncs, d.inbox = nil, make(map[string][]wire.Frame)
	d.cfg.Life++
	d.boot()
}

// check looks for what must hold of a broker after every step.
func check(b *Broker) {
	refs := make(map[*message]int)
	unacked := make(map[*queue]int)
	for _, q := range b.queues {
		last := uint64(0)
		bytes := int64(0)
		for i := q.ready.head; i < len(q.ready.items); i++ {
			h := &q.ready.items[i]
			refs[h.msg]++
			bytes += h.msg.body.Len()
			if q.limits.kind == classic && b.cfg.Failpoints == nil && h.seq <= last {
				panic(fmt.Sprintf("%s: place %d behind %d", q.name, h.seq, last))
			}
			last = h.seq
			checkWritten(q, h)
		}
		for _, c := range q.turn {
			if !slices.Contains(q.consumers, c) {
				panic(fmt.Sprintf("%s: consumer %s has gone and has a turn", q.name, c.tag))
			}
		}
		if bytes != q.ready.bytes {
			panic(fmt.Sprintf("%s: %d bytes ready, counted %d", q.name, bytes, q.ready.bytes))
		}
	}
	for _, c := range b.conns {
		for _, ch := range c.channels {
			held := make(map[*consumer]int)
			consumed := 0
			for i := range ch.unacked {
				x := &ch.unacked[i]
				refs[x.m.msg]++
				unacked[x.q]++
				held[x.consumer]++
				if x.consumer != nil {
					consumed++
				}
				checkWritten(x.q, &x.m)
			}
			if consumed != ch.globalUnacked {
				panic(fmt.Sprintf("channel %d holds %d of consumers, counted %d", ch.number, consumed, ch.globalUnacked))
			}
			for _, c := range ch.consumers {
				if c.unacked != held[c] {
					panic(fmt.Sprintf("consumer %s holds %d, counted %d", c.tag, held[c], c.unacked))
				}
				if c.prefetch > 0 && c.unacked > c.prefetch && b.cfg.Failpoints == nil {
					panic(fmt.Sprintf("consumer %s holds %d, its prefetch is %d", c.tag, c.unacked, c.prefetch))
				}
			}
		}
	}
	memory, live := int64(0), int64(0)
	for m, n := range refs {
		if m.refs != n {
			panic(fmt.Sprintf("a message has %d refs, counted %d", m.refs, n))
		}
		memory += m.body.Len()
		if m.segment != nil {
			live += m.body.Len()
		}
	}
	if memory != b.memory || live != b.journal.liveBytes {
		panic(fmt.Sprintf("memory %d and %d live, counted %d and %d", b.memory, b.journal.liveBytes, memory, live))
	}
	for q, n := range unacked {
		if q.unacked != n {
			panic(fmt.Sprintf("%s: %d unacked, counted %d", q.name, q.unacked, n))
		}
	}
}

func checkWritten(q *queue, h *held) {
	if h.written && !q.deleted && h.msg.segment == nil {
		panic(fmt.Sprintf("%s: a message is written and stands nowhere", q.name))
	}
}
