package workloads

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// PublisherConfig is what a service is made of that publishes to a broker without
// offsets.
type PublisherConfig struct {
	Load
	TP       history.TP    // to which it publishes
	Patience time.Duration // how long a record waits to be sent before it is given up
	Recorder *history.Recorder
	Outlet   Outlet
}

// Outlet is the client through which a service publishes.
type Outlet interface {
	Step(now machine.Now, in *machine.Input, out *machine.Effects)
	Run(now machine.Now, out *machine.Effects)
	Deadline() machine.Instant
	// Publish sends a record, or does not take it for now.
	Publish(now machine.Now, p Post, out *machine.Effects) (taken bool)
	// Ended are the records whose outcome is known since the last Forget.
	Ended() []Posted
	Forget()
	// Pending is how many were taken and have no outcome yet.
	Pending() int64
}

// Post is a record to be published.
type Post struct {
	Ticket int64
	Value  []byte
}

// Posted is what became of a post.
type Posted struct {
	Post
	Outcome client.Outcome
	Session uint64 // the connection on which it was sent last
	Why     string
}

// Publisher is a service that publishes, open loop, as [Producer] does to a log.
type Publisher struct {
	source
	cfg   PublisherConfig
	head  Post // the oldest that waits, once it was tried
	event history.Event
	sends [1]history.Sent
	due   machine.Instant
}

// NewPublisher returns one life of the service.
func NewPublisher(cfg PublisherConfig) *Publisher {
	return &Publisher{source: newSource(cfg.Load), cfg: cfg}
}

// Step is one step of the machine.
func (p *Publisher) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		p.source.start(now.Mono)
		if p.cfg.Life > 0 {
			p.event = history.Event{E: history.Note, F: history.Crash, P: p.process - lifeStep}
			p.cfg.Recorder.Event(&p.event)
		}
	}
	p.cfg.Outlet.Step(now, in, out)
	p.results(now.Mono)
	p.pass(now.Mono)
	p.send(now, out)
	p.cfg.Outlet.Run(now, out)
	if p.results(now.Mono) {
		p.send(now, out) // there is room again
	}
	p.due = p.cfg.Outlet.Deadline()
	if next := p.next(); next < p.cfg.Until {
		p.due = min(p.due, next)
	}
	if due, some := p.waiting.first(); some {
		p.due = min(p.due, due.Add(p.cfg.Patience))
	}
}

// Deadline is when the machine next wants a Tick.
func (p *Publisher) Deadline() machine.Instant { return p.due }

// Pending is how many records are due and have no outcome yet.
func (p *Publisher) Pending() int64 { return p.cfg.Outlet.Pending() + int64(p.waiting.len()) }

// Done reports whether nothing will be due any more and everything has its outcome.
func (p *Publisher) Done() bool { return p.ended() && p.Pending() == 0 }

// send gives the client what waits, in order; what has waited too long is given up.
func (p *Publisher) send(now machine.Now, out *machine.Effects) {
	for due, some := p.waiting.first(); some; due, some = p.waiting.first() {
		if p.head.Value == nil {
			_, p.head.Value = p.make()
			p.head.Ticket = p.cfg.Recorder.Op()
		}
		taken := p.cfg.Outlet.Publish(now, p.head, out)
		late := now.Mono >= due.Add(p.cfg.Patience)
		if !taken && !late {
			return
		}
		p.drop()
		p.event = history.Event{E: history.Inv, F: history.Send, ID: p.head.Ticket, P: p.process, Sends: p.sent(&p.head), Due: int64(due), PID: history.None, Epoch: history.None}
		p.cfg.Recorder.Event(&p.event)
		if !taken {
			p.complete(&Posted{Post: p.head, Outcome: client.Rejected, Why: "there was no connection in time"})
			p.arrivals.Ended(now.Mono)
		}
		p.head = Post{}
	}
}

func (p *Publisher) sent(x *Post) []history.Sent {
	id, key, err := valueAlone(x.Value)
	if err != nil {
		panic("workloads: a publisher cannot read its own record")
	}
	p.sends[0] = history.Sent{TP: p.cfg.TP, Value: id, Key: key, Offset: history.None, Seq: history.None}
	return p.sends[:]
}

func (p *Publisher) results(now machine.Instant) (any bool) {
	ended := p.cfg.Outlet.Ended()
	for i := range ended {
		p.complete(&ended[i])
		p.arrivals.Ended(now)
	}
	p.cfg.Outlet.Forget()
	return len(ended) > 0
}

// complete writes the outcome of a record. Unknown is Info, never Fail.
func (p *Publisher) complete(x *Posted) {
	p.event = history.Event{F: history.Send, ID: x.Ticket, P: p.process, Sends: p.sent(&x.Post), PID: history.None, Epoch: int32(x.Session), Why: x.Why}
	switch x.Outcome {
	case client.Acked:
		p.event.E = history.OK
	case client.Rejected:
		p.event.E, p.sends[0].Err = history.Fail, x.Why
	default:
		p.event.E, p.sends[0].Err = history.Info, x.Why
	}
	p.cfg.Recorder.Event(&p.event)
}
