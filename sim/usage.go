package sim

import (
	"time"

	"brokersim/broker/machine"
)

// Usage is what the hardware of a node has done since the run began. Two of them
// give what it did in between: see [Usage.Since].
type Usage struct {
	At machine.Instant

	// Cores serve inputs: those that a machine has not been told of wait here, also
	// because it works on another of that connection or has stopped reading.
	Cores Queue
	// NICOut and NICIn serve frames.
	NICOut, NICIn Queue
	// Drives serve reads, flushes and pieces of write-back, Syncs what machines ask
	// of them: a flush serves several at once.
	Drives, Syncs Queue
	// Dirty are the bytes that wait for write-back.
	Dirty Pool

	// Blocked is how long cores did nothing but wait for a drive, in nanoseconds:
	// reading what was not in memory, or writing above the limit of dirty bytes. It
	// is a part of Cores.Busy.
	Blocked int64
	// Evicted counts blocks of 1 MiB that left the page cache for others, and Cold
	// those that were read from a drive.
	Evicted, Cold int64
	// Stood is how long the node stood still for [Hardware.GC], in nanoseconds, and
	// Collections how often.
	Stood, Collections int64
}

// Queue is the account of a queue and its servers. Times are nanoseconds, summed
// over customers or, of Busy and InSystem, over time.
//
// By Little's law InSystem is Stayed, but for what those who are there at the ends of
// the window have spent in the system outside of it; and InSystem less Busy is Waited,
// if each customer takes one server.
type Queue struct {
	Servers    int64
	Arrivals   int64
	Departures int64 // served
	Dropped    int64 // left without: the node died, or the connection ended
	Busy       int64 // integral of the number of busy servers
	InSystem   int64 // integral of the number waiting or in service
	Waited     int64 // from arrival to service, of those that have departed
	Stayed     int64 // from arrival to the end of service, or to being dropped
	Present    int64 // now
	Peak       int64 // the most that were ever there at once, not of a window
}

// MeanWait is how long a departed customer waited on average.
func (q *Queue) MeanWait() time.Duration { return time.Duration(q.Waited / max(q.Departures, 1)) }

// BusyPerMillion is how much of the servers was in use in a window.
func (q *Queue) BusyPerMillion(window time.Duration) int64 {
	if window <= 0 || q.Servers == 0 {
		return 0
	}
	return int64(price(q.Busy/q.Servers, million, uint64(window)))
}

// Pool is the account of bytes that wait. Held and Stayed are byte-milliseconds: a
// byte-nanosecond would overflow in a minute.
type Pool struct {
	Arrivals   int64
	Departures int64 // written back
	Dropped    int64 // truncated or removed before
	Held       int64 // integral of the number of bytes
	Stayed     int64 // of those that have left
	Present    int64 // now
	Peak       int64 // ever
}

// Since is what was done from an earlier usage of the node to this one. Present and
// Peak stay.
func (u Usage) Since(earlier Usage) Usage {
	u.Cores = u.Cores.since(&earlier.Cores)
	u.NICOut, u.NICIn = u.NICOut.since(&earlier.NICOut), u.NICIn.since(&earlier.NICIn)
	u.Drives, u.Syncs = u.Drives.since(&earlier.Drives), u.Syncs.since(&earlier.Syncs)
	u.Dirty.Arrivals -= earlier.Dirty.Arrivals
	u.Dirty.Departures -= earlier.Dirty.Departures
	u.Dirty.Dropped -= earlier.Dirty.Dropped
	u.Dirty.Held -= earlier.Dirty.Held
	u.Dirty.Stayed -= earlier.Dirty.Stayed
	u.Blocked -= earlier.Blocked
	u.Evicted -= earlier.Evicted
	u.Cold -= earlier.Cold
	u.Stood -= earlier.Stood
	u.Collections -= earlier.Collections
	return u
}

func (q Queue) since(earlier *Queue) Queue {
	q.Arrivals -= earlier.Arrivals
	q.Departures -= earlier.Departures
	q.Dropped -= earlier.Dropped
	q.Busy -= earlier.Busy
	q.InSystem -= earlier.InSystem
	q.Waited -= earlier.Waited
	q.Stayed -= earlier.Stayed
	return q
}

// Usage is what the hardware of a node has done so far; nothing for a node without
// [Hardware]. It panics if there is no such node.
func (s *Sim) Usage(name string) Usage {
	n := s.node(name)
	u := Usage{At: s.now}
	hw := n.hw
	if hw == nil {
		return u
	}
	u.Cores = hw.cores.read(s.now)
	u.Cores.Servers = int64(n.cfg.Cores)
	u.NICOut, u.NICIn = hw.out.read(s.now), hw.in.read(s.now)
	u.Blocked, u.Stood, u.Collections = int64(hw.blocked), int64(hw.stood), hw.collections
	u.Evicted, u.Cold = n.files.memory.evicted, n.files.memory.cold
	for _, d := range n.files.disks.drives {
		u.Drives.plus(d.account.read(s.now))
		u.Syncs.plus(d.syncs.read(s.now))
		u.Dirty.plus(d.dirty.read(s.now))
	}
	return u
}

// plus adds the account of another drive, which is another server.
func (q *Queue) plus(o Queue) {
	q.Servers++
	q.Arrivals += o.Arrivals
	q.Departures += o.Departures
	q.Dropped += o.Dropped
	q.Busy += o.Busy
	q.InSystem += o.InSystem
	q.Waited += o.Waited
	q.Stayed += o.Stayed
	q.Present += o.Present
	q.Peak += o.Peak
}

func (p *Pool) plus(o Pool) {
	p.Arrivals += o.Arrivals
	p.Departures += o.Departures
	p.Dropped += o.Dropped
	p.Held += o.Held
	p.Stayed += o.Stayed
	p.Present += o.Present
	p.Peak += o.Peak
}

// station keeps the account of a queue.
type station struct {
	Queue
	at   machine.Instant // until when the integrals are right
	busy int64           // servers
}

// advance moves the integrals on.
func (q *station) advance(now machine.Instant) {
	if d := int64(now - q.at); d > 0 {
		q.InSystem += d * q.Present
		q.Busy += d * q.busy
		q.at = now
	}
}

func (q *station) arrive(now machine.Instant) {
	q.advance(now)
	q.Arrivals++
	q.Present++
	q.Peak = max(q.Peak, q.Present)
}

func (q *station) begin(now machine.Instant) {
	q.advance(now)
	q.busy++
}

// depart ends the service of a customer that came at since and waited until began.
func (q *station) depart(now, since, began machine.Instant) {
	q.advance(now)
	q.busy--
	q.Present--
	q.Departures++
	q.Waited += int64(began - since)
	q.Stayed += int64(now - since)
}

// drop has a customer leave that was not being served.
func (q *station) drop(now, since machine.Instant) {
	q.advance(now)
	q.Present--
	q.Dropped++
	q.Stayed += int64(now - since)
}

// abort has a customer leave in the midst of its service.
func (q *station) abort(now, since machine.Instant) {
	q.busy--
	q.drop(now, since)
}

func (q *station) read(now machine.Instant) Queue {
	q.advance(now)
	return q.Queue
}
