package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// drawn is a record as the test drew it.
type drawn struct {
	timestamp  int64
	key, value []byte
	headers    []Header
}

func drawRecord(t *rapid.T) drawn {
	some := func(label string) []byte {
		if rapid.Bool().Draw(t, label+" is null") {
			return nil
		}
		return rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, label)
	}
	r := drawn{timestamp: rapid.Int64Range(0, 1<<45).Draw(t, "timestamp"), key: some("key"), value: some("value")}
	for range rapid.IntRange(0, 2).Draw(t, "headers") {
		r.headers = append(r.headers, Header{rapid.StringN(0, 3, 6).Draw(t, "header"), some("header value")})
	}
	return r
}

// A batch that was built passes the check, gives back its records, and is the
// batch that kmsg reads.
func TestBatchRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		producer := rapid.Int64Range(-1, 1<<40).Draw(t, "producer id")
		epoch := rapid.Int16Range(-1, 1000).Draw(t, "producer epoch")
		sequence := rapid.Int32Range(-1, 1<<31-1).Draw(t, "base sequence")
		b := NewBuilder(producer, epoch, sequence)
		control := rapid.Bool().Draw(t, "control")
		if control {
			b.Control()
		}
		var want []drawn
		latest := int64(-1)
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			r := drawRecord(t)
			b.Append(r.timestamp, r.key, r.value, r.headers)
			want = append(want, r)
			latest = max(latest, r.timestamp)
		}
		if b.Count() != len(want) {
			t.Fatalf("%d records of %d", b.Count(), len(want))
		}
		size := b.Size()
		raw := b.Bytes().Contiguous()
		batch := repiece(t, raw)
		h, err := CheckBatch(batch)
		if err != nil {
			t.Fatal(err)
		}
		if h.Size() != int64(size) || int(h.Count) != len(want) || h.BaseOffset != 0 || h.NextOffset() != int64(len(want)) || h.LastOffset() != int64(len(want)-1) ||
			h.ProducerID != producer || h.ProducerEpoch != epoch || h.BaseSequence != sequence || h.LeaderEpoch != -1 ||
			h.BaseTimestamp != want[0].timestamp || h.MaxTimestamp != latest || h.IsControl() != control || h.IsTransactional() || h.Compression() != 0 {
			t.Fatalf("header %+v", h)
		}

		var oracle kmsg.RecordBatch
		if err := oracle.ReadFrom(raw); err != nil {
			t.Fatalf("kmsg: %v", err)
		}
		if o := (Batch{oracle.FirstOffset, oracle.Length, oracle.PartitionLeaderEpoch, oracle.Magic, uint32(oracle.CRC), oracle.Attributes, oracle.LastOffsetDelta,
			oracle.FirstTimestamp, oracle.MaxTimestamp, oracle.ProducerID, oracle.ProducerEpoch, oracle.FirstSequence, oracle.NumRecords}); o != h {
			t.Fatalf("header\n%+v\nas kmsg reads it\n%+v", h, o)
		}
		rest := oracle.Records
		i := 0
		err = EachRecord(batch, func(r *Record) error {
			w := want[i]
			if int(r.OffsetDelta) != i || h.BaseTimestamp+r.TimestampDelta != w.timestamp || !reflect.DeepEqual(r.Key, w.key) || !reflect.DeepEqual(r.Value, w.value) ||
				!slices.EqualFunc(r.Headers, w.headers, func(a, b Header) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("record %d is %+v, want %+v", i, r, w)
			}
			n, prefix := binary.Varint(rest)
			var o kmsg.Record
			if err := o.ReadFrom(rest[:int(n)+prefix]); err != nil {
				t.Fatalf("record %d: kmsg: %v", i, err)
			}
			if o.TimestampDelta64 != r.TimestampDelta || o.OffsetDelta != r.OffsetDelta || !bytes.Equal(o.Key, r.Key) || !bytes.Equal(o.Value, r.Value) || len(o.Headers) != len(r.Headers) {
				t.Fatalf("record %d is %+v, as kmsg reads it %+v", i, r, o)
			}
			rest = rest[int(n)+prefix:]
			i++
			return nil
		})
		if err != nil || i != len(want) || len(rest) != 0 {
			t.Fatalf("%d records of %d, %v, %d bytes left for kmsg", i, len(want), err, len(rest))
		}
	})
}

// stampable is a batch of two records.
func stampable() []byte {
	b := NewBuilder(7, 1, 100)
	b.Append(1000, []byte("k"), []byte("v"), nil)
	b.Append(1001, nil, []byte("w"), []Header{{"h", nil}})
	return b.Bytes().Contiguous()
}

// Every bit of a batch counts: flip one and the batch is refused, unless it
// belongs to what a broker assigns.
func TestEveryBitIsChecked(t *testing.T) {
	raw := stampable()
	for at := range raw {
		for bit := range 8 {
			flipped := slices.Clone(raw)
			flipped[at] ^= 1 << bit
			_, err := CheckBatch(machine.Literal(flipped))
			assigned := at < batchLength || at >= batchEpoch && at < batchMagic
			if assigned && at == 0 && bit == 7 { // the sign of the offset
				assigned = false
			}
			if (err == nil) != assigned {
				t.Errorf("bit %d of byte %d: %v", bit, at, err)
			}
		}
	}
}

func TestCheckBatchSaysWhatIsWrong(t *testing.T) {
	raw := stampable()
	summed := func(at int, b ...byte) []byte { // with a checksum that matches
		out := slices.Clone(raw)
		copy(out[at:], b)
		binary.BigEndian.PutUint32(out[batchCRC:], machine.Literal(out[batchAttributes:]).CRC32C())
		return out
	}
	for _, c := range []struct {
		name  string
		batch []byte
		want  error
	}{
		{"nothing", nil, ErrBatchShort},
		{"half a header", raw[:30], ErrBatchShort},
		{"half a batch", raw[:len(raw)-1], ErrBatchShort},
		{"one byte more", append(slices.Clone(raw), 0), ErrTrailing},
		{"two batches", append(slices.Clone(raw), raw...), ErrTrailing},
		{"length below a header's", summed(batchLength, 0, 0, 0, 48), ErrBatchShort},
		{"negative length", summed(batchLength, 0xff), ErrBatchShort},
		{"magic 1", summed(batchMagic, 1), ErrBatchMagic},
		{"checksum", append(slices.Clone(raw[:len(raw)-1]), raw[len(raw)-1]^1), ErrBatchCRC},
		{"no records", summed(57, 0, 0, 0, 0), ErrBatchCount},
		{"negative count", summed(57, 0xff, 0xff, 0xff, 0xff), ErrBatchCount},
		{"more offsets than records", summed(23, 0, 0, 0, 2), ErrBatchCount},
		{"fewer offsets than records", summed(23, 0, 0, 0, 0), ErrBatchCount},
		{"negative base offset", summed(0, 0xff), ErrBatchCount},
	} {
		if _, err := CheckBatch(machine.Literal(c.batch)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A stamped batch differs in place and epoch only, and shares the rest.
func TestStamp(t *testing.T) {
	raw := stampable()
	before := slices.Clone(raw)
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Min(0).Draw(t, "offset")
		epoch := rapid.Int32().Draw(t, "epoch")
		stamped := Stamp(repiece(t, raw), offset, epoch)
		h, err := CheckBatch(stamped)
		if err != nil || h.BaseOffset != offset || h.LeaderEpoch != epoch {
			t.Fatalf("%+v, %v", h, err)
		}
		if got := stamped.Contiguous(); !bytes.Equal(got[batchLength:batchEpoch], raw[batchLength:batchEpoch]) || !bytes.Equal(got[batchMagic:], raw[batchMagic:]) {
			t.Fatalf("something else has changed")
		}
	})
	var pieces [][]byte
	for p := range Stamp(machine.Literal(raw), 5, 6).Pieces {
		pieces = append(pieces, p)
	}
	if len(pieces) != 2 || &pieces[1][0] != &raw[batchMagic] {
		t.Errorf("a stamped batch has %d pieces of its own", len(pieces))
	}
	if !bytes.Equal(raw, before) {
		t.Errorf("the batch that was stamped has changed")
	}
}

func TestSplitBatches(t *testing.T) {
	raw := stampable()
	rapid.Check(t, func(t *rapid.T) {
		var all []byte
		n := rapid.IntRange(0, 4).Draw(t, "batches")
		for i := range n {
			all = Stamp(machine.Literal(raw), int64(2*i), 3).AppendTo(all)
		}
		tail := rapid.SampledFrom([][]byte{nil, raw[:1], raw[:60], raw[:61], raw[:len(raw)-1], make([]byte, 200)}).Draw(t, "tail")
		i := 0
		for h, b := range SplitBatches(repiece(t, append(all, tail...))) {
			if h.BaseOffset != int64(2*i) || b.Len() != int64(len(raw)) || !bytes.Equal(b.Contiguous(), all[i*len(raw):(i+1)*len(raw)]) {
				t.Fatalf("batch %d: %+v of %d bytes", i, h, b.Len())
			}
			i++
		}
		if i != n {
			t.Fatalf("%d batches of %d", i, n)
		}
	})
	for range SplitBatches(machine.Literal(append(slices.Clone(raw), raw...))) {
		break // and no more are asked for
	}
}

// rawBatch is a batch of any bytes for records; nobody has summed it.
func rawBatch(count int32, records ...byte) machine.Bytes {
	raw := append(make([]byte, BatchHeaderSize), records...)
	binary.BigEndian.PutUint32(raw[batchLength:], uint32(len(raw)-batchOverhead))
	raw[batchMagic] = 2
	binary.BigEndian.PutUint32(raw[57:], uint32(count))
	return machine.Literal(raw)
}

func TestMalformedRecords(t *testing.T) {
	// Length 7 (14), attributes, timestamp delta 0, offset delta 0, key "k",
	// value null, no headers.
	good := []byte{14, 0, 0, 0, 2, 'k', 1, 0}
	with := func(at int, b ...byte) []byte {
		out := slices.Clone(good)
		copy(out[at:], b)
		return out
	}
	for _, c := range []struct {
		name  string
		batch machine.Bytes
		ok    bool
	}{
		{"good", rawBatch(1, good...), true},
		{"none", rawBatch(0), true},
		{"one too many", rawBatch(2, good...), false},
		{"one too few", rawBatch(0, good...), false},
		{"2^31-1 of them", rawBatch(1<<31-1, good...), false},
		{"negative count", rawBatch(-1, good...), false},
		{"bytes after it", rawBatch(1, append(slices.Clone(good), 0)...), false},
		{"bytes at its end", rawBatch(1, append(with(0, 16), 0)...), false},
		{"shorter than its fields", rawBatch(1, with(0, 12)...), false},
		{"longer than the batch", rawBatch(1, with(0, 16)...), false},
		{"null", rawBatch(1, 1), false},
		{"offset delta 1", rawBatch(1, with(3, 2)...), false},
		{"key too long", rawBatch(1, with(4, 8)...), false},
		{"key of length -2", rawBatch(1, with(4, 3)...), false},
		{"value too long", rawBatch(1, with(6, 4)...), false},
		{"headers missing", rawBatch(1, with(7, 2)...), false},
		{"negative number of headers", rawBatch(1, with(7, 1)...), false},
		{"header with a null key", rawBatch(1, 18, 0, 0, 0, 2, 'k', 1, 2, 1, 1), false},
		{"header", rawBatch(1, 18, 0, 0, 0, 2, 'k', 1, 2, 0, 1), true},
		{"endless varint", rawBatch(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), false},
		{"length of 2^63-1", rawBatch(1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), false},
	} {
		err := EachRecord(c.batch, func(*Record) error { return nil })
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", c.name, err)
		}
	}

	stop := errors.New("enough")
	calls := 0
	if err := EachRecord(machine.Literal(stampable()), func(*Record) error { calls++; return stop }); err != stop || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	zipped := stampable()
	zipped[batchAttributes+1] |= 4
	if err := EachRecord(machine.Literal(zipped), nil); !errors.Is(err, ErrCompression) {
		t.Errorf("compressed: %v", err)
	}
	if err := EachRecord(machine.Literal(zipped[:60]), nil); !errors.Is(err, ErrBatchShort) {
		t.Errorf("short: %v", err)
	}
}

func TestVarintSize(t *testing.T) {
	for shift := range 63 {
		for _, d := range []int64{-1, 0, 1} {
			for _, x := range []int64{1<<shift + d, -(1 << shift) + d} {
				if got, want := varintSize(x), len(binary.AppendVarint(nil, x)); got != want {
					t.Errorf("%d takes %d bytes, not %d", x, want, got)
				}
			}
		}
	}
}

// Sequences wrap to 0 after 2^31-1.
func TestLastSequence(t *testing.T) {
	for _, c := range []struct{ base, delta, want int32 }{
		{0, 0, 0}, {10, 4, 14}, {1<<31 - 1, 0, 1<<31 - 1}, {1<<31 - 1, 1, 0}, {1<<31 - 2, 5, 3},
	} {
		if got := (&Batch{BaseSequence: c.base, LastOffsetDelta: c.delta}).LastSequence(); got != c.want {
			t.Errorf("%d+%d is %d, want %d", c.base, c.delta, got, c.want)
		}
	}
}

func TestAttributes(t *testing.T) {
	h := Batch{Attributes: 0x13}
	if h.Compression() != 3 || !h.IsTransactional() || h.IsControl() {
		t.Errorf("%#x: compression %d, transactional %t, control %t", h.Attributes, h.Compression(), h.IsTransactional(), h.IsControl())
	}
}
