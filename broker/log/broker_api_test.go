package log

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// newAlone is a broker 1 that leads a topic "orders" of one partition by itself.
func newAlone(t testing.TB, set func(*config.Broker)) (*lab, *labClient) {
	l := newCluster(t, 1, set)
	l.create("orders", nil, 1)
	return l, l.client(l.brokers[0])
}

// versionsOf are the versions of an API that a broker says it has.
func versionsOf(t *testing.T, c *labClient, key int16) (least, most int16) {
	t.Helper()
	resp := ask[*kmsg.ApiVersionsResponse](c, kmsg.NewPtrApiVersionsRequest(), 0)
	i := slices.IndexFunc(resp.ApiKeys, func(k kmsg.ApiVersionsResponseApiKey) bool { return k.ApiKey == key })
	if i < 0 {
		t.Fatalf("%s is not served", kmsg.NameForKey(key))
	}
	return resp.ApiKeys[i].MinVersion, resp.ApiKeys[i].MaxVersion
}

// Each API works in every version that is advertised.
func TestEveryVersion(t *testing.T) {
	each := func(name string, key, from int16, check func(t *testing.T, l *lab, c *labClient, version int16)) {
		t.Run(name, func(t *testing.T) {
			l, c := newAlone(t, nil)
			least, most := versionsOf(t, c, key)
			for v := max(least, from); v <= most; v++ {
				check(t, l, c, v)
			}
		})
	}
	produced := int64(0)
	each("Produce", wire.Produce, 3, func(t *testing.T, _ *lab, c *labClient, v int16) {
		for _, acks := range []int16{-1, 1} {
			a := ask[*kmsg.ProduceResponse](c, produceRequest("orders", acks, time.Second, batch("a", "b")), v).Topics[0]
			if p := a.Partitions[0]; a.Topic != "orders" || p.ErrorCode != 0 || p.BaseOffset != produced {
				t.Errorf("version %d, acks %d: %+v, want offset %d", v, acks, a, produced)
			}
			produced += 2
		}
	})
	each("Fetch", wire.Fetch, 0, func(t *testing.T, l *lab, c *labClient, v int16) {
		if l.broker(1).Replicas()[0].LogEnd() == 0 {
			ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
			ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("b")), 9)
		}
		req := fetchRequest("orders", 1, 1, 0)
		req.Topics[0].TopicID = l.broker(1).Image().Topics["orders"].ID
		answer := ask[*kmsg.FetchResponse](c, req, v).Topics[0]
		if v < 13 && answer.Topic != "orders" || v >= 13 && answer.TopicID != req.Topics[0].TopicID {
			t.Errorf("version %d: answered topic %q, %x", v, answer.Topic, answer.TopicID)
		}
		p := answer.Partitions[0]
		if p.ErrorCode != 0 || p.HighWatermark != 2 || p.LastStableOffset != 2 || v >= 5 && p.LogStartOffset != 0 || !slices.Equal(values(t, p.RecordBatches), []string{"b"}) {
			t.Errorf("version %d: %+v", v, p)
		}
	})
	each("ListOffsets", wire.ListOffsets, 0, func(t *testing.T, l *lab, c *labClient, v int16) {
		if l.broker(1).Replicas()[0].LogEnd() == 0 {
			ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a", "b", "c")), 9)
		}
		for timestamp, want := range map[int64]int64{-1: 3, -2: 0, 1001: 1, 1003: -1} { // unordered: independent rows
			p := ask[*kmsg.ListOffsetsResponse](c, listRequest("orders", timestamp), v).Topics[0].Partitions[0]
			if p.ErrorCode != 0 || p.Offset != want || timestamp == 1001 && p.Timestamp != 1001 || v >= 4 && want >= 0 && p.LeaderEpoch != 0 {
				t.Errorf("version %d, timestamp %d: %+v", v, timestamp, p)
			}
		}
	})
	each("Metadata", wire.Metadata, 0, func(t *testing.T, l *lab, c *labClient, v int16) {
		named := kmsg.NewMetadataRequestTopic()
		named.Topic = kmsg.StringPtr("orders")
		req := kmsg.NewPtrMetadataRequest()
		req.Topics = []kmsg.MetadataRequestTopic{named}
		a := ask[*kmsg.MetadataResponse](c, req, v)
		if len(a.Brokers) != 1 || a.Brokers[0].Host != "b1" || a.Brokers[0].Port != 9092 || v >= 1 && a.ControllerID != 1 || v >= 2 && *a.ClusterID != ClusterID {
			t.Errorf("version %d: %+v", v, a)
		}
		if len(a.Topics) != 1 || *a.Topics[0].Topic != "orders" || a.Topics[0].ErrorCode != 0 || v >= 10 && a.Topics[0].TopicID != l.broker(1).Image().Topics["orders"].ID {
			t.Fatalf("version %d: %+v", v, a.Topics)
		}
		if p := a.Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Leader != 1 || v >= 7 && p.LeaderEpoch != 0 || !slices.Equal(p.Replicas, []int32{1}) || !slices.Equal(p.ISR, []int32{1}) || len(p.OfflineReplicas) != 0 {
			t.Errorf("version %d: %+v", v, p)
		}
		all := kmsg.NewPtrMetadataRequest()
		if a := ask[*kmsg.MetadataResponse](c, all, v); len(a.Topics) != 1 {
			t.Errorf("version %d: all topics are %+v", v, a.Topics)
		}
		if all.Topics = []kmsg.MetadataRequestTopic{}; v >= 1 {
			if a := ask[*kmsg.MetadataResponse](c, all, v); len(a.Topics) != 0 {
				t.Errorf("version %d: no topics are %+v", v, a.Topics)
			}
		}
	})
	each("ApiVersions", wire.ApiVersions, 0, func(t *testing.T, _ *lab, c *labClient, v int16) {
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "lab", "1"
		if a := ask[*kmsg.ApiVersionsResponse](c, req, v); a.ErrorCode != 0 || len(a.ApiKeys) != 8 {
			t.Errorf("version %d: %+v", v, a)
		}
	})
	each("CreateTopics", wire.CreateTopics, 0, func(t *testing.T, l *lab, c *labClient, v int16) {
		req := labCreate("topic-"+string(rune('a'+v)), 1)
		req.TimeoutMillis = 1000
		if a := ask[*kmsg.CreateTopicsResponse](c, req, v).Topics; len(a) != 1 || a[0].ErrorCode != 0 || l.broker(1).Image().Topics[a[0].Topic] == nil {
			t.Errorf("version %d: %+v", v, a)
		}
	})
	ids := int64(0)
	each("InitProducerId", wire.InitProducerID, 0, func(t *testing.T, _ *lab, c *labClient, v int16) {
		if v == 0 {
			if a := ask[*kmsg.InitProducerIDResponse](c, kmsg.NewPtrInitProducerIDRequest(), v); a.ErrorCode != wire.CoordinatorLoadInProgress || a.ProducerID != -1 {
				t.Errorf("the first: %+v", a)
			}
		}
		if a := ask[*kmsg.InitProducerIDResponse](c, kmsg.NewPtrInitProducerIDRequest(), v); a.ErrorCode != 0 || a.ProducerID != ids || a.ProducerEpoch != 0 {
			t.Errorf("version %d: %+v", v, a)
		}
		ids++
	})
	each("OffsetForLeaderEpoch", wire.OffsetForLeaderEpoch, 0, func(t *testing.T, l *lab, c *labClient, v int16) {
		if l.broker(1).Replicas()[0].LogEnd() == 0 {
			ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a", "b")), 9)
		}
		p := ask[*kmsg.OffsetForLeaderEpochResponse](c, epochRequest("orders", 0, 0), v).Topics[0].Partitions[0]
		if p.ErrorCode != 0 || p.LeaderEpoch != 0 || p.EndOffset != 2 {
			t.Errorf("version %d: %+v", v, p)
		}
	})
}

func listRequest(topic string, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp, p.CurrentLeaderEpoch = timestamp, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func epochRequest(topic string, current, epoch int32) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = topic
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.CurrentLeaderEpoch, p.LeaderEpoch = current, epoch
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// newElsewhere is a cluster of two with topics led by both in epoch 1: "here" is
// led by the broker of the client, "there" has its follower there. "empty" is led
// by nobody.
func newElsewhere(t testing.TB) (*lab, *labClient) {
	l, c := newServing(t, nil)
	id := func(b byte) controller.TopicID { return controller.TopicID{b} }
	c.publish(
		controller.Topic{Name: "here", ID: id(1)},
		controller.Partition{TopicID: id(1), Replicas: []int32{1, 2}, ISR: []int32{1}, Leader: 1},
		controller.PartitionChange{TopicID: id(1), Leader: 2, ISR: []int32{1, 2}},
		controller.PartitionChange{TopicID: id(1), Leader: 1, ISR: []int32{1}},
		controller.Topic{Name: "there", ID: id(2)},
		controller.Partition{TopicID: id(2), Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 2},
		controller.Topic{Name: "none", ID: id(3)},
		controller.Partition{TopicID: id(3), Replicas: []int32{2, 3}, ISR: []int32{2}, Leader: controller.NoLeader},
	)
	return l, l.client(l.brokers[0])
}

// Every error that a request about a partition may meet. "here" is led in epoch 2.
func TestPartitionErrors(t *testing.T) {
	_, c := newElsewhere(t)
	for _, tt := range []struct {
		topic     string
		partition int32
		epoch     int32
		want      int16
	}{
		{"here", 0, -1, 0},
		{"here", 0, 2, 0},
		{"here", 0, 1, wire.FencedLeaderEpoch},
		{"here", 0, 3, wire.UnknownLeaderEpoch},
		{"here", 1, -1, wire.UnknownTopicOrPartition},
		{"here", -1, -1, wire.UnknownTopicOrPartition},
		{"nowhere", 0, -1, wire.UnknownTopicOrPartition},
		{"there", 0, -1, wire.NotLeaderOrFollower},
		{"there", 0, 0, wire.NotLeaderOrFollower},
		{"there", 0, 1, wire.UnknownLeaderEpoch},
		{"none", 0, -1, wire.NotLeaderOrFollower},
	} {
		fetch := fetchRequest(tt.topic, 0, 1, time.Minute)
		fetch.Topics[0].Partitions[0].Partition, fetch.Topics[0].Partitions[0].CurrentLeaderEpoch = tt.partition, tt.epoch
		if tt.want == 0 {
			fetch.MaxWaitMillis = 0
		}
		list := listRequest(tt.topic, latestTimestamp)
		list.Topics[0].Partitions[0].Partition, list.Topics[0].Partitions[0].CurrentLeaderEpoch = tt.partition, tt.epoch
		end := epochRequest(tt.topic, tt.epoch, 0)
		end.Topics[0].Partitions[0].Partition = tt.partition
		got := map[string]int16{
			"Fetch":                ask[*kmsg.FetchResponse](c, fetch, 12).Topics[0].Partitions[0].ErrorCode,
			"ListOffsets":          ask[*kmsg.ListOffsetsResponse](c, list, 7).Topics[0].Partitions[0].ErrorCode,
			"OffsetForLeaderEpoch": ask[*kmsg.OffsetForLeaderEpochResponse](c, end, 4).Topics[0].Partitions[0].ErrorCode,
		}
		if tt.epoch == -1 {
			produce := produceRequest(tt.topic, 1, time.Second, batch("a"))
			produce.Topics[0].Partitions[0].Partition = tt.partition
			p := ask[*kmsg.ProduceResponse](c, produce, 9).Topics[0].Partitions[0]
			if got["Produce"] = p.ErrorCode; p.ErrorCode != 0 && (p.BaseOffset != -1 || p.LogStartOffset != -1) {
				t.Errorf("%+v: %+v", tt, p)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if got[name] != tt.want {
				t.Errorf("%s of %+v: %s", name, tt, wire.ErrorName(got[name]))
			}
		}
	}
}

// What only a Produce may get wrong.
func TestProduceErrors(t *testing.T) {
	l, c := newAlone(t, func(b *config.Broker) { b.MessageMaxBytes = 200 })
	l.create("pair", map[string]string{"min.insync.replicas": "2"}, 1)
	corrupt := slices.Clone(batch("a"))
	corrupt[len(corrupt)-1] ^= 1
	old := slices.Clone(batch("a"))
	old[16] = 1 // magic
	control := wire.NewBuilder(-1, -1, -1)
	control.Append(0, nil, []byte("c"), nil)
	control.Control()
	changed := func(at int, to byte) []byte {
		b := slices.Clone(batch("a"))
		b[at] = to
		return b
	}
	sealed := func(b []byte) []byte {
		binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
		return b
	}
	for _, tt := range []struct {
		name  string
		acks  int16
		batch []byte
		want  int16
	}{
		{"acks", 2, batch("a"), wire.InvalidRequiredAcks},
		{"acks", -2, batch("a"), wire.InvalidRequiredAcks},
		{"a bad checksum", 1, corrupt, wire.CorruptMessage},
		{"no batch", 1, []byte("garbage"), wire.InvalidRecord},
		{"nothing", 1, nil, wire.InvalidRecord},
		{"an old format", 1, old, wire.InvalidRecord},
		{"a format that nobody knows", 1, changed(16, 3), wire.CorruptMessage},
		{"two batches", 1, slices.Concat(batch("a"), batch("b")), wire.InvalidRecord},
		{"a batch and garbage after it", 1, slices.Concat(batch("a"), bytes.Repeat([]byte{9}, 20)), wire.CorruptMessage},
		{"a part of a batch", 1, batch("a")[:40], wire.InvalidRecord},
		{"an absurd length", 1, changed(8, 0x7f), wire.InvalidRecord},
		{"a negative length", 1, changed(8, 0x80), wire.CorruptMessage},
		{"a codec that nobody knows", 1, sealed(changed(22, 5)), wire.UnknownServerError},
		{"not from offset 0", 1, changed(7, 1), wire.InvalidRecord},
		{"markers", 1, control.Bytes().Contiguous(), wire.InvalidRecord},
		{"too much", 1, batch(strings.Repeat("x", 200)), wire.MessageTooLarge},
		{"a sequence that begins late", 1, batchOf(7, 0, 5, "a"), 0}, // nothing is known of it
		{"a hole in the sequence", 1, batchOf(7, 0, 7, "a"), wire.OutOfOrderSequenceNumber},
		{"a new epoch that begins late", 1, batchOf(7, 1, 1, "a"), wire.OutOfOrderSequenceNumber},
		{"a new epoch", 1, batchOf(7, 1, 0, "a"), 0},
		{"an old epoch", 1, batchOf(7, 0, 6, "a"), wire.InvalidProducerEpoch},
	} {
		p := ask[*kmsg.ProduceResponse](c, produceRequest("orders", tt.acks, time.Second, tt.batch), 9).Topics[0].Partitions[0]
		if p.ErrorCode != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, wire.ErrorName(p.ErrorCode), wire.ErrorName(tt.want))
		}
	}
	end := l.broker(1).Replicas()[0].LogEnd()
	again := ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batchOf(7, 1, 0, "a")), 9).Topics[0].Partitions[0]
	if again.ErrorCode != 0 || again.BaseOffset != end-1 || l.broker(1).Replicas()[0].LogEnd() != end {
		t.Errorf("a duplicate: %+v", again)
	}

	// Acks that are wrong come before what is wrong with the batch or the leader,
	// but after a topic that nobody knows.
	if p := ask[*kmsg.ProduceResponse](c, produceRequest("nowhere", 5, time.Second, batch("a")), 9).Topics[0].Partitions[0]; p.ErrorCode != wire.UnknownTopicOrPartition {
		t.Errorf("unknown topic: %s", wire.ErrorName(p.ErrorCode))
	}
	// One partition's error is its own.
	req := produceRequest("orders", 1, time.Second, batch("a"), batch("b"))
	req.Topics[0].Partitions[1].Partition = 1
	if p := ask[*kmsg.ProduceResponse](c, req, 9).Topics[0].Partitions; p[0].ErrorCode != 0 || p[1].ErrorCode != wire.UnknownTopicOrPartition {
		t.Errorf("%+v", p)
	}
}

// A producer that has been silent for producer.id.expiration.ms is forgotten.
func TestProducerExpires(t *testing.T) {
	l, c := newAlone(t, func(b *config.Broker) { b.ProducerIDExpiration = time.Minute })
	produce := func(sequence int32) int16 {
		return ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, batchOf(7, 0, sequence, "a")), 9).Topics[0].Partitions[0].ErrorCode
	}
	produce(0)
	l.advance(5 * time.Minute)
	if code := produce(9); code != wire.OutOfOrderSequenceNumber {
		t.Errorf("before: %s", wire.ErrorName(code))
	}
	l.advance(10 * time.Minute)
	if code := produce(9); code != 0 {
		t.Errorf("after: %s", wire.ErrorName(code))
	}
}

// The ISR may fall below min.insync.replicas before an append, and after it.
func TestNotEnoughReplicas(t *testing.T) {
	l := newCluster(t, 2, nil)
	l.create("orders", map[string]string{"min.insync.replicas": "2"}, 1, 2)
	l.crash(l.brokers[1])
	l.advance(15 * time.Second)
	c := l.client(l.brokers[0])
	if p := ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9).Topics[0].Partitions[0]; p.ErrorCode != wire.NotEnoughReplicas {
		t.Errorf("before: %s", wire.ErrorName(p.ErrorCode))
	}
	// The high watermark stays while the ISR is too small, so only a change of the
	// configuration makes that of an append that is committed.
	l, _, c = newLeading(t, 1)
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9)
	topic := config.DefaultTopic()
	topic.MinInsyncReplicas = 2
	leader := l.broker(1).partitions[0]
	leader.SetTopic(topic)
	w := producing{p: leader, end: 1, answer: &kmsg.ProduceResponseTopicPartition{}}
	if done := w.decide(-1); !done || w.answer.ErrorCode != wire.NotEnoughReplicasAfterAppend {
		t.Errorf("after: %t, %s", done, wire.ErrorName(w.answer.ErrorCode))
	}
}

// With acks=0 a closed connection is the only way to say that something is wrong.
func TestAcksZero(t *testing.T) {
	l, c := newAlone(t, nil)
	c.send(produceRequest("orders", 0, time.Second, batch("a")), 9)
	if p := ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, 0), 12).Topics[0].Partitions[0]; !slices.Equal(values(t, p.RecordBatches), []string{"a"}) {
		t.Errorf("fetched %+v", p)
	}
	c.send(produceRequest("nowhere", 0, time.Second, batch("a")), 9)
	if c.closed == nil || len(l.broker(1).conns) != 0 {
		t.Errorf("closed: %v, %d connections", c.closed, len(l.broker(1).conns))
	}
	// The versions before record batches are advertised, and refused.
	for v := range int16(3) {
		c = l.client(l.brokers[0])
		if p := ask[*kmsg.ProduceResponse](c, produceRequest("orders", 1, time.Second, []byte("old")), v).Topics[0].Partitions[0]; p.ErrorCode != wire.UnsupportedVersion || p.BaseOffset != -1 {
			t.Errorf("version %d: %+v", v, p)
		}
		c.send(produceRequest("orders", 0, time.Second, []byte("old")), v)
		if c.closed == nil {
			t.Errorf("version %d with acks=0: the connection is open", v)
		}
	}
}

// A leader that does not know yet what was committed before it does not say where
// the end is (KIP-207).
func TestListOffsetsNotAvailable(t *testing.T) {
	l, c, follower := newLeading(t, 1, 2)
	ask[*kmsg.ProduceResponse](follower, produceRequest("orders", 1, time.Second, batch("a", "b")), 9)
	c.publish(elected(2, 1, 2), elected(1, 1, 2))
	for _, tt := range []struct {
		name      string
		timestamp int64
		replica   int32
		version   int16
		want      int16
		offset    int64
	}{
		{name: "latest", timestamp: -1, replica: -1, version: 5, want: wire.OffsetNotAvailable, offset: -1},
		{name: "latest", timestamp: -1, replica: -1, version: 4, want: wire.LeaderNotAvailable, offset: -1},
		{name: "latest for a follower", timestamp: -1, replica: 2, version: 5, offset: 2},
		{name: "earliest", timestamp: -2, replica: -1, version: 5},
		{name: "a time that may be there", timestamp: 1001, replica: -1, version: 5, want: wire.OffsetNotAvailable, offset: -1},
		{name: "a time that may be there", timestamp: 1001, replica: -1, version: 1, want: wire.LeaderNotAvailable, offset: -1},
		{name: "no kind of time", timestamp: -4, replica: -1, version: 7, want: wire.UnsupportedVersion, offset: -1},
	} {
		req := listRequest("orders", tt.timestamp)
		req.ReplicaID = tt.replica
		p := ask[*kmsg.ListOffsetsResponse](follower, req, tt.version).Topics[0].Partitions[0]
		if p.ErrorCode != tt.want || p.Offset != tt.offset {
			t.Errorf("%s, version %d: %s, offset %d", tt.name, tt.version, wire.ErrorName(p.ErrorCode), p.Offset)
		}
	}
	req := followerFetch(2, 2)
	req.Topics[0].Partitions[0].CurrentLeaderEpoch = -1
	ask[*kmsg.FetchResponse](follower, req, 12)
	if p := ask[*kmsg.ListOffsetsResponse](follower, listRequest("orders", -1), 5).Topics[0].Partitions[0]; p.ErrorCode != 0 || p.Offset != 2 || p.LeaderEpoch != 2 {
		t.Errorf("once the follower has been heard of: %+v", p)
	}
	l.advance(0)
}

// Metadata is what the broker has replayed, with what is not there now.
func TestMetadataErrors(t *testing.T) {
	l, c := newServing(t, nil)
	client := l.client(l.brokers[0])
	fence := func(id int32, epoch int64) controller.Record { return controller.FenceBroker{ID: id, Epoch: epoch} }
	c.publish(append(led("orders", 2, 2), fence(2, 0))...)
	describe := func(name string, id controller.TopicID, version int16) *kmsg.MetadataResponse {
		req := kmsg.NewPtrMetadataRequest()
		x := kmsg.NewMetadataRequestTopic()
		if x.TopicID = id; name != "" {
			x.Topic = &name
		}
		req.Topics = append(req.Topics, x)
		return ask[*kmsg.MetadataResponse](client, req, version)
	}
	a := describe("orders", controller.TopicID{}, 9)
	p := a.Topics[0].Partitions[0]
	if p.ErrorCode != wire.LeaderNotAvailable || p.Leader != -1 || !slices.Equal(p.OfflineReplicas, []int32{2}) || len(a.Brokers) != 2 {
		t.Errorf("a leader that is fenced: %+v", a)
	}
	if a := describe("", lonelyTopic, 12).Topics[0]; a.ErrorCode != 0 || *a.Topic != "orders" {
		t.Errorf("by id: %+v", a)
	}
	if a := describe("", controller.TopicID{9}, 12).Topics[0]; a.ErrorCode != wire.UnknownTopicID {
		t.Errorf("by an unknown id: %+v", a)
	}
	// A broker that is fenced names another to send requests for the controller to.
	c.publish(fence(1, lonelyEpoch))
	if a := describe("orders", controller.TopicID{}, 9); a.ControllerID != 3 {
		t.Errorf("controller %d", a.ControllerID)
	}
	c.publish(fence(3, 2))
	if a := describe("orders", controller.TopicID{}, 9); a.ControllerID != -1 || len(a.Brokers) != 0 {
		t.Errorf("controller %d, brokers %v", a.ControllerID, a.Brokers)
	}
}

// There are no transactions yet.
func TestTransactionalProducer(t *testing.T) {
	_, c := newAlone(t, nil)
	req := kmsg.NewPtrInitProducerIDRequest()
	req.TransactionalID = kmsg.StringPtr("tx")
	if a := ask[*kmsg.InitProducerIDResponse](c, req, 4); a.ErrorCode != wire.CoordinatorNotAvailable || a.ProducerID != -1 {
		t.Errorf("answered %+v", a)
	}
}

// What cannot be understood ends its connection, and no other.
func TestBrokerGarbage(t *testing.T) {
	l, good := newAlone(t, func(b *config.Broker) { b.SocketRequestMaxBytes = 1000 })
	frame := func(req kmsg.Request, version int16) []byte {
		req.SetVersion(version)
		return good.format.AppendRequest(nil, req, 1)
	}
	resized := func(b []byte) []byte {
		binary.BigEndian.PutUint32(b, uint32(len(b)-4))
		return b
	}
	metadata := frame(kmsg.NewPtrMetadataRequest(), 9)
	for name, bad := range map[string][]byte{ // unordered: independent rows
		"nothing":            {0, 0, 0, 0},
		"half a size":        {0, 0},
		"a wrong length":     append(slices.Clone(metadata), 1, 2, 3),
		"half a request":     resized(slices.Clone(metadata[:len(metadata)-2])),
		"bytes behind it":    resized(slices.Concat(frame(produceRequest("orders", 1, 0, batch("a")), 9), []byte{1})),
		"an unknown API":     frame(kmsg.NewPtrJoinGroupRequest(), 5),
		"an unknown version": {0, 0, 0, 10, 0, 0, 0, 99, 0, 0, 0, 1, 0xff, 0xff},
		"too large":          frame(produceRequest("orders", 1, 0, batch(strings.Repeat("x", 1000))), 9),
	} {
		c := l.client(l.brokers[0])
		c.raw(bad)
		if c.closed == nil || len(c.answers) > 0 || l.broker(1).Err() != nil {
			t.Errorf("%s: closed %v, answers %v, error %v", name, c.closed, c.answers, l.broker(1).Err())
		}
	}
	// An ApiVersions of the future is answered in version 0 (KIP-511).
	c := l.client(l.brokers[0])
	c.asked = append(c.asked, kmsg.NewPtrApiVersionsRequest())
	c.raw([]byte{0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 1, 0xff, 0xff})
	if a := c.answer().(*kmsg.ApiVersionsResponse); a.ErrorCode != wire.UnsupportedVersion || len(a.ApiKeys) != 8 {
		t.Errorf("answered %+v", a)
	}
	ask[*kmsg.MetadataResponse](good, kmsg.NewPtrMetadataRequest(), 9)
}
