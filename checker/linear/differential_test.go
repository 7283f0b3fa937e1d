package linear_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/linear"
	"brokersim/checker/result"
)

var rounds = flag.Int("rounds", 25_000, "how many histories the checker and the search judge")

// random makes the history of a correct log: every operation takes effect at
// some moment between its call and its return, one append in four is never
// answered and takes effect at any later moment or never. The last operation
// may be a full read.
func random(r *rand.Rand) []linear.Op {
	var ops []linear.Op
	var values []int64 // the log: its offsets are contiguous
	var now, value int64
	type client struct {
		id   int
		op   int // in hand, or -1
		done bool
		pos  int64
	}
	clients := make([]client, 1+r.IntN(5))
	names := len(clients)
	for i := range clients {
		clients[i] = client{id: i, op: -1}
	}
	var ghosts []int // appends that nobody waits for and that may still take effect
	effect := func(n int, c *client) {
		o := &ops[n]
		switch o.Kind {
		case linear.Append:
			for k := range o.Records {
				if o.Return != linear.Unknown { // it will be answered
					o.Records[k].Offset = int64(len(values))
				}
				values = append(values, o.Records[k].Value)
			}
		case linear.End:
			o.End = int64(len(values))
		case linear.Fetch:
			limit := int64(1 + r.IntN(4))
			o.From = min(c.pos, int64(len(values)))
			until := min(int64(len(values)), o.From+limit)
			for off := o.From; off < until; off++ {
				o.Records = append(o.Records, linear.Record{Offset: off, Value: values[off]})
			}
			o.Limited = until-o.From == limit
			c.pos = until
		}
	}
	n := 3 + r.IntN(10)
	for busy := true; busy; {
		if len(ghosts) > 0 && r.IntN(6) == 0 {
			k := r.IntN(len(ghosts))
			effect(ghosts[k], nil)
			ghosts = slices.Delete(ghosts, k, k+1)
			continue
		}
		c := &clients[r.IntN(len(clients))]
		now++
		switch {
		case c.op < 0 && len(ops) < n:
			o := linear.Op{Client: c.id, Call: now}
			switch x := r.IntN(10); {
			case x < 5:
				o.Kind = linear.Append
				for range 1 + r.IntN(6)/3 + r.IntN(6)/5 {
					value++
					o.Records = append(o.Records, linear.Record{Offset: linear.Unknown, Value: value})
				}
				if r.IntN(4) == 0 {
					o.Return = linear.Unknown
				}
			case x < 7:
				o.Kind = linear.End
			default:
				o.Kind = linear.Fetch
			}
			ops = append(ops, o)
			if o.Return != linear.Unknown {
				c.op, c.done = len(ops)-1, false
				break
			}
			if r.IntN(2) == 0 {
				ghosts = append(ghosts, len(ops)-1)
			}
			c.id, names = names, names+1 // a client that does not know goes on as another
		case c.op >= 0 && !c.done:
			effect(c.op, c)
			c.done = true
		case c.op >= 0:
			ops[c.op].Return = now
			c.op = -1
		}
		busy = len(ops) < n || slices.ContainsFunc(clients, func(c client) bool { return c.op >= 0 })
	}
	if r.IntN(3) == 0 {
		o := linear.Op{Kind: linear.Fetch, Client: names, Call: now + 1, Return: now + 2}
		for off, v := range values {
			o.Records = append(o.Records, linear.Record{Offset: int64(off), Value: v})
		}
		ops = append(ops, o)
	}
	return ops
}

// mutate breaks a history, or tries to.
func mutate(r *rand.Rand, ops []linear.Op) []linear.Op {
	pick := func(f func(*linear.Op) bool) *linear.Op {
		for range 50 {
			if o := &ops[r.IntN(len(ops))]; f(o) {
				return o
			}
		}
		return nil
	}
	acked := func(o *linear.Op) bool { return o.Kind == linear.Append && o.Return != linear.Unknown }
	shows := func(o *linear.Op) bool { return o.Kind == linear.Fetch && len(o.Records) > 0 }
	switch r.IntN(8) {
	case 0: // a fetch misses the tail
		if o := pick(func(o *linear.Op) bool { return shows(o) && !o.Limited }); o != nil {
			o.Records = o.Records[:r.IntN(len(o.Records))]
		}
	case 1: // two acknowledged offsets change places
		a, b := pick(acked), pick(acked)
		if a != nil && b != nil {
			x, y := &a.Records[r.IntN(len(a.Records))], &b.Records[r.IntN(len(b.Records))]
			x.Offset, y.Offset = y.Offset, x.Offset
		}
	case 2: // an operation happens earlier or later
		o := &ops[r.IntN(len(ops))]
		if d := int64(r.IntN(20)); r.IntN(2) == 0 {
			o.Call = max(0, o.Call-d)
			if o.Return != linear.Unknown {
				o.Return = max(o.Call, o.Return-d)
			}
		} else {
			o.Call += d
			if o.Return != linear.Unknown {
				o.Return += d
			}
		}
	case 3: // a fetch shows another value, or leaves a record out
		if o := pick(shows); o != nil {
			if k := r.IntN(len(o.Records)); r.IntN(2) == 0 {
				o.Records[k].Value = 1 + int64(r.IntN(8))
			} else if k < len(o.Records)-1 {
				o.Records = slices.Delete(o.Records, k, k+1)
			}
		}
	case 4: // the end is somewhere else
		if o := pick(func(o *linear.Op) bool { return o.Kind == linear.End }); o != nil {
			o.End = max(0, o.End+int64(r.IntN(5))-2)
		}
	case 5: // an answer is forgotten
		if o := pick(acked); o != nil {
			o.Return = linear.Unknown
			for k := range o.Records {
				o.Records[k].Offset = linear.Unknown
			}
		}
	case 6: // an operation is left out
		k := r.IntN(len(ops))
		return slices.Delete(ops, k, k+1)
	case 7: // an acknowledged offset is wrong
		if o := pick(acked); o != nil {
			x := &o.Records[r.IntN(len(o.Records))]
			x.Offset = max(0, x.Offset+int64(r.IntN(5))-2)
		}
	}
	return ops
}

// number gives every call and return a number of its own, calls first where
// they were equal, and returns the events in order: 2n is the call of ops[n],
// 2n+1 its return.
func number(ops []linear.Op) []int {
	var events []int
	at := func(e int) int64 {
		if e%2 == 0 {
			return ops[e/2].Call
		}
		return ops[e/2].Return
	}
	for n := range ops {
		events = append(events, 2*n)
		if ops[n].Return != linear.Unknown {
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
			ops[e/2].Call = int64(i)
		} else {
			ops[e/2].Return = int64(i)
		}
	}
	return events
}

// judge lets the witness checker see the operations, each as a process of its
// own, so that what it says beyond linearizability (order per producer,
// positions of readers) does not come into it.
func judge(ops []linear.Op, events []int, full bool) checker.Verdict {
	h := &history.Header{Unique: true, TPs: []string{"t-0"},
		Set: history.Settings{Acks: "all", Retries: true, InFlight: 5, Reset: "latest"},
		Promise: history.Promise{From: checker.Stated, Properties: []string{
			checker.SlotAgreement, checker.NoAckedLoss, checker.NoDuplicate, checker.NoPhantom, checker.NoSkip, checker.NoStaleEnd}}}
	c := checker.New(h)
	tell(ops, events, full, c.Observe)
	return c.Finish()
}

// tell makes events of operations.
func tell(ops []linear.Op, events []int, full bool, observe func(*history.Event)) {
	for i, x := range events {
		n := x / 2
		o := &ops[n]
		e := history.Event{I: int64(i), T: int64(i), E: history.OK, ID: int64(n), P: int32(n)}
		if x%2 == 0 {
			e.E = history.Inv
		}
		switch o.Kind {
		case linear.Append:
			for _, r := range o.Records {
				s := history.Sent{Value: r.Value, Key: history.None, Offset: r.Offset, Seq: history.None}
				if e.E == history.Inv {
					s.Offset = history.None
				}
				e.Sends = append(e.Sends, s)
			}
		case linear.End:
			e.F, e.Spec = history.Offsets, "latest"
			if e.E == history.OK {
				e.At = []history.Claim{{From: history.None, End: o.End}}
			}
		case linear.Fetch:
			e.F = history.Poll
			if full && n == len(ops)-1 {
				e.F, e.Fin = history.Dump, true
			}
			if e.E == history.OK {
				e.At = []history.Claim{{From: o.From, End: history.None, Limited: o.Limited}}
				run := history.Run{}
				for _, r := range o.Records {
					run.Records = append(run.Records, history.Record{Offset: r.Offset, Value: r.Value, Key: history.None})
				}
				e.Runs = []history.Run{run}
			}
		}
		observe(&e)
	}
}

// core makes the two operations of a witness out of its lines.
func core(t *testing.T, lines []string) []linear.Op {
	type event struct {
		I, ID int64
		E, F  string
		M     []json.RawMessage
		At    map[string]struct{ End int64 }
	}
	byID := map[int64]*linear.Op{}
	var order []int64
	shown := int64(linear.Unknown)
	for _, line := range lines {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.F != "send" && e.E != "inv" && len(e.At) == 0 { // the read that showed where an append went
			var run map[string]json.RawMessage
			var m []json.RawMessage
			var r []json.RawMessage
			if json.Unmarshal(e.M[0], &m) != nil || json.Unmarshal(m[1], &run) != nil || json.Unmarshal(run["t-0"], &r) != nil || json.Unmarshal(r[0], &shown) != nil {
				t.Fatalf("not a read: %s", line)
			}
			continue
		}
		o := byID[e.ID]
		if o == nil {
			o = &linear.Op{Client: len(byID), Call: 2*e.I - 1, Return: linear.Unknown}
			byID[e.ID] = o
			order = append(order, e.ID)
		}
		switch {
		case e.F == "send" && e.E == "inv":
			o.Records = []linear.Record{{Offset: linear.Unknown, Value: e.ID}}
		case e.F == "send":
			var m []any
			if err := json.Unmarshal(e.M[0], &m); err != nil {
				t.Fatal(err)
			}
			o.Return, o.Records = 2*e.I, []linear.Record{{Offset: int64(m[3].(float64)), Value: e.ID}}
		default:
			o.Kind = linear.End
			if e.E != "inv" {
				o.Return, o.End = 2*e.I, e.At["t-0"].End
			}
		}
	}
	var ops []linear.Op
	for _, id := range order {
		o := byID[id]
		if o.Kind == linear.Append && o.Records[0].Offset == linear.Unknown {
			o.Records[0].Offset = shown
		}
		ops = append(ops, *o)
	}
	return ops
}

// The witness checker and the search agree on every history, and the two
// operations that the checker shows are a violation by themselves.
func TestCheckerAgreesWithSearch(t *testing.T) {
	rounds := *rounds
	if testing.Short() {
		rounds = min(rounds, 10_000)
	}
	r := rand.New(rand.NewPCG(1, 2))
	count := map[string]int{}
	for round := range rounds {
		ops := random(r)
		full := len(ops) > 0 && ops[len(ops)-1].Call > 0 && ops[len(ops)-1].Kind == linear.Fetch && isLast(ops)
		mutations := r.IntN(4)
		for range mutations {
			n := len(ops)
			ops = mutate(r, ops)
			full = full && len(ops) == n // the last may be the one that was left out
			if len(ops) == 0 {
				break
			}
		}
		events := number(ops)
		full = full && isLast(ops)
		want := linear.Check(ops, 1_000_000)
		v := judge(ops, events, full)
		got := linear.Legal
		for _, f := range v.Findings {
			if f.Outcome == result.Broken {
				got = linear.Illegal
				count[f.Property]++
			}
		}
		if got != want {
			b, _ := json.MarshalIndent(v.Findings, "", " ")
			t.Fatalf("round %d: the search says %s, the checker %s\n%s\n%s", round, want, got, show(ops), b)
		}
		count[string(got)]++
		if mutations == 0 && got != linear.Legal {
			t.Fatalf("round %d: a correct log was blamed\n%s", round, show(ops))
		}
		for _, f := range v.Findings {
			if f.Property != checker.NoStaleEnd {
				continue
			}
			for _, x := range f.Violations {
				count["core"]++
				two := core(t, x.Witness)
				if len(two) != 2 || linear.CheckEnds(two, 1000) != linear.Illegal {
					t.Fatalf("round %d: %s\n%q\nis no violation by itself: %s", round, x.What, x.Witness, show(two))
				}
			}
		}
	}
	t.Logf("%d histories: %v", rounds, count)
	for _, what := range []string{"legal", "illegal", "core", checker.SlotAgreement, checker.NoAckedLoss,
		checker.NoDuplicate, checker.NoPhantom, checker.NoSkip, checker.NoStaleEnd} {
		if count[what] < rounds/1000 {
			t.Errorf("only %d of %d histories were %s: the test says too little", count[what], rounds, what)
		}
	}
}

// isLast reports whether the last operation is an unlimited fetch from the
// start that began after everything else had ended.
func isLast(ops []linear.Op) bool {
	o := &ops[len(ops)-1]
	for i := range ops[:len(ops)-1] {
		if ops[i].Return >= o.Call || ops[i].Call >= o.Call {
			return false
		}
	}
	return o.Kind == linear.Fetch && o.From == 0 && !o.Limited && o.Return != linear.Unknown
}

func show(ops []linear.Op) string {
	s := ""
	for i := range ops {
		s += fmt.Sprintf("%+v\n", ops[i])
	}
	return s
}
