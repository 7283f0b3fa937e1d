package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// commands are what a broker asks of the controller beside its own standing: one
// request at a time, in order, each until it is answered.
type commands struct {
	link
	asking   []*partition // have a question about their ISR
	forwards []*forward   // by deadline
	ids      bool         // a block of producer ids is wanted

	under   request
	pauseAt machine.Instant // not before: the controller was not active
}

// request is what the request under way is about.
type request struct {
	alter   []altering
	forward *forward
	ids     bool
}

// altering is one partition of an AlterPartition, with what it was then.
type altering struct {
	p      *partition
	answer replica.Answer // the epochs of the question
}

// forward is a client's request that only the controller can do (KIP-590).
type forward struct {
	conn  *conn // nil: it is the broker's own
	req   wire.Request
	body  kmsg.Request
	until machine.Instant
}

// controllerTimeout is Kafka's controller.socket.timeout.ms.
const controllerTimeout = 30 * time.Second

// ask has the controller asked about a partition's ISR, if a question has arisen just
// now. It names the epochs of now however often it is asked: a life of a follower that
// begins meanwhile does not have what this one had (Partition.prepareIsrExpand).
func (b *Broker) ask(p *partition) {
	if p.Asking() {
		p.named = append(p.named[:0], p.epochs...)
		b.askAgain(p)
	}
}

// askAgain has the controller asked what was to be asked already, if it still is.
func (b *Broker) askAgain(p *partition) {
	if !p.queued && p.Asking() {
		p.queued = true
		b.commands.asking = append(b.commands.asking, p)
	}
}

func (c *commands) idle() bool { return len(c.asking) == 0 && len(c.forwards) == 0 && !c.ids }

func (c *commands) due() machine.Instant {
	at := machine.Never
	if len(c.forwards) > 0 {
		at = c.forwards[0].until
	}
	from := c.pauseAt
	if c.idle() {
		from = machine.Never
	}
	at = min(at, c.link.due(from))
	return at
}

// command sends the next request to the controller, if there is one.
func (b *Broker) command(now machine.Instant, out *machine.Effects) {
	c := &b.commands
	if c.idle() || now < c.pauseAt || !c.ready(now, b, out) {
		return
	}
	switch {
	case b.alterPartitions(now, out):
	case c.ids:
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID, req.BrokerEpoch = b.cfg.ID, b.life.epoch
		c.under.ids = true
		c.send(now, req, nil, controllerTimeout, out)
	case len(c.forwards) > 0:
		f := c.forwards[0]
		c.under.forward = f
		c.send(now, f.body, nil, controllerTimeout, out)
	}
}

// alterPartitions asks about all partitions that have a question, in one request,
// if there are any.
func (b *Broker) alterPartitions(now machine.Instant, out *machine.Effects) (asked bool) {
	c := &b.commands
	req := kmsg.NewPtrAlterPartitionRequest()
	req.BrokerID, req.BrokerEpoch = b.cfg.ID, b.life.epoch
	req.Topics = []kmsg.AlterPartitionRequestTopic{}
	for _, p := range c.asking {
		p.queued = false
		isr, ok := p.Ask()
		if !ok {
			continue
		}
		if n := len(req.Topics); n == 0 || req.Topics[n-1].TopicID != p.topicID {
			t := kmsg.NewAlterPartitionRequestTopic()
			t.TopicID = p.topicID
			req.Topics = append(req.Topics, t)
		}
		s := p.State()
		x := kmsg.NewAlterPartitionRequestTopicPartition()
		x.Partition, x.LeaderEpoch, x.PartitionEpoch = p.TP().Partition, s.LeaderEpoch, s.PartitionEpoch
		x.NewISR = []int32{}
		for _, id := range isr {
			r := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
			r.BrokerID, r.BrokerEpoch = id, b.memberEpoch(p.named, id)
			x.NewISR = append(x.NewISR, id)
			x.NewEpochISR = append(x.NewEpochISR, r)
		}
		t := &req.Topics[len(req.Topics)-1]
		t.Partitions = append(t.Partitions, x)
		c.under.alter = append(c.under.alter, altering{p, replica.Answer{LeaderEpoch: s.LeaderEpoch, PartitionEpoch: s.PartitionEpoch}})
	}
	c.asking = c.asking[:0]
	if len(c.under.alter) > 0 {
		c.send(now, req, nil, controllerTimeout, out)
	}
	return c.underWay
}

// memberEpoch is the broker epoch in which a follower fetched last: what it held then
// says nothing of a life that has begun since, and the controller, asked with the
// epoch of then, refuses (KIP-903). Who has not fetched in this leader epoch has the
// one that the metadata say.
func (b *Broker) memberEpoch(fetched []memberEpoch, id int32) int64 {
	for _, m := range fetched {
		if m.id == id {
			return m.epoch
		}
	}
	return b.brokerEpoch(id)
}

// memberEpoch is the broker epoch of a follower at its last fetch.
type memberEpoch struct {
	id    int32
	epoch int64
}

// noteEpoch notes that a follower fetches.
func (p *partition) noteEpoch(id int32, epoch int64) {
	for i := range p.epochs {
		if p.epochs[i].id == id {
			p.epochs[i].epoch = epoch
			return
		}
	}
	p.epochs = append(p.epochs, memberEpoch{id, epoch})
}

func (b *Broker) brokerEpoch(id int32) int64 {
	if id == b.cfg.ID {
		return b.life.epoch
	}
	if info := b.image.Brokers[id]; info != nil {
		return info.Epoch
	}
	return -1
}

func (b *Broker) stepCommands(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	a, mine, answered, lost := b.commands.step(now.Mono, in, out)
	switch {
	case lost:
		b.commandLost(now.Mono)
	case answered:
		b.commanded(now.Mono, a, out)
	}
	return mine
}

// commandLost has what nobody knows the end of asked again.
func (b *Broker) commandLost(now machine.Instant) {
	under := b.commands.under
	b.commands.under = request{}
	if under.forward != nil {
		b.cfg.Failpoints.Hit(failpoint.TopicInFailOver)
	}
	for _, x := range under.alter {
		b.altered(now, &x, wire.NetworkException, nil)
	}
}

// commanded takes an answer of the controller.
func (b *Broker) commanded(now machine.Instant, a wire.Answer, out *machine.Effects) {
	c := &b.commands
	under := c.under
	c.under = request{}
	switch resp := a.Body.(type) {
	case *kmsg.AlterPartitionResponse:
		if resp.ErrorCode != 0 {
			c.pauseAt = now.Add(reconnectBackoff)
		}
		b.alteredPartitions(now, under.alter, resp)
	case *kmsg.AllocateProducerIDsResponse:
		if resp.ErrorCode != 0 || resp.ProducerIDLen <= 0 {
			c.pauseAt = now.Add(reconnectBackoff)
			return
		}
		c.ids = false
		b.ids.add(resp.ProducerIDStart, int64(resp.ProducerIDLen))
	default:
		if f := under.forward; f != nil {
			if notActive(f.body, resp) {
				c.pauseAt = now.Add(reconnectBackoff)
				return
			}
			c.drop(f)
			b.forwarded(f, resp, out)
		}
	}
}

func (c *commands) drop(f *forward) {
	c.forwards = slices.DeleteFunc(c.forwards, func(x *forward) bool { return x == f })
}

// alteredPartitions takes the answers about ISRs, in the order of the request.
func (b *Broker) alteredPartitions(now machine.Instant, asked []altering, resp *kmsg.AlterPartitionResponse) {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			x := &t.Partitions[j]
			if resp.ErrorCode != 0 || len(asked) == 0 || asked[0].p.topicID != t.TopidID || asked[0].p.TP().Partition != x.Partition {
				continue // no answer to what was asked
			}
			b.altered(now, &asked[0], x.ErrorCode, x)
			asked = asked[1:]
		}
	}
	for i := range asked {
		b.altered(now, &asked[i], wire.NetworkException, nil)
	}
}

func (b *Broker) altered(now machine.Instant, q *altering, code int16, x *kmsg.AlterPartitionResponseTopicPartition) {
	a := q.answer
	a.Code = code
	if x != nil && code == 0 {
		a.State = replica.State{
			ISR: x.ISR, Leader: x.LeaderID, LeaderEpoch: x.LeaderEpoch, PartitionEpoch: x.PartitionEpoch,
			Recovering: controller.Recovery(x.LeaderRecoveryState) == controller.Recovering,
		}
	}
	q.p.Answered(now, a)
	b.touch(q.p)
	b.askAgain(q.p)
}

// expireCommands gives up on forwarded requests whose time is over, and on a
// controller that does not answer.
func (b *Broker) expireCommands(now machine.Now, out *machine.Effects) {
	c := &b.commands
	if c.expire(now.Mono, out) {
		b.commandLost(now.Mono)
	}
	for len(c.forwards) > 0 && c.forwards[0].until <= now.Mono {
		f := c.forwards[0]
		c.drop(f)
		if c.under.forward == f {
			c.under.forward = nil
		}
		b.forwardTimedOut(f, out)
	}
}
