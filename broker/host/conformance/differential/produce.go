package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// firstProduce is the first version of Produce that knows record batches.
const firstProduce = 3

// produced appends a batch with acks=1, in every version, to a partition of a topic that
// nothing else was appended to: what one side refuses moves the offsets of nobody else.
func (d *dialogue) produced(topic, name string, b batch) {
	d.producedBytes(topic, name, b.bytes())
}

func (d *dialogue) producedBytes(topic, name string, records []byte) {
	n := d.used[topic]
	d.used[topic]++
	d.each(kmsg.Produce, name, func(*side, int16) kmsg.Request { return produce(1, part{topic: topic, n: n, records: records}) })
}

// readAll reads what was produced to a topic in every version.
func (d *dialogue) readAll(topic string) {
	d.each(kmsg.Fetch, "all of "+topic, func(s *side, v int16) kmsg.Request {
		var list []part
		for n := range d.used[topic] {
			list = append(list, part{topic: topic, n: n})
		}
		return fetch(s, v, list...)
	})
}

// playProduce is good batches, and everything that is wrong with a request beside its
// batches.
func playProduce(d *dialogue) {
	d.topic("produce", 4)
	good := values("a", "bb", "").bytes()
	for v := range int16(firstProduce) {
		d.at(kmsg.Produce, v, "message formats 0 and 1", func(*side, int16) kmsg.Request {
			return produce(1, part{topic: "produce", n: 2, records: good})
		})
	}
	for _, acks := range []int16{1, -1, 2, -2} {
		d.each(kmsg.Produce, fmt.Sprintf("acks %d", acks), func(*side, int16) kmsg.Request {
			return produce(acks, part{topic: "produce", records: good})
		})
	}
	d.silent(kmsg.Produce, "acks 0", func(*side, int16) kmsg.Request { return produce(0, part{topic: "produce", records: good}) })
	d.silent(kmsg.Produce, "acks 0 to nothing", func(*side, int16) kmsg.Request { return produce(0, part{topic: "no-such", records: good}) })
	d.silent(kmsg.Produce, "acks 0 of garbage", func(*side, int16) kmsg.Request {
		return produce(0, part{topic: "produce", records: values("a").with(func(b *batch) { b.badCRC = true }).bytes()})
	})
	for name, parts := range inOrder(map[string][]part{
		"two partitions":   {{topic: "produce", n: 1, records: good}, {topic: "produce", n: 3, records: good}},
		"one is not there": {{topic: "produce", n: 1, records: good}, {topic: "produce", n: 9, records: good}, {topic: "no-such", records: good}},
		"negative":         {{topic: "produce", n: -1, records: good}},
		"no name":          {{topic: "", records: good}},
		"odd name":         {{topic: "no such!", records: good}},
		"long name":        {{topic: long(250), records: good}},
		"nothing":          {},
		"empty records":    {{topic: "produce", records: []byte{}}},
		"metadata":         {{topic: "__cluster_metadata", records: good}},
	}) {
		d.each(kmsg.Produce, name, func(*side, int16) kmsg.Request { return produce(-1, parts...) })
	}
	d.latest(kmsg.Produce, "null records", func(*side, int16) kmsg.Request { return produce(-1, part{topic: "produce"}) })
	d.each(kmsg.Produce, "no partitions", func(*side, int16) kmsg.Request {
		req := produce(1, part{topic: "produce"})
		req.Topics[0].Partitions = nil
		return req
	})
	d.each(kmsg.Produce, "negative timeout", func(*side, int16) kmsg.Request {
		req := produce(-1, part{topic: "produce", records: good})
		req.TimeoutMillis = -1
		return req
	})
	d.each(kmsg.Produce, "a transactional id without a transaction", func(*side, int16) kmsg.Request {
		req := produce(-1, part{topic: "produce", records: good})
		req.TransactionID = ptr("txn")
		return req
	})
	d.read("produce", 0)
	d.topic("min-isr", 1, "min.insync.replicas", "2")
	for _, acks := range []int16{0, 1, -1} {
		if acks == 0 {
			d.silent(kmsg.Produce, "min.insync.replicas acks 0", func(*side, int16) kmsg.Request { return produce(acks, part{topic: "min-isr", records: good}) })
			continue
		}
		d.each(kmsg.Produce, fmt.Sprintf("min.insync.replicas acks %d", acks), func(*side, int16) kmsg.Request {
			return produce(acks, part{topic: "min-isr", records: good})
		})
	}
}

// read reads a partition from its start in every version.
func (d *dialogue) read(topic string, n int32) {
	d.each(kmsg.Fetch, "all of "+topic, func(s *side, v int16) kmsg.Request { return fetch(s, v, part{topic: topic, n: n}) })
}

// playBatches is what may be wrong with a batch.
func playBatches(d *dialogue) {
	d.topic("batches", 100)
	send := func(name string, b batch, change func(*batch)) { d.produced("batches", name, b.with(change)) }
	two := values("a", "b")
	send("CRC", two, func(b *batch) { b.badCRC = true })
	send("magic 0", two, func(b *batch) { b.magic = -128 })
	send("magic 1", two, func(b *batch) { b.magic = 1 })
	send("magic 3", two, func(b *batch) { b.magic = 3 })
	send("length too short", two, func(b *batch) { b.badLength = -1 })
	send("length too long", two, func(b *batch) { b.badLength = 1 })
	send("length negative", two, func(b *batch) { b.badLength = -100000 })
	send("length absurd", two, func(b *batch) { b.badLength = 1 << 30 })
	send("count 0", two, func(b *batch) { b.count = ptr[int32](0) })
	send("count 1 of 2", two, func(b *batch) { b.count = ptr[int32](1) })
	send("count 3 of 2", two, func(b *batch) { b.count = ptr[int32](3) })
	send("count negative", two, func(b *batch) { b.count = ptr[int32](-1) })
	send("count and delta 3 of 2", two, func(b *batch) { b.count, b.lastDelta = ptr[int32](3), ptr[int32](2) })
	send("count and delta 1 of 2", two, func(b *batch) { b.count, b.lastDelta = ptr[int32](1), ptr[int32](0) })
	send("no records", batch{}, func(b *batch) {})
	send("no records, delta 0", batch{}, func(b *batch) { b.lastDelta = ptr[int32](0) })
	send("last offset delta 0", two, func(b *batch) { b.lastDelta = ptr[int32](0) })
	send("last offset delta 2", two, func(b *batch) { b.lastDelta = ptr[int32](2) })
	send("last offset delta -1", two, func(b *batch) { b.lastDelta = ptr[int32](-1) })
	send("base offset 1", two, func(b *batch) { b.base = 1 })
	send("base offset -1", two, func(b *batch) { b.base = -1 })
	send("leader epoch 99", two, func(b *batch) { b.leader = 99 })
	send("control", two, func(b *batch) { b.attrs = 0x20 })
	send("transactional", two, func(b *batch) { b.attrs = 0x10 })
	send("transactional with a producer id", two, func(b *batch) { b.attrs, b.pid = 0x10, 777 })
	send("delete horizon", two, func(b *batch) { b.attrs = 0x40 })
	send("unknown attribute", two, func(b *batch) { b.attrs = 0x80 })
	send("log append time", two, func(b *batch) { b.attrs = 0x08 })
	send("offset deltas backwards", two, func(b *batch) { b.deltas = func(i int) int32 { return int32(1 - i) } })
	send("offset deltas apart", two, func(b *batch) { b.deltas = func(i int) int32 { return int32(2 * i) } })
	send("offset deltas from 1", two, func(b *batch) { b.deltas = func(i int) int32 { return int32(i + 1) } })
	send("garbage for records", two, func(b *batch) { b.raw = []byte("\xff\xff\xff\xff\xff\xff\xff\xff") })
	send("records cut", two, func(b *batch) { b.raw = []byte{16, 0, 0, 0} })
	send("bytes after the records", two, func(b *batch) {
		x := two.bytes()[61:]
		b.raw = append(x, 0, 0, 0)
	})
	send("key length absurd", two, func(b *batch) { b.raw = []byte{14, 0, 0, 0, 0xfe, 0xff, 0x7f, 1, 0, 0} })
	send("headers", batch{records: []record{{value: []byte("v"), headers: []kmsg.Header{{Key: "k", Value: []byte("x")}, {Key: "", Value: nil}, {Key: "k", Value: []byte{}}}}}}, func(*batch) {})
	send("null key and value", batch{records: []record{{}}}, func(*batch) {})
	send("empty key", batch{records: []record{{key: []byte{}, value: []byte("x")}}}, func(*batch) {})
	d.producedBytes("batches", "two batches", append(two.bytes(), two.bytes()...))
	d.producedBytes("batches", "a batch and a part", append(two.bytes(), two.bytes()[:70]...))
	for _, n := range []int{1, 11, 12, 16, 17, 60, 61, 70} {
		d.producedBytes("batches", fmt.Sprintf("%d bytes of a batch", n), two.bytes()[:n])
	}
	d.each(kmsg.Produce, "the partition twice", func(*side, int16) kmsg.Request {
		return produce(1, part{topic: "batches", n: 99, records: values("first").bytes()}, part{topic: "batches", n: 99, records: values("second").bytes()})
	})
	d.readAll("batches")
}

// playCodecs is batches of every codec, and of none that there is.
func playCodecs(d *dialogue) {
	d.topic("codecs", 40)
	b := values("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")
	for codec := range int16(8) {
		d.produced("codecs", fmt.Sprintf("codec %d", codec), b.with(func(b *batch) { b.codec = codec }))
		d.produced("codecs", fmt.Sprintf("codec %d, not compressed", codec), b.with(func(b *batch) { b.codec, b.plain = codec, true }))
		d.produced("codecs", fmt.Sprintf("codec %d, count", codec), b.with(func(b *batch) { b.codec, b.count, b.lastDelta = codec, ptr[int32](3), ptr[int32](2) }))
		d.produced("codecs", fmt.Sprintf("codec %d, offset deltas", codec), b.with(func(b *batch) { b.codec, b.deltas = codec, func(i int) int32 { return int32(2 * i) } }))
		d.produced("codecs", fmt.Sprintf("codec %d, max timestamp", codec), b.with(func(b *batch) { b.codec, b.maxTime = codec, ptr[int64](begin+999) }))
	}
	d.readAll("codecs")
	for _, to := range []string{"uncompressed", "gzip", "zstd"} {
		topic := "to-" + to
		d.topic(topic, 5, "compression.type", to)
		for codec := range int16(5) {
			d.produced(topic, fmt.Sprintf("codec %d to %s", codec, to), b.with(func(b *batch) { b.codec = codec }))
		}
		d.readAll(topic)
	}
}

// playTime is timestamps that are odd, and a topic whose timestamps are the broker's.
func playTime(d *dialogue) {
	d.topic("time", 8, "retention.ms", "-1", "message.timestamp.after.max.ms", "9223372036854775807")
	at := func(first int64, change func(*batch)) batch {
		return values("a", "b", "c").with(func(b *batch) { b.first = first; change(b) })
	}
	none := func(*batch) {}
	d.produced("time", "of 1970", at(1000, none))
	d.produced("time", "negative", at(-5000, none))
	d.produced("time", "none", at(-1, none))
	d.produced("time", "far", at(99_999_999_999_999, none))
	d.produced("time", "max timestamp too low", at(begin, func(b *batch) { b.maxTime = ptr[int64](begin - 1) }))
	d.produced("time", "max timestamp too high", at(begin, func(b *batch) { b.maxTime = ptr[int64](begin + 1000) }))
	d.produced("time", "backwards", batch{records: []record{{value: []byte("x")}, {value: []byte("y"), at: -100}}})
	d.readAll("time")
	d.topic("before", 2, "message.timestamp.before.max.ms", "60000", "retention.ms", "-1")
	d.produced("before", "too old", at(begin, none))
	d.topic("after", 3, "message.timestamp.after.max.ms", "60000", "retention.ms", "-1")
	d.produced("after", "too far", at(99_999_999_999_999, none))
	d.produced("after", "one too far", batch{records: []record{{value: []byte("x")}, {value: []byte("y"), at: 90_000_000_000_000}}})
	d.topic("append-time", 4, "message.timestamp.type", "LogAppendTime")
	d.produced("append-time", "to LogAppendTime", at(begin, none))
	d.produced("append-time", "old, to LogAppendTime", at(1000, none))
	d.produced("append-time", "gzip, to LogAppendTime", at(begin, func(b *batch) { b.codec = 1 }))
	d.readAll("append-time")
	for _, t := range []int64{-1, -2, -3, begin, 1} {
		d.each(kmsg.ListOffsets, fmt.Sprintf("of LogAppendTime at %d", t), func(*side, int16) kmsg.Request { return listOffsets(part{topic: "append-time", time: t}) })
	}
}

// playSizes is batches that are too large, and compacted topics.
func playSizes(d *dialogue) {
	d.topic("small", 8, "max.message.bytes", "300")
	for _, n := range []int{200, 232, 233, 234, 500} {
		d.produced("small", fmt.Sprintf("value of %d", n), values(long(n)))
	}
	d.produced("small", "gzip of 2000", values(long(2000)).with(func(b *batch) { b.codec = 1 }))
	d.produced("small", "too large, and broken", values(long(500)).with(func(b *batch) { b.badCRC = true }))
	d.topic("segments", 1, "segment.bytes", "1048576", "max.message.bytes", "5000000")
	d.produced("segments", "larger than a segment", values(long(1_100_000)))
	d.topic("compacted", 6, "cleanup.policy", "compact")
	d.produced("compacted", "with keys", keyed("k", "1", "k", "2"))
	d.produced("compacted", "without keys", values("a", "b"))
	d.produced("compacted", "one without", batch{records: []record{{key: []byte("k"), value: []byte("v")}, {value: []byte("none")}, {key: []byte("k")}}})
	d.produced("compacted", "one without, gzip", batch{codec: 1, records: []record{{key: []byte("k"), value: []byte("v")}, {value: []byte("none")}}})
	d.produced("compacted", "tombstone", batch{records: []record{{key: []byte("k")}}})
	d.readAll("compacted")
}
