package group

import (
	"fmt"
	"testing"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// world is a lab with clients that do what clients do, and what clients should not, and a
// model of what may come of it: a map of offsets, and who was told which generation.
type world struct {
	t *rapid.T
	l *lab
	// Clients know what they were last told.
	clients map[string]*client
	asked   map[coordinator.Token]any
	who     map[coordinator.Token]string
	// offsets are those committed, pending those of the open transactions.
	offsets map[string]map[partition]int64
	pending map[int64]map[string]map[partition]int64
	highest map[string]int32 // the generation that a group has come to, in this life
	leaders map[string]string
}

type client struct {
	id         string
	generation int32
	leads      bool
	members    []string
}

func (w *world) ask(who string, req any) {
	w.asked[w.l.token+1], w.who[w.l.token+1] = req, who
	for _, a := range w.l.ask(who, req) {
		w.hear(a)
	}
}

func (w *world) client(group, name string) *client {
	key := group + "/" + name
	if w.clients[key] == nil {
		w.clients[key] = &client{}
	}
	return w.clients[key]
}

func (w *world) hear(a coordinator.Answer) {
	who := w.who[a.To]
	switch r := a.Body.(type) {
	case *kmsg.JoinGroupResponse:
		req := w.asked[a.To].(*kmsg.JoinGroupRequest)
		c := w.client(req.Group, who)
		switch r.ErrorCode {
		case wire.MemberIDRequired:
			c.id = r.MemberID
		case wire.None:
			if r.Generation < w.highest[req.Group] {
				w.t.Fatalf("%s is told of generation %d of %s, which had come to %d", who, r.Generation, req.Group, w.highest[req.Group])
			}
			w.highest[req.Group] = r.Generation
			c.id, c.generation, c.leads, c.members = r.MemberID, r.Generation, len(r.Members) > 0 && !r.SkipAssignment, nil
			for _, m := range r.Members {
				c.members = append(c.members, m.MemberID)
			}
			if c.leads {
				key := fmt.Sprint(req.Group, r.Generation)
				if other := w.leaders[key]; other != "" && other != r.MemberID && req.InstanceID == nil {
					w.t.Fatalf("%s and %s lead generation %d of %s", other, r.MemberID, r.Generation, req.Group)
				}
				w.leaders[key] = r.MemberID
			}
		case wire.UnknownMemberID, wire.FencedInstanceID:
			c.id = ""
		}
	case *kmsg.SyncGroupResponse:
		req := w.asked[a.To].(*kmsg.SyncGroupRequest)
		if r.ErrorCode == wire.None && string(r.MemberAssignment) != "" && string(r.MemberAssignment) != fmt.Sprint(req.Generation, req.MemberID) {
			w.t.Fatalf("%s is assigned %q in generation %d", req.MemberID, r.MemberAssignment, req.Generation)
		}
	case *kmsg.OffsetCommitResponse:
		req := w.asked[a.To].(*kmsg.OffsetCommitRequest)
		for i, t := range r.Topics {
			for j, p := range t.Partitions {
				if p.ErrorCode == wire.None {
					w.set(w.offsets, req.Group, partition{t.Topic, p.Partition}, req.Topics[i].Partitions[j].Offset)
				}
				if p.ErrorCode == wire.None && req.Generation >= 0 && req.Generation < w.highest[req.Group]-1 {
					w.t.Fatalf("%s commits in generation %d of %s, which has come to %d", who, req.Generation, req.Group, w.highest[req.Group])
				}
			}
		}
	case *kmsg.TxnOffsetCommitResponse:
		req := w.asked[a.To].(*kmsg.TxnOffsetCommitRequest)
		for i, t := range r.Topics {
			for j, p := range t.Partitions {
				if p.ErrorCode == wire.None {
					if w.pending[req.ProducerID] == nil {
						w.pending[req.ProducerID] = map[string]map[partition]int64{}
					}
					w.set(w.pending[req.ProducerID], req.Group, partition{t.Topic, p.Partition}, req.Topics[i].Partitions[j].Offset)
				}
			}
		}
	case *kmsg.DeleteGroupsResponse:
		for _, g := range r.Groups {
			if g.ErrorCode == wire.None {
				delete(w.offsets, g.Group)
				for _, p := range w.pending {
					delete(p, g.Group)
				}
			}
		}
	case *kmsg.OffsetFetchResponse:
		for _, g := range r.Groups {
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					w.fetched(g.Group, partition{t.Topic, p.Partition}, p.Offset, p.ErrorCode)
				}
			}
		}
	}
}

func (w *world) set(m map[string]map[partition]int64, group string, p partition, n int64) {
	if m[group] == nil {
		m[group] = map[partition]int64{}
	}
	m[group][p] = n
}

func (w *world) fetched(group string, p partition, offset int64, code int16) {
	unstable := false
	for _, groups := range w.pending {
		if _, has := groups[group][p]; has {
			unstable = true
		}
	}
	want, has := w.offsets[group][p]
	if !has {
		want = -1
	}
	if unstable {
		want = -1
	}
	if unstable != (code == wire.UnstableOffsetCommit) || offset != want {
		w.t.Fatalf("%s %v is at %d %s, want %d, unstable=%v", group, p, offset, wire.ErrorName(code), want, unstable)
	}
}

func (w *world) step() {
	t := w.t
	group := rapid.SampledFrom([]string{"g", "h"}).Draw(t, "group")
	name := rapid.SampledFrom([]string{"c1", "c2", "c3", "c4"}).Draw(t, "client")
	c := w.client(group, name)
	if g := w.l.m.groups[group]; g == nil || g.generation == 0 { // deleted: it begins anew
		delete(w.highest, group)
		for key := range w.leaders {
			if key[:1] == group {
				delete(w.leaders, key)
			}
		}
	}
	generation := c.generation
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		generation--
	}
	var instance *string
	if name == "c4" { // a static member
		instance = &name
	}
	if rapid.IntRange(0, 30).Draw(t, "drop") == 0 {
		w.l.drop = rapid.SampledFrom([]int16{wire.NotEnoughReplicas, wire.NotLeaderOrFollower, wire.RecordListTooLarge}).Draw(t, "code")
	}
	switch rapid.SampledFrom([]string{"join", "join", "join", "sync", "sync", "heartbeat", "commit", "txn", "marker", "fetch", "time", "leave", "delete", "forget", "failover"}).Draw(t, "what") {
	case "join":
		r := kmsg.NewPtrJoinGroupRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID = int16(rapid.IntRange(3, 9).Draw(t, "v")), group, c.id, instance
		r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.ProtocolType = 10_000, 20_000, "consumer"
		for _, p := range rapid.SampledFrom([][]string{{"range"}, {"range", "sticky"}, {"sticky"}}).Draw(t, "protocols") {
			r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscription("a")})
		}
		w.ask(name, r)
	case "sync":
		r := kmsg.NewPtrSyncGroupRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = 5, group, c.id, instance, generation
		if c.leads {
			for _, id := range c.members {
				r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: id, MemberAssignment: fmt.Append(nil, generation, id)})
			}
		}
		w.ask(name, r)
	case "heartbeat":
		r := kmsg.NewPtrHeartbeatRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = 4, group, c.id, instance, generation
		w.ask(name, r)
	case "commit":
		r := kmsg.NewPtrOffsetCommitRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation, r.RetentionTimeMillis = 8, group, c.id, instance, generation, -1
		if rapid.Bool().Draw(t, "by hand") {
			r.MemberID, r.Generation, r.InstanceID = "", -1, nil
		}
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = rapid.Int32Range(0, 3).Draw(t, "partition"), rapid.Int64Range(0, 1000).Draw(t, "offset")
		r.Topics = append(r.Topics, kmsg.OffsetCommitRequestTopic{Topic: "a", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}})
		w.ask(name, r)
	case "txn":
		r := kmsg.NewPtrTxnOffsetCommitRequest()
		r.Version, r.Group, r.MemberID, r.InstanceID, r.Generation = 3, group, c.id, instance, generation
		r.ProducerID = rapid.Int64Range(1, 2).Draw(t, "pid")
		if rapid.Bool().Draw(t, "by hand") {
			r.MemberID, r.Generation, r.InstanceID = "", -1, nil
		}
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		// Partitions of their own: the model does not know the order in the log.
		p.Partition, p.Offset = int32(r.ProducerID-1), rapid.Int64Range(0, 1000).Draw(t, "offset")
		r.Topics = append(r.Topics, kmsg.TxnOffsetCommitRequestTopic{Topic: "b", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}})
		w.ask(name, r)
	case "marker":
		pid, commit := rapid.Int64Range(1, 2).Draw(t, "pid"), rapid.Bool().Draw(t, "commit")
		for group, offsets := range w.pending[pid] {
			for p, n := range offsets {
				if commit {
					w.set(w.offsets, group, p, n)
				}
			}
		}
		delete(w.pending, pid)
		w.l.mark(pid, commit)
	case "fetch":
		r := kmsg.NewPtrOffsetFetchRequest()
		r.Version, r.RequireStable = 9, true
		one := kmsg.NewOffsetFetchRequestGroup()
		one.Group = group
		one.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "a", Partitions: []int32{0, 1, 2, 3}}, {Topic: "b", Partitions: []int32{0, 1}}}
		r.Groups = append(r.Groups, one)
		w.ask(name, r)
	case "time":
		w.l.advance(time.Duration(rapid.IntRange(0, 12_000).Draw(t, "ms"))*time.Millisecond, w.hear)
	case "leave":
		r := kmsg.NewPtrLeaveGroupRequest()
		r.Version, r.Group = 5, group
		r.Members = []kmsg.LeaveGroupRequestMember{{MemberID: c.id, InstanceID: instance}, {MemberID: c.id, InstanceID: instance}}
		c.id = ""
		w.ask(name, r)
	case "delete":
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Version, r.Groups = 2, []string{group, group}
		w.ask(name, r)
	case "forget":
		c.id = ""
	case "failover":
		if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
			w.l.start()
			clear(w.highest)
			clear(w.leaders)
		}
	}
}

// Whatever clients do and however the log fails, replay says what the machine knows, offsets
// are those of a map, generations only rise and have one leader each, and everybody is
// answered.
func TestProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			t: t, clients: map[string]*client{}, asked: map[coordinator.Token]any{}, who: map[coordinator.Token]string{},
			offsets: map[string]map[partition]int64{}, pending: map[int64]map[string]map[partition]int64{},
			highest: map[string]int32{}, leaders: map[string]string{},
		}
		w.l = newLab(t.Fatalf)
		w.l.broker.GroupMaxSize = 3
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			w.step()
		}
		w.l.drop = 0
		w.l.advance(10*time.Minute, w.hear)
		if n := len(w.l.m.timers.heap); n != 1 {
			t.Fatalf("%d timers are left", n)
		}
		if len(w.l.sent) > 0 {
			t.Fatalf("%d requests were never answered", len(w.l.sent))
		}
		for _, g := range w.l.m.sorted() {
			if len(g.members) > 0 || g.state != empty {
				t.Fatalf("group %s is %v with %d members, though nobody lives", g.id, g.state, len(g.members))
			}
		}
	})
}
