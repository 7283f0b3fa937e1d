package sim

import (
	"time"

	"brokersim/broker/machine"
)

// FrameTimes is the way of one frame, from the step that sent it to the end of the
// step that took it. It is valid during the call of [Sim.Framed] only.
//
// What lies between two times is what was waited for: Asked to Left the sender's
// core, Left to Gone its interface (and a throttled link), Gone to Whole the way and
// the receiver's interface (of which Reached to Whole is the latter), Whole to Taken
// the frames before it on its connection and a core, Taken to Done the work, of which
// Blocked the core waited for a drive.
type FrameTimes struct {
	From, To string
	Ident    machine.Ident
	Len      int64
	Cause, N int64 // the events of the steps that sent it and took it: see [TraceEvent]

	Asked   machine.Instant // the step that sent it began
	Left    machine.Instant // the work of that step was done
	Gone    machine.Instant // its last byte had left the sender
	Reached machine.Instant // its first byte came to the receiver
	Whole   machine.Instant // its last byte had come
	Taken   machine.Instant // a core began to work on it
	Done    machine.Instant // and was done: the effects of its step leave
	Blocked time.Duration
}

// SyncTimes is one sync, valid during the call of [Sim.Synced] only.
type SyncTimes struct {
	Node, File string
	Cause      int64 // the event of the step that asked for it
	Asked      machine.Instant
	Began      machine.Instant // the drive began with the flush that it is part of
	Done       machine.Instant
	Together   int // syncs of that flush
}

// watched begins the times of a frame, if somebody looks.
func (s *Sim) watched(l *link, it *item) {
	if s.Framed == nil || it.kind != itFrame {
		return
	}
	it.times = &FrameTimes{
		From: l.from.cfg.Name, To: l.to.cfg.Name, Ident: it.ident, Len: it.frame.Len(),
		Cause: s.doing, Asked: s.askedAt, Left: s.now,
	}
}

// framed ends the times of a frame.
func (s *Sim) framed(t *FrameTimes, blocked time.Duration) {
	t.Done, t.Blocked = s.now, blocked
	s.Framed(t)
}
