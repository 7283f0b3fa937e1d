package queue

import (
	"slices"
	"strings"

	"brokersim/broker/queue/wire"
)

// exchangeKind is how an exchange routes (3.1.3 of the specification).
type exchangeKind string

const (
	direct exchangeKind = "direct" // the binding key is the routing key
	fanout exchangeKind = "fanout" // always
	topic  exchangeKind = "topic"  // the binding key is a pattern of words
)

// exchange is where messages are published to.
type exchange struct {
	name                          string
	kind                          exchangeKind
	durable, autoDelete, internal bool
	predeclared                   bool
	args                          wire.Table
	bindings                      []binding // those from here, in the order in which they were made
}

// binding joins an exchange to a queue or another exchange.
type binding struct {
	toExchange bool
	to         string
	key        string
	args       wire.Table
}

// predeclared are the exchanges that a virtual host is born with
// (rabbitmq.com/tutorials/amqp-concepts.html#exchanges).
var predeclared = [...]struct {
	name string
	kind exchangeKind
}{{"", direct}, {"amq.direct", direct}, {"amq.fanout", fanout}, {"amq.topic", topic}}

func (x *exchange) matches(bind *binding, key string) bool {
	switch x.kind {
	case fanout:
		return true
	case topic:
		return matchTopic(bind.key, key)
	}
	return bind.key == key
}

// matchTopic reports whether a routing key, words with dots between them, matches a
// pattern in which * is any one word and # any number of words, none included.
func matchTopic(pattern, key string) bool {
	return matchWords(strings.Split(pattern, "."), strings.Split(key, "."))
}

// matchWords takes time in the product of the lengths, whatever the pattern: row i of
// the table says which beginnings of key the first i words of pattern match.
func matchWords(pattern, key []string) bool {
	if len(key) == 1 && key[0] == "" {
		key = nil // an empty key has no words
	}
	if len(pattern) == 1 && pattern[0] == "" {
		pattern = nil
	}
	row := make([]bool, len(key)+1)
	row[0] = true
	next := make([]bool, len(key)+1)
	for _, word := range pattern {
		next[0] = row[0] && word == "#"
		for j := 1; j <= len(key); j++ {
			switch word {
			case "#":
				next[j] = row[j] || next[j-1]
			case "*":
				next[j] = row[j-1]
			default:
				next[j] = row[j-1] && word == key[j-1]
			}
		}
		row, next = next, row
	}
	return row[len(key)]
}

// route finds the queues that a message goes to, each once, in the order of their
// names. The default exchange has every queue bound by its name.
func (b *Broker) route(x *exchange, keys []string) []*queue {
	if x.name == "" {
		var found []*queue
		for _, key := range keys {
			if q := b.queues[key]; q != nil && !slices.Contains(found, q) {
				found = append(found, q)
			}
		}
		return found
	}
	var found []*queue
	seen := []*exchange{x}
	for i := 0; i < len(seen); i++ { // exchanges may be bound in a circle
		x := seen[i]
		for j := range x.bindings {
			bind := &x.bindings[j]
			if !slices.ContainsFunc(keys, func(key string) bool { return x.matches(bind, key) }) {
				continue
			}
			if bind.toExchange {
				if to := b.exchanges[bind.to]; to != nil && !slices.Contains(seen, to) {
					seen = append(seen, to)
				}
			} else if q := b.queues[bind.to]; q != nil && !slices.Contains(found, q) {
				found = append(found, q)
			}
		}
	}
	slices.SortFunc(found, func(a, b *queue) int { return strings.Compare(a.name, b.name) }) // total: names differ
	return found
}

// bind adds a binding, once.
func (x *exchange) bind(n binding) (added bool) {
	if x.find(&n) >= 0 {
		return false
	}
	x.bindings = append(x.bindings, n)
	return true
}

// find is the place of a binding; -1 if there is none with that target, key and
// arguments.
func (x *exchange) find(n *binding) int {
	return slices.IndexFunc(x.bindings, func(o binding) bool {
		return o.toExchange == n.toExchange && o.to == n.to && o.key == n.key && o.args.String() == n.args.String()
	})
}

// unbind removes the bindings that which says, and the exchange with the last if it is
// auto-delete.
func (b *Broker) unbind(x *exchange, which func(binding) bool) {
	before := len(x.bindings)
	x.bindings = slices.DeleteFunc(x.bindings, which)
	if len(x.bindings) < before && len(x.bindings) == 0 && x.autoDelete {
		b.deleteExchange(x)
	}
}

// unbindAll removes every binding to a target that is going.
func (b *Broker) unbindAll(toExchange bool, name string) {
	for _, x := range b.sortedExchanges() {
		b.unbind(x, func(o binding) bool { return o.toExchange == toExchange && o.to == name })
	}
}

// deleteExchange removes an exchange with its bindings.
func (b *Broker) deleteExchange(x *exchange) {
	delete(b.exchanges, x.name)
	if x.durable {
		b.journal.exchangeDeleted(x.name)
	}
	b.unbindAll(true, x.name)
}

// inUse reports whether something is bound to the exchange.
func (x *exchange) inUse() bool { return len(x.bindings) > 0 }
