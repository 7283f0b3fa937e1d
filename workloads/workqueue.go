package workloads

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/workloads/client"
)

// Topology is what a topic is at a broker of work queues: a fan-out exchange, and a queue
// of each group of readers that is bound to it.
type Topology struct {
	Topics  []string
	Queues  []TopologyQueue
	Durable bool // exchanges and queues outlive the broker
	// SingleConsumer has one consumer of a queue at a time be sent messages.
	SingleConsumer bool
	// DeadLetterAfter is how long a message may be in a queue; then it goes to the queue's
	// [DeadLetters]. 0 is for ever.
	DeadLetterAfter time.Duration
}

// DeadLetters is the queue of the dead letters of a queue.
func DeadLetters(queue string) string { return queue + ".dead" }

// arguments are those of a queue.
func (t *Topology) arguments(queue string) (args wire.Table) {
	if t.SingleConsumer {
		args = args.With("x-single-active-consumer", true)
	}
	if t.DeadLetterAfter > 0 { // through the default exchange, which knows each queue by its name
		args = args.With("x-message-ttl", t.DeadLetterAfter.Milliseconds()).
			With("x-dead-letter-exchange", "").With("x-dead-letter-routing-key", DeadLetters(queue))
	}
	return args
}

// TopologyQueue is the queue of a group.
type TopologyQueue struct {
	Name   string
	Topics []string
}

// Declare has a client declare the topology whenever it has a connection.
func (t *Topology) Declare(cfg *client.AMQPConfig) {
	for _, topic := range t.Topics {
		cfg.Exchanges = append(cfg.Exchanges, wire.ExchangeDeclare{Exchange: topic, Type: "fanout", Durable: t.Durable})
	}
	for _, q := range t.Queues {
		cfg.Queues = append(cfg.Queues, wire.QueueDeclare{Queue: q.Name, Durable: t.Durable, Arguments: t.arguments(q.Name)})
		if t.DeadLetterAfter > 0 {
			cfg.Queues = append(cfg.Queues, wire.QueueDeclare{Queue: DeadLetters(q.Name), Durable: t.Durable})
		}
		for _, topic := range q.Topics {
			cfg.Bindings = append(cfg.Bindings, wire.QueueBind{Queue: q.Name, Exchange: topic})
		}
	}
}

// QueueOutlet publishes to an exchange of a broker of work queues.
type QueueOutlet struct {
	*client.AMQP
	Exchange   string
	Persistent bool // messages outlive the broker, in queues that do
	ended      []Posted
}

// Publish is as [Outlet] says.
func (o *QueueOutlet) Publish(now machine.Now, p Post, out *machine.Effects) bool {
	m := client.AMQPMessage{Ticket: p.Ticket, Exchange: o.Exchange, Body: machine.Literal(p.Value)}
	m.Properties.DeliveryMode = transient
	if o.Persistent {
		m.Properties.DeliveryMode = persistent
	}
	return o.AMQP.Publish(now, m, out)
}

// Delivery modes (basic class, delivery-mode).
const (
	transient  = 1
	persistent = 2
)

// Ended is as [Outlet] says.
func (o *QueueOutlet) Ended() []Posted {
	o.ended = o.ended[:0]
	for _, r := range o.Results() {
		x := Posted{Post: Post{r.Message.Ticket, r.Message.Body.Contiguous()}, Outcome: r.Outcome, Session: o.Session(), Why: r.Why}
		if r.Attempts > 1 {
			x.Session = 0 // it was sent on two connections, and may have arrived on either
		}
		o.ended = append(o.ended, x)
	}
	return o.ended
}

// QueueInlet consumes from a queue.
type QueueInlet struct {
	*client.AMQP
	AutoAck bool // the broker has settled what it has sent
	arrived []Arrival
	turns   []Turn
}

// Arrived is as [Inlet] says.
func (i *QueueInlet) Arrived() []Arrival {
	i.arrived = i.arrived[:0]
	for _, d := range i.Deliveries() {
		from := d.Exchange
		if first, dead := d.Properties.Headers.Text("x-first-death-exchange"); dead {
			from = first // where a dead letter was published before it was one
		}
		i.arrived = append(i.arrived, Arrival{From: from, Value: d.Body.Contiguous(), Again: d.Redelivered, Session: d.Session, Tag: d.Tag})
	}
	return i.arrived
}

// Turns is as [Inlet] says.
func (i *QueueInlet) Turns() []Turn {
	i.turns = i.turns[:0]
	for _, e := range i.Events() {
		switch e.Kind {
		case client.AMQPUp:
			i.turns = append(i.turns, true)
		case client.AMQPDown, client.AMQPCancelled:
			i.turns = append(i.turns, false)
		}
	}
	return i.turns
}

// Settle is as [Inlet] says. What an earlier connection has brought cannot be settled: it
// comes again.
func (i *QueueInlet) Settle(a *Arrival) {
	if !i.AutoAck {
		i.Ack(&client.AMQPDelivery{Session: a.Session, Tag: a.Tag}, false)
	}
}

// Hold does nothing: a consumer that should not be sent too much has a prefetch.
func (i *QueueInlet) Hold(machine.Now, bool, *machine.Effects) {}
