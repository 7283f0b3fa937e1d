package wire

import (
	"encoding/binary"
	"errors"
	"slices"

	"brokersim/broker/machine"
)

// Records are the record batches of one partition in a Produce request or a
// Fetch response. They travel beside the message, in the order in which its
// partitions stand, and the message's own Records fields are empty: kmsg would
// copy them.
type Records = machine.Bytes

// layout is a body that carries records.
type layout struct {
	response bool // of Fetch; else a request of Produce
	version  int16
	flexible bool
}

// walk passes the body. It is no function in a field: then every walker would
// have to be on the heap.
func (l layout) walk(w *walker) {
	if l.response {
		walkFetch(w, l.version)
	} else {
		walkProduce(w)
	}
}

// place is where the length of a records field stands in a body without
// records.
type place struct{ at, width int }

func (place) appendLength(dst []byte, n int64, flexible bool) []byte {
	if flexible {
		return binary.AppendUvarint(dst, uint64(n+1))
	}
	return binary.BigEndian.AppendUint32(dst, uint32(n))
}

// walker passes over a body field by field. Over a flat body of ours it finds
// the places of the records; over a frame it cuts the records out and copies
// everything else, so that kmsg can read it.
type walker struct {
	flexible bool
	err      error

	flat  []byte // a body of ours, with empty records
	found []place

	in    machine.Cursor // over a message from outside
	out   []byte         // the same with empty records
	taken []Records
	at    int64
	plain *plain // to read with, if somebody has one
}

// over makes a walker of a message from outside; what it copies goes to buf.
func over(in machine.Bytes, buf []byte) walker {
	return walker{in: in.Cursor(), out: buf[:0]}
}

// pass moves over n bytes, copying them if they came from outside, and returns
// them; they are valid until the next call.
func (w *walker) pass(n int64) []byte {
	if w.err != nil {
		return nil
	}
	if w.flat != nil {
		if n > int64(len(w.flat))-w.at {
			w.err = ErrTruncated
			return nil
		}
		w.at += n
		return w.flat[w.at-n : w.at]
	}
	if n < 0 || n > w.in.Left() {
		w.err = ErrTruncated
		return nil
	}
	w.at += n
	start := len(w.out)
	w.out = w.in.Append(w.out, n)
	return w.out[start:]
}

func (w *walker) int32() int32 {
	if b := w.pass(4); w.err == nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (w *walker) int16() int16 {
	if b := w.pass(2); w.err == nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (w *walker) uvarint() int64 {
	var x uint64
	for shift := 0; shift < 35; shift += 7 {
		b := w.pass(1)
		if w.err != nil {
			return 0
		}
		x |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			return int64(x)
		}
	}
	w.err = ErrTruncated
	return 0
}

// size passes the length of a string, of bytes or of an array; -1 is null.
func (w *walker) size(width int) int64 {
	switch {
	case w.flexible:
		return w.uvarint() - 1
	case width == 2:
		return int64(w.int16())
	}
	return int64(w.int32())
}

func (w *walker) string() { w.pass(max(w.size(2), 0)) }

// array passes an array; each is called for every element.
func (w *walker) array(each func()) { w.elements(w.size(4), each) }

// elements passes the n elements of an array. Each takes a byte at least or is an
// error, so that no length can keep the walker busy.
func (w *walker) elements(n int64, each func()) {
	for ; n > 0 && w.err == nil; n-- {
		each()
	}
}

// tags passes the tagged fields that end every structure of a flexible message
// (KIP-482).
func (w *walker) tags() {
	if !w.flexible {
		return
	}
	for n := w.uvarint(); n > 0 && w.err == nil; n-- {
		w.uvarint()
		w.pass(w.uvarint())
	}
}

// records passes a records field.
func (w *walker) records() {
	if w.flat != nil {
		at := w.at
		if n := w.size(4); n > 0 && w.err == nil {
			w.err = errors.New("records inside a message")
			return
		}
		w.found = append(w.found, place{int(at), int(w.at - at)})
		return
	}
	mark := len(w.out)
	n := w.size(4)
	if w.err != nil {
		return
	}
	n = max(n, 0) // null is empty
	if n > w.in.Left() {
		w.err = ErrTruncated
		return
	}
	w.out = place{}.appendLength(w.out[:mark], 0, w.flexible)
	w.taken = append(w.taken, w.in.Take(n))
	w.at += n
}

// partitions passes an array of partitions, which have records.
func (w *walker) partitions(each func()) {
	n := w.size(4)
	if w.flat == nil && w.err == nil && n > 0 {
		const least = 6 // bytes that a partition takes
		w.taken = slices.Grow(w.taken, int(min(n, w.in.Left()/least)))
	}
	w.elements(n, each)
}

// walkProduce passes a Produce request of versions 3 to 12, flexible from 9.
func walkProduce(w *walker) {
	w.string() // transactional id
	w.pass(2)  // acks
	w.pass(4)  // timeout
	w.array(func() {
		w.string() // topic
		w.partitions(func() {
			w.pass(4) // partition
			w.records()
			w.tags()
		})
		w.tags()
	})
	w.tags()
}

// walkFetch passes a Fetch response of versions 4 to 15, flexible from 12; from 13
// on topics go by their ids (KIP-516).
func walkFetch(w *walker, version int16) {
	w.pass(4) // throttle time
	if version >= 7 {
		w.pass(2) // error code
		w.pass(4) // session id
	}
	w.array(func() {
		if version >= 13 {
			w.pass(16) // topic id
		} else {
			w.string() // topic
		}
		w.partitions(func() {
			w.pass(4 + 2 + 8 + 8) // partition, error code, high watermark, last stable offset
			if version >= 5 {
				w.pass(8) // log start offset
			}
			w.array(func() { // aborted transactions
				w.pass(8 + 8)
				w.tags()
			})
			if version >= 11 {
				w.pass(4) // preferred read replica
			}
			w.records()
			w.tags()
		})
		w.tags()
	})
	w.tags()
}

// carries returns the layout of a body, and whether it carries records.
func carries(key, version int16, response, flexible bool) (layout, bool) {
	l := layout{response, version, flexible}
	switch {
	case key == Produce && !response:
		return l, version >= 3 && version <= 12
	case key == Fetch && response:
		return l, version >= 4 && version <= 15
	}
	return l, false
}

// cut separates the records of a body from the rest. The walker has passed the
// header.
func (l layout) cut(w *walker) (body []byte, records []Records, err error) {
	w.out, w.flexible = w.out[:0], l.flexible
	l.walk(w)
	switch {
	case w.err != nil:
		return nil, nil, w.err
	case w.in.Left() > 0:
		return nil, nil, ErrTrailing
	}
	return w.out, w.taken, nil
}
