package replica

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
)

// slowProducer is all that one producer has in the log.
type slowProducer []slowBatch

type slowBatch struct {
	epoch           int16
	sequences       []int32
	base, timestamp int64
}

// sequences are those of a batch, counted one by one.
func sequences(first int32, records int) (list []int32) {
	for range records {
		list = append(list, first)
		if first++; first < 0 {
			first = 0
		}
	}
	return list
}

// appended is what must become of a batch: the offset of an earlier one, or Kafka's
// error.
func (s slowProducer) appended(b slowBatch) (duplicate int64, code int16) {
	if len(s) == 0 {
		return -1, 0
	}
	last := s[len(s)-1]
	for i := len(s) - 1; i >= 0 && i >= len(s)-5 && s[i].epoch == last.epoch; i-- {
		if s[i].epoch == b.epoch && fmt.Sprint(s[i].sequences) == fmt.Sprint(b.sequences) {
			return s[i].base, 0
		}
	}
	next := sequences(last.sequences[len(last.sequences)-1], 2)[1]
	switch {
	case b.epoch < last.epoch:
		return -1, wire.InvalidProducerEpoch
	case b.epoch > last.epoch && b.sequences[0] != 0, b.epoch == last.epoch && b.sequences[0] != next:
		return -1, wire.OutOfOrderSequenceNumber
	}
	return -1, 0
}

func TestProducersAreTheSlowOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p producers
		slow := map[int64]slowProducer{}
		end := int64(0)
		edges := rapid.SampledFrom([]int32{0, 1, 2, 3, 5, 8, math.MaxInt32 - 2, math.MaxInt32 - 1, math.MaxInt32})
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				pid := rapid.Int64Range(0, 1).Draw(t, "producer")
				has := slow[pid]
				b := slowBatch{base: end, timestamp: rapid.Int64Range(0, 9).Draw(t, "timestamp")}
				records := rapid.IntRange(1, 3).Draw(t, "records")
				first := edges.Draw(t, "sequence")
				if n := len(has); n > 0 {
					last := has[n-1]
					b.epoch = last.epoch
					switch rapid.SampledFrom([]string{"next", "next", "next", "retry", "any"}).Draw(t, "what") {
					case "next":
						first = sequences(last.sequences[len(last.sequences)-1], 2)[1]
					case "retry":
						x := has[max(0, n-rapid.IntRange(1, 7).Draw(t, "ago"))]
						first, records, b.epoch = x.sequences[0], len(x.sequences), x.epoch
					case "any":
						b.epoch += rapid.Int16Range(-1, 1).Draw(t, "epoch")
					}
				}
				b.epoch = max(b.epoch, 0)
				b.sequences = sequences(first, records)
				h := wire.Batch{
					BaseOffset: end, ProducerID: pid, ProducerEpoch: b.epoch, BaseSequence: first,
					LastOffsetDelta: int32(records - 1), Count: int32(records), MaxTimestamp: b.timestamp,
				}
				duplicate, code := has.appended(b)
				at, ok := p.duplicate(&h, window)
				switch {
				case ok != (duplicate >= 0) || ok && (at.Base != duplicate || at.End != duplicate+int64(records) || !at.Duplicate):
					t.Fatalf("%+v after %+v: at %+v %t, want a duplicate of %d", b, has, at, ok, duplicate)
				case ok:
					return
				}
				got := p.checkEpoch(&h)
				if got == 0 {
					got = p.checkSequence(&h)
				}
				if got != code {
					t.Fatalf("%+v after %+v: %s, want %s", b, has, wire.ErrorName(got), wire.ErrorName(code))
				}
				if code == 0 {
					p.appended(&h)
					slow[pid] = append(has, b)
					end = h.NextOffset()
				}
			},
			"expire": func(t *rapid.T) {
				wall := rapid.Int64Range(0, 40).Draw(t, "wall")
				r := Replica{producers: p}
				r.ExpireProducers(wall, 30)
				for pid, has := range slow {
					if n := len(has); n > 0 && wall-has[n-1].timestamp >= 30 {
						delete(slow, pid)
					}
				}
			},
		})
	})
}
