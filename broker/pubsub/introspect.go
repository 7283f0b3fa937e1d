package pubsub

import (
	"maps"
	"slices"
	"strings"

	"brokersim/broker/pubsub/wire"
)

// doChannels lists the channels that somebody listens to, those of a pattern if one is
// given; listening to a pattern is not listening to a channel.
func (b *Broker) doChannels(q *request) {
	if len(q.args) > 3 {
		b.refuse(q, "ERR unknown subcommand or wrong number of arguments for '"+cut(q.word(1), longestEcho)+"'. Try "+strings.ToUpper(q.word(0))+" HELP.")
		return
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(b.channels)) {
		if len(q.args) < 3 || matches(q.word(2), name) {
			list = append(list, name)
		}
	}
	b.answer(q, func(r *wire.Reply) {
		r.Array(len(list))
		for _, name := range list {
			r.Text(name)
		}
	})
}

// doNumSub tells how many listen to each of some channels: in either version an array, not
// a map.
func (b *Broker) doNumSub(q *request) {
	names := q.args[2:]
	b.answer(q, func(r *wire.Reply) {
		r.Array(2 * len(names))
		for i := range names {
			r.Bulk(names[i])
			n := 0
			if ch := b.channels[q.word(2+i)]; ch != nil {
				n = len(ch.subscribers)
			}
			r.Int(int64(n))
		}
	})
}

// doNumPat tells how many patterns are listened to.
func (b *Broker) doNumPat(q *request) {
	b.answer(q, func(r *wire.Reply) { r.Int(int64(len(b.patterns))) })
}
