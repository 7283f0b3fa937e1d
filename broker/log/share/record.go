package share

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kbin"

	"brokersim/broker/log/coordinator"
)

// The types of records of __share_group_state, in the formats of Kafka 4.1 (ShareSnapshot,
// ShareUpdate). Each key and value is of version 0.
const (
	shareSnapshot uint16 = 0
	shareUpdate   uint16 = 1
)

// Key is a share partition.
type Key struct {
	Group     string
	Topic     [16]byte
	Partition int32
}

// Coordinator is what the key of its coordinator is made from (SharePartitionKey.asCoordinatorKey).
func (k Key) Coordinator() string {
	return fmt.Sprintf("%s:%s:%d", k.Group, uuid(k.Topic), k.Partition)
}

func appendKey(kind uint16, k Key) []byte {
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 32+len(k.Group)), kind)
	b = kbin.AppendString(b, k.Group)
	b = append(b, k.Topic[:]...)
	return kbin.AppendInt32(b, k.Partition)
}

func readKey(key []byte) (kind uint16, k Key, err error) {
	r := kbin.Reader{Src: key}
	kind, k.Group, k.Topic, k.Partition = uint16(r.Int16()), r.String(), r.Uuid(), r.Int32()
	if err = r.Complete(); err == nil && len(r.Src) > 0 {
		err = errors.New("it goes on behind its end")
	}
	return kind, k, err
}

func snapshotRecord(k Key, s *kept) coordinator.Record {
	b := make([]byte, 0, 64+24*len(s.batches))
	b = kbin.AppendInt16(b, 0)
	b = kbin.AppendInt32(b, s.snapshot)
	b = kbin.AppendInt32(b, s.stateEpoch)
	b = kbin.AppendInt32(b, s.leaderEpoch)
	b = kbin.AppendInt64(b, s.start)
	b = kbin.AppendInt64(b, s.created)
	b = kbin.AppendInt64(b, s.written)
	b = appendBatches(b, s.batches)
	return coordinator.Record{Key: appendKey(shareSnapshot, k), Value: b}
}

// change is what an update of a share partition says.
type change struct {
	snapshot    int32 // on which it builds
	leaderEpoch int32 // -1: as it was
	start       int64 // -1: as it was
	batches     []Batch
}

func updateRecord(k Key, c *change) coordinator.Record {
	b := make([]byte, 0, 32+24*len(c.batches))
	b = kbin.AppendInt16(b, 0)
	b = kbin.AppendInt32(b, c.snapshot)
	b = kbin.AppendInt32(b, c.leaderEpoch)
	b = kbin.AppendInt64(b, c.start)
	b = appendBatches(b, c.batches)
	return coordinator.Record{Key: appendKey(shareUpdate, k), Value: b}
}

func appendBatches(b []byte, batches []Batch) []byte {
	b = kbin.AppendCompactArrayLen(b, len(batches))
	for _, x := range batches {
		b = kbin.AppendInt64(b, x.First)
		b = kbin.AppendInt64(b, x.Last)
		b = kbin.AppendInt8(b, int8(x.State))
		b = kbin.AppendInt16(b, x.Count)
		b = append(b, 0) // no tags
	}
	return append(b, 0)
}

// batchSize is the least that a batch takes.
const batchSize = 8 + 8 + 1 + 2 + 1

func readBatches(r *kbin.Reader) (batches []Batch, err error) {
	n := r.CompactArrayLen()
	if int64(n)*batchSize > int64(len(r.Src)) {
		return nil, errors.New("it has a length beyond its end")
	}
	for range n {
		x := Batch{Range{r.Int64(), r.Int64()}, State(r.Int8()), r.Int16()}
		skipTags(r)
		if r.Ok() && (x.First < 0 || x.Last < x.First || x.Last == math.MaxInt64 || x.Count < 0 || x.State != Available && !x.State.final()) {
			return nil, fmt.Errorf("it has a batch %v", x)
		}
		batches = append(batches, x)
	}
	skipTags(r)
	if err := r.Complete(); err != nil {
		return nil, err
	}
	return Combine(nil, batches, 0), nil
}

func skipTags(r *kbin.Reader) {
	for n := r.Uvarint(); n > 0 && r.Ok(); n-- {
		r.Uvarint()
		r.Span(int(r.Uvarint()))
	}
}

func readSnapshot(value []byte) (*kept, error) {
	r := kbin.Reader{Src: value}
	if v := r.Int16(); v != 0 {
		return nil, fmt.Errorf("a value of unknown version %d", v)
	}
	s := &kept{snapshot: r.Int32(), stateEpoch: r.Int32(), leaderEpoch: r.Int32(), start: r.Int64(), created: r.Int64(), written: r.Int64()}
	var err error
	s.batches, err = readBatches(&r)
	return s, err
}

func readUpdate(value []byte) (*change, error) {
	r := kbin.Reader{Src: value}
	if v := r.Int16(); v != 0 {
		return nil, fmt.Errorf("a value of unknown version %d", v)
	}
	c := &change{snapshot: r.Int32(), leaderEpoch: r.Int32(), start: r.Int64()}
	var err error
	c.batches, err = readBatches(&r)
	return c, err
}

// uuid is an id as Kafka writes it: base64 for addresses, without padding.
func uuid(id [16]byte) string { return uuidText.EncodeToString(id[:]) }
