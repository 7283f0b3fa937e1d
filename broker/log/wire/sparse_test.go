package wire

import (
	"bytes"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// drawFiller draws a batch some of whose values are filler, and the same with literal
// values.
func drawFiller(t *rapid.T) (made, literal machine.Bytes) {
	producer, epoch, sequence := rapid.Int64Range(-1, 1<<40).Draw(t, "producer id"), rapid.Int16().Draw(t, "epoch"), rapid.Int32().Draw(t, "sequence")
	a, b := NewBuilder(-1, -1, -1), NewBuilder(producer, epoch, sequence)
	if rapid.Bool().Draw(t, "used") { // what a builder held before must not show
		a.AppendFiller(1, nil, 500, 77)
		a.Bytes()
	}
	a.Reset(producer, epoch, sequence)
	for range rapid.IntRange(0, 6).Draw(t, "records") {
		r := drawRecord(t)
		if rapid.Bool().Draw(t, "literal") {
			a.Append(r.timestamp, r.key, r.value, r.headers)
			b.Append(r.timestamp, r.key, r.value, r.headers)
			continue
		}
		size := rapid.OneOf(rapid.IntRange(0, 20), rapid.IntRange(0, 10_000)).Draw(t, "size")
		identity := rapid.Uint64().Draw(t, "identity")
		a.AppendFiller(r.timestamp, r.key, size, identity)
		value := append([]byte{}, machine.Filler(int64(size), identity).Contiguous()...)
		b.Append(r.timestamp, r.key, value, nil)
	}
	size := rapid.IntRange(0, 10_000).Draw(t, "size") // one at least
	a.AppendFiller(5, []byte("key"), size, 9)
	b.Append(5, []byte("key"), append([]byte{}, machine.Filler(int64(size), 9).Contiguous()...), nil)
	if a.Size() != b.Size() || a.Count() != b.Count() {
		t.Fatalf("%d bytes in %d records, literally %d in %d", a.Size(), a.Count(), b.Size(), b.Count())
	}
	return a.Bytes(), b.Bytes()
}

// A batch of filler is, byte by byte and record by record, the batch that its values
// would make, and kmsg reads it as such.
func TestFillerBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		made, literal := drawFiller(t)
		same := func(what string, made, literal machine.Bytes) {
			if made.Source() == nil {
				t.Fatalf("%s: it has been made", what)
			}
			if !bytes.Equal(made.Contiguous(), literal.Contiguous()) {
				t.Fatalf("%s: it holds other bytes than its literal twin", what)
			}
			h, err := CheckBatch(made)
			if want, wrong := CheckBatch(literal); h != want || err != nil && wrong == nil {
				t.Fatalf("%s: header %+v, %v; want %+v, %v", what, h, err, want, wrong)
			}
		}
		same("as built", made, literal)
		same("renumbered", Renumber(made, 7, 8, 9), Renumber(literal, 7, 8, 9))
		same("stamped", Stamp(made, 1234, 5), Stamp(literal, 1234, 5))

		flat := literal.Contiguous()
		from := rapid.IntRange(0, len(flat)).Draw(t, "from")
		to := rapid.IntRange(from, len(flat)).Draw(t, "to")
		part := made.Slice(int64(from), int64(to))
		if !bytes.Equal(part.Contiguous(), flat[from:to]) || part.CRC32C() != crc32.Checksum(flat[from:to], castagnoli) {
			t.Fatalf("[%d, %d) is something else, or has another checksum", from, to)
		}

		if got, want := recordsOf(t, made), recordsOf(t, literal); !slices.EqualFunc(got, want, equalDrawn) {
			t.Fatalf("records\n%v, want\n%v", got, want)
		}
		if got, want := outlines(t, made), outlines(t, literal); !slices.EqualFunc(got, want, equalOutline) {
			t.Fatalf("outlines\n%v, want\n%v", got, want)
		}
		var oracle kmsg.RecordBatch
		if err := oracle.ReadFrom(made.Contiguous()); err != nil || int(oracle.NumRecords) != len(outlines(t, made)) {
			t.Fatalf("kmsg: %d records, %v", oracle.NumRecords, err)
		}
	})
}

func recordsOf(t *rapid.T, batch machine.Bytes) (list []drawn) {
	err := EachRecord(batch, func(r *Record) error {
		list = append(list, drawn{r.TimestampDelta, r.Key, r.Value, slices.Clone(r.Headers)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func equalDrawn(a, b drawn) bool {
	return a.timestamp == b.timestamp && bytes.Equal(a.key, b.key) && bytes.Equal(a.value, b.value) &&
		(a.key == nil) == (b.key == nil) && (a.value == nil) == (b.value == nil) && len(a.headers) == len(b.headers)
}

func outlines(t *rapid.T, batch machine.Bytes) (list []Outline) {
	if err := EachOutline(batch, func(o *Outline) error { list = append(list, *o); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func equalOutline(a, b Outline) bool {
	return a.OffsetDelta == b.OffsetDelta && a.TimestampDelta == b.TimestampDelta && bytes.Equal(a.Key, b.Key) &&
		a.Size == b.Size && a.Identity == b.Identity
}

// Neither a request nor an answer nor the log in between makes a value of filler.
func TestFillerStaysFiller(t *testing.T) {
	w := NewBuilder(-1, -1, -1)
	for i := range 16 {
		w.AppendFiller(int64(i), nil, 1024, uint64(i))
	}
	batch := w.Bytes()
	table := NewTable(API{Key: Produce, Min: 3, Max: 9}, API{Key: Fetch, Min: 4, Max: 12})
	var out machine.Effects
	p := Peer{ready: true, agreed: []API{{Key: Produce, Min: 3, Max: 9}, {Key: Fetch, Min: 4, Max: 12}}}
	req := kmsg.NewPtrProduceRequest()
	req.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: make([]kmsg.ProduceRequestTopicPartition, 2)}}
	p.Send(&out, req, []Records{batch, batch}, nil)
	got, err := DecodeRequest(out.List[0].Frame, table)
	if err != nil || got.Records[0].Source() != batch.Source() || got.Records[1].Source() != batch.Source() {
		t.Fatalf("a Produce request does not carry its batches: %v", err)
	}

	out.Reset()
	p.Send(&out, kmsg.NewPtrFetchRequest(), nil, nil)
	asked, err := DecodeRequest(out.List[0].Frame, table)
	if err != nil {
		t.Fatal(err)
	}
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "t", Partitions: make([]kmsg.FetchResponseTopicPartition, 1)}}
	log := machine.Concat(Stamp(batch, 0, 1), Stamp(batch, 16, 1), Stamp(batch, 32, 1))
	answer, _, err := p.Received(EncodeResponse(&asked, resp, []Records{log}), &out)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for h, b := range SplitBatches(answer.Records[0]) {
		if _, err := CheckBatch(b); err != nil || b.Source() == nil || h.BaseOffset != int64(16*n) {
			t.Errorf("batch %d at offset %d: %v", n, h.BaseOffset, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d batches, want 3", n)
	}
}

// 16 records of 1 KiB, from the builder to a consumer that looks at each, with the
// checks of two brokers and itself.
func BenchmarkFillerBatch(b *testing.B) {
	w := NewBuilder(-1, -1, -1)
	var seen uint64
	b.ReportAllocs()
	for b.Loop() {
		w.Reset(1, 1, 1)
		for i := range 16 {
			w.AppendFiller(int64(i), nil, 1024, uint64(i))
		}
		batch := w.Bytes()
		for hop := range 3 {
			if _, err := CheckBatch(batch); err != nil {
				b.Fatal(err)
			}
			if hop == 0 {
				batch = Stamp(batch, 100, 1)
			}
		}
		_ = EachOutline(batch, func(o *Outline) error { seen += o.Identity; return nil })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(16*b.N), "ns/record")
}
