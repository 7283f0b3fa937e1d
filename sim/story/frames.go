package story

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/workloads"
)

// words puts frames into words. Of those about many partitions it tells of the ones
// in question.
type words struct {
	topics  map[[16]byte]string // by id, as far as they are known
	focus   []wire.TP
	broker  *wire.Table
	control *wire.Table
	names   func(class uint16) string // of frames that have no API key; nil in a log
}

func newWords(topics map[[16]byte]string, focus []wire.TP, names func(class uint16) string) *words {
	return &words{topics, focus, wire.BrokerTable(), wire.ControllerTable(), names}
}

// frame is a frame in words.
func (w *words) frame(f machine.Bytes, class uint16, version int16) string {
	if w.names != nil {
		return w.names(class)
	}
	name := kmsg.NameForKey(api(class))
	if response(class) {
		body, records, err := wire.DecodeResponse(f, api(class), version)
		if err != nil {
			return name + " answered"
		}
		return name + " answered" + w.response(body, records)
	}
	r, err := wire.DecodeRequest(f, w.broker)
	if err != nil {
		r, err = wire.DecodeRequest(f, w.control)
	}
	if err != nil || r.Body == nil {
		return name
	}
	return name + w.request(&r)
}

func (w *words) request(r *wire.Request) string {
	var l parts
	l.w = w
	switch x := r.Body.(type) {
	case *kmsg.ProduceRequest:
		i := 0
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: t.Topic, Partition: p.Partition}, fmt.Sprintf("%s to %%s%s", recordsOf(r.Records[i]), producerOf(r.Records[i])))
				i++
			}
		}
		return l.String(" ") + fmt.Sprintf(", acks=%s", acks(x.Acks))
	case *kmsg.FetchRequest:
		for _, t := range x.Topics {
			topic := w.nameOrID(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: topic, Partition: p.Partition}, fmt.Sprintf("%%s from offset %d%s", p.FetchOffset, inEpoch(p.CurrentLeaderEpoch)))
			}
		}
		return l.String(" ")
	case *kmsg.ListOffsetsRequest:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: t.Topic, Partition: p.Partition}, "%s "+timestamp(p.Timestamp))
			}
		}
		return l.String(" ")
	case *kmsg.OffsetForLeaderEpochRequest:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: t.Topic, Partition: p.Partition}, fmt.Sprintf("%%s: where does epoch %d end?", p.LeaderEpoch))
			}
		}
		return l.String(" ")
	case *kmsg.AlterPartitionRequest:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: w.topic(t.TopicID), Partition: p.Partition}, fmt.Sprintf("%%s: ISR %s, please (epoch %d)", set(askedISR(&p)), p.LeaderEpoch))
			}
		}
		return l.String(" ")
	case *kmsg.BrokerHeartbeatRequest:
		if x.WantShutdown {
			return " (wants to shut down)"
		}
	}
	return ""
}

func (w *words) response(body kmsg.Response, records []wire.Records) string {
	var l parts
	l.w = w
	switch x := body.(type) {
	case *kmsg.ProduceResponse:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: t.Topic, Partition: p.Partition}, or(p.ErrorCode, fmt.Sprintf("%%s at offset %d", p.BaseOffset)))
			}
		}
	case *kmsg.FetchResponse:
		i := 0
		for _, t := range x.Topics {
			topic := w.nameOrID(t.Topic, t.TopicID)
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: topic, Partition: p.Partition}, or(p.ErrorCode, fetched(&p, records[i])))
				i++
			}
		}
	case *kmsg.ListOffsetsResponse:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: t.Topic, Partition: p.Partition}, or(p.ErrorCode, fmt.Sprintf("%%s: offset %d", p.Offset)))
			}
		}
	case *kmsg.AlterPartitionResponse:
		for _, t := range x.Topics {
			for _, p := range t.Partitions {
				l.add(wire.TP{Topic: w.topic(t.TopidID), Partition: p.Partition}, or(p.ErrorCode, fmt.Sprintf("%%s: ISR %s (epoch %d)", set(p.ISR), p.LeaderEpoch)))
			}
		}
	case *kmsg.BrokerHeartbeatResponse:
		switch {
		case x.ErrorCode != 0:
			return ": " + wire.ErrorName(x.ErrorCode)
		case x.IsFenced:
			return ": fenced"
		}
		return ""
	default:
		return ""
	}
	return l.String(": ")
}

func fetched(p *kmsg.FetchResponseTopicPartition, records wire.Records) string {
	if d := p.DivergingEpoch; d.EndOffset >= 0 {
		return fmt.Sprintf("%%s diverges: epoch %d ends at offset %d", d.Epoch, d.EndOffset)
	}
	first, last := int64(-1), int64(-1)
	for b := range wire.SplitBatches(records) {
		if first < 0 {
			first = b.BaseOffset
		}
		last = b.LastOffset()
	}
	switch {
	case first < 0:
		return fmt.Sprintf("%%s has nothing more, high watermark %d", p.HighWatermark)
	case first == last:
		return fmt.Sprintf("%%s offset %d, high watermark %d", first, p.HighWatermark)
	}
	return fmt.Sprintf("%%s offsets %d to %d, high watermark %d", first, last, p.HighWatermark)
}

// parts are what a message says of each partition: of those in question, or of the
// first if it speaks of none of them.
type parts struct {
	w      *words
	told   []string
	first  string
	others int
}

// add adds what is said of a partition, with %s for its name.
func (l *parts) add(tp wire.TP, format string) {
	text := strings.Replace(format, "%s", tp.String(), 1)
	if slices.Contains(l.w.focus, tp) {
		l.told = append(l.told, text)
		return
	}
	if l.others++; l.first == "" {
		l.first = text
	}
}

// String is what is told, after a separator if there is anything.
func (l *parts) String(separator string) string {
	told, others := l.told, l.others
	if len(told) == 0 && others > 0 {
		told, others = []string{l.first}, others-1
	}
	if len(told) == 0 {
		return ""
	}
	text := separator + strings.Join(told, "; ")
	if others > 0 {
		text += fmt.Sprintf(" (and %d more)", others)
	}
	return text
}

// nameOrID is the topic of a Fetch, which goes by its name before version 13 and by
// its id from there on.
func (w *words) nameOrID(name string, id [16]byte) string {
	if name != "" {
		return name
	}
	return w.topic(id)
}

func (w *words) topic(id [16]byte) string {
	if name := w.topics[id]; name != "" {
		return name
	}
	return fmt.Sprintf("topic %x", id[:4])
}

func recordsOf(records wire.Records) string {
	var ids []int64
	n := 0
	for h, b := range wire.SplitBatches(records) {
		ids = append(ids, recordIDs(b)...)
		n += int(h.Count)
	}
	switch {
	case n == 1 && len(ids) == 1:
		return fmt.Sprintf("record %d", ids[0])
	case len(ids) > 1:
		return fmt.Sprintf("records %d to %d", ids[0], ids[len(ids)-1])
	}
	return fmt.Sprintf("%d records", n)
}

// recordIDs are the ids of the records of a batch, as far as it can be read.
func recordIDs(batch machine.Bytes) (ids []int64) {
	_ = wire.EachRecord(batch, func(x *wire.Record) error {
		if id, ok := workloads.IDOf(x); ok {
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

// producerOf says what idempotence goes by.
func producerOf(records wire.Records) string {
	b, err := wire.ReadBatch(records)
	if err != nil || b.ProducerID < 0 {
		return ""
	}
	return fmt.Sprintf(" (producer %d, epoch %d, sequence %d)", b.ProducerID, b.ProducerEpoch, b.BaseSequence)
}

func acks(n int16) string {
	if n < 0 {
		return "all"
	}
	return fmt.Sprint(n)
}

func inEpoch(epoch int32) string {
	if epoch < 0 {
		return ""
	}
	return fmt.Sprintf(" (epoch %d)", epoch)
}

func timestamp(t int64) string {
	switch t {
	case -1:
		return "latest"
	case -2:
		return "earliest"
	}
	return fmt.Sprintf("at time %d", t)
}

func askedISR(p *kmsg.AlterPartitionRequestTopicPartition) (isr []int32) {
	for _, b := range p.NewEpochISR {
		isr = append(isr, b.BrokerID)
	}
	if len(isr) == 0 {
		isr = p.NewISR
	}
	return isr
}

// or is the text, or the error that stands instead of it.
func or(code int16, text string) string {
	if code != 0 {
		return "%s: " + wire.ErrorName(code)
	}
	return text
}

// set are brokers as a set: {b1,b3}.
func set(ids []int32) string {
	names := make([]string, len(ids))
	for i, id := range slices.Sorted(slices.Values(ids)) {
		names[i] = brokerName(id)
	}
	return "{" + strings.Join(names, ",") + "}"
}

func sameSet(a, b []int32) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
