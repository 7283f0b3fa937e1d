package log

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// outbox is what one other broker is to be asked, over a connection of its own with one
// request under way: what has come together meanwhile goes into the next.
type outbox[T any] struct {
	link
	broker       int32
	queue, under []T
}

// outboxes are those of one purpose, by broker.
type outboxes[T any] struct {
	purpose string
	speaks  *wire.Table
	key     int16 // of the API that is asked
	list    []*outbox[T]
}

// peerTimeout is request.timeout.ms of brokers, to each other.
const peerTimeout = 30 * time.Second

// to is the outbox for a broker.
func (o *outboxes[T]) to(b *Broker, broker int32) *outbox[T] {
	i, ok := slices.BinarySearchFunc(o.list, broker, func(x *outbox[T], id int32) int { return cmp.Compare(x.broker, id) })
	if !ok {
		name := "broker-" + strconv.Itoa(int(b.cfg.ID)) + "-" + o.purpose
		o.list = slices.Insert(o.list, i, &outbox[T]{broker: broker, link: newLink(name, "", o.speaks, reconnectBackoff, peerTimeout, o.key)})
	}
	return o.list[i]
}

// step takes an input. took are those that are answered, or those that nobody knows the end
// of if lost is true: what was under way, and what has waited for the connection.
func (o *outboxes[T]) step(now machine.Instant, in *machine.Input, out *machine.Effects) (took []T, a wire.Answer, mine, lost bool) {
	for _, x := range o.list {
		a, mine, answered, gone := x.step(now, in, out)
		switch {
		case gone:
			return x.lost(), a, true, true
		case answered:
			took, x.under = x.under, nil
			return took, a, true, false
		case mine:
			return nil, a, true, false
		}
	}
	return nil, a, false, false
}

func (x *outbox[T]) lost() []T {
	all := append(x.under, x.queue...)
	x.under, x.queue = nil, nil
	return all
}

// expire ends what takes too long, and returns what is lost by that.
func (o *outboxes[T]) expire(now machine.Instant, out *machine.Effects) (lost []T) {
	for _, x := range o.list {
		if x.link.expire(now, out) {
			lost = append(lost, x.lost()...)
		}
	}
	return lost
}

// ready are the next to be asked that may be asked now.
func (o *outboxes[T]) ready(now machine.Instant, b *Broker, out *machine.Effects) (ready []*outbox[T]) {
	for _, x := range o.list {
		if len(x.queue) == 0 {
			continue
		}
		if info := b.image.Brokers[x.broker]; info != nil && x.state == linkDown { // it may have moved
			x.addr = address(info.Host, info.Port)
		}
		if x.link.ready(now, b, out) {
			x.under, x.queue = x.queue, nil
			ready = append(ready, x)
		}
	}
	return ready
}

func (o *outboxes[T]) due(now machine.Instant) machine.Instant {
	at := machine.Never
	for _, x := range o.list {
		from := machine.Never
		if len(x.queue) > 0 {
			from = now
		}
		at = min(at, x.link.due(from))
	}
	return at
}

func (o *outboxes[T]) links(list []*link) []*link {
	for _, x := range o.list {
		list = append(list, &x.link)
	}
	return list
}
