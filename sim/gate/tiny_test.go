package gate_test

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim/scenario"
)

// tiny is somebody else's broker: one node that speaks just enough of the protocol.
// It remembers its topics but keeps their records in memory, so that they are lost
// when its process ends.
type tiny struct {
	cfg   scenario.BrokerConfig
	keeps bool  // its records, too
	more  int32 // partitions than it was asked for
	deaf  byte  // to fetches of whose name begins so: they find nothing
	files machine.Files
	serve *wire.Table
	logs  map[wire.TP]*tinyLog
	parts map[string]int32 // partitions, by topic
	ids   int64
	conns map[machine.ConnID]*wire.Conn
}

type tinyLog struct {
	batches []machine.Bytes
	end     int64
	seen    map[[2]int64]int64 // base offset, by producer id and base sequence
}

func newTiny(cfg scenario.BrokerConfig) *tiny {
	return &tiny{cfg: cfg, logs: map[wire.TP]*tinyLog{}, parts: map[string]int32{}, conns: map[machine.ConnID]*wire.Conn{}, serve: wire.NewTable(
		wire.API{Key: wire.Produce, Min: 3, Max: 9}, wire.API{Key: wire.Fetch, Min: 4, Max: 11}, wire.API{Key: wire.ListOffsets, Min: 1, Max: 5},
		wire.API{Key: wire.Metadata, Max: 9}, wire.API{Key: wire.ApiVersions, Max: 3}, wire.API{Key: wire.CreateTopics, Min: 2, Max: 5}, wire.API{Key: wire.InitProducerID, Max: 3}, wire.API{Key: wire.OffsetForLeaderEpoch, Min: 2, Max: 3})}
}

func (b *tiny) Deadline() machine.Instant { return machine.Never }

func (b *tiny) Step(_ machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		b.files = in.Files
		b.recover()
	case machine.Accepted:
		b.conns[in.Conn] = &wire.Conn{ID: in.Conn}
	case machine.Closed:
		delete(b.conns, in.Conn)
	case machine.Received:
		c := b.conns[in.Conn]
		for frame, ok := c.Arrived(in.Frame, out); ok; frame, ok = c.Next(out) {
			b.handle(in.Conn, frame, out)
		}
	}
}

func (b *tiny) handle(c machine.ConnID, frame machine.Bytes, out *machine.Effects) {
	req, err := wire.DecodeRequest(frame, b.serve)
	if err != nil || req.Body == nil {
		out.Close(c)
		return
	}
	resp, records := req.Body.ResponseKind(), []wire.Records(nil)
	switch body := req.Body.(type) {
	case *kmsg.ApiVersionsRequest:
		resp = b.serve.ApiVersions()
	case *kmsg.InitProducerIDRequest:
		b.ids++
		resp.(*kmsg.InitProducerIDResponse).ProducerID = b.ids + int64(b.cfg.Incarnation[0])<<32
	case *kmsg.CreateTopicsRequest:
		for _, t := range body.Topics {
			b.create(t.Topic, t.NumPartitions+b.more)
			x := kmsg.NewCreateTopicsResponseTopic()
			x.Topic = t.Topic
			resp.(*kmsg.CreateTopicsResponse).Topics = append(resp.(*kmsg.CreateTopicsResponse).Topics, x)
		}
	case *kmsg.MetadataRequest:
		b.describe(body, resp.(*kmsg.MetadataResponse))
	case *kmsg.ProduceRequest:
		b.produce(body, req.Records, resp.(*kmsg.ProduceResponse))
		if body.Acks == 0 {
			return
		}
	case *kmsg.FetchRequest:
		records = b.fetch(req.ClientID, body, resp.(*kmsg.FetchResponse))
	case *kmsg.ListOffsetsRequest:
		b.list(body, resp.(*kmsg.ListOffsetsResponse))
	case *kmsg.OffsetForLeaderEpochRequest:
		b.epochs(body, resp.(*kmsg.OffsetForLeaderEpochResponse))
	}
	out.Send(c, wire.EncodeResponse(&req, resp, records), wire.AnswerIdent(req.Ident))
}

func (b *tiny) create(topic string, parts int32) {
	b.parts[topic] = parts
	for i := range parts {
		tp := wire.TP{Topic: topic, Partition: i}
		if b.logs[tp] != nil {
			continue
		}
		b.logs[tp] = &tinyLog{seen: map[[2]int64]int64{}}
		if err := b.files.Append(tp.String(), machine.Bytes{}); err != nil {
			panic(err)
		}
	}
}

func (b *tiny) describe(body *kmsg.MetadataRequest, resp *kmsg.MetadataResponse) {
	x := kmsg.NewMetadataResponseBroker()
	x.NodeID, x.Host, x.Port = b.cfg.ID, b.cfg.Host, b.cfg.Port
	resp.Brokers = append(resp.Brokers, x)
	for _, t := range body.Topics {
		y := kmsg.NewMetadataResponseTopic()
		if y.Topic = t.Topic; b.parts[*t.Topic] == 0 {
			y.ErrorCode = wire.UnknownTopicOrPartition
		}
		for i := range b.parts[*t.Topic] {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR = i, b.cfg.ID, 0, []int32{b.cfg.ID}, []int32{b.cfg.ID}
			y.Partitions = append(y.Partitions, p)
		}
		resp.Topics = append(resp.Topics, y)
	}
}

func (b *tiny) produce(body *kmsg.ProduceRequest, records []wire.Records, resp *kmsg.ProduceResponse) {
	n := 0
	for _, t := range body.Topics {
		y := kmsg.NewProduceResponseTopic()
		y.Topic = t.Topic
		for _, p := range t.Partitions {
			x := kmsg.NewProduceResponseTopicPartition()
			x.Partition = p.Partition
			x.BaseOffset, x.ErrorCode = b.append(wire.TP{Topic: t.Topic, Partition: p.Partition}, records[n])
			y.Partitions = append(y.Partitions, x)
			n++
		}
		resp.Topics = append(resp.Topics, y)
	}
}

func (b *tiny) append(tp wire.TP, records machine.Bytes) (base int64, code int16) {
	l, h := b.logs[tp], wire.Batch{}
	if l == nil {
		return -1, wire.UnknownTopicOrPartition
	}
	h, err := wire.CheckBatch(records)
	if err != nil {
		return -1, wire.CorruptMessage
	}
	if at, again := l.seen[[2]int64{h.ProducerID, int64(h.BaseSequence)}]; again {
		return at, 0
	}
	records = wire.Stamp(records, l.end, 0)
	if b.keeps {
		if err := b.files.Append(tp.String(), records); err != nil {
			return -1, wire.KafkaStorageError
		}
	}
	base = l.end
	l.add(records)
	return base, 0
}

func (l *tinyLog) add(records machine.Bytes) {
	if h, err := wire.ReadBatch(records); err == nil {
		l.seen[[2]int64{h.ProducerID, int64(h.BaseSequence)}] = l.end
		l.end = h.NextOffset()
		l.batches = append(l.batches, records)
	}
}

// recover reads what an earlier life has left.
func (b *tiny) recover() {
	for _, name := range b.files.List() {
		topic, number, _ := strings.Cut(name, "-")
		i, err := strconv.Atoi(number)
		if err != nil {
			panic(err)
		}
		b.create(topic, max(b.parts[topic], int32(i)+1))
		n, _ := b.files.Size(name)
		all, err := b.files.ReadAt(name, 0, n)
		if err != nil {
			panic(err)
		}
		for _, batch := range wire.SplitBatches(all) {
			b.logs[wire.TP{Topic: topic, Partition: int32(i)}].add(batch)
		}
	}
}

func (b *tiny) fetch(client string, body *kmsg.FetchRequest, resp *kmsg.FetchResponse) (all []wire.Records) {
	for _, t := range body.Topics {
		y := kmsg.NewFetchResponseTopic()
		y.Topic = t.Topic
		for _, p := range t.Partitions {
			x := kmsg.NewFetchResponseTopicPartition()
			x.Partition = p.Partition
			var records wire.Records
			switch l := b.logs[wire.TP{Topic: t.Topic, Partition: p.Partition}]; {
			case l == nil:
				x.ErrorCode = wire.UnknownTopicOrPartition
			case p.FetchOffset > l.end:
				x.ErrorCode = wire.OffsetOutOfRange
			default:
				if x.HighWatermark, x.LastStableOffset = l.end, l.end; client[0] == b.deaf {
					break
				}
				for _, batch := range l.batches {
					if h, _ := wire.ReadBatch(batch); h.NextOffset() > p.FetchOffset && records.Len() < int64(p.PartitionMaxBytes) {
						records = machine.Concat(records, batch)
					}
				}
			}
			all = append(all, records)
			y.Partitions = append(y.Partitions, x)
		}
		resp.Topics = append(resp.Topics, y)
	}
	return all
}

func (b *tiny) list(body *kmsg.ListOffsetsRequest, resp *kmsg.ListOffsetsResponse) {
	for _, t := range body.Topics {
		y := kmsg.NewListOffsetsResponseTopic()
		y.Topic = t.Topic
		for _, p := range t.Partitions {
			x := kmsg.NewListOffsetsResponseTopicPartition()
			x.Partition = p.Partition
			if l := b.logs[wire.TP{Topic: t.Topic, Partition: p.Partition}]; l == nil {
				x.ErrorCode = wire.UnknownTopicOrPartition
			} else if x.Offset = 0; p.Timestamp == -1 {
				x.Offset = l.end
			}
			y.Partitions = append(y.Partitions, x)
		}
		resp.Topics = append(resp.Topics, y)
	}
}

// epochs says that there was one leader epoch, and where it ends.
func (b *tiny) epochs(body *kmsg.OffsetForLeaderEpochRequest, resp *kmsg.OffsetForLeaderEpochResponse) {
	for _, t := range body.Topics {
		y := kmsg.NewOffsetForLeaderEpochResponseTopic()
		y.Topic = t.Topic
		for _, p := range t.Partitions {
			x := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			x.Partition, x.LeaderEpoch = p.Partition, 0
			if l := b.logs[wire.TP{Topic: t.Topic, Partition: p.Partition}]; l != nil {
				x.EndOffset = l.end
			}
			y.Partitions = append(y.Partitions, x)
		}
		resp.Topics = append(resp.Topics, y)
	}
}
