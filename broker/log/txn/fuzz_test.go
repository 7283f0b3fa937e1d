package txn

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
)

// Whatever is in the log: Replay takes it or says why not and changes nothing, and what it
// took is written again as it was meant.
func FuzzReplay(f *testing.F) {
	w := newWorld(f, 2)
	w.init("a", none, none)
	w.add(5, "a", 1000, 0)
	w.end(5, "a", 1000, 0, true)
	w.written("a")
	w.m.cfg.FirstEpoch = lastEpoch
	w.init("b", none, none)
	w.add(3, "b", 1001, lastEpoch)
	w.end(5, "b", 1001, lastEpoch, false)
	for _, e := range w.log {
		f.Add(e.key, e.value)
	}
	f.Add(keyOf("a"), []byte(nil))
	old := kmsg.TxnMetadataValue{ProducerID: 7, State: 1, Topics: []kmsg.TxnMetadataValueTopic{{Topic: "t", Partitions: []int32{1, 0, 1}}, {Topic: "s"}, {Topic: "t", Partitions: []int32{5}}}}
	f.Add(keyOf("old"), old.AppendTo(nil))
	f.Add([]byte{0, 1, 2}, []byte{0, 7})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		m := New(w.cfg)
		for i, e := range w.log[:3] {
			if err := m.Replay(coordinator.Position{Offset: int64(i)}, e.key, e.value); err != nil {
				t.Fatal(err)
			}
		}
		before := durable(m)
		if len(value) == 0 {
			value = nil
		}
		if err := m.Replay(coordinator.Position{Offset: 3}, key, value); err != nil {
			if durable(m) != before {
				t.Fatalf("refused with %v, and changed\n%sinto\n%s", err, before, durable(m))
			}
			return
		}
		again := New(w.cfg)
		for _, x := range m.order {
			if err := again.Replay(coordinator.Position{}, keyOf(x.id), valueOf(&x.record)); err != nil {
				t.Fatalf("what was replayed is not written again: %v", err)
			}
		}
		if durable(again) != durable(m) {
			t.Fatalf("written again it is\n%snot\n%s", durable(again), durable(m))
		}
		m.Loaded(w.now)
		for _, c := range []any{initRequest("a", none, none), addRequest(5, "a", 1000, 1, 0), endRequest(5, "a", 1000, 1, true), MarkersWritten{coordinator.Producer{TransactionalID: "a", ID: 1000, Epoch: 1}}} {
			for _, r := range m.Request(w.now, coordinator.Caller{}, c).Records {
				if err := m.Replay(coordinator.Position{}, r.Key, r.Value); err != nil {
					t.Fatalf("%+v: %v", c, err)
				}
			}
		}
	})
}

// Requests with nonsense in them are decided about, and what comes of them can be replayed.
func FuzzRequest(f *testing.F) {
	for _, req := range []kmsg.Request{
		initRequest("a", 1000, 0), addRequest(3, "a", 1000, 0, 1, 1, -5), addRequest(5, "a", 1000, 0, 0), endRequest(5, "a", 1000, 0, true), endRequest(1, "a", 1000, 32767, false),
		&kmsg.AddOffsetsToTxnRequest{Version: 3, TransactionalID: "a", Group: "g"}, &kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"a", ""}},
		&kmsg.ListTransactionsRequest{Version: 2, StateFilters: []string{"x"}},
	} {
		f.Add(uint8(req.Key()), uint8(req.GetVersion()), req.AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, key, version uint8, body []byte) {
		req := kmsg.RequestForKey(int16(key))
		switch req.(type) {
		case *kmsg.InitProducerIDRequest, *kmsg.AddPartitionsToTxnRequest, *kmsg.AddOffsetsToTxnRequest, *kmsg.EndTxnRequest, *kmsg.DescribeTransactionsRequest, *kmsg.ListTransactionsRequest:
		default:
			return
		}
		req.SetVersion(int16(version) % (req.MaxVersion() + 1))
		if req.ReadFrom(body) != nil {
			return
		}
		w := newWorld(t, 2)
		w.init("a", none, none)
		w.add(5, "a", 1000, 0)
		if o := w.do(req); len(o.Answers) != 1 {
			t.Fatalf("%d answers", len(o.Answers))
		}
		for _, resp := range []kmsg.Response{w.answers[len(w.answers)-1], w.m.Refuse(req, 15)} {
			resp.SetVersion(req.GetVersion())
			back := req.ResponseKind()
			if b := resp.AppendTo(nil); back.ReadFrom(b) != nil || !bytes.Equal(back.AppendTo(nil), b) {
				t.Fatalf("answer %+v", resp)
			}
		}
		w.take()
		w.end(5, "a", 1000, 0, true)
	})
}
