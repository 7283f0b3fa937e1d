package faults

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// Ground is where drawn faults may strike, and when.
type Ground struct {
	Brokers    []string   // their names, in order
	Racks      [][]string // of brokers; none if they are in no rack
	Controller string
	Clients    []string
	Partitions []string // "orders-0": of whose leaders and followers a fault may be
	Classes    []string // of frames that may be dropped, or whose connection is reset
	Steps      []string // of brokers, after which they may be ended

	Beside []Trouble // what goes wrong in any case, and is not drawn

	From, Until time.Duration // everything has been undone by Until
	Budget      Budget
}

// How a kind of trouble takes part in a run. Most kinds are wholly off, and some
// are wild: runs that all have a little of everything look alike, and never see
// what one kind alone can do (swarm testing, Groce et al. 2012; FoundationDB).
const (
	oddsOff  = 60 // of 100
	oddsSome = 25
	mostSome = 2 // troubles of a kind that is on
	mostWild = 7 // of one that is wild
	calm     = 20
)

// Draw returns troubles for a run, in order of time, and a schedule of them. Each
// is drawn by its kind and its number within the kind: another choice elsewhere
// leaves it as it was, though the budget may then have room for it, or not.
func Draw(seed uint64, g Ground) []Trouble {
	all := machine.NewDraw(seed, "swarm-faults")
	if g.Until <= g.From || all.Of("calm").N(calm) == 0 {
		return nil
	}
	type ranked struct {
		Trouble
		rank uint64
	}
	var candidates []ranked
	for _, k := range kinds {
		d := all.Of(k.name)
		for i := range howMany(d) {
			d := d.With(i)
			if t, ok := k.draw(dice{d, &g}); ok && t.To <= g.Until {
				t.Kind = k.name
				candidates = append(candidates, ranked{t, d.Of("rank").Uint64()})
			}
		}
	}
	// No kind is preferred where the budget has no room for all.
	slices.SortStableFunc(candidates, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	troubles := make([]Trouble, len(candidates))
	for i := range candidates {
		troubles[i] = candidates[i].Trouble
	}
	kept := g.Budget.admit(troubles, g.Beside)
	slices.SortStableFunc(kept, func(a, b Trouble) int { return int(a.From - b.From) })
	return kept
}

// Text is the schedule of some troubles, each under a comment with its kind.
func Text(troubles []Trouble) string {
	var b strings.Builder
	for _, t := range troubles {
		fmt.Fprintf(&b, "# %s\n%s\n", t.Kind, strings.Join(t.Steps, "\n"))
	}
	return b.String()
}

// howMany is how often a kind strikes.
func howMany(d machine.Draw) uint64 {
	switch odds := d.Of("odds").N(100); {
	case odds < oddsOff:
		return 0
	case odds < oddsOff+oddsSome:
		return 1 + d.Of("some").N(mostSome)
	}
	return 3 + d.Of("wild").N(mostWild-2)
}

// dice are the draws of one trouble.
type dice struct {
	machine.Draw
	*Ground
}

func (d dice) upTo(what string, n int) int { return int(d.Of(what).N(uint64(n))) }

func (d dice) one(what string, of []string) string { return of[d.upTo(what, len(of))] }

// with is the dice of one of several things that a trouble is made of.
func (d dice) with(i int) dice { return dice{d.With(uint64(i)), d.Ground} }

// shuffled are the numbers below n in an order that is drawn.
func (d dice) shuffled(what string, n int) []int {
	order, rank := make([]int, n), make([]uint64, n)
	for i := range order {
		order[i], rank[i] = i, d.Of(what).With(uint64(i)).Uint64()
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[a], rank[b]) })
	return order
}

// ms is a duration of whole milliseconds in [least, most].
func (d dice) ms(what string, least, most int) time.Duration {
	return time.Duration(least+d.upTo(what, most-least+1)) * time.Millisecond
}

// begin is when a trouble begins: anywhere, so that one that does not fit in
// before the end is not drawn towards it.
func (d dice) begin() time.Duration {
	return d.From + d.ms("begin", 0, int((d.Until-d.From)/time.Millisecond))
}

// broker is a broker by its name, or by what it is at the time: what happens to
// a leader tells more than what happens to anybody.
func (d dice) broker(what string) string {
	partition := d.one(what+"-partition", d.Partitions)
	switch d.upTo(what+"-by", 5) {
	case 0, 1:
		return "leader(" + partition + ")"
	case 2:
		return "follower(" + partition + ")"
	}
	return d.one(what, d.Brokers)
}

// during is a step that is undone after a while.
func during(at, length time.Duration, format string, args ...any) string {
	return fmt.Sprintf("%v for %v ", at, length) + fmt.Sprintf(format, args...)
}
