package pubsub

import (
	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
	"brokersim/faults/failpoint"
)

// doPublish sends a message to all who listen now, and says how many they are.
func (b *Broker) doPublish(q *request) {
	name, payload := q.args[1], q.args[2]
	receivers := int64(0)
	if ch := b.channels[q.word(1)]; ch != nil {
		message := b.messages(q, func(r *wire.Reply) {
			r.Push(3)
			r.Text("message")
			r.Bulk(name)
			r.Bulk(payload)
		})
		receivers += message(ch.subscribers)
		if b.cfg.Failpoints.On(failpoint.P03Retain, 0) {
			ch.last = message3(name, payload)
		}
	}
	for _, pattern := range b.patterns {
		if !matches(pattern.name, q.word(1)) {
			continue
		}
		message := b.messages(q, func(r *wire.Reply) {
			r.Push(4)
			r.Text("pmessage")
			r.Text(pattern.name)
			r.Bulk(name)
			r.Bulk(payload)
		})
		receivers += message(pattern.subscribers)
	}
	q.out.Work(machine.Work{Records: receivers})
	b.answer(q, func(r *wire.Reply) { r.Int(receivers) })
}

// messages returns what sends one message to many. It is written once in each version
// of the protocol.
func (b *Broker) messages(q *request, write func(*wire.Reply)) func([]*client) int64 {
	var frames [2]machine.Bytes
	return func(to []*client) int64 {
		for _, c := range to {
			version := 0
			if c.version3 {
				version = 1
			}
			if frames[version].Len() == 0 {
				r := c.reply()
				write(&r)
				frames[version] = r.Frame()
			}
			frame := frames[version]
			if c.output.bytes > 0 && b.cfg.Failpoints.On(failpoint.P04ShortCopy, 0) {
				frame = message3(q.args[1], q.args[2].Slice(0, max(q.args[2].Len()-1, 0)))
			}
			b.send(q.now, c, frame, wire.MessageIdent(q.ident), q.out)
		}
		return int64(len(to))
	}
}

// message3 is a message of three parts in version 2 of the protocol.
func message3(name, payload machine.Bytes) machine.Bytes {
	var r wire.Reply
	r.Push(3)
	r.Text("message")
	r.Bulk(name)
	r.Bulk(payload)
	return r.Frame()
}
