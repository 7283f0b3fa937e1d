package checker_test

import (
	"bytes"
	"runtime"
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/measure"
	"brokersim/checker/result"
)

// healthy writes a run of so many operations to a sink: three partitions, two
// producers with five sends in flight, four readers that finish with what
// they polled, a note now and then, and a final read. Half of the operations
// are sends of one record, half are polls.
func healthy(h *history.Header, operations int, sink history.Sink) {
	const parts, readers = 3, 4
	h.Unique, h.From = true, "sim"
	h.Set = history.Settings{Acks: "all", Idem: true, Reset: "earliest", Retries: true, InFlight: 5}
	h.Topics = []history.Topic{{Name: "orders", Parts: parts, RF: 3, Cleanup: "delete"}}
	h.TPs = []string{"orders-0", "orders-1", "orders-2"}
	now := int64(0)
	rec := history.NewRecorder(func() int64 { now += 1000; return now }, sink)
	var logs [parts][]history.Record
	var at [readers][parts]int
	e := &history.Event{}
	for tp := range parts {
		*e = history.Event{E: history.Note, F: history.Leader, TP: history.TP(tp), Epoch: 1}
		rec.Event(e)
	}
	type pending struct {
		id    int64
		value int64
	}
	var flight []pending
	ack := func() {
		p := flight[0]
		flight = flight[1:]
		tp := history.TP(p.value % parts)
		off := int64(len(logs[tp]))
		logs[tp] = append(logs[tp], history.Record{Offset: off, Value: p.value, Key: history.None})
		*e = history.Event{E: history.OK, F: history.Send, ID: p.id, P: 1001 + int32(p.value%2), Sends: e.Sends[:0]}
		e.Sends = append(e.Sends, history.Sent{TP: tp, Value: p.value, Key: p.value % 100, Offset: off, Seq: history.None})
		rec.Event(e)
	}
	for i := range operations / 2 {
		id := rec.Op()
		v := int64(i)
		*e = history.Event{E: history.Inv, F: history.Send, ID: id, P: 1001 + int32(v%2), Due: now, PID: 7, Sends: e.Sends[:0]}
		e.Sends = append(e.Sends, history.Sent{TP: history.TP(v % parts), Value: v, Key: v % 100, Offset: history.None, Seq: history.None})
		rec.Event(e)
		flight = append(flight, pending{id, v})
		if len(flight) > 9 {
			ack()
		}
		r := i % readers
		tp := i / readers % parts
		id = rec.Op()
		*e = history.Event{E: history.Inv, F: history.Poll, ID: id, P: 2001 + int32(r), Sends: e.Sends[:0]}
		rec.Event(e)
		from := at[r][tp]
		got := logs[tp][from:]
		at[r][tp] += len(got)
		claim := []history.Claim{{TP: history.TP(tp), From: int64(from), End: int64(len(logs[tp])), LSO: history.None, Start: 0, Epoch: 1, Broker: "b1"}}
		runs := []history.Run{{TP: history.TP(tp), Records: got}}
		*e = history.Event{E: history.OK, F: history.Poll, ID: id, P: 2001 + int32(r), Runs: runs, At: claim}
		rec.Event(e)
		*e = history.Event{E: history.Note, F: history.Process, P: 2001 + int32(r), Runs: runs}
		rec.Event(e)
	}
	for len(flight) > 0 {
		ack()
	}
	for tp := range parts {
		id := rec.Op()
		*e = history.Event{E: history.Inv, F: history.Dump, ID: id, P: 9, Fin: true}
		rec.Event(e)
		*e = history.Event{E: history.OK, F: history.Dump, ID: id, P: 9, Fin: true,
			Runs: []history.Run{{TP: history.TP(tp), Records: logs[tp]}},
			At:   []history.Claim{{TP: history.TP(tp), From: 0, End: int64(len(logs[tp])), LSO: history.None, Start: 0, Epoch: 1}}}
		rec.Event(e)
	}
}

// kept holds the events of a run in memory, so that a benchmark measures
// nothing else than the checker.
type kept []history.Event

func (k *kept) Event(e *history.Event) {
	x := *e
	x.Sends = append([]history.Sent(nil), e.Sends...)
	*k = append(*k, x)
}

const million = 1_000_000

func BenchmarkCheckerMillionOperations(b *testing.B) {
	h := &history.Header{}
	var events kept
	healthy(h, million, &events)
	b.ReportAllocs()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := checker.New(h)
		for i := range events {
			c.Observe(&events[i])
		}
		v := c.Finish()
		if v.Outcome != result.Kept {
			b.Fatalf("%+v", v)
		}
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e6, "MB-allocated")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/1e6, "MB-held")
		runtime.KeepAlive(c)
	}
}

// chained writes a run of so many transactions to a sink, each of which makes of five records
// five others: 14 operations and a note each. Two members of a group heartbeat.
func chained(h *history.Header, transactions int, sink history.Sink) {
	const each = 5
	h.Unique, h.From = true, "sim"
	h.Set = history.Settings{Acks: "all", Idem: true, Iso: "rc", Sub: "subscribe", Txn: true, Reset: "earliest", Retries: true, InFlight: 5}
	h.Topics = []history.Topic{{Name: "in", Parts: 1, RF: 3, Cleanup: "delete"}, {Name: "out", Parts: 1, RF: 3, Cleanup: "delete"}}
	h.TPs = []string{"in-0", "out-0"}
	now := int64(0)
	rec := history.NewRecorder(func() int64 { now += 1000; return now }, sink)
	e := &history.Event{}
	tell := func(x history.Event) { *e = x; rec.Event(e) }
	both := func(x history.Event) {
		x.ID = rec.Op()
		inv := x
		inv.E, inv.Runs, inv.At = history.Inv, nil, nil
		tell(inv)
		tell(x)
	}
	var logs [2][]history.Record
	var batches []history.Batch
	send := func(tp history.TP, value, of, x int64) {
		off := int64(len(logs[tp]))
		s := history.Sent{TP: tp, Value: value, Key: value % 100, Offset: history.None, Seq: history.None, Of: of}
		id := rec.Op()
		tell(history.Event{E: history.Inv, F: history.Send, ID: id, P: 1001 + int32(tp), Sends: []history.Sent{s}, X: x, PID: int64(tp), TxID: "tx"})
		s.Offset = off
		if tp == 1 {
			s.Offset += x - 1 // one marker for each before
			batches = append(batches, history.Batch{TP: 1, Base: s.Offset, Last: s.Offset, PID: 1, Seq: int32(off), Kind: history.TxnData})
		}
		logs[tp] = append(logs[tp], history.Record{Offset: s.Offset, Value: value, Key: history.None})
		tell(history.Event{E: history.OK, F: history.Send, ID: id, P: 1001 + int32(tp), Sends: []history.Sent{s}, X: x, PID: int64(tp), TxID: "tx"})
	}
	both(history.Event{E: history.OK, F: history.InitProducer, P: 1002, PID: 1, TxID: "tx"})
	tell(history.Event{E: history.Note, F: history.Assigned, P: 1002, Group: "g", Gen: 1, Member: "m", TPs: []history.TP{0}})
	for i := range int64(transactions) {
		for k := range int64(each) {
			send(0, 1+2*(i*each+k), 0, 0)
		}
		in := logs[0][i*each:]
		both(history.Event{E: history.OK, F: history.Poll, P: 1002, Runs: []history.Run{{TP: 0, Records: in}},
			At: []history.Claim{{TP: 0, From: i * each, Pos: (i + 1) * each, End: (i + 1) * each, LSO: (i + 1) * each, Epoch: 1, Broker: "b1"}}})
		tell(history.Event{E: history.Note, F: history.TxnBegin, P: 1002, X: i + 1, TxID: "tx", PID: 1})
		for k := range int64(each) {
			send(1, 2+2*(i*each+k), in[k].Value, i+1)
		}
		both(history.Event{E: history.OK, F: history.TxnOffsets, P: 1002, X: i + 1, TxID: "tx", PID: 1, Group: "g", Gen: 1, Member: "m",
			Offs: []history.Committed{{TP: 0, Offset: (i + 1) * each, Tag: i}}})
		both(history.Event{E: history.OK, F: history.TxnCommit, P: 1002, X: i + 1, TxID: "tx", PID: 1})
		end := int64(len(logs[1])) + i
		batches = append(batches, history.Batch{TP: 1, Base: end, Last: end, PID: 1, Seq: history.None, Kind: history.CommitMarker})
		both(history.Event{E: history.OK, F: history.Heartbeat, P: 1002, Group: "g", Gen: 1, Member: "m"})
		both(history.Event{E: history.OK, F: history.Poll, P: 2001, Runs: []history.Run{{TP: 1, Records: logs[1][i*each:]}},
			At: []history.Claim{{TP: 1, From: i * (each + 1), Pos: end + 1, End: end + 1, LSO: end + 1, Epoch: 1, Broker: "b1"}}})
		tell(history.Event{E: history.OK, F: history.Process, ID: rec.Op(), P: 1002, X: i + 1, Runs: []history.Run{{TP: 0, Records: in}}})
	}
	both(history.Event{E: history.OK, F: history.OffsetFetch, P: 1002, Group: "g", Fin: true, Spec: "stable",
		Offs: []history.Committed{{TP: 0, Offset: int64(len(logs[0])), Tag: int64(transactions) - 1}}})
	for tp := range history.TP(2) {
		end := int64(len(logs[0]) + int(tp)*transactions)
		x := history.Event{E: history.OK, F: history.Dump, P: 9, Fin: true, Runs: []history.Run{{TP: tp, Records: logs[tp]}},
			At: []history.Claim{{TP: tp, From: 0, End: end, LSO: end, Start: 0, Epoch: 1}}}
		if tp == 1 {
			x.Batches = batches
		}
		both(x)
	}
}

func BenchmarkCheckerTransactions(b *testing.B) {
	h := &history.Header{}
	var events kept
	const transactions = 50_000
	chained(h, transactions, &events)
	b.ReportAllocs()
	for b.Loop() {
		c := checker.New(h)
		for i := range events {
			c.Observe(&events[i])
		}
		v := c.Finish()
		if v.Outcome != result.Kept || v.Ledger.OutputsLost+v.Ledger.OutputsDoubled > 0 {
			b.Fatalf("%+v", v)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}

func BenchmarkMeasureMillionOperations(b *testing.B) {
	h := &history.Header{}
	var events kept
	healthy(h, million, &events)
	b.ReportAllocs()
	for b.Loop() {
		m := measure.New(0)
		for i := range events {
			m.Event(&events[i])
		}
		m.Finish()
	}
}

func BenchmarkWriteMillionOperations(b *testing.B) {
	h := &history.Header{}
	var events kept
	healthy(h, million, &events)
	b.ReportAllocs()
	for b.Loop() {
		n := &counter{}
		w := history.NewWriter(n, h)
		for i := range events {
			w.Event(&events[i])
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n.n)/1e6, "MB")
	}
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func BenchmarkReadMillionOperations(b *testing.B) {
	h := &history.Header{}
	healthy(h, 0, discard{}) // fills the header, so that the reader is as strict as it can be
	var text bytes.Buffer
	w := history.NewWriter(&text, h)
	healthy(h, million, w)
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		rd, err := history.NewReader(bytes.NewReader(text.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if err := rd.Each(); err != nil {
			b.Fatal(err)
		}
	}
}
