package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// maxDepth bounds how deep unknown fields may nest.
const maxDepth = 64

// scan reads the JSON of one line in place. The shape of a history is known,
// so there are no intermediate values; the first error sticks, and after it
// every call does nothing.
type scan struct {
	b   []byte
	i   int
	err error
	buf []byte // of the last string that had escapes
}

// problem is an error at a byte of the line.
type problem struct {
	at   int
	text string
}

func (p *problem) Error() string { return p.text }

func (s *scan) fail(at int, format string, args ...any) {
	if s.err == nil {
		s.err = &problem{at, fmt.Sprintf(format, args...)}
		s.i = len(s.b)
	}
}

var errEnd = errors.New("unexpected end of line")

// peek skips white space and returns the next byte, 0 at the end.
func (s *scan) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return c
		}
	}
	return 0
}

func (s *scan) end() {
	if s.err == nil {
		s.err = &problem{len(s.b), errEnd.Error() + ": cut short?"}
	}
}

func (s *scan) expect(c byte) {
	switch got := s.peek(); {
	case got == c:
		s.i++
	case s.i >= len(s.b):
		s.end()
	default:
		s.fail(s.i, "expected %q, not %q", c, got)
	}
}

// next steps through an object or array: after its opening and between
// elements. It reports whether another element follows; first says that none
// came before.
func (s *scan) next(closing byte, first bool) bool {
	if s.err != nil {
		return false
	}
	c := s.peek()
	if c == closing {
		s.i++
		return false
	}
	if first {
		if s.i >= len(s.b) {
			s.end()
		}
		return s.err == nil
	}
	s.expect(',')
	return s.err == nil
}

// str reads a string. The bytes are good until the next call.
func (s *scan) str() []byte {
	s.expect('"')
	if s.err != nil {
		return nil
	}
	start := s.i
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1]
		case c == '\\' || c >= 0x80:
			return s.escaped(start)
		case c < 0x20:
			s.fail(s.i, "control character in a string")
			return nil
		}
	}
	s.end()
	return nil
}

// escaped reads the rest of a string that is not plain ASCII: seldom, so the
// standard library may be slow.
func (s *scan) escaped(start int) []byte {
	for ; s.i < len(s.b); s.i++ {
		switch s.b[s.i] {
		case '\\':
			s.i++
		case '"':
			s.i++
			var text string
			if err := json.Unmarshal(s.b[start-1:s.i], &text); err != nil {
				s.fail(start-1, "string: %v", err)
				return nil
			}
			s.buf = append(s.buf[:0], text...)
			return s.buf
		}
	}
	s.i = len(s.b)
	s.end()
	return nil
}

// name reads an object's next name and the colon behind it.
func (s *scan) name() []byte {
	n := s.str()
	if s.err == nil && s.peek() == ':' {
		s.i++
		return n
	}
	s.expect(':')
	return nil
}

// int reads an integer between lo and hi.
func (s *scan) int(lo, hi int64) int64 {
	c := s.peek()
	if s.err != nil {
		return 0
	}
	at := s.i
	neg := c == '-'
	if neg {
		s.i++
	}
	var v uint64
	digits := s.i
	for s.i < len(s.b) && s.b[s.i]-'0' <= 9 {
		if v > math.MaxInt64/10 {
			s.fail(at, "number does not fit in 64 bits")
			return 0
		}
		v = v*10 + uint64(s.b[s.i]-'0')
		s.i++
	}
	n := int64(v)
	if neg {
		n = -n
	}
	switch {
	case s.i == digits && s.i >= len(s.b):
		s.end()
	case s.i == digits:
		s.fail(at, "expected an integer, not %q", s.b[at])
	case s.b[digits] == '0' && s.i > digits+1:
		s.fail(at, "integer with a leading zero")
	case s.i < len(s.b) && (s.b[s.i] == '.' || s.b[s.i] == 'e' || s.b[s.i] == 'E'):
		s.fail(at, "expected an integer, not a fraction")
	case v > math.MaxInt64 && !(neg && v == 1<<63):
		s.fail(at, "number does not fit in 64 bits")
	case n < lo || n > hi:
		s.fail(at, "%d is not between %d and %d", n, lo, hi)
	default:
		return n
	}
	return 0
}

// null skips a null and reports whether there was one.
func (s *scan) null() bool {
	if s.peek() != 'n' {
		return false
	}
	s.word("null")
	return true
}

func (s *scan) word(w string) {
	if len(s.b)-s.i < len(w) {
		if string(s.b[s.i:]) == w[:len(s.b)-s.i] {
			s.i = len(s.b)
			s.end()
			return
		}
	} else if string(s.b[s.i:s.i+len(w)]) == w {
		s.i += len(w)
		return
	}
	s.fail(s.i, "expected %s", w)
}

func (s *scan) bool() bool {
	switch s.peek() {
	case 't':
		s.word("true")
		return s.err == nil
	case 'f':
		s.word("false")
		return false
	}
	if s.i >= len(s.b) {
		s.end()
	} else {
		s.fail(s.i, "expected true or false")
	}
	return false
}

// skip passes over any value.
func (s *scan) skip(depth int) {
	if depth > maxDepth {
		s.fail(s.i, "nested deeper than %d", maxDepth)
		return
	}
	switch c := s.peek(); c {
	case '{':
		s.i++
		for first := true; s.next('}', first); first = false {
			s.name()
			s.skip(depth + 1)
		}
	case '[':
		s.i++
		for first := true; s.next(']', first); first = false {
			s.skip(depth + 1)
		}
	case '"':
		s.str()
	case 't', 'f':
		s.bool()
	case 'n':
		s.null()
	default:
		s.number()
	}
}

// number passes over any JSON number.
func (s *scan) number() {
	at := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			s.i++
			continue
		}
		break
	}
	if s.err == nil && !json.Valid(s.b[at:s.i]) {
		if at >= len(s.b) {
			s.end()
		} else {
			s.fail(at, "expected a value, not %s", strconv.QuoteRune(rune(s.b[at])))
		}
	}
}
