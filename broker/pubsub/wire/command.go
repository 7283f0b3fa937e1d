package wire

import (
	"bytes"
	"errors"
	"math"

	"brokersim/broker/machine"
)

// Redis's limits on what a client may send.
const (
	// MaxInline is the most bytes of a line: PROTO_INLINE_MAX_SIZE.
	MaxInline = 64 << 10
	// MaxBulk is the most bytes of one argument: proto-max-bulk-len.
	MaxBulk = 512 << 20
	// MaxQuery is the most bytes of a command: client-query-buffer-limit.
	MaxQuery = 1 << 30
)

// Error is a sentence that Redis answers, without the dash before it, before it hangs up.
type Error string

func (e Error) Error() string { return string(e) }

// ErrQueryBuffer is a command that is too long to be answered: Redis hangs up at once.
var ErrQueryBuffer = errors.New("the query buffer limit is reached")

// Command is what a client wants: its name and its arguments. A line without words has
// none, and is not answered.
type Command struct {
	Args []machine.Bytes
}

// Split returns how many bytes at the beginning of buf are one command; 0 if more must
// come. What cannot be a command is one frame as far as it goes: whoever decodes it learns
// why.
func Split(buf []byte) (n int, err error) {
	whole, end, err := parse(machine.Literal(buf), func(machine.Bytes) {})
	switch {
	case err != nil:
		return len(buf), nil
	case !whole:
		return 0, nil
	}
	return int(end), nil
}

// DecodeCommand reads one frame. The error is an [Error], or [ErrQueryBuffer].
func DecodeCommand(frame machine.Bytes) (Command, error) {
	var c Command
	whole, end, err := parse(frame, func(arg machine.Bytes) { c.Args = append(c.Args, arg) })
	switch {
	case err != nil:
		return Command{}, err
	case !whole || end != frame.Len():
		return Command{}, Error("ERR Protocol error: not one whole command")
	}
	return c, nil
}

// EncodeCommand is a command as clients send it: an array of bulk strings. Arguments are
// not copied if they are long.
func EncodeCommand(args ...machine.Bytes) machine.Bytes {
	var r Reply
	r.Array(len(args))
	for _, a := range args {
		r.Bulk(a)
	}
	return r.Frame()
}

// Words are arguments as bytes.
func Words(args ...string) []machine.Bytes {
	list := make([]machine.Bytes, len(args))
	for i, a := range args {
		list[i] = machine.Literal([]byte(a))
	}
	return list
}

// parse calls arg for each argument of the command at the beginning of b. It reports
// whether all of it is there, and where it ends.
func parse(b machine.Bytes, arg func(machine.Bytes)) (whole bool, end int64, err error) {
	if b.Len() > 0 && at(b, 0) == '*' {
		whole, end, err = multibulk(b, arg)
	} else {
		whole, end, err = inline(b, arg)
	}
	if err == nil && (end > MaxQuery || !whole && b.Len() > MaxQuery) {
		err = ErrQueryBuffer
	}
	return whole, end, err
}

func at(b machine.Bytes, i int64) byte { return b.Slice(i, i+1).Contiguous()[0] }

func multibulk(b machine.Bytes, arg func(machine.Bytes)) (whole bool, pos int64, err error) {
	count, pos, err := length(b, 0, "mbulk", "multibulk", math.MaxInt32)
	if err != nil || pos == 0 {
		return false, 0, err
	}
	for ; count > 0; count-- {
		if pos >= b.Len() {
			return false, 0, nil
		}
		n, from, err := length(b, pos, "bulk", "bulk", MaxBulk)
		if err != nil || from == 0 || from+n+2 > b.Len() {
			return false, 0, err
		}
		arg(b.Slice(from, from+n))
		pos = from + n + 2
	}
	return true, pos, nil
}

// length reads "*3\r\n" or "$5\r\n", and where the line ends: 0 if it does not yet. A
// negative count of arguments is none.
func length(b machine.Bytes, pos int64, short, what string, most int64) (n, end int64, err error) {
	line, found := upTo(b, pos, '\r')
	switch {
	case !found && b.Len()-pos > MaxInline:
		return 0, 0, Error("ERR Protocol error: too big " + short + " count string")
	case !found:
		return 0, 0, nil
	case what == "bulk" && at(b, pos) != '$':
		return 0, 0, Error("ERR Protocol error: expected '$', got '" + string([]byte{at(b, pos)}) + "'")
	case pos+int64(len(line))+2 > b.Len():
		return 0, 0, nil
	}
	n, ok := Integer(line[1:])
	if !ok || n > most || n < 0 && what == "bulk" {
		return 0, 0, Error("ERR Protocol error: invalid " + what + " length")
	}
	return n, pos + int64(len(line)) + 2, nil
}

// upTo are the bytes from pos to the first that is c, if one is within [MaxInline].
func upTo(b machine.Bytes, pos int64, c byte) (line []byte, found bool) {
	const usual = 32 // no valid length is longer
	for _, n := range [...]int64{usual, MaxInline + 1} {
		window := b.Slice(pos, min(pos+n, b.Len())).Contiguous()
		if i := bytes.IndexByte(window, c); i >= 0 {
			return window[:i], true
		}
	}
	return nil, false
}

// Integer reads a number as strictly as Redis's string2ll: no sign but a minus, no zero in
// front, nothing around it.
func Integer(b []byte) (n int64, ok bool) {
	digits := bytes.TrimPrefix(b, []byte("-"))
	negative := len(digits) < len(b)
	switch {
	case len(digits) == 0 || len(digits) > 19, digits[0] == '0' && (len(digits) > 1 || negative):
		return 0, false
	}
	u := uint64(0)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		u = u*10 + uint64(d-'0') // 19 digits fit
	}
	switch {
	case negative && u <= 1<<63:
		return int64(-u), true
	case !negative && u < 1<<63:
		return int64(u), true
	}
	return 0, false
}
