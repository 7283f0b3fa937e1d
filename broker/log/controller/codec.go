package controller

import (
	"encoding/binary"
	"errors"
	"fmt"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/sasl"
)

// The encoding of a record: frame version, kind and version as unsigned
// varints, as in Kafka, then the fields of that kind in the order of the
// struct: integers big-endian, strings and arrays behind an unsigned varint
// with their length, a nil array being length 0 and any other length plus one.
// A later version of a kind may only add fields at the end; nothing may follow
// the fields of the version that is named. A record has the lowest version that can
// say what it says: version 1 of a partition and of a change of one speaks of a
// reassignment, that of a registration of further listeners.

const frameVersion = 1

// kind is the number of a kind of record, Kafka's where it has one.
type kind uint64

const (
	kindTopic           kind = 2
	kindPartition       kind = 3
	kindConfig          kind = 4
	kindPartitionChange kind = 5
	kindFenceBroker     kind = 7
	kindUnfenceBroker   kind = 8
	kindRemoveTopic     kind = 9
	kindScram           kind = 11
	kindClientQuota     kind = 14
	kindProducerIDs     kind = 15
	kindShutDownBroker  kind = 17
	kindACL             kind = 18
	kindRemoveACL       kind = 19
	kindRemoveScram     kind = 22
	kindRegisterBroker  kind = 27
	kindShutDownSince   kind = 1017 // of our own

	kindRemoveConfig kind = 1000 // Kafka has a null in a ConfigRecord

	// Kafka has the kind of resource in a ConfigRecord.
	kindBrokerConfig       kind = 1004
	kindRemoveBrokerConfig kind = 1005
	kindGroupConfig        kind = 1006
	kindRemoveGroupConfig  kind = 1007
)

func (RegisterBroker) kind() kind  { return kindRegisterBroker }
func (FenceBroker) kind() kind     { return kindFenceBroker }
func (UnfenceBroker) kind() kind   { return kindUnfenceBroker }
func (ShutDownBroker) kind() kind  { return kindShutDownBroker }
func (Topic) kind() kind           { return kindTopic }
func (Partition) kind() kind       { return kindPartition }
func (PartitionChange) kind() kind { return kindPartitionChange }
func (ProducerIDs) kind() kind     { return kindProducerIDs }
func (Config) kind() kind          { return kindConfig }
func (ShutDownSince) kind() kind   { return kindShutDownSince }
func (RemoveTopic) kind() kind     { return kindRemoveTopic }
func (RemoveConfig) kind() kind    { return kindRemoveConfig }

func (BrokerConfig) kind() kind       { return kindBrokerConfig }
func (RemoveBrokerConfig) kind() kind { return kindRemoveBrokerConfig }
func (GroupConfig) kind() kind        { return kindGroupConfig }
func (RemoveGroupConfig) kind() kind  { return kindRemoveGroupConfig }
func (ClientQuota) kind() kind        { return kindClientQuota }

func (AccessControlEntry) kind() kind       { return kindACL }
func (RemoveAccessControlEntry) kind() kind { return kindRemoveACL }

func (ScramCredential) kind() kind       { return kindScram }
func (RemoveScramCredential) kind() kind { return kindRemoveScram }

// EncodeRecord returns the bytes that stand for r in the metadata log, as the
// value of a Kafka record without key.
func EncodeRecord(r Record) []byte {
	e := encoder{make([]byte, 0, 64)}
	e.uvarint(frameVersion)
	e.uvarint(uint64(r.kind()))
	e.uvarint(version(r))
	r.body(&e)
	return e.b
}

// version is that of a record's encoding.
func version(r Record) uint64 {
	switch r := r.(type) {
	case Partition:
		return oneIf(r.Adding != nil || r.Removing != nil)
	case PartitionChange:
		return oneIf(r.Replicas != nil)
	case RegisterBroker:
		return oneIf(len(r.Others) > 0)
	}
	return 0
}

func oneIf(is bool) uint64 {
	if is {
		return 1
	}
	return 0
}

// DecodeRecord is the inverse of [EncodeRecord]. It fails on anything that
// EncodeRecord cannot have written.
func DecodeRecord(b []byte) (Record, error) {
	d := decoder{b: b}
	if v := d.uvarint(); d.err == nil && v != frameVersion {
		return nil, fmt.Errorf("metadata record of frame version %d, not %d", v, frameVersion)
	}
	k := kind(d.uvarint())
	d.version = d.uvarint()
	if most := oneIf(k == kindPartition || k == kindPartitionChange || k == kindRegisterBroker); d.err == nil && d.version > most {
		return nil, fmt.Errorf("metadata record of kind %d has version %d, above %d", k, d.version, most)
	}
	if d.err != nil {
		return nil, d.err
	}
	r := d.record(k)
	switch {
	case d.err == nil && r != nil && version(r) != d.version:
		return nil, fmt.Errorf("metadata record of kind %d has version %d, and says nothing that version %d could not", k, d.version, version(r))
	case d.err != nil:
		return nil, fmt.Errorf("metadata record of kind %d: %w", k, d.err)
	case r == nil:
		return nil, fmt.Errorf("metadata record of unknown kind %d", k)
	case len(d.b) > 0:
		return nil, fmt.Errorf("metadata record of kind %d: %d bytes too many", k, len(d.b))
	}
	return r, nil
}

func (d *decoder) record(k kind) Record {
	switch k {
	case kindRegisterBroker:
		r := RegisterBroker{
			ID: d.int32(), Incarnation: d.uuid(), Epoch: d.int64(), Host: d.string(), Port: d.int32(), Rack: d.string(),
			Fenced: d.bool(), ShuttingDown: d.bool(),
		}
		if d.version > 0 {
			r.Others = d.endpoints()
		}
		return r
	case kindFenceBroker:
		return FenceBroker{ID: d.int32(), Epoch: d.int64()}
	case kindUnfenceBroker:
		return UnfenceBroker{ID: d.int32(), Epoch: d.int64()}
	case kindShutDownBroker:
		return ShutDownBroker{ID: d.int32(), Epoch: d.int64()}
	case kindShutDownSince:
		return ShutDownSince{ID: d.int32(), Epoch: d.int64(), Offset: d.int64()}
	case kindTopic:
		return Topic{Name: d.string(), ID: d.uuid()}
	case kindPartition:
		r := Partition{
			TopicID: d.uuid(), Partition: d.int32(), Replicas: d.int32s(), ISR: d.int32s(),
			Leader: d.int32(), LeaderEpoch: d.int32(), PartitionEpoch: d.int32(),
		}
		if d.version > 0 {
			r.Adding, r.Removing = d.int32s(), d.int32s()
		}
		return r
	case kindPartitionChange:
		r := PartitionChange{TopicID: d.uuid(), Partition: d.int32(), ISR: d.int32s(), Leader: d.int32()}
		if d.bool() {
			r.Recovery = Recovering
		}
		if d.version > 0 {
			r.Replicas, r.Adding, r.Removing = d.int32s(), d.int32s(), d.int32s()
		}
		return r
	case kindProducerIDs:
		return ProducerIDs{Broker: d.int32(), BrokerEpoch: d.int64(), Next: d.int64()}
	case kindConfig:
		return Config{Topic: d.string(), Name: d.string(), Value: d.string()}
	case kindRemoveTopic:
		return RemoveTopic{ID: d.uuid()}
	case kindRemoveConfig:
		return RemoveConfig{Topic: d.string(), Name: d.string()}
	case kindBrokerConfig:
		return BrokerConfig{Broker: d.int32(), Name: d.string(), Value: d.string()}
	case kindRemoveBrokerConfig:
		return RemoveBrokerConfig{Broker: d.int32(), Name: d.string()}
	case kindGroupConfig:
		return GroupConfig{Group: d.string(), Name: d.string(), Value: d.string()}
	case kindRemoveGroupConfig:
		return RemoveGroupConfig{Group: d.string(), Name: d.string()}
	case kindClientQuota:
		r := ClientQuota{Entity: d.entity(), Key: d.string()}
		if r.Remove = d.bool(); !r.Remove {
			r.Value = uint64(d.int64())
		}
		return r
	case kindACL:
		return AccessControlEntry{d.uuid(), acl.Entry{
			Resource: acl.Resource(d.byte()), Name: d.string(), Pattern: acl.Pattern(d.byte()), Principal: d.string(), Host: d.string(),
			Operation: acl.Operation(d.byte()), Permission: acl.Permission(d.byte()),
		}}
	case kindRemoveACL:
		return RemoveAccessControlEntry{ID: d.uuid()}
	case kindScram:
		return ScramCredential{User: d.string(), Mechanism: sasl.Scram(d.byte()), Credential: sasl.Credential{
			Salt: d.bytes(), StoredKey: d.bytes(), ServerKey: d.bytes(), Iterations: d.int32(),
		}}
	case kindRemoveScram:
		return RemoveScramCredential{User: d.string(), Mechanism: sasl.Scram(d.byte())}
	}
	return nil
}

func (r RegisterBroker) body(e *encoder) {
	e.int32(r.ID)
	e.uuid(r.Incarnation)
	e.int64(r.Epoch)
	e.string(r.Host)
	e.int32(r.Port)
	e.string(r.Rack)
	e.bool(r.Fenced)
	e.bool(r.ShuttingDown)
	if version(r) > 0 {
		e.uvarint(uint64(len(r.Others)))
		for _, x := range r.Others {
			e.string(x.Listener)
			e.string(x.Host)
			e.int32(x.Port)
		}
	}
}

func (r AccessControlEntry) body(e *encoder) {
	e.uuid(r.ID)
	e.b = append(e.b, byte(r.Resource))
	e.string(r.Name)
	e.b = append(e.b, byte(r.Pattern))
	e.string(r.Principal)
	e.string(r.Host)
	e.b = append(e.b, byte(r.Operation), byte(r.Permission))
}

func (r RemoveAccessControlEntry) body(e *encoder) { e.uuid(r.ID) }

func (r ScramCredential) body(e *encoder) {
	e.string(r.User)
	e.b = append(e.b, byte(r.Mechanism))
	e.string(string(r.Salt))
	e.string(string(r.StoredKey))
	e.string(string(r.ServerKey))
	e.int32(r.Iterations)
}

func (r RemoveScramCredential) body(e *encoder) {
	e.string(r.User)
	e.b = append(e.b, byte(r.Mechanism))
}

func (r ShutDownSince) body(e *encoder) {
	e.int32(r.ID)
	e.int64(r.Epoch)
	e.int64(r.Offset)
}

func (r FenceBroker) body(e *encoder) {
	e.int32(r.ID)
	e.int64(r.Epoch)
}

func (r UnfenceBroker) body(e *encoder) {
	e.int32(r.ID)
	e.int64(r.Epoch)
}

func (r ShutDownBroker) body(e *encoder) {
	e.int32(r.ID)
	e.int64(r.Epoch)
}

func (r Topic) body(e *encoder) {
	e.string(r.Name)
	e.uuid(r.ID)
}

func (r Partition) body(e *encoder) {
	e.uuid(r.TopicID)
	e.int32(r.Partition)
	e.int32s(r.Replicas)
	e.int32s(r.ISR)
	e.int32(r.Leader)
	e.int32(r.LeaderEpoch)
	e.int32(r.PartitionEpoch)
	if version(r) > 0 {
		e.int32s(r.Adding)
		e.int32s(r.Removing)
	}
}

func (r PartitionChange) body(e *encoder) {
	e.uuid(r.TopicID)
	e.int32(r.Partition)
	e.int32s(r.ISR)
	e.int32(r.Leader)
	e.bool(r.Recovery == Recovering)
	if version(r) > 0 {
		e.int32s(r.Replicas)
		e.int32s(r.Adding)
		e.int32s(r.Removing)
	}
}

func (r ProducerIDs) body(e *encoder) {
	e.int32(r.Broker)
	e.int64(r.BrokerEpoch)
	e.int64(r.Next)
}

func (r Config) body(e *encoder) {
	e.string(r.Topic)
	e.string(r.Name)
	e.string(r.Value)
}

func (r RemoveTopic) body(e *encoder) { e.uuid(r.ID) }

func (r RemoveConfig) body(e *encoder) {
	e.string(r.Topic)
	e.string(r.Name)
}

func (r BrokerConfig) body(e *encoder) {
	e.int32(r.Broker)
	e.string(r.Name)
	e.string(r.Value)
}

func (r RemoveBrokerConfig) body(e *encoder) {
	e.int32(r.Broker)
	e.string(r.Name)
}

func (r GroupConfig) body(e *encoder) {
	e.string(r.Group)
	e.string(r.Name)
	e.string(r.Value)
}

func (r RemoveGroupConfig) body(e *encoder) {
	e.string(r.Group)
	e.string(r.Name)
}

func (r ClientQuota) body(e *encoder) {
	e.uvarint(uint64(len(r.Entity)))
	for _, p := range r.Entity {
		e.string(p.Type)
		if e.bool(p.Default); !p.Default {
			e.string(p.Name)
		}
	}
	e.string(r.Key)
	if e.bool(r.Remove); !r.Remove {
		e.int64(int64(r.Value))
	}
}

type encoder struct{ b []byte }

func (e *encoder) uvarint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int32(v int32)    { e.b = binary.BigEndian.AppendUint32(e.b, uint32(v)) }
func (e *encoder) int64(v int64)    { e.b = binary.BigEndian.AppendUint64(e.b, uint64(v)) }
func (e *encoder) uuid(v [16]byte)  { e.b = append(e.b, v[:]...) }

func (e *encoder) bool(v bool) {
	var x byte
	if v {
		x = 1
	}
	e.b = append(e.b, x)
}

func (e *encoder) string(v string) {
	e.uvarint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) int32s(v []int32) {
	if v == nil {
		e.uvarint(0)
		return
	}
	e.uvarint(uint64(len(v)) + 1)
	for _, x := range v {
		e.int32(x)
	}
}

var (
	errShort  = errors.New("cut short")
	errVarint = errors.New("bad varint")
	errBool   = errors.New("bad boolean")
)

// decoder reads fields; after the first that is bad, all others are zero.
type decoder struct {
	b       []byte
	version uint64
	err     error
}

func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.b)) {
		d.err = errShort
	}
	if d.err != nil {
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) uvarint() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b)
	// The longer encodings of a number are refused: one record, one encoding.
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.err = errVarint
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int32() int32 {
	if b := d.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (d *decoder) int64() int64 {
	if b := d.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (d *decoder) uuid() (v [16]byte) {
	copy(v[:], d.take(16))
	return v
}

func (d *decoder) bool() bool {
	b := d.take(1)
	if b == nil {
		return false
	}
	if b[0] > 1 {
		d.err = errBool
	}
	return b[0] == 1
}

func (d *decoder) string() string { return string(d.take(d.uvarint())) }

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) bytes() []byte { return append([]byte{}, d.take(d.uvarint())...) }

func (d *decoder) endpoints() (list []Endpoint) {
	const least = 1 + 1 + 4 // bytes of one
	n := d.uvarint()
	if d.err == nil && n > uint64(len(d.b)/least) {
		d.err = errShort
	}
	for i := uint64(0); i < n && d.err == nil; i++ {
		list = append(list, Endpoint{d.string(), d.string(), d.int32()})
	}
	return list
}

func (d *decoder) entity() QuotaEntity {
	n := d.uvarint()
	if d.err == nil && n > uint64(len(d.b)/2) {
		d.err = errShort
	}
	if d.err != nil || n == 0 {
		return nil
	}
	e := make(QuotaEntity, n)
	for i := range e {
		e[i].Type = d.string()
		if e[i].Default = d.bool(); !e[i].Default {
			e[i].Name = d.string()
		}
	}
	return e
}

func (d *decoder) int32s() []int32 {
	n := d.uvarint()
	if d.err != nil || n == 0 {
		return nil
	}
	n--
	if n > uint64(len(d.b)/4) {
		d.err = errShort
		return nil
	}
	v := make([]int32, n)
	for i := range v {
		v[i] = d.int32()
	}
	return v
}
