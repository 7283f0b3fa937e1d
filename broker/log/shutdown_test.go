package log

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
)

// A broker that is asked to stop serves until others lead what it has led, and none of
// them had to wait for its session to end.
func TestControlledShutdown(t *testing.T) {
	l := newCluster(t, 3, nil)
	l.create("orders", nil, 1, 2, 3)
	l.create("alone", nil, 1)
	l.advance(5 * time.Second)
	began := l.now.Mono
	c := l.client(l.brokers[0])
	l.push(delivery{to: l.brokers[0], in: machine.Input{Kind: machine.Stopping}})
	l.run()
	if got := ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, batch("a")), 9).Topics[0].Partitions[0]; got.ErrorCode != wire.NotLeaderOrFollower && got.ErrorCode != 0 {
		t.Errorf("a broker that hands over answers %s", wire.ErrorName(got.ErrorCode))
	}
	l.advance(10 * time.Second)
	b := l.broker(1)
	if !b.Stopped() || b.Err() != nil || c.closed == nil || l.brokers[0].disk.Get(storage.CleanShutdownFile) == nil {
		t.Fatalf("stopped %t, error %v, closed %v", b.Stopped(), b.Err(), c.closed)
	}
	im := l.controller.machine.(*ControllerNode).Image()
	p := im.Partition("orders", 0)
	if p.Leader != 2 || !slices.Equal(p.ISR, []int32{2, 3}) || !im.Brokers[1].Fenced {
		t.Errorf("%v; %v", p, im.Brokers[1])
	}
	if p := im.Partition("alone", 0); p.Leader != -1 || !slices.Equal(p.ISR, []int32{1}) {
		t.Errorf("a partition that nobody else has: %v", p)
	}
	if took := l.now.Mono.Sub(began); took > 11*time.Second {
		t.Errorf("it took %v", took)
	}
	// The next life says in which epoch the last one ended in good order (KIP-966).
	before := b.Epoch()
	l.crash(l.brokers[0])
	l.start(l.brokers[0])
	if got := l.broker(1).registration().PreviousBrokerEpoch; got != before {
		t.Errorf("registers after epoch %d, not %d", got, before)
	}
	l.advance(10 * time.Second)
	if p := im.Partition("alone", 0); p.Leader != 1 || !slices.Equal(im.Partition("orders", 0).ISR, []int32{2, 3, 1}) {
		t.Errorf("after the restart: %v, %v", p, im.Partition("orders", 0))
	}
}

// Without a controller a broker stops when its time is over, and as cleanly.
func TestControlledShutdownBound(t *testing.T) {
	for _, wait := range []time.Duration{0, 3 * time.Second} {
		l := newCluster(t, 1, nil)
		l.create("orders", nil, 1)
		b := l.broker(1)
		b.cfg.ShutdownWait = wait
		l.crash(l.controller)
		l.push(delivery{to: l.brokers[0], in: machine.Input{Kind: machine.Stopping}})
		l.run()
		bound := wait
		if wait == 0 {
			bound = controlledShutdownMax
		}
		if l.advance(bound - time.Second); b.Stopped() {
			t.Errorf("wait %v: stopped before its time", wait)
		}
		if l.advance(2 * time.Second); !b.Stopped() || b.Err() != nil || l.brokers[0].disk.Get(storage.CleanShutdownFile) == nil {
			t.Errorf("wait %v: stopped %t, %v", wait, b.Stopped(), b.Err())
		}
	}
}

// Where controlled.shutdown.enable is false the others find out by themselves.
func TestUncontrolledShutdown(t *testing.T) {
	l := newCluster(t, 2, func(b *config.Broker) { b.ControlledShutdown = false })
	l.create("orders", nil, 1, 2)
	l.push(delivery{to: l.brokers[0], in: machine.Input{Kind: machine.Stopping}})
	l.run()
	if !l.broker(1).Stopped() {
		t.Error("it has not stopped at once")
	}
	im := l.controller.machine.(*ControllerNode).Image()
	if im.Brokers[1].Fenced || im.Partition("orders", 0).Leader != 1 {
		t.Errorf("the controller knows: %v", im.Brokers[1])
	}
}

// newQuorum is a lab of three controllers, and brokers 1 to n.
func newQuorum(t testing.TB, n int) (l *lab, controllers []*labNode) {
	l = newLab(t)
	settings := config.DefaultBroker()
	settings.AutoCreateTopics = false
	var voters []Voter
	for i := range int32(3) {
		voters = append(voters, Voter{101 + i, fmt.Sprintf("c%d:9093", 101+i)})
	}
	for _, v := range voters {
		controllers = append(controllers, l.node(v.Addr[:4], v.Addr, func() machine.Machine {
			return NewController(ControllerConfig{ID: v.ID, Settings: settings, Seed: 7, Voters: voters})
		}))
	}
	for i := range int32(n) {
		b := l.addBroker(i+1, settings)
		boot := b.boot
		b.boot = func() machine.Machine {
			cfg := boot().(*Broker).cfg
			cfg.Controllers = voters
			return NewBroker(cfg)
		}
	}
	for _, n := range l.nodes {
		l.start(n)
	}
	l.advance(10 * time.Second)
	return l, controllers
}

func active(controllers []*labNode) *labNode {
	i := slices.IndexFunc(controllers, func(n *labNode) bool { return n.machine != nil && n.machine.(*ControllerNode).Active() })
	if i < 0 {
		return nil
	}
	return controllers[i]
}

// A controller that ends in good order names its successors: another leads before anybody
// has missed it, and no broker loses its session.
func TestControllerShutdown(t *testing.T) {
	l, controllers := newQuorum(t, 1)
	first := active(controllers)
	if first == nil {
		t.Fatal("no controller is active")
	}
	epoch := first.machine.(*ControllerNode).ControllerEpoch()
	l.push(delivery{to: first, in: machine.Input{Kind: machine.Stopping}})
	l.run()
	l.advance(100 * time.Millisecond)
	next := active(controllers)
	if next == nil || next == first {
		t.Fatal("nobody has taken over at once")
	}
	n := first.machine.(*ControllerNode)
	if !n.Stopped() || n.Err() != nil || n.Active() {
		t.Errorf("stopped %t, error %v, active %t", n.Stopped(), n.Err(), n.Active())
	}
	if got := next.machine.(*ControllerNode).ControllerEpoch(); got != epoch+1 {
		t.Errorf("epoch %d after %d", got, epoch)
	}
	l.crash(first)
	l.advance(20 * time.Second)
	if im := next.machine.(*ControllerNode).Image(); !im.Alive(1) {
		t.Errorf("%v", im.Brokers[1])
	}
	// One that stands by has nothing to hand over.
	for _, c := range controllers {
		if c != first && c != next {
			l.push(delivery{to: c, in: machine.Input{Kind: machine.Stopping}})
			l.run()
			if !c.machine.(*ControllerNode).Stopped() {
				t.Error("a controller that stands by does not stop at once")
			}
			l.crash(c)
		}
	}
	// The last cannot hand over to anybody: it is for whoever waits to end it.
	l.push(delivery{to: next, in: machine.Input{Kind: machine.Stopping}})
	l.run()
	l.advance(time.Minute)
	if m := next.machine.(*ControllerNode); m.Stopped() || m.Active() {
		t.Errorf("stopped %t, active %t", m.Stopped(), m.Active())
	}
}
