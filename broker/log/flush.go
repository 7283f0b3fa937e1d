package log

import (
	"math"
	"time"

	"brokersim/broker/machine"
)

// firstFlush is how long after its start a broker looks for the first time for logs that
// must be flushed (LogManager.InitialTaskDelayMs).
const firstFlush = 30 * time.Second

// flushLater is some ms later, or never.
func flushLater(at machine.Instant, millis int64) machine.Instant {
	if millis > math.MaxInt64/int64(time.Millisecond) {
		return machine.Never
	}
	return at.Add(time.Duration(millis) * time.Millisecond)
}

// flushOld makes durable what was appended longer ago than a topic's flush.ms, when it is
// time: every log.flush.scheduler.interval.ms, which is never unless it is set
// (LogManager.flushDirtyLogs).
func (b *Broker) flushOld(now machine.Instant, out *machine.Effects) {
	if now < b.flushAt {
		return
	}
	b.flushAt = flushLater(now, b.cfg.Settings.LogFlushSchedulerMillis)
	for _, p := range b.partitions {
		p.FlushOld(now)
		b.flush(p, out)
	}
}
