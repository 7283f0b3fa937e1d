package linear

import (
	"slices"
)

// TxnKind is the kind of an operation on a transactional.id.
type TxnKind uint8

// The operations on a transactional.id.
const (
	InitID TxnKind = iota // InitProducerId
	AddTo                 // a record, or offsets, that were taken for a transaction
	EndCommit
	EndAbort
)

// TxnOp is an operation on a transactional.id that was not refused.
type TxnOp struct {
	Span
	Kind  TxnKind
	PID   int64
	Epoch int32
	X     int64 // the transaction; of InitID 0
}

// CheckTransactional decides whether a transaction coordinator could have answered so, in at
// most budget steps; 0 means without bound. What it holds to is that
//
//   - an InitProducerId is answered with an epoch above all before, or another producer id,
//     and ends what is open;
//   - nothing is taken of a producer id that is not there any more, or of an epoch below the
//     highest that was;
//   - one transaction is open at a time; what it has begun to be, committed or aborted, it
//     stays, and nothing is added to it after that.
func CheckTransactional(ops []TxnOp, budget int) Answer {
	list := slices.DeleteFunc(slices.Clone(ops), func(o TxnOp) bool { return o.Return == Unknown && o.Kind == AddTo })
	return decide(object[txnState, TxnOp]{step: txnModel, equal: txnState.equal, hash: txnState.hash},
		list, func(o *TxnOp) Span { return o.Span }, budget)
}

// txnState is a transactional.id between two operations. What its slices hold is never changed.
type txnState struct {
	known bool
	pid   int64
	epoch int32
	open  int64    // the transaction that is open, or 0
	ended []txnEnd // in the order in which they were
}

// txnEnd is what became of a transaction.
type txnEnd struct {
	x    int64
	kind TxnKind
}

func (s txnState) end(x int64, kind TxnKind) txnState {
	s.ended = append(slices.Clip(s.ended), txnEnd{x, kind})
	s.open = 0
	return s
}

// how is what became of a transaction: 0 if it has not ended.
func (s txnState) how(x int64) TxnKind {
	for _, e := range s.ended {
		if e.x == x {
			return e.kind
		}
	}
	return 0
}

func txnModel(s txnState, o *TxnOp) (txnState, bool) {
	unknown := o.Return == Unknown
	if o.Kind == InitID {
		if s.open != 0 {
			s = s.end(s.open, EndAbort)
		}
		if unknown { // it has raised the epoch, if there was one
			if s.known {
				s.epoch++
			}
			return s, true
		}
		ok := !s.known || o.PID != s.pid || o.Epoch > s.epoch
		s.known, s.pid, s.epoch = true, o.PID, o.Epoch
		return s, ok
	}
	if s.known && (o.PID != s.pid || o.Epoch < s.epoch) {
		return s, unknown
	}
	was := s
	s.known, s.pid, s.epoch = true, o.PID, o.Epoch
	how := s.how(o.X)
	other := s.open != 0 && s.open != o.X
	switch {
	case o.Kind == AddTo:
		s.open = o.X
		return s, how == 0 && !other
	case how != 0:
		if unknown {
			return was, true
		}
		return s, how == o.Kind // asked for again
	case other:
		return was, unknown
	}
	return s.end(o.X, o.Kind), true
}

func (s txnState) equal(t txnState) bool {
	return s.known == t.known && s.pid == t.pid && s.epoch == t.epoch && s.open == t.open && slices.Equal(s.ended, t.ended)
}

func (s txnState) hash() uint64 {
	h := mix(mix(uint64(s.pid), uint64(s.epoch)), uint64(s.open))
	for _, e := range s.ended {
		h = mix(h, uint64(e.x)<<2|uint64(e.kind))
	}
	return h
}
