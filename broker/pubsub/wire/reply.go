package wire

import (
	"strconv"
	"strings"

	"brokersim/broker/machine"
)

// Reply is an answer, or a push, that is being written. The zero value is of version 2 of
// the protocol.
type Reply struct {
	Version3 bool // maps, pushes and null are of version 3
	parts    []machine.Bytes
	tail     []byte
}

// copied is the length up to which a bulk string is copied: shorter pieces cost more than
// the copy.
const copied = 128

// Frame is what was written.
func (r *Reply) Frame() machine.Bytes {
	if len(r.parts) == 0 {
		return machine.Literal(r.tail)
	}
	r.flush()
	return machine.Concat(r.parts...)
}

func (r *Reply) flush() {
	if len(r.tail) > 0 {
		r.parts = append(r.parts, machine.Literal(r.tail))
		r.tail = nil
	}
}

func (r *Reply) head(kind byte, n int64) {
	r.tail = append(r.tail, kind)
	r.tail = strconv.AppendInt(r.tail, n, 10)
	r.tail = append(r.tail, "\r\n"...)
}

// Simple writes a short text such as "OK".
func (r *Reply) Simple(text string) { r.tail = append(append(append(r.tail, '+'), text...), "\r\n"...) }

// Error writes an error. As in Redis, what would end the line is a space.
func (r *Reply) Error(text string) {
	text = strings.NewReplacer("\r", " ", "\n", " ").Replace(text)
	r.tail = append(append(append(r.tail, '-'), text...), "\r\n"...)
}

// Int writes a number.
func (r *Reply) Int(n int64) { r.head(':', n) }

// Bulk writes bytes.
func (r *Reply) Bulk(b machine.Bytes) {
	r.head('$', b.Len())
	if b.Len() <= copied {
		r.tail = b.AppendTo(r.tail)
	} else {
		r.flush()
		r.parts = append(r.parts, b)
	}
	r.tail = append(r.tail, "\r\n"...)
}

// Text writes a text as bytes.
func (r *Reply) Text(s string) { r.Bulk(machine.Literal([]byte(s))) }

// Null writes nothing at all.
func (r *Reply) Null() {
	if r.Version3 {
		r.tail = append(r.tail, "_\r\n"...)
	} else {
		r.tail = append(r.tail, "$-1\r\n"...)
	}
}

// Array begins an array of n values.
func (r *Reply) Array(n int) { r.head('*', int64(n)) }

// Push begins a push of n values: what nobody has asked for. In version 2 it is an array.
func (r *Reply) Push(n int) {
	if r.Version3 {
		r.head('>', int64(n))
	} else {
		r.Array(n)
	}
}

// Map begins n pairs. In version 2 they are an array.
func (r *Reply) Map(n int) {
	if r.Version3 {
		r.head('%', int64(n))
	} else {
		r.Array(2 * n)
	}
}
