package log

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// chaos is a cluster to which anything happens, and what its client was told.
type chaos struct {
	l     *lab
	pend  []pendingValue
	acked map[int64]string // by offset
	sent  int
}

type pendingValue struct {
	c     *labClient
	value string
}

// Whatever processes and connections do, no audit fires, what was acknowledged
// with acks=all stays where it was said to be, and in the end the cluster comes to
// rest. With a power loss that takes the log to be synced first.
func TestClusterKeepsPromises(t *testing.T) {
	for _, flush := range []bool{false, true} {
		t.Run(fmt.Sprintf("flush=%t", flush), func(t *testing.T) {
			acked, elections := 0, int32(0)
			rapid.Check(t, func(rt *rapid.T) {
				x := chaos{acked: map[int64]string{}}
				x.l = newCluster(t, 3, func(b *config.Broker) {
					b.BrokerSessionTimeout, b.BrokerHeartbeatInterval, b.ReplicaLagTimeMax = 3*time.Second, time.Second, 4*time.Second
					if flush {
						b.LogFlushIntervalMessages = 1
					}
				})
				x.l.collects = true
				x.l.create("orders", nil, 1, 2, 3)
				n := rapid.IntRange(5, 60).Draw(rt, "steps")
				for range n {
					x.step(rt, flush)
				}
				x.settle(rt)
				acked += len(x.acked)
				elections += x.l.broker(1).Replicas()[0].State().LeaderEpoch
			})
			if acked == 0 || elections == 0 {
				t.Errorf("%d records were acknowledged, %d leaders elected: nothing was seen", acked, elections)
			}
		})
	}
}

func (x *chaos) step(rt *rapid.T, powerLoss bool) {
	l := x.l
	node := l.nodes[rapid.IntRange(0, 3).Draw(rt, "node")] // the controller is the first
	switch what := rapid.SampledFrom([]string{"produce", "produce", "produce", "advance", "advance", "pause", "resume", "crash", "start", "start", "reset", "hold syncs", "sync"}).Draw(rt, "what"); {
	case what == "produce" && node != l.controller && node.machine != nil:
		x.produce(node)
	case what == "advance":
		l.advance(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "ms")) * time.Millisecond)
	case what == "pause":
		l.pause(node)
	case what == "resume":
		l.resume(node)
	case what == "crash" && node.machine != nil:
		l.crash(node)
		if powerLoss {
			node.disk.PowerLoss(rapid.IntRange(0, 100).Draw(rt, "torn"))
		}
	case what == "start" && node.machine == nil:
		l.start(node)
	case what == "hold syncs":
		node.holdSyncs = true
	case what == "sync":
		x.sync(node)
	case what == "reset":
		l.reset(node, l.nodes[rapid.IntRange(0, 3).Draw(rt, "other")])
	}
	x.hear()
}

func (x *chaos) sync(n *labNode) {
	if n.holdSyncs = false; len(n.syncs) > 0 {
		x.l.sync(n, nil)
	}
}

func (x *chaos) produce(to *labNode) {
	x.sent++
	v := pendingValue{x.l.client(to), fmt.Sprintf("v%d", x.sent)}
	v.c.send(produceRequest("orders", -1, 10*time.Second, batch(v.value)), 9)
	x.pend = append(x.pend, v)
}

// hear notes what was acknowledged; clients that were answered go.
func (x *chaos) hear() {
	kept := x.pend[:0]
	for _, v := range x.pend {
		switch {
		case len(v.c.answers) > 0:
			if p := v.c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode == 0 {
				x.acked[p.BaseOffset] = v.value
			}
			v.c.hangUp()
		case v.c.closed == nil:
			kept = append(kept, v)
		}
	}
	x.pend = kept
}

func (x *chaos) settle(rt *rapid.T) {
	l := x.l
	for _, n := range l.nodes[:4] {
		if n.machine == nil {
			l.start(n)
		}
		l.resume(n)
		x.sync(n)
	}
	l.advance(30 * time.Second)
	x.hear()
	c := l.controller.machine.(*ControllerNode)
	brokers := []*Broker{l.broker(1), l.broker(2), l.broker(3)}
	if open := l.auditor.Settled(brokers, c); len(open) > 0 {
		rt.Fatalf("not at rest: %q", open)
	}
	r := brokers[0].Replica(wire.TP{Topic: "orders"})
	log := map[int64]string{}
	for h, b := range wire.SplitBatches(machine.Literal(l.brokers[0].disk.Get("orders-0/00000000000000000000.log"))) {
		_ = wire.EachRecord(b, func(rec *wire.Record) error {
			log[h.BaseOffset+int64(rec.OffsetDelta)] = string(rec.Value)
			return nil
		})
	}
	for offset, value := range x.acked { // unordered: each is checked by itself
		if log[offset] != value {
			rt.Fatalf("%s was acknowledged at offset %d, where %q is; the log ends at %d", value, offset, log[offset], r.LogEnd())
		}
	}
	if len(l.broken) > 0 {
		rt.Fatalf("audits: %q", l.broken)
	}
}
