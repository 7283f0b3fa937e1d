package replica

import (
	"math"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// flush is when the log must be made durable: every so many messages
// (flush.messages). Kafka flushes while it appends, and answers afterwards; here
// the node asks the disk, and what waits for the flush does not count meanwhile.
type flush struct {
	interval int64           // messages; the largest int64 is never
	done     int64           // the log end that is durable
	asked    int64           // the log end that a flush under way covers; -1: none is
	counted  int64           // the log end that may be relied upon
	end      int64           // the log end
	wanted   int64           // the log end that must be durable though nobody waits for it
	files    int             // syncs that the flush under way still waits for
	whole    bool            // it covers what is known beside the log
	at       machine.Instant // when the last flush was done
}

// begin begins with a log that ends at an offset and is durable up to another.
func (f *flush) begin(interval, end, durable int64) {
	*f = flush{interval: interval, asked: -1, end: end, done: durable, counted: durable}
	f.count()
}

// due reports whether there is more to be made durable than may wait.
func (f *flush) due() bool { return f.end-f.done >= max(f.interval, 1) }

func (f *flush) count() {
	if !f.due() {
		f.counted = f.end
	} else {
		f.counted = max(f.counted, f.done)
	}
}

// setInterval changes how many messages may wait. What was opened before the
// topic's own interval was known, and should have been flushed by it, does not
// count until it is.
func (f *flush) setInterval(n int64) {
	if n == f.interval {
		return
	}
	f.interval, f.counted = n, f.done
	f.count()
}

func (f *flush) appended(end int64) {
	f.end = end
	f.count()
}

func (f *flush) truncated(end int64) {
	f.end, f.done, f.asked, f.counted = end, min(f.done, end), min(f.asked, end), min(f.counted, end)
	f.wanted = min(f.wanted, end)
	f.count() // less may be left than must be flushed
}

// Flush returns the files that the node must sync now, if it must: one, unless a
// segment was rolled or deleted since the last time. [Replica.Flushed] is to be told of
// each.
func (r *Replica) Flush() (files []string) {
	f := &r.flush
	if f.asked >= 0 || f.end == 0 || !f.due() && f.done >= f.wanted && (f.end == f.done || !r.quirk(failpoint.EarlyFlush, uint64(f.end))) {
		return nil
	}
	f.asked, f.wanted = f.end, 0
	f.whole = r.save() == nil && !r.epochs.dirty && r.log.WriteAborted() == nil
	files = r.log.Unsynced(f.done)
	f.files = len(files)
	return files
}

// Flushed says that one sync of Flush is done. It reports whether a leader's high
// watermark has moved.
func (r *Replica) Flushed(now machine.Instant) (moved bool) {
	f := &r.flush
	if f.files--; f.files > 0 {
		return false
	}
	r.cfg.Failpoints.Hit(failpoint.StepFlushed)
	f.done, f.asked = max(f.done, f.asked), -1
	f.at = now
	if f.whole {
		r.recoveryPoint = max(r.recoveryPoint, min(f.done, f.end))
	}
	f.count()
	return r.role == leading && r.advance(now)
}

// RecoveryPoint is the offset below which nothing must be read again after a crash, once
// that is written down.
func (r *Replica) RecoveryPoint() int64 { return r.recoveryPoint }

// RecoveryPointFell reports whether the recovery point is below the one that is written
// down, and so must be written down again. Until then no segment is begun.
func (r *Replica) RecoveryPointFell() bool { return r.recoveryPoint < r.savedPoint }

// RecoveryPointSaved says that a recovery point of this replica is on the disk.
func (r *Replica) RecoveryPointSaved(offset int64) {
	r.savedPoint = offset
	r.log.HoldRoll(r.RecoveryPointFell())
}

// StartToSave is the log start offset if it must be written down; 0 if the first file
// tells it.
func (r *Replica) StartToSave() int64 {
	if r.log.Start() > r.log.Base() {
		return r.log.Start()
	}
	return 0
}

// FlushOld has Flush ask for what is not durable if the last flush was a topic's flush.ms ago
// (LogManager.flushDirtyLogs).
func (r *Replica) FlushOld(now machine.Instant) {
	if f := &r.flush; f.done < f.end && now.Sub(f.at).Milliseconds() >= r.cfg.Topic.FlushMillis {
		f.wanted = f.end
	}
}

// Close has Flush ask for all that is not durable, and writes down what is known of
// producers: the broker shuts down.
func (r *Replica) Close() error {
	if r.log.End() > 0 && r.log.End() > r.log.Base() {
		if err := r.log.PutSnapshot(r.log.End(), r.producers.entries()); err != nil {
			return err
		}
	}
	r.flush.wanted = math.MaxInt64
	return nil
}

// Closed reports whether everything is durable.
func (r *Replica) Closed() bool {
	f := &r.flush
	return f.end == 0 || f.asked < 0 && f.wanted == 0 && f.done >= f.end
}

// Flushing reports whether a follower must wait for its disk before it asks for
// more.
func (r *Replica) Flushing() bool { return r.flush.counted < r.flush.end }
