package quorum

import (
	"fmt"
	"time"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// role is what a voter is in its epoch (KIP-595, KIP-996).
type role uint8

const (
	starting    role = iota // the only voter, whose epoch is not yet durable
	unattached              // knows of no leader
	prospective             // asks who would vote for it, before it takes the next epoch
	candidate               // asks for votes
	following
	leading
	resigned // has led in this epoch, and does so no more
	failed
)

var roleNames = [...]string{"starting", "unattached", "prospective", "candidate", "follower", "leader", "resigned", "failed"}

func (r role) String() string { return roleNames[r] }

// Role is what the voter is, in a word.
func (q *Quorum) Role() string { return q.role.String() }

// jittered is a time, and up to as much again. Two voters must not wait equally long.
func (q *Quorum) jittered(d time.Duration) time.Duration {
	return d + time.Duration(q.draw("election-timeout").N(uint64(max(d, 1))))
}

// draw is keyed by what is waited for: the voter, the epoch, and how many elections it
// has lost in it.
func (q *Quorum) draw(purpose string) machine.Draw {
	return machine.NewDraw(q.cfg.Seed, purpose).With(uint64(q.cfg.ID)).With(uint64(q.epoch)).With(q.elected)
}

// become changes the role; whoever was asked something in the last one is asked anew.
func (q *Quorum) become(r role, timer machine.Instant) {
	q.role, q.timer = r, timer
	if q.making.step == fetchingPart { // of another leader
		q.making = making{}
	}
	for i := range q.peers {
		p := &q.peers[i]
		p.done, p.granted, p.retryAt = false, false, 0
	}
}

// enter takes a later epoch, of which nobody is known to lead.
func (q *Quorum) enter(now machine.Now, epoch int32, out *machine.Effects) {
	if epoch <= q.epoch {
		panic(fmt.Sprintf("quorum: from epoch %d to %d", q.epoch, epoch))
	}
	q.epoch, q.leader, q.voted, q.elected, q.heard = epoch, nobody, nobody, 0, false
	q.become(unattached, now.Mono.Add(q.jittered(q.cfg.ElectionTimeout)))
	q.remember(out)
}

// follow follows the leader of this epoch.
func (q *Quorum) follow(now machine.Now, leader int32, out *machine.Effects) {
	if q.leader != leader && q.cfg.Failpoints.On(failpoint.C07CutBelowHighWatermark, uint64(q.epoch)) && len(q.epochs) > 0 {
		if err := q.cut(q.epochs[len(q.epochs)-1].start); err != nil {
			q.fail(err)
		}
	}
	q.leader, q.heard = leader, false
	q.become(following, now.Mono.Add(q.cfg.FetchTimeout))
	q.fetch.begin(now.Mono)
	q.remember(out)
}

// learn takes what anybody says of epochs: a later one is entered, and who leads in
// this one is followed.
func (q *Quorum) learn(now machine.Now, epoch, leader int32, out *machine.Effects) {
	if epoch < q.epoch {
		return
	}
	if epoch > q.epoch {
		q.enter(now, epoch, out)
	}
	if leader == nobody || leader == q.leader || leader == q.cfg.ID || q.peer(leader) == nil {
		return
	}
	if q.leader != nobody || q.role == resigned {
		q.fail(fmt.Errorf("in epoch %d voter %d leads and voter %d did", epoch, leader, max(q.leader, q.cfg.ID)))
		return
	}
	q.follow(now, leader, out)
}

// timedOut goes on to what comes after the role.
func (q *Quorum) timedOut(now machine.Now, out *machine.Effects) {
	switch q.role {
	case unattached, following, resigned:
		if q.replacing() || q.ending { // it has no log to lead with yet, or is about to end
			q.timer = now.Mono.Add(q.jittered(q.cfg.ElectionTimeout))
			return
		}
		q.ask(now, out)
	case prospective:
		q.lost(now, out)
	case candidate:
		q.lost(now, out)
	case leading:
		q.resign(now)
	}
}

// ask asks who would vote for this voter (pre-vote): one that was cut off must not
// disturb a leader whom the others are content with.
func (q *Quorum) ask(now machine.Now, out *machine.Effects) {
	q.become(prospective, now.Mono.Add(q.jittered(q.cfg.ElectionTimeout)))
	q.won(now, out)
}

// stand stands for election in the next epoch. It votes for itself, and nobody hears of
// the epoch before that is durable.
func (q *Quorum) stand(now machine.Now, out *machine.Effects) {
	q.epoch++
	q.leader, q.voted, q.heard = nobody, q.cfg.ID, false
	q.become(candidate, now.Mono.Add(q.jittered(q.cfg.ElectionTimeout)))
	q.remember(out)
	q.won(now, out)
}

// lost gives an election up and waits before the next: for the leader, if one is known,
// or for a while that differs from those of others.
func (q *Quorum) lost(now machine.Now, out *machine.Effects) {
	q.elected++
	if q.leader != nobody && q.leader != q.cfg.ID {
		q.follow(now, q.leader, out)
		return
	}
	wait := min(q.cfg.ElectionBackoffMax, q.cfg.RetryBackoff<<min(q.elected, 10))
	q.become(unattached, now.Mono.Add(time.Duration(q.draw("election-backoff").N(uint64(wait)+1))))
}

// resign gives up the lead, of which the others are told, so that they need not wait.
func (q *Quorum) resign(now machine.Now) {
	q.leader = nobody
	q.become(resigned, now.Mono.Add(q.jittered(q.cfg.ElectionTimeout)))
}

// Resign is for a voter whose process is about to end (KIP-595): it gives up the lead, if it
// has it, and does not stand for election any more.
func (q *Quorum) Resign(now machine.Now, out *machine.Effects) {
	if q.alone() {
		return
	}
	q.ending = true
	switch q.role {
	case leading:
		q.handing = true
		q.resign(now)
	case prospective, candidate:
		q.lost(now, out)
	}
}

// HandsOver reports whether the voter has resigned with [Quorum.Resign] and does not know yet
// who leads after it.
func (q *Quorum) HandsOver() bool { return q.handing && q.leader == nobody && q.role != failed }
