package replica

import (
	"errors"
	"fmt"
	"math"
	"sort"

	"brokersim/broker/log/wire"
)

// CheckEnd reports bytes behind the log end, for audits: see [storage.Log.CheckEnd].
func (r *Replica) CheckEnd() error { return r.log.CheckEnd() }

// CheckRead reports what is wrong with what was read of the log when it was opened, for
// audits: see [storage.Log.CheckRead].
func (r *Replica) CheckRead() error { return r.log.CheckRead() }

// mostStamps is for the timestamps of how many batches CheckTimes looks, evenly spread.
const mostStamps = 16

// CheckTimes reports a timestamp for which [Replica.OffsetForTime], which goes by the time
// index, does not find the first committed record that is no older: which that is, reading
// all of them tells. It asks for the largest timestamps of some batches, and for one ms less
// and more. What cannot be read is left alone: a disk may have lost it.
func (r *Replica) CheckTimes() error {
	highs, stamps, err := r.times()
	if err != nil {
		return nil
	}
	for i := 0; i < len(stamps); i += 1 + (len(stamps)-1)/mostStamps {
		for at := max(stamps[i]-1, 0); at <= stamps[i]+1; at++ {
			want := int64(unknown)
			if n := sort.Search(len(highs), func(n int) bool { return highs[n].timestamp >= at }); n < len(highs) {
				want = highs[n].offset
			}
			if got, _, _, code := r.OffsetForTime(at, Uncommitted); code == 0 && got != want {
				return fmt.Errorf("the time index finds offset %d for timestamp %d, and the first record that is no older is at offset %d", got, at, want)
			}
		}
	}
	return nil
}

// high is a record that is newer than all before it.
type high struct{ timestamp, offset int64 }

// times reads all that is committed: the records that are newer than all before them, one
// of which is the first that is no older than whatever, and the largest timestamps of all
// batches.
func (r *Replica) times() (highs []high, stamps []int64, err error) {
	last, newest := int64(-1), int64(math.MinInt64)
	err = r.Each(r.LogStart(), func(b *wire.Batch, x *wire.Record) error {
		if b.BaseOffset >= r.highWatermark {
			return errCommitted
		}
		if b.BaseOffset > last {
			last, stamps = b.BaseOffset, append(stamps, b.MaxTimestamp)
		}
		h := high{b.BaseTimestamp + x.TimestampDelta, b.BaseOffset + int64(x.OffsetDelta)}
		if b.IsLogAppendTime() {
			h.timestamp = b.MaxTimestamp
		}
		if h.timestamp > newest && h.offset >= r.LogStart() {
			highs, newest = append(highs, h), h.timestamp
		}
		return nil
	})
	if errors.Is(err, errCommitted) {
		err = nil
	}
	return highs, stamps, err
}

// errCommitted ends a reading of what is committed.
var errCommitted = errors.New("the high watermark is reached")
