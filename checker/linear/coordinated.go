package linear

import (
	"fmt"
	"maps"
	"slices"

	"brokersim/checker/history"
)

// Coordinated collects, as a [history.Sink], the operations of a history on groups,
// transactional.ids and committed offsets. It keeps them all: it is for histories that a
// search can decide.
type Coordinated struct {
	h       *history.Header
	open    map[int64]pending
	groups  map[string][]GroupOp
	txids   map[string][]TxnOp
	offsets map[register][]RegisterOp
	moved   bool              // coordinators may have moved
	mixed   map[register]bool // some of its commits are of transactions, which take effect elsewhere
}

// register names what is committed of a partition by a group.
type register struct {
	group string
	tp    history.TP
}

// pending is an operation under way.
type pending struct {
	call int64
	e    history.Event
}

// NewCoordinated returns one for the history that h is the head of.
func NewCoordinated(h *history.Header) *Coordinated {
	return &Coordinated{h: h, open: map[int64]pending{}, groups: map[string][]GroupOp{}, txids: map[string][]TxnOp{},
		offsets: map[register][]RegisterOp{}, mixed: map[register]bool{}}
}

// Event takes the next event.
func (c *Coordinated) Event(e *history.Event) {
	switch e.F {
	case history.Fault, history.Restart, history.Leader, history.Coordinator:
		c.moved = true
		return
	case history.OffsetCommit, history.OffsetFetch, history.Join, history.Sync, history.Heartbeat, history.Leave,
		history.InitProducer, history.TxnCommit, history.TxnAbort, history.TxnOffsets, history.Send:
	default:
		return
	}
	if e.E == history.Inv {
		keep := *e
		keep.Offs, keep.Given = slices.Clone(e.Offs), slices.Clone(e.Given)
		keep.Sends, keep.Runs, keep.At, keep.TPs, keep.Batches = nil, nil, nil, nil, nil
		c.open[e.ID] = pending{e.I, keep}
		return
	}
	p, asked := c.open[e.ID]
	if !asked {
		return
	}
	delete(c.open, e.ID)
	c.ended(&p, e)
}

// ended takes an operation that was answered, or of which nobody knows.
func (c *Coordinated) ended(p *pending, e *history.Event) {
	if e.E == history.Fail {
		return
	}
	at := Span{Client: int(p.e.P), Call: p.call, Return: e.I}
	if e.E == history.Info {
		at.Return = Unknown
	}
	in := &p.e
	g := GroupOp{Span: at, Gen: in.Gen, Member: in.Member, Instance: in.Instance}
	switch in.F {
	case history.Join:
		g.Kind, g.Leads = JoinGroup, e.Leads
		if e.Gen > 0 {
			g.Gen = e.Gen
		}
		if e.Member != "" {
			g.Member = e.Member
		}
	case history.Sync:
		g.Kind, g.Given, g.Got = SyncGroup, in.Given, slices.Clone(e.TPs)
	case history.Heartbeat:
		g.Kind = Beat
	case history.Leave:
		g.Kind = LeaveGroup
	case history.OffsetCommit, history.TxnOffsets:
		c.committed(p, e, at)
		if in.F == history.TxnOffsets {
			c.transactional(in, e, at)
		}
		if in.Gen <= 0 || !took(e) {
			return
		}
		g.Kind = CommitOffsets
	case history.OffsetFetch:
		c.fetched(in, e, at)
		return
	default:
		c.transactional(in, e, at)
		return
	}
	if in.Group != "" {
		c.groups[in.Group] = append(c.groups[in.Group], g)
	}
}

// took reports whether an answer says that something was taken.
func took(e *history.Event) bool {
	if e.F == history.Send {
		return slices.ContainsFunc(e.Sends, func(s history.Sent) bool { return s.Err == "" })
	}
	return len(e.Offs) == 0 || slices.ContainsFunc(e.Offs, func(x history.Committed) bool { return x.Err == "" })
}

func (c *Coordinated) transactional(in, e *history.Event, at Span) {
	o := TxnOp{Span: at, PID: in.PID, Epoch: in.Epoch, X: in.X}
	switch in.F {
	case history.InitProducer:
		o.Kind, o.PID, o.Epoch = InitID, e.PID, e.Epoch
	case history.Send, history.TxnOffsets:
		if in.X == 0 || !took(e) {
			return
		}
		o.Kind = AddTo
	case history.TxnCommit:
		o.Kind = EndCommit
	default:
		o.Kind = EndAbort
	}
	if in.TxID != "" {
		c.txids[in.TxID] = append(c.txids[in.TxID], o)
	}
}

func (c *Coordinated) committed(p *pending, e *history.Event, at Span) {
	for _, x := range p.e.Offs {
		r := register{p.e.Group, x.TP}
		if p.e.X != 0 {
			c.mixed[r] = true
			continue
		}
		o := RegisterOp{Span: at, Commit: true, Tag: x.Tag + 1}
		for _, y := range e.Offs {
			if y.TP == x.TP && y.Err != "" {
				o.Tag = 0 // it has failed, if the answer is one
			}
		}
		if o.Tag > 0 {
			c.offsets[r] = append(c.offsets[r], o)
		}
	}
}

func (c *Coordinated) fetched(in, e *history.Event, at Span) {
	for _, x := range e.Offs {
		if x.Err != "" || e.E != history.OK || x.Tag < 0 && x.Offset >= 0 {
			continue
		}
		r := register{in.Group, x.TP}
		c.offsets[r] = append(c.offsets[r], RegisterOp{Span: at, Tag: x.Tag + 1})
	}
}

// Opinion is what a search says of one object.
type Opinion struct {
	Object     string
	Operations int
	Answer     Answer
}

// Check searches an order for the operations of each object, each in at most budget steps (0
// is without bound): of every group, then of every transactional.id, then of what is committed
// of every partition, but for those of which transactions have committed offsets. Groups are
// held to one coordinator where nothing says that it may have moved; what a deposed one has
// answered to a fetch of committed offsets is not told apart here.
func (c *Coordinated) Check(budget int) []Opinion {
	// What is still under way may take effect, or not.
	for _, id := range slices.Sorted(maps.Keys(c.open)) {
		p := c.open[id]
		delete(c.open, id)
		never := p.e
		never.E, never.Offs = history.Info, nil
		c.ended(&p, &never)
	}
	var list []Opinion
	check := CheckGroup
	if c.moved {
		check = CheckGroupOfMany
	}
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		list = append(list, Opinion{"group " + name, len(c.groups[name]), check(c.groups[name], budget)})
	}
	for _, name := range slices.Sorted(maps.Keys(c.txids)) {
		list = append(list, Opinion{"transactional.id " + name, len(c.txids[name]), CheckTransactional(c.txids[name], budget)})
	}
	keys := slices.SortedFunc(maps.Keys(c.offsets), func(a, b register) int { // total: of keys of a map
		if a.group != b.group {
			return compareText(a.group, b.group)
		}
		return int(a.tp) - int(b.tp)
	})
	for _, r := range keys {
		if !c.mixed[r] {
			list = append(list, Opinion{fmt.Sprintf("what group %s has committed of %s", r.group, c.h.Name(r.tp)), len(c.offsets[r]), CheckRegister(c.offsets[r], budget)})
		}
	}
	return list
}
