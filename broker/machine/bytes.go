package machine

// Bytes is an immutable sequence of bytes in one or more pieces. Frames, file
// reads and appends are Bytes, so that a record travels from producer to
// consumer without being copied. The zero value is empty.
//
// A piece is literal, or it is (part of) a [Source], which makes its bytes only
// when somebody asks to see them.
//
// What two Bytes hold is equal if their Lens and Digests are. How they are cut
// into pieces never shows, but it does show in the Digest what is literal and what
// a source has made: see [Bytes.Digest].
type Bytes struct {
	first piece
	rest  []piece // shared with other Bytes, so it never changes
	n     int64
}

// piece is literal if it has no source.
type piece struct {
	literal []byte
	source  Source
}

func (p piece) len() int64 {
	if p.source != nil {
		return p.source.Len()
	}
	return int64(len(p.literal))
}

func (p piece) slice(from, to int64) piece {
	if p.source != nil {
		return piece{source: within(p.source, from, to)}
	}
	return piece{literal: p.literal[from:to:to]}
}

// Literal makes Bytes of b, which must not change afterwards.
func Literal(b []byte) Bytes {
	return Bytes{first: piece{literal: b[:len(b):len(b)]}, n: int64(len(b))}
}

// Made makes Bytes of all that s makes.
func Made(s Source) Bytes {
	n := s.Len()
	if n == 0 {
		return Bytes{}
	}
	return Bytes{first: piece{source: s}, n: n}
}

// Concat joins parts without copying what they hold.
func Concat(parts ...Bytes) Bytes {
	var out Bytes
	pieces := 0
	for i := range parts {
		if parts[i].n > 0 {
			pieces += 1 + len(parts[i].rest)
		}
	}
	if pieces > 1 {
		out.rest = make([]piece, 0, pieces-1)
	}
	for i := range parts {
		out.add(parts[i].first)
		for _, p := range parts[i].rest {
			out.add(p)
		}
	}
	return out
}

// add is for Bytes that are being made: nobody shares their rest yet.
func (b *Bytes) add(p piece) {
	n := p.len()
	switch {
	case n == 0:
		return
	case b.n == 0:
		b.first = p
	case p.source != nil && b.last().continues(p):
		*b.last() = b.last().with(p)
	default:
		b.rest = append(b.rest, p)
	}
	b.n += n
}

func (b *Bytes) last() *piece {
	if k := len(b.rest) - 1; k >= 0 {
		return &b.rest[k]
	}
	return &b.first
}

// Len is the number of bytes.
func (b Bytes) Len() int64 { return b.n }

func (b *Bytes) pieces(yield func(piece) bool) {
	if b.n == 0 || !yield(b.first) {
		return
	}
	for _, p := range b.rest {
		if !yield(p) {
			return
		}
	}
}

// Parts yields the non-empty pieces in order: a literal, which must not be
// changed, or a source of which all is meant.
func (b Bytes) Parts(yield func(literal []byte, source Source) bool) {
	b.pieces(func(p piece) bool { return yield(p.literal, p.source) })
}

// Pieces yields the non-empty pieces in order; they must not be changed. What a
// source makes is made for it.
func (b Bytes) Pieces(yield func([]byte) bool) {
	b.pieces(func(p piece) bool {
		if p.source != nil {
			p.literal = p.source.AppendRange(make([]byte, 0, p.len()), 0, p.len())
		}
		return yield(p.literal)
	})
}

// Source is what has made the bytes, if they are all that one source makes; else
// nil.
func (b Bytes) Source() Source {
	if len(b.rest) > 0 {
		return nil
	}
	return b.first.source
}

// Slice returns bytes [from, to) without copying. It panics unless
// 0 <= from <= to <= Len, as slicing does.
func (b Bytes) Slice(from, to int64) Bytes {
	if from < 0 || to < from || to > b.n {
		panic("machine: Bytes.Slice out of range")
	}
	if from == to {
		return Bytes{}
	}
	p, rest := b.first, b.rest
	n := p.len()
	for from >= n {
		from, to = from-n, to-n
		p, rest = rest[0], rest[1:]
		n = p.len()
	}
	if to <= n {
		return Bytes{first: p.slice(from, to), n: to - from}
	}
	out := Bytes{first: p.slice(from, n), n: to - from}
	to -= n
	whole := 0
	for ; to > 0; whole++ {
		n := rest[whole].len()
		if n > to {
			out.rest = make([]piece, 0, whole+1)
			out.rest = append(append(out.rest, rest[:whole]...), rest[whole].slice(0, to))
			return out
		}
		to -= n
	}
	out.rest = rest[:whole:whole]
	return out
}

// CopyTo copies the bytes from an offset on into dst and returns how many those
// are: len(dst), or as many as there are.
func (b Bytes) CopyTo(dst []byte, from int64) int {
	n := 0
	b.pieces(func(p piece) bool {
		size := p.len()
		if from >= size {
			from -= size
			return true
		}
		if p.source == nil {
			n += copy(dst[n:], p.literal[from:])
		} else {
			n = len(p.source.AppendRange(dst[:n], from, min(size, from+int64(len(dst)-n))))
		}
		from = 0
		return n < len(dst)
	})
	return n
}

// AppendTo appends the bytes to dst.
func (b Bytes) AppendTo(dst []byte) []byte {
	b.pieces(func(p piece) bool {
		if p.source == nil {
			dst = append(dst, p.literal...)
		} else {
			dst = p.source.AppendRange(dst, 0, p.len())
		}
		return true
	})
	return dst
}

// Contiguous returns the bytes as one slice, which must not be changed: the
// piece itself if there is only a literal one, else a copy.
func (b Bytes) Contiguous() []byte {
	if len(b.rest) == 0 && b.first.source == nil {
		return b.first.literal
	}
	return b.AppendTo(make([]byte, 0, b.n))
}
