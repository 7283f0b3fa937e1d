package client

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub"
	"brokersim/broker/pubsub/wire"
)

// pubsubLab is clients and a broker that hear each other at once, unless the broker is
// down, or silent: then nothing reaches it any more.
type pubsubLab struct {
	t       *testing.T
	now     machine.Instant
	broker  *pubsub.Broker
	silent  bool
	clients []*PubSub
	owner   map[machine.ConnID]*PubSub
	next    machine.ConnID
	said    []string
}

func newPubSubLab(t *testing.T, configs ...PubSubConfig) *pubsubLab {
	l := &pubsubLab{t: t, broker: pubsub.NewBroker(pubsub.Config{}), owner: map[machine.ConnID]*PubSub{}}
	for _, cfg := range configs {
		cfg.Addrs = []string{"b1:6379"}
		l.clients = append(l.clients, NewPubSub(cfg))
	}
	return l
}

// step tells a client what happened and does what it, and then the broker, wants done.
func (l *pubsubLab) step(c *PubSub, in machine.Input) {
	var out machine.Effects
	c.Step(machine.Now{Mono: l.now}, &in, &out)
	c.Run(machine.Now{Mono: l.now}, &out)
	l.perform(c, &out)
}

func (l *pubsubLab) perform(c *PubSub, out *machine.Effects) {
	for _, x := range out.List {
		switch {
		case x.Kind == machine.DoDial && l.broker == nil:
			l.step(c, machine.Input{Kind: machine.Closed, Tag: x.Tag, Err: machine.ErrRefused})
		case x.Kind == machine.DoDial:
			l.next++
			l.owner[l.next] = c
			l.tell(machine.Input{Kind: machine.Accepted, Conn: l.next})
			l.step(c, machine.Input{Kind: machine.Opened, Tag: x.Tag, Conn: l.next})
		case x.Kind == machine.DoSend && !l.silent:
			l.tell(machine.Input{Kind: machine.Received, Conn: x.Conn, Frame: x.Frame})
		}
	}
}

func (l *pubsubLab) tell(in machine.Input) {
	var out machine.Effects
	l.broker.Step(machine.Now{Mono: l.now}, &in, &out)
	for _, x := range out.List {
		if x.Kind == machine.DoSend {
			l.step(l.owner[x.Conn], machine.Input{Kind: machine.Received, Conn: x.Conn, Frame: x.Frame})
		}
	}
}

// crash ends the broker, and whoever was connected hears of it.
func (l *pubsubLab) crash() {
	l.broker = nil
	for id := machine.ConnID(1); id <= l.next; id++ {
		l.step(l.owner[id], machine.Input{Kind: machine.Closed, Conn: id, Err: machine.ErrReset})
	}
}

// run lets time pass, and has every client act when it is due.
func (l *pubsubLab) run(d time.Duration) {
	for until := l.now.Add(d); l.now < until; l.now = l.now.Add(time.Millisecond) {
		for _, c := range l.clients {
			if c.Deadline() <= l.now {
				l.step(c, machine.Input{Kind: machine.Tick})
			}
		}
	}
}

func (l *pubsubLab) publish(c *PubSub, body string) bool {
	var out machine.Effects
	taken := c.Publish(machine.Now{Mono: l.now}, PubSubMessage{Channel: "orders", Body: machine.Literal([]byte(body))}, &out)
	l.perform(c, &out)
	return taken
}

// news is what a client has seen since the last time.
func (l *pubsubLab) news(c *PubSub) string {
	var list []string
	for _, e := range c.Events() {
		list = append(list, fmt.Sprintf("up=%v session=%d %s", e.Up, e.Session, e.Why))
	}
	for _, r := range c.Results() {
		list = append(list, fmt.Sprintf("%s outcome=%d receivers=%d %s", r.Message.Body.Contiguous(), r.Outcome, r.Receivers, r.Why))
	}
	for _, d := range c.Deliveries() {
		list = append(list, fmt.Sprintf("%s%s:%s", d.Pattern, d.Channel, d.Body.Contiguous()))
	}
	c.Forget()
	return strings.Join(list, "; ")
}

func (l *pubsubLab) want(c *PubSub, want string) {
	l.t.Helper()
	if got := l.news(c); got != want {
		l.t.Errorf("at %v: %q, want %q", time.Duration(l.now), got, want)
	}
}

// A subscriber that loses its broker listens again when it is back, and what was published
// meanwhile it has missed.
func TestPubSubReconnects(t *testing.T) {
	l := newPubSubLab(t, PubSubConfig{Name: "p"}, PubSubConfig{Name: "k", Channels: []string{"orders"}, Patterns: []string{"o*"}})
	p, k := l.clients[0], l.clients[1]
	l.run(time.Millisecond)
	l.want(p, "up=true session=1 ")
	l.want(k, "up=true session=1 ")
	if !l.publish(p, "a") {
		t.Fatal("not taken")
	}
	l.want(p, fmt.Sprintf("a outcome=%d receivers=2 ", Acked))
	l.want(k, "orders:a; o*orders:a")
	l.crash()
	l.want(p, "up=false session=1 connection reset")
	l.want(k, "up=false session=1 connection reset")
	l.run(50 * time.Millisecond)
	if l.publish(p, "b") {
		t.Error("taken without a connection")
	}
	l.broker = pubsub.NewBroker(pubsub.Config{})
	l.run(600 * time.Millisecond)
	l.want(p, "up=true session=2 ")
	l.want(k, "up=true session=2 ")
	l.publish(p, "c")
	l.want(p, fmt.Sprintf("c outcome=%d receivers=2 ", Acked))
	l.want(k, "orders:c; o*orders:c")
}

// What is not answered in time is unknown, all of it, and the connection is given up. One
// that only listens asks before it gives up.
func TestPubSubSilence(t *testing.T) {
	l := newPubSubLab(t, PubSubConfig{Name: "p"}, PubSubConfig{Name: "k", Channels: []string{"orders"}})
	p, k := l.clients[0], l.clients[1]
	l.run(time.Millisecond)
	l.news(p)
	l.news(k)
	l.run(10 * time.Second)
	l.want(k, "") // it has asked, and was answered
	l.silent = true
	l.publish(p, "a")
	l.publish(p, "b")
	l.run(2900 * time.Millisecond)
	l.want(p, "")
	l.run(200 * time.Millisecond)
	if got := l.news(p); !strings.Contains(got, "up=false session=1 no answer in time") || strings.Count(got, fmt.Sprintf("outcome=%d", Unknown)) != 2 {
		t.Errorf("%q", got)
	}
	l.run(3 * time.Second)
	if got := l.news(k); !strings.Contains(got, "up=false session=1 no answer in time") {
		t.Errorf("%q", got)
	}
}

func TestPubSubBoundsWhatIsUnanswered(t *testing.T) {
	l := newPubSubLab(t, PubSubConfig{Name: "p", Outstanding: 2})
	l.run(time.Millisecond)
	l.silent = true
	var taken []bool
	for _, body := range []string{"a", "b", "c"} {
		taken = append(taken, l.publish(l.clients[0], body))
	}
	if !slices.Equal(taken, []bool{true, true, false}) {
		t.Errorf("taken: %v", taken)
	}
}

func FuzzPubSubAnswers(f *testing.F) {
	f.Add([]byte("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"), true)
	f.Add([]byte(":1\r\n"), false)
	f.Add([]byte("*3\r\n*0\r\n:1\r\n_\r\n"), true)
	f.Add([]byte("*4\r\n$8\r\npmessage\r\n"), true)
	f.Fuzz(func(t *testing.T, b []byte, listens bool) {
		cfg := PubSubConfig{Name: "p"}
		if listens {
			cfg.Channels = []string{"orders"}
		}
		l := newPubSubLab(t, cfg)
		l.run(time.Millisecond)
		n, err := wire.SplitValue(b)
		if err != nil || n == 0 {
			n = len(b)
		}
		l.step(l.clients[0], machine.Input{Kind: machine.Received, Conn: 1, Frame: machine.Literal(b[:n])})
		l.run(time.Second)
	})
}
