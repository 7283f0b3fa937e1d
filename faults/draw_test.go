package faults

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// someGround is where tests draw faults.
func someGround(brokers int, b Budget) Ground {
	g := Ground{Controller: "controller", Clients: []string{"shop", "desk"}, Partitions: []string{"orders-0", "orders-1"},
		Classes: []string{"produce", "fetch-response"}, Steps: []string{"append", "lead"}, From: 600 * time.Millisecond, Until: 6 * time.Second, Budget: b}
	for i := range brokers {
		g.Brokers = append(g.Brokers, fmt.Sprintf("b%d", i+1))
	}
	g.Racks = make([][]string, 2)
	for i, b := range g.Brokers {
		g.Racks[i%2] = append(g.Racks[i%2], b)
	}
	return g
}

func wordsOf(g Ground) Vocabulary {
	return Vocabulary{Nodes: append(slices.Clone(g.Brokers), "c101"), Roles: []string{"leader", "follower", "controller", "shop", "desk"},
		Partitions: g.Partitions, Classes: map[string]uint16{"produce": 1, "fetch-response": 2}, Steps: g.Steps}
}

// Whatever is drawn is a schedule that is undone in time, and keeps to its budget.
func TestDrawKeepsItsBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Budget{Dark: rapid.IntRange(0, 3).Draw(t, "dark"), Apart: time.Duration(rapid.IntRange(0, 2000).Draw(t, "apart")) * time.Millisecond,
			ApartOfLoss: time.Duration(rapid.IntRange(0, 2000).Draw(t, "apart of loss")) * time.Millisecond, Durable: rapid.IntRange(0, 3).Draw(t, "durable") == 0}
		g := someGround(rapid.IntRange(1, 7).Draw(t, "brokers"), b)
		troubles := Draw(rapid.Uint64().Draw(t, "seed"), g)
		schedule, err := Parse(Text(troubles), wordsOf(g))
		if err != nil {
			t.Fatalf("%v in\n%s", err, Text(troubles))
		}
		for i := range schedule {
			if s := &schedule[i]; s.From < g.From || s.From+s.For > g.Until {
				t.Errorf("%s is not between %v and %v", s.String(), g.From, g.Until)
			} else if verbs[s.Verb].undo != 0 && s.For == 0 && !s.endedBy(schedule[i:]) {
				t.Errorf("nothing undoes %s", s.String())
			}
		}
		checkBudget(t, b, troubles)
	})
}

// endedBy reports whether later steps end one that has no "for", for every node.
func (s *Step) endedBy(rest Schedule) bool {
	ends := func(of Target) bool {
		return slices.ContainsFunc(rest, func(o Step) bool {
			undoes := o.Verb == verbs[s.Verb].undo
			if s.Verb == DiskSlow || s.Verb == DiskStall || s.Verb == DiskFull {
				undoes = o.Verb == Mend
			}
			return undoes && o.From >= s.From && o.A.equal(of) && o.B.equal(s.B)
		})
	}
	if ends(s.A) {
		return true
	}
	return len(s.A.Nodes) > 0 && !slices.ContainsFunc(s.A.Nodes, func(n string) bool { return !ends(Target{Nodes: []string{n}}) })
}

// checkBudget looks at every millisecond, which is dumb and cannot be wrong.
func checkBudget(t *rapid.T, b Budget, troubles []Trouble) {
	for i, x := range troubles {
		if x.Loses && b.Durable {
			t.Errorf("%s takes the only copy:\n%s", x.Kind, Text(troubles))
		}
		for _, y := range troubles[:i] {
			gap := max(x.From-y.To, y.From-x.To)
			if (x.Power || y.Power) && x.Brokers && y.Brokers && b.Apart > 0 && gap < b.Apart {
				t.Errorf("%s and %s are %v apart, not %v:\n%s", x.Kind, y.Kind, gap, b.Apart, Text(troubles))
			}
			if (x.Loses || y.Loses) && x.Brokers && y.Brokers && b.ApartOfLoss > 0 && gap < b.ApartOfLoss {
				t.Errorf("%s and %s are %v apart, not %v:\n%s", x.Kind, y.Kind, gap, b.ApartOfLoss, Text(troubles))
			}
			if x.Controller && y.Controller && b.Dark > 0 && gap < 0 {
				t.Errorf("the controller is away twice at once:\n%s", Text(troubles))
			}
		}
	}
	for now := time.Duration(0); now < 6*time.Second && b.Dark > 0; now += time.Millisecond {
		dark := 0
		for _, x := range troubles {
			if x.From <= now && now < x.To {
				dark += x.Dark
			}
		}
		if dark > b.Dark {
			t.Fatalf("%d brokers are dark at %v, not %d:\n%s", dark, now, b.Dark, Text(troubles))
		}
	}
}

// The steps of a trouble lie within the time that the budget takes it to last.
func TestTroubleLastsAsLongAsItsSteps(t *testing.T) {
	for seed := range uint64(300) {
		g := someGround(1+int(seed%7), Budget{})
		for _, x := range Draw(seed, g) {
			schedule, err := Parse(strings.Join(x.Steps, "\n"), wordsOf(g))
			if err != nil {
				t.Fatal(err)
			}
			for i := range schedule {
				if s := &schedule[i]; s.From < x.From || s.From+s.For > x.To {
					t.Errorf("seed %d: %s from %v to %v has the step %s", seed, x.Kind, x.From, x.To, s.String())
				}
				if s := &schedule[i]; (s.Verb == PowerLoss || s.Verb == PowerLossAt) && slices.Contains(g.Brokers, s.A.String()) && !x.Power {
					t.Errorf("seed %d: %s is a power loss: %s", seed, x.Kind, s.String())
				}
			}
		}
	}
}

// Most kinds are off in most runs, and wild in some: that is what makes it a swarm.
func TestDrawIsASwarm(t *testing.T) {
	const seeds = 1000
	runs, wild, quiet := map[string]int{}, map[string]int{}, 0
	for seed := range uint64(seeds) {
		counts := map[string]int{}
		g := someGround(5, Budget{})
		g.Partitions = g.Partitions[:1]
		troubles := Draw(seed, g)
		for _, x := range troubles {
			counts[x.Kind]++
		}
		if len(troubles) == 0 {
			quiet++
		}
		for kind, n := range counts { // unordered: counts
			runs[kind]++
			if n > mostSome {
				wild[kind]++
			}
		}
	}
	for _, kind := range Kinds() {
		if n := runs[kind]; n < seeds/10 || n > seeds/2 || wild[kind] < seeds/50 {
			t.Errorf("%s is in %d of %d runs, and wild in %d", kind, n, seeds, wild[kind])
		}
	}
	if quiet == 0 || quiet > seeds/5 {
		t.Errorf("%d of %d runs have no trouble at all", quiet, seeds)
	}
}

// Who else is there, and for how long a run goes on, is no part of a trouble's
// identity: only what it names may change.
func TestDrawIsByIdentity(t *testing.T) {
	for seed := range uint64(200) {
		g := someGround(3, Budget{})
		more := g
		more.Classes = append(slices.Clone(g.Classes), "produce")
		a, b := Draw(seed, g), Draw(seed, more)
		for _, list := range []*[]Trouble{&a, &b} {
			*list = slices.DeleteFunc(*list, func(x Trouble) bool {
				return slices.Contains([]string{"drop", "reset-after-accept", "duplicate"}, x.Kind)
			})
		}
		if Text(a) != Text(b) {
			t.Errorf("seed %d: another class of frames has changed more than what is about classes:\n%s\nand\n%s", seed, Text(a), Text(b))
		}
		tight := g
		tight.Budget = Budget{Dark: 1}
		all := Text(Draw(seed, g))
		for _, x := range Draw(seed, tight) {
			if !strings.Contains(all, Text([]Trouble{x})) {
				t.Errorf("seed %d: %s is there with a budget and not without:\n%s", seed, x.Kind, all)
			}
		}
	}
}

func TestDrawOfNoTime(t *testing.T) {
	g := someGround(3, Budget{})
	g.Until = g.From
	if troubles := Draw(1, g); len(troubles) != 0 {
		t.Errorf("%v", troubles)
	}
}

// What goes wrong in any case counts, and is not what was drawn.
func TestBudgetCountsWhatIsBeside(t *testing.T) {
	second := time.Second
	beside := []Trouble{{Kind: "core", From: 4 * second, To: 5 * second, Dark: 1, Brokers: true}}
	near := Trouble{Kind: "power-loss", From: 2 * second, To: 3*second + second/2, Brokers: true, Power: true}
	b := Budget{Apart: second}
	if kept := b.admit([]Trouble{near}, beside); len(kept) != 0 {
		t.Errorf("half a second before something else a power loss was let in: %v", kept)
	}
	near.To = 3 * second
	if kept := b.admit([]Trouble{near}, beside); len(kept) != 1 || kept[0].Kind != near.Kind {
		t.Errorf("a second before something else: %v", kept)
	}
}
