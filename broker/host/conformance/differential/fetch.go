package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playFetch is reading: where, how much, of what, and by whom.
func playFetch(d *dialogue) {
	d.topic("fetch", 2)
	for i := range 5 {
		d.latest(kmsg.Produce, "for fetch", func(*side, int16) kmsg.Request {
			return produce(-1, part{topic: "fetch", records: values(fmt.Sprintf("%d-a", i), long(100), "c").bytes()})
		})
	}
	one := func(name string, p part) {
		p.topic = "fetch"
		d.each(kmsg.Fetch, name, func(s *side, v int16) kmsg.Request { return fetch(s, v, p) })
	}
	for _, at := range []int64{0, 1, 2, 3, 14, 15, 16, 99, -1, -2} {
		one(fmt.Sprintf("from %d", at), part{offset: at})
	}
	for _, n := range []int32{1, 150, 400, -1} {
		one(fmt.Sprintf("partition max bytes %d", n), part{maxBytes: n})
	}
	one("an empty partition", part{n: 1})
	one("partition 9", part{n: 9})
	one("partition -1", part{n: -1})
	one("leader epoch 0", part{leaderEpoch: 1})
	one("leader epoch 1", part{leaderEpoch: 2})
	one("leader epoch -2", part{leaderEpoch: -1})
	one("last fetched epoch 0", part{lastEpoch: 1, offset: 3})
	one("last fetched epoch 0, too far", part{lastEpoch: 1, offset: 20})
	one("last fetched epoch 5", part{lastEpoch: 6, offset: 3})
	one("last fetched and leader epoch", part{lastEpoch: 1, leaderEpoch: 1, offset: 3})
	change := func(name string, f func(*kmsg.FetchRequest)) {
		d.each(kmsg.Fetch, name, func(s *side, v int16) kmsg.Request {
			req := fetch(s, v, part{topic: "fetch"}, part{topic: "fetch", n: 1})
			f(req)
			return req
		})
	}
	for _, n := range []int32{0, 1, 200, -1} {
		change(fmt.Sprintf("max bytes %d", n), func(r *kmsg.FetchRequest) { r.MaxBytes = n })
	}
	change("min bytes -1", func(r *kmsg.FetchRequest) { r.MinBytes = -1 })
	change("min bytes more than there is", func(r *kmsg.FetchRequest) { r.MinBytes = 1 << 20 })
	change("max wait -1", func(r *kmsg.FetchRequest) { r.MaxWaitMillis, r.MinBytes = -1, 1<<20 })
	change("read committed", func(r *kmsg.FetchRequest) { r.IsolationLevel = 1 })
	change("isolation level 2", func(r *kmsg.FetchRequest) { r.IsolationLevel = 2 })
	change("a rack", func(r *kmsg.FetchRequest) { r.Rack = "r1" })
	by := func(r *kmsg.FetchRequest, id int32) {
		if r.Version >= 15 {
			r.ReplicaState.ID = id
		} else {
			r.ReplicaID = id
		}
	}
	for _, id := range []int32{-2, 1, 77} {
		change(fmt.Sprintf("by replica %d", id), func(r *kmsg.FetchRequest) { by(r, id) })
		change(fmt.Sprintf("by replica %d of leader epoch 0", id), func(r *kmsg.FetchRequest) {
			by(r, id)
			r.Topics[0].Partitions[0].CurrentLeaderEpoch = 0
		})
	}
	change("no topics", func(r *kmsg.FetchRequest) { r.Topics = nil })
	change("no partitions", func(r *kmsg.FetchRequest) { r.Topics[0].Partitions = nil })
	change("an unknown topic", func(r *kmsg.FetchRequest) { r.Topics[0].Topic, r.Topics[0].TopicID = "no-such", [16]byte{9} })
	change("no id", func(r *kmsg.FetchRequest) { r.Topics[0].Topic, r.Topics[0].TopicID = "", [16]byte{} })
	change("an odd name", func(r *kmsg.FetchRequest) { r.Topics[0].Topic, r.Topics[0].TopicID = "no such!", [16]byte{9} })
	change("an unknown topic beside", func(r *kmsg.FetchRequest) {
		t := kmsg.NewFetchRequestTopic()
		t.Topic, t.TopicID, t.Partitions = "no-such", [16]byte{9}, r.Topics[0].Partitions[:1]
		r.Topics = append(r.Topics, t)
	})
	change("a partition twice", func(r *kmsg.FetchRequest) {
		r.Topics[0].Partitions = append(r.Topics[0].Partitions, r.Topics[0].Partitions[0])
	})
	change("a topic twice", func(r *kmsg.FetchRequest) { r.Topics = append(r.Topics, r.Topics[0]) })
	// Sessions (KIP-227).
	change("session: final", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 0, -1 })
	change("session: final of one that is not", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 12345, -1 })
	change("session: unknown", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 12345, 1 })
	change("session: epoch without one", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 0, 1 })
	change("session: epoch -2", func(r *kmsg.FetchRequest) { r.SessionID, r.SessionEpoch = 0, -2 })
	for _, v := range d.versions(kmsg.Fetch) {
		if v >= 7 {
			d.session(v)
		}
	}
}

// session is a fetch session from its beginning to its end.
func (d *dialogue) session(v int16) {
	step := func(name string, f func(s *side, r *kmsg.FetchRequest), parts ...part) {
		ours, kafka := d.at(kmsg.Fetch, v, "session: "+name, func(s *side, v int16) kmsg.Request {
			req := fetch(s, v, parts...)
			req.SessionID = int32(s.kept["session"])
			f(s, req)
			return req
		})
		for i, resp := range []kmsg.Response{ours, kafka} {
			if r, ok := resp.(*kmsg.FetchResponse); ok && r.SessionID != 0 {
				d.sides[i].kept["session"] = int64(r.SessionID)
			}
		}
	}
	for _, s := range d.sides {
		s.kept["session"] = 0
	}
	epoch := func(n int32) func(*side, *kmsg.FetchRequest) {
		return func(_ *side, r *kmsg.FetchRequest) { r.SessionEpoch = n }
	}
	step("new", epoch(0), part{topic: "fetch"}, part{topic: "fetch", n: 1})
	step("nothing new", epoch(1))
	step("another offset", epoch(2), part{topic: "fetch", offset: 6})
	step("an old epoch", epoch(2))
	step("an epoch too far", epoch(9))
	step("one forgotten", func(s *side, r *kmsg.FetchRequest) {
		r.SessionEpoch = 3
		t := kmsg.NewFetchRequestForgottenTopic()
		t.Topic, t.TopicID, t.Partitions = "fetch", s.id("fetch"), []int32{0}
		r.ForgottenTopics = append(r.ForgottenTopics, t)
	})
	step("one added", epoch(4), part{topic: "fetch", offset: 9}, part{topic: "no-such"})
	step("the end", epoch(-1), part{topic: "fetch"})
	step("after its end", epoch(5))
}
