package wire

import (
	"encoding/binary"
	"errors"

	"brokersim/broker/machine"
)

// ProtocolHeader is what a client sends first (4.2.2); a server that does not speak
// it answers with the header that it does speak and hangs up.
const ProtocolHeader = "AMQP\x00\x00\x09\x01"

// FrameType says what the payload of a frame is (4.2.3).
type FrameType uint8

// The types of frames. Header is not one of the specification's: it is the protocol
// header, which is no frame but stands where the first would.
const (
	FrameMethod    FrameType = 1
	FrameHeader    FrameType = 2
	FrameBody      FrameType = 3
	FrameHeartbeat FrameType = 8
	FrameProtocol  FrameType = 'A'
)

const (
	frameHead = 7 // type, channel, size
	frameEnd  = 0xCE
	// frameOverhead is what a frame costs around its payload.
	frameOverhead = frameHead + 1
	// MinFrameMax is frame-min-size (1.1): every peer takes frames of this size.
	MinFrameMax = 4096
	// MaxFrame is the largest frame taken, whatever was negotiated: what RabbitMQ
	// proposes in connection.tune.
	MaxFrame = 131072
)

// What is wrong with bytes that are no frame. Each is a connection error with reply
// code [FrameError].
var (
	ErrFrameType = errors.New("no such frame type")
	ErrFrameSize = errors.New("frame above frame_max")
	ErrFrameEnd  = errors.New("frame does not end with 0xCE")
	ErrTruncated = errors.New("frame ends early")
)

// Frame is one frame; of a [FrameProtocol] the payload is the whole header.
type Frame struct {
	Type    FrameType
	Channel uint16
	Payload machine.Bytes
}

// Split returns the length of the first whole frame or protocol header in buf; 0 if
// more bytes are needed. An error means that the connection cannot be understood any
// more. It does not look at the frame's end, [Next] does.
func Split(buf []byte) (n int, err error) {
	if len(buf) == 0 {
		return 0, nil
	}
	switch FrameType(buf[0]) {
	case FrameProtocol:
		n = len(ProtocolHeader)
	case FrameMethod, FrameHeader, FrameBody, FrameHeartbeat:
		if len(buf) < frameHead {
			return 0, nil
		}
		size := binary.BigEndian.Uint32(buf[3:])
		if size > MaxFrame-frameOverhead {
			return 0, ErrFrameSize
		}
		n = frameOverhead + int(size)
	default:
		return 0, ErrFrameType
	}
	if len(buf) < n {
		return 0, nil
	}
	return n, nil
}

// Next takes the first frame off b.
func Next(b machine.Bytes) (f Frame, rest machine.Bytes, err error) {
	var head [frameHead]byte
	n, err := Split(b.Slice(0, min(b.Len(), frameHead)).AppendTo(head[:0]))
	switch {
	case err != nil:
		return Frame{}, b, err
	case FrameType(head[0]) == FrameProtocol:
		n = len(ProtocolHeader)
	case b.Len() >= frameHead:
		n = frameOverhead + int(binary.BigEndian.Uint32(head[3:]))
	}
	if n == 0 || int64(n) > b.Len() {
		return Frame{}, b, ErrTruncated
	}
	f.Type = FrameType(head[0])
	if f.Type == FrameProtocol {
		f.Payload = b.Slice(0, int64(n))
		return f, b.Slice(int64(n), b.Len()), nil
	}
	var end [1]byte
	if b.Slice(int64(n)-1, int64(n)).AppendTo(end[:0]); end[0] != frameEnd {
		return Frame{}, b, ErrFrameEnd
	}
	f.Channel = binary.BigEndian.Uint16(head[1:])
	f.Payload = b.Slice(frameHead, int64(n)-1)
	return f, b.Slice(int64(n), b.Len()), nil
}

// appendFrame appends a frame whose payload fill appends.
func appendFrame(dst []byte, t FrameType, channel uint16, fill func([]byte) []byte) []byte {
	at := len(dst)
	dst = append(dst, byte(t), byte(channel>>8), byte(channel), 0, 0, 0, 0)
	dst = fill(dst)
	binary.BigEndian.PutUint32(dst[at+3:], uint32(len(dst)-at-frameHead))
	return append(dst, frameEnd)
}

// Heartbeat is a heartbeat frame (4.2.7).
func Heartbeat() machine.Bytes {
	return machine.Literal([]byte{byte(FrameHeartbeat), 0, 0, 0, 0, 0, 0, frameEnd})
}
