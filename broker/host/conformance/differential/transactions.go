package differential

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactional is the producer id of a transactional id, which is asked for at the first
// time, until its coordinator is there.
func (s *side) transactional(ctx context.Context, id string) int64 {
	if pid, ok := s.kept["producer of "+id]; ok {
		return pid
	}
	for until := time.Now().Add(3 * patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.Version, find.CoordinatorType, find.CoordinatorKey = 2, 1, id
		if _, err := s.ask(ctx, find); err != nil {
			panic(err)
		}
		req := initTransactional(id)
		req.Version = 4
		resp, err := s.ask(ctx, req)
		if err != nil {
			panic(err)
		}
		if r := resp.(*kmsg.InitProducerIDResponse); r.ErrorCode == 0 {
			s.pids[r.ProducerID], s.kept["producer of "+id] = "producer of "+id, r.ProducerID
			return r.ProducerID
		}
	}
	panic(s.name + " has no coordinator of " + id)
}

func initTransactional(id string) *kmsg.InitProducerIDRequest {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID, req.TransactionTimeoutMillis, req.ProducerID, req.ProducerEpoch = &id, 60_000, -1, -1
	return req
}

// settled waits until no transaction of an id is being ended, on both sides.
func (d *dialogue) settled(id string) {
	for _, s := range d.sides {
		for until := d.deadline(); ; until.wait(s.name + " does not end the transaction of " + id) {
			req := kmsg.NewPtrDescribeTransactionsRequest()
			req.TransactionalIDs = []string{id}
			resp, err := s.ask(d.ctx, req)
			if err != nil {
				panic(err)
			}
			if x := resp.(*kmsg.DescribeTransactionsResponse).TransactionStates[0].State; x != "PrepareCommit" && x != "PrepareAbort" {
				break
			}
		}
	}
}

// playTransactions is transactions of producers who keep their epoch, in every version of
// EndTxn, with the other APIs in the nearest version.
func playTransactions(d *dialogue) {
	d.topic("txn", 20)
	for _, v := range d.versions(kmsg.EndTxn) {
		if v <= 4 { // the next is of transaction version 2, which Kafka 3.9 does not finalize
			d.transaction(v, fmt.Sprint("txn-", v))
		}
	}
	d.each(kmsg.ListTransactions, "all", func(*side, int16) kmsg.Request { return kmsg.NewPtrListTransactionsRequest() })
	d.each(kmsg.ListTransactions, "by state", func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrListTransactionsRequest()
		req.StateFilters = []string{"Ongoing", "Asleep", "CompleteCommit"}
		return req
	})
	d.each(kmsg.ListTransactions, "by producer", func(s *side, _ int16) kmsg.Request {
		req := kmsg.NewPtrListTransactionsRequest()
		req.ProducerIDFilters = []int64{s.transactional(d.ctx, "txn-3"), 999_999}
		return req
	})
	d.each(kmsg.DescribeTransactions, "nobody", func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{"nobody", "", "txn-0"}
		return req
	})
}

// endTransaction is EndTxn of a producer.
func (d *dialogue) endTransaction(version int16, name, id string, epoch int16, commit bool, change func(*kmsg.EndTxnRequest)) {
	d.at(kmsg.EndTxn, version, name, func(s *side, _ int16) kmsg.Request {
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = id, s.transactional(d.ctx, id), epoch, commit
		if change != nil {
			change(req)
		}
		return req
	})
}

// sendInTransaction is a batch of a producer's transaction, to a partition.
func (d *dialogue) sendInTransaction(version int16, name, id string, epoch int16, to part, seq int32, change func(*kmsg.ProduceRequest, *batch)) {
	d.at(kmsg.Produce, version, name, func(s *side, _ int16) kmsg.Request {
		b := values(name)
		b.attrs, b.pid, b.epoch, b.seq = 0x10, s.transactional(d.ctx, id)+1, epoch, seq
		req := produce(-1)
		req.TransactionID = &id
		if change != nil {
			change(req, &b)
		}
		to.records = b.bytes()
		req.Topics = produce(-1, to).Topics
		return req
	})
}

// describeTransaction is what is said of a producer's transaction, and of producers of topics.
func (d *dialogue) describeTransaction(name, id string, topics []kmsg.DescribeProducersRequestTopic) {
	d.each(kmsg.DescribeTransactions, name, func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{id}
		return req
	})
	d.each(kmsg.DescribeProducers, name, func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrDescribeProducersRequest()
		req.Topics = topics
		return req
	})
}

// transaction is what one producer does, and should not do.
func (d *dialogue) transaction(v int16, id string) {
	n := int32(v)
	epoch := int16(0)
	for _, s := range d.sides {
		s.transactional(d.ctx, id)
	}
	pid := func(s *side) int64 { return s.transactional(d.ctx, id) }
	end := func(name string, commit bool, change func(*kmsg.EndTxnRequest)) {
		d.endTransaction(v, name, id, epoch, commit, change)
	}
	add := func(name string, change func(*kmsg.AddPartitionsToTxnRequest)) {
		d.at(kmsg.AddPartitionsToTxn, min(v, 3), name, func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrAddPartitionsToTxnRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch = id, pid(s), epoch
			req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: "txn", Partitions: []int32{n}}}
			if change != nil {
				change(req)
			}
			return req
		})
	}
	send := func(name string, at int16, n, seq int32, change func(*kmsg.ProduceRequest, *batch)) {
		d.sendInTransaction(at, name, id, epoch, part{topic: "txn", n: n}, seq, change)
	}
	describe := func(name string) {
		d.describeTransaction(name, id, []kmsg.DescribeProducersRequestTopic{{Topic: "txn", Partitions: []int32{n, 99}}, {Topic: "nope", Partitions: []int32{0}}})
	}
	read := func(name string) {
		for isolation := range int8(2) {
			d.each(kmsg.Fetch, fmt.Sprintf("%s, isolation %d", name, isolation), func(s *side, v int16) kmsg.Request {
				req := fetch(s, v, part{topic: "txn", n: n})
				req.IsolationLevel = isolation
				return req
			})
			d.from(2, kmsg.ListOffsets, fmt.Sprintf("end %s, isolation %d", name, isolation), func(*side, int16) kmsg.Request {
				req := listOffsets(part{topic: "txn", n: n, time: -1})
				req.IsolationLevel = isolation
				return req
			})
		}
	}

	end("commit of nothing", true, nil)
	end("abort of nothing", false, nil)
	end("another id", true, func(r *kmsg.EndTxnRequest) { r.TransactionalID = "nobody" })
	end("no id", true, func(r *kmsg.EndTxnRequest) { r.TransactionalID = "" })
	send("before it is added", 9, n, 0, nil)
	send("before it is added, and knows the error", 11, n, 0, nil)
	add("a partition", nil)
	add("it again", nil)
	add("what there is not", func(r *kmsg.AddPartitionsToTxnRequest) {
		r.Topics = append(r.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: "nope", Partitions: []int32{0}})
	})
	add("a partition that there is not", func(r *kmsg.AddPartitionsToTxnRequest) { r.Topics[0].Partitions = append(r.Topics[0].Partitions, 99) })
	add("no partitions", func(r *kmsg.AddPartitionsToTxnRequest) { r.Topics = nil })
	add("another epoch", func(r *kmsg.AddPartitionsToTxnRequest) { r.ProducerEpoch = 7 })
	add("another producer", func(r *kmsg.AddPartitionsToTxnRequest) { r.ProducerID = 999_999 })
	add("another id", func(r *kmsg.AddPartitionsToTxnRequest) { r.TransactionalID = "nobody" })
	add("no id", func(r *kmsg.AddPartitionsToTxnRequest) { r.TransactionalID = "" })
	send("first", 9, n, 0, nil)
	send("second", 11, n, 1, nil)
	send("not added", 11, n+6, 0, nil)
	send("without an id", 9, n, 2, func(r *kmsg.ProduceRequest, _ *batch) { r.TransactionID = nil })
	send("another id", 9, n, 2, func(r *kmsg.ProduceRequest, _ *batch) { r.TransactionID = ptr("nobody") })
	send("not of the transaction", 9, n, 2, func(_ *kmsg.ProduceRequest, b *batch) { b.attrs = 0 })
	// What is of a later epoch is left out, here and in TxnOffsetCommit: Kafka 3.9 takes it into
	// the open transaction, and then never ends that.
	describe("while it is open")
	read("while it is open")
	end("another epoch", true, func(r *kmsg.EndTxnRequest) { r.ProducerEpoch = 7 })
	end("a negative epoch", true, func(r *kmsg.EndTxnRequest) { r.ProducerEpoch = -1 })
	end("another producer", true, func(r *kmsg.EndTxnRequest) { r.ProducerID = 999_999 })
	end("commit", true, nil)
	d.settled(id)
	end("commit again", true, nil)
	end("abort of what is committed", false, nil)
	describe("when it is committed")
	read("when it is committed")
	send("late", 11, n, 2, nil)
	add("a partition of the next", nil)
	send("third", 9, n, 2, nil)
	end("abort", false, nil)
	d.settled(id)
	end("abort again", false, nil)
	end("commit of what is aborted", true, nil)
	read("when it is aborted")
	d.offsetsInTransaction(v, id, &epoch, end)

	// A producer that goes on after an error, and another that begins.
	init := func(name string, change func(*side, *kmsg.InitProducerIDRequest)) {
		d.at(kmsg.InitProducerID, v, name, func(s *side, _ int16) kmsg.Request {
			req := initTransactional(id)
			if change != nil {
				change(s, req)
			}
			return req
		})
	}
	init("too long", func(_ *side, r *kmsg.InitProducerIDRequest) { r.TransactionTimeoutMillis = 1 << 30 })
	init("no time", func(_ *side, r *kmsg.InitProducerIDRequest) { r.TransactionTimeoutMillis = 0 })
	if v >= 3 {
		init("goes on", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 0 })
		init("goes on, asked again", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 0 })
		init("goes on from an epoch to come", func(s *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = pid(s), 5 })
		init("goes on as another", func(_ *side, r *kmsg.InitProducerIDRequest) { r.ProducerID, r.ProducerEpoch = 999_999, 0 })
	}
	add("the old epoch", nil)
	init("another begins", nil)
	d.settled(id) // Kafka 4 asks before anything else whether a change is being written, which is a matter of time
	add("fenced", nil)
	end("fenced", true, nil)
	send("fenced", 11, n, 3, nil)
	describe("when another has begun")
	epoch = 1
	if v >= 3 {
		epoch = 2
	}
	add("by the other", nil)
	send("by the other", 9, n, 0, nil)
	init("a third begins", nil)
	d.settled(id)
	init("a third begins, asked again", nil)
	read("when the other is fenced")
}

// offsetsInTransaction commits offsets in a transaction.
func (d *dialogue) offsetsInTransaction(v int16, id string, epoch *int16, end func(string, bool, func(*kmsg.EndTxnRequest))) {
	group := "group of " + id
	for _, s := range d.sides {
		for until := deadline(time.Now().Add(6 * patience)); ; until.wait(s.name + " has no coordinator of groups") {
			find := kmsg.NewPtrFindCoordinatorRequest()
			find.Version, find.CoordinatorKey = 2, group
			resp, err := s.ask(d.ctx, find)
			if err != nil {
				panic(err)
			}
			if resp.(*kmsg.FindCoordinatorResponse).ErrorCode != 0 {
				continue
			}
			get := kmsg.NewPtrOffsetFetchRequest()
			get.Version, get.Group = 5, group
			if resp, err = s.ask(d.ctx, get); err == nil && resp.(*kmsg.OffsetFetchResponse).ErrorCode == 0 {
				break
			}
		}
	}
	add := func(name string, change func(*kmsg.AddOffsetsToTxnRequest)) {
		d.at(kmsg.AddOffsetsToTxn, min(v, 3), name, func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrAddOffsetsToTxnRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = id, s.transactional(d.ctx, id), *epoch, group
			if change != nil {
				change(req)
			}
			return req
		})
	}
	commit := func(name string, change func(*kmsg.TxnOffsetCommitRequest)) {
		d.at(kmsg.TxnOffsetCommit, min(v, 3), name, func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrTxnOffsetCommitRequest()
			req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group, req.Generation = id, s.transactional(d.ctx, id), *epoch, group, -1
			x := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			x.Partition, x.Offset, x.Metadata = 0, 5, ptr("m")
			req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: "txn", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{x}}}
			if change != nil {
				change(req)
			}
			return req
		})
	}
	fetched := func(name string) {
		d.each(kmsg.OffsetFetch, name, func(_ *side, at int16) kmsg.Request {
			req := kmsg.NewPtrOffsetFetchRequest()
			req.RequireStable = true
			if at >= 8 {
				g := kmsg.NewOffsetFetchRequestGroup()
				g.Group, g.Topics = group, []kmsg.OffsetFetchRequestGroupTopic{{Topic: "txn", Partitions: []int32{0, 1}}}
				req.Groups = append(req.Groups, g)
				return req
			}
			req.Group, req.Topics = group, []kmsg.OffsetFetchRequestTopic{{Topic: "txn", Partitions: []int32{0, 1}}}
			return req
		})
	}
	commit("before they are added", nil)
	add("offsets", nil)
	add("another epoch", func(r *kmsg.AddOffsetsToTxnRequest) { r.ProducerEpoch = 7 })
	add("another producer", func(r *kmsg.AddOffsetsToTxnRequest) { r.ProducerID = 999_999 })
	add("no id", func(r *kmsg.AddOffsetsToTxnRequest) { r.TransactionalID = "" })
	commit("offsets", nil)
	commit("of what there is not", func(r *kmsg.TxnOffsetCommitRequest) { r.Topics[0].Topic = "nope" })
	fetched("while they are pending")
	end("commit of offsets", true, nil)
	d.settled(id)
	fetched("when they are committed")
}
