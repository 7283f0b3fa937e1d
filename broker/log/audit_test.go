package log

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// settledCluster is at rest: two brokers, one partition, one record.
func settledCluster(t *testing.T) (*lab, []*Broker, *ControllerNode) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	ask[*kmsg.ProduceResponse](l.client(l.brokers[0]), produceRequest("orders", -1, time.Second, batch("a")), 9)
	l.advance(time.Second)
	return l, []*Broker{l.broker(1), l.broker(2)}, l.controller.machine.(*ControllerNode)
}

// overwrite gives a follower another record than its leader has.
func overwrite(t *testing.T, b *Broker) {
	t.Helper()
	p := b.partitions[0]
	if err := p.Diverged(0, 0); err != nil {
		t.Fatal(err)
	}
	if err := p.AppendFetched(stamped(0, 0, "x"), 1); err != nil {
		t.Fatal(err)
	}
	b.move(p)
}

// What is wrong with one step is said in one sentence.
func TestAuditStep(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, a *Auditor, brokers []*Broker) []string
		want  string
	}{
		{"nothing is wrong", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			brokers[1].move(brokers[1].partitions[0])
			return a.Step(1, brokers, nil)
		}, ""},
		{"high watermark", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			return a.partition(wire.TP{Topic: "orders"}, 2).replica(0, brokers[0], seen{broker: 1, highWatermark: 3, logEnd: 2})
		}, "orders-0 on broker 1: high watermark 3 is above the log end offset 2"},
		{"leader epoch", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			x.replica(0, brokers[0], seen{broker: 1, epoch: 5})
			return x.replica(0, brokers[0], seen{broker: 1, epoch: 4})
		}, "orders-0 on broker 1: leader epoch fell from 5 to 4"},
		{"leader epoch of another life", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			x.replica(0, brokers[0], seen{broker: 1, epoch: 5})
			return x.replica(0, &Broker{}, seen{broker: 1, epoch: 4})
		}, ""},
		{"two leaders", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			for _, epoch := range []int32{7, 3, 5, 5} {
				if s := x.replica(0, brokers[0], seen{broker: 1, epoch: epoch, leads: true}); len(s) > 0 && epoch != 3 {
					return s
				}
			}
			return x.replica(1, brokers[1], seen{broker: 2, epoch: 5, leads: true})
		}, "orders-0: leader epoch 5 is led by broker 2, and was by broker 1"},
		{"min.insync.replicas", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			few := seen{broker: 1, epoch: 5, leads: true, highWatermark: 3, logEnd: 9, inSync: 1, minISR: 2}
			var broken []string
			see := func(r seen) { broken = append(broken, x.replica(0, brokers[0], r)...) }
			see(few) // it may have been so when it began to lead
			see(few)
			few.highWatermark = 4
			see(few)
			few.epoch, few.highWatermark = 6, 5
			see(few) // in another epoch
			few.inSync, few.highWatermark = 2, 6
			see(few)
			few.inSync, few.minISR, few.highWatermark = 1, 1, 7
			see(few)
			few.leads, few.minISR, few.highWatermark = false, 2, 8
			see(few)
			few.highWatermark = 9
			see(few)
			return broken
		}, "orders-0: leader 1 (epoch 5) moved its high watermark while 1 of min.insync.replicas=2 were in sync"},
		{"the controller's leader epoch", func(_ *testing.T, a *Auditor, _ []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			x.metadata(3, 9)
			return x.metadata(2, 10)
		}, "orders-0: the controller's leader epoch fell from 3 to 2, or its partition epoch from 9 to 10"},
		{"the controller's partition epoch", func(_ *testing.T, a *Auditor, _ []*Broker) []string {
			x := a.partition(wire.TP{Topic: "orders"}, 2)
			x.metadata(3, 9)
			return x.metadata(3, 8)
		}, "orders-0: the controller's leader epoch fell from 3 to 3, or its partition epoch from 9 to 8"},
		{"a follower without what is committed", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			p := brokers[1].partitions[0]
			if err := p.Diverged(0, 0); err != nil {
				t.Fatal(err)
			}
			brokers[1].move(p)
			return a.Step(1, brokers, nil)
		}, "orders-0: broker 2 is in sync with leader 1 (epoch 0) and ends at offset 0, below the high watermark 1"},
		{"a follower without a log", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			clear(brokers[1].byTopic["orders"].parts)
			brokers[0].move(brokers[0].partitions[0])
			return a.Step(0, brokers, nil)
		}, "orders-0: broker 2 is in sync with leader 1 (epoch 0) and ends at offset 0, below the high watermark 1"},
		{"a follower with something else", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			return a.Step(1, brokers, nil)
		}, "orders-0: broker 2 is in sync with leader 1 (epoch 0) and differs from offset 0 on, below the high watermark 1"},
		{"a follower in another life", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			brokers[1].life.epoch = -1
			return a.Step(1, brokers, nil)
		}, ""},
		{"a leader that is not the newest", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			p := brokers[1].partitions[0]
			if _, err := p.Apply(0, replica.State{Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 3, LeaderEpoch: 1, PartitionEpoch: 9}); err != nil {
				t.Fatal(err)
			}
			return a.Step(1, brokers, nil)
		}, ""},
		{"a replica of a topic that had the name before", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			a.partition(wire.TP{Topic: "orders"}, 2).topic = brokers[0].partitions[0].topicID
			brokers[1].partitions[0].topicID[0]++
			return a.Step(1, brokers, nil)
		}, ""},
		{"a leader of a topic that has the name no more", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			a.partition(wire.TP{Topic: "orders"}, 2).topic = deleted
			brokers[0].move(brokers[0].partitions[0])
			return a.Step(0, brokers, nil)
		}, ""},
		{"a follower of the topic that has the name without what is committed", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			a.partition(wire.TP{Topic: "orders"}, 2).topic = brokers[0].partitions[0].topicID
			brokers[1].partitions[0].topicID[0]++
			brokers[0].move(brokers[0].partitions[0])
			return a.Step(0, brokers, nil)
		}, "orders-0: broker 2 is in sync with leader 1 (epoch 0) and ends at offset 0, below the high watermark 1"},
		{"a step that moved nothing", func(t *testing.T, a *Auditor, brokers []*Broker) []string {
			overwrite(t, brokers[1])
			brokers[1].moved = nil
			return a.Step(1, brokers, nil)
		}, ""},
		{"a broker that is down", func(_ *testing.T, a *Auditor, brokers []*Broker) []string {
			return a.Step(1, []*Broker{brokers[0], nil}, nil)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, brokers, _ := settledCluster(t)
			if got := strings.Join(tt.spoil(t, NewAuditor(1), brokers), "\n"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// The moves of every step are seen: an auditor that is asked after each of them
// misses none.
func TestAuditSeesSteps(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	tp := wire.TP{Topic: "orders"}
	x := l.auditor.partitions[tp]
	if x == nil || !slices.Equal(x.leaders, []ledBy{{0, 1}}) || !slices.Equal(x.ofLog, []int32{0, 0}) {
		t.Errorf("seen %+v", x)
	}
}

// What a controller had not synced may be gone after a power loss: that is no
// epoch that fell.
func TestAuditControllerPowerLoss(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", nil, 1, 2)
	c := l.controller
	c.holdSyncs = true
	l.crash(l.brokers[0])
	l.advance(15 * time.Second)
	if p := c.machine.(*ControllerNode).Image().Partition("orders", 0); p.LeaderEpoch != 1 {
		t.Fatalf("leader epoch %d", p.LeaderEpoch)
	}
	l.crash(c)
	c.disk.PowerLoss(0)
	c.holdSyncs = false
	l.start(c)
	if p := c.machine.(*ControllerNode).Image().Partition("orders", 0); p.LeaderEpoch != 0 {
		t.Fatalf("leader epoch %d", p.LeaderEpoch)
	}
	l.advance(15 * time.Second)
	if x := l.auditor.partitions[wire.TP{Topic: "orders"}]; x.epoch != 1 {
		t.Errorf("the auditor has seen leader epoch %d", x.epoch)
	}
}

// What keeps a cluster from being at rest is said in one sentence.
func TestAuditSettled(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, l *lab, brokers []*Broker, c *ControllerNode)
		want  []string
	}{
		{"at rest", func(*testing.T, *lab, []*Broker, *ControllerNode) {}, nil},
		{"controller", func(_ *testing.T, _ *lab, _ []*Broker, c *ControllerNode) { c.active = false }, []string{"the controller is not active"}},
		{"down", func(_ *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) { brokers[1] = nil }, []string{
			"broker at place 1 is down", "orders-0: broker 2 is down",
		}},
		{"given up", func(_ *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) {
			brokers[1].err = errors.New("bad disk")
		}, []string{"broker 2 has given up: bad disk"}},
		{"fenced", func(_ *testing.T, _ *lab, _ []*Broker, c *ControllerNode) { c.Image().Brokers[2].Fenced = true }, []string{"broker 2 is fenced"}},
		{"behind", func(_ *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) { brokers[1].image.Offset = 3 }, []string{"broker 2 has replayed the metadata to offset 3 of 6"}},
		{"purgatory", func(_ *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) {
			brokers[0].parked.produces = append(brokers[0].parked.produces, &parkedProduce{})
		}, []string{"broker 1 has 1 produce requests in purgatory"}},
		{"leader", func(_ *testing.T, _ *lab, _ []*Broker, c *ControllerNode) {
			c.Image().Partition("orders", 0).LeaderEpoch = 9
		}, []string{"orders-0 has no leader"}},
		{"ISR", func(_ *testing.T, _ *lab, _ []*Broker, c *ControllerNode) {
			c.Image().Partition("orders", 0).ISR = []int32{1}
		}, []string{"orders-0: ISR [1] of replicas [1 2]"}},
		{"high watermark", func(t *testing.T, l *lab, brokers []*Broker, _ *ControllerNode) {
			if _, code, err := brokers[0].partitions[0].Append(l.now, machine.Literal(batch("b")), 1); code != 0 || err != nil {
				t.Fatal(code, err)
			}
		}, []string{"orders-0: high watermark 1, log end offset 2"}},
		{"shorter log", func(t *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) {
			if err := brokers[1].partitions[0].Diverged(0, 0); err != nil {
				t.Fatal(err)
			}
		}, []string{"orders-0: broker 2 has not the log of leader 1, which ends at offset 1"}},
		{"a log that starts earlier", func(_ *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) {
			if _, _, err := brokers[0].partitions[0].DeleteRecords(1); err != nil {
				panic(err)
			}
		}, []string{"orders-0: the log of broker 2 starts at offset 0, before that of leader 1, at 1"}},
		{"other log", func(t *testing.T, _ *lab, brokers []*Broker, _ *ControllerNode) { overwrite(t, brokers[1]) }, []string{
			"orders-0: the logs of broker 2 and leader 1 differ from offset 0 on",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, brokers, c := settledCluster(t)
			tt.spoil(t, l, brokers, c)
			if got := NewAuditor(1).Settled(brokers, c); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	_, brokers, _ := settledCluster(t)
	if got := NewAuditor(1).Settled(brokers, nil); len(got) != 1 {
		t.Errorf("without a controller: %q", got)
	}
}

// Another topic of the same name begins with other epochs, and one that is no more has none.
func TestAuditRecreatedTopic(t *testing.T) {
	l, _, c := settledCluster(t)
	a := NewAuditor(1)
	tp := wire.TP{Topic: "orders"}
	if s := a.Controller(2, c); s != nil || a.partitions[tp].topic == (controller.TopicID{}) {
		t.Fatalf("%q", s)
	}
	x := a.partition(tp, 2)
	x.epoch, x.inEpochs = 7, 7
	if s := a.Controller(2, c); len(s) != 1 {
		t.Errorf("the same topic: %q", s)
	}
	x.epoch, x.inEpochs = 7, 7
	x.topic[0]++
	if s := a.Controller(2, c); s != nil || a.partitions[tp] == x {
		t.Errorf("another topic: %q", s)
	}
	gone := a.partition(wire.TP{Topic: "gone"}, 2)
	if s := a.Controller(2, c); s != nil || gone.topic != deleted || a.partitions[tp].topic == deleted {
		t.Errorf("%q, of topic %x", s, gone.topic)
	}
	l.advance(time.Second)
}

// What a broker's files must not be after a start, or behind a log end, is said.
func TestAuditFiles(t *testing.T) {
	l, brokers, _ := settledCluster(t)
	const file = "orders-0/00000000000000000000.log"
	a, disk := NewAuditor(1), l.brokers[0].disk
	sound := disk.Get(file)
	if s := a.Started(brokers[0]); s != nil {
		t.Errorf("%q", s)
	}
	disk.Put(file, append(sound[:len(sound)-1:len(sound)-1], sound[len(sound)-1]^1))
	if s := a.Started(brokers[0]); len(s) != 1 || !strings.HasPrefix(s[0], "orders-0 on broker 1: recovered is "+file+", byte 0: batch does not match its CRC-32C") {
		t.Errorf("%q", s)
	}
	disk.Put(file, append(slices.Clone(sound), 'x'))
	step := func() []string {
		brokers[0].move(brokers[0].partitions[0])
		return a.Step(0, brokers, nil)
	}
	if s := step(); len(s) != 1 || !strings.HasPrefix(s[0], "orders-0 on broker 1: "+file+" has ") {
		t.Errorf("%q", s)
	}
	brokers[0].err = errors.New("bad disk") // who has given up may have written half of something
	if s := step(); s != nil {
		t.Errorf("%q", s)
	}
}

// In the end a time index that does not rise is said, of every broker that has one and has
// not given up.
func TestAuditEnded(t *testing.T) {
	l := newCluster(t, 2, nil)
	brokers := []*Broker{l.broker(1), nil, l.broker(2)}
	if err := brokers[2].cfg.Failpoints.Arm(failpoint.S17RawStamps, failpoint.Always, "return(true)"); err != nil {
		t.Fatal(err)
	}
	l.create("orders", map[string]string{"index.interval.bytes": "0"}, 1, 2)
	for _, at := range []int64{3, 1, 5} {
		b := wire.NewBuilder(-1, -1, -1)
		b.Append(at, nil, []byte("a"), nil)
		ask[*kmsg.ProduceResponse](l.client(l.brokers[0]), produceRequest("orders", -1, time.Second, b.Bytes().Contiguous()), 9)
	}
	l.advance(time.Second)
	a := NewAuditor(1)
	want := []string{"orders-0 on broker 2: the time index finds offset 2 for timestamp 2, and the first record that is no older is at offset 0"}
	if got := a.Ended(brokers); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	brokers[2].err = errors.New("bad disk")
	if got := a.Ended(brokers); got != nil {
		t.Errorf("%q", got)
	}
}
