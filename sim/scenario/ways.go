package scenario

import (
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/sim"
)

// Way is where the time of one record went, from when it was due until it was
// acknowledged and, with Fetch, until the first group had read it.
type Way struct {
	Batch     time.Duration // from due until its batch left the client's queue: linger.ms and what else it waited for there
	Client    time.Duration // the client's core, before and after
	Network   time.Duration // interfaces and links, there and back
	Queue     time.Duration // for a core of the broker, before and after
	Append    time.Duration // the work on the request, without
	Disk      time.Duration // waiting for the drive in it, and then for an fsync
	Replicate time.Duration // until the replicas had it
	Ack       time.Duration // all of it
	Fetch     time.Duration // from when the replicas had it until the first group had read it; 0: not known
}

// request is a Produce request under way.
type request struct {
	key   uint64
	times sim.FrameTimes
	fsync machine.Instant // the last of what it had to sync was on the disk
}

// sample is a record whose way is followed.
type sample struct {
	way  Way
	at   machine.Instant // when it was acknowledged
	from machine.Instant // when the replicas had it
	due  machine.Instant
	read machine.Instant // by the first group; 0: not yet
}

// ways follows every so many-th record of each producer.
type ways struct {
	every     uint64
	from      machine.Instant // earlier ones do not count
	producers map[string]int
	flying    []map[string][]request // by producer, by broker
	acked     [][]*sample            // by producer: in the step that is under way
	open      map[[2]uint64]*sample  // by producer and number
	done      []*sample
}

func (r *run) follow(every uint64) *ways {
	w := &ways{every: every, from: machine.Instant(r.Spec.Bulk.Warm), producers: make(map[string]int), open: make(map[[2]uint64]*sample)}
	nodes := r.Spec.clientNodes()
	for i := range r.Spec.Producers {
		w.producers[nodes[i].name] = i
		w.flying = append(w.flying, make(map[string][]request))
	}
	w.acked = make([][]*sample, len(w.flying))
	r.sim.Framed = w.framed
	r.sim.Synced = w.synced
	return w
}

// follows reports whether a record is followed.
func (w *ways) follows(number uint64) bool { return w != nil && number%w.every == 0 }

// ackedAt is told of a record that is acknowledged in the step under way.
func (w *ways) ackedAt(by int, number uint64, now, due machine.Instant) {
	if now < w.from {
		return
	}
	x := w.sample(by, number)
	x.due = due
	w.acked[by] = append(w.acked[by], x)
	w.done = append(w.done, x)
}

// readAt is told of a record that a group has read.
func (w *ways) readAt(by int, number uint64, now machine.Instant) {
	if now < w.from {
		return
	}
	if x := w.sample(by, number); x.read == 0 {
		x.read = now
	}
}

func (w *ways) sample(by int, number uint64) *sample {
	key := [2]uint64{uint64(by), number}
	x := w.open[key]
	if x == nil {
		x = &sample{}
		w.open[key] = x
	}
	return x
}

// framed sees every frame.
func (w *ways) framed(t *sim.FrameTimes) {
	switch t.Ident.Class {
	case wire.Class(wire.Produce, false):
		if i, is := w.producers[t.From]; is {
			w.flying[i][t.To] = append(w.flying[i][t.To], request{key: t.Ident.Key, times: *t})
		}
	case wire.Class(wire.Produce, true):
		if i, is := w.producers[t.To]; is {
			w.answered(i, t)
		}
	}
}

// answered ends the ways of the records that an answer has acknowledged. Requests
// before it on the connection were lost.
func (w *ways) answered(by int, t *sim.FrameTimes) {
	list := w.flying[by][t.From]
	for i := range list {
		if list[i].key != t.Ident.Key {
			continue
		}
		for _, x := range w.acked[by] {
			x.end(&list[i], t)
		}
		list = list[i+1:]
		break
	}
	w.flying[by][t.From], w.acked[by] = list, w.acked[by][:0]
}

// end takes the way apart. Answers leave in the step that finds the replicas to have
// it, or in that of the request itself.
func (x *sample) end(r *request, answer *sim.FrameTimes) {
	req := &r.times
	appended := req.Done
	if answer.Asked < appended {
		appended = answer.Asked
	}
	x.at, x.from = answer.Done, max(answer.Asked, req.Taken)
	x.way = Way{
		Batch:   req.Asked.Sub(x.due),
		Client:  req.Left.Sub(req.Asked) + answer.Done.Sub(answer.Whole),
		Network: req.Whole.Sub(req.Left) + answer.Whole.Sub(answer.Left),
		Queue:   req.Taken.Sub(req.Whole),
		Append:  req.Done.Sub(req.Taken) - req.Blocked,
		Disk:    req.Blocked,
		Ack:     answer.Done.Sub(x.due),
	}
	if answer.Asked >= req.Done { // parked meanwhile
		wait := answer.Asked.Sub(req.Done)
		if r.fsync > req.Done {
			synced := min(r.fsync.Sub(req.Done), wait)
			x.way.Disk += synced
			wait -= synced
		}
		x.way.Replicate = wait
		x.way.Queue += answer.Left.Sub(answer.Asked)
	}
}

// synced sees every sync: what a request has asked for is a part of its way.
func (w *ways) synced(t *sim.SyncTimes) {
	for _, brokers := range w.flying {
		list := brokers[t.Node]
		for i := range list {
			if list[i].times.N == t.Cause {
				list[i].fsync = max(list[i].fsync, t.Done)
			}
		}
	}
}

// list are the ways of the records that were acknowledged, in that order.
func (w *ways) list() (list []Way) {
	if w == nil {
		return nil
	}
	for _, x := range w.done {
		if x.at == 0 {
			continue // acknowledged by another answer than the one that was seen
		}
		if x.read > x.from {
			x.way.Fetch = x.read.Sub(x.from)
		}
		list = append(list, x.way)
	}
	return list
}
