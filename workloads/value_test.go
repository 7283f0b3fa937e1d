package workloads

import (
	"bytes"
	"encoding/binary"
	"testing"

	"brokersim/broker/log/wire"
)

// Whatever bit of a value is changed, and under whichever other key it stands, it
// is told.
func TestValueTellsEveryChange(t *testing.T) {
	key := binary.BigEndian.AppendUint64(nil, 7)
	value := make([]byte, 40)
	putValue(value, 1001*valuesOfProcess+5, 7)
	if id, k, err := readValue(value, key); id != 1001*valuesOfProcess+5 || k != 7 || err != nil {
		t.Fatalf("read %d, %d, %v", id, k, err)
	}
	for bit := range 8 * len(value) {
		value[bit/8] ^= 1 << (bit % 8)
		if _, _, err := readValue(value, key); err == nil {
			t.Errorf("bit %d was changed and nobody has noticed", bit)
		}
		value[bit/8] ^= 1 << (bit % 8)
	}
	for _, other := range [][]byte{nil, {}, key[:7], append(key[:7:7], 8), append(key[:8:8], 0)} {
		if _, _, err := readValue(value, other); err == nil {
			t.Errorf("stands under %x and nobody has noticed", other)
		}
	}
	putValue(value, 3, noKey)
	if _, k, err := readValue(value, nil); k != noKey || err != nil {
		t.Errorf("without a key: %d, %v", k, err)
	}
	if _, _, err := readValue(value, key); err == nil {
		t.Error("has got a key and nobody has noticed")
	}
}

func FuzzReadValue(f *testing.F) {
	key := binary.BigEndian.AppendUint64(nil, 7)
	value := make([]byte, MinValue)
	putValue(value, 5, 7)
	f.Add(value, key)
	f.Add(value[:MinValue-1], key)
	f.Fuzz(func(t *testing.T, value, key []byte) {
		id, k, err := readValue(value, key)
		if err != nil {
			return
		}
		again := bytes.Clone(value)
		putValue(again, id, k)
		if !bytes.Equal(again, value) {
			t.Fatalf("%x reads as %d, %d, which is %x", value, id, k, again)
		}
	})
}

func FuzzDecodePositions(f *testing.F) {
	f.Add(encodePositions(nil, true))
	f.Add(encodePositions([]position{{tp: wire.TP{Topic: "t", Partition: 3}, done: place{5, 1}, next: place{9, 2}}, {tp: wire.TP{Topic: "orders"}, done: nowhere, next: nowhere}}, false))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		// The checksum keeps chance away from what is behind it, so it is put right.
		if len(b) >= 4 {
			b = binary.BigEndian.AppendUint32(bytes.Clone(b[:len(b)-4]), checksum(b[:len(b)-4]))
		}
		list, first, err := decodePositions(b)
		if err == nil && !bytes.Equal(encodePositions(list, first), b) {
			t.Fatalf("%x reads as %+v", b, list)
		}
	})
}

func TestDecodePositionsOfAnythingElse(t *testing.T) {
	whole := encodePositions([]position{{tp: wire.TP{Topic: "t", Partition: 3}, done: place{5, 1}, next: place{9, 2}}}, false)
	for n := range whole {
		if _, _, err := decodePositions(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are taken for a whole file", n, len(whole))
		}
		changed := bytes.Clone(whole)
		changed[n] ^= 1
		if _, _, err := decodePositions(changed); err == nil {
			t.Errorf("byte %d was changed and nobody has noticed", n)
		}
	}
	if _, _, err := decodePositions(append(whole, 0)); err == nil {
		t.Error("a byte more is taken for a whole file")
	}
}
