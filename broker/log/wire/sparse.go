package wire

import (
	"encoding/binary"
	"hash/crc32"

	"brokersim/broker/machine"
)

// sparse is a record batch in which the noise of filler values is left out. It makes
// the bytes of a legal batch of magic 2 and costs, whatever the size of the values,
// the header and some 17 bytes a record, once for all who hold it: what a broker
// changes when it stamps a batch is in the header, and the records are shared.
//
// A record stands in records as it will in the batch, but for two things. Its
// attributes, of which Kafka uses none, are markFiller if its value is filler; and of
// such a value only the identity is there.
type sparse struct {
	head    [BatchHeaderSize]byte
	sum     uint32 // of all from batchAttributes on
	n       int64  // of the batch, in bytes
	records []byte
}

// markFiller stands in the place of a record's attributes.
const markFiller = 1

func (s *sparse) Len() int64 { return s.n }

// Digest goes by what the batch is made of.
func (s *sparse) Digest() uint64 {
	return uint64(machine.Draw(machine.Literal(s.head[:]).Digest()).With(machine.Literal(s.records).Digest()))
}

func (s *sparse) RangeCRC32C(from, to int64) uint32 {
	if from == batchAttributes && to == s.n {
		return s.sum
	}
	var crc uint32
	s.parts(func(literal []byte, noise int64) bool {
		if n := int64(len(literal)); from < n && to > 0 {
			crc = crc32.Update(crc, castagnoli, literal[max(from, 0):min(to, n)])
		}
		from, to = from-int64(len(literal)), to-int64(len(literal))
		if from < noise && to > 0 {
			crc = machine.UpdateNoiseCRC32C(crc, machine.FillerIdentity+max(from, 0), machine.FillerIdentity+min(to, noise))
		}
		from, to = from-noise, to-noise
		return to > 0
	})
	return crc
}

func (s *sparse) AppendRange(dst []byte, from, to int64) []byte {
	s.parts(func(literal []byte, noise int64) bool {
		if n := int64(len(literal)); from < n && to > 0 {
			dst = append(dst, literal[max(from, 0):min(to, n)]...)
		}
		from, to = from-int64(len(literal)), to-int64(len(literal))
		if from < noise && to > 0 {
			dst = machine.AppendNoise(dst, machine.FillerIdentity+max(from, 0), machine.FillerIdentity+min(to, noise))
		}
		from, to = from-noise, to-noise
		return to > 0
	})
	return dst
}

// parts yields the bytes of the batch in order: each time literal ones, and how many
// of noise follow them.
func (s *sparse) parts(yield func(literal []byte, noise int64) bool) {
	if !yield(s.head[:], 0) {
		return
	}
	var plain [1]byte // the attributes as they are sent
	for rest := s.records; len(rest) > 0; {
		var r sparseRecord
		rest = r.read(rest)
		if !yield(r.length, 0) || !yield(plain[:], 0) || !yield(r.body, r.noise) || !yield(r.end, 0) {
			return
		}
	}
}

// sparseRecord is one record of a sparse batch, taken apart.
type sparseRecord struct {
	length []byte // as a varint
	body   []byte // after the attributes, to the end of what is there of the value
	noise  int64  // bytes that are left out
	end    []byte // the headers

	offset, timestamp int64 // deltas
	key, value        []byte
	size              int64 // of the value in bytes; -1 is null
}

// read reads the first record, whose form is the builder's own, and returns what
// follows it.
func (r *sparseRecord) read(b []byte) []byte {
	all := fields{b: b}
	n := all.varint()
	r.length = b[:len(b)-len(all.b)]
	filler := all.take(1)[0] == markFiller
	start := all.b
	r.timestamp, r.offset = all.varint(), all.varint()
	r.key = all.bytes(all.varint())
	r.size = all.varint()
	r.value, r.noise = nil, 0
	switch {
	case filler:
		there := min(r.size, machine.FillerIdentity)
		r.value, r.noise = all.take(there), r.size-there
	case r.size >= 0:
		r.value = all.take(r.size)
	}
	r.body = start[:len(start)-len(all.b)]
	r.end = all.take(n - 1 - int64(len(r.body)) - r.noise)
	if all.bad {
		panic("wire: a sparse batch does not hold what its builder has put there")
	}
	return all.b
}

// stamped is the batch with another head, up to and without the magic.
func (s *sparse) stamped(head []byte) *sparse {
	x := *s
	copy(x.head[:], head)
	return &x
}

// renumbered is the batch in another place of a producer's sequence.
func (s *sparse) renumbered(producerID int64, producerEpoch int16, baseSequence int32) *sparse {
	x := *s
	putProducer(x.head[:], producerID, producerEpoch, baseSequence)
	// The checksum of the records is what is left without that of the old head.
	x.seal(s.sum ^ machine.JoinCRC32C(s.headSum(), 0, s.n-BatchHeaderSize))
	return &x
}

// seal writes the checksum, of which the part of the records is known.
func (s *sparse) seal(records uint32) {
	s.sum = machine.JoinCRC32C(s.headSum(), records, s.n-BatchHeaderSize)
	binary.BigEndian.PutUint32(s.head[batchCRC:], s.sum)
}

func (s *sparse) headSum() uint32 {
	return crc32.Checksum(s.head[batchAttributes:], castagnoli)
}

// Outline is a record without its value.
type Outline struct {
	OffsetDelta    int32
	TimestampDelta int64 // ms
	Key            []byte
	Size           int64 // of the value in bytes; -1: null
	// Identity are the first bytes of the value, the lowest first: whose filler it is
	// if it is filler. A short value gives only the lowest.
	Identity uint64
}

// EachOutline calls f for every record of one batch, in order, until f returns an
// error, which it then returns. It is [EachRecord] for those who do not read values:
// filler stays what it is.
func EachOutline(batch machine.Bytes, f func(*Outline) error) error {
	var o Outline
	s, ok := batch.Source().(*sparse)
	if !ok {
		return EachRecord(batch, func(r *Record) error {
			o = Outline{r.OffsetDelta, r.TimestampDelta, r.Key, int64(len(r.Value)), identity(r.Value)}
			if r.Value == nil {
				o.Size = -1
			}
			return f(&o)
		})
	}
	var r sparseRecord
	for rest := s.records; len(rest) > 0; {
		rest = r.read(rest)
		o = Outline{int32(r.offset), r.timestamp, r.key, r.size, identity(r.value)}
		if err := f(&o); err != nil {
			return err
		}
	}
	return nil
}

func identity(value []byte) uint64 {
	if len(value) >= machine.FillerIdentity {
		return binary.LittleEndian.Uint64(value)
	}
	var b [machine.FillerIdentity]byte
	copy(b[:], value)
	return binary.LittleEndian.Uint64(b[:])
}
