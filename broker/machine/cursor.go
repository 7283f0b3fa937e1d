package machine

// Cursor reads Bytes from the front.
type Cursor struct {
	cur  piece
	off  int64 // in cur
	rest []piece
	left int64
}

// Cursor returns one that stands before the first byte.
func (b Bytes) Cursor() Cursor { return Cursor{cur: b.first, rest: b.rest, left: b.n} }

// Left is the number of bytes behind the cursor.
func (c *Cursor) Left() int64 { return c.left }

// Append appends the next n bytes to dst. It panics if so many are not left.
func (c *Cursor) Append(dst []byte, n int64) []byte {
	c.passed(n)
	for n > 0 {
		k := min(n, c.cur.len()-c.off)
		if c.cur.source == nil {
			dst = append(dst, c.cur.literal[c.off:c.off+k]...)
		} else {
			dst = c.cur.source.AppendRange(dst, c.off, c.off+k)
		}
		c.skip(k)
		n -= k
	}
	return dst
}

// Next returns the next n bytes as one slice, valid until buf is used otherwise, which
// must not be changed: in place if they are literal and in one piece, else copied to buf.
// It panics if so many are not left.
func (c *Cursor) Next(n int64, buf []byte) []byte {
	if end := c.off + n; c.cur.source == nil && n > 0 && end <= int64(len(c.cur.literal)) {
		b := c.cur.literal[c.off:end:end]
		c.left -= n
		c.skip(n)
		return b
	}
	return c.Append(buf[:0], n)
}

// Take returns the next n bytes without copying. It panics if so many are not left.
func (c *Cursor) Take(n int64) Bytes {
	if n == 0 {
		return Bytes{}
	}
	if c.off > 0 {
		c.cur, c.off = c.cur.slice(c.off, c.cur.len()), 0
	}
	all := Bytes{first: c.cur, rest: c.rest, n: c.left}
	out := all.Slice(0, n)
	c.passed(n)
	for n > 0 {
		k := min(n, c.cur.len()-c.off)
		c.skip(k)
		n -= k
	}
	return out
}

func (c *Cursor) passed(n int64) {
	if n < 0 || n > c.left {
		panic("machine: Cursor beyond the end")
	}
	c.left -= n
}

func (c *Cursor) skip(k int64) {
	c.off += k
	if c.off == c.cur.len() && len(c.rest) > 0 {
		c.cur, c.off, c.rest = c.rest[0], 0, c.rest[1:]
	}
}
