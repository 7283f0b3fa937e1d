package txn

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/coordinator"
)

// A value is what kmsg makes of it, tagged fields that it does not know included.
func TestValueOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64Min(none).Draw(t, name) }
		r := record{
			state: State(rapid.IntRange(int(Empty), int(CompleteAbort)).Draw(t, "state")), producer: number("producer"), epoch: rapid.Int16Min(0).Draw(t, "epoch"),
			previous: number("previous"), next: number("next"), last: rapid.Int16Min(none).Draw(t, "last"),
			timeout: time.Duration(rapid.Int32Min(0).Draw(t, "timeout")) * time.Millisecond, started: number("started"), updated: number("updated"),
			version: rapid.Int16Range(0, 2).Draw(t, "version"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "topics") {
			r.partitions = append(r.partitions, coordinator.TopicPartitions{
				Topic: rapid.StringN(0, 200, -1).Draw(t, "topic"), Partitions: rapid.SliceOfN(rapid.Int32Min(0), 0, 200).Draw(t, "partitions"),
			})
		}
		v := kmsg.NewTxnMetadataValue()
		v.Version = 1
		v.ProducerID, v.ProducerEpoch, v.PreviousProducerID, v.NextProducerID = r.producer, r.epoch, r.previous, r.next
		v.TimeoutMillis, v.State = int32(r.timeout.Milliseconds()), kmsg.TransactionState(r.state)
		v.LastUpdateTimestamp, v.StartTimestamp, v.ClientTransactionVersion = r.updated, r.started, r.version
		if r.state != Empty { // which has null there
			v.Topics = []kmsg.TxnMetadataValueTopic{}
			for _, p := range r.partitions {
				v.Topics = append(v.Topics, kmsg.TxnMetadataValueTopic{Topic: p.Topic, Partitions: p.Partitions})
			}
		}
		if r.last != none {
			v.UnknownTags.Set(lastEpochTag, binary.BigEndian.AppendUint16(nil, uint16(r.last)))
		}
		if got, want := valueOf(&r), v.AppendTo(nil); !bytes.Equal(got, want) {
			t.Fatalf("%+v\n%x\nwant\n%x", r, got, want)
		}
		if got, own := readOwn(valueOf(&r)); !own {
			t.Fatalf("%+v is not known again", r)
		} else if any, err := readAny(valueOf(&r)); err != nil || !reflect.DeepEqual(got, any) {
			t.Fatalf("%+v is read as\n%+v\n%+v, %v", r, got, any, err)
		}
	})
}

// What is read as one of our own, kmsg reads as the same.
func FuzzReadOwn(f *testing.F) {
	for _, r := range []record{
		{state: Ongoing, producer: 7, epoch: 3, previous: 7, next: none, last: 2, version: 2, started: 5, updated: 6, partitions: []coordinator.TopicPartitions{{Topic: "a", Partitions: []int32{1, 2}}, {Topic: "b", Partitions: []int32{0}}}},
		{state: Empty, producer: 7, previous: none, next: none, last: none, started: none},
		{state: PrepareCommit, producer: 7, epoch: lastEpoch, previous: 7, next: 8, last: lastEpoch, version: 2},
	} {
		f.Add(valueOf(&r))
	}
	bare := valueOf(&record{state: Empty, producer: 7, previous: none, next: none, last: none, started: none})
	f.Add(append(append(bare[:len(bare)-1:len(bare)-1], 0x82), bytes.Repeat([]byte{versionTag, 2, 0, 1}, 130)...)) // a count of two bytes, in a varint
	f.Fuzz(func(t *testing.T, value []byte) {
		r, own := readOwn(value)
		if !own {
			return
		}
		any, err := readAny(value)
		if err != nil {
			t.Fatalf("%x is read as %+v, and it is none: %v", value, r, err)
		}
		if len(any.partitions) == 0 {
			any.partitions = nil
		}
		for i := range any.partitions {
			if len(any.partitions[i].Partitions) == 0 {
				any.partitions[i].Partitions = nil
			}
		}
		if !reflect.DeepEqual(r, any) {
			t.Fatalf("%x is read as\n%+v, and is\n%+v", value, r, any)
		}
	})
}
