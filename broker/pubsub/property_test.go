package pubsub

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/pubsub/wire"
)

// model is a broker that knows who listens to what, and nothing of buffers.
type model struct {
	listens map[string][]string // by connection: "c orders", "p o*"
	order   map[string][]string // by what is listened to: connections, the first first
	pats    []string            // patterns, the first first
	wants   map[string][]string // by connection: what it must have been sent
}

func (m *model) on(conn, what string, kind string) {
	key := kind + " " + what
	if !slices.Contains(m.listens[conn], key) {
		m.listens[conn] = append(m.listens[conn], key)
		if kind == "p" && len(m.order[key]) == 0 {
			m.pats = append(m.pats, what)
		}
		m.order[key] = append(m.order[key], conn)
	}
}

func (m *model) off(conn, what string, kind string) {
	key := kind + " " + what
	is := func(s string) func(string) bool { return func(x string) bool { return x == s } }
	m.listens[conn] = slices.DeleteFunc(m.listens[conn], is(key))
	m.order[key] = slices.DeleteFunc(m.order[key], is(conn))
	if kind == "p" && len(m.order[key]) == 0 {
		m.pats = slices.DeleteFunc(m.pats, is(what))
	}
}

func (m *model) told(conn, command, what string) {
	m.wants[conn] = append(m.wants[conn], fmt.Sprintf(`["%s" "%s" (integer) %d]`, command, what, len(m.listens[conn])))
}

func (m *model) publish(conn, channel, body string) {
	n := 0
	for _, to := range m.order["c "+channel] {
		m.wants[to] = append(m.wants[to], fmt.Sprintf(`["message" "%s" "%s"]`, channel, body))
		n++
	}
	for _, p := range m.pats {
		if !matches(p, channel) {
			continue
		}
		for _, to := range m.order["p "+p] {
			m.wants[to] = append(m.wants[to], fmt.Sprintf(`["pmessage" "%s" "%s" "%s"]`, p, channel, body))
			n++
		}
	}
	m.wants[conn] = append(m.wants[conn], fmt.Sprintf("(integer) %d", n))
}

// Whatever is listened to and published, with ends that are slow and take again, and that
// go: every end gets what the model says, in its order.
func TestBrokerIsTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLab(Config{})
		m := &model{listens: map[string][]string{}, order: map[string][]string{}, wants: map[string][]string{}}
		got := map[string][]string{}
		names := []string{"a", "b", "c"}
		gone := map[string]bool{}
		for _, name := range append(names, "p") {
			l.open(name)
		}
		channels, patterns := []string{"orders", "offers", "news"}, []string{"o*", "*s", "n?ws", "x"}
		read := func(name string) {
			values, _ := l.received(name)
			for _, v := range values {
				got[name] = append(got[name], v.String())
			}
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "conn")
			channel, pattern := rapid.SampledFrom(channels).Draw(t, "channel"), rapid.SampledFrom(patterns).Draw(t, "pattern")
			say := func(words ...string) { l.send(name, wire.EncodeCommand(wire.Words(words...)...).Contiguous()) }
			switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
			case what <= 3:
				name = "p"
				body := fmt.Sprintf("%d-%s", i, strings.Repeat("x", rapid.SampledFrom([]int{1, 200, 40000}).Draw(t, "size")))
				say("PUBLISH", channel, body)
				m.publish("p", channel, body)
			case gone[name]:
			case what == 4:
				say("SUBSCRIBE", channel)
				m.on(name, channel, "c")
				m.told(name, "subscribe", channel)
			case what == 5:
				say("PSUBSCRIBE", pattern)
				m.on(name, pattern, "p")
				m.told(name, "psubscribe", pattern)
			case what == 6:
				say("UNSUBSCRIBE", channel)
				m.off(name, channel, "c")
				m.told(name, "unsubscribe", channel)
			case what == 7:
				say("PUNSUBSCRIBE", pattern)
				m.off(name, pattern, "p")
				m.told(name, "punsubscribe", pattern)
			case what == 8 && rapid.Bool().Draw(t, "swallows"):
				l.swallow(l.conn(name), rapid.IntRange(1, 3).Draw(t, "frames"))
			case what == 8:
				c := l.conn(name)
				if c.slow = !c.slow; !c.slow {
					l.take(c)
				}
			case rapid.Bool().Draw(t, "goes"):
				c := l.conn(name)
				c.slow = false
				l.take(c)
				read(name)
				l.close(name)
				gone[name] = true
				for _, key := range slices.Clone(m.listens[name]) {
					m.off(name, key[2:], key[:1])
				}
			}
		}
		for _, name := range append(names, "p") {
			if !gone[name] {
				l.conn(name).slow = false
				l.take(l.conn(name))
				read(name)
			}
			if !slices.Equal(got[name], m.wants[name]) {
				t.Fatalf("%s got\n%.300q, want\n%.300q", name, got[name], m.wants[name])
			}
		}
	})
}
