package log

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// The session epochs of a Fetch that names everything that it wants (KIP-227).
const (
	newSession = 0
	noSession  = -1
)

// fetchSessions are what readers have said that they want, so that they need not say all of
// it each time, nor hear of what has not changed (KIP-227, FetchSession.scala). A session
// belongs to no connection, and is not kept over a restart.
type fetchSessions struct {
	slots int // max.incremental.fetch.session.cache.slots
	draw  machine.Draw
	made  uint64
	list  []*fetchSession // by id
}

// minSessionEviction is Kafka's min.incremental.fetch.session.eviction.ms, which nobody can
// set: who has not been used for longer goes first, and who is younger than that has to give
// way to followers alone.
const minSessionEviction = 120 * time.Second

// fetchSession is one session.
type fetchSession struct {
	id       int32
	epoch    int32 // of the next request
	byID     bool  // its topics are named by id
	follower bool
	created  machine.Instant
	used     machine.Instant
	known    map[sessionKey]*sessionPartition
	parts    []*sessionPartition // in the order in which they are read: who had records goes behind
}

// sessionKey is a partition as the session names it: by the topic's name, or by its id.
type sessionKey struct {
	topic     string
	topicID   [16]byte
	partition int32
}

// sessionPartition is what a reader wants of a partition, and what it was told last.
type sessionPartition struct {
	sessionKey
	want          kmsg.FetchRequestTopicPartition
	highWatermark int64
	logStart      int64
	forgotten     bool
}

func newFetchSessions(slots int32, incarnation [16]byte) fetchSessions {
	return fetchSessions{slots: int(slots), draw: machine.NewDraw(binary.BigEndian.Uint64(incarnation[:8]), "fetch-session").With(binary.BigEndian.Uint64(incarnation[8:]))}
}

func (s *fetchSessions) find(id int32) (int, bool) {
	return slices.BinarySearchFunc(s.list, id, func(x *fetchSession, id int32) int { return cmp.Compare(x.id, id) })
}

func (s *fetchSessions) remove(id int32) {
	if i, ok := s.find(id); ok {
		s.list = slices.Delete(s.list, i, i+1)
	}
}

// inSession is how a Fetch stands to a session.
type inSession struct {
	session *fetchSession // of an incremental one
	epoch   int32         // that its answer must find
	begins  bool          // of a full one: it wants a session
}

// enter has a Fetch name everything that its reader wants, or returns Kafka's error for it
// (FetchManager.newContext).
func (s *fetchSessions) enter(now machine.Instant, body *kmsg.FetchRequest) (in inSession, code int16) {
	if body.SessionEpoch == newSession || body.SessionEpoch == noSession {
		s.remove(body.SessionID) // 0, which is nobody's, unless it begins anew
		return inSession{begins: body.SessionEpoch == newSession && s.slots > 0}, 0
	}
	i, ok := s.find(body.SessionID)
	if !ok {
		return in, wire.FetchSessionIDNotFound
	}
	x := s.list[i]
	switch {
	case x.epoch != body.SessionEpoch:
		return in, wire.InvalidFetchSessionEpoch
	case x.byID != (body.Version >= byID):
		return in, wire.FetchSessionTopicIDError
	}
	x.update(body)
	if len(x.parts) == 0 {
		s.remove(x.id)
		body.Topics = body.Topics[:0]
		return in, 0
	}
	x.used, x.epoch = now, nextSessionEpoch(x.epoch)
	x.spell(body)
	return inSession{session: x, epoch: x.epoch}, 0
}

// nextSessionEpoch goes round, past 0.
func nextSessionEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}

// update takes over what a Fetch says that is new, and forgets what it says is not wanted
// any more.
func (x *fetchSession) update(body *kmsg.FetchRequest) {
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			x.want(t.Topic, t.TopicID, &t.Partitions[j])
		}
	}
	before := len(x.known)
	for i := range body.ForgottenTopics {
		t := &body.ForgottenTopics[i]
		for _, n := range t.Partitions {
			if p := x.known[x.key(t.Topic, t.TopicID, n)]; p != nil {
				p.forgotten = true
				delete(x.known, p.sessionKey)
			}
		}
	}
	if len(x.known) < before {
		x.parts = slices.DeleteFunc(x.parts, func(p *sessionPartition) bool { return p.forgotten })
	}
}

func (x *fetchSession) key(topic string, id [16]byte, n int32) sessionKey {
	if x.byID {
		topic = "" // it may become known later
	}
	return sessionKey{topic, id, n}
}

func (x *fetchSession) want(topic string, id [16]byte, want *kmsg.FetchRequestTopicPartition) *sessionPartition {
	key := x.key(topic, id, want.Partition)
	p := x.known[key]
	if p == nil {
		p = &sessionPartition{sessionKey: key, highWatermark: unsaid, logStart: unsaid}
		x.known[key] = p
		x.parts = append(x.parts, p)
	}
	p.want = *want
	return p
}

// unsaid is an offset that no partition has.
const unsaid = -1

// spell has a Fetch name all partitions of its session, in their order.
func (x *fetchSession) spell(body *kmsg.FetchRequest) {
	topics := body.Topics[:0]
	for i, p := range x.parts {
		if n := len(topics); n == 0 || x.parts[i-1].topic != p.topic || x.parts[i-1].topicID != p.topicID {
			var t *kmsg.FetchRequestTopic
			topics, t = extend(topics)
			partitions := t.Partitions[:0]
			*t = kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID, t.Partitions = p.topic, p.topicID, partitions
		}
		t := &topics[len(topics)-1]
		t.Partitions = append(t.Partitions, p.want)
	}
	body.Topics = topics
}

// begin begins a session with what a full Fetch has wanted and was told, if there is room
// for one or somebody has to give way.
func (s *fetchSessions) begin(now machine.Instant, body *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
	id, _ := wire.FetchReplica(body)
	x := &fetchSession{epoch: 1, byID: body.Version >= byID, follower: id >= 0, created: now, used: now, known: make(map[sessionKey]*sessionPartition)}
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			x.want(t.Topic, t.TopicID, &t.Partitions[j]).told(&resp.Topics[i].Partitions[j])
		}
	}
	if len(s.list) >= s.slots && !s.evict(now, x) {
		return
	}
	for x.id = 0; ; {
		s.made++
		x.id = 1 + int32(s.draw.With(s.made).N(math.MaxInt32))
		if i, taken := s.find(x.id); !taken {
			s.list = slices.Insert(s.list, i, x)
			resp.SessionID = x.id
			return
		}
	}
}

// evict takes a session away for a new one, if one may be: the one that was not used for
// longest, if that is long ago; otherwise the least valuable of those that may go, if it is
// worth less than the new one (FetchSessionCache.tryEvict).
func (s *fetchSessions) evict(now machine.Instant, newer *fetchSession) bool {
	if len(s.list) == 0 {
		return false
	}
	oldest := slices.MinFunc(s.list, func(a, b *fetchSession) int { return cmp.Or(cmp.Compare(a.used, b.used), cmp.Compare(a.id, b.id)) })
	if now.Sub(oldest.used) > minSessionEviction {
		s.remove(oldest.id)
		return true
	}
	var least *fetchSession
	for _, x := range s.list {
		grown := x.used.Sub(x.created) > minSessionEviction
		if (grown || newer.follower && !x.follower) && (least == nil || x.compare(least) < 0) {
			least = x
		}
	}
	if least == nil || newer.compare(least) < 0 {
		return false
	}
	s.remove(least.id)
	return true
}

// compare orders sessions by how much they are worth (EvictableKey).
func (x *fetchSession) compare(y *fetchSession) int {
	worth := func(follower bool) int {
		if follower {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(worth(x.follower), worth(y.follower)), cmp.Compare(len(x.parts), len(y.parts)), cmp.Compare(x.id, y.id))
}

// told notes what a reader is told of a partition, and reports whether it must be told
// (CachedPartition.maybeUpdateResponseData). Records are the caller's matter. What was an
// error is told again when it is none.
func (p *sessionPartition) told(x *kmsg.FetchResponseTopicPartition) (must bool) {
	must = p.highWatermark != x.HighWatermark || p.logStart != x.LogStartOffset || x.ErrorCode != 0 || x.DivergingEpoch.EndOffset >= 0
	if p.highWatermark, p.logStart = x.HighWatermark, x.LogStartOffset; x.ErrorCode != 0 {
		p.highWatermark = unsaid
	}
	return must
}

// leave makes the answer to a Fetch that of its session: what has not changed is left out of
// an incremental one, and who had records goes behind the others.
func (s *fetchSessions) leave(now machine.Instant, in inSession, body *kmsg.FetchRequest, a *fetchAnswer) {
	switch x := in.session; {
	case in.begins:
		s.begin(now, body, &a.resp)
	case x == nil:
	case x.epoch != in.epoch: // another request has overtaken this one while it was parked
		a.resp.ErrorCode, a.resp.SessionID = wire.InvalidFetchSessionEpoch, x.id
		a.resp.Topics, a.records = a.resp.Topics[:0], a.records[:0]
	default:
		a.resp.SessionID = x.id
		x.prune(a)
	}
}

// prune takes what need not be said out of an answer. The partitions of the answer are those
// of the session, in its order. What is taken out changes its place with what stays, since
// the answer's memory is used again.
func (x *fetchSession) prune(a *fetchAnswer) {
	var quiet, loud []*sessionPartition // without records, and with
	at, topics, records := 0, 0, a.records[:0]
	for i := range a.resp.Topics {
		t := &a.resp.Topics[i]
		kept := 0
		for j := range t.Partitions {
			p, has := x.parts[at], a.records[at].Len() > 0
			if must := p.told(&t.Partitions[j]); must || has {
				t.Partitions[kept], t.Partitions[j] = t.Partitions[j], t.Partitions[kept]
				records = append(records, a.records[at])
				kept++
			}
			if has {
				loud = append(loud, p)
			} else {
				quiet = append(quiet, p)
			}
			at++
		}
		if t.Partitions = t.Partitions[:kept]; kept > 0 {
			a.resp.Topics[topics], a.resp.Topics[i] = a.resp.Topics[i], a.resp.Topics[topics]
			topics++
		}
	}
	a.resp.Topics, a.records = a.resp.Topics[:topics], records
	if len(loud) > 0 {
		x.parts = append(quiet, loud...)
	}
}
