package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Stretch is consecutive records of one batch, as a Bulk consumer hands them over.
type Stretch struct {
	From, To int64 // the offsets of its first record, and after its last
	Header   wire.Batch
	Batch    machine.Bytes // all of it
}

// Count is how many records it has.
func (s *Stretch) Count() int64 { return s.To - s.From }

// Each calls f for its records in order, with their offsets and timestamps in ms. An
// error is one of records that are not what their batch says, which a checksum does
// not find.
func (s *Stretch) Each(f func(offset, time int64, o *wire.Outline)) error {
	return wire.EachOutline(s.Batch, func(o *wire.Outline) error {
		if offset := s.Header.BaseOffset + int64(o.OffsetDelta); offset >= s.From && offset < s.To {
			f(offset, s.Header.BaseTimestamp+o.TimestampDelta, o)
		}
		return nil
	})
}

// empty reports whether nothing of the partition waits to be handed over.
func (a *assigned) empty() bool { return len(a.buffer) == 0 && len(a.stretches) == 0 }

func (a *assigned) drop() { a.buffer, a.stretches = nil, nil }

// buffered is how many records wait to be handed over.
func (a *assigned) buffered() int {
	n := len(a.buffer)
	for i := range a.stretches {
		n += int(a.left(&a.stretches[i]))
	}
	return n
}

// left is how many records of a stretch have not been handed over.
func (a *assigned) left(s *Stretch) int64 { return s.To - max(s.From, a.offset) }

// take hands over at most limit records, at least one.
func (a *assigned) take(limit int32) Polled {
	x := Polled{TP: a.tp}
	if len(a.buffer) > 0 {
		n := min(len(a.buffer), int(limit))
		x.Records, a.buffer = a.buffer[:n:n], a.buffer[n:]
		a.offset, a.epoch = x.Records[n-1].Offset+1, x.Records[n-1].Epoch
	} else {
		x.Stretches = a.cut(int64(limit))
		last := x.Stretches[len(x.Stretches)-1]
		a.offset, a.epoch = last.To, last.Header.LeaderEpoch
	}
	if a.empty() {
		a.drop()
		a.offset, a.epoch = a.next, a.nextEp
	}
	x.Next, x.Epoch = a.offset, a.epoch
	return x
}

// cut takes the first stretches with at most limit records together, of which the
// first and the last may be parts of what was read.
func (a *assigned) cut(limit int64) []Stretch {
	n := 0
	for n < len(a.stretches) && limit > 0 {
		limit -= a.left(&a.stretches[n])
		n++
	}
	out := a.stretches[:n:n]
	if out[0].From < a.offset || limit < 0 {
		out = slices.Clone(out) // what the fetch shows stays
		out[0].From = max(out[0].From, a.offset)
	}
	if limit < 0 {
		out[n-1].To += limit
		n--
	}
	a.stretches = a.stretches[n:]
	return out
}

// count is how many records it has.
func (x *Polled) count() int32 {
	n := int32(len(x.Records))
	for i := range x.Stretches {
		n += int32(x.Stretches[i].Count())
	}
	return n
}
