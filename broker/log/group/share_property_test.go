package group

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// sharer is a client of a share group that keeps the rules of KIP-932: it reads what it was last
// told to, and says all that it has to say when it joins and when it has missed an answer.
type sharer struct {
	name   string
	epoch  int32
	topics []string
	said   []string // topics, as it was last heard
	joined bool
	full   bool // an answer was lost, or an error
	reads  share
}

func (r *sharer) request() *kmsg.ShareGroupHeartbeatRequest {
	q := kmsg.NewPtrShareGroupHeartbeatRequest()
	q.Version, q.GroupID, q.MemberID, q.MemberEpoch = 1, "g", r.name, r.epoch
	if !r.joined || r.full || !slices.Equal(r.said, r.topics) {
		q.SubscribedTopicNames = r.topics
	}
	return q
}

func (r *sharer) hear(q *kmsg.ShareGroupHeartbeatRequest, a *kmsg.ShareGroupHeartbeatResponse) {
	r.full = a.ErrorCode != wire.None
	switch a.ErrorCode {
	case wire.None:
		r.joined, r.epoch = true, a.MemberEpoch
		if q.SubscribedTopicNames != nil {
			r.said = q.SubscribedTopicNames
		}
		if a.Assignment != nil {
			of := map[TopicID][]int32{}
			for _, t := range a.Assignment.TopicPartitions {
				of[t.TopicID] = t.Partitions
			}
			r.reads = makeShare(of)
		}
	case wire.FencedMemberEpoch, wire.UnknownMemberID, wire.GroupIDNotFound:
		r.quit()
	}
}

func (r *sharer) quit() { r.joined, r.epoch, r.reads, r.said = false, 0, nil, nil }

// pool is a share group and its clients.
type pool struct {
	t       *rapid.T
	l       *lab
	sharers []*sharer
}

func (h *pool) beat(r *sharer, lost bool) {
	q := r.request()
	for _, a := range h.l.ask(r.name, q) {
		if x, ok := a.Body.(*kmsg.ShareGroupHeartbeatResponse); ok && !lost {
			r.hear(q, x)
		}
		r.full = r.full || lost
	}
}

// initialize has share coordinators begin what the group asks for.
func (h *pool) initialize() {
	if _, topics := h.l.m.ShareUninitialized(h.l.now.Mono, "g"); len(topics) > 0 {
		h.l.ask("", ShareInitialized{"g", topics})
	}
}

// live lets periods of 5 s pass, in which all who live send heartbeats: no session of theirs is
// over.
func (h *pool) live(periods int) {
	for range periods {
		h.l.advance(5*time.Second, func(coordinator.Answer) {})
		for _, r := range h.sharers {
			if r.joined {
				h.beat(r, false)
			}
		}
	}
}

func (h *pool) step() {
	t := h.t
	r := rapid.SampledFrom(h.sharers).Draw(t, "sharer")
	if rapid.IntRange(0, 20).Draw(t, "drop") == 0 {
		h.l.drop = rapid.SampledFrom([]int16{wire.NotEnoughReplicas, wire.NotLeaderOrFollower}).Draw(t, "code")
	}
	switch rapid.SampledFrom([]string{"beat", "beat", "beat", "beat", "lost", "lost", "leave", "die", "initialize", "initialize", "topics", "delete", "subscribe", "time", "failover"}).Draw(t, "what") {
	case "beat":
		h.beat(r, false)
	case "lost": // the answer is
		h.beat(r, true)
	case "leave":
		if r.joined {
			q := r.request()
			q.MemberEpoch = leaves
			r.quit()
			h.l.ask(r.name, q)
		}
	case "die":
		r.quit()
	case "initialize":
		h.initialize()
	case "topics":
		h.l.topics.set("c", h.l.topics["c"].Partitions+1)
		h.l.ask("", MetadataChanged{})
	case "delete":
		delete(h.l.topics, "c")
		h.l.ask("", MetadataChanged{Deleted: []string{"c"}})
	case "subscribe":
		r.topics = rapid.SampledFrom([][]string{{"a", "b"}, {"a", "b", "c"}, {"b"}}).Draw(t, "topics")
	case "time":
		h.live(rapid.IntRange(1, 6).Draw(t, "periods"))
	case "failover":
		h.l.start()
	}
}

// complete says what is wrong when all have joined and nothing has happened for a while: a member
// reads what the coordinator knows of it, and each partition that anybody wants is somebody's.
func (h *pool) complete() error {
	g := h.l.m.shares["g"]
	for _, r := range h.sharers {
		if m := g.members[r.name]; m == nil || !r.joined || m.epoch != r.epoch || !m.assigned.equal(r.reads) {
			return fmt.Errorf("%s reads %s at epoch %d, and the coordinator knows of it %+v", r.name, showPlain(r.reads), r.epoch, m)
		}
	}
	for _, topic := range []string{"a", "b", "c"} {
		wants := func(r *sharer) bool { return slices.Contains(r.topics, topic) }
		for p := range h.l.topics[topic].Partitions {
			has := func(r *sharer) bool { return r.reads.has(nameID(topic), p) }
			if slices.ContainsFunc(h.sharers, wants) && !slices.ContainsFunc(h.sharers, has) {
				return fmt.Errorf("%s-%d is read by nobody", topic, p)
			}
		}
	}
	return nil
}

// However members come, go, lose answers and fall silent, and whatever becomes of the
// coordinator: in the end each reads what the coordinator knows, and nothing is read by nobody.
func TestShareProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &pool{t: t, l: newLab(t.Fatalf)}
		for i := range rapid.IntRange(1, 6).Draw(t, "members") {
			h.sharers = append(h.sharers, &sharer{name: fmt.Sprintf("m%d", i), topics: []string{"a", "b"}})
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			h.step()
		}
		h.l.drop = 0
		h.live(12) // who is dead is put out
		for range 6 {
			for _, r := range h.sharers {
				h.beat(r, false)
			}
			h.initialize()
		}
		if err := h.complete(); err != nil {
			t.Fatal(err)
		}
		epoch := h.l.m.shares["g"].epoch
		for _, r := range h.sharers {
			h.beat(r, false)
		}
		if now := h.l.m.shares["g"].epoch; now != epoch {
			t.Fatalf("the group is at epoch %d, and then at %d, where nothing has changed", epoch, now)
		}
	})
}
