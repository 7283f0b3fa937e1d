package log

import (
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// The session epochs of ShareFetch and ShareAcknowledge that are none (ShareRequestMetadata).
const (
	newShareSession  = 0
	lastShareRequest = -1
)

// sessionOf is whose a share session is: of a member of a group, on this broker.
type sessionOf struct{ group, member string }

// shareSession is what a member fetches (ShareSession). It ends with its connection, and what the
// member has then is given back.
type shareSession struct {
	of    sessionOf
	conn  *conn
	epoch int32 // of the next request
	parts []sharedTP
	told  map[sharedTP]bool // each of parts: whether an answer has had it, without error
}

// sharedTP is a partition of a session.
type sharedTP struct {
	topic     [16]byte
	partition int32
}

func (x *shareSession) add(tp sharedTP) {
	if _, has := x.told[tp]; !has {
		x.told[tp] = false
		x.parts = append(x.parts, tp)
	}
}

// forget takes partitions out of a session.
func (x *shareSession) forget(topics []kmsg.ShareFetchRequestForgottenTopicsData) {
	n := len(x.told)
	for i := range topics {
		for _, p := range topics[i].Partitions {
			delete(x.told, sharedTP{topics[i].TopicID, p})
		}
	}
	if len(x.told) < n {
		x.parts = slices.DeleteFunc(x.parts, func(tp sharedTP) bool { _, has := x.told[tp]; return !has })
	}
}

func (x *shareSession) next() {
	if x.epoch++; x.epoch == math.MaxInt32 {
		x.epoch = 1
	}
}

// beginSession begins a session, in the place of the one that the member has had.
func (b *Broker) beginSession(of sessionOf, c *conn) (*shareSession, int16) {
	if old := b.sharing.sessions[of]; old != nil {
		// What it has acquired stays its own: it may know of it.
		delete(b.sharing.sessions, of)
		old.conn.sessions = remove(old.conn.sessions, old)
	}
	if len(b.sharing.sessions) >= int(b.cfg.Settings.GroupShareMaxSessions) {
		return nil, wire.ShareSessionLimitReached
	}
	x := &shareSession{of: of, conn: c, told: make(map[sharedTP]bool)}
	b.sharing.sessions[of] = x
	c.sessions = append(c.sessions, x)
	return x, 0
}

// session is the session of a request that is not its first, or Kafka's error.
func (b *Broker) session(of sessionOf, epoch int32) (*shareSession, int16) {
	x := b.sharing.sessions[of]
	switch {
	case x == nil:
		return nil, wire.ShareSessionNotFound
	case epoch != lastShareRequest && epoch != x.epoch:
		return nil, wire.InvalidShareSessionEpoch
	}
	return x, 0
}

// endSession ends a session, and what its member has is given back. done is called when that is
// written.
func (b *Broker) endSession(now machine.Now, x *shareSession, done func(machine.Now, *machine.Effects), out *machine.Effects) {
	left := 1
	one := func(now machine.Now, _ int16, out *machine.Effects) {
		if left--; left == 0 && done != nil {
			done(now, out)
		}
	}
	for _, tp := range x.parts {
		sp := b.knownShare(x.of.group, tp)
		if sp == nil || sp.state == nil {
			continue
		}
		if id := sp.state.ReleaseAll(x.of.member); id != 0 {
			left++
			sp.acks = append(sp.acks, shareAck{id, one})
			b.shareMoved(now, sp, out)
		}
	}
	b.forgetSession(now, x, out)
	one(now, 0, out)
}

// knownShare is the share partition of a session's partition, if there is one here.
func (b *Broker) knownShare(group string, tp sharedTP) *sharePart {
	p, code := b.sharedPartition(tp)
	if code != 0 {
		return nil
	}
	for _, sp := range p.shares {
		if sp.key.Group == group && sp.epoch == p.LeaderEpoch() {
			return sp
		}
	}
	return nil
}

// sharedPartition is a partition that this broker leads, by its topic's id, or Kafka's error.
func (b *Broker) sharedPartition(tp sharedTP) (*partition, int16) {
	t := b.image.ByID[tp.topic]
	if t == nil {
		return nil, wire.UnknownTopicID
	}
	p, code := b.lookup(t.Name, tp.partition)
	switch {
	case code != 0:
		return nil, code
	case p.topicID != tp.topic:
		return nil, wire.UnknownTopicID
	case !p.Leads():
		return nil, wire.NotLeaderOrFollower
	}
	return p, 0
}

// forgetSession ends a session and nothing else. When it was the last of its group, the group's
// share partitions end, too: an operator may change what is kept of them (ShareGroupListener.onGroupEmpty).
func (b *Broker) forgetSession(now machine.Now, x *shareSession, out *machine.Effects) {
	if b.sharing.sessions[x.of] != x {
		return
	}
	delete(b.sharing.sessions, x.of)
	x.conn.sessions = remove(x.conn.sessions, x)
	// unordered: whether there is one
	for of := range b.sharing.sessions {
		if of.group == x.of.group {
			return
		}
	}
	for _, sp := range slices.Clone(b.sharing.parts) {
		if sp.key.Group == x.of.group && sp.code == 0 {
			if sp.idle = true; sp.state == nil {
				b.endShare(now, sp, wire.NotLeaderOrFollower, out)
			} else {
				b.shareMoved(now, sp, out)
			}
		}
	}
}

// hungUp ends the sessions of a connection that is closed.
func (b *Broker) hungUp(now machine.Now, c *conn, out *machine.Effects) {
	for len(c.sessions) > 0 {
		b.endSession(now, c.sessions[0], nil, out)
	}
	if c.share != nil {
		b.unparkShare(c.share)
	}
}
