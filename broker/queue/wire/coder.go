package wire

import (
	"encoding/binary"
	"errors"
)

// What is wrong with the payload of a frame. Each is a connection error: see [Error].
var (
	ErrShort    = errors.New("arguments end early")
	ErrTrailing = errors.New("bytes behind the arguments")
	ErrValue    = errors.New("unknown type of a field value")
	ErrDepth    = errors.New("field tables are nested too deeply")
	ErrLong     = errors.New("string above 255 bytes")
)

// coder walks over a structure that describes itself once, for both directions: it
// appends what the fields hold, or sets them to what it reads.
type coder struct {
	buf     []byte // what was appended, or what is left to read
	reading bool
	err     error
}

// fail ends the walk: what follows is neither read nor written.
func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	if c.reading {
		c.buf = nil
	}
}

// take cuts n bytes off what is left to read.
func (c *coder) take(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.buf) {
		c.fail(ErrShort)
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func (c *coder) octet(v *uint8) {
	if !c.reading {
		c.buf = append(c.buf, *v)
	} else if b := c.take(1); b != nil {
		*v = b[0]
	}
}

func (c *coder) short(v *uint16) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint16(c.buf, *v)
	} else if b := c.take(2); b != nil {
		*v = binary.BigEndian.Uint16(b)
	}
}

func (c *coder) long(v *uint32) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint32(c.buf, *v)
	} else if b := c.take(4); b != nil {
		*v = binary.BigEndian.Uint32(b)
	}
}

func (c *coder) longlong(v *uint64) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint64(c.buf, *v)
	} else if b := c.take(8); b != nil {
		*v = binary.BigEndian.Uint64(b)
	}
}

// bits are consecutive bits: they share an octet, the first is the lowest (4.2.5.2).
func (c *coder) bits(vs ...*bool) {
	var octet uint8
	if !c.reading {
		for i, v := range vs {
			if *v {
				octet |= 1 << i
			}
		}
	}
	c.octet(&octet)
	if c.reading {
		for i, v := range vs {
			*v = octet&(1<<i) != 0
		}
	}
}

// shortstr is a string of at most 255 bytes (4.2.5.3).
func (c *coder) shortstr(v *string) {
	if len(*v) > 255 && !c.reading {
		c.fail(ErrLong)
		return
	}
	n := uint8(len(*v))
	c.octet(&n)
	c.text(v, int(n))
}

func (c *coder) longstr(v *string) {
	n := uint32(len(*v))
	c.long(&n)
	c.text(v, int(n))
}

func (c *coder) text(v *string, n int) {
	if !c.reading {
		c.buf = append(c.buf, *v...)
	} else {
		*v = string(c.take(n))
	}
}

// reserved fields are sent as zero and whatever they hold is passed over (1.2).
func (c *coder) reservedShort() {
	var v uint16
	c.short(&v)
}

func (c *coder) reservedShortstr() {
	var v string
	c.shortstr(&v)
}
