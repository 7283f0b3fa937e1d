package workloads

import (
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// DrainConfig is what the final read of a group's queue is made of.
type DrainConfig struct {
	ID       int32  // its process in the history
	Group    string // whose records they are
	Queue    string // which is read
	Client   client.AMQPConfig
	Quiet    time.Duration // how long nothing must have come for it to have come to the end
	Recorder *history.Recorder
	TP       func(name string) history.TP
}

// Drain takes what is left in a queue when everybody has finished: as for a [Dumper], what
// it does not find is not there.
type Drain struct {
	cfg   DrainConfig
	inlet QueueInlet
	op    int64
	up    bool
	done  bool
	since machine.Instant
	runs  []history.Run
}

// NewDrain returns a final read that begins at its first step.
func NewDrain(cfg DrainConfig) *Drain {
	cfg.Client.Consume = []wire.BasicConsume{{Queue: cfg.Queue, NoAck: true}}
	return &Drain{cfg: cfg, inlet: QueueInlet{AMQP: client.NewAMQP(cfg.Client), AutoAck: true}}
}

// Done reports whether the queue has been read to its end.
func (d *Drain) Done() bool { return d.done }

// Step is one step of the machine.
func (d *Drain) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		d.op = d.cfg.Recorder.Op()
		d.cfg.Recorder.Event(&history.Event{E: history.Inv, F: history.Dump, ID: d.op, P: d.cfg.ID, Fin: true, Spec: d.cfg.Group})
	}
	d.inlet.Step(now, in, out)
	for _, up := range d.inlet.Turns() {
		d.up, d.since = bool(up), now.Mono
	}
	for _, a := range d.inlet.Arrived() {
		d.since = now.Mono
		id, key, err := valueAlone(a.Value)
		if err != nil {
			id, key = -2, noKey
		}
		d.runs = append(d.runs, history.Run{TP: d.cfg.TP(a.From), Records: []history.Record{{Offset: history.None, Value: id, Key: key}}})
	}
	d.inlet.Forget()
	d.inlet.Run(now, out)
	if d.up && !d.done && now.Mono >= d.since.Add(d.cfg.Quiet) {
		d.done = true
		d.cfg.Recorder.Event(&history.Event{E: history.OK, F: history.Dump, ID: d.op, P: d.cfg.ID, Fin: true, Spec: d.cfg.Group, Runs: d.runs})
	}
}

// Deadline is when the machine next wants a Tick.
func (d *Drain) Deadline() machine.Instant {
	if d.up && !d.done {
		return min(d.inlet.Deadline(), d.since.Add(d.cfg.Quiet))
	}
	return d.inlet.Deadline()
}
