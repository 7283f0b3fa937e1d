package sim

import (
	"fmt"
	"math/bits"
	"strings"

	"brokersim/broker/machine"
)

// TraceEvent is one input as it was delivered. It is valid during the call of
// [Sim.Trace] only.
type TraceEvent struct {
	N     int64 // from 1
	Cause int64 // N of the event in whose step the frame was sent, or the sync or load asked for; 0: none, or the world's own
	At    machine.Instant
	Node  string
	Kind  machine.Kind

	Conn   machine.ConnID
	Peer   string        // the node at the other end of a connection
	Ident  machine.Ident // of Received
	Len    int64         // of Received, in bytes
	Digest uint64        // of Received
	Tag    machine.Tag
	Err    string
	Hash   uint64 // of the run so far, with this event
}

// String is the event in words, on one line.
func (e *TraceEvent) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", seconds(e.At), e.Node, e.Kind)
	if e.Conn != 0 {
		fmt.Fprintf(&b, " conn=%d", e.Conn)
	}
	if e.Peer != "" {
		fmt.Fprintf(&b, " with %s", e.Peer)
	}
	if e.Kind == machine.Received {
		fmt.Fprintf(&b, " class=%d key=%#x bytes=%d digest=%016x", e.Ident.Class, e.Ident.Key, e.Len, e.Digest)
	}
	if e.Tag != 0 {
		fmt.Fprintf(&b, " tag=%d", e.Tag)
	}
	if e.Err != "" {
		fmt.Fprintf(&b, ": %s", e.Err)
	}
	return b.String()
}

// seconds prints a time with all its nanoseconds.
func seconds(t machine.Instant) string {
	return fmt.Sprintf("%d.%09ds", int64(t)/1e9, int64(t)%1e9)
}

// counts of a run.
type counts struct {
	events, bytes int64
	kinds         [machine.Stopping + 1]int64
}

// Events is how many inputs were delivered.
func (s *Sim) Events() int64 { return s.counts.events }

// Frames is how many of them were frames, and Bytes how long those were.
func (s *Sim) Frames() int64 { return s.counts.kinds[machine.Received] }

// Bytes is the length of all frames that were delivered.
func (s *Sim) Bytes() int64 { return s.counts.bytes }

// Inputs is how many inputs of a kind were delivered.
func (s *Sim) Inputs(k machine.Kind) int64 { return s.counts.kinds[k] }

// TraceHash covers every input that was delivered: when, to whom, what. Two runs
// with one hash are one run.
func (s *Sim) TraceHash() uint64 { return s.hash }

// note counts the input in s.in, which is about to be delivered, and folds it
// into the hash.
func (s *Sim) note(n *node) {
	in := &s.in
	length := in.Frame.Len()
	s.counts.events++
	s.counts.kinds[in.Kind]++
	var digest uint64
	if in.Kind == machine.Received {
		s.counts.bytes += length
		digest = in.Frame.Digest()
	}
	h := fold(s.hash, uint64(s.now))
	h = fold(h, uint64(in.Kind)<<56|uint64(errCode(in.Err))<<48|uint64(in.Listen)<<40|uint64(n.cfg.ID))
	h = fold(h, uint64(in.Conn))
	h = fold(h, uint64(in.Tag)^uint64(length))
	s.hash = fold(h, digest)
	e := &s.last
	if s.Trace != nil {
		s.trace(n, digest)
	}
	e.Ident, e.Peer = machine.Ident{}, "" // the next input need not have them
}

// trace shows the input in s.in. Ident and Peer of s.last are set.
func (s *Sim) trace(n *node, digest uint64) {
	e, in := &s.last, &s.in
	e.N, e.Cause, e.At, e.Node, e.Kind, e.Conn = s.counts.events, s.taking, s.now, n.cfg.Name, in.Kind, in.Conn
	e.Len, e.Digest, e.Tag, e.Err, e.Hash = in.Frame.Len(), digest, in.Tag, "", s.hash
	if in.Err != nil {
		e.Err = in.Err.Error()
	}
	s.Trace(e)
}

func fold(h, x uint64) uint64 {
	hi, lo := bits.Mul64(h^x^0x9e3779b97f4a7c15, 0xd1342543de82ef95)
	return hi ^ lo ^ x
}

// errCode is a small number for what an input may say.
func errCode(err error) uint8 {
	switch err {
	case nil:
		return 0
	case machine.ErrRefused:
		return 1
	case machine.ErrReset:
		return 2
	case machine.ErrEOF:
		return 3
	case machine.ErrTimeout:
		return 4
	case machine.ErrIO:
		return 5
	case machine.ErrNoSpace:
		return 6
	}
	return 7
}

// Doing is what a machine is being told, and what it wants done about it. Both are
// valid during a call of [Sim.After] only.
func (s *Sim) Doing() (*machine.Input, *machine.Effects) { return &s.in, &s.out }

// Peer is the node at the other end of a connection of the node at a place of
// [Sim.Nodes]; empty if the connection has ended.
func (s *Sim) Peer(node int, c machine.ConnID) string {
	if e := s.nodes[node].end(c); e != nil {
		return e.peer().node.cfg.Name
	}
	return ""
}

// Reseed has everything that the world draws from now on be drawn from another
// seed: what has happened stays, and what comes is another future of it.
func (s *Sim) Reseed(seed uint64) {
	s.cfg.Seed = seed
	for _, n := range s.nodes {
		for _, l := range n.links {
			if l != nil {
				l.draw = s.latencyDraw(l.from, l.to)
			}
		}
	}
}
