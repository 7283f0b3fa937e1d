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
// transactional id, and its connection to it. Kafka gives a member's coordinator a connection of
// its own: a JoinGroup waits for the whole group, and what is behind it on a connection waits
// too. A producer asks over that which it has to the broker.
type finder struct {
	net  *network
	link *link // nil of a producer that has not found any
	own  bool  // it is nobody else's
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
	k := newSharingFinder(net, kind, key, draw)
	k.link, k.own = net.coordinator(slot), true
	return k
}

// newSharingFinder is one without a connection of its own.
func newSharingFinder(net *network, kind int8, key string, draw machine.Draw) finder {
	return finder{net: net, kind: kind, key: key, draw: draw.Of("coordinator"), wake: machine.Never}
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
	if k.known && k.unavailable(now) {
		k.lost()
	}
}

// unavailable reports whether the connection has failed and may not be tried again yet
// (ConsumerNetworkClient.isUnavailable).
func (k *finder) unavailable(now machine.Instant) bool {
	return k.link.state == down && k.link.failures > 0 && now < k.link.retryAt
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

// found takes the answer. A coordinator that has just proved to be out of reach is looked for
// again after a back-off only: until its broker is fenced everybody names it, and would be asked
// for ever (ensureCoordinatorReady).
func (k *finder) found(now machine.Instant, o *outcome) {
	k.asking = false
	code, node, host, port := wire.NetworkException, int32(-1), "", int32(-1)
	if resp, is := o.body.(*kmsg.FindCoordinatorResponse); is {
		code, node, host, port = resp.ErrorCode, resp.NodeID, resp.Host, resp.Port
		for i := range resp.Coordinators { // version 4 and later
			x := &resp.Coordinators[i]
			code, node, host, port = x.ErrorCode, x.NodeID, x.Host, x.Port
		}
	}
	switch {
	case code == wire.None && node >= 0:
		k.known, k.name = true, host
		if k.link = k.to(node, host, port); k.unavailable(now) {
			k.lost()
			k.later(now)
			return
		}
		k.fails = 0
	case code == wire.None || retriableCode(code):
		k.later(now)
		if k.own {
			k.net.meta.invalidate() // ensureCoordinatorReady waits for an update, too
		}
	default:
		k.fatal = code
	}
}

// to is the connection to a broker.
func (k *finder) to(node int32, host string, port int32) *link {
	if !k.own {
		return k.net.known(node, host, port)
	}
	if addr := fmt.Sprintf("%s:%d", host, port); k.link.addr != addr {
		k.link.tired = k.link.state == up || k.link.state == opening
		k.link.failures, k.link.retryAt = 0, 0 // those were of another broker
		k.link.addr = addr
	}
	return k.link
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
