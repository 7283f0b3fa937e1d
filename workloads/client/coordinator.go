package client

import (
	"fmt"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of coordinator.
const (
	ofGroup       int8 = 0
	ofTransaction int8 = 1
)

// finder is how a client finds the broker that coordinates its group, or its
// transactional id, and its connection to it. Kafka gives that a connection of its own: a
// JoinGroup waits for the whole group, and what is behind it on a connection waits too.
type finder struct {
	net  *network
	link *link
	kind int8
	key  string // group.id or transactional.id
	draw machine.Draw

	known   bool
	name    string // of the broker, if known: "b1"
	asking  bool
	retryAt machine.Instant
	fails   uint32
	asks    uint64
	fatal   int16 // Kafka's error that says to give up
	wake    machine.Instant
}

func newFinder(net *network, slot int, kind int8, key string, draw machine.Draw) finder {
	return finder{net: net, link: net.coordinator(slot), kind: kind, key: key, draw: draw.Of("coordinator"), wake: machine.Never}
}

// ready is the connection to the coordinator if it is up and has room for one more request;
// otherwise it does what brings one about. nil: come back in a later step, which
// follows by itself or at due.
func (k *finder) ready(now machine.Instant, out *machine.Effects) *link {
	switch {
	case k.fatal != 0:
		return nil
	case k.known && k.net.free(k.link):
		return k.link
	case k.known:
		k.net.connect(now, k.link, out)
		return nil
	}
	k.find(now, out)
	return nil
}

// up is the connection to the coordinator if it may be used at once, and nothing is done
// about it otherwise.
func (k *finder) up() *link {
	if k.known && k.net.free(k.link) {
		return k.link
	}
	return nil
}

// check forgets a coordinator whose connection has failed (checkAndGetCoordinator).
func (k *finder) check(now machine.Instant) {
	k.wake = machine.Never
	if k.known && k.link.state == down && k.link.failures > 0 && now < k.link.retryAt {
		k.lost()
	}
}

// find asks any broker who the coordinator is.
func (k *finder) find(now machine.Instant, out *machine.Effects) {
	if k.asking {
		return
	}
	if now < k.retryAt {
		k.wake = k.retryAt
		return
	}
	l := k.net.leastLoaded(now, k.draw.With(k.asks), out)
	if l == nil {
		return
	}
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = k.kind, k.key, []string{k.key}
	k.asks++
	k.asking = true
	k.net.send(now, &call{what: callFindCoordinator, request: req}, l, nil, true, out)
}

// found takes the answer.
func (k *finder) found(now machine.Instant, o *outcome) {
	k.asking = false
	code, node, addr, name := wire.NetworkException, int32(-1), "", ""
	if resp, is := o.body.(*kmsg.FindCoordinatorResponse); is {
		code, node, name = resp.ErrorCode, resp.NodeID, resp.Host
		addr = fmt.Sprintf("%s:%d", resp.Host, resp.Port)
		for i := range resp.Coordinators { // version 4 and later
			x := &resp.Coordinators[i]
			code, node, name, addr = x.ErrorCode, x.NodeID, x.Host, fmt.Sprintf("%s:%d", x.Host, x.Port)
		}
	}
	switch {
	case code == wire.None && node >= 0:
		if k.link.addr != addr {
			k.link.tired = k.link.state == up || k.link.state == opening
			k.link.failures, k.link.retryAt = 0, 0 // those were of another broker
		}
		k.known, k.name, k.link.addr, k.fails = true, name, addr, 0
	case code == wire.GroupAuthorizationFailed || code == wire.TransactionalIDAuthorizationFailed || code == wire.InvalidGroupID || code == wire.InvalidRequest:
		k.fatal = code
	default:
		k.later(now)
		k.net.meta.invalidate() // ensureCoordinatorReady waits for an update, too
	}
}

// later has the next search wait for the back-off.
func (k *finder) later(now machine.Instant) {
	k.retryAt = now.Add(backoff(k.net.cfg.retry, k.net.cfg.retryMax, k.fails, k.draw.Of("backoff").With(k.asks)))
	k.fails++
}

// lost forgets the coordinator: it has said that it is none, or cannot be reached.
func (k *finder) lost() { k.known = false }

// hangUp is lost for one that is connected and no use any more: what is in flight is given
// up (markCoordinatorUnknown disconnects).
func (k *finder) hangUp() {
	k.lost()
	if k.link.state == up {
		k.link.tired = true
	}
}

// due is when a search may begin that had to wait.
func (k *finder) due() machine.Instant { return k.wake }
