package replica

import (
	"fmt"
	"math"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Refused is a record that its batch was refused for.
type Refused struct {
	Index int32 // in the batch
	Why   string
}

// RefusedFor is what Kafka says of a batch that was refused for some of its records; nil if
// it was not (LogValidator.processRecordErrors).
func RefusedFor(list []Refused, code int16) *string {
	if len(list) == 0 {
		return nil
	}
	why := "One or more records have been rejected due to invalid timestamp"
	if code != wire.InvalidTimestamp {
		var shown []string
		for _, r := range list[:min(len(list), 3)] {
			shown = append(shown, fmt.Sprintf("RecordError(batchIndex=%d, message='%s')", r.Index, r.Why))
		}
		why = fmt.Sprintf("One or more records have been rejected due to %d record errors in total, and only showing the first three errors at most: [%s]",
			len(list), strings.Join(shown, ", "))
	}
	return &why
}

// validate checks a producer's batch as Kafka's UnifiedLog and LogValidator do, without
// looking into its records, and cuts off what comes after it.
func (r *Replica) validate(batch *machine.Bytes) (h wire.Batch, code int16) {
	h, *batch, code, _ = wire.Produced(*batch)
	switch {
	case code != 0:
		return h, code
	case h.BaseOffset != 0:
		return h, wire.InvalidRecord
	case h.Size() > int64(r.cfg.Topic.MaxMessageBytes):
		return h, wire.MessageTooLarge
	case !h.Intact(*batch):
		return h, wire.CorruptMessage
	case h.Compression() > 4:
		return h, wire.UnknownServerError // an exception that Kafka does not expect
	case h.Count <= 0, h.LastOffsetDelta != h.Count-1, h.IsControl(), h.ProducerID >= 0 && h.BaseSequence < 0:
		return h, wire.InvalidRecord
	case h.Size() > r.cfg.Topic.SegmentBytes:
		return h, wire.RecordListTooLarge
	}
	return h, 0
}

// batchTimes is what the timestamps of a producer's batch come to.
type batchTimes struct {
	largest int64 // ms
	stamped bool  // it calls them those of a broker, which only a broker may say
}

// validateRecords looks into the records of a batch if the broker is to, or where the topic's
// configuration has something to say about them: on a compacted topic each must have a key,
// and none may be too old. Whether one is too far ahead the header tells if they are not
// looked into. wall is in ms.
func (r *Replica) validateRecords(h *wire.Batch, batch machine.Bytes, wall int64, times *batchTimes) (refused []Refused, code int16) {
	t := &r.cfg.Topic
	oldest, latest := int64(math.MinInt64), int64(math.MaxInt64)
	if !t.LogAppendTime && t.TimestampBeforeMaxMillis < math.MaxInt64 {
		oldest = wall - t.TimestampBeforeMaxMillis
	}
	if !t.LogAppendTime && t.TimestampAfterMaxMillis < math.MaxInt64-wall {
		latest = wall + t.TimestampAfterMaxMillis
	}
	if !r.cfg.CheckRecords && !t.CleanupPolicy.Compact && oldest <= 0 {
		if h.MaxTimestamp > latest {
			return nil, wire.InvalidTimestamp
		}
		return nil, 0
	}
	largest, untimely := int64(-1), false
	code = wire.CheckRecords(h, batch, func(x wire.RecordHead) {
		at := h.BaseTimestamp + x.TimestampDelta
		if times.stamped {
			at = h.MaxTimestamp
		}
		largest = max(largest, at)
		switch {
		case t.CleanupPolicy.Compact && !x.HasKey:
			refused = append(refused, Refused{x.Index, fmt.Sprintf("Compacted topic cannot accept message without key in topic partition %v", r.cfg.TP)})
		case at != -1 && (at < oldest || at > latest):
			untimely = true
			refused = append(refused, Refused{x.Index, fmt.Sprintf(
				"Timestamp %d of message with offset %d is out of range. The timestamp should be within [%d, %d]", at, x.Index, oldest, latest)})
		}
	})
	switch {
	case code != 0:
		return nil, code
	case untimely:
		return refused, wire.InvalidTimestamp
	case len(refused) > 0:
		return refused, wire.InvalidRecord
	}
	times.largest = largest
	return nil, 0
}
