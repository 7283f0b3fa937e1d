package linear

import (
	"math"

	"github.com/anishathalye/porcupine"
)

// object is what operations O are on, with states S that are never changed in place. It
// begins as the zero S.
type object[S, O any] struct {
	step  func(S, *O) (S, bool)
	equal func(a, b S) bool
	hash  func(S) uint64
}

// stepper is an object with a budget. Once that is spent every step is refused, so
// that the search ends soon; what it then calls illegal is unknown.
type stepper[S, O any] struct {
	object[S, O]
	left int
}

func stepperOf[S, O any](o object[S, O], budget int) *stepper[S, O] {
	if budget <= 0 {
		budget = maxSteps
	}
	return &stepper[S, O]{o, budget}
}

func (s *stepper[S, O]) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() any { var zero S; return zero },
		Step: func(st, in, _ any) (bool, any) {
			if s.left == 0 {
				return false, st
			}
			s.left--
			next, ok := s.step(st.(S), in.(*O))
			return ok, next
		},
		Equal: func(a, b any) bool { return s.equal(a.(S), b.(S)) },
		Hash:  func(a any) uint64 { return s.hash(a.(S)) },
	}
}

func (s *stepper[S, O]) answer(ok bool) Answer {
	switch {
	case ok:
		return Legal
	case s.left == 0:
		return GaveUp
	}
	return Illegal
}

// Span is when an operation was under way. Call and Return are points in real time, all
// different; Return is [Unknown] if nobody knows whether it took effect: then it may have at
// any time after its call, or never.
type Span struct {
	Client       int
	Call, Return int64
}

// decide searches an order of operations, in at most budget steps; 0 means without bound.
func decide[S, O any](o object[S, O], ops []O, span func(*O) Span, budget int) Answer {
	list := make([]porcupine.Operation, 0, len(ops))
	for i := range ops {
		at := span(&ops[i])
		if at.Return == Unknown {
			at.Return = math.MaxInt64
		}
		list = append(list, porcupine.Operation{ClientId: at.Client, Input: &ops[i], Call: at.Call, Return: at.Return})
	}
	s := stepperOf(o, budget)
	return s.answer(porcupine.CheckOperations(s.porcupine(), list))
}

// mix is a hash of a and b.
func mix(a, b uint64) uint64 {
	h := (a ^ b*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return h ^ h>>33
}

func mixText(h uint64, text string) uint64 {
	for i := range len(text) {
		h = mix(h, uint64(text[i]))
	}
	return mix(h, uint64(len(text)))
}
