package client

import "brokersim/broker/machine"

// errands are what an operator has to do, one after the other, each asked for until it is done.
type errands[T any] struct {
	net     network
	draw    machine.Draw
	todo    []T
	asking  bool
	tries   uint32
	retryAt machine.Instant
	due     machine.Instant
}

// Left is what has not been done yet.
func (x *errands[T]) Left() []T { return x.todo }

// Deadline is when the client next wants Run to be called.
func (x *errands[T]) Deadline() machine.Instant { return x.due }

// run has the first errand asked for when it is time.
func (x *errands[T]) run(now machine.Instant, at func(*T) machine.Instant, ask func(machine.Instant, *machine.Effects), out *machine.Effects) {
	x.due = machine.Never
	if len(x.todo) == 0 {
		return
	}
	if !x.asking {
		if from := max(x.retryAt, at(&x.todo[0])); now < from {
			x.due = from
		} else {
			ask(now, out)
		}
	}
	x.net.refresh(now, out)
	x.due = min(x.due, x.net.due())
}

// answers takes what has been answered: metadata, and the errand that was asked for.
func (x *errands[T]) answers(now machine.Instant, answered func(machine.Instant, *outcome)) {
	ended := x.net.take()
	for i := range ended {
		if o := &ended[i]; o.call.what == callMetadata {
			x.net.metadataAnswered(now, *o)
		} else {
			x.asking = false
			answered(now, o)
		}
	}
	release(ended)
}

// again has the errand asked for again after a back-off, as after so many failures.
func (x *errands[T]) again(now machine.Instant, failures uint32) {
	x.retryAt = now.Add(backoff(x.net.cfg.retry, x.net.cfg.retryMax, failures, x.draw.Of("backoff").With(uint64(x.tries))))
	x.tries++
}
