package pubsub

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
	"brokersim/faults/failpoint"
)

// lab is a broker with connections, whose ends take what they are sent unless they are
// told to be slow.
type lab struct {
	broker *Broker
	points *failpoint.Set
	now    machine.Instant
	out    machine.Effects
	conns  []*labConn
}

type labConn struct {
	name   string
	id     machine.ConnID
	buf    []byte // sent and not split yet
	slow   bool
	unsent []machine.Bytes
	got    []byte
	full   bool // Drained is owed
	closed bool // by the broker
}

func newLab(cfg Config) *lab {
	l := &lab{points: failpoint.New(1, 1)}
	cfg.Failpoints = l.points
	l.broker = NewBroker(cfg)
	l.out.Kernel = func(id machine.ConnID) int64 { return size(l.conns[id-1].unsent) }
	l.step(machine.Input{Kind: machine.Start})
	return l
}

func size(frames []machine.Bytes) (n int64) {
	for _, f := range frames {
		n += f.Len()
	}
	return n
}

func (l *lab) step(in machine.Input) {
	var full []*labConn // since before the step: what one step sends is not counted within it
	for _, c := range l.conns {
		if size(c.unsent) >= machine.DrainedBelow {
			full = append(full, c)
		}
	}
	l.out.Reset()
	l.broker.Step(machine.Now{Mono: l.now, Wall: l.now}, &in, &l.out)
	for _, x := range l.out.List {
		c := l.conns[x.Conn-1]
		switch x.Kind {
		case machine.DoSend:
			if slices.Contains(full, c) {
				panic(fmt.Sprintf("%s is sent more while its socket is full", c.name))
			}
			c.unsent = append(c.unsent, x.Frame)
			c.full = c.full || l.out.Unsent(c.id) >= machine.DrainedBelow
		case machine.DoClose:
			c.closed = true
		default:
			panic(fmt.Sprintf("unexpected effect: %v", x))
		}
	}
	for _, c := range l.conns {
		if !c.slow {
			l.take(c)
		}
	}
}

// take has an end take all that was sent to it so far.
func (l *lab) take(c *labConn) {
	for _, f := range c.unsent {
		c.got = f.AppendTo(c.got)
	}
	c.unsent = nil
	if c.full {
		c.full = false
		if !c.closed {
			l.step(machine.Input{Kind: machine.Drained, Conn: c.id})
		}
	}
}

// swallow has a slow end take the first n frames, of which the broker does not hear yet: the
// word that it has drained is under way.
func (l *lab) swallow(c *labConn, n int) {
	n = min(n, len(c.unsent))
	for _, f := range c.unsent[:n] {
		c.got = f.AppendTo(c.got)
	}
	c.unsent = c.unsent[n:]
}

func (l *lab) open(name string) {
	c := &labConn{name: name, id: machine.ConnID(len(l.conns) + 1)}
	l.conns = append(l.conns, c)
	l.step(machine.Input{Kind: machine.Accepted, Conn: c.id})
}

func (l *lab) conn(name string) *labConn {
	i := slices.IndexFunc(l.conns, func(c *labConn) bool { return c.name == name })
	if i < 0 {
		panic("no connection " + name)
	}
	return l.conns[i]
}

// send hands over bytes as a listener does: command by command.
func (l *lab) send(name string, b []byte) {
	c := l.conn(name)
	c.buf = append(c.buf, b...)
	for !c.closed {
		n, err := wire.Split(c.buf)
		if err != nil || n == 0 {
			return
		}
		frame := slices.Clone(c.buf[:n])
		c.buf = c.buf[n:]
		l.step(machine.Input{Kind: machine.Received, Conn: c.id, Frame: machine.Literal(frame)})
	}
}

func (l *lab) close(name string) {
	c := l.conn(name)
	c.closed = true
	l.step(machine.Input{Kind: machine.Closed, Conn: c.id, Err: machine.ErrEOF})
}

func (l *lab) advance(d time.Duration) {
	until := l.now.Add(d)
	for l.broker.Deadline() <= until {
		l.now = l.broker.Deadline()
		l.step(machine.Input{Kind: machine.Tick})
	}
	l.now = until
}

// received is what an end has got since the last time, and whether that was all.
func (l *lab) received(name string) (values []wire.Value, eof bool) {
	c := l.conn(name)
	values, c.got = splitValues(c.got)
	return values, c.closed && len(c.unsent) == 0
}

func (l *lab) names() (list []string) {
	for _, c := range l.conns {
		list = append(list, c.name)
	}
	return list
}

func splitValues(b []byte) (values []wire.Value, rest []byte) {
	for {
		n, err := wire.SplitValue(b)
		if err != nil {
			panic(err)
		}
		if n == 0 {
			return values, b
		}
		v, err := wire.DecodeValue(machine.Literal(slices.Clone(b[:n])))
		if err != nil {
			panic(err)
		}
		values, b = append(values, v), b[n:]
	}
}

// command is a line of a story as bytes: what is in backquotes goes as it is, other lines
// as a client sends them.
func commandBytes(t *testing.T, line string) []byte {
	if raw, ok := strings.CutPrefix(line, "raw "); ok {
		return []byte(strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\0`, "\x00").Replace(raw))
	}
	c, err := wire.DecodeCommand(machine.Literal([]byte(line + "\r\n")))
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return wire.EncodeCommand(c.Args...).Contiguous()
}
