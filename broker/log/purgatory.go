package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// parked is Kafka's purgatory: the requests that wait for something, each at the
// partitions that it waits for. A connection has at most one of them.
type parked struct {
	produces []*parkedProduce // in the order of their arrival
	fetches  []*parkedFetch
	deletes  []*parkedDelete
	markers  []*parkedMarkers
	// earliest is no later than the first that expires: it may be early when that
	// one has been answered.
	earliest machine.Instant
}

// parkedProduce waits until its records are as safe as its acks ask for.
type parkedProduce struct {
	conn  *conn
	req   wire.Request
	resp  *kmsg.ProduceResponse
	acks  int16
	until machine.Instant
	waits []producing // not decided yet
}

// producing is one partition of a produce request.
type producing struct {
	p      *partition
	end    int64 // the log must be safe below
	epoch  int32 // the leader epoch in which it was appended
	answer *kmsg.ProduceResponseTopicPartition
}

// decide fills in the answer if it is known.
func (w *producing) decide(acks int16) (done bool) {
	code, done := w.p.Acknowledge(w.end, acks)
	if w.p.LeaderEpoch() != w.epoch {
		code, done = wire.NotLeaderOrFollower, true
	}
	if done && code != 0 {
		w.refuse(code)
	}
	return done
}

// refuse makes the answer an error. That says nothing about the record: it may
// stay in the log, and the client must take it as unknown.
func (w *producing) refuse(code int16) {
	w.answer.ErrorCode, w.answer.BaseOffset, w.answer.LogStartOffset = code, -1, -1
}

func (b *Broker) parkProduce(x *parkedProduce) {
	x.conn.produce = x
	b.parked.produces = append(b.parked.produces, x)
	b.parked.earliest = min(b.parked.earliest, x.until)
	for i := range x.waits {
		p := x.waits[i].p
		p.produces = addLast(p.produces, x)
	}
}

func (b *Broker) unparkProduce(x *parkedProduce) {
	x.conn.produce = nil
	b.parked.produces = remove(b.parked.produces, x)
	for i := range x.waits {
		p := x.waits[i].p
		p.produces = remove(p.produces, x)
	}
}

// addLast adds x to a list, once: a request may name a partition twice.
func addLast[T any](list []*T, x *T) []*T {
	if n := len(list); n > 0 && list[n-1] == x {
		return list
	}
	return append(list, x)
}

// remove takes x out of a list, wherever it is.
func remove[T any](list []*T, x *T) []*T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// wakeProduces answers the produce requests for which a partition has got far
// enough, or has lost its leader.
func (b *Broker) wakeProduces(p *partition, out *machine.Effects) {
	wake(&p.produces, func(x *parkedProduce) (waits, here bool) {
		x.waits = slices.DeleteFunc(x.waits, func(w producing) bool { return w.p == p && w.decide(x.acks) })
		return len(x.waits) > 0, slices.ContainsFunc(x.waits, func(w producing) bool { return w.p == p })
	}, func(x *parkedProduce) {
		b.unparkProduce(x)
		b.answer(x.conn, &x.req, x.resp, nil, out)
	})
}

// wake has those that wait at a partition decide what they can. Who waits for nothing here
// any more leaves its list, and who waits for nothing at all is answered.
func wake[X any](list *[]*X, decide func(*X) (waits, here bool), answer func(*X)) {
	for i := 0; i < len(*list); {
		x := (*list)[i]
		waits, here := decide(x)
		if here {
			i++
			continue
		}
		*list = slices.Delete(*list, i, i+1)
		if !waits {
			answer(x)
		}
	}
}

// parkedFetch waits for records, or for its time to be over.
type parkedFetch struct {
	conn  *conn
	req   wire.Request
	body  *kmsg.FetchRequest
	who   replica.Isolation
	in    inSession
	until machine.Instant
	parts []reading
}

// reading is one partition of a fetch request.
type reading struct {
	p     *partition
	from  int64
	epoch int32 // the leader epoch when it was parked
}

func (b *Broker) parkFetch(x *parkedFetch) {
	x.conn.fetch = x
	b.parked.fetches = append(b.parked.fetches, x)
	b.parked.earliest = min(b.parked.earliest, x.until)
	for i := range x.parts {
		p := x.parts[i].p
		p.fetches = addLast(p.fetches, x)
	}
}

func (b *Broker) unparkFetch(x *parkedFetch) {
	x.conn.fetch = nil
	b.parked.fetches = remove(b.parked.fetches, x)
	for i := range x.parts {
		p := x.parts[i].p
		p.fetches = remove(p.fetches, x)
	}
}

// wakeFetches answers the fetches for which there is now enough to read in a
// partition, or which must look for another leader.
func (b *Broker) wakeFetches(now machine.Instant, p *partition, out *machine.Effects) {
	for i := 0; i < len(p.fetches); {
		x := p.fetches[i]
		if !x.concerned(p) || x.consumers() && b.cfg.Failpoints.On(failpoint.L01WaitOut, uint64(x.until)) {
			i++
			continue
		}
		a := b.read(x.conn, x.body)
		if !a.enough(x.body) {
			i++
			continue
		}
		b.unparkFetch(x)
		b.answerFetch(now, x.conn, &x.req, x.in, a, out)
	}
}

// consumers reports whether it is a consumer's, and no follower's.
func (x *parkedFetch) consumers() bool { return x.who != replica.ToLogEnd }

// concerned reports whether what has happened to a partition can matter.
func (x *parkedFetch) concerned(p *partition) bool {
	for i := range x.parts {
		r := &x.parts[i]
		if r.p == p && (!p.Leads() || p.LeaderEpoch() != r.epoch || p.Available(x.who, r.from)) {
			return true
		}
	}
	return false
}

// expireParked answers the requests whose time is over: a produce with
// REQUEST_TIMED_OUT for what is still open, a fetch with what there is.
func (b *Broker) expireParked(at machine.Now, out *machine.Effects) {
	now := at.Mono
	if now < b.parked.earliest {
		return
	}
	for i := 0; i < len(b.parked.produces); {
		x := b.parked.produces[i]
		if x.until > now {
			i++
			continue
		}
		b.unparkProduce(x)
		for j := range x.waits {
			x.waits[j].refuse(wire.RequestTimedOut)
		}
		b.answer(x.conn, &x.req, x.resp, nil, out)
	}
	for i := 0; i < len(b.parked.fetches); {
		x := b.parked.fetches[i]
		if x.until > now {
			i++
			continue
		}
		b.unparkFetch(x)
		b.answerFetch(now, x.conn, &x.req, x.in, b.read(x.conn, x.body), out)
	}
	b.expireDeletes(now, out)
	b.expireMarkers(at, out)
	b.parked.earliest = machine.Never
	for _, x := range b.parked.markers {
		b.parked.earliest = min(b.parked.earliest, x.until)
	}
	for _, x := range b.parked.deletes {
		b.parked.earliest = min(b.parked.earliest, x.until)
	}
	for _, x := range b.parked.produces {
		b.parked.earliest = min(b.parked.earliest, x.until)
	}
	for _, x := range b.parked.fetches {
		b.parked.earliest = min(b.parked.earliest, x.until)
	}
}
