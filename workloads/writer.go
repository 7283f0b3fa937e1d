package workloads

import (
	"strconv"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults/failpoint"
	"brokersim/workloads/client"
)

// WriterConfig is what a service is made of that writes in transactions.
type WriterConfig struct {
	Load
	Bootstrap []string // "b1:9092"
	Settings  config.Producer

	Topic string
	// Records are how many are written in one transaction, at most: those that are due when it
	// begins. AbortOneIn, if it is not 0, has one in so many be aborted on purpose, once its
	// records are in the log.
	Records    int
	AbortOneIn uint64
	// AbortAtOnce has it be aborted as soon as its records are given to the client, which has
	// sent none of them then.
	AbortAtOnce bool
	// Hold is for how long a transaction is open at least.
	Hold time.Duration
	// Alone says that nobody else has the transactional.id, so that a writer which has failed
	// for good begins anew; otherwise it has a successor, and ends.
	Alone bool
	// Tombstones is as in [ProducerConfig].
	Tombstones bool

	Recorder   *history.Recorder
	TPs        func(wire.TP) history.TP
	Failpoints *failpoint.Set // nil is off
}

// Writer is a service that writes what is due in transactions. The records of one that
// was aborted are gone: nobody sends them again.
type Writer struct {
	source
	cfg  WriterConfig
	ends revivals
	tx   transactor

	head   client.Record // the oldest that waits, once it was tried
	txns   uint64        // that were begun
	begun  machine.Instant
	left   int   // of the transaction: records to be sent
	open   int64 // same: records without an outcome
	onward machine.Instant
	due    machine.Instant
}

// revivals are the lives of a service within those of its node: each is a process of its own.
type revivals struct {
	life   uint32 // of the node
	number uint32
	at     machine.Instant // when the next begins; Never while one lasts
	over   bool            // there will be none
}

const (
	// revivalsOfLife is how many processes a life of the node may be.
	revivalsOfLife = 100
	// reviveAfter is how long it takes to start a process again that has failed for good.
	reviveAfter = 100 * time.Millisecond
)

// process is the number of the present process.
func (r *revivals) process(id int32) int32 {
	return id + lifeStep*int32(r.life*revivalsOfLife+r.number)
}

// before is that of the process before, if there was one.
func (r *revivals) before(id int32) (process int32, was bool) {
	switch {
	case r.number > 0:
		return id + lifeStep*int32(r.life*revivalsOfLife+r.number-1), true
	case r.life > 0:
		return id + lifeStep*int32((r.life-1)*revivalsOfLife), true
	}
	return 0, false
}

// fail has a process that cannot go on be followed by another, unless there is a successor.
func (r *revivals) fail(now machine.Instant, alone bool) {
	if r.over = !alone || r.number+1 >= revivalsOfLife; !r.over {
		r.at = now.Add(reviveAfter)
	}
}

func tagText(tag int64) string { return strconv.FormatInt(tag, 10) }

// NewWriter returns one life of the service.
func NewWriter(cfg WriterConfig) *Writer {
	w := &Writer{cfg: cfg, source: newSource(cfg.Load), ends: revivals{life: cfg.Life, at: machine.Never}}
	w.connect()
	return w
}

// connect makes the client of a process.
func (w *Writer) connect() {
	w.source.process = w.ends.process(w.cfg.ID)
	c := client.NewProducer(client.ProducerConfig{
		Name: w.cfg.Name, Life: w.ends.life*revivalsOfLife + w.ends.number, Seed: w.cfg.Seed, Bootstrap: w.cfg.Bootstrap,
		Settings: w.cfg.Settings, Failpoints: w.cfg.Failpoints, Tags: tagsOf(w.ends.number),
	})
	c.Watch(w.cfg.Topic)
	w.tx = newTransactor(c, w.cfg.Recorder, w.cfg.TPs, w.cfg.Settings.TransactionalID, w.source.process)
	w.head, w.left, w.open = client.Record{}, 0, 0
}

// Step is one step of the machine.
func (w *Writer) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		w.source.start(now.Mono)
		w.begins()
	}
	if w.ends.over {
		w.due = machine.Never
		return
	}
	if now.Mono >= w.ends.at {
		w.ends.number++
		w.ends.at = machine.Never
		w.tx.client.Abandon(out)
		w.connect()
		w.begins()
	}
	w.tx.client.Step(now, in, out)
	w.look()
	w.pass(now.Mono)
	w.goOn(now)
	w.tx.client.Run(now, out)
	w.look()
	w.due = w.tx.client.Deadline()
	if w.goOn(now) {
		w.due = now.Mono // what was asked for just now leaves in another step
	}
	w.due = min(w.due, w.ends.at, w.onward)
	if next := w.next(); next < w.cfg.Until {
		w.due = min(w.due, next)
	}
}

// begins begins a process.
func (w *Writer) begins() {
	if p, was := w.ends.before(w.cfg.ID); was {
		w.tx.crashed(p)
	}
	w.tx.start()
}

// look writes down what has happened.
func (w *Writer) look() {
	w.open -= w.tx.results()
	w.tx.observe()
}

// goOn does what an application does next, and reports whether it has done anything.
func (w *Writer) goOn(now machine.Now) (did bool) {
	w.onward = machine.Never
	for {
		switch {
		case w.tx.state == client.Ready && w.waiting.len() > 0:
			w.left, w.open, w.begun = min(w.waiting.len(), w.cfg.Records), 0, now.Mono
			w.txns++
			w.tx.begin()
		case w.tx.state == client.InTransaction && w.left > 0:
			if !w.send(now) {
				return did
			}
		case w.tx.state == client.InTransaction:
			if at := w.begun.Add(w.cfg.Hold); now.Mono < at {
				w.onward = at
				return did
			}
			switch {
			case !w.purposely():
				w.tx.commit()
			case w.open > 0 && !w.cfg.AbortAtOnce:
				return did // an abort drops what has not been sent
			default:
				w.tx.abort()
			}
		case w.tx.state == client.AbortableError:
			w.left = 0
			w.tx.abort()
		case w.tx.state == client.FatalError && w.ends.at == machine.Never && !w.ends.over:
			w.ends.fail(now.Mono, w.cfg.Alone)
		default:
			return did
		}
		did = true
	}
}

// send sends what waits longest, unless send() blocks.
func (w *Writer) send(now machine.Now) bool {
	due, _ := w.waiting.first()
	if w.head.Value == nil {
		w.head.Key, w.head.Value = w.make()
		w.head.Ticket = w.cfg.Recorder.Op()
		if w.cfg.Tombstones && w.head.Key != nil {
			id, _ := RecordID(w.head.Value)
			w.head.Tombstone = history.Deletes(id)
		}
	}
	w.head.Time = now.Wall.Millis()
	tp, sent := w.tx.client.Send(now, w.cfg.Topic, w.head)
	if sent == client.Blocked {
		return false
	}
	w.drop()
	w.left--
	if sent == client.Taken {
		w.tx.invoke(&w.head, tp, due, 0)
		w.open++
	} else {
		w.tx.refused(&w.head, w.cfg.Topic, due, 0, sent)
	}
	w.arrivals.Ended(now.Mono)
	w.head = client.Record{}
	return true
}

// purposely reports whether the transaction is one that is aborted on purpose.
func (w *Writer) purposely() bool {
	return w.cfg.AbortOneIn > 0 && w.draw(w.cfg.Seed, "abort").With(w.txns).N(w.cfg.AbortOneIn) == 0
}

// Deadline is when the machine next wants a Tick.
func (w *Writer) Deadline() machine.Instant { return w.due }

// Pending is how many records are due and have no outcome yet, and whether a transaction is
// open counts as one.
func (w *Writer) Pending() int64 {
	if w.ends.over {
		return 0
	}
	n := w.tx.client.Pending() + int64(w.waiting.len())
	if s := w.tx.state; s != client.Ready {
		n++
	}
	return n
}

// Done reports whether nothing will be due any more and everything has its outcome, or
// somebody else has taken over.
func (w *Writer) Done() bool { return w.ends.over || w.ended() && w.Pending() == 0 }

// Over reports whether the service has ended because another has its transactional.id.
func (w *Writer) Over() bool { return w.ends.over }
