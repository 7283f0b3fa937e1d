package wire

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// cutAt cuts b in two, so that nothing can rely on where pieces end.
func cutAt(b []byte, at uint16) machine.Bytes {
	n := int(at) % (len(b) + 1)
	return machine.Concat(machine.Literal(b[:n]), machine.Literal(b[n:]))
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 1, 2, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Fuzz(func(t *testing.T, buf []byte) {
		n, err := Split(buf)
		if n < 0 || n > len(buf) || err != nil && n != 0 {
			t.Fatalf("%d of %d, %v", n, len(buf), err)
		}
		if n == 0 {
			return
		}
		if w, err := (&scratch{}).open(machine.Literal(buf[:n])); err != nil || w.at != 4 {
			t.Fatalf("a frame that was split off is none: %v", err)
		}
		if again, err := Split(buf[:n]); again != n || err != nil {
			t.Fatalf("split %d, then %d, %v", n, again, err)
		}
		if short, err := Split(buf[:n-1]); short != 0 || err != nil {
			t.Fatalf("one byte less is %d, %v", short, err)
		}
	})
}

// both is what any listener serves.
func both() *Table {
	apis := BrokerTable().apis
	for _, a := range ControllerTable().apis {
		if _, ok := BrokerTable().Find(a.Key); !ok {
			apis = append(apis, a)
		}
	}
	return NewTable(apis...)
}

// What is taken for a request is sent again with the same meaning, however the
// frame is cut.
func FuzzDecodeRequest(f *testing.F) {
	table := both()
	for _, a := range table.apis {
		for _, version := range []int16{a.ServedFrom, a.Max} {
			l := dial(f, "c", only(a.Key, version), table)
			req := kmsg.RequestForKey(a.Key)
			var records []Records
			switch r := req.(type) {
			case *kmsg.ProduceRequest:
				req, records = produceRequest(-1)
			case *kmsg.FetchRequest:
				p := kmsg.NewFetchRequestTopicPartition()
				r.Topics = []kmsg.FetchRequestTopic{{Topic: "orders", TopicID: [16]byte{7}, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
			}
			l.peer.Send(&l.out, req, records, nil)
			f.Add(l.sent(f).Contiguous()[4:], uint16(9))
		}
	}
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, uint16(0))
	f.Add([]byte{0, 18, 0, 99, 0, 0, 0, 5}, uint16(0))
	f.Fuzz(func(t *testing.T, body []byte, at uint16) {
		r, err := DecodeRequest(cutAt(sized(body), at), table)
		whole, errWhole := DecodeRequest(machine.Literal(sized(body)), table)
		if (err == nil) != (errWhole == nil) {
			t.Fatalf("in one piece %v, in two %v", errWhole, err)
		}
		if err != nil {
			return
		}
		if r.Body == nil {
			if n, err := Split(r.Unserved().Contiguous()); err != nil || n != int(r.Unserved().Len()) {
				t.Fatalf("refused with %x", r.Unserved().Contiguous())
			}
			return
		}
		if r.Ident != whole.Ident || r.ClientID != whole.ClientID || !bytes.Equal(alone(r.Body, r.Records), alone(whole.Body, whole.Records)) {
			t.Fatalf("in one piece %+v, in two %+v", whole, r)
		}
		if r.UnsupportedVersion {
			return
		}
		l := dial(t, r.ClientID, only(r.Key, r.Version), table)
		l.peer.Send(&l.out, r.Body, r.Records, nil)
		again, err := DecodeRequest(l.sent(t), table)
		if err != nil || again.Ident != r.Ident || again.ClientID != r.ClientID || !bytes.Equal(alone(again.Body, again.Records), alone(r.Body, r.Records)) {
			t.Fatalf("%+v was sent again as %+v, %v", r, again, err)
		}
	})
}

// What is taken for an answer can be encoded again to the same answer.
func FuzzReceived(f *testing.F) {
	table := both()
	for i, a := range table.apis {
		for _, version := range []int16{a.ServedFrom, a.Max} {
			resp := kmsg.ResponseForKey(a.Key)
			resp.SetVersion(version)
			var records []Records
			if r, ok := resp.(*kmsg.FetchResponse); ok {
				r.Topics = []kmsg.FetchResponseTopic{{Topic: "t", Partitions: []kmsg.FetchResponseTopicPartition{kmsg.NewFetchResponseTopicPartition()}}}
				records = []Records{machine.Literal(stampable())}
			}
			b := EncodeResponse(&Request{Key: a.Key, Version: version, Correlation: 1}, resp, records).Contiguous()
			f.Add(uint8(i), uint8(version), b[8:], uint16(3))
		}
	}
	f.Fuzz(func(t *testing.T, api, v uint8, body []byte, at uint16) {
		a := table.apis[int(api)%len(table.apis)]
		version := a.ServedFrom + int16(v)%(a.Max-a.ServedFrom+1)
		ask := func() *link {
			l := dial(t, "c", only(a.Key, version), table)
			req, records := kmsg.RequestForKey(a.Key), []Records(nil)
			if a.Key == Produce {
				req, records = produceRequest(1)
			}
			l.peer.Send(&l.out, req, records, nil)
			l.out.Reset()
			return l
		}
		frame := sized([]byte{0, 0, 0, 1}, body)
		got, ok, err := ask().peer.Received(cutAt(frame, at), &machine.Effects{})
		whole, _, errWhole := ask().peer.Received(machine.Literal(frame), &machine.Effects{})
		if ok != (err == nil) || (err == nil) != (errWhole == nil) {
			t.Fatalf("in one piece %v; in two %v, %t", errWhole, err, ok)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(alone(got.Body, got.Records), alone(whole.Body, whole.Records)) {
			t.Fatalf("in one piece %+v, in two %+v", whole, got)
		}
		r := Request{Key: a.Key, Version: version, Correlation: 1}
		again, ok, err := ask().peer.Received(EncodeResponse(&r, got.Body, got.Records), &machine.Effects{})
		if !ok || err != nil || !bytes.Equal(alone(again.Body, again.Records), alone(got.Body, got.Records)) {
			t.Fatalf("%+v was answered again as %+v, %t, %v", got, again, ok, err)
		}
	})
}

// Whatever bytes are taken for batches: nothing is read beyond them, and what
// the checks let through holds what its header says.
func FuzzBatch(f *testing.F) {
	raw := stampable()
	f.Add(raw, uint16(0))
	f.Add(append(bytes.Clone(raw), raw...), uint16(70))
	f.Add(raw[:len(raw)-3], uint16(1))
	f.Add(rawBatch(1, 18, 0, 0, 0, 2, 'k', 1, 2, 0, 1).Contiguous(), uint16(16))
	f.Add(rawBatch(1<<31-1, 14, 0, 0, 0, 2, 'k', 1, 0).Contiguous(), uint16(60))
	f.Fuzz(func(t *testing.T, b []byte, at uint16) {
		in := cutAt(b, at)
		h, err := ReadBatch(in)
		if one, errOne := ReadBatch(machine.Literal(b)); one != h || !errors.Is(err, errOne) && err.Error() != errOne.Error() {
			t.Fatalf("in one piece %+v, %v; in two %+v, %v", one, errOne, h, err)
		}
		if err == nil && (h.Size() < BatchHeaderSize || h.Size() > int64(len(b))) {
			t.Fatalf("a batch of %d bytes in %d", h.Size(), len(b))
		}
		var all []byte
		for h, one := range SplitBatches(in) {
			if h.Size() != one.Len() {
				t.Fatalf("a batch of %d bytes has %d", h.Size(), one.Len())
			}
			all = one.AppendTo(all)
		}
		if !bytes.HasPrefix(b, all) || err == nil && len(all) < int(h.Size()) {
			t.Fatalf("the batches are not the beginning")
		}
		n := int32(0)
		errEach := EachRecord(in, func(r *Record) error {
			if r.OffsetDelta != n {
				t.Fatalf("record %d has offset delta %d", n, r.OffsetDelta)
			}
			n++
			return nil
		})
		if errEach == nil && n != max(h.Count, 0) {
			t.Fatalf("%d records of %d", n, h.Count)
		}
		if _, err := CheckBatch(in); err != nil {
			return
		}
		if stamped, err := CheckBatch(Stamp(in, 1<<40, 77)); err != nil || stamped.NextOffset() != 1<<40+int64(h.Count) || stamped.LeaderEpoch != 77 {
			t.Fatalf("stamped %+v, %v", stamped, err)
		}
	})
}
