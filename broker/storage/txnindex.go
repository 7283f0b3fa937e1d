package storage

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"brokersim/broker/machine"
)

// AbortedTxn is an entry of a .txnindex file (Kafka's AbortedTxn, version 0): a transaction
// whose marker, an abort, stands in the segment.
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64 // of its first batch, which may be in an earlier segment
	LastOffset  int64 // of its marker
	// LastStableOffset is the last stable offset behind the marker: nothing below it can be
	// of a transaction whose entry is to come.
	LastStableOffset int64
}

const (
	abortedTxnVersion = 0
	abortedTxnSize    = 2 + 4*8
)

// txnIndex is the .txnindex file of a segment, which there is only if it has entries. All of
// it is in memory, by rising LastOffset.
type txnIndex struct {
	indexFile
	entries []AbortedTxn
}

func (t AbortedTxn) appendTo(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint16(b, abortedTxnVersion)
	b = be.AppendUint64(b, uint64(t.ProducerID))
	b = be.AppendUint64(b, uint64(t.FirstOffset))
	b = be.AppendUint64(b, uint64(t.LastOffset))
	return be.AppendUint64(b, uint64(t.LastStableOffset))
}

// parseTxnIndex reads a .txnindex file of a segment that has the offsets from base up to next.
func parseTxnIndex(b []byte, base, next int64) ([]AbortedTxn, error) {
	if len(b)%abortedTxnSize != 0 {
		return nil, fmt.Errorf("%d bytes are no whole entries of %d", len(b), abortedTxnSize)
	}
	be := binary.BigEndian
	list := make([]AbortedTxn, 0, len(b)/abortedTxnSize)
	for last := base - 1; len(b) > 0; b = b[abortedTxnSize:] {
		if v := int16(be.Uint16(b)); v != abortedTxnVersion {
			return nil, fmt.Errorf("entry %d: version %d", len(list), v)
		}
		t := AbortedTxn{int64(be.Uint64(b[2:])), int64(be.Uint64(b[10:])), int64(be.Uint64(b[18:])), int64(be.Uint64(b[26:]))}
		if t.LastOffset <= last || t.LastOffset >= next || t.FirstOffset < 0 || t.FirstOffset >= t.LastOffset || t.LastStableOffset < 0 || t.LastStableOffset > t.LastOffset+1 {
			return nil, fmt.Errorf("entry %d: %+v after offset %d, in a segment from offset %d to %d", len(list), t, last, base, next)
		}
		last = t.LastOffset
		list = append(list, t)
	}
	return list, nil
}

// AppendAborted notes that a transaction was aborted, whose marker was appended last. An error
// is one of the disk; what there is no room for is written later.
func (l *Log) AppendAborted(t AbortedTxn) error {
	s := &l.segments[l.segmentOf(t.LastOffset)]
	if n := len(s.aborted.entries); n > 0 && s.aborted.entries[n-1].LastOffset >= t.LastOffset {
		panic(fmt.Sprintf("storage: %s: %+v after %+v", s.aborted.file, t, s.aborted.entries[n-1]))
	}
	s.aborted.entries = append(s.aborted.entries, t)
	if err := l.writeAborted(s); err != nil && !isFull(err) {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return nil
}

// writeAborted writes what is in memory and not in the file of a segment yet.
func (l *Log) writeAborted(s *segment) error {
	x := &s.aborted
	if x.written == len(x.entries) {
		return nil // as nearly always
	}
	var b []byte
	for _, t := range x.entries[x.written:] {
		b = t.appendTo(b)
	}
	return l.appendIndex(&x.indexFile, b, len(x.entries))
}

// WriteAborted writes what there was no room for before. Without it nothing of the log is
// durable as a whole: a segment that is not read again tells of aborted transactions by its
// index alone.
func (l *Log) WriteAborted() error {
	for i := range l.segments {
		if err := l.writeAborted(&l.segments[i]); err != nil {
			return err
		}
	}
	return nil
}

// CollectAborted adds to a list the aborted transactions that have anything between two
// offsets, the second of which is not above the last stable offset
// (TransactionIndex.collectAbortedTxns).
func (l *Log) CollectAborted(list []AbortedTxn, from, upTo int64) []AbortedTxn {
	for i := l.segmentOf(from); i < len(l.segments); i++ {
		entries := l.segments[i].aborted.entries
		for _, t := range entries[sort.Search(len(entries), func(n int) bool { return entries[n].LastOffset >= from }):] {
			if t.FirstOffset < upTo {
				list = append(list, t)
			}
			if t.LastStableOffset >= upTo {
				return list
			}
		}
	}
	return list
}

// Aborted are all aborted transactions of which the segments tell.
func (l *Log) Aborted() (list []AbortedTxn) {
	for i := range l.segments {
		list = append(list, l.segments[i].aborted.entries...)
	}
	return list
}

// DoubtAborted has the indexes of all segments be made again, as those of segments that were
// read again: something in them is not so.
func (l *Log) DoubtAborted(r *Recovery) {
	for i := range l.segments {
		l.segments[i].reread = true
	}
	r.Reread = l.segments[0].base
}

// PutAborted has the indexes of all segments that Open has read again tell of the aborted
// transactions that are known from [Recovery].Reread on, and of no others. What was not so is
// Repaired.
func (l *Log) PutAborted(list []AbortedTxn, r *Recovery) error {
	for i := range l.segments {
		s := &l.segments[i]
		from := sort.Search(len(list), func(n int) bool { return list[n].LastOffset >= s.base })
		to := sort.Search(len(list), func(n int) bool { return list[n].LastOffset >= l.endOffset(i) })
		if !s.reread {
			continue
		}
		s.reread, s.aborted.entries = false, slices.Clone(list[from:to])
		if err := l.repairAborted(s, r); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) repairAborted(s *segment, r *Recovery) error {
	x := &s.aborted
	if len(x.entries) == 0 {
		size, exists := l.files.Size(x.file)
		if size > 0 {
			r.Repaired = append(r.Repaired, x.file+" removed: no transaction was aborted")
		}
		if x.made, x.dirty, x.written = false, false, 0; exists {
			return l.discard(x.file)
		}
		return nil
	}
	var want []byte
	for _, t := range x.entries {
		want = t.appendTo(want)
	}
	if err := l.repair(&x.indexFile, want, abortedTxnSize, r); err != nil {
		return err
	}
	if err := l.writeAborted(s); err != nil && !isFull(err) {
		return err
	}
	return nil
}

// loadAborted reads the index of a segment that ends at an offset.
func (l *Log) loadAborted(s *segment, next int64) error {
	b, err := l.load(s.aborted.file)
	if err == ErrAbsent {
		return nil
	}
	if err == nil {
		s.aborted.entries, err = parseTxnIndex(b, s.base, next)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.aborted.file, err)
	}
	s.aborted.made, s.aborted.written = true, len(s.aborted.entries)
	return nil
}

// truncateAborted has the index of the last segment tell of nothing behind its end.
func (l *Log) truncateAborted(s *segment) error {
	x := &s.aborted
	n := sort.Search(len(x.entries), func(i int) bool { return x.entries[i].LastOffset >= l.End() })
	x.entries = x.entries[:n]
	return l.cutIndex(&x.indexFile, n, abortedTxnSize)
}

// filesOf are the files of a segment, with an ending: that of its aborted transactions only
// if it is there.
func (l *Log) filesOf(s *segment, suffix string) []string {
	list := []string{s.file + suffix, s.offsets.file + suffix, s.times.file + suffix}
	if _, ok := l.files.Size(s.aborted.file + suffix); ok {
		list = append(list, s.aborted.file+suffix)
	}
	return list
}

// Abort notes that a transaction was aborted of which something is left in the new segment,
// its marker too: see [Log.AppendAborted].
func (w *Rewrite) Abort(t AbortedTxn) { w.seg.aborted.entries = append(w.seg.aborted.entries, t) }

// finishAborted writes the index of the new segment, if it is to have one.
func (w *Rewrite) finishAborted() error {
	var b []byte
	for _, t := range w.seg.aborted.entries {
		b = t.appendTo(b)
	}
	if len(b) == 0 {
		return nil
	}
	if err := w.log.files.Append(w.seg.aborted.file+w.suffix, machine.Literal(b)); err != nil {
		return fmt.Errorf("append to %s: %w", w.seg.aborted.file+w.suffix, err)
	}
	return nil
}
