package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"brokersim/broker/machine"
)

// Kind is what a value is: the byte that it begins with.
type Kind byte

// The kinds of values.
const (
	Simple Kind = '+'
	Fault  Kind = '-' // an error
	Int    Kind = ':'
	Bulk   Kind = '$'
	Array  Kind = '*'
	Null   Kind = '_' // in either version
	Push   Kind = '>'
	Map    Kind = '%' // its pairs are in Elems, one after the other
)

// Value is what a broker has sent.
type Value struct {
	Kind  Kind
	Text  machine.Bytes // Simple, Fault, Bulk
	Int   int64
	Elems []Value // Array, Push, Map
}

const (
	maxDepth  = 8       // no answer of a pub/sub broker is deeper than 2
	maxValues = 1 << 20 // in one answer
)

var errNotWhole = errors.New("not one whole value")

// SplitValue returns how many bytes at the beginning of buf are one value; 0 if more must
// come.
func SplitValue(buf []byte) (n int, err error) {
	d := decoder{b: machine.Literal(buf)}
	if _, err := d.value(0); err != nil {
		if errors.Is(err, errNotWhole) {
			return 0, nil
		}
		return 0, err
	}
	return int(d.pos), nil
}

// DecodeValue reads one frame.
func DecodeValue(frame machine.Bytes) (Value, error) {
	d := decoder{b: frame}
	v, err := d.value(0)
	if err == nil && d.pos != frame.Len() {
		err = errNotWhole
	}
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

type decoder struct {
	b      machine.Bytes
	pos    int64
	values int
}

func (d *decoder) value(depth int) (v Value, err error) {
	if d.values++; depth > maxDepth || d.values > maxValues {
		return v, fmt.Errorf("a value of more than %d values, %d deep", maxValues, maxDepth)
	}
	line, err := d.line()
	if err != nil {
		return v, err
	}
	v.Kind = Kind(line[0])
	switch v.Kind {
	case Simple, Fault:
		v.Text = machine.Literal(line[1:])
		return v, nil
	case Null:
		return v, nil
	}
	n, ok := Integer(line[1:])
	switch {
	case !ok:
		return v, fmt.Errorf("%q is no number", line[1:])
	case v.Kind == Int:
		v.Int = n
		return v, nil
	case n == -1 && (v.Kind == Bulk || v.Kind == Array):
		return Value{Kind: Null}, nil
	case n < 0 || n > MaxBulk:
		return v, fmt.Errorf("a length of %d", n)
	}
	switch v.Kind {
	case Bulk:
		return v, d.bulk(&v, n)
	case Map:
		n *= 2
	case Array, Push:
	default:
		return v, fmt.Errorf("a value of unknown kind %q", line[0])
	}
	for range n {
		x, err := d.value(depth + 1)
		if err != nil {
			return v, err
		}
		v.Elems = append(v.Elems, x)
	}
	return v, nil
}

// line takes the next line, which is not empty.
func (d *decoder) line() ([]byte, error) {
	line, found := upTo(d.b, d.pos, '\r')
	switch {
	case !found && d.b.Len()-d.pos > MaxInline:
		return nil, errors.New("a line without an end")
	case !found || d.pos+int64(len(line))+2 > d.b.Len():
		return nil, errNotWhole
	case at(d.b, d.pos+int64(len(line))+1) != '\n':
		return nil, errors.New("a line that ends in a carriage return alone")
	case len(line) == 0:
		return nil, errors.New("an empty line")
	case bytes.IndexByte(line, '\n') >= 0:
		return nil, errors.New("a line that ends in a line feed alone")
	}
	d.pos += int64(len(line)) + 2
	return line, nil
}

func (d *decoder) bulk(v *Value, n int64) error {
	if d.pos+n+2 > d.b.Len() {
		return errNotWhole
	}
	if at(d.b, d.pos+n) != '\r' || at(d.b, d.pos+n+1) != '\n' {
		return errors.New("a bulk string that is longer than it says")
	}
	v.Text = d.b.Slice(d.pos, d.pos+n)
	d.pos += n + 2
	return nil
}

// Append writes the value as the broker of that version does.
func (v Value) Append(r *Reply) {
	switch v.Kind {
	case Simple:
		r.Simple(string(v.Text.Contiguous()))
	case Fault:
		r.Error(string(v.Text.Contiguous()))
	case Int:
		r.Int(v.Int)
	case Bulk:
		r.Bulk(v.Text)
	case Null:
		r.Null()
	case Push:
		r.Push(len(v.Elems))
	case Map:
		r.Map(len(v.Elems) / 2)
	default:
		r.Array(len(v.Elems))
	}
	for i := range v.Elems {
		v.Elems[i].Append(r)
	}
}

// String is the value as a person reads it: `["message" "orders" "hello"]`, `(error) ERR
// ...`, `(integer) 3`, `(nil)`.
func (v Value) String() string {
	switch v.Kind {
	case Simple:
		return string(v.Text.Contiguous())
	case Fault:
		return "(error) " + string(v.Text.Contiguous())
	case Int:
		return "(integer) " + strconv.FormatInt(v.Int, 10)
	case Bulk:
		return strconv.Quote(string(v.Text.Contiguous()))
	case Null:
		return "(nil)"
	}
	words := make([]string, len(v.Elems))
	for i := range v.Elems {
		words[i] = v.Elems[i].String()
	}
	list := strings.Join(words, " ")
	switch v.Kind {
	case Push:
		return ">[" + list + "]"
	case Map:
		return "{" + list + "}"
	}
	return "[" + list + "]"
}
