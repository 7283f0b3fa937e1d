package machine

// Source makes bytes when somebody asks to see them, and knows of them what can be
// known without: a record batch whose values nobody reads is one source, however
// long it is. What it makes never changes. Sources are compared with ==, so their
// type must be one that can be.
type Source interface {
	// Len is how many bytes it makes, at least 1.
	Len() int64
	// AppendRange appends the bytes [from, to) to dst; 0 <= from <= to <= Len.
	AppendRange(dst []byte, from, to int64) []byte
	// RangeCRC32C is the Castagnoli checksum of the bytes [from, to).
	RangeCRC32C(from, to int64) uint32
	// Digest tells sources apart: two with one Len and one Digest make the same.
	Digest() uint64
}

// span is a part of a source, never all of it.
type span struct {
	of       Source
	from, to int64
}

// within is the part [from, to) of a source.
func within(s Source, from, to int64) Source {
	if from == 0 && to == s.Len() {
		return s
	}
	if x, ok := s.(span); ok {
		return within(x.of, x.from+from, x.from+to)
	}
	return span{s, from, to}
}

func (s span) Len() int64 { return s.to - s.from }

func (s span) AppendRange(dst []byte, from, to int64) []byte {
	return s.of.AppendRange(dst, s.from+from, s.from+to)
}

func (s span) RangeCRC32C(from, to int64) uint32 {
	return s.of.RangeCRC32C(s.from+from, s.from+to)
}

func (s span) Digest() uint64 {
	return fold(fold(fold(s.of.Digest(), uint64(s.of.Len())), uint64(s.from)), uint64(s.to))
}

// whole is a source as a part of itself, or of what it is a part of.
func whole(s Source) span {
	if x, ok := s.(span); ok {
		return x
	}
	return span{s, 0, s.Len()}
}

// continues reports whether q goes on in the source of p where p ends.
func (p *piece) continues(q piece) bool {
	if p.source == nil {
		return false
	}
	a, b := whole(p.source), whole(q.source)
	return a.of == b.of && a.to == b.from
}

func (p *piece) with(q piece) piece {
	a, b := whole(p.source), whole(q.source)
	return piece{source: within(a.of, a.from, b.to)}
}
