package share

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// world is a share partition with its coordinator, and the log of that.
type world struct {
	now    machine.Now
	broker config.Broker
	m      *Machine
	log    []coordinator.Record
	gone   bool // the topic is deleted
	p      *Partition
	epoch  int32 // of the leader
	limits Limits
	said   []Write
}

var theTopic = [16]byte{1}

func newWorld() *world {
	w := &world{broker: config.DefaultBroker(), limits: Limits{Lock: 30 * time.Second, MaxDeliveries: 3, MaxInFlight: 20}}
	w.restart()
	return w
}

// restart has another coordinator replay the log.
func (w *world) restart() {
	w.m = NewMachine(Config{Broker: &w.broker, Exists: func(id [16]byte, n int32) bool { return id == theTopic && n == 0 && !w.gone }})
	for i, r := range w.log {
		if err := w.m.Replay(coordinator.Position{Offset: int64(i), Timestamp: w.now.Wall.Millis()}, r.Key, r.Value); err != nil {
			panic(err)
		}
	}
	w.carryOut(w.m.Loaded(w.now))
}

func (w *world) carryOut(o coordinator.Outcome) kmsg.Response {
	for _, r := range o.Records {
		if err := w.m.Replay(coordinator.Position{Offset: int64(len(w.log)), Timestamp: w.now.Wall.Millis()}, r.Key, r.Value); err != nil {
			panic(err)
		}
		w.log = append(w.log, r)
	}
	if len(o.Answers) == 0 {
		return nil
	}
	return o.Answers[0].Body
}

func (w *world) ask(req any) kmsg.Response {
	return w.carryOut(w.m.Request(w.now, coordinator.Caller{Token: 1}, req))
}

func (w *world) init(stateEpoch int32, start int64) int16 {
	req := kmsg.NewPtrInitializeShareGroupStateRequest()
	req.GroupID = "g"
	req.Topics = []kmsg.InitializeShareGroupStateRequestTopic{{TopicID: theTopic, Partitions: []kmsg.InitializeShareGroupStateRequestTopicPartition{{StateEpoch: stateEpoch, StartOffset: start}}}}
	return w.ask(req).(*kmsg.InitializeShareGroupStateResponse).Topics[0].Partitions[0].ErrorCode
}

// lead has a leader of an epoch begin.
func (w *world) lead(epoch int32) (*Partition, int16) {
	req := kmsg.NewPtrReadShareGroupStateRequest()
	req.GroupID = "g"
	req.Topics = []kmsg.ReadShareGroupStateRequestTopic{{TopicID: theTopic, Partitions: []kmsg.ReadShareGroupStateRequestTopicPartition{{LeaderEpoch: epoch}}}}
	x := w.ask(req).(*kmsg.ReadShareGroupStateResponse).Topics[0].Partitions[0]
	if x.ErrorCode != 0 {
		return nil, x.ErrorCode
	}
	var batches []Batch
	for _, b := range x.StateBatches {
		batches = append(batches, Batch{Range{b.FirstOffset, b.LastOffset}, State(b.DeliveryState), b.DeliveryCount})
	}
	return New(x.StateEpoch, max(x.StartOffset, 0), batches), 0
}

// write has the coordinator write down what a leader says.
func (w *world) write(p *Partition, epoch int32, x Write) int16 {
	req := kmsg.NewPtrWriteShareGroupStateRequest()
	req.GroupID = "g"
	q := kmsg.NewWriteShareGroupStateRequestTopicPartition()
	q.StateEpoch, q.LeaderEpoch, q.StartOffset, q.DeliveryCompleteCount = p.StateEpoch, epoch, x.Start, int32(x.Done)
	for _, b := range x.Batches {
		q.StateBatches = append(q.StateBatches, kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch{FirstOffset: b.First, LastOffset: b.Last, DeliveryState: int8(b.State), DeliveryCount: b.Count})
	}
	req.Topics = []kmsg.WriteShareGroupStateRequestTopic{{TopicID: theTopic, Partitions: []kmsg.WriteShareGroupStateRequestTopicPartition{q}}}
	return w.ask(req).(*kmsg.WriteShareGroupStateResponse).Topics[0].Partitions[0].ErrorCode
}

// A story is that of one share partition, its leaders and its coordinators.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		w := newWorld()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return w.play(t, d) })
	})
}

func arg(d *datadriven.TestData, key, preset string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return strings.Join(a.Vals, ",")
		}
	}
	return preset
}

func number(d *datadriven.TestData, key string, preset int64) int64 {
	n, err := strconv.ParseInt(arg(d, key, strconv.FormatInt(preset, 10)), 10, 64)
	if err != nil {
		d.Fatalf(nil, "%v", err)
	}
	return n
}

func span2(text string) Range {
	a, b, ok := strings.Cut(text, "-")
	if !ok {
		b = a
	}
	first, _ := strconv.ParseInt(a, 10, 64)
	last, _ := strconv.ParseInt(b, 10, 64)
	return Range{first, last}
}

var words = map[string]int8{"gap": Gap, "accept": Accept, "release": Release, "reject": Reject, "renew": Renew}

func (w *world) play(t *testing.T, d *datadriven.TestData) string {
	code := func(code int16) string {
		if code == 0 {
			return ""
		}
		return wire.ErrorName(code) + "\n"
	}
	switch d.Cmd {
	case "limits":
		w.limits.MaxInFlight, w.limits.MaxDeliveries = number(d, "in-flight", w.limits.MaxInFlight), int16(number(d, "deliveries", int64(w.limits.MaxDeliveries)))
		return ""
	case "init":
		return code(w.init(int32(number(d, "state-epoch", 1)), number(d, "start", -1))) + w.m.Durable()
	case "lead":
		w.epoch = int32(number(d, "epoch", int64(w.epoch)))
		p, c := w.lead(w.epoch)
		if c != 0 {
			return code(c)
		}
		w.p = p
	case "acquire":
		var read []Read
		for text := range strings.SplitSeq(arg(d, "read", ""), ",") {
			range_, aborted := strings.CutSuffix(text, "x")
			read = append(read, Read{span2(range_), aborted})
		}
		want := Want{Member: arg(d, "by", "a"), Records: number(d, "most", 500), Batches: !d.HasArg("strict"), Size: number(d, "size", 500)}
		var b strings.Builder
		for _, g := range w.p.Acquire(w.now.Mono, want, w.p.Next(), read, w.limits) {
			fmt.Fprintf(&b, "%s has %d-%d for the %d. time\n", want.Member, g.First, g.Last, g.Count)
		}
		return b.String() + w.p.String() + "\n"
	case "ack":
		var acks []Ack
		for line := range strings.Lines(d.Input) {
			f := strings.Fields(line)
			a := Ack{Range: span2(f[0])}
			for _, word := range f[1:] {
				a.Types = append(a.Types, words[word])
			}
			acks = append(acks, a)
		}
		c := CheckAcks(acks, d.HasArg("renew"))
		if c == 0 {
			_, c = w.p.Acknowledge(w.now.Mono, arg(d, "by", "a"), acks, w.limits)
		}
		return code(c) + w.p.String() + "\n"
	case "close":
		w.p.ReleaseAll(arg(d, "by", "a"))
	case "write":
		if d.HasArg("late") { // the one before the last, and of the epoch in which it was sent
			return code(w.write(w.p, w.epoch, w.said[max(len(w.said)-2, 0)])) + w.m.Durable()
		}
		x, ok := w.p.Write()
		if !ok {
			return "nothing to write\n"
		}
		w.said = append(w.said, x)
		c := w.write(w.p, int32(number(d, "epoch", int64(w.epoch))), x)
		w.p.Written(c == 0)
		return fmt.Sprintf("from %d on %v\n", x.Start, x.Batches) + code(c) + w.p.String() + "\n"
	case "after":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		w.now.Mono, w.now.Wall = w.now.Mono.Add(by), w.now.Wall.Add(by)
		w.p.Expire(w.now.Mono, w.limits)
		w.carryOut(w.m.Tick(w.now))
	case "log-start":
		w.p.LogStart(number(d, "at", 0))
	case "restart":
		w.restart()
		return w.m.Durable()
	case "kept":
		return w.m.Durable() + fmt.Sprintf("of %d records those from %d on are needed\n", len(w.log), w.m.Needed(int64(len(w.log))))
	case "delete-topic":
		w.gone = true
		w.ask(TopicsDeleted{[][16]byte{theTopic}})
		return w.m.Durable() + fmt.Sprintf("of %d records those from %d on are needed\n", len(w.log), w.m.Needed(int64(len(w.log))))
	default:
		t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	}
	w.p.check()
	return w.p.String() + "\n"
}
