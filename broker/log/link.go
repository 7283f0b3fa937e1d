package log

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// link is a connection that a broker keeps to another node, with one request
// under way at a time. It is dialled when it is wanted, and again after a back-off
// when it was lost.
type link struct {
	addr    string
	peer    *wire.Peer
	needs   []int16       // the APIs that the other end must serve
	backoff time.Duration // between two dials
	timeout time.Duration // of a dial, and of a request unless it says otherwise

	state    linkState
	tag      machine.Tag // of the dial
	conn     machine.ConnID
	until    machine.Instant // of the dial or the request under way; Never: neither
	retryAt  machine.Instant
	underWay bool
}

type linkState uint8

const (
	linkDown linkState = iota
	linkDialing
	linkOpening // waits for ApiVersions
	linkUp
)

func newLink(clientID, addr string, speaks *wire.Table, backoff, timeout time.Duration, needs ...int16) link {
	return link{addr: addr, peer: wire.NewPeer(clientID, speaks), needs: needs, backoff: backoff, timeout: timeout, until: machine.Never}
}

// tagger is a node, which gives out tags for dials.
type tagger interface{ tag() machine.Tag }

// ready reports whether a request may be sent now. It dials if it must and may.
func (l *link) ready(now machine.Instant, node tagger, out *machine.Effects) bool {
	if l.state == linkDown && now >= l.retryAt {
		l.state, l.tag = linkDialing, node.tag()
		l.until = now.Add(l.timeout)
		out.Dial(l.addr, l.tag)
	}
	return l.state == linkUp && !l.underWay
}

// send sends a request, whose answer must come within timeout.
func (l *link) send(now machine.Instant, req kmsg.Request, cookie any, timeout time.Duration, out *machine.Effects) {
	l.peer.Send(out, req, nil, cookie)
	l.underWay, l.until = true, now.Add(timeout)
}

// step takes an input. mine says that it was the link's; answered that there is
// an answer; lost that the connection has ended and the request under way, if
// there was one, with it.
func (l *link) step(now machine.Instant, in *machine.Input, out *machine.Effects) (a wire.Answer, mine, answered, lost bool) {
	switch {
	case in.Kind == machine.Opened && l.state == linkDialing && in.Tag == l.tag:
		l.state, l.conn, l.until = linkOpening, in.Conn, now.Add(l.timeout)
		l.peer.Open(in.Conn, out)
		return a, true, false, false
	case in.Kind == machine.Closed && in.Conn == 0 && l.state == linkDialing && in.Tag == l.tag,
		in.Kind == machine.Closed && in.Conn != 0 && l.state >= linkOpening && in.Conn == l.conn:
		l.lose(now)
		return a, true, false, true
	case in.Kind != machine.Received || l.state < linkOpening || in.Conn != l.conn:
		return a, false, false, false
	}
	a, answered, err := l.peer.Received(in.Frame, out)
	if err != nil || l.peer.Ready() && !l.served() {
		l.hangUp(now, out)
		return a, true, false, true
	}
	if l.state == linkOpening && l.peer.Ready() {
		l.state, l.until = linkUp, machine.Never
	}
	if answered {
		l.underWay, l.until = false, machine.Never
	}
	return a, true, answered, false
}

// served reports whether the other end serves what will be asked of it.
func (l *link) served() bool {
	for _, key := range l.needs {
		if _, ok := l.peer.Version(key); !ok {
			return false
		}
	}
	return true
}

// expire ends what takes too long. It reports whether the connection was lost by
// that.
func (l *link) expire(now machine.Instant, out *machine.Effects) bool {
	if l.state == linkDown || now < l.until {
		return false
	}
	l.hangUp(now, out)
	return true
}

func (l *link) hangUp(now machine.Instant, out *machine.Effects) {
	if l.conn != 0 {
		out.Close(l.conn)
	}
	l.lose(now)
}

// turn has the link go to another address from now on. It reports whether it was in use:
// what was under way is lost then.
func (l *link) turn(now machine.Instant, addr string, out *machine.Effects) (lost bool) {
	if addr == l.addr {
		return false
	}
	if lost = l.state != linkDown; lost {
		l.hangUp(now, out)
	}
	l.addr, l.retryAt = addr, now
	return lost
}

// due is when the link is next to be looked at, by a node that has something to ask
// from some time on.
func (l *link) due(from machine.Instant) machine.Instant {
	switch {
	case l.state == linkUp && !l.underWay:
		return from
	case l.state == linkDown:
		return max(l.retryAt, from)
	}
	return l.until
}

func (l *link) lose(now machine.Instant) {
	l.peer.Closed()
	l.state, l.conn, l.underWay, l.until = linkDown, 0, false, machine.Never
	l.retryAt = now.Add(l.backoff)
}
