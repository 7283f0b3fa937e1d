package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playOffsets is ListOffsets and OffsetForLeaderEpoch.
func playOffsets(d *dialogue) {
	d.topic("offsets", 2, "retention.ms", "-1")
	for i, at := range []int64{1000, 5000, 3000, 9000, 9000, 4000} {
		d.latest(kmsg.Produce, "for offsets", func(*side, int16) kmsg.Request {
			return produce(-1, part{topic: "offsets", records: values("a", "b", "c").with(func(b *batch) { b.first, b.codec = at, int16(i%3) }).bytes()})
		})
	}
	for _, t := range []int64{-1, -2, -3, -4, -5, -6, -100, 0, 1, 1000, 1001, 1002, 1003, 3000, 4999, 5001, 9000, 9001, 9002, 9003, 1 << 60} {
		d.each(kmsg.ListOffsets, fmt.Sprintf("time %d", t), func(*side, int16) kmsg.Request { return listOffsets(part{topic: "offsets", time: t}) })
		d.each(kmsg.ListOffsets, fmt.Sprintf("of nothing, time %d", t), func(*side, int16) kmsg.Request { return listOffsets(part{topic: "offsets", n: 1, time: t}) })
	}
	for name, parts := range inOrder(map[string][]part{
		"partition 9":           {{topic: "offsets", n: 9, time: -1}},
		"partition -1":          {{topic: "offsets", n: -1, time: -1}},
		"an unknown topic":      {{topic: "no-such", time: -1}},
		"no name":               {{topic: "", time: -1}},
		"an odd name":           {{topic: "no such!", time: -1}},
		"nothing":               {},
		"leader epoch 0":        {{topic: "offsets", time: -1, leaderEpoch: 1}},
		"leader epoch 1":        {{topic: "offsets", time: -1, leaderEpoch: 2}},
		"leader epoch 1, -2":    {{topic: "offsets", time: -2, leaderEpoch: 2}},
		"leader epoch -5":       {{topic: "offsets", time: -1, leaderEpoch: -4}},
		"a partition twice":     {{topic: "offsets", time: -1}, {topic: "offsets", time: -2}},
		"a topic twice":         {{topic: "offsets", time: -1}, {topic: "no-such", time: -1}, {topic: "offsets", n: 1, time: -2}},
		"several":               {{topic: "offsets", time: -1}, {topic: "offsets", n: 1, time: 5000}, {topic: "offsets", n: 7, time: -2}, {topic: "fetch", time: -2}},
		"of the metadata topic": {{topic: "__cluster_metadata", time: -1}},
	}) {
		d.each(kmsg.ListOffsets, name, func(*side, int16) kmsg.Request { return listOffsets(parts...) })
	}
	for _, id := range []int32{-2, 1, 77} {
		for _, t := range []int64{-1, -2, 5000} {
			d.each(kmsg.ListOffsets, fmt.Sprintf("by replica %d, time %d", id, t), func(*side, int16) kmsg.Request {
				req := listOffsets(part{topic: "offsets", time: t})
				req.ReplicaID = id
				return req
			})
		}
	}
	for _, level := range []int8{1, 2, -1} {
		for _, t := range []int64{-1, -3, 5000} {
			d.each(kmsg.ListOffsets, fmt.Sprintf("isolation level %d, time %d", level, t), func(*side, int16) kmsg.Request {
				req := listOffsets(part{topic: "offsets", time: t})
				req.IsolationLevel = level
				return req
			})
		}
	}
	d.each(kmsg.ListOffsets, "no partitions", func(*side, int16) kmsg.Request {
		req := listOffsets(part{topic: "offsets"})
		req.Topics[0].Partitions = nil
		return req
	})

	epochs := func(replica int32, parts ...part) *kmsg.OffsetForLeaderEpochRequest {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		req.ReplicaID = replica
		byTopic(parts, func(topic string, parts []part) {
			t := kmsg.NewOffsetForLeaderEpochRequestTopic()
			t.Topic = topic
			for _, p := range parts {
				x := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
				x.Partition, x.CurrentLeaderEpoch, x.LeaderEpoch = p.n, p.leaderEpoch-1, p.lastEpoch-1
				t.Partitions = append(t.Partitions, x)
			}
			req.Topics = append(req.Topics, t)
		})
		return req
	}
	for _, replica := range []int32{-1, -2, 1, 77} {
		for name, parts := range inOrder(map[string][]part{
			"epoch 0":           {{topic: "offsets", lastEpoch: 1}},
			"epoch 1":           {{topic: "offsets", lastEpoch: 2}},
			"epoch -1":          {{topic: "offsets", lastEpoch: 0}},
			"epoch -5":          {{topic: "offsets", lastEpoch: -4}},
			"of nothing":        {{topic: "offsets", n: 1, lastEpoch: 1}},
			"of nothing, 1":     {{topic: "offsets", n: 1, lastEpoch: 2}},
			"leader epoch 0":    {{topic: "offsets", lastEpoch: 1, leaderEpoch: 1}},
			"leader epoch 1":    {{topic: "offsets", lastEpoch: 1, leaderEpoch: 2}},
			"partition 9":       {{topic: "offsets", n: 9, lastEpoch: 1}},
			"an unknown topic":  {{topic: "no-such", lastEpoch: 1}},
			"no name":           {{topic: "", lastEpoch: 1}},
			"nothing":           {},
			"a partition twice": {{topic: "offsets", lastEpoch: 1}, {topic: "offsets", lastEpoch: 0}},
		}) {
			d.each(kmsg.OffsetForLeaderEpoch, fmt.Sprintf("by replica %d: %s", replica, name), func(*side, int16) kmsg.Request { return epochs(replica, parts...) })
		}
	}
}
