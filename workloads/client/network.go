package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// netConfig is what Kafka's NetworkClient and Metadata are configured with.
type netConfig struct {
	clientID                string
	seed                    machine.Draw // of this client
	bootstrap               []string
	requestTimeout          time.Duration // request.timeout.ms
	retry, retryMax         time.Duration // retry.backoff.ms, retry.backoff.max.ms
	metadataMaxAge          time.Duration // metadata.max.age.ms
	setup, setupMax         time.Duration // socket.connection.setup.timeout.ms, ...max.ms
	reconnect, reconnectMax time.Duration // reconnect.backoff.ms, ...max.ms
	maxInFlight             int           // per connection
	tags                    machine.Tag   // below those of the dials
	table                   *wire.Table   // what is sent
	keys                    []int16       // same: a broker must serve them
	coordinators            int           // links of their own to coordinators, beside those to brokers
}

// network owns a client's connections and its metadata. It is told what
// happened (step) and hands forward how calls ended (take); it never calls back.
type network struct {
	cfg   netConfig
	links []*link // bootstrap addresses first, then coordinators, then brokers by id
	tags  machine.Tag
	meta  metadata
	// features are those of the highest epoch that a broker has told of (KIP-584).
	features wire.Features
	ended    []outcome
	spare    []outcome
}

// What the clients need of a broker: a broker that lacks one of these is not
// spoken to. The highest versions are the last that go by topic names: from
// Produce 13 and Fetch 13 on it is topic ids.
func producerTable(transactions bool) *wire.Table {
	if transactions {
		return wire.NewTable(metadataAPI(), wire.API{Key: wire.Produce, Min: 3, Max: 12}, wire.API{Key: wire.InitProducerID, Min: 3, Max: 5},
			wire.API{Key: wire.FindCoordinator, Min: 1, Max: 5}, wire.API{Key: wire.AddPartitionsToTxn, Min: 0, Max: 3},
			wire.API{Key: wire.AddOffsetsToTxn, Min: 0, Max: 4}, wire.API{Key: wire.TxnOffsetCommit, Min: 3, Max: 5}, wire.API{Key: wire.EndTxn, Min: 0, Max: 5})
	}
	return wire.NewTable(metadataAPI(), wire.API{Key: wire.Produce, Min: 3, Max: 9}, wire.API{Key: wire.InitProducerID, Min: 0, Max: 4})
}

func consumerTable() *wire.Table {
	return wire.NewTable(metadataAPI(), wire.API{Key: wire.Fetch, Min: 9, Max: 12}, wire.API{Key: wire.ListOffsets, Min: 4, Max: 6},
		wire.API{Key: wire.OffsetForLeaderEpoch, Min: 3, Max: 4})
}

func adminTable() *wire.Table {
	return wire.NewTable(metadataAPI(), wire.API{Key: wire.CreateTopics, Min: 4, Max: 5})
}

func metadataAPI() wire.API { return wire.API{Key: wire.Metadata, Min: 7, Max: 12} }

func (n *network) init(cfg netConfig) {
	n.cfg, n.tags = cfg, cfg.tags
	for i, addr := range cfg.bootstrap {
		n.links = append(n.links, &link{id: int32(-1 - i), addr: addr, bootstrap: true})
	}
	for i := range cfg.coordinators {
		n.links = append(n.links, &link{id: coordinatorLink - int32(i), bootstrap: true, gone: true, mixed: true})
	}
	n.meta.init()
}

// coordinatorLink is the id of the first link to a coordinator, below all others: like a
// bootstrap address it leads nothing, and nobody else uses it.
const coordinatorLink int32 = -1 << 30

// fixed is how many links are not to brokers of the metadata.
func (n *network) fixed() int { return len(n.cfg.bootstrap) + n.cfg.coordinators }

// coordinator is the i-th link to a coordinator.
func (n *network) coordinator(i int) *link { return n.links[len(n.cfg.bootstrap)+i] }

// step takes what happened on the client's connections. Inputs that are not its
// own are left alone.
func (n *network) step(now machine.Instant, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Opened:
		n.opened(now, in, out)
	case machine.Closed:
		n.closed(now, in)
	case machine.Received:
		n.received(now, in, out)
	}
}

func (n *network) opened(now machine.Instant, in *machine.Input, out *machine.Effects) {
	for _, l := range n.links {
		if l.state == dialing && l.tag == in.Tag {
			l.state, l.conn = opening, in.Conn
			l.deadline = now.Add(n.cfg.requestTimeout)
			l.peer = wire.NewPeer(n.cfg.clientID, n.cfg.table)
			l.peer.Open(in.Conn, out)
			return
		}
	}
	if in.Tag > n.cfg.tags && in.Tag <= n.tags {
		out.Close(in.Conn) // given up on
	}
}

func (n *network) closed(now machine.Instant, in *machine.Input) {
	for _, l := range n.links {
		switch {
		case in.Conn == 0 && l.state == dialing && l.tag == in.Tag:
			n.down(now, l)
			return
		case in.Conn != 0 && l.state != down && l.conn == in.Conn:
			n.down(now, l)
			return
		}
	}
}

// down ends a link: everything in flight is lost, and it may be dialled again
// after a back-off that grows with every failure in a row.
func (n *network) down(now machine.Instant, l *link) {
	jitter := n.cfg.seed.Of("reconnect").Of(l.addr).With(l.dials)
	l.retryAt = now.Add(backoff(n.cfg.reconnect, n.cfg.reconnectMax, l.failures, jitter))
	l.failures++
	if l.state == dialing {
		l.stalls++ // refused or timed out: ClusterConnectionStates does not tell them apart
	} else {
		l.stalls = 0
	}
	l.state, l.conn, l.wanted, l.tired, l.deadline = down, 0, false, false, machine.Never
	for _, c := range l.calls {
		n.ended = append(n.ended, outcome{call: c, lost: true})
	}
	clear(l.calls)
	l.calls = l.calls[:0]
	n.meta.invalidate() // NetworkClient.handleServerDisconnect
}

func (n *network) received(now machine.Instant, in *machine.Input, out *machine.Effects) {
	for _, l := range n.links {
		if l.conn != in.Conn || l.state != opening && l.state != up {
			continue
		}
		answer, mine, err := l.peer.Received(in.Frame, out)
		if err == nil && l.peer.Ready() && l.state == opening && !n.serves(l.peer) {
			err = errUnsupported
		}
		if err != nil {
			out.Close(l.conn)
			n.down(now, l)
			return
		}
		if l.state == opening && l.peer.Ready() {
			l.state, l.failures, l.stalls, l.deadline = up, 0, 0, machine.Never
			if f := l.peer.Features(); f.Epoch > n.features.Epoch || n.features.Levels == nil {
				n.features = f
			}
		}
		if c, is := answer.Cookie.(*call); mine && is {
			l.remove(c)
			n.ended = append(n.ended, outcome{call: c, body: answer.Body, records: answer.Records})
		}
		return
	}
}

// errUnsupported is a broker without a version of a request that both know.
var errUnsupported = errors.New("no common version")

func (n *network) serves(p *wire.Peer) bool {
	for _, key := range n.cfg.keys {
		if _, ok := p.Version(key); !ok {
			return false
		}
	}
	return true
}

// expire gives up on what took too long: a request that is not answered within
// request.timeout.ms costs the connection and everything else in flight on it.
func (n *network) expire(now machine.Instant, out *machine.Effects) {
	for _, l := range n.links {
		switch {
		case l.state == dialing && (now >= l.deadline || l.tired):
			n.giveUp(now, l)
		case l.state > dialing && l.tired, l.state == opening && now >= l.deadline, now >= l.expires():
			out.Close(l.conn)
			n.giveUp(now, l)
		case l.state == down && l.wanted && now >= l.retryAt:
			l.wanted = false // whoever still wants it asks again in this step
		}
	}
}

// giveUp is down for a link that this end closes. One to a coordinator that has moved is no
// failure: the next may be dialled at once.
func (n *network) giveUp(now machine.Instant, l *link) {
	moved := l.tired && l.mixed
	if n.down(now, l); moved {
		l.failures, l.stalls, l.retryAt = 0, 0, 0
	}
}

// connect makes sure that a link comes up: it reports whether it is, dials it
// if it may be dialled, and remembers that it is wanted otherwise.
func (n *network) connect(now machine.Instant, l *link, out *machine.Effects) bool {
	if l.state != down {
		return l.state == up
	}
	if now < l.retryAt {
		l.wanted = true
		return false
	}
	n.tags++
	l.state, l.tag, l.wanted = dialing, n.tags, false
	l.dials++
	l.dialedAt = now
	jitter := n.cfg.seed.Of("setup").Of(l.addr).With(l.dials)
	// Even when it is configured to be 0 a dial takes time: it would be tried
	// again at the same instant for ever.
	l.deadline = now.Add(max(backoff(n.cfg.setup, n.cfg.setupMax, l.stalls, jitter), time.Millisecond))
	out.Dial(l.addr, l.tag)
	return false
}

// send sends a request on a link that is up. A request without an answer
// (acks=0) is not in flight.
func (n *network) send(now machine.Instant, c *call, l *link, records []wire.Records, answered bool, out *machine.Effects) {
	n.sendWithin(now, n.cfg.requestTimeout, c, l, records, answered, out)
}

// sendWithin is send with another request.timeout.ms.
func (n *network) sendWithin(now machine.Instant, within time.Duration, c *call, l *link, records []wire.Records, answered bool, out *machine.Effects) {
	c.link = l
	if !answered {
		l.peer.Send(out, c.request, records, nil)
		return
	}
	c.deadline = now.Add(within)
	l.calls = append(l.calls, c)
	if c.most > 0 {
		l.peer.SendAtMost(c.most, out, c.request, records, c)
		return
	}
	l.peer.Send(out, c.request, records, c)
}

// free reports whether a link is up and may have one more request in flight.
func (n *network) free(l *link) bool { return l.state == up && len(l.calls) < n.cfg.maxInFlight }

// leader is the link to a partition's leader, or nil while it is not known.
func (n *network) leader(p *partMeta) *link {
	if p == nil || p.leader < 0 {
		return nil
	}
	return n.byID(p.leader)
}

func (n *network) byID(id int32) *link {
	for _, l := range n.links {
		if l.id == id && !l.gone {
			return l
		}
	}
	return nil
}

// known is the link to a broker that somebody has told of, be it in the metadata or not.
func (n *network) known(id int32, name string, port int32) *link {
	if l := n.byID(id); l != nil {
		return l
	}
	boot := len(n.cfg.bootstrap)
	at, is := slices.BinarySearchFunc(n.links[boot:], id, func(l *link, id int32) int { return cmp.Compare(l.id, id) })
	if !is {
		n.links = slices.Insert(n.links, boot+at, &link{id: id})
	}
	l := n.links[boot+at]
	l.gone, l.addr = false, fmt.Sprintf("%s:%d", name, port)
	return l
}

// leastLoaded chooses a broker for a request that any can answer: one that is
// up with the fewest requests in flight, else one that is being connected, else
// one that may be; a connection that is full keeps nobody from dialling another
// broker (NetworkClient.leastLoadedNode). Which of several is a draw for the
// purpose's attempt. When no broker of the metadata can be reached the bootstrap
// addresses are tried again (KIP-899).
func (n *network) leastLoaded(now machine.Instant, draw machine.Draw, out *machine.Effects) *link {
	for _, bootstrap := range [...]bool{false, true} {
		l, waits := n.leastLoadedOf(now, bootstrap, draw)
		switch {
		case l != nil && l.state == up:
			return l
		case l != nil:
			n.connect(now, l, out)
			return nil
		case waits:
			return nil
		}
	}
	for _, l := range n.links {
		if !l.gone {
			l.wanted = true // all are backing off: come back when one may be tried
		}
	}
	return nil
}

// leastLoadedOf looks at the brokers of the metadata or at the bootstrap
// addresses. waits says that there is none now but will be: one is being
// connected, or is up but full and no other may be dialled.
func (n *network) leastLoadedOf(now machine.Instant, bootstrap bool, draw machine.Draw) (best *link, waits bool) {
	among := n.links[n.fixed():]
	if bootstrap {
		among = n.links[:len(n.cfg.bootstrap)]
	}
	first := int(draw.N(uint64(len(among))))
	var dial *link
	connecting, full := false, false
	for i := range among {
		l := among[(first+i)%len(among)]
		switch {
		case l.gone:
		case n.free(l):
			if best == nil || len(l.calls) < len(best.calls) {
				best = l
			}
		case l.state == up:
			full = true
		case l.state != down:
			connecting = true
		case now >= l.retryAt && (dial == nil || l.dialedAt < dial.dialedAt):
			dial = l // the one that was not tried for longest: no dead one keeps others from their turn
		}
	}
	switch {
	case best != nil:
		return best, false
	case connecting:
		return nil, true
	case dial != nil:
		return dial, false
	}
	return nil, full
}

// abandon closes all connections of a client that nobody uses any more.
func (n *network) abandon(out *machine.Effects) {
	for _, l := range n.links {
		if l.conn != 0 {
			out.Close(l.conn)
		}
		l.state, l.conn = down, 0
	}
}

// take hands over the calls that have ended since the last time. The slice is
// valid until the next call of take.
func (n *network) take() []outcome {
	ended := n.ended
	n.ended, n.spare = n.spare[:0], ended
	return ended
}

// release forgets what take handed out.
func release(ended []outcome) { clear(ended) }

// due is when the network next wants a step.
func (n *network) due() machine.Instant {
	at := n.meta.due
	for _, l := range n.links {
		at = min(at, l.due())
	}
	return at
}

// refresh asks for metadata when it is due.
func (n *network) refresh(now machine.Instant, out *machine.Effects) {
	m := &n.meta
	m.due = machine.Never
	if m.asking || len(m.topics) == 0 {
		return
	}
	at := m.expires
	if m.stale {
		at = m.retryAt
	}
	if now < at {
		m.due = at
		return
	}
	l := n.leastLoaded(now, n.cfg.seed.Of("least-loaded").With(m.asks), out)
	if l == nil {
		return // a link's own deadline brings us back
	}
	m.asks++
	m.asking, m.askedAt = true, m.wrong
	n.send(now, &call{what: callMetadata, request: m.request()}, l, nil, true, out)
}
