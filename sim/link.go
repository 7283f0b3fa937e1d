package sim

import (
	"time"

	"brokersim/broker/machine"
)

// link is one direction between two nodes. All connections share it.
type link struct {
	from, to *node
	draw     machine.Draw    // of latencies, with from and to
	seen     counter         // how often an identity was sent
	free     machine.Instant // when the wire has carried what it was given

	cut     bool
	clogged bool
	slow    time.Duration
	rate    int64     // in bytes a second; 0 is the world's
	drops   []pending // frames to lose
	afters  []pending // frames to deliver and reset
	strays  []pending // frames to deliver late, when their sender has lost the connection
	late    time.Duration
}

// pending is a fault that waits for frames of a class.
type pending struct {
	class uint16
	n     int
}

// expect adds n frames of a class.
func expect(list *[]pending, class uint16, n int) {
	for i := range *list {
		if (*list)[i].class == class {
			(*list)[i].n += n
			return
		}
	}
	*list = append(*list, pending{class, n})
}

// takes reports whether the list waits for a frame of the class, and counts it.
func takes(list []pending, class uint16) bool {
	for i := range list {
		if list[i].class == class && list[i].n > 0 {
			list[i].n--
			return true
		}
	}
	return false
}

// forget takes back what waits for frames, and reports whether there was anything.
func (l *link) forget() (any bool) {
	for _, list := range [][]pending{l.drops, l.afters, l.strays} {
		for i := range list {
			any = any || list[i].n > 0
		}
	}
	l.drops, l.afters, l.strays = nil, nil, nil
	return any
}

// holds reports whether nothing arrives for now.
func (l *link) holds() bool { return l.cut || l.clogged }

// well reports that the link is as the world's configuration says.
func (l *link) well() bool { return !l.cut && !l.clogged && l.slow == 0 && l.rate == 0 }

// Classes of what the kernel itself sends, for the identity of its draws.
const (
	classDial   uint16 = 0xffff - iota // the key is the listener
	classAnswer                        // of a dial; the key is the class of how it went
	classEnd                           // of a connection; the key is the kind of item
)

func (s *Sim) link(from, to *node) *link {
	for len(from.links) <= to.index {
		from.links = append(from.links, nil)
	}
	l := from.links[to.index]
	if l == nil {
		l = &link{from: from, to: to, draw: s.latencyDraw(from, to)}
		from.links[to.index] = l
	}
	return l
}

func (s *Sim) latencyDraw(from, to *node) machine.Draw {
	return machine.NewDraw(s.cfg.Seed, "latency").With(uint64(from.cfg.ID)).With(uint64(to.cfg.ID))
}

// latency draws the time that a frame takes. The n-th frame of one identity has
// the same delay in every run of the seed, whatever else is sent.
func (s *Sim) latency(l *link, id machine.Ident) time.Duration {
	d := l.draw.With(uint64(id.Class)).With(id.Key)
	return s.cfg.Latency.Of(s.drawn(d.With(uint64(l.seen.next(d.Uint64())))))
}

func (s *Sim) drawn(d machine.Draw) machine.Draw {
	if s.Drawn != nil {
		s.Drawn(d.Uint64())
	}
	return d
}

// carry is when the last of n bytes has left.
func (s *Sim) carry(l *link, n int64) machine.Instant {
	rate := l.rate
	if rate == 0 {
		rate = s.cfg.BytesPerSecond
	}
	if rate == 0 {
		return s.now
	}
	l.free = max(l.free, s.now).Add(price(n, time.Second, uint64(rate)))
	return l.free
}
