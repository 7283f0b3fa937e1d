package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/sasl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// conn is a connection of a client or a follower. It has one request in hand at a
// time: see [wire.Conn].
type conn struct {
	wire.Conn
	early     machine.Bytes  // its first request, which came before the broker takes any
	produce   *parkedProduce // what its request waits for
	fetch     *parkedFetch
	deletes   *parkedDelete
	markers   *parkedMarkers
	parking   parkedFetch         // what fetch points to: used again by the next
	inquiries []*inquiry          // of coordinators
	listener  string              // its name; empty: the one for brokers
	from      string              // the address of its client
	refined   func(kmsg.Response) // what the answer is to say, too: see [guard]
	session   *sasl.Session       // nil: its client need not show who it is
	share     *parkedShare
	sessions  []*shareSession
}

// accepted takes a new connection. Until the broker knows the metadata as of its
// own registration it takes no requests, as Kafka does: it would say that there
// are no topics.
func (b *Broker) accepted(in *machine.Input, out *machine.Effects) {
	c := &conn{Conn: wire.Conn{ID: in.Conn}, from: in.From}
	if in.Listen == saslListener {
		c.listener, c.session = SASLListener, sasl.NewSession(&b.sasl)
	}
	b.conns[c.ID] = c
	if !b.caughtUp() {
		out.StopReading(c.ID)
		b.waiting = append(b.waiting, c)
	}
}

func (b *Broker) caughtUp() bool { return b.life.epoch >= 0 && b.image.Offset >= b.life.epoch }

// arrived takes a frame of a connection. One may come although reading was
// stopped: it was under way inside the node.
func (b *Broker) arrived(now machine.Now, c *conn, frame machine.Bytes, out *machine.Effects) {
	frame, ok := c.Arrived(frame, out)
	switch {
	case !ok:
	case b.caughtUp():
		b.serve(now, c, frame, out)
	default:
		c.early = frame
	}
}

// admit begins to take requests.
func (b *Broker) admit(now machine.Now, out *machine.Effects) {
	if len(b.waiting) == 0 || !b.caughtUp() {
		return
	}
	waiting := b.waiting
	b.waiting = nil
	for _, c := range waiting {
		if b.err != nil {
			return
		}
		out.Read(c.ID)
		if frame := c.early; frame.Len() > 0 {
			c.early = machine.Bytes{}
			b.serve(now, c, frame, out)
		}
	}
}

// forget drops a connection with everything that waits for it. What its requests
// have done is not taken back.
func (b *Broker) forget(c *conn) {
	delete(b.conns, c.ID)
	if c.produce != nil {
		b.unparkProduce(c.produce)
	}
	if c.fetch != nil {
		b.unparkFetch(c.fetch)
	}
	if c.deletes != nil {
		b.unparkDelete(c.deletes)
	}
	if c.markers != nil {
		b.unparkMarkers(c.markers)
	}
	b.nobodyWaits(c)
	if c.share != nil || len(c.sessions) > 0 {
		b.hungUpOn = append(b.hungUpOn, c)
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(x *conn) bool { return x == c })
}

func (b *Broker) hangUp(c *conn, out *machine.Effects) {
	if b.conns[c.ID] != c {
		return // it has hung up itself
	}
	b.forget(c)
	out.Close(c.ID)
}

// answer sends an answer, if there still is somebody to hear it, and ends the
// request.
func (b *Broker) answer(c *conn, req *wire.Request, body kmsg.Response, records []wire.Records, out *machine.Effects) {
	if c.refined != nil {
		c.refined(body)
	}
	if b.conns[c.ID] == c {
		out.Send(c.ID, wire.EncodeResponse(req, body, records), wire.AnswerIdent(req.Ident))
	}
	b.done(c)
}

// done ends a request, answered or not in need of an answer.
func (b *Broker) done(c *conn) {
	c.refined = nil
	b.free = append(b.free, c)
}

// serve handles one request of a connection.
func (b *Broker) serve(now machine.Now, c *conn, frame machine.Bytes, out *machine.Effects) {
	if frame.Len()-4 > int64(b.cfg.Settings.SocketRequestMaxBytes) {
		b.hangUp(c, out)
		return
	}
	if c.session != nil && b.authenticate(now, c, frame, out) {
		return
	}
	req, err := wire.DecodeRequest(frame, b.serves)
	if err != nil {
		b.hangUp(c, out)
		return
	}
	if req.Key >= 0 && req.Key < numAPIs {
		b.requests[req.Key]++
	}
	out.Work(machine.Work{Requests: 1, Bytes: frame.Len()})
	if req.Body == nil {
		frame := req.Unserved()
		if frame.Len() == 0 {
			b.hangUp(c, out)
			return
		}
		out.Send(c.ID, frame, wire.AnswerIdent(req.Ident))
		b.done(c)
		return
	}
	if b.rules == nil || b.admitted(c, &req, out) {
		b.handlers[req.Key](b, now, c, req, out)
	}
}
