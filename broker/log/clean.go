package log

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"brokersim/broker/log/cleaner"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// cleaning is the broker's log cleaner (Kafka's LogCleaner): one pass over one log at a
// time, whatever log.cleaner.threads says, in slices of log.cleaner.io.buffer.size.
type cleaning struct {
	at     machine.Instant // the next slice, or when to look for a log; Never: nothing is compacted
	p      *partition      // whose log is being cleaned; nil: none is
	pass   *cleaner.Pass
	from   int64 // the first offset that the pass looks at for the first time
	syncs  []machine.Tag
	looked map[wire.TP]int64 // the first offsets that no pass has looked at
	cannot map[wire.TP]bool  // logs that cannot be cleaned
}

// startCleaner takes over how far an earlier life has cleaned.
func (b *Broker) startCleaner() {
	b.cleaning.at = machine.Never
	b.cleaning.looked = make(map[wire.TP]int64)
	b.cleaning.cannot = make(map[wire.TP]bool)
	for tp, offset := range b.cleaned.known { // unordered: it becomes a map
		b.cleaning.looked[tp] = offset
	}
}

// wake has the cleaner look at logs if there is one to be compacted.
func (k *cleaning) wake(now machine.Instant) {
	if k.at == machine.Never && k.pass == nil {
		k.at = now
	}
}

func (k *cleaning) due() machine.Instant {
	if len(k.syncs) > 0 {
		return machine.Never
	}
	return k.at
}

// clean goes on with the cleaning when it is time.
func (b *Broker) clean(now machine.Now, out *machine.Effects) {
	k := &b.cleaning
	if k.pass != nil && k.pass.Abandoned() {
		b.endPass(now.Mono, nil, out)
	}
	if now.Mono < k.due() || b.err != nil {
		return
	}
	if k.pass == nil && !b.beginPass(now) {
		return
	}
	s := &b.cfg.Settings
	n, sync, err := k.pass.Slice(max(s.LogCleanerIOBufferSize, 1))
	out.Work(machine.Work{Bytes: n})
	k.at = now.Mono.Add(pace(n, s.LogCleanerIOMaxBytesPerSecond))
	if len(sync) > 0 {
		b.cfg.Failpoints.Hit(failpoint.StepCleaned)
	}
	b.goOn(now.Mono, sync, err, out)
}

// pace is how long so many bytes take at a rate a second.
func pace(n, rate int64) time.Duration {
	if rate <= 0 || n > math.MaxInt64/int64(time.Second) {
		return time.Second
	}
	return time.Duration(n * int64(time.Second) / rate)
}

// goOn takes what a step of the pass has come to: files to be synced before the next, or
// an error.
func (b *Broker) goOn(now machine.Instant, sync []string, err error, out *machine.Effects) {
	k := &b.cleaning
	if err != nil {
		b.endPass(now, err, out)
		return
	}
	for _, file := range sync {
		tag := b.tag()
		k.syncs = append(k.syncs, tag)
		out.Sync(file, tag)
	}
	if first, over := k.pass.Done(); over {
		if first == k.from { // the only batch ends behind where may be cleaned
			k.at = now.Add(b.cfg.Settings.LogCleanerBackoff)
		}
		b.passDone(now, first)
		b.endPass(now, nil, out)
	}
}

// beginPass begins a pass over the log of which most is dirty. Without one the cleaner
// sleeps for log.cleaner.backoff.ms.
func (b *Broker) beginPass(now machine.Now) bool {
	k, s := &b.cleaning, &b.cfg.Settings
	var dirtiest *partition
	var most replica.Cleanable
	k.at = machine.Never
	for _, p := range b.partitions {
		if !p.Compacted() || k.cannot[p.TP()] || p.State().LeaderEpoch < 0 {
			continue
		}
		k.at = now.Mono.Add(s.LogCleanerBackoff)
		if !p.Log().Holes() {
			continue
		}
		c := p.Cleanable(k.looked[p.TP()], now.Wall.Millis())
		if c.Due(p.Topic().MinCleanableDirtyRatio) && (dirtiest == nil || c.DirtierThan(&most)) {
			dirtiest, most = p, c
		}
	}
	if dirtiest == nil {
		return false
	}
	t := dirtiest.Topic()
	key := uint64(most.Until)
	last, epochs := dirtiest.LastOffsets()
	k.p, k.from = dirtiest, most.First
	k.pass = cleaner.Begin(dirtiest.Log(), cleaner.Rules{
		First: most.First, Until: most.Until, Now: now.Wall.Millis(),
		DeleteRetention: t.DeleteRetentionMillis, SegmentBytes: t.SegmentBytes, IndexBytes: t.SegmentIndexBytes,
		MapBytes: s.LogCleanerDedupeBufferSize, MapLoad: s.LogCleanerIOBufferLoadFactor,
		Last: last, Epochs: epochs,
		Flaws: cleaner.Flaws{
			KeepOldest: b.cfg.Failpoints.On(failpoint.S10KeepOldest, key),
			OldHorizon: b.cfg.Failpoints.On(failpoint.S11OldHorizon, key),
			MarkerKeys: b.cfg.Failpoints.On(failpoint.S13MarkerKeys, key),
			PerGroup:   b.cfg.Failpoints.On(failpoint.S14ForgetTransactions, key),
		},
	})
	return true
}

// passSynced takes the answer to a sync, if it is one of the pass.
func (b *Broker) passSynced(now machine.Now, tag machine.Tag, err error, out *machine.Effects) (mine bool) {
	k := &b.cleaning
	i := slices.Index(k.syncs, tag)
	if i < 0 {
		return false
	}
	k.syncs = slices.Delete(k.syncs, i, i+1)
	switch {
	case err != nil && !b.cfg.Failpoints.On(failpoint.S03IgnoreSyncError, uint64(tag)):
		b.fail(fmt.Errorf("clean %v: %w", k.p.TP(), err), out)
	case len(k.syncs) > 0 || k.pass == nil:
	case k.pass.Abandoned():
		b.endPass(now.Mono, nil, out)
	default:
		sync, swapped, err := k.pass.Synced()
		switch {
		case swapped:
			b.cfg.Failpoints.Hit(failpoint.StepSwapped)
			b.move(k.p)
		case len(sync) > 0:
			b.cfg.Failpoints.Hit(failpoint.StepSwap)
		}
		b.goOn(now.Mono, sync, err, out)
	}
	return true
}

// passDone notes how far the log is clean.
func (b *Broker) passDone(now machine.Instant, first int64) {
	k := &b.cleaning
	k.looked[k.p.TP()] = first
	b.cleaned.at = min(b.cleaned.at, now)
	b.cfg.Failpoints.Hit(failpoint.Compaction)
	if k.pass.Stats().TombstonesDropped > 0 {
		b.cfg.Failpoints.Hit(failpoint.TombstoneRemoved)
	}
}

// endPass ends a pass, if it is not over because of what it has come upon: that is named in
// a line, and the log is not cleaned again in this life (LogCleanerManager's uncleanable
// partitions). A full disk is no such thing.
func (b *Broker) endPass(now machine.Instant, err error, out *machine.Effects) {
	k := &b.cleaning
	p, pass := k.p, k.pass
	k.p, k.pass = nil, nil
	gone := pass.GiveUp()
	switch {
	case errors.Is(err, machine.ErrNoSpace):
		b.cfg.Failpoints.Hit(failpoint.DiskFull)
		k.at = now.Add(b.cfg.Settings.LogCleanerBackoff)
	case errors.Is(err, cleaner.ErrCorrupt) || errors.Is(err, cleaner.ErrMapFull):
		b.note(fmt.Errorf("%v is not cleaned any more: %w", p.TP(), err))
		k.cannot[p.TP()] = true
	case err != nil:
		b.fail(fmt.Errorf("clean %v: %w", p.TP(), err), out)
	}
	if gone != nil {
		b.fail(fmt.Errorf("clean %v: %w", p.TP(), gone), out)
	}
}

// cut notes that a log may have been truncated: what comes to stand behind its end no pass
// has looked at (LogCleanerManager.maybeTruncateCheckpoint).
func (k *cleaning) cut(p *partition) {
	if end := p.LogEnd(); len(k.looked) > 0 && k.looked[p.TP()] > end {
		k.looked[p.TP()] = end
	}
}

// forgetCleaning drops what is known of the cleaning of a partition that is no more.
func (b *Broker) forgetCleaning(p *partition) {
	k := &b.cleaning
	if k.p == p {
		k.p, k.pass, k.syncs = nil, nil, nil
	}
	delete(k.looked, p.TP())
	delete(k.cannot, p.TP())
}

// allowHoles tells the replicas that are in the checkpoint of the cleaner, now that it is
// on the disk, that their logs may have holes.
func (b *Broker) allowHoles(now machine.Instant) {
	for _, e := range b.cleaned.offsets {
		if p := b.partition(e.Topic, e.Partition); p != nil {
			p.AllowHoles()
		}
	}
	b.cleaning.wake(now)
}
