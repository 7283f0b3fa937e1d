package log

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// coordinators are those on this broker: one for each partition of an internal topic that it
// leads, and who waits for them.
type coordinators struct {
	groups, transactions kind
	shares               kind
	shards               []*shard // by topic and partition
	inquiries            map[coordinator.Token]*inquiry
	last                 coordinator.Token // that was given
	// earliest is no later than the first deadline of a shard: it may be early when that one
	// has moved.
	earliest machine.Instant
	topics   topicsChanged
	builder  wire.Builder
	served   int // how many have begun to serve
}

// kind is what is common to the coordinators of an internal topic.
type kind struct {
	topic string
	// make is a machine for a partition that has replayed nothing, with the broker's planted
	// bugs or none.
	make func(b *Broker, partition, epoch int32, bugs *failpoint.Set) coordinator.Machine
	// refuses answers where there is no machine to do it.
	refuses coordinator.Machine
	// mark has a marker written. It is called when what it ends cannot be lost, and again by
	// whoever leads next.
	mark func(b *Broker, now machine.Now, s *shard, m coordinator.Marker, out *machine.Effects)
}

func (c *coordinators) start() {
	c.groups = kind{topic: coordinator.Offsets, make: newGroups}
	c.transactions = kind{topic: coordinator.Transactions, make: newTransactions, mark: (*Broker).writeMarker}
	c.shares = kind{topic: coordinator.ShareState, make: newShares}
	c.inquiries = make(map[coordinator.Token]*inquiry)
	c.earliest = machine.Never
}

// stop forgets all who wait, and all that is due.
func (c *coordinators) stop() {
	clear(c.inquiries)
	c.shards, c.earliest = nil, machine.Never
}

// of is the kind of coordinator that a topic is for; nil if none is.
func (c *coordinators) of(topic string) *kind {
	switch topic {
	case c.groups.topic:
		return &c.groups
	case c.transactions.topic:
		return &c.transactions
	case c.shares.topic:
		return &c.shares
	}
	return nil
}

// inquiry is a command that has no answer yet.
type inquiry struct {
	kind    *kind
	command any // or, for one coordinator of several, the part of it that is for it
	conn    *conn
	req     wire.Request
	// then takes the answer; nil: it goes to conn as the answer to req.
	then func(now machine.Now, resp kmsg.Response, out *machine.Effects)
	// guard stands for the verification of the transaction that its records are to be of.
	guard replica.Guard

	token coordinator.Token // 0: it was never let in
	shard *shard
}

// home is the partition where a group or a transactional id has its home. Without a topic it
// has none.
func (b *Broker) home(k *kind, id string) int32 {
	t := b.image.Topics[k.topic]
	if t == nil {
		return -1
	}
	return coordinator.PartitionFor(id, int32(len(t.Partitions)))
}

// serving is the coordinator of a partition that takes commands, or Kafka's error
// (CoordinatorRuntime.withActiveContextOrThrow).
func (b *Broker) serving(k *kind, n int32) (*shard, int16) {
	p := b.partition(k.topic, n)
	switch {
	case p == nil || p.shard == nil || p.shard.stage == broken, !p.Leads() || p.LeaderEpoch() != p.shard.epoch:
		return nil, wire.NotCoordinator
	case p.shard.stage == loading:
		return nil, wire.CoordinatorLoadInProgress
	}
	return p.shard, 0
}

// coordinate has the coordinator of a partition decide about a command.
func (b *Broker) coordinate(now machine.Now, n int32, x *inquiry, out *machine.Effects) {
	if b.err != nil {
		return
	}
	s, code := b.serving(x.kind, n)
	if code != 0 {
		b.coordinated(now, x, x.kind.refuse(b, x.command, code), out)
		return
	}
	c := &b.coordinators
	c.last++
	x.token, x.shard = c.last, s
	c.inquiries[x.token] = x
	if x.conn != nil {
		x.conn.inquiries = append(x.conn.inquiries, x)
	}
	s.guard = x.guard
	b.carryOut(now, s, s.machine.Request(now, coordinator.Caller{Token: x.token, ClientID: x.req.ClientID}, x.command), out)
	s.guard = 0
}

// askHomes has the coordinators of several groups or transactional ids decide, each about a
// command that is about its own. answers has one of each id when done is called; an id that is
// named twice has two. x is what is common to the commands.
func askHomes[A any](b *Broker, now machine.Now, x *inquiry, ids []string, command func(of []int) kmsg.Request,
	answers func(kmsg.Response) []A, done func(machine.Now, []A, *machine.Effects), out *machine.Effects) {
	if len(ids) == 1 {
		x.command = command([]int{0})
		x.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) { done(now, answers(resp), out) }
		b.coordinate(now, b.home(x.kind, ids[0]), x, out)
		return
	}
	var homes []int32
	of := make(map[int32][]int)
	for i, id := range ids {
		n := b.home(x.kind, id)
		if of[n] == nil {
			homes = append(homes, n)
		}
		of[n] = append(of[n], i)
	}
	all, left := make([]A, len(ids)), len(homes)
	if left == 0 {
		done(now, all, out)
		return
	}
	for _, n := range homes {
		one := *x
		one.command = command(of[n])
		one.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
			for i, a := range answers(resp) {
				all[of[n][i]] = a
			}
			if left--; left == 0 {
				done(now, all, out)
			}
		}
		b.coordinate(now, n, &one, out)
	}
}

// askAll has all coordinators of a kind on this broker decide about the same command. done is called
// when take has had what each has answered. x is what is asked.
func askAll[R kmsg.Response](b *Broker, now machine.Now, x *inquiry, take func(R), done func(asked int, out *machine.Effects), out *machine.Effects) {
	var asked []int32
	for _, s := range b.coordinators.shards {
		if s.kind == x.kind && s.stage != broken {
			asked = append(asked, s.p.TP().Partition)
		}
	}
	left := len(asked)
	if left == 0 {
		done(0, out)
		return
	}
	for _, n := range asked {
		one := *x
		one.then = func(_ machine.Now, resp kmsg.Response, out *machine.Effects) {
			take(resp.(R))
			if left--; left == 0 {
				done(len(asked), out)
			}
		}
		b.coordinate(now, n, &one, out)
	}
}

// tell has a coordinator on this broker know something that has no answer.
func (b *Broker) tell(now machine.Now, s *shard, command any, out *machine.Effects) {
	b.carryOut(now, s, s.machine.Request(now, coordinator.Caller{}, command), out)
}

// coordinated takes the answer to a command.
func (b *Broker) coordinated(now machine.Now, x *inquiry, resp kmsg.Response, out *machine.Effects) {
	b.forgetInquiry(x)
	if x.conn != nil {
		x.conn.inquiries = remove(x.conn.inquiries, x)
	}
	if x.then != nil {
		x.then(now, resp, out)
		return
	}
	b.answer(x.conn, &x.req, resp, nil, out)
}

func (b *Broker) forgetInquiry(x *inquiry) { delete(b.coordinators.inquiries, x.token) }

// nobodyWaits tells the coordinators that a connection is closed.
func (b *Broker) nobodyWaits(c *conn) {
	for _, x := range c.inquiries {
		b.forgetInquiry(x)
		x.shard.machine.Gone(x.token)
	}
	c.inquiries = nil
}

// refuse is the answer to a command that no coordinator here has decided about.
func (k *kind) refuse(b *Broker, command any, code int16) kmsg.Response {
	if k.refuses == nil {
		k.refuses = k.make(b, -1, -1, nil)
	}
	return k.refuses.Refuse(command, code)
}

// waitingFor are those whose commands a coordinator has not answered, in their order.
func (c *coordinators) waitingFor(s *shard) (list []*inquiry) {
	for _, x := range c.inquiries { // unordered: it is sorted
		if x.shard == s {
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(x, y *inquiry) int { return cmp.Compare(x.token, y.token) }) // total: none is given twice
	return list
}

// tickCoordinators does what is due by the clock.
func (b *Broker) tickCoordinators(now machine.Now, out *machine.Effects) {
	c := &b.coordinators
	if now.Mono < c.earliest {
		return
	}
	budget := int64(loadSlice)
	c.earliest = machine.Never
	for _, s := range c.shards {
		if s.due <= now.Mono {
			switch s.stage {
			case loading:
				if budget > 0 {
					budget -= b.load(now, s, out)
				}
			case serves:
				b.expireDecided(now, s, out)
				if s.machine.Deadline() <= now.Mono {
					b.carryOut(now, s, s.machine.Tick(now), out)
				}
			}
			if b.err != nil {
				return
			}
			s.schedule(now.Mono)
		}
		c.earliest = min(c.earliest, s.due)
	}
}
