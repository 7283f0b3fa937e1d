package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"brokersim/broker/machine"
)

// A marker is a batch as Kafka's, and reads back.
func TestMarkers(t *testing.T) {
	for _, m := range []Marker{{true, 0}, {false, 7}, {true, 1<<31 - 1}, {false, -1}} {
		b := m.Batch(5, 9, 3)
		h, err := CheckBatch(b)
		if err != nil || !h.IsControl() || !h.IsTransactional() || h.ProducerID != 9 || h.ProducerEpoch != 3 || h.BaseSequence != -1 || h.Count != 1 || h.MaxTimestamp != 5 {
			t.Errorf("%+v: %+v, %v", m, h, err)
		}
		if got, ok, err := ReadMarker(b); got != m || !ok || err != nil {
			t.Errorf("%+v came back as %+v, %t, %v", m, got, ok, err)
		}
		if at, stamped := m.BatchAt(5, 9, 3, 1<<40, 6), Stamp(b, 1<<40, 6); !bytes.Equal(at.Contiguous(), stamped.Contiguous()) {
			t.Errorf("%+v at its place is %x, stamped %x", m, at.Contiguous(), stamped.Contiguous())
		}
	}
	// The record: its size, no attributes, deltas of 0, key and value (EndTransactionMarker).
	const record = "20" + "00" + "00" + "00" + "08" + "00000001" + "0c" + "0000" + "00000007" + "00"
	if got := hex.EncodeToString(Marker{true, 7}.Batch(5, 9, 3).Contiguous()[BatchHeaderSize:]); got != record {
		t.Errorf("the record is %s, want %s", got, record)
	}
	empty, err := Retain(Marker{}.Batch(5, 9, 3), NoHorizon, func(*Record) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if m, ok, err := ReadMarker(empty); ok || err != nil {
		t.Errorf("of nothing: %+v, %t, %v", m, ok, err)
	}
	for what, c := range map[string][2]string{
		"no key":                  {"", "000000000000"},
		"half a key":              {"0000", "000000000000"},
		"a leader change":         {"00000002", "000000000000"},
		"a key of version -1":     {"ffff0000", "000000000000"},
		"half a value":            {"00000000", "0000000000"},
		"no value":                {"00000000", ""},
		"a value of version -128": {"00000000", "ff8000000000"},
	} {
		key, _ := hex.DecodeString(c[0])
		value, _ := hex.DecodeString(c[1])
		if m, err := MarkerOf(key, value); !errors.Is(err, ErrMarker) {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
	if m, err := MarkerOf([]byte{0, 9, 0, 1, 5}, []byte{0, 9, 0, 0, 0, 4, 5}); m != (Marker{true, 4}) || err != nil {
		t.Errorf("of a later version: %+v, %v", m, err)
	}
}

// Whatever a control record holds: what is a marker is written as the same.
func FuzzMarker(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 7})
	f.Add([]byte{0, 0, 0, 0}, []byte{0, 0, 255, 255, 255, 255})
	f.Add([]byte{0, 1, 0, 2}, []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		m, err := MarkerOf(key, value)
		if err != nil {
			return
		}
		if got, ok, err := ReadMarker(m.Batch(1, 2, 3)); got != m || !ok || err != nil {
			t.Fatalf("%+v came back as %+v, %t, %v", m, got, ok, err)
		}
		b := NewBuilder(2, 3, -1)
		b.Control()
		b.Append(1, key, value, nil)
		if got, ok, err := ReadMarker(b.Bytes()); got != m || !ok || err != nil {
			t.Fatalf("%+v is %+v in a batch, %t, %v", m, got, ok, err)
		}
	})
}

// A control batch that is none is an error, and no more.
func FuzzReadMarker(f *testing.F) {
	f.Add(Marker{true, 7}.Batch(1, 2, 3).Contiguous())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, ok, err := ReadMarker(machine.Literal(b)); ok != (err == nil) && ok {
			t.Fatalf("%+v, %v", m, err)
		}
	})
}
