package group

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// reader is a client of a consumer group that keeps the rules of KIP-848: it gives back what it
// is told to, says so, and takes what it is given.
type reader struct {
	name, id string
	instance *string
	epoch    int32
	topics   []string
	joined   bool
	full     bool            // an answer was lost, or an error: say everything again
	owns     map[string]bool // partitions, as "a-0"
	lives    int
}

func (r *reader) key(id TopicID, p int32) string { return fmt.Sprintf("%s-%d", trim(id), p) }

func trim(id TopicID) string { return string(id[:slices.Index(append(id[:], 0), 0)]) }

func (r *reader) request() *kmsg.ConsumerGroupHeartbeatRequest {
	q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	q.Version, q.Group, q.MemberID, q.InstanceID, q.MemberEpoch, q.RebalanceTimeoutMillis = 1, "g", r.id, r.instance, r.epoch, -1
	q.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	if !r.joined {
		q.MemberEpoch, q.RebalanceTimeoutMillis, q.SubscribedTopicNames = 0, 20_000, r.topics
		return q
	}
	q.SubscribedTopicNames = r.topics
	if r.full {
		q.RebalanceTimeoutMillis = 20_000
	}
	of := map[string][]int32{}
	for _, k := range slices.Sorted(maps.Keys(r.owns)) {
		var topic string
		var p int32
		if _, err := fmt.Sscanf(k, "%1s-%d", &topic, &p); err != nil {
			panic(err)
		}
		of[topic] = append(of[topic], p)
	}
	for _, topic := range slices.Sorted(maps.Keys(of)) {
		q.Topics = append(q.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: nameID(topic), Partitions: of[topic]})
	}
	return q
}

// hear takes an answer: what is not in an assignment any more is given back at once, and the
// next heartbeat says so.
func (r *reader) hear(a *kmsg.ConsumerGroupHeartbeatResponse) {
	r.full = a.ErrorCode != wire.None
	switch a.ErrorCode {
	case wire.None:
		r.joined, r.epoch = true, a.MemberEpoch
		if a.Assignment == nil {
			return
		}
		now := map[string]bool{}
		for _, t := range a.Assignment.Topics {
			for _, p := range t.Partitions {
				now[r.key(t.TopicID, p)] = true
			}
		}
		r.owns = now
	case wire.FencedMemberEpoch, wire.UnknownMemberID, wire.GroupIDNotFound:
		r.joined, r.epoch, r.owns = false, 0, map[string]bool{}
	}
}

type hall struct {
	t       *rapid.T
	l       *lab
	readers []*reader
}

func (h *hall) beat(r *reader, lost bool) {
	for _, a := range h.l.ask(r.name, r.request()) {
		if x, ok := a.Body.(*kmsg.ConsumerGroupHeartbeatResponse); ok && !lost {
			r.hear(x)
		}
		r.full = r.full || lost
	}
	h.check()
}

// check is G1: no partition has two owners.
func (h *hall) check() {
	owner := map[string]string{}
	for _, r := range h.readers {
		for k := range r.owns {
			if other := owner[k]; other != "" {
				st := &story{names: map[string]string{}}
				for i, e := range h.l.log {
					h.t.Logf("%d %s", i, st.showRecord(e))
				}
				h.t.Fatalf("%s is owned by %s and %s", k, other, r.name)
			}
			owner[k] = r.name
		}
	}
}

func (h *hall) pass(d time.Duration) { h.l.advance(d, func(coordinator.Answer) {}) }

func newHall(t *rapid.T, bugs *failpoint.Set) *hall {
	h := &hall{t: t, l: newLab(t.Fatalf)}
	if bugs != nil {
		h.l.bugs = bugs
		h.l.start()
	}
	static := "s"
	for i, name := range []string{"c1", "c2", "c3", "c4"} {
		r := &reader{name: name, id: name, owns: map[string]bool{}, topics: []string{"a", "b"}}
		if i == 3 {
			r.instance = &static
		}
		h.readers = append(h.readers, r)
	}
	return h
}

func (h *hall) step() {
	t := h.t
	r := rapid.SampledFrom(h.readers).Draw(t, "reader")
	if rapid.IntRange(0, 20).Draw(t, "drop") == 0 {
		h.l.drop = rapid.SampledFrom([]int16{wire.NotEnoughReplicas, wire.NotLeaderOrFollower}).Draw(t, "code")
	}
	switch rapid.SampledFrom([]string{"beat", "beat", "beat", "beat", "beat", "lost", "leave", "die", "away", "topics", "subscribe", "time", "failover"}).Draw(t, "what") {
	case "beat":
		h.beat(r, false)
	case "lost": // the answer is
		h.beat(r, true)
	case "leave", "away":
		if !r.joined {
			return
		}
		q := r.request()
		q.MemberEpoch = leaves
		if r.instance != nil && rapid.Bool().Draw(t, "for a moment") {
			q.MemberEpoch = leavesBack
		}
		r.joined, r.epoch, r.owns = false, 0, map[string]bool{} // before it says so
		for _, a := range h.l.ask(r.name, q) {
			if x := a.Body.(*kmsg.ConsumerGroupHeartbeatResponse); x.ErrorCode == 0 && r.instance != nil {
				r.lives++
				r.id = fmt.Sprintf("%s%d", r.name, r.lives)
			}
		}
	case "die":
		r.joined, r.epoch, r.owns = false, 0, map[string]bool{}
	case "topics":
		h.l.topics.set("c", h.l.topics["c"].Partitions+1)
		h.l.ask("", MetadataChanged{})
	case "subscribe":
		r.topics = rapid.SampledFrom([][]string{{"a", "b"}, {"a", "b", "c"}, {"b"}}).Draw(t, "topics")
	case "time":
		// All live readers send heartbeats in time, so that no session of theirs is over.
		h.live(rapid.IntRange(1, 6).Draw(t, "periods"))
	case "failover":
		h.l.start()
	}
	h.check()
}

// live lets periods of 5 s pass, in which all who live send heartbeats: no session of theirs
// is over.
func (h *hall) live(periods int) {
	for range periods {
		h.pass(5 * time.Second)
		for _, r := range h.readers {
			if r.joined {
				h.beat(r, false)
			}
		}
	}
}

// settle has everybody join, and heartbeats go on until nothing changes.
func (h *hall) settle() {
	h.l.drop = 0
	h.live(12) // who is dead is put out
	for range 15 {
		for _, r := range h.readers {
			h.beat(r, false)
		}
		h.pass(5 * time.Second)
	}
}

func (h *hall) complete() error {
	c := h.l.m.groups["g"].consumer
	if s := c.describe(); s != "Stable" {
		return fmt.Errorf("the group is %s", s)
	}
	owned := map[string]int{}
	for _, r := range h.readers {
		for k := range r.owns {
			owned[k]++
		}
	}
	for _, topic := range []string{"a", "b", "c"} {
		read := slices.ContainsFunc(h.readers, func(r *reader) bool { return slices.Contains(r.topics, topic) })
		for p := range h.l.topics[topic].Partitions {
			if k := fmt.Sprintf("%s-%d", topic, p); read && owned[k] != 1 {
				return fmt.Errorf("%s is owned by %d", k, owned[k])
			}
		}
	}
	return nil
}

// However members come, go, lose answers and fall silent, and whatever becomes of the
// coordinator: no partition has two owners, in the end each has one, and replay says what the
// machine knows.
func TestConsumerProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHall(t, nil)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			h.step()
		}
		h.settle()
		if err := h.complete(); err != nil {
			t.Fatal(err)
		}
		h.pass(20 * time.Minute) // all fall silent
		if groups, clocks, timers := len(h.l.m.groups), len(h.l.m.clocks), len(h.l.m.timers.heap); groups != 0 || clocks != 0 || timers != 1 {
			t.Fatalf("%d groups, %d clocks and %d timers are left", groups, clocks, timers)
		}
	})
}
