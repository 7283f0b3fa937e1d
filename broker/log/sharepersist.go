package log

import (
	"time"

	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// persister has share coordinators keep what leaders of partitions say, on this broker or another
// (DefaultStatePersister, PersisterStateManager).
type persister struct {
	outboxes[*persisting]
	again   []*persisting // when it is time
	againAt machine.Instant
}

// persisting is one call to a share coordinator.
type persisting struct {
	call  share.Call
	until machine.Instant // it is not repeated after that
	then  func(machine.Now, share.Answer, *machine.Effects)
}

// A coordinator that is not there is asked again after persistBackoff, for persistTimeout; for
// beginTimeout if a heartbeat waits for it.
const (
	persistBackoff = 100 * time.Millisecond
	persistTimeout = 30 * time.Second
	beginTimeout   = 5 * time.Second
)

func newPersister() persister {
	return persister{
		outboxes: outboxes[*persisting]{purpose: "share-state", key: wire.WriteShareState, speaks: wire.NewTable(wire.ShareState()...)},
		againAt:  machine.Never,
	}
}

// persist asks the coordinator of a share partition. Each call is answered once, unless the broker
// ends.
func (b *Broker) persist(now machine.Now, call share.Call, then func(machine.Now, share.Answer, *machine.Effects), out *machine.Effects) {
	until := now.Mono.Add(persistTimeout)
	if call.API == wire.InitializeShareState {
		until = now.Mono.Add(beginTimeout)
	}
	b.persistNow(now, &persisting{call, until, then}, out)
}

func (b *Broker) persistNow(now machine.Now, x *persisting, out *machine.Effects) {
	kind := &b.coordinators.shares
	if b.image.Topics[kind.topic] == nil {
		b.createTopic(now.Mono, kind.topic)
		b.persistAgain(now, x, share.Answer{Code: wire.CoordinatorNotAvailable}, out)
		return
	}
	info := b.image.Partition(kind.topic, b.home(kind, x.call.Key.Coordinator()))
	switch {
	case !b.alive(info.Leader):
		b.persistAgain(now, x, share.Answer{Code: wire.CoordinatorNotAvailable}, out)
	case info.Leader == b.cfg.ID:
		b.askShare(now, &x.call, &inquiry{}, func(now machine.Now, a share.Answer, out *machine.Effects) { b.persisted(now, x, a, out) }, out)
	default:
		box := b.persister.to(b, info.Leader)
		box.queue = append(box.queue, x)
	}
}

// persisted takes an answer.
func (b *Broker) persisted(now machine.Now, x *persisting, a share.Answer, out *machine.Effects) {
	switch a.Code {
	case wire.CoordinatorNotAvailable, wire.CoordinatorLoadInProgress, wire.NotCoordinator, wire.RequestTimedOut:
		b.persistAgain(now, x, a, out)
	default:
		x.then(now, a, out)
	}
}

// persistAgain asks again later, if it is not too late.
func (b *Broker) persistAgain(now machine.Now, x *persisting, a share.Answer, out *machine.Effects) {
	if now.Mono >= x.until {
		x.then(now, a, out)
		return
	}
	if len(b.persister.again) == 0 {
		b.persister.againAt = now.Mono.Add(persistBackoff)
	}
	b.persister.again = append(b.persister.again, x)
}

func (p *persister) due(now machine.Instant) machine.Instant {
	return min(p.againAt, p.outboxes.due(now))
}

// expirePersisting gives up on brokers that do not answer, and asks again what is to be asked again.
func (b *Broker) expirePersisting(now machine.Now, out *machine.Effects) {
	p := &b.persister
	b.persistingLost(now, p.expire(now.Mono, out), out)
	if now.Mono < p.againAt {
		return
	}
	again := p.again
	p.again, p.againAt = nil, machine.Never
	for _, x := range again {
		b.persistNow(now, x, out)
	}
}

// persistingLost asks again what nobody knows the end of: it says what is to be, and may be said
// twice.
func (b *Broker) persistingLost(now machine.Now, lost []*persisting, out *machine.Effects) {
	for _, x := range lost {
		b.persistAgain(now, x, share.Answer{Code: wire.CoordinatorNotAvailable}, out)
	}
}

// sendPersisting sends what other brokers are to be asked: what is of one API and one group goes
// together.
func (b *Broker) sendPersisting(now machine.Instant, out *machine.Effects) {
	for _, box := range b.persister.ready(now, b, out) {
		first, calls := box.under[0].call, []share.Call{}
		var under, rest []*persisting
		named := make(map[share.Key]bool)
		for _, x := range box.under {
			alike := x.call.API == first.API && x.call.Key.Group == first.Key.Group && !named[x.call.Key]
			if !alike {
				rest = append(rest, x)
				continue
			}
			named[x.call.Key] = true
			under, calls = append(under, x), append(calls, x.call)
		}
		box.under, box.queue = under, append(rest, box.queue...)
		box.send(now, share.Request(calls), nil, peerTimeout, out)
	}
}

func (b *Broker) stepPersisting(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	took, a, mine, lost := b.persister.step(now.Mono, in, out)
	if lost {
		b.persistingLost(now, took, out)
		return mine
	}
	if len(took) == 0 {
		return mine
	}
	answers := share.Flat(share.Answers(a.Body))
	if len(answers) != len(took) { // no answer to what was asked
		b.persistingLost(now, took, out)
		return mine
	}
	for i, x := range took {
		b.persisted(now, x, answers[i], out)
	}
	return mine
}
