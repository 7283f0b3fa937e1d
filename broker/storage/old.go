package storage

import (
	"fmt"
	"iter"

	"brokersim/broker/machine"
)

// spot is a batch in a segment's file.
type spot struct {
	segment int
	at      int64 // in the file
	h       Header
}

// headerAt reads the header that stands at a position of a segment.
func (l *Log) headerAt(s *segment, at int64) (h Header, err error) {
	b, err := l.bytes(s, at, HeaderSize)
	if err != nil {
		return h, err
	}
	if h, err = readHeader(b, 0, &l.raw); err != nil {
		err = fmt.Errorf("%s, byte %d: %w", s.file, at, err)
	}
	return h, err
}

// seek finds the batch that holds an offset, which the log has, or the first one behind
// it, with the index and by going from header to header. An index that points to no
// batch is not believed.
func (l *Log) seek(offset int64) (spot, error) {
	i := l.segmentOf(offset)
	s := &l.segments[i]
	p := spot{segment: i}
	if at, last := s.offsets.floor(offset - s.base); l.opt.Flaws.TrustIndex {
		p.at = at
	} else if last >= 0 {
		if h, err := l.headerAt(s, at); err == nil && h.NextOffset()-1 == s.base+last {
			p.at = at
		}
	}
	size := l.endOf(i) - s.at
	for {
		if p.at >= size {
			return p, fmt.Errorf("%s: no batch has offset %d: %w", s.file, offset, ErrShort)
		}
		h, err := l.headerAt(s, p.at)
		if err != nil {
			return p, err
		}
		if p.h = h; h.NextOffset() > offset {
			return p, nil
		}
		p.at += h.Size()
	}
}

// lastBelow is the last batch that lies wholly below an offset, which the log has; the
// zero header if there is none.
func (l *Log) lastBelow(offset int64) (last spot, err error) {
	for i := l.segmentOf(offset); i >= 0; i-- {
		s := &l.segments[i]
		at := int64(0)
		if x, before := s.offsets.floor(offset - 1 - s.base); before >= 0 {
			if h, err := l.headerAt(s, x); err == nil && h.NextOffset()-1 == s.base+before {
				at = x
			}
		}
		for size := l.endOf(i) - s.at; at < size; {
			h, err := l.headerAt(s, at)
			if err != nil {
				return last, err
			}
			if h.NextOffset() > offset {
				break
			}
			last = spot{i, at, h}
			at += h.Size()
		}
		if last.h.Size() > overhead {
			break
		}
	}
	return last, nil
}

// readOld is Read of what the table does not have.
func (l *Log) readOld(from, maxOffset, maxBytes int64, atLeastOne bool) (machine.Bytes, error) {
	p, err := l.seek(from)
	if err != nil {
		return machine.Bytes{}, err
	}
	s := &l.segments[p.segment]
	end, err := l.lastWithin(&p, s, maxOffset, maxBytes)
	if err != nil {
		return machine.Bytes{}, err
	}
	if end == p.at && atLeastOne && p.h.NextOffset() <= maxOffset {
		end += p.h.Size()
	}
	if end == p.at {
		return machine.Bytes{}, nil
	}
	return l.bytes(s, p.at, end-p.at)
}

// lastWithin is where the last batch ends that lies within so many bytes from a spot on
// and below an offset; where the spot is if none does.
func (l *Log) lastWithin(p *spot, s *segment, maxOffset, maxBytes int64) (int64, error) {
	size := l.endOf(p.segment) - s.at
	if maxOffset >= l.endOffset(p.segment) && size-p.at <= maxBytes {
		return size, nil
	}
	at := p.at
	within, _ := s.offsets.floorAt(p.at + maxBytes)
	below, _ := s.offsets.floor(maxOffset - 1 - s.base)
	if jump := min(within, below); jump > at {
		if _, err := l.headerAt(s, jump); err == nil {
			at = jump
		}
	}
	for at < size {
		h, err := l.headerAt(s, at)
		if err != nil {
			return at, err
		}
		if at+h.Size() > p.at+maxBytes || h.NextOffset() > maxOffset {
			break
		}
		at += h.Size()
	}
	return at, nil
}

// endOffset is the offset at which a segment ends.
func (l *Log) endOffset(i int) int64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1].base
	}
	return l.End()
}

// Batches yields the headers of all batches from the one that holds an offset to
// the log end; an error ends it. It reads the file, batch by batch: it is for
// rebuilding what is known about a log, at start and after a truncation.
func (l *Log) Batches(from int64) iter.Seq2[Header, error] {
	return func(yield func(Header, error) bool) {
		if from = max(from, l.segments[0].base); from >= l.End() {
			return
		}
		p, err := l.seek(from)
		if err != nil {
			yield(Header{}, err)
			return
		}
		for p.segment < len(l.segments) {
			s := &l.segments[p.segment]
			for size := l.endOf(p.segment) - s.at; p.at < size; p.at += p.h.Size() {
				if p.h, err = l.headerAt(s, p.at); !yield(p.h, err) || err != nil {
					return
				}
			}
			p.segment, p.at = p.segment+1, 0
		}
	}
}

// SearchTime is an offset before which no record has a timestamp in ms that is at least
// so much: that of the first that has is to be looked for from there on, and soon found
// (UnifiedLog.fetchOffsetByTimestamp). ok is false if no record has.
func (l *Log) SearchTime(timestamp int64) (offset int64, ok bool) {
	for i := range l.segments {
		if s := &l.segments[i]; s.last >= timestamp && l.endOffset(i) > l.start {
			return max(s.base+s.times.floor(timestamp), l.start), true
		}
	}
	return 0, false
}

// learnTimes learns of the largest timestamp of a segment that has so many bytes, from its
// indexes and what comes behind them.
func (l *Log) learnTimes(s *segment, size int64) error {
	s.first, s.least, s.last, s.lastAt = -1, -1, -1, s.base
	if size == 0 {
		return nil
	}
	h, err := l.headerAt(s, 0)
	if err != nil {
		return err
	}
	s.first, s.least = h.MaxTimestamp, h.MaxTimestamp
	if n := len(s.times.entries); n > 0 {
		s.last, s.lastAt = s.times.entries[n-1].timestamp, s.base+int64(s.times.entries[n-1].offset)
	}
	for at := s.offsets.lastPosition(); at < size; at += h.Size() {
		if h, err = l.headerAt(s, at); err != nil {
			return err
		}
		if h.MaxTimestamp > s.last {
			s.last, s.lastAt = h.MaxTimestamp, h.NextOffset()-1
		}
	}
	return nil
}
