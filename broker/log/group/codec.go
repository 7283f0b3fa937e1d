package group

import (
	"encoding/binary"
	"errors"
)

// encoder writes Kafka's generated format: what is flexible has compact lengths and tags, a
// key does not.
type encoder struct{ b []byte }

func (e *encoder) int8(v int8)     { e.b = append(e.b, byte(v)) }
func (e *encoder) int16(v int16)   { e.b = binary.BigEndian.AppendUint16(e.b, uint16(v)) }
func (e *encoder) int32(v int32)   { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }
func (e *encoder) int64(v int64)   { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }
func (e *encoder) uvarint(v int)   { e.b = binary.AppendUvarint(e.b, uint64(v)) }
func (e *encoder) uuid(v [16]byte) { e.b = append(e.b, v[:]...) }
func (e *encoder) tags()           { e.uvarint(0) }
func (e *encoder) array(n int)     { e.uvarint(n + 1) }
func (e *encoder) string(s string) { e.uvarint(len(s) + 1); e.b = append(e.b, s...) }
func (e *encoder) bytes(b []byte)  { e.uvarint(len(b) + 1); e.b = append(e.b, b...) }
func (e *encoder) strings(s []string) {
	e.array(len(s))
	for _, x := range s {
		e.string(x)
	}
}

func (e *encoder) nullable(s *string) {
	if s == nil {
		e.uvarint(0)
		return
	}
	e.string(*s)
}

func (e *encoder) int32s(v []int32) {
	e.array(len(v))
	for _, x := range v {
		e.int32(x)
	}
}

// plain is a string of a key.
func (e *encoder) plain(s string) {
	e.int16(int16(len(s)))
	e.b = append(e.b, s...)
}

var (
	errShort = errors.New("it ends too early")
	errNull  = errors.New("it has a null where there must be a value")
	errHuge  = errors.New("it has a length beyond its end")
)

// decoder reads what an encoder has written. After the first error it reads zeros.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err, d.b = err, nil
	}
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.b) {
		d.fail(errShort)
		return make([]byte, min(max(n, 0), 16))
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) int8() int8   { return int8(d.take(1)[0]) }
func (d *decoder) int16() int16 { return int16(binary.BigEndian.Uint16(d.take(2))) }
func (d *decoder) int32() int32 { return int32(binary.BigEndian.Uint32(d.take(4))) }
func (d *decoder) int64() int64 { return int64(binary.BigEndian.Uint64(d.take(8))) }

func (d *decoder) uuid() (id [16]byte) {
	copy(id[:], d.take(16))
	return id
}

func (d *decoder) uvarint() int {
	v, n := binary.Uvarint(d.b)
	if d.err != nil || n <= 0 || v > 1<<31-1 {
		d.fail(errShort)
		return 0
	}
	d.b = d.b[n:]
	return int(v)
}

// length is that of something of which each takes at least least bytes; -1 for null.
func (d *decoder) length(least int) int {
	n := d.uvarint() - 1
	if n*least > len(d.b) {
		d.fail(errHuge)
		return 0
	}
	return n
}

func (d *decoder) nullable() *string {
	n := d.length(1)
	if n < 0 || d.err != nil {
		return nil
	}
	s := string(d.take(n))
	return &s
}

func (d *decoder) string() string {
	s := d.nullable()
	if s == nil {
		d.fail(errNull)
		return ""
	}
	return *s
}

func (d *decoder) bytes() []byte {
	n := d.length(1)
	if n < 0 {
		d.fail(errNull)
	}
	if d.err != nil {
		return nil
	}
	return append([]byte{}, d.take(n)...)
}

// array is the number of elements, none for null.
func (d *decoder) array(least int) int {
	n := d.length(least)
	if n < 0 {
		d.fail(errNull)
		return 0
	}
	return n
}

func (d *decoder) strings() []string {
	var s []string
	for range d.array(1) {
		s = append(s, d.string())
	}
	return s
}

func (d *decoder) int32s() []int32 {
	var v []int32
	for range d.array(4) {
		v = append(v, d.int32())
	}
	return v
}

// tags passes over those that nobody knows; known is given the others, and reads them.
func (d *decoder) tags(known func(tag int) bool) {
	for range d.uvarint() {
		tag, size := d.uvarint(), d.uvarint()
		if d.err != nil || size > len(d.b) {
			d.fail(errHuge)
			return
		}
		rest := d.b[size:]
		d.b = d.b[:size]
		if known != nil {
			known(tag)
		}
		if d.err != nil {
			return
		}
		d.b = rest
	}
}

func (d *decoder) plain() string {
	n := int(d.int16())
	if n < 0 {
		d.fail(errNull)
		return ""
	}
	if n > len(d.b) {
		d.fail(errHuge)
		return ""
	}
	return string(d.take(n))
}
