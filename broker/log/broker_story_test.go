package log

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// story plays the commands of a file against a cluster.
type story struct {
	t       *testing.T
	l       *lab
	clients map[string]*labClient
}

func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{t: t, clients: map[string]*labClient{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if s.l != nil {
				s.l.t = t
			}
			s.t = t
			return s.play(d)
		})
	})
}

func (s *story) play(d *datadriven.TestData) string {
	switch d.Cmd {
	case "cluster":
		s.l = newCluster(s.t, int(number(d, "brokers", 3)), func(b *config.Broker) { s.configure(d, b) })
		return s.state()
	case "create":
		configs := map[string]string{}
		for _, a := range d.CmdArgs {
			if strings.Contains(a.Key, ".") {
				configs[a.Key] = a.Vals[0]
			}
		}
		s.l.create(text(d, "topic", "orders"), configs, numbers(d, "replicas")...)
		return s.state()
	case "produce":
		req := produceRequest(text(d, "topic", "orders"), int16(number(d, "acks", -1)), s.duration(d, "timeout", 30*time.Second), batch(strings.Fields(d.Input)...))
		return s.ask(d, req, int16(number(d, "version", 9)))
	case "fetch":
		req := fetchRequest(text(d, "topic", "orders"), number(d, "offset", 0), int32(number(d, "min-bytes", 1)), s.duration(d, "wait", 500*time.Millisecond))
		p := &req.Topics[0].Partitions[0]
		p.CurrentLeaderEpoch = int32(number(d, "leader-epoch", -1))
		return s.ask(d, req, int16(number(d, "version", 12)))
	case "producer-id":
		return s.ask(d, kmsg.NewPtrInitProducerIDRequest(), 4)
	case "answers":
		return s.answers(text(d, "client", "c"))
	case "advance":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		s.l.advance(by)
		return s.all()
	case "state":
		return s.state()
	}
	return s.fault(d)
}

// fault does what happens to a node.
func (s *story) fault(d *datadriven.TestData) string {
	n := s.node(d, d.CmdArgs[0].Key)
	switch d.Cmd {
	case "pause":
		s.l.pause(n)
	case "resume":
		s.l.resume(n)
	case "crash":
		s.l.crash(n)
	case "power-loss":
		s.l.crash(n)
		n.disk.PowerLoss(int(number(d, "torn", 0)))
	case "start":
		s.l.start(n)
	case "reset":
		s.l.reset(n, s.node(d, d.CmdArgs[1].Key))
	case "hold-syncs":
		n.holdSyncs = true
	case "sync":
		var err error
		if d.HasArg("error") {
			err = machine.ErrIO
		}
		s.l.sync(n, err)
	default:
		d.Fatalf(s.t, "unknown command %s", d.Cmd)
	}
	return s.all()
}

func (s *story) node(d *datadriven.TestData, name string) *labNode {
	i := slices.IndexFunc(s.l.nodes, func(n *labNode) bool { return n.name == name })
	if i < 0 {
		d.Fatalf(s.t, "unknown node %s", name)
	}
	return s.l.nodes[i]
}

func (s *story) configure(d *datadriven.TestData, b *config.Broker) {
	b.BrokerSessionTimeout = s.duration(d, "session-timeout", b.BrokerSessionTimeout)
	b.ReplicaLagTimeMax = s.duration(d, "lag", b.ReplicaLagTimeMax)
	b.AutoCreateTopics = d.HasArg("auto-create")
}

// ask sends a request of a client to a broker, to which it connects if it has not.
func (s *story) ask(d *datadriven.TestData, req kmsg.Request, version int16) string {
	name := text(d, "client", "c")
	c := s.clients[name]
	if c == nil || d.HasArg("to") && c.n.ends[c.conn].peer.node.name != text(d, "to", "") {
		c = s.l.client(s.node(d, text(d, "to", "b1")))
		s.clients[name] = c
	}
	c.send(req, version)
	return s.answers(name)
}

// all is what every client has heard since the last time.
func (s *story) all() string {
	var b strings.Builder
	names := make([]string, 0, len(s.clients))
	for name := range s.clients { // unordered: sorted next
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if c := s.clients[name]; len(c.answers) > 0 || c.closed != nil {
			fmt.Fprintf(&b, "%s: %s", name, s.answers(name))
		}
	}
	return b.String()
}

// answers is what a client has heard since the last time; one whose connection
// has ended connects again for its next request.
func (s *story) answers(name string) string {
	c := s.clients[name]
	var b strings.Builder
	for len(c.answers) > 0 {
		fmt.Fprintln(&b, inWords(s.t, c.answer()))
	}
	switch {
	case c.closed != nil:
		fmt.Fprintln(&b, c.closed)
		delete(s.clients, name)
	case len(c.asked) > 0:
		fmt.Fprintln(&b, "waits")
	}
	return b.String()
}

func inWords(t testing.TB, resp kmsg.Response) string {
	switch r := resp.(type) {
	case *kmsg.ProduceResponse:
		p := r.Topics[0].Partitions[0]
		return fmt.Sprintf("%s offset %d", wire.ErrorName(p.ErrorCode), p.BaseOffset)
	case *kmsg.FetchResponse:
		if r.ErrorCode != 0 {
			return wire.ErrorName(r.ErrorCode)
		}
		p := r.Topics[0].Partitions[0]
		return fmt.Sprintf("%s high watermark %d %v", wire.ErrorName(p.ErrorCode), p.HighWatermark, values(t, p.RecordBatches))
	case *kmsg.InitProducerIDResponse:
		return fmt.Sprintf("%s producer %d epoch %d", wire.ErrorName(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	}
	return fmt.Sprintf("%+v", resp)
}

// state is what each broker thinks of itself and of its partitions.
func (s *story) state() string {
	var b strings.Builder
	for _, n := range s.l.brokers {
		broker, ok := n.machine.(*Broker)
		switch {
		case !ok:
			fmt.Fprintf(&b, "%s down\n", n.name)
			continue
		case broker.Err() != nil:
			fmt.Fprintf(&b, "%s has given up: %v\n", n.name, broker.Err())
			continue
		}
		fenced := ""
		if broker.life.fenced {
			fenced = " fenced"
		}
		fmt.Fprintf(&b, "%s epoch %d%s\n", n.name, broker.Epoch(), fenced)
		for _, r := range broker.Replicas() {
			role := "idle"
			switch {
			case r.Leads():
				role = fmt.Sprintf("leads, isr %d", r.State().ISR)
			case r.Follows():
				role = fmt.Sprintf("follows %d", r.State().Leader)
			}
			fmt.Fprintf(&b, "  %v [%d, %d) in epoch %d %s\n", r.TP(), r.HighWatermark(), r.LogEnd(), r.State().LeaderEpoch, role)
		}
	}
	return b.String()
}

func text(d *datadriven.TestData, key, def string) string {
	if d.HasArg(key) {
		for _, a := range d.CmdArgs {
			if a.Key == key && len(a.Vals) > 0 {
				return a.Vals[0]
			}
		}
	}
	return def
}

func number(d *datadriven.TestData, key string, def int64) int64 {
	if s := text(d, key, ""); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", d.Pos, err))
		}
		return n
	}
	return def
}

func numbers(d *datadriven.TestData, key string) (list []int32) {
	for _, a := range d.CmdArgs {
		for _, v := range a.Vals {
			if n, err := strconv.ParseInt(v, 10, 32); a.Key == key && err == nil {
				list = append(list, int32(n))
			}
		}
	}
	return list
}

func (s *story) duration(d *datadriven.TestData, key string, def time.Duration) time.Duration {
	v := text(d, key, "")
	if v == "" {
		return def
	}
	by, err := time.ParseDuration(v)
	if err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	return by
}
