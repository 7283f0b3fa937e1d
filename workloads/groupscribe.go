package workloads

import (
	"brokersim/broker/log/wire"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// groupFunc is the operation of a request. A member by the consumer protocol joins with a
// heartbeat like any other.
func groupFunc(op *client.GroupOp) history.Func {
	switch op.Kind {
	case client.GroupJoin:
		if op.Modern {
			return history.Heartbeat
		}
		return history.Join
	case client.GroupSync:
		return history.Sync
	case client.GroupHeartbeat:
		return history.Heartbeat
	case client.GroupLeave:
		return history.Leave
	case client.GroupCommit:
		return history.OffsetCommit
	case client.GroupDelete:
		return history.DeleteGroup
	}
	return history.OffsetFetch
}

// group writes what happened to a member of a group.
func (s *scribe) group(e *client.GroupEvent, group, instance string) {
	switch e.What {
	case client.GroupBegan:
		op := e.Op
		op.Op = s.rec.Op()
		h := history.Event{E: history.Inv, F: groupFunc(op), ID: op.Op, Group: group, Instance: instance, Gen: op.Gen, Member: op.Member, Fin: s.fin}
		h.Given = s.given(op.Given)
		s.offsets(&h, op, false)
		s.write(h)
	case client.GroupEnded:
		s.groupEnded(e.Op, group, instance)
	case client.GroupAssigned:
		s.owns(history.Assigned, e, group, instance)
	case client.GroupRevoked:
		s.owns(history.Revoked, e, group, instance)
	case client.GroupLost:
		s.owns(history.Lost, e, group, instance)
	}
}

func (s *scribe) owns(f history.Func, e *client.GroupEvent, group, instance string) {
	s.write(history.Event{E: history.Note, F: f, Group: group, Instance: instance, Gen: e.Gen, Member: e.Member, TPs: s.partsOf(e.TPs)})
}

func (s *scribe) partsOf(tps []wire.TP) []history.TP {
	s.parts = s.parts[:0]
	for _, tp := range tps {
		s.parts = append(s.parts, s.tps(tp))
	}
	return s.parts
}

func (s *scribe) given(list []client.GroupShare) (out []history.Share) {
	for _, x := range list {
		share := history.Share{Member: x.Member}
		for _, tp := range x.TPs {
			share.TPs = append(share.TPs, s.tps(tp))
		}
		out = append(out, share)
	}
	return out
}

// offsets adds what was to be committed, or fetched: of a fetch that has not ended only of
// which partitions.
func (s *scribe) offsets(h *history.Event, op *client.GroupOp, ended bool) {
	if op.Kind == client.GroupFetch {
		h.Spec = "stable"
		if !ended {
			s.parts = s.parts[:0]
			for _, o := range op.Offs {
				s.parts = append(s.parts, s.tps(o.TP))
			}
			h.TPs = s.parts
			return
		}
	}
	s.offs = s.offs[:0]
	for _, o := range op.Offs {
		x := history.Committed{TP: s.tps(o.TP), Offset: o.Offset, Tag: o.Tag}
		if ended && o.Code != 0 {
			x.Err = wire.ErrorName(o.Code)
		}
		s.offs = append(s.offs, x)
	}
	h.Offs = s.offs
}

// groupEnded writes the end of a request. A commit that was answered may have been done all
// the same if the answer says that the broker is not the coordinator any more.
func (s *scribe) groupEnded(op *client.GroupOp, group, instance string) {
	h := history.Event{E: history.OK, F: groupFunc(op), ID: op.Op, Broker: op.Broker, Group: group, Instance: instance, Gen: op.Gen, Member: op.Member, Leads: op.Leads && op.Kind == client.GroupJoin, Fin: s.fin}
	switch {
	case op.Lost:
		h.E, h.Why = history.Info, "lost"
	case op.Code != 0:
		h.E, h.Why = history.Fail, wire.ErrorName(op.Code)
		if maybeDone(op.Code) && op.Kind != client.GroupFetch {
			h.E = history.Info
		}
	}
	switch op.Kind {
	case client.GroupSync:
		if h.E == history.OK {
			h.TPs = s.partsOf(op.TPs)
		}
	case client.GroupCommit:
		s.offsets(&h, op, true)
		if h.E == history.Fail && anyDone(op.Offs) {
			h.E = history.OK // of some: the others have their errors
		}
	case client.GroupFetch:
		if h.E == history.OK {
			s.offsets(&h, op, true)
		} else {
			h.Spec = "stable"
		}
	}
	s.write(h)
}

func anyDone(offs []client.GroupOffset) bool {
	for _, o := range offs {
		if o.Code == 0 {
			return true
		}
	}
	return false
}

// maybeDone reports whether a request with such an answer may have taken effect: the broker
// had decided, and lost what it had decided, or the lead, before it was safe.
func maybeDone(code int16) bool {
	switch code {
	case wire.NotCoordinator, wire.CoordinatorNotAvailable, wire.RequestTimedOut, wire.UnknownServerError, wire.NetworkException:
		return true
	}
	return false
}
