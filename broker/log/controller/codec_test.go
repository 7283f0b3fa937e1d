package controller

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/sasl"
)

func uuids() *rapid.Generator[[16]byte] {
	return rapid.Custom(func(t *rapid.T) (id [16]byte) {
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		return id
	})
}

// anyRecord draws records of every kind, plausible or not.
func anyRecord() *rapid.Generator[Record] {
	ids := rapid.SliceOf(rapid.Int32())
	return rapid.Custom(func(t *rapid.T) Record {
		i32 := func() int32 { return rapid.Int32().Draw(t, "int32") }
		i64 := func() int64 { return rapid.Int64().Draw(t, "int64") }
		str := func() string { return rapid.String().Draw(t, "string") }
		yes := func() bool { return rapid.Bool().Draw(t, "bool") }
		uuid := func() [16]byte { return uuids().Draw(t, "uuid") }
		list := func() []int32 {
			if yes() {
				return nil
			}
			return append([]int32{}, ids.Draw(t, "ids")...)
		}
		switch rapid.IntRange(0, 19).Draw(t, "kind") {
		case 0:
			r := RegisterBroker{i32(), uuid(), i64(), str(), i32(), str(), yes(), yes(), nil}
			for range rapid.IntRange(0, 2).Draw(t, "listeners") {
				r.Others = append(r.Others, Endpoint{str(), str(), i32()})
			}
			return r
		case 1:
			return FenceBroker{i32(), i64()}
		case 2:
			return UnfenceBroker{i32(), i64()}
		case 3:
			return ShutDownBroker{i32(), i64()}
		case 4:
			return Topic{str(), uuid()}
		case 5:
			return Partition{uuid(), i32(), list(), list(), i32(), i32(), i32(), list(), list()}
		case 6:
			r := PartitionChange{uuid(), i32(), list(), i32(), Recovery(rapid.IntRange(0, 1).Draw(t, "recovery")), list(), nil, nil}
			if r.Replicas != nil {
				r.Adding, r.Removing = list(), list()
			}
			return r
		case 7:
			return ProducerIDs{i32(), i64(), i64()}
		case 8:
			return RemoveTopic{uuid()}
		case 9:
			return RemoveConfig{str(), str()}
		case 10:
			return BrokerConfig{i32(), str(), str()}
		case 12:
			r := ClientQuota{Key: str(), Remove: yes()}
			for range rapid.IntRange(0, 3).Draw(t, "parts") {
				p := QuotaPart{Type: str(), Default: yes()}
				if !p.Default {
					p.Name = str()
				}
				r.Entity = append(r.Entity, p)
			}
			if !r.Remove {
				r.Value = uint64(i64())
			}
			return r
		case 11:
			return RemoveBrokerConfig{i32(), str()}
		case 13:
			return GroupConfig{str(), str(), str()}
		case 14:
			return RemoveGroupConfig{str(), str()}
		case 17:
			return RemoveAccessControlEntry{uuid()}
		case 18:
			i8 := func() int8 { return rapid.Int8().Draw(t, "int8") }
			return AccessControlEntry{uuid(), acl.Entry{Resource: acl.Resource(i8()), Pattern: acl.Pattern(i8()), Name: str(), Principal: str(), Host: str(), Operation: acl.Operation(i8()), Permission: acl.Permission(i8())}}
		case 15:
			return RemoveScramCredential{str(), sasl.Scram(rapid.Int8().Draw(t, "mechanism"))}
		case 16:
			bytes := func() []byte { return append([]byte{}, str()...) }
			return ScramCredential{str(), sasl.Scram(rapid.Int8().Draw(t, "mechanism")), sasl.Credential{Salt: bytes(), StoredKey: bytes(), ServerKey: bytes(), Iterations: i32()}}
		default:
			return Config{str(), str(), str()}
		}
	})
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := anyRecord().Draw(t, "record")
		b := EncodeRecord(r)
		got, err := DecodeRecord(b)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Fatalf("%#v came back as %#v, %v", r, got, err)
		}
		for n := range b {
			if r, err := DecodeRecord(b[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes are a record: %#v", n, len(b), r)
			}
		}
		if r, err := DecodeRecord(append(b, 0)); err == nil {
			t.Fatalf("a byte too many is a record: %#v", r)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	for _, r := range []Record{
		RegisterBroker{1, [16]byte{1}, 2, "b1", 9092, "r", true, false, nil}, RegisterBroker{1, [16]byte{1}, 2, "b1", 9092, "", true, false, []Endpoint{{"SASL_PLAINTEXT", "b1", 9093}}},
		ScramCredential{"alice", sasl.SHA256, sasl.Credential{Salt: []byte{1}, StoredKey: []byte{2}, ServerKey: []byte{3}, Iterations: 4096}}, RemoveScramCredential{"alice", sasl.SHA512},
		AccessControlEntry{[16]byte{1}, acl.Entry{Resource: acl.Topic, Pattern: acl.Literal, Name: "orders", Principal: "User:alice", Host: "*", Operation: acl.Read, Permission: acl.Allow}},
		RemoveAccessControlEntry{[16]byte{1}},
		FenceBroker{1, 2}, UnfenceBroker{1, 2}, ShutDownBroker{1, 2},
		Topic{"orders", TopicID{1}}, Partition{TopicID{1}, 0, []int32{1, 2}, []int32{1}, 1, 0, 0, nil, nil},
		Partition{TopicID{1}, 0, []int32{1, 2}, []int32{1}, 1, 0, 0, []int32{2}, []int32{}},
		PartitionChange{TopicID{1}, 0, []int32{2}, 2, Recovering, nil, nil, nil}, ProducerIDs{1, 2, 1000}, Config{"orders", "min.insync.replicas", "2"},
		RemoveTopic{TopicID{1}}, RemoveConfig{"orders", "min.insync.replicas"},
		BrokerConfig{AllBrokers, "log.retention.ms", "1000"}, RemoveBrokerConfig{1, "log.retention.ms"},
		GroupConfig{"g", "share.auto.offset.reset", "earliest"}, RemoveGroupConfig{"g", "share.auto.offset.reset"},
		ClientQuota{QuotaEntity{{Type: QuotaClientID, Default: true}, {Type: QuotaUser, Name: "u"}}, "producer_byte_rate", 1 << 62, false},
		ClientQuota{QuotaEntity{{Type: QuotaIP, Name: "127.0.0.1"}}, "connection_creation_rate", 0, true},
		PartitionChange{TopicID{1}, 0, nil, NoLeaderChange, Recovered, []int32{1, 2}, []int32{2}, nil},
	} {
		f.Add(EncodeRecord(r))
	}
	f.Add([]byte{1, 3, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeRecord(b)
		if err != nil {
			return
		}
		if again := EncodeRecord(r); !bytes.Equal(again, b) {
			t.Fatalf("%x is %#v, which is %x", b, r, again)
		}
		// Whatever decodes must be replayed or refused.
		im := NewImage()
		if _, err := im.Replay(0, r); err != nil && im.Offset != -1 {
			t.Fatalf("%#v was refused and moved the image to %d: %v", r, im.Offset, err)
		}
	})
}

func TestDecodeRecordRefuses(t *testing.T) {
	for name, b := range map[string][]byte{ // unordered: independent rows
		"nothing":                   {},
		"frame version 2":           {2, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2},
		"version 1":                 {1, 7, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2},
		"version 1 without need":    append([]byte{1, 5, 1}, append(make([]byte, 16+4+1+4+1), 0, 0, 0)...),
		"version 2":                 append([]byte{1, 5, 2}, append(make([]byte, 16+4+1+4+1), 1, 0, 0)...),
		"unknown kind":              {1, 99, 0},
		"a kind in two bytes":       {1, 0x87, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2},
		"a varint without end":      {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a boolean of 2":            append(append([]byte{1, 5, 0}, make([]byte, 16+4+1+4)...), 2),
		"a string longer than this": {1, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 'x'},
		"a list longer than this":   append(append([]byte{1, 5, 0}, make([]byte, 16+4)...), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 1),
	} {
		if r, err := DecodeRecord(b); err == nil {
			t.Errorf("%s: %#v", name, r)
		}
	}
	if _, err := DecodeRecord([]byte{1, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2}); err != nil {
		t.Errorf("what the bad ones were made from is bad: %v", err)
	}
}
