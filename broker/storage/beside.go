package storage

import (
	"fmt"
	"slices"

	"brokersim/broker/machine"
)

// Names of the files beside the segments of a log.
const (
	epochsFile            = "leader-epoch-checkpoint"
	partitionMetadataFile = "partition.metadata"
	snapshotSuffix        = ".snapshot"
)

// Replace has a small file hold something else, as far as the node sees. A crash leaves the
// one or the other, or a file that is not whole: who reads it must be able to tell, and to
// do without.
func Replace(files machine.Files, name string, b []byte) error {
	err := files.Remove(name + newSuffix)
	if err == nil {
		err = files.Append(name+newSuffix, machine.Literal(b))
	}
	if err == nil {
		err = files.Rename(name+newSuffix, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// put has a file beside the log hold something else.
func (l *Log) put(name string, b []byte) error {
	name = l.dir + "/" + name
	err := Replace(l.files, name, b)
	if err == nil {
		l.change(name)
	}
	return err
}

// change notes that a file is not durable.
func (l *Log) change(name string) {
	if !slices.Contains(l.changed, name) {
		l.changed = append(l.changed, name)
	}
}

// drop removes a file beside the log.
func (l *Log) drop(name string) error {
	name = l.dir + "/" + name
	if err := l.files.Remove(name); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	l.change(name)
	return nil
}

// PutEpochs writes down where leader epochs begin, in rising order.
func (l *Log) PutEpochs(list []EpochStart) error { return l.put(epochsFile, formatEpochs(list)) }

// Epochs are the leader epochs that were written down. The error, which names the file,
// says why it tells nothing.
func (l *Log) Epochs() ([]EpochStart, error) {
	return parsed(l, epochsFile, parseEpochs)
}

// PutTopicID writes down which topic the log is of (KIP-516).
func (l *Log) PutTopicID(id [16]byte) error {
	return l.put(partitionMetadataFile, FormatPartitionMetadata(id))
}

// TopicID is the topic that the log was said to be of. The error is as of Epochs.
func (l *Log) TopicID() ([16]byte, error) {
	return parsed(l, partitionMetadataFile, ParsePartitionMetadata)
}

func parsed[T any](l *Log, name string, parse func([]byte) (T, error)) (T, error) {
	b, err := l.load(l.dir + "/" + name)
	var v T
	if err == nil {
		v, err = parse(b)
	}
	if err != nil {
		err = fmt.Errorf("%s/%s: %w", l.dir, name, err)
	}
	return v, err
}

// PutSnapshot writes down what the log below an offset says of producers.
func (l *Log) PutSnapshot(offset int64, list []ProducerEntry) error {
	i, found := slices.BinarySearch(l.snapshots, offset)
	if !found {
		l.snapshots = slices.Insert(l.snapshots, i, offset)
	}
	return l.put(snapshotName(offset), formatSnapshot(list))
}

// Snapshot is the latest snapshot of producers, and the offset below which it tells of
// them all. Without one that can be read it is that of a log start, where nothing is known
// of anybody. What cannot be read is dropped; why are the reasons.
func (l *Log) Snapshot() (offset int64, list []ProducerEntry, why []string, err error) {
	for n := len(l.snapshots); n > 0; n-- {
		offset = l.snapshots[n-1]
		list, bad := parsed(l, snapshotName(offset), parseSnapshot)
		if bad == nil {
			bad = l.contradicts(offset, list)
		}
		if bad == nil {
			return offset, list, why, nil
		}
		why = append(why, fmt.Sprintf("%s/%s dropped: %v", l.dir, snapshotName(offset), bad))
		if err := l.dropSnapshots(n-1, n); err != nil {
			return 0, nil, why, err
		}
	}
	return l.segments[0].base, nil, why, nil
}

// Begins reports whether a segment begins at an offset.
func (l *Log) Begins(offset int64) bool { return l.segments[l.segmentOf(offset)].base == offset }

// SnapshotBelow is the latest snapshot of producers that tells of what is below an offset at
// most, where a segment begins, as far as it can be read and goes with the log; the log start
// without any. One that was written when the segment was begun is of this log; another could
// be of one that was cut.
func (l *Log) SnapshotBelow(at int64) (offset int64, list []ProducerEntry) {
	n, _ := slices.BinarySearch(l.snapshots, at+1)
	for ; n > 0; n-- {
		offset = l.snapshots[n-1]
		if !l.Begins(offset) {
			continue
		}
		if list, err := parsed(l, snapshotName(offset), parseSnapshot); err == nil && l.contradicts(offset, list) == nil {
			return offset, list
		}
	}
	return l.segments[0].base, nil
}

// contradicts is in what a snapshot does not go with the log: it is of a log that was cut
// and has grown again, and its own removal has come undone.
func (l *Log) contradicts(offset int64, list []ProducerEntry) error {
	for i := range list {
		e := &list[i]
		if e.LastOffset >= offset || e.TxnFirstOffset >= offset {
			return fmt.Errorf("producer %d has offset %d", e.ProducerID, max(e.LastOffset, e.TxnFirstOffset))
		}
		if e.LastOffset >= l.segments[0].base && e.LastSequence >= 0 {
			p, err := l.seek(e.LastOffset)
			if err != nil {
				return err
			}
			if !e.isLast(&p.h) {
				return fmt.Errorf("offset %d is not the last of producer %d", e.LastOffset, e.ProducerID)
			}
		}
		if e.TxnFirstOffset >= l.segments[0].base {
			p, err := l.seek(e.TxnFirstOffset)
			switch h := &p.h; {
			case err != nil:
				return err
			case h.BaseOffset > e.TxnFirstOffset: // compaction has taken it out
			case h.ProducerID != e.ProducerID, h.BaseOffset != e.TxnFirstOffset, h.Attributes&transactional == 0:
				return fmt.Errorf("no transaction of producer %d begins at offset %d", e.ProducerID, e.TxnFirstOffset)
			}
		}
	}
	return nil
}

// isLast reports whether a batch can be the last of the producer's epoch.
func (e *ProducerEntry) isLast(h *Header) bool {
	switch {
	case h.BaseOffset > e.LastOffset: // compaction has taken it out
		return true
	case h.ProducerID != e.ProducerID, h.ProducerEpoch != e.Epoch, h.NextOffset()-1 != e.LastOffset, h.LastOffsetDelta != e.OffsetDelta:
		return false
	case e.CoordinatorEpoch >= 0, h.cleaned(): // a marker has come after it; it was written again
		return true
	}
	return h.MaxTimestamp == e.Timestamp && (h.Attributes&transactional != 0) == (e.TxnFirstOffset >= 0)
}

// TrimSnapshots drops the snapshots that lie outside of the log: behind its end after a
// truncation, and before its start, but for the last of those.
func (l *Log) TrimSnapshots() error {
	above, _ := slices.BinarySearch(l.snapshots, l.End()+1)
	if err := l.dropSnapshots(above, len(l.snapshots)); err != nil {
		return err
	}
	below, _ := slices.BinarySearch(l.snapshots, l.start+1)
	return l.dropSnapshots(0, max(below-1, 0))
}

// DropSnapshots drops the snapshots of what is above an offset, which was read again: one may
// be of a log that was cut and has grown again, if its own removal has come undone.
func (l *Log) DropSnapshots(above int64) error {
	n, _ := slices.BinarySearch(l.snapshots, above+1)
	return l.dropSnapshots(n, len(l.snapshots))
}

func (l *Log) dropSnapshots(from, to int) error {
	for _, offset := range l.snapshots[from:to] {
		if err := l.drop(snapshotName(offset)); err != nil {
			return err
		}
	}
	l.snapshots = slices.Delete(l.snapshots, from, to)
	return nil
}

func snapshotName(offset int64) string { return fmt.Sprintf("%020d%s", offset, snapshotSuffix) }
