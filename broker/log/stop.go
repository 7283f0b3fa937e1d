package log

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// stopping is the end of a life in good order. In a controlled shutdown the broker serves
// on and says so in its heartbeats, until the controller has moved away what it leads
// (KIP-631); or until the time for that is over. Then all logs are made durable, then the
// checkpoints, then a marker that says so to the next life (LogManager.shutdown). What comes
// meanwhile is refused.
type stopping struct {
	leaving bool            // a controlled shutdown is under way
	until   machine.Instant // its end, whatever the controller says
	waits   bool            // the controller has said to wait
	begun   bool
	flushed bool // the logs are durable
	marked  bool // the marker is being made durable
	done    bool
}

// Stopped reports whether a life that was asked to end with machine.Stopping has: it may be
// ended then. The next one need not read its logs again unless Err is why.
func (b *Broker) Stopped() bool { return b.stopping.done || b.err != nil }

// controlledShutdownMax is how long a broker waits for the controller (BrokerServer.shutdown).
const controlledShutdownMax = 5 * time.Minute

// controlledShutdownRetry is when a broker asks again that has been told to wait for the
// first time: most shutdowns are short (BrokerLifecycleManager).
const controlledShutdownRetry = 50 * time.Millisecond

// stop begins to end this life.
func (b *Broker) stop(now machine.Now, out *machine.Effects) {
	s := &b.stopping
	if s.leaving {
		return
	}
	if !b.cfg.Settings.ControlledShutdown || b.life.epoch < 0 {
		b.shutDown(out)
		return
	}
	wait := controlledShutdownMax
	if b.cfg.ShutdownWait > 0 {
		wait = min(wait, b.cfg.ShutdownWait)
	}
	s.leaving, s.until = true, now.Mono.Add(wait)
	b.life.nextAt = now.Mono
}

// left takes what the controller says to a broker that wants to shut down.
func (b *Broker) left(now machine.Instant, may bool) {
	s := &b.stopping
	switch {
	case !s.leaving:
	case may:
		s.until = now
	case !s.waits:
		s.waits, b.life.nextAt = true, now.Add(controlledShutdownRetry)
	}
}

// leave goes on with a controlled shutdown whose time has come.
func (b *Broker) leave(now machine.Instant, out *machine.Effects) {
	if b.stopping.leaving && now >= b.stopping.until && b.err == nil {
		b.shutDown(out)
	}
}

func (b *Broker) leaveDue() machine.Instant {
	if b.stopping.leaving {
		return b.stopping.until
	}
	return machine.Never
}

// shutDown serves nobody any more.
func (b *Broker) shutDown(out *machine.Effects) {
	b.stopping.begun = true
	b.hangUpAll(out)
	for _, p := range b.partitions {
		if err := p.Close(); err != nil {
			b.fail(err, out)
			return
		}
		b.flush(p, out)
	}
	b.stopMore(out)
}

// stopMore does what comes next when something has become durable.
func (b *Broker) stopMore(out *machine.Effects) {
	s := &b.stopping
	if b.err != nil || b.saving() || b.marking != 0 {
		return
	}
	switch {
	case !s.flushed:
		if !slices.ContainsFunc(b.partitions, func(p *partition) bool { return !p.Closed() }) {
			s.flushed = true
			for _, c := range b.checkpoints() {
				b.saveCheckpoint(c, out)
			}
			b.stopMore(out)
		}
	case !s.marked:
		s.marked = true
		if err := storage.Replace(b.files, storage.CleanShutdownFile, storage.FormatCleanShutdown(b.life.epoch)); err != nil {
			b.fail(err, out)
			return
		}
		b.mark(out)
	default:
		s.done = true
		b.cfg.Failpoints.Hit(failpoint.CleanShutdown)
	}
}

// saving reports whether a checkpoint is being written.
func (b *Broker) saving() bool {
	return b.checkpoint.tag != 0 || b.recovery.tag != 0 || b.logStart.tag != 0 || b.cleaned.tag != 0
}

// mark makes the marker durable, or that there is none.
func (b *Broker) mark(out *machine.Effects) {
	b.marking = b.tag()
	out.Sync(storage.CleanShutdownFile, b.marking)
}

// unmark reports whether the life before has ended in good order, and takes that back: from
// now on a crash is one. The broker does not register before that is durable.
func (b *Broker) unmark(out *machine.Effects) (clean bool, err error) {
	size, ok := b.files.Size(storage.CleanShutdownFile)
	if !ok {
		return false, nil
	}
	text, err := b.files.ReadAt(storage.CleanShutdownFile, 0, size)
	if err == nil {
		b.life.before, err = storage.ParseCleanShutdown(text.Contiguous())
	}
	if err != nil {
		b.note(fmt.Errorf("%s is passed over: %w", storage.CleanShutdownFile, err))
	}
	clean = err == nil
	if b.cfg.Failpoints.On(failpoint.S02KeepMarker, uint64(b.cfg.ID)) {
		return clean, nil
	}
	if err := b.files.Remove(storage.CleanShutdownFile); err != nil {
		return false, err
	}
	b.mark(out)
	return clean, nil
}

// unmarking reports whether it is not durable yet that a crash is one: nothing may be written
// before, and so nobody served.
func (b *Broker) unmarking() bool { return b.marking != 0 && !b.stopping.begun }

// markSynced takes the answer to a sync, if it is one of the marker.
func (b *Broker) markSynced(now machine.Instant, tag machine.Tag, err error, out *machine.Effects) (mine bool) {
	if b.marking == 0 || tag != b.marking {
		return false
	}
	b.marking = 0
	if err != nil {
		b.fail(fmt.Errorf("sync %s: %w", storage.CleanShutdownFile, err), out)
	}
	b.life.nextAt = max(b.life.nextAt, now)
	return true
}
