package wire

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// unhex reads bytes written by hand: hex in groups, a comment after # on each line.
func unhex(t *testing.T, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, name string, got machine.Bytes, text string) {
	t.Helper()
	if want := unhex(t, text); !bytes.Equal(got.Contiguous(), want) {
		t.Errorf("%s\n%x\nwant\n%x", name, got.Contiguous(), want)
	}
}

// These bytes were written by hand after the protocol guide,
// https://kafka.apache.org/protocol.
func TestGoldenFrames(t *testing.T) {
	serves := NewTable(API{Key: Produce, Max: 9, ServedFrom: 3}, API{Key: Fetch, Min: 4, Max: 12}, API{Key: ApiVersions, Max: 3})
	l := &link{peer: NewPeer("c", serves), serves: serves}
	l.peer.Open(1, &l.out)
	frame := l.sent(t)
	golden(t, "ApiVersions v3 request", frame, `
		00000019                 # size
		0012 0003 00000000       # key, version, correlation id
		0001 63                  # client id: not compact in any version
		00                       # no tagged fields: header version 2
		0a 62726f6b657273696d    # client software name: brokersim
		02 31                    # client software version: 1
		00`)
	r, err := DecodeRequest(frame, serves)
	if err != nil {
		t.Fatal(err)
	}
	frame = EncodeResponse(&r, serves.ApiVersions(), nil)
	golden(t, "ApiVersions v3 response", frame, `
		00000021
		00000000                 # correlation id; header version 0 has no tagged fields
		0000                     # error code
		04                       # 3 API keys
		0000 0000 0009 00        # Produce from 0
		0001 0004 000c 00
		0012 0000 0003 00
		00000000                 # throttle time
		00`)
	if _, _, err := l.peer.Received(frame, &l.out); err != nil || !l.peer.Ready() {
		t.Fatalf("ready %t, %v", l.peer.Ready(), err)
	}

	produce := kmsg.NewPtrProduceRequest()
	produce.Acks, produce.TimeoutMillis = -1, 1500
	produce.Topics = []kmsg.ProduceRequestTopic{{Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3}}}}
	l.peer.Send(&l.out, produce, []Records{machine.Literal([]byte{0xaa, 0xbb, 0xcc})}, nil)
	frame = l.sent(t)
	golden(t, "Produce v9 request", frame, `
		00000022
		0000 0009 00000001
		0001 63
		00
		00                       # transactional id: null
		ffff 000005dc            # acks, timeout in ms
		02 02 74                 # 1 topic: t
		02 00000003              # 1 partition: 3
		04 aabbcc                # records
		00 00 00                 # no tagged fields of the partition, the topic, the request`)
	if r, err = DecodeRequest(frame, serves); err != nil {
		t.Fatal(err)
	}
	answer := kmsg.NewPtrProduceResponse()
	p := kmsg.NewProduceResponseTopicPartition()
	p.Partition, p.BaseOffset, p.LogAppendTime, p.LogStartOffset = 3, 42, -1, 5
	answer.Topics = []kmsg.ProduceResponseTopic{{Topic: "t", Partitions: []kmsg.ProduceResponseTopicPartition{p}}}
	frame = EncodeResponse(&r, answer, nil)
	golden(t, "Produce v9 response", frame, `
		00000030
		00000001 00              # correlation id; no tagged fields: header version 1
		02 02 74
		02 00000003
		0000                     # error code
		000000000000002a         # base offset
		ffffffffffffffff         # log append time: create time is kept
		0000000000000005         # log start offset
		01 00                    # no record errors, error message null
		00 00                    # no tagged fields of the partition, the topic
		00000000                 # throttle time
		00`)
	if _, ok, err := l.peer.Received(frame, &l.out); !ok || err != nil {
		t.Fatal(err)
	}

	fetch := kmsg.NewPtrFetchRequest()
	fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes, fetch.SessionEpoch = 500, 1, 1<<20, -1
	want := kmsg.NewFetchRequestTopicPartition()
	want.CurrentLeaderEpoch, want.FetchOffset, want.LastFetchedEpoch, want.PartitionMaxBytes = 7, 42, 6, 1<<15
	fetch.Topics = []kmsg.FetchRequestTopic{{Topic: "t", Partitions: []kmsg.FetchRequestTopicPartition{want}}}
	l.peer.Send(&l.out, fetch, nil, nil)
	frame = l.sent(t)
	golden(t, "Fetch v12 request", frame, `
		0000004e
		0001 000c 00000002
		0001 63
		00
		ffffffff                 # replica id: a consumer
		000001f4 00000001        # max wait in ms, min bytes
		00100000 00              # max bytes, isolation level: read uncommitted
		00000000 ffffffff        # session id and epoch: none
		02 02 74                 # 1 topic: t
		02 00000000              # 1 partition: 0
		00000007                 # current leader epoch
		000000000000002a         # fetch offset
		00000006                 # last fetched epoch
		ffffffffffffffff         # log start offset: not a follower
		00008000                 # partition max bytes
		00 00
		01 01                    # no forgotten topics, no rack
		00`)
	if r, err = DecodeRequest(frame, serves); err != nil {
		t.Fatal(err)
	}
	data := kmsg.NewFetchResponseTopicPartition()
	data.HighWatermark, data.LastStableOffset = 43, 43
	diverged := kmsg.NewFetchResponseTopicPartition()
	diverged.Partition, diverged.HighWatermark, diverged.LastStableOffset = 1, 43, 43
	diverged.DivergingEpoch.Epoch, diverged.DivergingEpoch.EndOffset = 6, 41
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "t", Partitions: []kmsg.FetchResponseTopicPartition{data, diverged}}}
	golden(t, "Fetch v12 response", EncodeResponse(&r, resp, []Records{machine.Literal([]byte{0xaa, 0xbb, 0xcc}), {}}), `
		00000071
		00000002 00
		00000000 0000 00000000   # throttle time, error code, session id
		02 02 74
		03                       # 2 partitions
		00000000 0000            # partition, error code
		000000000000002b         # high watermark
		000000000000002b         # last stable offset
		ffffffffffffffff         # log start offset: not known
		01                       # no aborted transactions: empty, not null
		ffffffff                 # preferred read replica: none
		04 aabbcc                # records
		00
		00000001 0000
		000000000000002b
		000000000000002b
		ffffffffffffffff
		01
		ffffffff
		01                       # records: empty, not null
		01 00 0d                 # 1 tagged field: number 0, 13 bytes
		00000006 0000000000000029 00  # diverging epoch and its end offset
		00 00`)
}

// Fetch of a follower, which names topics by id (KIP-516) and the life in which it
// asks (KIP-903).
func TestGoldenFetchOfAFollower(t *testing.T) {
	serves := NewTable(API{Key: Fetch, Min: 4, Max: 15}, API{Key: ApiVersions, Max: 3})
	l := dial(t, "c", serves, serves)
	topic := [16]byte{0x11, 15: 0x22}
	fetch := kmsg.NewPtrFetchRequest()
	fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes, fetch.SessionEpoch = 500, 1, 1<<20, -1
	fetch.ReplicaState.ID, fetch.ReplicaState.Epoch = 3, 77
	want := kmsg.NewFetchRequestTopicPartition()
	want.CurrentLeaderEpoch, want.FetchOffset, want.LastFetchedEpoch, want.LogStartOffset, want.PartitionMaxBytes = 7, 42, 6, 0, 1<<15
	fetch.Topics = []kmsg.FetchRequestTopic{{TopicID: topic, Partitions: []kmsg.FetchRequestTopicPartition{want}}}
	l.peer.Send(&l.out, fetch, nil, nil)
	frame := l.sent(t)
	golden(t, "Fetch v15 request", frame, `
		00000067
		0001 000f 00000001
		0001 63
		00
		000001f4 00000001        # max wait in ms, min bytes: the replica id is a tagged field
		00100000 00              # max bytes, isolation level
		00000000 ffffffff        # session id and epoch: none
		02                       # 1 topic, by its id
		11000000 00000000 00000000 00000022
		02 00000000              # 1 partition: 0
		00000007                 # current leader epoch
		000000000000002a         # fetch offset
		00000006                 # last fetched epoch
		0000000000000000         # log start offset
		00008000                 # partition max bytes
		00 00
		01 01                    # no forgotten topics, no rack
		01 01 0d                 # 1 tagged field: number 1, 13 bytes
		00000003 000000000000004d 00  # replica id and broker epoch`)
	r, err := DecodeRequest(frame, serves)
	if err != nil {
		t.Fatal(err)
	}
	if id, epoch := FetchReplica(r.Body.(*kmsg.FetchRequest)); id != 3 || epoch != 77 {
		t.Errorf("replica %d in epoch %d", id, epoch)
	}
	data := kmsg.NewFetchResponseTopicPartition()
	data.HighWatermark, data.LastStableOffset, data.LogStartOffset = 43, 43, 0
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = []kmsg.FetchResponseTopic{{TopicID: topic, Partitions: []kmsg.FetchResponseTopicPartition{data}}}
	golden(t, "Fetch v15 response", EncodeResponse(&r, resp, []Records{machine.Literal([]byte{0xaa, 0xbb, 0xcc})}), `
		0000004b
		00000001 00
		00000000 0000 00000000   # throttle time, error code, session id
		02                       # 1 topic, by its id
		11000000 00000000 00000000 00000022
		02 00000000 0000         # 1 partition, error code
		000000000000002b         # high watermark
		000000000000002b         # last stable offset
		0000000000000000         # log start offset
		01                       # no aborted transactions
		ffffffff                 # preferred read replica: none
		04 aabbcc                # records
		00 00 00`)
}

// Where a request has its replica id depends on its version.
func TestFetchReplica(t *testing.T) {
	req := kmsg.NewFetchRequest()
	req.ReplicaID, req.ReplicaState.ID, req.ReplicaState.Epoch = 2, 3, 77
	req.Version = 14
	if id, epoch := FetchReplica(&req); id != 2 || epoch != -1 {
		t.Errorf("version 14: replica %d in epoch %d", id, epoch)
	}
	req.Version = 15
	if id, epoch := FetchReplica(&req); id != 3 || epoch != 77 {
		t.Errorf("version 15: replica %d in epoch %d", id, epoch)
	}
}
