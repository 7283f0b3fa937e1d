package log

import (
	"slices"

	"brokersim/broker/machine"
)

// activeController is what a broker knows of which controller leads the quorum. It hears
// of it where it fetches the metadata: from the leader itself, or from a voter that says
// who leads (KIP-595). All that it asks of the controller it asks of that one.
type activeController struct {
	asked int   // the place in Controllers of whom the metadata is fetched from
	epoch int32 // the newest of which a leader is known
}

func (b *Broker) controllerOf(id int32) int {
	return slices.IndexFunc(b.cfg.Controllers, func(v Voter) bool { return v.ID == id })
}

// leads notes who leads the quorum: heartbeats and commands go there from now on.
func (b *Broker) leads(now machine.Instant, id, epoch int32, out *machine.Effects) {
	i := b.controllerOf(id)
	if i < 0 || epoch < b.active.epoch {
		return
	}
	b.active.epoch = epoch
	addr := b.cfg.Controllers[i].Addr
	if b.life.turn(now, addr, out) {
		b.life.nextAt = now
	}
	if b.commands.turn(now, addr, out) {
		b.commandLost(now)
	}
	b.fetchFrom(now, i, out)
}

// fetchFrom has the metadata be fetched from one of the voters.
func (b *Broker) fetchFrom(now machine.Instant, i int, out *machine.Effects) {
	if i != b.active.asked {
		b.active.asked, b.metadataAt = i, now
		b.metadata.turn(now, b.cfg.Controllers[i].Addr, out)
	}
}

// askOther goes to whom a voter that does not lead has named, or to the next.
func (b *Broker) askOther(now machine.Instant, leader, epoch int32, out *machine.Effects) {
	if i := b.controllerOf(leader); i >= 0 && i != b.active.asked && epoch >= b.active.epoch {
		b.leads(now, leader, epoch, out)
		return
	}
	b.askNext(now, out)
}

// askNext goes to the next voter, where there are several: this one cannot be reached,
// or does not know either.
func (b *Broker) askNext(now machine.Instant, out *machine.Effects) {
	if n := len(b.cfg.Controllers); n > 1 {
		at := max(b.metadataAt, now.Add(reconnectBackoff))
		b.fetchFrom(now, (b.active.asked+1)%n, out)
		b.metadataAt = at
	}
}
