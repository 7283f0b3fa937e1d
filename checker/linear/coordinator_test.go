package linear_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/linear"
)

// spec is an object as a page of text would have it: do applies an operation to a copy of a
// state, and says whether that could be.
type spec[S, O any] struct {
	do   func(S, *O) (S, bool)
	draw func(*rand.Rand, S) O // any operation, likely to be one that could be
	bend func(*rand.Rand, *O)  // makes another of it
	span func(*O) *linear.Span
}

// brute tries every order of operations that respects real time. Those of unknown outcome may
// be left out.
func (x *spec[S, O]) brute(s S, left []O) bool {
	first := int64(1 << 62)
	needed := false
	for i := range left {
		if at := x.span(&left[i]); at.Return != linear.Unknown {
			first, needed = min(first, at.Return), true
		}
	}
	if !needed {
		return true
	}
	for i := range left {
		if x.span(&left[i]).Call > first {
			continue // something had returned before it was called
		}
		if next, ok := x.do(s, &left[i]); ok && x.brute(next, slices.Delete(slices.Clone(left), i, i+1)) {
			return true
		}
	}
	return false
}

// random makes a history of a correct object: operations one after the other, each under way
// for some time around its turn; the answers of some are not known.
func (x *spec[S, O]) random(r *rand.Rand, s S) []O {
	var ops []O
	n := 3 + r.IntN(5)
	for tries := 0; len(ops) < n && tries < 500; tries++ {
		o := x.draw(r, s)
		at := x.span(&o)
		turn := int64(100 + 10*len(ops))
		at.Client, at.Call, at.Return = len(ops), turn-int64(r.IntN(25)), turn+int64(r.IntN(25))
		next, ok := x.do(s, &o)
		if !ok {
			continue
		}
		if r.IntN(6) == 0 {
			at.Return = linear.Unknown
			if next, ok = x.do(s, &o); !ok || r.IntN(2) == 0 {
				next = s // it never came
			}
		}
		s = next
		ops = append(ops, o)
	}
	return ops
}

// agree compares the search with every order, on correct histories and on bent ones.
func (x *spec[S, O]) agree(t *testing.T, seed uint64, zero S, check func([]O, int) linear.Answer) {
	rounds := *rounds * 2
	if testing.Short() {
		rounds = min(rounds, 5_000)
	}
	r := rand.New(rand.NewPCG(seed, 1))
	count := map[linear.Answer]int{}
	for round := range rounds {
		ops := x.random(r, zero)
		bends := r.IntN(6)
		for range bends {
			o := &ops[r.IntN(len(ops))]
			if at := x.span(o); r.IntN(4) == 0 {
				d := int64(r.IntN(60)) - 30
				at.Call += d
				if at.Return != linear.Unknown {
					at.Return += d
				}
			} else {
				x.bend(r, o)
			}
		}
		numberSpans(ops, x.span)
		got := check(ops, 1_000_000)
		want := linear.Illegal
		if x.brute(zero, ops) {
			want = linear.Legal
		}
		if got != want || bends == 0 && got != linear.Legal {
			t.Fatalf("round %d, bent %d times: the search says %s, every order %s\n%+v", round, bends, got, want, ops)
		}
		count[got]++
	}
	t.Logf("%d histories: %v", rounds, count)
	if count[linear.Illegal] < rounds/10 {
		t.Errorf("only %d of %d histories were illegal: the test says too little", count[linear.Illegal], rounds)
	}
}

// dumbGroup is a group.
type dumbGroup struct {
	gen    int32
	leader string
	in     map[string]string // member -> instance
	shares map[string]string // member -> what it is given; nil before the leader has said it
}

func doGroup(s dumbGroup, o *linear.GroupOp) (dumbGroup, bool) {
	n := dumbGroup{s.gen, s.leader, maps.Clone(s.in), maps.Clone(s.shares)}
	_, there := s.in[o.Member]
	unknown := o.Return == linear.Unknown
	switch o.Kind {
	case linear.JoinGroup:
		if unknown {
			return s, true
		}
		if o.Gen < 1 || o.Gen < s.gen {
			return s, false
		}
		if o.Gen > s.gen {
			n, there = dumbGroup{gen: o.Gen, in: map[string]string{}}, false
		}
		if !there {
			twin := ""
			for m, instance := range n.in {
				if instance != "" && instance == o.Instance {
					twin = m
				}
			}
			if twin == "" && n.shares != nil {
				return s, false
			}
			if twin != "" {
				delete(n.in, twin)
				if n.leader == twin {
					n.leader = o.Member
				}
				if share, ok := n.shares[twin]; ok {
					delete(n.shares, twin)
					n.shares[o.Member] = share
				}
			}
			n.in[o.Member] = o.Instance
		}
		if o.Leads {
			if n.leader != "" && n.leader != o.Member {
				return s, false
			}
			n.leader = o.Member
		}
		return n, true
	case linear.LeaveGroup:
		delete(n.in, o.Member)
		return n, true
	case linear.SyncGroup:
		if o.Gen != s.gen || !there {
			return s, unknown
		}
		if n.leader == o.Member && n.shares == nil && len(o.Given) > 0 {
			n.shares = map[string]string{}
			for _, x := range o.Given {
				n.shares[x.Member] = fmt.Sprint(x.TPs)
			}
		}
		if unknown {
			return n, true
		}
		want := "[]"
		if share, ok := n.shares[o.Member]; ok {
			want = share
		}
		return n, n.shares != nil && want == fmt.Sprint(o.Got)
	}
	return s, unknown || o.Gen == s.gen && there
}

func drawGroup(r *rand.Rand, s dumbGroup) linear.GroupOp {
	k := r.IntN(4)
	o := linear.GroupOp{Kind: linear.GroupKind(r.IntN(int(linear.CommitOffsets) + 1)), Member: fmt.Sprint("m", k), Gen: s.gen}
	if k > 1 {
		o.Instance = "i" // two members that are one instance
	}
	switch o.Kind {
	case linear.JoinGroup:
		if s.gen == 0 || r.IntN(4) == 0 {
			o.Gen++
		}
		o.Leads = r.IntN(2) == 0
	case linear.SyncGroup:
		if s.leader == o.Member && s.shares == nil {
			tp := history.TP(0)
			for _, m := range slices.Sorted(maps.Keys(s.in)) {
				x := history.Share{Member: m}
				for range r.IntN(3) {
					x.TPs = append(x.TPs, tp)
					tp++
				}
				o.Given = append(o.Given, x)
				if m == o.Member {
					o.Got = x.TPs
				}
			}
		} else if share := s.shares[o.Member]; share != "" {
			for _, c := range share {
				if c >= '0' && c <= '9' {
					o.Got = append(o.Got, history.TP(c-'0'))
				}
			}
		}
	}
	return o
}

func bendGroup(r *rand.Rand, o *linear.GroupOp) {
	switch r.IntN(4) {
	case 0:
		o.Gen = max(0, o.Gen+int32(r.IntN(3))-1)
	case 1:
		o.Member = fmt.Sprint("m", r.IntN(4))
	case 2:
		o.Leads = !o.Leads
	case 3:
		o.Got = []history.TP{history.TP(r.IntN(3))}
	}
}

func TestGroupsAgreeWithEveryOrder(t *testing.T) {
	x := spec[dumbGroup, linear.GroupOp]{doGroup, drawGroup, bendGroup, func(o *linear.GroupOp) *linear.Span { return &o.Span }}
	x.agree(t, 5, dumbGroup{in: map[string]string{}}, linear.CheckGroup)
}

// A group that one coordinator could have answered many could have, and not the other way.
func TestGroupsOfManyCoordinators(t *testing.T) {
	x := spec[dumbGroup, linear.GroupOp]{doGroup, drawGroup, bendGroup, func(o *linear.GroupOp) *linear.Span { return &o.Span }}
	r := rand.New(rand.NewPCG(7, 1))
	illegal := 0
	for round := range 20_000 {
		ops := x.random(r, dumbGroup{in: map[string]string{}})
		bends := r.IntN(3)
		for range bends {
			bendGroup(r, &ops[r.IntN(len(ops))])
		}
		numberSpans(ops, x.span)
		one, many := linear.CheckGroup(ops, 0), linear.CheckGroupOfMany(ops, 0)
		if many == linear.Illegal {
			illegal++
		}
		if bends == 0 && many != linear.Legal {
			t.Fatalf("round %d: one coordinator: %s, many: %s\n%+v", round, one, many, ops)
		}
	}
	if illegal < 50 {
		t.Errorf("only %d histories were illegal", illegal)
	}
	at := func(n int64) linear.Span { return linear.Span{Call: 2 * n, Return: 2*n + 1} }
	given := []history.Share{{Member: "a"}}
	for _, x := range []struct {
		ops       []linear.GroupOp
		one, many linear.Answer
	}{
		// A deposed coordinator answers a join, and the generation before goes on.
		{[]linear.GroupOp{{Span: at(1), Gen: 1, Member: "a", Leads: true}, {Span: at(2), Kind: linear.SyncGroup, Gen: 1, Member: "a", Given: given},
			{Span: at(3), Gen: 2, Member: "b", Leads: true}, {Span: at(4), Kind: linear.CommitOffsets, Gen: 1, Member: "a"}}, linear.Illegal, linear.Legal},
		// An assignment of a later generation is a record.
		{[]linear.GroupOp{{Span: at(1), Gen: 1, Member: "a", Leads: true}, {Span: at(2), Kind: linear.SyncGroup, Gen: 1, Member: "a", Given: given},
			{Span: at(3), Gen: 2, Member: "b", Leads: true}, {Span: at(4), Kind: linear.SyncGroup, Gen: 2, Member: "b", Given: []history.Share{{Member: "b"}}},
			{Span: at(5), Kind: linear.CommitOffsets, Gen: 1, Member: "a"}}, linear.Illegal, linear.Illegal},
	} {
		if one, many := linear.CheckGroup(x.ops, 0), linear.CheckGroupOfMany(x.ops, 0); one != x.one || many != x.many {
			t.Errorf("one: %s, many: %s\n%+v", one, many, x.ops)
		}
	}
}

// dumbTxn is a transactional.id.
type dumbTxn struct {
	pid    int64 // 0: nobody has it yet
	epoch  int32
	open   int64
	became map[int64]string
}

func doTxn(s dumbTxn, o *linear.TxnOp) (dumbTxn, bool) {
	n := dumbTxn{s.pid, s.epoch, s.open, maps.Clone(s.became)}
	unknown := o.Return == linear.Unknown
	kinds := map[linear.TxnKind]string{linear.EndCommit: "committed", linear.EndAbort: "aborted"}
	switch o.Kind {
	case linear.InitID:
		if n.open != 0 {
			n.became[n.open], n.open = "aborted", 0
		}
		if unknown {
			if n.pid != 0 {
				n.epoch++
			}
			return n, true
		}
		n.pid, n.epoch = o.PID, o.Epoch
		return n, s.pid == 0 || s.pid != o.PID || o.Epoch > s.epoch
	case linear.AddTo:
		if unknown {
			return s, true
		}
	}
	if s.pid != 0 && (s.pid != o.PID || o.Epoch < s.epoch) {
		return s, unknown
	}
	n.pid, n.epoch = o.PID, o.Epoch
	if o.Kind == linear.AddTo {
		n.open = o.X
		return n, s.became[o.X] == "" && (s.open == 0 || s.open == o.X)
	}
	if was := s.became[o.X]; was != "" {
		if unknown {
			return s, true
		}
		return n, was == kinds[o.Kind]
	}
	if s.open != 0 && s.open != o.X {
		return s, unknown
	}
	n.became[o.X], n.open = kinds[o.Kind], 0
	return n, true
}

func drawTxn(r *rand.Rand, s dumbTxn) linear.TxnOp {
	o := linear.TxnOp{Kind: linear.TxnKind(r.IntN(int(linear.EndAbort) + 1)), PID: max(s.pid, 1), Epoch: s.epoch, X: s.open}
	if o.Kind == linear.InitID {
		o.X, o.Epoch = 0, o.Epoch+1
		if r.IntN(6) == 0 {
			o.PID, o.Epoch = o.PID+1, 0
		}
		return o
	}
	if o.X == 0 || r.IntN(8) == 0 {
		o.X = 1 + int64(r.IntN(4))
	}
	if r.IntN(8) == 0 {
		o.Epoch++
	}
	return o
}

func bendTxn(r *rand.Rand, o *linear.TxnOp) {
	switch r.IntN(4) {
	case 0:
		o.Epoch = max(0, o.Epoch+int32(r.IntN(3))-1)
	case 1:
		o.PID = 1 + int64(r.IntN(2))
	case 2:
		o.X = 1 + int64(r.IntN(4))
	case 3:
		o.Kind = linear.TxnKind(r.IntN(int(linear.EndAbort) + 1))
	}
}

func TestTransactionsAgreeWithEveryOrder(t *testing.T) {
	x := spec[dumbTxn, linear.TxnOp]{doTxn, drawTxn, bendTxn, func(o *linear.TxnOp) *linear.Span { return &o.Span }}
	x.agree(t, 6, dumbTxn{became: map[int64]string{}}, linear.CheckTransactional)
}

// A search that has no steps left says that it does not know.
func TestBudgetOfCoordinators(t *testing.T) {
	span := linear.Span{Call: 1, Return: 2}
	if got := linear.CheckGroup([]linear.GroupOp{{Span: span, Gen: 1, Member: "m"}, {Span: linear.Span{Call: 3, Return: 4}, Kind: linear.Beat, Gen: 1, Member: "m"}}, 1); got != linear.GaveUp {
		t.Error(got)
	}
	if got := linear.CheckTransactional([]linear.TxnOp{{Span: span}, {Span: span, Kind: linear.AddTo, X: 1}}, 1); got != linear.GaveUp {
		t.Error(got)
	}
	if got := linear.CheckRegister([]linear.RegisterOp{{Span: span, Commit: true, Tag: 1}, {Span: linear.Span{Call: 3, Return: 4}, Tag: 1}}, 1); got != linear.GaveUp {
		t.Error(got)
	}
}

// What a history says of coordinators is collected, and searched.
func TestCoordinated(t *testing.T) {
	for _, x := range []struct{ name, lines, want string }{
		{"a group of two", `
inv 1 "p":1,"f":"join","g":"g"
inv 2 "p":2,"f":"join","g":"g"
ok 1 "f":"join","g":"g","gen":1,"mem":"a","leads":true
ok 2 "f":"join","g":"g","gen":1,"mem":"b"
inv 3 "p":2,"f":"sync","g":"g","gen":1,"mem":"b"
inv 4 "p":1,"f":"sync","g":"g","gen":1,"mem":"a","assignment":{"a":["t-0"],"b":["t-1"]}
ok 3 "f":"sync","g":"g","tps":["t-1"]
ok 4 "f":"sync","g":"g","tps":["t-0"]
inv 5 "p":1,"f":"commit","g":"g","gen":1,"mem":"a","offs":{"t-0":[1,0]}
ok 5 "f":"commit","g":"g","offs":{"t-0":[1,0]}
inv 6 "p":1,"f":"fetchc","g":"g","tps":["t-0","t-1"]
ok 6 "f":"fetchc","g":"g","offs":{"t-0":[1,0],"t-1":[null,null]}`,
			"group g: 5 legal, what group g has committed of t-0: 2 legal, what group g has committed of t-1: 1 legal"},
		{"a member of an old generation", `
inv 1 "p":1,"f":"join","g":"g"
ok 1 "f":"join","g":"g","gen":1,"mem":"a","leads":true
inv 2 "p":2,"f":"join","g":"g"
ok 2 "f":"join","g":"g","gen":2,"mem":"b","leads":true
inv 3 "p":1,"f":"commit","g":"g","gen":1,"mem":"a","offs":{"t-0":[1,0]}
ok 3 "f":"commit","g":"g","offs":{"t-0":[1,0]}`,
			"group g: 3 illegal, what group g has committed of t-0: 1 legal"},
		{"a lost commit", `
inv 1 "p":1,"f":"commit","g":"g","offs":{"t-0":[1,0]}
ok 1 "f":"commit","g":"g","offs":{"t-0":[1,0]}
inv 2 "p":1,"f":"commit","g":"g","offs":{"t-0":[2,1]}
ok 2 "f":"commit","g":"g","offs":{"t-0":[2,1,"NOT_COORDINATOR"]}
inv 3 "p":1,"f":"commit","g":"g","offs":{"t-0":[3,2]}
inv 4 "p":1,"f":"fetchc","g":"g","tps":["t-0"]
ok 4 "f":"fetchc","g":"g","offs":{"t-0":[null,null]}`,
			"what group g has committed of t-0: 3 illegal"},
		{"a zombie's record, and its end", `
inv 1 "p":1,"f":"init","txid":"x"
ok 1 "f":"init","txid":"x","pid":9,"ep":0
inv 2 "p":1,"f":"send","m":[["s","t-0",11]],"x":1,"txid":"x","pid":9
inv 3 "p":2,"f":"init","txid":"x"
ok 2 "f":"send","m":[["s","t-0",11,0]]
ok 3 "f":"init","txid":"x","pid":9,"ep":1
inv 4 "p":1,"f":"txcommit","x":1,"txid":"x","pid":9
fail 4 "f":"txcommit"
inv 5 "p":2,"f":"txncommit","x":2,"txid":"x","pid":9,"ep":1,"g":"g","offs":{"t-0":[1,0]}
ok 5 "f":"txncommit","offs":{"t-0":[1,0]}
inv 6 "p":2,"f":"txcommit","x":2,"txid":"x","pid":9,"ep":1
info 6 "f":"txcommit"
inv 7 "p":1,"f":"send","m":[["s","t-0",12]],"x":1,"txid":"x","pid":9
ok 7 "f":"send","m":[["s","t-0",12,1]]`,
			"transactional.id x: 6 illegal"},
	} {
		text := `{"v":1,"kind":"log-history","from":"live"}`
		for i, line := range strings.Split(strings.TrimSpace(x.lines), "\n") {
			w := strings.SplitN(line, " ", 3)
			text += fmt.Sprintf("\n{\"i\":%d,\"e\":%q,\"id\":%s,%s}", i, w[0], w[1], w[2])
		}
		rd, err := history.NewReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		c := linear.NewCoordinated(rd.Header)
		if err := rd.Each(c); err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		var got []string
		for _, o := range c.Check(0) {
			got = append(got, fmt.Sprintf("%s: %d %s", o.Object, o.Operations, o.Answer))
		}
		if list := strings.Join(got, ", "); list != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.name, list, x.want)
		}
	}
}
