package linear_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/linear"
	"brokersim/checker/result"
)

// randomRegister makes the history of a correct register: one operation in three is a commit,
// one commit in four is never answered and takes effect at any later moment or never.
func randomRegister(r *rand.Rand) []linear.RegisterOp {
	type client struct {
		op   int // in hand, or -1
		done bool
	}
	var ops []linear.RegisterOp
	var ghosts []int
	now, tag, value := int64(0), int64(0), int64(0)
	clients := make([]client, 1+r.IntN(4))
	for i := range clients {
		clients[i].op = -1
	}
	n := 3 + r.IntN(8)
	for busy := true; busy; {
		if len(ghosts) > 0 && r.IntN(6) == 0 {
			k := r.IntN(len(ghosts))
			value = ops[ghosts[k]].Tag
			ghosts = slices.Delete(ghosts, k, k+1)
			continue
		}
		k := r.IntN(len(clients))
		c := &clients[k]
		now++
		switch {
		case c.op < 0 && len(ops) < n:
			o := linear.RegisterOp{Span: linear.Span{Client: k, Call: now}}
			if o.Commit = r.IntN(3) == 0; o.Commit {
				tag++
				o.Tag = tag
				if r.IntN(4) == 0 {
					o.Return, o.Client = linear.Unknown, 10+len(ops)
				}
			}
			ops = append(ops, o)
			switch {
			case o.Return != linear.Unknown:
				c.op, c.done = len(ops)-1, false
			case r.IntN(2) == 0:
				ghosts = append(ghosts, len(ops)-1)
			}
		case c.op >= 0 && !c.done:
			if o := &ops[c.op]; o.Commit {
				value = o.Tag
			} else {
				o.Tag = value
			}
			c.done = true
		case c.op >= 0:
			ops[c.op].Return = now
			c.op = -1
		}
		busy = len(ops) < n || slices.ContainsFunc(clients, func(c client) bool { return c.op >= 0 })
	}
	return ops
}

// mutateRegister breaks a history, or tries to.
func mutateRegister(r *rand.Rand, ops []linear.RegisterOp) []linear.RegisterOp {
	o := &ops[r.IntN(len(ops))]
	switch r.IntN(5) {
	case 0: // a fetch reads another commit
		if !o.Commit {
			o.Tag = int64(r.IntN(4))
		}
	case 1: // an operation happens earlier or later
		d := int64(r.IntN(12)) - 6
		o.Call = max(0, o.Call+d)
		if o.Return != linear.Unknown {
			o.Return = max(o.Call, o.Return+d)
		}
	case 2: // an answer is forgotten
		if o.Commit {
			o.Return = linear.Unknown
		}
	case 3: // ... or given
		if o.Return == linear.Unknown {
			o.Return = o.Call + int64(r.IntN(6))
		}
	case 4: // an operation is left out
		k := r.IntN(len(ops))
		return slices.Delete(ops, k, k+1)
	}
	return ops
}

// numberSpans gives every call and return a number of its own, as number does.
func numberSpans[O any](ops []O, span func(*O) *linear.Span) []int {
	var events []int
	at := func(e int) int64 {
		if e%2 == 0 {
			return span(&ops[e/2]).Call
		}
		return span(&ops[e/2]).Return
	}
	for n := range ops {
		events = append(events, 2*n)
		if span(&ops[n]).Return != linear.Unknown {
			events = append(events, 2*n+1)
		}
	}
	slices.SortStableFunc(events, func(a, b int) int {
		if at(a) != at(b) {
			return int(at(a) - at(b))
		}
		return a%2 - b%2
	})
	for i, e := range events {
		if e%2 == 0 {
			span(&ops[e/2]).Call = int64(i)
		} else {
			span(&ops[e/2]).Return = int64(i)
		}
	}
	return events
}

// tellRegister makes events of operations, each of a process of its own: offsets are tags.
func tellRegister(ops []linear.RegisterOp, events []int, sinks ...history.Sink) {
	for i, x := range events {
		o := &ops[x/2]
		e := history.Event{I: int64(i), T: int64(i), E: history.OK, F: history.OffsetFetch, ID: int64(x / 2), P: int32(x / 2), Group: "g"}
		if x%2 == 0 {
			e.E = history.Inv
		}
		at := history.Committed{Offset: o.Tag, Tag: o.Tag}
		if o.Tag == 0 {
			at.Offset, at.Tag = history.None, history.None
		}
		if o.Commit {
			e.F, e.Gen = history.OffsetCommit, history.None
		}
		if o.Commit || e.E == history.OK {
			e.Offs = []history.Committed{at}
		}
		for _, s := range sinks {
			s.Event(&e)
		}
	}
}

// The zones of the checker and the search agree on every history of a committed offset.
func TestZonesAgreeWithSearch(t *testing.T) {
	rounds := *rounds * 8
	if testing.Short() {
		rounds = min(rounds, 20_000)
	}
	r := rand.New(rand.NewPCG(3, 4))
	count := map[linear.Answer]int{}
	for round := range rounds {
		ops := randomRegister(r)
		mutations := r.IntN(4)
		for range mutations {
			if ops = mutateRegister(r, ops); len(ops) == 0 {
				break
			}
		}
		events := numberSpans(ops, func(o *linear.RegisterOp) *linear.Span { return &o.Span })
		h := &history.Header{Unique: true, TPs: []string{"t-0"}, Set: history.Settings{Acks: "all", Sub: "subscribe"},
			Promise: history.Promise{From: checker.Derived, Properties: []string{checker.CommitRegister}}}
		c, all := checker.New(h), linear.NewCoordinated(h)
		tellRegister(ops, events, c, all)
		want := linear.CheckRegister(ops, 1_000_000)
		v := c.Finish()
		got := linear.Legal
		for _, x := range v.Findings[0].Violations {
			// A commit that goes back is legal for a register: that clients do not is another rule.
			if len(x.What) < 31 || x.What[:31] != "A committed offset went back: g" {
				got = linear.Illegal
			}
		}
		if v.Findings[0].Outcome == result.Unknown {
			t.Fatalf("round %d: unknown", round)
		}
		if got != want {
			b, _ := json.MarshalIndent(v.Findings, "", " ")
			t.Fatalf("round %d: the search says %s, the checker %s\n%+v\n%s", round, want, got, ops, b)
		}
		if mutations == 0 && got != linear.Legal {
			t.Fatalf("round %d: a correct register was blamed\n%+v", round, ops)
		}
		if list := all.Check(1_000_000); len(list) > 1 || len(list) == 1 && list[0].Answer != want {
			t.Fatalf("round %d: of the history the search says %v, of its operations %s\n%+v", round, list, want, ops)
		}
		count[got]++
	}
	t.Logf("%d histories: %v", rounds, count)
	if count[linear.Illegal] < rounds/10 {
		t.Errorf("only %d of %d histories were illegal: the test says too little", count[linear.Illegal], rounds)
	}
}
