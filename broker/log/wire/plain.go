package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Most frames of a run with load are Fetches and their answers, each of many
// partitions with nothing special about any: plain ones. They are read here, into the
// memory of earlier ones. Whatever is not plain (a null array, an aborted transaction,
// a tag that is not told here, a length that is wrong) is left to kmsg from the
// beginning on, which says what there is or what is wrong with it.

// plain reads the fields of a plain message. Once it has met something else nothing
// that it returns means anything.
type plain struct {
	in       machine.Cursor
	flexible bool
	not      bool // plain
	buf      [64]byte
}

// plainly begins to read with the reader of the walker.
func (w *walker) plainly() *plain {
	if w.plain == nil {
		w.plain = new(plain)
	}
	w.plain.in, w.plain.flexible, w.plain.not = w.in, w.flexible, false
	return w.plain
}

func (p *plain) next(n int64) []byte {
	if n > int64(len(p.buf)) || n > p.in.Left() {
		p.not = true
	}
	if p.not {
		return p.buf[:n]
	}
	return p.in.Next(n, p.buf[:])
}

func (p *plain) int8() int8   { return int8(p.next(1)[0]) }
func (p *plain) int16() int16 { return int16(binary.BigEndian.Uint16(p.next(2))) }
func (p *plain) int32() int32 { return int32(binary.BigEndian.Uint32(p.next(4))) }
func (p *plain) int64() int64 { return int64(binary.BigEndian.Uint64(p.next(8))) }

// size is a length, of which one of two bytes is the most that is plain in a flexible
// message, or -1 for null.
func (p *plain) size(width int64) int64 {
	switch {
	case p.flexible:
		return p.sizeFrom(p.next(1)[0])
	case width == 2:
		return int64(p.int16())
	}
	return int64(p.int32())
}

// sizeFrom is a length in a flexible message of which the first byte has been read.
func (p *plain) sizeFrom(first byte) int64 {
	n := int64(first)
	for shift := 7; n >= 1<<shift && shift < 35; shift += 7 {
		n += (int64(p.next(1)[0]) - 1) << shift
	}
	return n - 1
}

// array is the number of elements of an array, each of which takes some bytes at
// least; null is not plain.
func (p *plain) array(least int64) int64 {
	n := p.size(4)
	if n < 0 || n*least > p.in.Left() {
		p.not = true
		return 0
	}
	return n
}

// name is a string, which is most likely what it was before.
func (p *plain) name(before string) string {
	n := p.size(2)
	if n < 0 || n > int64(len(p.buf)) {
		p.not = true
		return ""
	}
	if b := p.next(n); string(b) != before {
		return string(b)
	}
	return before
}

func (p *plain) noTags() {
	if p.flexible && p.next(1)[0] != 0 {
		p.not = true
	}
}

// more makes a list longer by one, by what was there before if it can be.
func more[T any](list []T) ([]T, *T) {
	if n := len(list); n < cap(list) {
		list = list[:n+1]
	} else {
		var zero T
		list = append(list, zero)
	}
	return list, &list[len(list)-1]
}

// plainAnswer reads a Fetch response of the versions that walkFetch knows. The walker
// moves only if it is plain.
func (w *walker) plainAnswer(r *kmsg.FetchResponse) bool {
	version, topics := r.Version, r.Topics[:0]
	*r = kmsg.FetchResponse{Version: version, Topics: r.Topics}
	if version < 4 || version > 15 {
		return false
	}
	p := w.plainly()
	taken := w.taken[:0]
	r.ThrottleMillis = p.int32()
	if version >= 7 {
		r.ErrorCode, r.SessionID = p.int16(), p.int32()
	}
	for n := p.array(2); n > 0 && !p.not; n-- {
		var t *kmsg.FetchResponseTopic
		topics, t = more(topics)
		name, partitions := t.Topic, t.Partitions[:0]
		*t = kmsg.FetchResponseTopic{}
		if version >= 13 {
			copy(t.TopicID[:], p.next(16))
		} else {
			t.Topic = p.name(name)
		}
		for n := p.array(16); n > 0 && !p.not; n-- {
			var x *kmsg.FetchResponseTopicPartition
			partitions, x = more(partitions)
			taken = append(taken, p.answered(version, x))
		}
		t.Partitions = partitions
		p.noTags()
	}
	p.noTags()
	if p.not || p.in.Left() > 0 {
		r.Topics = nil
		return false
	}
	r.Topics, w.taken, w.in = topics, taken, p.in
	return true
}

// answered reads what a Fetch response says of one partition. Most are flexible, which
// have all before the records in one place.
func (p *plain) answered(version int16, x *kmsg.FetchResponseTopicPartition) (records Records) {
	*x = kmsg.NewFetchResponseTopicPartition()
	be := binary.BigEndian
	n := int64(0)
	if p.flexible {
		b := p.next(4 + 2 + 8 + 8 + 8 + 1 + 4 + 1)
		x.Partition, x.ErrorCode = int32(be.Uint32(b)), int16(be.Uint16(b[4:]))
		x.HighWatermark, x.LastStableOffset, x.LogStartOffset = int64(be.Uint64(b[6:])), int64(be.Uint64(b[14:])), int64(be.Uint64(b[22:]))
		p.not = b[30] != 1 || p.not
		x.PreferredReadReplica = int32(be.Uint32(b[31:]))
		n = p.sizeFrom(b[35])
	} else {
		b := p.next(4 + 2 + 8 + 8)
		x.Partition, x.ErrorCode = int32(be.Uint32(b)), int16(be.Uint16(b[4:]))
		x.HighWatermark, x.LastStableOffset = int64(be.Uint64(b[6:])), int64(be.Uint64(b[14:]))
		if version >= 5 {
			x.LogStartOffset = p.int64()
		}
		p.not = p.size(4) != 0 || p.not
		if version >= 11 {
			x.PreferredReadReplica = p.int32()
		}
		n = p.size(4)
	}
	x.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	if n > p.in.Left() {
		p.not = true
	}
	if !p.not && n > 0 {
		records = p.in.Take(n)
	}
	x.RecordBatches = []byte{}
	p.noTags()
	return records
}

// plainFetch reads a Fetch request. The walker moves only if it is plain.
func (w *walker) plainFetch(r *kmsg.FetchRequest) bool {
	version, topics := r.Version, r.Topics[:0]
	*r = kmsg.NewFetchRequest()
	r.Version = version
	if version < 4 || version > 15 {
		return false
	}
	p := w.plainly()
	if version < 15 {
		r.ReplicaID = p.int32()
	}
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.IsolationLevel = p.int32(), p.int32(), p.int32(), p.int8()
	if version >= 7 {
		r.SessionID, r.SessionEpoch = p.int32(), p.int32()
	}
	for n := p.array(2); n > 0 && !p.not; n-- {
		var t *kmsg.FetchRequestTopic
		topics, t = more(topics)
		name, partitions := t.Topic, t.Partitions[:0]
		*t = kmsg.FetchRequestTopic{}
		if version >= 13 {
			copy(t.TopicID[:], p.next(16))
		} else {
			t.Topic = p.name(name)
		}
		for n := p.array(16); n > 0 && !p.not; n-- {
			var x *kmsg.FetchRequestTopicPartition
			partitions, x = more(partitions)
			p.wanted(version, x)
		}
		t.Partitions = partitions
		p.noTags()
	}
	if version >= 7 { // forgotten topics
		p.not = p.size(4) != 0 || p.not
	}
	if version >= 11 {
		r.Rack = p.name("")
	}
	if p.flexible {
		p.replicaState(r)
	}
	if p.not || p.in.Left() > 0 {
		return false
	}
	r.Topics, w.in = topics, p.in
	return true
}

// wanted reads what a Fetch request says of one partition.
func (p *plain) wanted(version int16, x *kmsg.FetchRequestTopicPartition) {
	*x = kmsg.NewFetchRequestTopicPartition()
	if version >= 12 {
		be, b := binary.BigEndian, p.next(4+4+8+4+8+4)
		x.Partition, x.CurrentLeaderEpoch, x.FetchOffset = int32(be.Uint32(b)), int32(be.Uint32(b[4:])), int64(be.Uint64(b[8:]))
		x.LastFetchedEpoch, x.LogStartOffset, x.PartitionMaxBytes = int32(be.Uint32(b[16:])), int64(be.Uint64(b[20:])), int32(be.Uint32(b[28:]))
		p.noTags()
		return
	}
	x.Partition = p.int32()
	if version >= 9 {
		x.CurrentLeaderEpoch = p.int32()
	}
	x.FetchOffset = p.int64()
	if version >= 5 {
		x.LogStartOffset = p.int64()
	}
	x.PartitionMaxBytes = p.int32()
}

// replicaState reads the only tag that is plain: which follower asks (KIP-903).
func (p *plain) replicaState(r *kmsg.FetchRequest) {
	switch p.next(1)[0] {
	case 0:
	case 1:
		const tag, size = 1, 4 + 8 + 1
		b := p.next(2 + size)
		p.not = p.not || b[0] != tag || b[1] != size || b[1+size] != 0
		r.ReplicaState.ID, r.ReplicaState.Epoch = int32(binary.BigEndian.Uint32(b[2:])), int64(binary.BigEndian.Uint64(b[6:]))
	default:
		p.not = true
	}
}

// plainFrame writes the answer to a Fetch with its records behind a header, if it is plain: in
// one pass, where kmsg would write a body in which the places of the records have to be
// found again.
func (s *scratch) plainFrame(head []byte, r *kmsg.FetchResponse, records []Records) (frame machine.Bytes, ok bool) {
	version := r.Version
	if version < 4 || version > 15 || len(r.Brokers) > 0 || r.UnknownTags.Len() > 0 {
		return machine.Bytes{}, false
	}
	room, n := len(head)+4+2+4+5+1, 0
	for i := range r.Topics {
		t := &r.Topics[i]
		if t.UnknownTags.Len() > 0 {
			return machine.Bytes{}, false
		}
		const perTopic, perPartition = 16 + 2 + 5 + 1, 4 + 2 + 8 + 8 + 8 + 4 + 4 + 5 + 1
		room += perTopic + len(t.Topic) + perPartition*len(t.Partitions)
		n += len(t.Partitions)
		for j := range t.Partitions {
			if !isPlain(&t.Partitions[j]) {
				return machine.Bytes{}, false
			}
		}
	}
	if n != len(records) {
		return machine.Bytes{}, false
	}
	be, flexible := binary.BigEndian, version >= 12
	var few [16]machine.Bytes
	parts, start, size := few[:0], 0, int64(0)
	b := append(make([]byte, 0, room), head...)
	b = be.AppendUint32(b, uint32(r.ThrottleMillis))
	if version >= 7 {
		b = be.AppendUint16(b, uint16(r.ErrorCode))
		b = be.AppendUint32(b, uint32(r.SessionID))
	}
	b = place{}.appendLength(b, int64(len(r.Topics)), flexible)
	for i := range r.Topics {
		t := &r.Topics[i]
		switch {
		case version >= 13:
			b = append(b, t.TopicID[:]...)
		case flexible:
			b = append(binary.AppendUvarint(b, uint64(len(t.Topic)+1)), t.Topic...)
		default:
			b = append(be.AppendUint16(b, uint16(len(t.Topic))), t.Topic...)
		}
		b = place{}.appendLength(b, int64(len(t.Partitions)), flexible)
		for j := range t.Partitions {
			x := &t.Partitions[j]
			b = be.AppendUint16(be.AppendUint32(b, uint32(x.Partition)), uint16(x.ErrorCode))
			b = be.AppendUint64(be.AppendUint64(b, uint64(x.HighWatermark)), uint64(x.LastStableOffset))
			if version >= 5 {
				b = be.AppendUint64(b, uint64(x.LogStartOffset))
			}
			b = place{}.appendLength(b, 0, flexible) // no aborted transactions
			if version >= 11 {
				b = be.AppendUint32(b, uint32(x.PreferredReadReplica))
			}
			of := records[0]
			records = records[1:]
			b = place{}.appendLength(b, of.Len(), flexible)
			if of.Len() > 0 { // not as of most partitions in the answer to a follower
				parts = append(parts, machine.Literal(b[start:]), of)
				start = len(b)
				size += of.Len()
			}
			if flexible {
				b = append(b, 0)
			}
		}
		if flexible {
			b = append(b, 0)
		}
	}
	if flexible {
		b = append(b, 0)
	}
	if len(b) > room {
		panic(fmt.Sprintf("wire: %d bytes where %d were expected", len(b), room)) // what is in parts would be elsewhere
	}
	be.PutUint32(b, uint32(size+int64(len(b))-4))
	return machine.Concat(append(parts, machine.Literal(b[start:]))...), true
}

// isPlain reports whether an answer says nothing special of a partition.
func isPlain(x *kmsg.FetchResponseTopicPartition) bool {
	return x.AbortedTransactions != nil && len(x.AbortedTransactions) == 0 && len(x.RecordBatches) == 0 && x.UnknownTags.Len() == 0 &&
		x.DivergingEpoch.Epoch == -1 && x.DivergingEpoch.EndOffset == -1 && x.DivergingEpoch.UnknownTags.Len() == 0 &&
		x.CurrentLeader.LeaderID == -1 && x.CurrentLeader.LeaderEpoch == -1 && x.CurrentLeader.UnknownTags.Len() == 0 &&
		x.SnapshotID.EndOffset == -1 && x.SnapshotID.Epoch == -1 && x.SnapshotID.UnknownTags.Len() == 0
}
