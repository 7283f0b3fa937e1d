package workloads

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/checker/history"
)

// ReceiverConfig is what a service is made of to which a broker pushes.
type ReceiverConfig struct {
	ID       int32  // its process in the history, the same in every life
	Life     uint32 // how often the node has been started before
	Group    string // whom it takes records for
	TPs      []history.TP
	Work     time.Duration // for one record, until its effect is there
	Settle   time.Duration // what is left to do for it then, before it is settled
	Recorder *history.Recorder
	// TP is the number of where a record came from.
	TP    func(name string) history.TP
	Inlet Inlet
	// Most is how many records may wait in the service before it stops reading.
	Most int
}

// Inlet is the client through which a service receives.
type Inlet interface {
	Step(now machine.Now, in *machine.Input, out *machine.Effects)
	Run(now machine.Now, out *machine.Effects)
	Deadline() machine.Instant
	// Arrived are the records that came since the last Forget, and Turns how often the
	// client began or ceased to be sent them.
	Arrived() []Arrival
	Turns() []Turn
	Forget()
	// Settle says that a record is finished with.
	Settle(a *Arrival)
	// Hold has the client read no more until it is told otherwise.
	Hold(now machine.Now, held bool, out *machine.Effects)
}

// Arrival is a record that came.
type Arrival struct {
	From         string // the channel or queue's topic
	Value        []byte
	Again        bool // the broker says that it may have come before
	Session, Tag uint64
}

// Turn is that a client is sent records from here on, or no longer.
type Turn bool

// Receiver is a service that works on what it is sent, one record after the other, and
// settles each when it has finished with it. What it has not got to is in its memory
// alone.
type Receiver struct {
	cfg     ReceiverConfig
	waits   []Arrival
	working bool
	done    bool // the effect of the record in hand is there
	until   machine.Instant
	up      bool
	rest    machine.Instant // since when it has had nothing to do
	due     machine.Instant

	runs    [1]history.Run
	records [1]history.Record
	event   history.Event
}

// NewReceiver returns one life of the service.
func NewReceiver(cfg ReceiverConfig) *Receiver { return &Receiver{cfg: cfg} }

// Step is one step of the machine.
func (r *Receiver) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start && r.cfg.Life > 0 {
		r.write(history.Event{E: history.Note, F: history.Crash})
	}
	r.cfg.Inlet.Step(now, in, out)
	r.take(now.Mono)
	r.work(now.Mono)
	r.cfg.Inlet.Hold(now, len(r.waits) >= r.cfg.Most, out)
	r.cfg.Inlet.Run(now, out)
	r.take(now.Mono)
	r.due = r.cfg.Inlet.Deadline()
	if r.working {
		r.due = min(r.due, r.until)
	}
}

// Deadline is when the machine next wants a Tick.
func (r *Receiver) Deadline() machine.Instant { return r.due }

// Resting is for how long the service has been connected and had nothing to do.
func (r *Receiver) Resting(now machine.Instant) time.Duration {
	if !r.up || r.working || len(r.waits) > 0 {
		return 0
	}
	return now.Sub(r.rest)
}

func (r *Receiver) write(e history.Event) {
	e.P = r.cfg.ID
	r.event = e
	r.cfg.Recorder.Event(&r.event)
}

// take writes down what the client has seen: that it is sent records, which, and that it
// is not any more.
func (r *Receiver) take(now machine.Instant) {
	turns := r.cfg.Inlet.Turns()
	for _, up := range turns {
		if up {
			r.turn(now, true)
		}
	}
	arrived := r.cfg.Inlet.Arrived()
	for i := range arrived {
		a := &arrived[i]
		r.rest = now
		r.write(history.Event{E: history.Note, F: history.Deliver, Runs: r.run(a), Again: a.Again})
		r.waits = append(r.waits, *a)
	}
	for _, up := range turns {
		if !up {
			r.turn(now, false)
		}
	}
	r.cfg.Inlet.Forget()
}

func (r *Receiver) turn(now machine.Instant, up bool) {
	r.up, r.rest = up, now
	if up {
		r.write(history.Event{E: history.Note, F: history.Listen, TPs: r.cfg.TPs, Spec: r.cfg.Group})
	} else {
		r.write(history.Event{E: history.Note, F: history.Unlisten})
	}
}

// run is a record as the history has it. One that was changed on its way is shown as one
// that nobody has sent.
func (r *Receiver) run(a *Arrival) []history.Run {
	id, key, err := valueAlone(a.Value)
	if err != nil || id < 0 {
		id, key = -2, noKey
	}
	r.records[0] = history.Record{Offset: history.None, Value: id, Key: key}
	r.runs[0] = history.Run{TP: r.cfg.TP(a.From), Records: r.records[:]}
	return r.runs[:]
}

// work goes on with the record in hand, and then the next.
func (r *Receiver) work(now machine.Instant) {
	for len(r.waits) > 0 {
		if !r.working {
			r.working, r.until = true, now.Add(r.cfg.Work)
		}
		if now < r.until {
			return
		}
		a := &r.waits[0]
		if !r.done {
			r.write(history.Event{E: history.OK, F: history.Process, ID: r.cfg.Recorder.Op(), Runs: r.run(a)})
			r.done, r.until = true, now.Add(r.cfg.Settle)
			continue
		}
		r.working, r.done, r.rest = false, false, now
		r.cfg.Inlet.Settle(a)
		r.waits[0] = Arrival{}
		r.waits = r.waits[1:]
	}
}
