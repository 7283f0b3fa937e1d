package storage

import (
	"fmt"
	"slices"
	"testing"

	"brokersim/broker/storage/storagetest"
)

func FuzzTxnIndex(f *testing.F) {
	f.Add([]byte(nil), int64(0), int64(10))
	f.Add(AbortedTxn{7, 0, 5, 6}.appendTo(AbortedTxn{8, 1, 3, 0}.appendTo(nil)), int64(0), int64(10))
	f.Fuzz(func(t *testing.T, b []byte, base, next int64) {
		list, err := parseTxnIndex(b, base, next)
		if err != nil {
			return
		}
		var again []byte
		for _, e := range list {
			if e.LastOffset < base || e.LastOffset >= next || e.FirstOffset >= e.LastOffset {
				t.Fatalf("%+v in a segment from %d to %d", e, base, next)
			}
			again = e.appendTo(again)
		}
		if !slices.Equal(again, b) {
			t.Fatalf("%x was read as %x", b, again)
		}
	})
}

// Entries are Kafka's, byte by byte, and what no index may say is found.
func TestTxnIndex(t *testing.T) {
	if got, want := fmt.Sprintf("%x", AbortedTxn{258, 1, 7, 5}.appendTo(nil)), "0000"+"0000000000000102"+"0000000000000001"+"0000000000000007"+"0000000000000005"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	of := func(list ...AbortedTxn) (b []byte) {
		for _, e := range list {
			b = e.appendTo(b)
		}
		return b
	}
	for want, b := range map[string][]byte{
		"33 bytes are no whole entries of 34": of(AbortedTxn{7, 1, 3, 4})[1:],
		"entry 0: version 256":                append([]byte{1}, of(AbortedTxn{7, 1, 3, 4})[1:]...),
		"entry 0: {ProducerID:7 FirstOffset:0 LastOffset:1 LastStableOffset:2} after offset 1, in a segment from offset 2 to 9": of(AbortedTxn{7, 0, 1, 2}),
		"entry 0: {ProducerID:7 FirstOffset:0 LastOffset:9 LastStableOffset:2} after offset 1, in a segment from offset 2 to 9": of(AbortedTxn{7, 0, 9, 2}),
		"entry 0: {ProducerID:7 FirstOffset:5 LastOffset:5 LastStableOffset:2} after offset 1, in a segment from offset 2 to 9": of(AbortedTxn{7, 5, 5, 2}),
		"entry 0: {ProducerID:7 FirstOffset:0 LastOffset:5 LastStableOffset:7} after offset 1, in a segment from offset 2 to 9": of(AbortedTxn{7, 0, 5, 7}),
		"entry 1: {ProducerID:8 FirstOffset:0 LastOffset:5 LastStableOffset:6} after offset 5, in a segment from offset 2 to 9": of(AbortedTxn{7, 0, 5, 6}, AbortedTxn{8, 0, 5, 6}),
	} {
		if _, err := parseTxnIndex(b, 2, 9); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Which aborted transactions a reader is told of: those that have anything in its range.
func TestCollectAborted(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	for at := range int64(12) {
		if err := l.Append(one(at, at)); err != nil {
			t.Fatal(err)
		}
		if at%4 == 3 {
			if err := l.RollEmpty(false); err != nil {
				t.Fatal(err)
			}
		}
	}
	a, b, c := AbortedTxn{1, 0, 2, 1}, AbortedTxn{2, 1, 6, 4}, AbortedTxn{3, 4, 9, 10}
	for _, e := range []AbortedTxn{a, b, c} {
		if err := l.AppendAborted(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		from, upTo int64
		want       []AbortedTxn
	}{
		{0, 1, []AbortedTxn{a}}, {0, 2, []AbortedTxn{a, b}}, {2, 3, []AbortedTxn{a, b}}, {3, 4, []AbortedTxn{b}}, {3, 5, []AbortedTxn{b, c}},
		{6, 7, []AbortedTxn{b, c}}, {7, 8, []AbortedTxn{c}}, {9, 10, []AbortedTxn{c}}, {10, 12, nil}, {0, 12, []AbortedTxn{a, b, c}},
	} {
		if got := l.CollectAborted(nil, x.from, x.upTo); !slices.Equal(got, x.want) {
			t.Errorf("from %d up to %d: %+v, want %+v", x.from, x.upTo, got, x.want)
		}
	}
	if err := l.TruncateTo(6); err != nil {
		t.Fatal(err)
	}
	if got := l.Aborted(); !slices.Equal(got, []AbortedTxn{a}) || len(d.Get("t-0/00000000000000000004.txnindex")) != 0 {
		t.Errorf("after a truncation: %+v", got)
	}
}
