package pubsub

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"brokersim/broker/pubsub/wire"
	"brokersim/faults/failpoint"
)

// peer is a broker to which a story speaks: ours in a lab, or Redis.
type peer interface {
	open(name string)
	send(name string, b []byte)
	close(name string)
	received(name string) (values []wire.Value, eof bool)
	names() []string
}

// story plays the commands of a file.
type story struct {
	t     *testing.T
	start func(t *testing.T, cfg Config) peer
	peer  peer
	ended map[string]bool // connections whose end was told
}

func TestStories(t *testing.T) { walk(t, "testdata/stories", inLab) }

func inLab(_ *testing.T, cfg Config) peer { return newLab(cfg) }

func walk(t *testing.T, dir string, start func(*testing.T, Config) peer) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		s := &story{start: start}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			return s.play(d)
		})
	})
}

func (s *story) play(d *datadriven.TestData) string {
	switch d.Cmd {
	case "broker":
		cfg := Config{Output: DefaultOutput()}
		cfg.Output.Hard = number(d, "hard", cfg.Output.Hard)
		cfg.Output.Soft = number(d, "soft", cfg.Output.Soft)
		cfg.Output.SoftFor = time.Duration(number(d, "for", int64(cfg.Output.SoftFor/time.Second))) * time.Second
		s.peer, s.ended = s.start(s.t, cfg), map[string]bool{}
		return ""
	case "open":
		for _, a := range d.CmdArgs {
			s.peer.open(a.Key)
		}
		return ""
	case "flood":
		return s.flood(d)
	}
	name := d.CmdArgs[0].Key
	switch d.Cmd {
	case "send":
		var b []byte
		for line := range strings.Lines(d.Input) {
			b = append(b, commandBytes(s.t, strings.TrimSuffix(line, "\n"))...)
		}
		s.peer.send(name, b)
	case "close":
		s.peer.close(name)
		s.ended[name] = true
	default:
		s.inLab(d, name)
	}
	return s.news()
}

// inLab does what can only be done in a lab.
func (s *story) inLab(d *datadriven.TestData, name string) {
	l, ok := s.peer.(*lab)
	if !ok {
		d.Fatalf(s.t, "%s: only in a lab", d.Cmd)
	}
	switch d.Cmd {
	case "slow":
		l.conn(name).slow = true
	case "publish":
		to := "orders"
		if d.HasArg("to") {
			d.ScanArgs(s.t, "to", &to)
		}
		body := strings.Repeat("x", int(number(d, "size", 10)))
		for range number(d, "count", 1) {
			l.send(name, wire.EncodeCommand(wire.Words("PUBLISH", to, body)...).Contiguous())
		}
	case "ping":
		for range number(d, "count", 1) {
			l.send(name, wire.EncodeCommand(wire.Words("PING", strings.Repeat("x", int(number(d, "size", 10))))...).Contiguous())
		}
	case "swallow":
		l.swallow(l.conn(name), int(number(d, "frames", 1)))
	case "take":
		l.conn(name).slow = false
		l.take(l.conn(name))
	case "advance":
		by, err := time.ParseDuration(name)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		l.advance(by)
	case "plant":
		site, err := failpoint.ParseBug(name)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		if err := l.points.Arm(site, failpoint.Always, "return(true)"); err != nil {
			d.Fatalf(s.t, "%v", err)
		}
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
}

// news is what every connection has got since the last time.
func (s *story) news() string {
	var b strings.Builder
	for _, name := range s.peer.names() {
		if s.ended[name] {
			continue
		}
		values, eof := s.peer.received(name)
		for _, v := range values {
			fmt.Fprintf(&b, "%s: %s\n", name, short(v.String()))
		}
		if eof {
			fmt.Fprintf(&b, "%s: end\n", name)
			s.ended[name] = true
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// short leaves out the middle of what is long, and a number that differs in every run:
// that of the connection.
func short(text string) string {
	if before, after, ok := strings.Cut(text, `"id" (integer) `); ok {
		text = before + `"id" (integer) N` + strings.TrimLeft(after, "0123456789")
	}
	if len(text) > 400 {
		text = fmt.Sprintf("%s... %d bytes", text[:40], len(text))
	}
	return text
}

// flood publishes count numbered messages while nobody reads at the other end, which then
// reads what there is.
func (s *story) flood(d *datadriven.TestData) string {
	var to, from string
	d.ScanArgs(s.t, "to", &to)
	d.ScanArgs(s.t, "from", &from)
	if l, ok := s.peer.(*lab); ok {
		l.conn(to).slow = true
	}
	pad := strings.Repeat("x", int(number(d, "size", 1000)))
	first, last, changes := int64(-1), int64(-1), 0
	for i := range number(d, "count", 100) {
		s.peer.send(from, wire.EncodeCommand(wire.Words("PUBLISH", "orders", fmt.Sprintf("%d %s", i, pad))...).Contiguous())
		values, _ := s.peer.received(from)
		n := values[len(values)-1].Int
		if i == 0 {
			first = n
		} else if n != last {
			changes++
		}
		last = n
	}
	if l, ok := s.peer.(*lab); ok {
		l.conn(to).slow = false
		l.take(l.conn(to))
	}
	values, eof := s.peer.received(to)
	gap := "without a gap"
	for i, v := range values {
		number, _, _ := strings.Cut(string(v.Elems[2].Text.Contiguous()), " ")
		if number != strconv.Itoa(i) {
			gap = "with a gap"
		}
	}
	some := map[bool]string{true: "all", false: "some"}[int64(len(values)) == number(d, "count", 100)]
	s.ended[to] = eof
	return fmt.Sprintf("receivers: %d, then %d (%d change)\n%s: %s from the first on, %s; end: %v\n", first, last, changes, to, some, gap, eof)
}

func number(d *datadriven.TestData, key string, byDefault int64) int64 {
	if !d.HasArg(key) {
		return byDefault
	}
	for _, a := range d.CmdArgs {
		if a.Key == key {
			n, err := strconv.ParseInt(a.Vals[0], 10, 64)
			if err != nil {
				panic(err)
			}
			return n
		}
	}
	return byDefault
}
