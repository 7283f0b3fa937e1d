package log

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// sharing is what a broker does for share groups as the leader of partitions
// (SharePartitionManager).
type sharing struct {
	parts    []*sharePart // by group, topic id and partition
	sessions map[sessionOf]*shareSession
	parked   []*parkedShare // in the order of their arrival
	pruneAt  machine.Instant
	// earliest is no later than the first lock that ends, and the first request whose time is over.
	earliest machine.Instant
}

func newSharing(on bool) sharing {
	s := sharing{sessions: make(map[sessionOf]*shareSession), earliest: machine.Never}
	if on {
		s.earliest = 0
	}
	return s
}

// sharePart is a share partition for as long as this broker leads the partition in one epoch.
type sharePart struct {
	key   share.Key
	p     *partition
	epoch int32
	kept  *share.Answer    // what the coordinator has said, until the partition can be begun with it
	state *share.Partition // nil: the coordinator has not answered yet
	code  int16            // Kafka's error, if it has ended
	acks  []shareAck       // that wait to be written
	idle  bool             // of its group nobody is here
	due   machine.Instant
}

// shareAck waits until a write is done.
type shareAck struct {
	write uint64
	done  func(now machine.Now, code int16, out *machine.Effects)
}

func (s *sharing) find(k share.Key) (int, bool) {
	return slices.BinarySearchFunc(s.parts, k, func(x *sharePart, k share.Key) int {
		return cmp.Or(cmp.Compare(x.key.Group, k.Group), slices.Compare(x.key.Topic[:], k.Topic[:]), cmp.Compare(x.key.Partition, k.Partition))
	})
}

// sharePart is the share partition of a group, of a partition that this broker leads. One that is
// not there begins: the coordinator is asked what is known of it.
func (b *Broker) sharePart(now machine.Now, group string, p *partition, out *machine.Effects) *sharePart {
	k := share.Key{Group: group, Topic: p.topicID, Partition: p.TP().Partition}
	i, ok := b.sharing.find(k)
	if ok && b.sharing.parts[i].epoch == p.LeaderEpoch() {
		b.sharing.parts[i].idle = false
		return b.sharing.parts[i]
	}
	if ok {
		b.endShare(now, b.sharing.parts[i], wire.NotLeaderOrFollower, out)
		i, _ = b.sharing.find(k)
	}
	sp := &sharePart{key: k, p: p, epoch: p.LeaderEpoch(), due: machine.Never}
	b.sharing.parts = slices.Insert(b.sharing.parts, i, sp)
	p.shares = append(p.shares, sp)
	b.persist(now, share.Call{API: wire.ReadShareState, Key: k, LeaderEpoch: sp.epoch}, func(now machine.Now, a share.Answer, out *machine.Effects) {
		switch {
		case sp.code != 0:
		case a.Code != 0:
			b.endShare(now, sp, sharePartError(a.Code), out)
		default:
			sp.kept = &a
			b.beginShare(now, sp)
		}
		b.touch(p)
	}, out)
	return sp
}

// sharePartError is what a member is told of the coordinator's error (SharePartition.fetchPersisterError).
func sharePartError(code int16) int16 {
	switch code {
	case wire.CoordinatorNotAvailable, wire.CoordinatorLoadInProgress, wire.NotCoordinator, wire.RequestTimedOut:
		return wire.CoordinatorNotAvailable
	case wire.GroupIDNotFound, wire.UnknownTopicOrPartition:
		return code
	case wire.FencedStateEpoch, wire.FencedLeaderEpoch:
		return wire.NotLeaderOrFollower
	}
	return wire.UnknownServerError
}

// beginShare begins a share partition of which the coordinator has told. One that nobody has read
// before begins where the group says (share.auto.offset.reset), and that is known when the leader
// knows what is committed.
func (b *Broker) beginShare(now machine.Now, sp *sharePart) {
	if sp.kept == nil || sp.state != nil || sp.kept.Start < 0 && !sp.p.Settled() {
		return
	}
	start := sp.kept.Start
	if start < 0 {
		start = b.shareStart(now, sp)
	}
	sp.state = share.New(sp.kept.StateEpoch, start, sp.kept.Batches)
	sp.kept = nil
}

// shareStart is where a group begins that has read nothing.
func (b *Broker) shareStart(now machine.Now, sp *sharePart) int64 {
	value := b.image.GroupConfigs[sp.key.Group]["share.auto.offset.reset"]
	if value == "earliest" {
		return sp.p.LogStart()
	}
	if ago, ok := config.ResetDuration(value); ok {
		if at, _, _, code := sp.p.OffsetForTime(now.Wall.Millis()-ago.Milliseconds(), replica.Uncommitted); code == 0 && at >= 0 {
			return at
		}
	}
	return sp.p.HighWatermark()
}

// shareLimits are the settings of a group, or the broker's.
func (b *Broker) shareLimits(group string) share.Limits {
	own, s := b.image.GroupConfigs[group], &b.cfg.Settings
	number := func(name string, preset int64) int64 {
		if n, err := strconv.ParseInt(own[name], 10, 32); err == nil {
			return n
		}
		return preset
	}
	return share.Limits{
		Lock:          time.Duration(number("share.record.lock.duration.ms", s.GroupShareRecordLock.Milliseconds())) * time.Millisecond,
		MaxDeliveries: int16(number("share.delivery.count.limit", int64(s.GroupShareDeliveryCountLimit))),
		MaxInFlight:   number("share.partition.max.record.locks", int64(s.GroupShareMaxRecordLocks)),
	}
}

// shareIsolation is how far a group may read.
func (b *Broker) shareIsolation(group string) replica.Isolation {
	if b.image.GroupConfigs[group]["share.isolation.level"] == "read_committed" {
		return replica.Committed
	}
	return replica.Uncommitted
}

// endShare has a share partition be none here any more. Who waits for something of it is told why.
func (b *Broker) endShare(now machine.Now, sp *sharePart, code int16, out *machine.Effects) {
	if sp.code != 0 {
		return
	}
	sp.code = code
	b.sharing.parts = slices.DeleteFunc(b.sharing.parts, func(x *sharePart) bool { return x == sp })
	sp.p.shares = slices.DeleteFunc(sp.p.shares, func(x *sharePart) bool { return x == sp })
	acks := sp.acks
	sp.acks = nil
	for _, a := range acks {
		a.done(now, code, out)
	}
	b.touch(sp.p)
}

// shareMoved does what comes of a change of a share partition: it is written down, and others may
// have some of it.
func (b *Broker) shareMoved(now machine.Now, sp *sharePart, out *machine.Effects) {
	if sp.code != 0 || sp.state == nil {
		return
	}
	if w, ok := sp.state.Write(); ok {
		call := share.Call{API: wire.WriteShareState, Key: sp.key, StateEpoch: sp.state.StateEpoch, LeaderEpoch: sp.epoch, Start: w.Start, Done: int32(w.Done), Batches: w.Batches}
		b.persist(now, call, func(now machine.Now, a share.Answer, out *machine.Effects) {
			b.shareWritten(now, sp, w.ID, a.Code, out)
		}, out)
	}
	sp.due = sp.state.Deadline()
	b.sharing.earliest = min(b.sharing.earliest, sp.due)
	if sp.idle && !sp.state.Busy() && len(sp.acks) == 0 {
		b.endShare(now, sp, wire.NotLeaderOrFollower, out)
		return
	}
	b.touch(sp.p)
}

// shareWritten takes the answer to a write. An error that says that somebody else has the share
// partition, or that there is none, ends it.
func (b *Broker) shareWritten(now machine.Now, sp *sharePart, id uint64, code int16, out *machine.Effects) {
	if sp.code != 0 {
		return
	}
	sp.state.Written(code == 0)
	var done []shareAck
	sp.acks = slices.DeleteFunc(sp.acks, func(a shareAck) bool {
		if a.write == id {
			done = append(done, a)
		}
		return a.write == id
	})
	if code != 0 {
		code = sharePartError(code)
	}
	for _, a := range done {
		a.done(now, code, out)
	}
	if code != 0 && code != wire.CoordinatorNotAvailable {
		b.endShare(now, sp, code, out)
		return
	}
	b.shareMoved(now, sp, out)
}

// wakeShares brings the share partitions of a partition in line with what has become of that, and
// answers those for whom there is something now.
func (b *Broker) wakeShares(now machine.Now, p *partition, out *machine.Effects) {
	for _, sp := range slices.Clone(p.shares) {
		if !p.Leads() || p.LeaderEpoch() != sp.epoch {
			b.endShare(now, sp, wire.NotLeaderOrFollower, out)
			continue
		}
		b.beginShare(now, sp)
		if sp.state != nil && sp.state.Start() < p.LogStart() {
			sp.state.LogStart(p.LogStart())
			b.shareMoved(now, sp, out)
		}
	}
	if len(p.shareFetches) == 0 {
		return
	}
	for _, x := range slices.Clone(p.shareFetches) {
		if slices.Contains(p.shareFetches, x) {
			b.tryShare(now, x, out)
		}
	}
}

// tickShares ends locks, and requests whose time is over.
func (b *Broker) tickShares(now machine.Now, out *machine.Effects) {
	s := &b.sharing
	if now.Mono < s.earliest {
		return
	}
	if s.earliest = machine.Never; b.cfg.shares() {
		if now.Mono >= s.pruneAt {
			if s.pruneAt > 0 {
				b.pruneShareState(out)
			}
			s.pruneAt = now.Mono.Add(b.cfg.Settings.ShareStateTopicPruneInterval)
		}
		s.earliest = s.pruneAt
	}
	for _, sp := range slices.Clone(s.parts) {
		if sp.code == 0 && sp.state != nil && sp.due <= now.Mono {
			sp.state.Expire(now.Mono, b.shareLimits(sp.key.Group))
			b.shareMoved(now, sp, out)
		}
	}
	for _, x := range slices.Clone(s.parked) {
		if x.until <= now.Mono {
			b.tryShare(now, x, out)
		}
	}
	for _, sp := range s.parts {
		s.earliest = min(s.earliest, sp.due)
	}
	for _, x := range s.parked {
		if x.until > now.Mono { // otherwise it waits for its acknowledgements alone
			s.earliest = min(s.earliest, x.until)
		}
	}
}
