package differential

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// playTransactions2 is transactions of version 2 (KIP-890): a partition is added by what is
// sent to it, and each transaction has an epoch of its own. Where Kafka has not finalized
// that it has nothing to say.
func playTransactions2(d *dialogue) {
	for _, s := range d.sides {
		if s.versions[int16(kmsg.EndTxn)][1] < 5 || s.versions[int16(kmsg.Produce)][1] < 12 {
			return
		}
	}
	const id = "txn2"
	d.coordinated()
	d.topic("txn2", 4)
	for _, s := range d.sides {
		s.transactional(d.ctx, id)
	}
	pid := func(s *side) int64 { return s.transactional(d.ctx, id) }
	end := func(name string, epoch int16, commit bool, change func(*kmsg.EndTxnRequest)) {
		d.endTransaction(5, name, id, epoch, commit, change)
		d.settled(id)
	}
	send := func(name string, version, epoch int16, n, seq int32, change func(*kmsg.ProduceRequest, *batch)) {
		d.sendInTransaction(version, name, id, epoch, part{topic: "txn2", n: n}, seq, change)
	}
	describe := func(name string) {
		d.describeTransaction(name, id, []kmsg.DescribeProducersRequestTopic{{Topic: "txn2", Partitions: []int32{0, 1, 2, 3}}})
	}
	read := func(name string) {
		for n := range int32(4) {
			d.latest(kmsg.Fetch, name, func(s *side, v int16) kmsg.Request {
				req := fetch(s, v, part{topic: "txn2", n: n})
				req.IsolationLevel = 1
				return req
			})
		}
	}
	offsets := func(name string, epoch int16, change func(*kmsg.TxnOffsetCommitRequest)) {
		d.at(kmsg.TxnOffsetCommit, 5, name, func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrTxnOffsetCommitRequest()
			req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = id, "group of txn2", pid(s), epoch, -1
			t := kmsg.NewTxnOffsetCommitRequestTopic()
			t.Topic = "txn2"
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Offset, p.LeaderEpoch, p.Metadata = 5, -1, ptr("why")
			t.Partitions = append(t.Partitions, p)
			req.Topics = append(req.Topics, t)
			if change != nil {
				change(req)
			}
			return req
		})
	}
	fetched := func(name string) {
		d.from(8, kmsg.OffsetFetch, name, func(*side, int16) kmsg.Request {
			return fetchOf("txn2", []int32{0}, func(r *kmsg.OffsetFetchRequest) { r.RequireStable = name == "stable" }, "group of txn2")(nil)
		})
	}
	init := func(name string, change func(*side, *kmsg.InitProducerIDRequest)) {
		d.at(kmsg.InitProducerID, 5, name, func(s *side, _ int16) kmsg.Request {
			req := initTransactional(id)
			if change != nil {
				change(s, req)
			}
			return req
		})
		d.settled(id)
	}

	end("commit of nothing", 0, true, nil)
	end("abort of nothing", 0, false, nil) // which gives a new epoch
	describe("after an abort of nothing")
	end("abort of nothing again, by the old epoch", 0, false, nil)
	end("another id", 1, true, func(r *kmsg.EndTxnRequest) { r.TransactionalID = "nobody" })
	end("another producer", 1, true, func(r *kmsg.EndTxnRequest) { r.ProducerID = 999_999 })
	end("an epoch to come", 7, true, nil)
	send("by an old epoch", 12, 0, 0, 0, nil)
	send("first", 12, 1, 0, 0, nil)
	send("first, again", 12, 1, 0, 0, nil)
	send("to another partition", 12, 1, 1, 0, nil)
	send("that does not begin", 12, 1, 2, 5, nil)
	send("by an epoch to come", 12, 9, 0, 1, nil)
	send("of another id", 12, 1, 3, 0, func(r *kmsg.ProduceRequest, _ *batch) { r.TransactionID = ptr("nobody") })
	send("of no id", 12, 1, 3, 0, func(r *kmsg.ProduceRequest, _ *batch) { r.TransactionID = nil })
	send("as one of version 1", 11, 1, 3, 0, nil)
	describe("open")
	read("open")
	offsets("by an old epoch", 0, nil)
	offsets("by an epoch to come", 9, nil)
	offsets("of another id", 1, func(r *kmsg.TxnOffsetCommitRequest) { r.TransactionalID = "nobody" })
	offsets("of a group that there is not", 1, func(r *kmsg.TxnOffsetCommitRequest) { r.Group, r.Generation, r.MemberID = "no-such", 3, "nobody" })
	offsets("its offsets", 1, nil)
	fetched("stable")
	fetched("not yet")
	describe("with offsets")
	end("commit by an old epoch", 0, true, nil)
	end("commit", 1, true, nil)
	describe("committed")
	read("committed")
	fetched("committed")
	end("commit, asked again", 1, true, nil)
	end("abort of what is committed", 1, false, nil)
	end("commit of nothing by the new epoch", 2, true, nil)
	send("by the epoch that is over", 12, 1, 0, 1, nil)
	send("of the next", 12, 2, 0, 0, nil)
	end("abort", 2, false, nil)
	end("abort, asked again", 2, false, nil)
	end("commit of what is aborted", 2, true, nil)
	describe("aborted")
	read("aborted")
	send("of one that is left", 12, 3, 0, 0, nil)
	init("another begins", nil)
	describe("another begins")
	init("another begins, asked again", nil)
	send("fenced", 12, 3, 0, 1, nil)
	end("fenced", 3, true, nil)
	offsets("fenced", 3, nil)
	read("another has begun")
	init("goes on", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 5 })
	init("goes on, asked again", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 5 })
	init("goes on from an old epoch", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 2 })
	describe("goes on")
	// A producer of version 1 on the same cluster.
	d.at(kmsg.EndTxn, 4, "as one of version 1", func(s *side, _ int16) kmsg.Request {
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = id, pid(s), 6, false
		return req
	})
	d.latest(kmsg.AddPartitionsToTxn, "by the coordinator's own version", func(s *side, v int16) kmsg.Request {
		req := kmsg.NewPtrAddPartitionsToTxnRequest()
		t := kmsg.NewAddPartitionsToTxnRequestTransaction()
		t.TransactionalID, t.ProducerID, t.ProducerEpoch, t.VerifyOnly = id, pid(s), 6, true
		t.Topics = []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: "txn2", Partitions: []int32{0}}}
		req.Transactions = append(req.Transactions, t)
		return req
	})
}
