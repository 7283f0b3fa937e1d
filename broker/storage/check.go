package storage

import "fmt"

// CheckEnd reports that the file that is appended to does not end where the log does: no
// broker may leave behind its log end what it gives out again.
func (l *Log) CheckEnd() error {
	s := l.active()
	size, _ := l.files.Size(s.file)
	if end := l.tail.end - s.at; size != end {
		return fmt.Errorf("%s has %d bytes, and the log ends at byte %d", s.file, size, end)
	}
	return nil
}

// CheckRead reads again what [Open] has read, and reports what no log may be after that:
// a batch that is none, offsets that go back, leader epochs that fall, an index that points
// elsewhere. What Open went by the index for, since it had been durable, is left alone: a
// disk may have lost it without anybody's knowing.
func (l *Log) CheckRead() error {
	next, epoch := int64(-1), int32(-1)
	for i := range l.segments {
		s := &l.segments[i]
		if s.at < l.read.end {
			continue
		}
		if err := l.checkSegment(s, &next, &epoch); err != nil {
			return fmt.Errorf("%s, %w", s.file, err)
		}
	}
	return nil
}

func (l *Log) checkSegment(s *segment, next *int64, epoch *int32) error {
	size, ok := l.files.Size(s.file)
	if !ok {
		return nil
	}
	b, err := l.files.ReadAt(s.file, 0, size)
	if err != nil {
		return err
	}
	index := s.offsets.entries
	for at := int64(0); at < size; {
		h, wrong := readHeader(b, at, &l.raw)
		switch {
		case wrong != nil:
		case h.Size() > size-at:
			wrong = ErrShort
		case b.RangeCRC32C(at+atAttributes, at+h.Size()) != h.CRC:
			wrong = ErrCRC
		case h.BaseOffset < max(*next, s.base):
			wrong = ErrOffset
		case h.LeaderEpoch < *epoch:
			wrong = ErrEpoch
		}
		if wrong != nil {
			return fmt.Errorf("byte %d: %w", at, wrong)
		}
		last := h.NextOffset() - 1
		if len(index) > 0 && int64(index[0].position) == at && s.base+int64(index[0].offset) == last {
			index = index[1:]
		}
		at += h.Size()
		*next, *epoch = h.NextOffset(), h.LeaderEpoch
	}
	if len(index) > 0 {
		return fmt.Errorf("index: offset %d is not at byte %d", s.base+int64(index[0].offset), index[0].position)
	}
	return nil
}
