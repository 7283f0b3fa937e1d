package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Table is a field table (4.2.5.5). The order is kept: what is forwarded leaves as it
// came.
type Table []Field

// Field is a named value of a table: nil, bool, int8, uint8, int16, uint16, int32,
// uint32, int64, [Float], [Double], [Decimal], string, []byte, [Timestamp], [Table] or
// [Array].
type Field struct {
	Key   string
	Value any
}

// Array is a field array.
type Array []any

// Timestamp is a time in seconds since 1970 (4.2.5.4).
type Timestamp uint64

// Float and Double are the bits of an IEEE 754 number: they are passed on and never
// calculated with.
type (
	Float  uint32
	Double uint64
)

// Decimal is Value / 10^Scale.
type Decimal struct {
	Scale uint8
	Value uint32
}

// maxDepth is how deeply tables and arrays may be nested.
const maxDepth = 32

// Get returns the first value of that name, and whether there is one.
func (t Table) Get(key string) (any, bool) {
	for _, f := range t {
		if f.Key == key {
			return f.Value, true
		}
	}
	return nil, false
}

// Text is the string of that name; ok says that there is one.
func (t Table) Text(key string) (s string, ok bool) {
	v, _ := t.Get(key)
	s, ok = v.(string)
	return s, ok
}

// Int is a number of that name, whatever its width; is says that it is a number, and
// ok that there is a value of that name.
func (t Table) Int(key string) (n int64, is, ok bool) {
	v, ok := t.Get(key)
	n, is = Integer(v)
	return n, is, ok
}

// Integer is the number that a value holds, if it holds one.
func Integer(v any) (n int64, is bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int64:
		return v, true
	}
	return 0, false
}

// With returns a copy of t in which a field has another value, at its place or at the
// end.
func (t Table) With(key string, value any) Table {
	t = slices.Clone(t)
	for i := range t {
		if t[i].Key == key {
			t[i].Value = value
			return t
		}
	}
	return append(t, Field{key, value})
}

// table is a table in a method or a header.
func (c *coder) table(t *Table) { c.nested(t, 0) }

func (c *coder) nested(t *Table, depth int) {
	if depth > maxDepth {
		c.fail(ErrDepth)
		return
	}
	if !c.reading {
		c.sized(func() {
			for i := range *t {
				c.shortstr(&(*t)[i].Key)
				c.value(&(*t)[i].Value, depth)
			}
		})
		return
	}
	*t = nil
	c.within(func() {
		var f Field
		c.shortstr(&f.Key)
		c.value(&f.Value, depth)
		if c.err == nil {
			*t = append(*t, f)
		}
	})
}

func (c *coder) array(a *Array, depth int) {
	if depth > maxDepth {
		c.fail(ErrDepth)
		return
	}
	if !c.reading {
		c.sized(func() {
			for i := range *a {
				c.value(&(*a)[i], depth)
			}
		})
		return
	}
	*a = Array{}
	c.within(func() {
		var v any
		c.value(&v, depth)
		if c.err == nil {
			*a = append(*a, v)
		}
	})
}

// sized writes what body writes behind its length.
func (c *coder) sized(body func()) {
	at := len(c.buf)
	c.buf = append(c.buf, 0, 0, 0, 0)
	body()
	n := uint32(len(c.buf) - at - 4)
	c.buf[at], c.buf[at+1], c.buf[at+2], c.buf[at+3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
}

// within reads one item after the other until the length in front of them is used up.
func (c *coder) within(item func()) {
	var n uint32
	c.long(&n)
	if uint64(n) > uint64(len(c.buf)) {
		c.fail(ErrShort)
	}
	if c.err != nil {
		return
	}
	rest := c.buf[n:]
	c.buf = c.buf[:n:n]
	for len(c.buf) > 0 && c.err == nil {
		item()
	}
	if c.err == nil {
		c.buf = rest
	}
}

// value is a field value behind its type. The letters are RabbitMQ's, which differ
// from the specification's: see the errata.
func (c *coder) value(v *any, depth int) {
	kind := kindOf(*v)
	if !c.reading && kind == 0 {
		c.fail(ErrValue)
		return
	}
	c.octet(&kind)
	if c.err != nil {
		return
	}
	switch kind {
	case 'V':
		*v = nil
	case 't':
		b, _ := (*v).(bool)
		c.bits(&b)
		*v = b
	case 'b':
		typed(v, func(x *int8) { u := uint8(*x); c.octet(&u); *x = int8(u) })
	case 'B':
		typed(v, c.octet)
	case 's':
		typed(v, func(x *int16) { u := uint16(*x); c.short(&u); *x = int16(u) })
	case 'u':
		typed(v, c.short)
	case 'I':
		typed(v, func(x *int32) { u := uint32(*x); c.long(&u); *x = int32(u) })
	case 'i':
		typed(v, c.long)
	case 'l':
		typed(v, func(x *int64) { u := uint64(*x); c.longlong(&u); *x = int64(u) })
	case 'f':
		typed(v, func(x *Float) { c.long((*uint32)(x)) })
	case 'd':
		typed(v, func(x *Double) { c.longlong((*uint64)(x)) })
	case 'D':
		typed(v, func(x *Decimal) { c.octet(&x.Scale); c.long(&x.Value) })
	case 'T':
		typed(v, func(x *Timestamp) { c.longlong((*uint64)(x)) })
	case 'S':
		typed(v, c.longstr)
	case 'x':
		typed(v, func(x *[]byte) { s := string(*x); c.longstr(&s); *x = []byte(s) })
	case 'F':
		typed(v, func(x *Table) { c.nested(x, depth+1) })
	case 'A':
		typed(v, func(x *Array) { c.array(x, depth+1) })
	default:
		c.fail(fmt.Errorf("%w: %q", ErrValue, kind))
	}
}

// typed codes a value of type T.
func typed[T any](v *any, code func(*T)) {
	x, _ := (*v).(T)
	code(&x)
	*v = x
}

// kindOf is the letter of a value's type; 0 if it has none.
func kindOf(v any) uint8 {
	switch v.(type) {
	case nil:
		return 'V'
	case bool:
		return 't'
	case int8:
		return 'b'
	case uint8:
		return 'B'
	case int16:
		return 's'
	case uint16:
		return 'u'
	case int32:
		return 'I'
	case uint32:
		return 'i'
	case int64:
		return 'l'
	case Float:
		return 'f'
	case Double:
		return 'd'
	case Decimal:
		return 'D'
	case Timestamp:
		return 'T'
	case string:
		return 'S'
	case []byte:
		return 'x'
	case Table:
		return 'F'
	case Array:
		return 'A'
	}
	return 0
}

// String is the table as people read it: {x-max-length: 5, x-overflow: drop-head}.
func (t Table) String() string {
	parts := make([]string, len(t))
	for i, f := range t {
		parts[i] = f.Key + ": " + show(f.Value)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func show(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case Array:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = show(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []byte:
		return strconv.Quote(string(v))
	}
	return fmt.Sprint(v)
}
