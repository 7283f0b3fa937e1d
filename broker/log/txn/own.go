package txn

import (
	"encoding/binary"
	"time"

	"brokersim/broker/log/coordinator"
)

// readOwn reads a value as [valueOf] writes it. own is false for any other, which may be one
// of Kafka's: a broker replays what it has appended a moment before, and kmsg takes ten
// allocations to read one tag.
func readOwn(value []byte) (r record, own bool) {
	c := cursor{b: value}
	own = c.uint16() == 1
	r.producer, r.epoch, r.timeout, r.state = int64(c.uint64()), int16(c.uint16()), time.Duration(int32(c.uint32()))*time.Millisecond, State(int8(c.uint8()))
	r.previous, r.next, r.last = none, none, none
	if n := c.length(3); n >= 0 && r.state != Empty {
		if n > 0 {
			r.partitions = make([]coordinator.TopicPartitions, n)
		}
		for i := range r.partitions {
			t := &r.partitions[i]
			t.Topic = string(c.take(c.length(1)))
			if k := c.length(4); k > 0 {
				t.Partitions = make([]int32, k)
			}
			for j := range t.Partitions {
				t.Partitions[j] = int32(c.uint32())
			}
			own = own && c.uint8() == 0
		}
	} else if n != null {
		own = false
	}
	r.updated, r.started = int64(c.uint64()), int64(c.uint64())
	last := -1
	for range c.uint8() { // a number of seven bits: there are four
		tag, size := c.uint8(), c.uint8()
		own = own && int(tag) > last
		last = int(tag)
		switch {
		case tag == previousTag && size == 8:
			r.previous = int64(c.uint64())
		case tag == nextTag && size == 8:
			r.next = int64(c.uint64())
		case tag == versionTag && size == 2:
			r.version = int16(c.uint16())
		case tag == lastEpochTag && size == 2:
			r.last = int16(c.uint16())
		default:
			own = false
		}
	}
	return r, own && !c.short && len(c.b) == 0
}

// cursor reads from the front. Once there is too little it reads zeros, and is short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short, c.b = true, nil
		return make([]byte, min(max(n, 0), 8))
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) uint8() uint8   { return c.take(1)[0] }
func (c *cursor) uint16() uint16 { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) uint32() uint32 { return binary.BigEndian.Uint32(c.take(4)) }
func (c *cursor) uint64() uint64 { return binary.BigEndian.Uint64(c.take(8)) }

// null is the length of what is null.
const null = -1

// length is that of something compact of which each takes at least least bytes.
func (c *cursor) length(least int) int {
	v, n := binary.Uvarint(c.b)
	if n <= 0 || v > uint64(len(c.b)) || (int(v)-1)*least > len(c.b)-n {
		c.short, c.b = true, nil
		return 0
	}
	c.b = c.b[n:]
	return int(v) - 1
}
