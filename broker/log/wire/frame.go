package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// MaxFrame is the largest frame that is taken, Kafka's default of
// socket.request.max.bytes.
const MaxFrame = 100 << 20

// What is wrong with bytes that are no frame: each means closing the connection,
// as Kafka does.
var (
	ErrFrameSize = errors.New("frame size is negative or above socket.request.max.bytes")
	ErrTruncated = errors.New("message ends early")
	ErrTrailing  = errors.New("bytes after the end of the message")
)

// Split returns the length of the first whole frame in buf, size prefix
// included; 0 if more bytes are needed. An error means that the connection
// cannot be understood any more.
func Split(buf []byte) (n int, err error) {
	if len(buf) < 4 {
		return 0, nil
	}
	size := int32(binary.BigEndian.Uint32(buf))
	if size < 0 || size > MaxFrame {
		return 0, ErrFrameSize
	}
	if len(buf)-4 < int(size) {
		return 0, nil
	}
	return 4 + int(size), nil
}

// scratch is memory that encoding and decoding use for a moment, so that a frame
// costs no more than its own bytes. What holds it serves one frame at a time.
type scratch struct {
	flat []byte // a message as it is being encoded
	cut  []byte // a message from outside, without its records
	// taken are the records of the answer that was read last.
	taken []Records
	plain plain // reads frames that are plain
	// found are the places of records in the message that is being encoded.
	found []place
}

// head begins a message, with room for its size.
func (s *scratch) head() []byte {
	if s.flat == nil {
		s.flat = make([]byte, 0, 256)
	}
	return append(s.flat[:0], 0, 0, 0, 0)
}

// message encodes a body after its header, which began with s.head, with the
// records spliced in, and puts the size before it.
func (s *scratch) message(head []byte, key int16, response bool, msg writable, records []Records) machine.Bytes {
	if answer, ok := msg.(*kmsg.FetchResponse); ok && response {
		if frame, ok := s.plainFrame(head, answer, records); ok {
			s.flat = head[:0]
			return frame
		}
	}
	start := len(head)
	flat := msg.AppendTo(head)
	s.flat = flat[:0]
	l, ok := carries(key, msg.GetVersion(), response, msg.IsFlexible())
	if !ok {
		frame := append(make([]byte, 0, len(flat)), flat...)
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
		return machine.Literal(frame)
	}
	return l.splice(s, flat, start, records)
}

// writable is a request or a response of kmsg.
type writable interface {
	AppendTo([]byte) []byte
	GetVersion() int16
	IsFlexible() bool
}

// splice puts the records into the message, whose body begins at an index of flat,
// as pieces of their own.
func (l layout) splice(s *scratch, flat []byte, body int, records []Records) machine.Bytes {
	w := walker{flat: flat[body:], flexible: l.flexible, found: slices.Grow(s.found[:0], len(records))}
	l.walk(&w)
	s.found = w.found[:0]
	if w.err != nil || len(w.found) != len(records) {
		panic(fmt.Sprintf("wire: %d places for %d records: %v", len(w.found), len(records), w.err))
	}
	// The lengths are written anew, so the pieces between them cannot stay
	// where they are when a length takes more bytes: build the small parts again.
	small := make([]byte, 0, len(flat)+8*len(records))
	var few [16]machine.Bytes
	parts := few[:0]
	from, start, size := 0, 0, int64(0)
	for i, p := range w.found {
		small = append(small, flat[from:body+p.at]...)
		small = p.appendLength(small, records[i].Len(), l.flexible)
		from = body + p.at + p.width
		if records[i].Len() == 0 { // as of most partitions in the answer to a follower
			continue
		}
		parts = append(parts, machine.Literal(small[start:]), records[i])
		start = len(small)
		size += records[i].Len()
	}
	small = append(small, flat[from:]...)
	size += int64(len(small))
	binary.BigEndian.PutUint32(small, uint32(size-4))
	return machine.Concat(append(parts, machine.Literal(small[start:]))...)
}

// read reads a body of which the walker has passed the header, and cuts its
// records out.
func read(w *walker, key int16, response bool, msg readable) (records []Records, err error) {
	switch msg := msg.(type) {
	case *kmsg.FetchResponse:
		if w.plainAnswer(msg) {
			return w.taken, nil
		}
	case *kmsg.FetchRequest:
		if w.plainFetch(msg) {
			return nil, nil
		}
	}
	l, ok := carries(key, msg.GetVersion(), response, msg.IsFlexible())
	if !ok {
		in := w.in.Take(w.in.Left()).Contiguous()
		if msg, ok := msg.(interface{ UnsafeReadFrom([]byte) error }); ok {
			return nil, msg.UnsafeReadFrom(in) // its strings are the frame's own bytes, which never change
		}
		return nil, msg.ReadFrom(in)
	}
	flat, records, err := l.cut(w)
	if err != nil {
		return nil, err
	}
	return records, msg.ReadFrom(flat) // which copies what it keeps, but for tags that nobody knows
}

type readable interface {
	writable
	ReadFrom([]byte) error
}

// open checks a frame's size prefix and returns a walker that stands behind it.
func (s *scratch) open(frame machine.Bytes) (walker, error) {
	if frame.Len() < 4 || frame.Len()-4 > MaxFrame {
		return walker{}, ErrFrameSize
	}
	w := over(frame, s.cut)
	w.plain = &s.plain
	if size := uint32(w.int32()); int64(size) != frame.Len()-4 {
		return walker{}, ErrFrameSize
	}
	return w, nil
}
