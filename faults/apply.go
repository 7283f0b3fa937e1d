package faults

import (
	"fmt"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// World is what faults act on; the simulator satisfies it without knowing it.
// Nodes go by the names that a [Vocabulary] lists. What makes no sense at the
// moment, such as crashing a node that is down, does nothing.
type World interface {
	Cut(from, to string)                            // frames wait, one way
	Heal(from, to string)                           // ends Cut and Slow, one way
	HealAll()                                       // every link
	Slow(from, to string, by time.Duration)         // one way; 0 ends it
	Drop(class uint16, from, to string, n int)      // the next n frames of a class
	Reset(a, b string)                              // every connection between two nodes
	ResetAfterAccept(class uint16, from, to string) // after the next frame of a class
	// LimitMemory has a node killed when more bytes that it has sent wait to be taken;
	// 0 ends it.
	LimitMemory(node string, bytes int64)
	// Duplicate delivers the next frame of a class that much later, and has its
	// sender lose the connection at once.
	Duplicate(class uint16, from, to string, late time.Duration)
	Crash(node string)                      // the process; the page cache stays
	PowerLoss(node string)                  // what was not synced may be lost
	ShutDown(node string)                   // it is asked to end, and takes its time
	Restart(node string)                    // if it is down, or about to end
	RestartAll()                            // every node that is down
	CrashAt(step, node string)              // when it next passes a step, until Restart
	PowerLossAt(step, node string)          // the same
	Pause(node string)                      // it stands still, its connections stay
	Resume(node string)                     // after a pause
	SkewWall(node string, by time.Duration) // added to the offset that it has
	Drift(node string, ppm int64)           // added to the drift of the monotonic clock

	Clog(from, to string)                           // frames pile up, one way, until Heal
	Throttle(from, to string, bytesPerSecond int64) // one way; 0, or Heal, ends it

	// Of disks. Files are a pattern as of path.Match, of files or of a directory
	// that they are in; an empty one means all.
	BitRot(node, files string)               // a durable bit flips
	LatentError(node, files string)          // a durable sector cannot be read
	FailAppends(node, files string, on bool) // with an input/output error
	FailSyncs(node, files string, on bool)   // the same
	FillDisk(node string, on bool)           // no room for more
	SlowDisk(node string, times int64)       // 1 ends it
	StallDisk(node string, on bool)          // no answers
	LieOnSync(node string, on bool)          // they claim success
	ReorderSectors(node string, on bool)     // un-synced, at a power loss
	MisdirectWrites(node string, on bool)    // one of them, at a power loss
	MendDisk(node string)                    // ends the eight above
	Wipe(node string)                        // empty at the next start
}

// View answers who has a role at this moment, asked in the words of the
// schedule: "leader", "leader(orders-0)", "notification", "*". A role that
// several nodes have is answered with their names joined by commas. Not ok means
// that nobody has it now.
type View func(role string) (node string, ok bool)

// At is a step with its time. It is applied once.
type At struct {
	Time machine.Instant
	Step Step

	begin   *At // the step that this one undoes
	applied bool
}

// Apply does the step to w. The text is the step with its time and with every
// role replaced by role(node), such as "1.000s cut follower(b3) leader(b1)", and
// parses back: the texts of all steps of a run are a schedule that repeats them
// without a view. When a role is nobody's the step is not applied and the text
// is a comment that says so.
func (at *At) Apply(w World, view View) (text string, applied bool) {
	step := at.Step
	if at.begin != nil {
		if !at.begin.applied {
			return at.skipped(&step, "what it would undo was not applied"), false
		}
		// Whoever was hit recovers, and not who has the role by now.
		step.A, step.B = at.begin.Step.A, at.begin.Step.B
	}
	all := step.ofAll()
	for _, t := range []*Target{&step.A, &step.B} {
		if !all && !t.resolve(view) {
			return at.skipped(&step, "nobody is "+t.String()), false
		}
	}
	if !step.do(w) {
		return at.skipped(&step, "both ends are the same node"), false
	}
	at.Step, at.applied = step, true
	return clock(at.Time) + " " + step.what(), true
}

func (at *At) skipped(step *Step, why string) string {
	return fmt.Sprintf("# %s %s: not applied: %s", clock(at.Time), step.what(), why)
}

// resolve asks for the nodes of a role. Plain nodes, and roles that were
// resolved before, stay as they are.
func (t *Target) resolve(view View) bool {
	if t.Role == "" || len(t.Nodes) > 0 {
		return true
	}
	if view == nil {
		return false
	}
	nodes, ok := view(t.ask())
	if !ok || nodes == "" {
		return false
	}
	t.Nodes = strings.Split(nodes, ",")
	return true
}

// ofAll reports whether the step is "heal *" or "restart *", which need no list
// of nodes.
func (s *Step) ofAll() bool {
	return (s.Verb == Heal || s.Verb == Restart) && s.A.Role == everyone && len(s.A.Nodes) == 0 && s.B.none()
}

// do applies a resolved step. It reports false for a link verb whose ends are
// the same node, which has done nothing.
func (s *Step) do(w World) bool {
	switch {
	case s.ofAll() && s.Verb == Heal:
		w.HealAll()
		return true
	case s.ofAll():
		w.RestartAll()
		return true
	case s.B.none():
		for _, a := range s.A.Nodes {
			s.doNode(w, a)
		}
		return true
	}
	done := false
	for _, a := range s.A.Nodes {
		for _, b := range s.B.Nodes {
			if a != b {
				s.doLink(w, a, b)
				done = true
			}
		}
	}
	return done
}

func (s *Step) doNode(w World, a string) {
	switch s.Verb {
	case Crash:
		w.Crash(a)
	case PowerLoss:
		w.PowerLoss(a)
	case CrashAt:
		w.CrashAt(s.Class, a)
	case PowerLossAt:
		w.PowerLossAt(s.Class, a)
	case Stop:
		w.ShutDown(a)
	case Restart:
		w.Restart(a)
	case Pause:
		w.Pause(a)
	case Resume:
		w.Resume(a)
	case Skew:
		w.SkewWall(a, s.By)
	case Drift:
		w.Drift(a, int64(s.N))
	default:
		s.doDisk(w, a)
	}
}

func (s *Step) doDisk(w World, a string) {
	switch s.Verb {
	case BitRot:
		w.BitRot(a, s.Files)
	case LatentError:
		w.LatentError(a, s.Files)
	case IOError:
		w.FailAppends(a, s.Files, !s.Off)
		w.FailSyncs(a, s.Files, !s.Off)
	case SyncError:
		w.FailSyncs(a, s.Files, !s.Off)
	case DiskFull:
		w.FillDisk(a, !s.Off)
	case Memory:
		w.LimitMemory(a, int64(s.N))
	case DiskSlow:
		w.SlowDisk(a, int64(s.N))
	case DiskStall:
		w.StallDisk(a, !s.Off)
	case FsyncLies:
		w.LieOnSync(a, !s.Off)
	case DiskReorders:
		w.ReorderSectors(a, !s.Off)
	case DiskMisdirects:
		w.MisdirectWrites(a, !s.Off)
	case Mend:
		w.MendDisk(a)
	case Wipe:
		w.Wipe(a)
	default:
		panic(fmt.Sprintf("faults: %v is no verb about a node", s.Verb))
	}
}

func (s *Step) doLink(w World, a, b string) {
	switch s.Verb {
	case Cut:
		w.Cut(a, b)
	case CutBoth:
		w.Cut(a, b)
		w.Cut(b, a)
	case Heal:
		w.Heal(a, b)
	case HealBoth:
		w.Heal(a, b)
		w.Heal(b, a)
	case Slow:
		w.Slow(a, b, s.By)
	case Clog:
		w.Clog(a, b)
	case Throttle:
		w.Throttle(a, b, int64(s.N))
	case Drop:
		w.Drop(s.ClassID, a, b, s.N)
	case Reset:
		w.Reset(a, b)
	case ResetAfterAccept:
		w.ResetAfterAccept(s.ClassID, a, b)
	case Duplicate:
		w.Duplicate(s.ClassID, a, b, s.By)
	default:
		panic(fmt.Sprintf("faults: %v is no verb about a link", s.Verb))
	}
}

// clock prints a time in seconds, with milliseconds and as much more as it has.
func clock(t machine.Instant) string {
	fraction := fmt.Sprintf("%09d", int64(t)%int64(time.Second))
	for len(fraction) > 3 && fraction[len(fraction)-1] == '0' {
		fraction = fraction[:len(fraction)-1]
	}
	return fmt.Sprintf("%d.%ss", int64(t)/int64(time.Second), fraction)
}
