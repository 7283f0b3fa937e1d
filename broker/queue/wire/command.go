package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brokersim/broker/machine"
)

// Command is a method, whole with its content if it carries one.
type Command struct {
	Channel    uint16
	ID         MethodID
	Method     Method
	Properties Properties
	Body       machine.Bytes
}

// Error is what is wrong with a frame, with the reply code of the connection error
// that it is.
type Error struct {
	Code ReplyCode
	Err  error
	ID   MethodID // if it is known
}

func (e *Error) Error() string { return e.Code.String() + " - " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// Why a frame cannot follow the one before it on its channel: reply code
// [UnexpectedFrame].
var (
	ErrExpectedMethod = errors.New("expected method frame, got non method frame instead")
	ErrExpectedHeader = errors.New("expected content header, got another frame")
	ErrExpectedBody   = errors.New("expected content body, got another frame")
	ErrBodySize       = errors.New("body is longer than its header says")
)

// MaxBody is the largest body taken: RabbitMQ's max_message_size.
const MaxBody = 134217728

// Assembler puts the frames of one channel together (4.2.6). The zero value waits for
// a method.
type Assembler struct {
	command Command
	state   expecting
	left    uint64 // bytes of the body to come
	pieces  []machine.Bytes
}

type expecting uint8

const (
	expectMethod expecting = iota
	expectHeader
	expectBody
)

// Add takes the next frame of the channel; done says that cmd is whole, and valid until
// the next call. An error ends the connection.
func (a *Assembler) Add(f Frame) (cmd *Command, done bool, err *Error) {
	switch {
	case a.state == expectMethod && f.Type != FrameMethod:
		return nil, false, &Error{Code: UnexpectedFrame, Err: ErrExpectedMethod}
	case a.state == expectHeader && f.Type != FrameHeader:
		return nil, false, &Error{Code: UnexpectedFrame, Err: ErrExpectedHeader, ID: a.command.ID}
	case a.state == expectBody && f.Type != FrameBody:
		return nil, false, &Error{Code: UnexpectedFrame, Err: ErrExpectedBody, ID: a.command.ID}
	}
	switch f.Type {
	case FrameMethod:
		done, err = a.method(f)
	case FrameHeader:
		done, err = a.header(f)
	default:
		done, err = a.body(f)
	}
	return &a.command, done, err
}

func (a *Assembler) method(f Frame) (done bool, err *Error) {
	e, m, err := decodeMethod(f.Payload.Contiguous())
	if err != nil {
		return false, err
	}
	a.command = Command{Channel: f.Channel, ID: e.id, Method: m}
	if e.content {
		a.state = expectHeader
	}
	return !e.content, nil
}

func decodeMethod(payload []byte) (*entry, Method, *Error) {
	if len(payload) < 4 {
		return nil, nil, &Error{Code: FrameError, Err: ErrShort}
	}
	id := MethodID{binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])}
	e := lookup(id)
	if e == nil {
		return nil, nil, &Error{Code: NotImplemented, Err: fmt.Errorf("%v is not served", id), ID: id}
	}
	m := e.make()
	c := coder{buf: payload[4:], reading: true}
	m.fields(&c)
	if c.err == nil && len(c.buf) > 0 {
		c.err = ErrTrailing
	}
	if c.err != nil {
		return nil, nil, &Error{Code: FrameError, Err: c.err, ID: id} // RabbitMQ's; SYNTAX_ERROR in the specification
	}
	return e, m, nil
}

func (a *Assembler) header(f Frame) (done bool, err *Error) {
	payload := f.Payload.Contiguous()
	if len(payload) < 12 {
		return false, &Error{Code: FrameError, Err: ErrShort, ID: a.command.ID}
	}
	if class := binary.BigEndian.Uint16(payload); class != classBasic {
		return false, &Error{Code: UnexpectedFrame, Err: fmt.Errorf("content header of class %d", class), ID: a.command.ID}
	}
	p, rest, bad := ReadProperties(payload[12:])
	if bad == nil && len(rest) > 0 {
		bad = ErrTrailing
	}
	if bad != nil {
		return false, &Error{Code: SyntaxError, Err: bad, ID: a.command.ID}
	}
	a.command.Properties = p
	a.left = binary.BigEndian.Uint64(payload[4:])
	a.pieces = a.pieces[:0]
	a.state = expectBody
	return a.whole(), nil
}

func (a *Assembler) body(f Frame) (done bool, err *Error) {
	n := uint64(f.Payload.Len())
	if n > a.left {
		return false, &Error{Code: FrameError, Err: ErrBodySize, ID: a.command.ID}
	}
	a.left -= n
	a.pieces = append(a.pieces, f.Payload)
	return a.whole(), nil
}

// whole ends a content once nothing of its body is to come.
func (a *Assembler) whole() bool {
	if a.left > 0 {
		return false
	}
	a.command.Body = machine.Concat(a.pieces...)
	clear(a.pieces)
	a.state = expectMethod
	return true
}

// Announced is how long the body is that the channel waits for; 0 if it waits for none.
// It may be anything: nothing is allocated by it.
func (a *Assembler) Announced() uint64 {
	if a.state != expectBody {
		return 0
	}
	n := a.left
	for _, p := range a.pieces {
		n += uint64(p.Len())
	}
	return n
}

// AppendMethod appends a method frame. The error is a string or table that the
// protocol has no room for.
func AppendMethod(dst []byte, channel uint16, m Method) ([]byte, error) {
	id := IDOf(m)
	c := coder{}
	dst = appendFrame(dst, FrameMethod, channel, func(b []byte) []byte {
		b = append(b, byte(id.Class>>8), byte(id.Class), byte(id.Method>>8), byte(id.Method))
		c.buf = b
		m.fields(&c)
		return c.buf
	})
	return dst, c.err
}

// Encode returns a method that carries no content.
func Encode(channel uint16, m Method) (machine.Bytes, error) {
	b, err := AppendMethod(make([]byte, 0, 64), channel, m)
	return machine.Literal(b), err
}

// EncodeContent returns a method, its content header and its body in frames of at most
// frameMax bytes (4.2.6). The body is not copied.
func EncodeContent(channel uint16, m Method, p *Properties, body machine.Bytes, frameMax uint32) (machine.Bytes, error) {
	b, err := AppendMethod(make([]byte, 0, 192), channel, m)
	if err != nil {
		return machine.Bytes{}, err
	}
	b = appendFrame(b, FrameHeader, channel, func(b []byte) []byte {
		b = append(b, 0, classBasic, 0, 0)
		b = binary.BigEndian.AppendUint64(b, uint64(body.Len()))
		b, err = p.AppendTo(b)
		return b
	})
	if err != nil {
		return machine.Bytes{}, err
	}
	most := int64(max(min(frameMax, MaxFrame), MinFrameMax) - frameOverhead)
	parts := make([]machine.Bytes, 1, 3)
	head := b
	for off := int64(0); off < body.Len(); off += most {
		piece := body.Slice(off, min(off+most, body.Len()))
		n := uint32(piece.Len())
		head = append(head, byte(FrameBody), byte(channel>>8), byte(channel), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		parts[len(parts)-1] = machine.Literal(head)
		parts = append(parts, piece, machine.Bytes{})
		head = []byte{frameEnd}
	}
	parts[len(parts)-1] = machine.Literal(head)
	return machine.Concat(parts...), nil
}
