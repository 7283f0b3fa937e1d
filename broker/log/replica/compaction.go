package replica

import (
	"math"
	"math/bits"

	"brokersim/broker/log/config"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Cleanable is how much of a compacted log there is to clean (Kafka's LogToClean).
type Cleanable struct {
	First, Until int64 // the offsets that a pass would look at for the first time
	Clean, Dirty int64 // bytes before them, and of them
	Overdue      bool  // something in it is older than max.compaction.lag.ms
}

// Due reports whether there is enough to clean: more of the log is dirty than
// min.cleanable.dirty.ratio, in millionths, or max.compaction.lag.ms is over.
func (c *Cleanable) Due(ratio int64) bool {
	return c.Dirty > 0 && (c.Overdue || dirtier(c.Dirty, c.Clean+c.Dirty, ratio, million))
}

const million = 1_000_000

// DirtierThan reports whether more of a log is dirty than of another one.
func (c *Cleanable) DirtierThan(d *Cleanable) bool {
	return dirtier(c.Dirty, c.Clean+c.Dirty, d.Dirty, d.Clean+d.Dirty)
}

// dirtier reports whether a/b is above c/d; all are at least 0.
func dirtier(a, b, c, d int64) bool {
	hi1, lo1 := bits.Mul64(uint64(a), uint64(d))
	hi2, lo2 := bits.Mul64(uint64(c), uint64(b))
	return hi1 > hi2 || hi1 == hi2 && lo1 > lo2
}

// Compacted reports whether the topic's configuration has the log be compacted.
func (r *Replica) Compacted() bool { return r.cfg.Topic.CleanupPolicy.Compact }

// Topic is the configuration of the topic as this replica has it.
func (r *Replica) Topic() *config.Topic { return &r.cfg.Topic }

// Log is the log, for who cleans it.
func (r *Replica) Log() *storage.Log { return r.log }

// WantsHoles reports whether it must be written down that the log may have holes: it is
// compacted, or its leader's was.
func (r *Replica) WantsHoles() bool {
	return !r.log.Holes() && (r.wantsHoles || r.cfg.Topic.CleanupPolicy.Compact)
}

// AllowHoles says that it is written down.
func (r *Replica) AllowHoles() {
	r.log.AllowHoles()
	r.wantsHoles = false
}

// Cleanable says what there is to clean, if passes have looked at everything below an
// offset. wall is in ms. What is not stable is not looked at, nor the active segment,
// nor what is younger than min.compaction.lag.ms, and segments behind that
// (LogCleanerManager.cleanableOffsets).
func (r *Replica) Cleanable(looked, wall int64) Cleanable {
	t := &r.cfg.Topic
	c := Cleanable{First: looked}
	if looked < r.log.Start() || looked > r.log.End() {
		c.First = r.log.Start()
	}
	c.Until = min(r.LastStable(), r.log.ActiveBase())
	if r.cfg.Failpoints.On(failpoint.S12CleanUnstable, uint64(r.log.ActiveBase())) {
		c.Until = r.log.ActiveBase()
	}
	oldest := int64(math.MaxInt64)
	for _, s := range r.log.Inactive() {
		dirty := s.Next > c.First
		if dirty && t.MinCompactionLagMillis > 0 && s.Last > wall-t.MinCompactionLagMillis {
			c.Until = min(c.Until, s.Base)
		}
		switch {
		case !dirty:
			c.Clean += s.Bytes
		case s.Base < c.Until:
			c.Dirty += s.Bytes
			if s.First > 0 {
				oldest = min(oldest, s.First)
			}
		}
	}
	if c.Until <= c.First {
		c.Dirty = 0
	}
	c.Overdue = c.Dirty > 0 && t.MaxCompactionLagMillis < wall && oldest < wall-t.MaxCompactionLagMillis
	return c
}

// LastOffsets are the last offsets of the producers of which the log tells, by producer id,
// and the epochs of those that have no batch in theirs (UnifiedLog.lastRecordsOfActiveProducers).
func (r *Replica) LastOffsets() (last map[int64]int64, epochs map[int64]int16) {
	last, epochs = make(map[int64]int64, len(r.producers.byID)), make(map[int64]int16)
	for id, p := range r.producers.byID { // unordered: they become maps
		if b := p.newest(); b != nil {
			last[id] = b.end - 1
		} else {
			epochs[id] = p.epoch
		}
	}
	return last, epochs
}
