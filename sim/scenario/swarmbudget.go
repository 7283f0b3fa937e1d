package scenario

import (
	"slices"
	"time"

	"brokersim/faults"
)

// budget is what may go wrong at once so that a cluster can keep what its
// configuration promises. Three things can take a promise away that no fault of
// the broker's code has to do with:
//
//   - Too few brokers: with acks=all nothing is acknowledged any more once fewer
//     than min.insync.replicas are there, and nothing at all happens without one
//     replica. That breaks no promise, but shows little: the brokers that are dark
//     at once leave every partition able to go on.
//   - A power loss under the page-cache flush policy takes acknowledged records
//     from a disk. They must be in sync elsewhere, and stay there until the
//     broker has them again. If it is elected before, as the last replica that
//     stands or as one whose session had not ended, then Kafka without KIP-966
//     has the other replicas truncate to it. So a power loss comes alone, with
//     Apart of calm before and after: every replica is in sync then. With
//     flush.messages=1 nothing acknowledged is ever only in a page cache, and
//     power losses are like crashes.
//   - A disk that loses what was synced: one that lies, rots, misdirects a write, is
//     exchanged. That is a power loss under any flush policy, and after it a whole
//     log may have to be copied. Where a partition has one replica only, nothing
//     that was promised can be kept then.
//   - A batch that expires under way (see deliveryTimeout).
//
// The controller is always brought back, and is away once at a time.
func (d swarm) budget(s *Spec) faults.Budget {
	if d.profile == Unrestricted {
		return faults.Budget{}
	}
	b := faults.Budget{Dark: s.mayBeDark(), ApartOfLoss: s.inSyncAgain() + copyAll, Durable: s.soleCopies()}
	if s.pageCache() {
		b.Apart = s.inSyncAgain()
	}
	return b
}

// mayBeDark is how many brokers every partition can do without. One is always
// allowed: a run in which nothing may happen shows nothing.
func (s *Spec) mayBeDark() int {
	n := s.Brokers
	for _, t := range s.Topics {
		spare := int(t.Replication) - 1
		if slices.Contains(s.Set, entry("producer.acks", "all")) {
			spare = int(t.Replication) - int(settingOr(t.Set, "min.insync.replicas", 1))
		}
		n = min(n, spare)
	}
	return max(n, 1)
}

// copyAll bounds how long a broker takes to copy all of its logs.
const copyAll = time.Second

// soleCopies reports whether some partition is on one broker only.
func (s *Spec) soleCopies() bool {
	return slices.ContainsFunc(s.Topics, func(t Topic) bool { return t.Replication < 2 })
}

// pageCache reports whether an acknowledgement may come before the disk has the
// record.
func (s *Spec) pageCache() bool {
	return slices.ContainsFunc(s.Topics, func(t Topic) bool { return settingOr(t.Set, "flush.messages", flushNever) != 1 })
}

// inSyncAgain bounds how long it takes until every replica is in sync again after
// something was wrong: its fetch times out, it is found to lag, or its broker's
// session ends, and it catches up.
func (s *Spec) inSyncAgain() time.Duration {
	const catchUp = 500
	ms := settingOr(s.Set, "broker.replica.socket.timeout.ms", 30_000) +
		settingOr(s.Set, "broker.replica.lag.time.max.ms", 1000) +
		settingOr(s.Set, "broker.broker.session.timeout.ms", 900) + catchUp
	return time.Duration(ms) * time.Millisecond
}

// longestOutage bounds for how long something can be wrong on end, with the time
// that it takes afterwards until nothing of it is under way any more.
func (s *Spec) longestOutage() time.Duration {
	aftermath := 5 * time.Second
	if s.CoreFor > 0 {
		aftermath += 5 * time.Second // until the core has found itself
	}
	return s.For - warmUp + aftermath
}
