package linear_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/linear"
)

// A window is legal if the whole is, wherever one looks; and often enough it shows
// what is wrong with the whole.
func TestViewOfLegalIsLegal(t *testing.T) {
	rounds := 6000
	if testing.Short() {
		rounds = 1500
	}
	r := rand.New(rand.NewPCG(3, 4))
	count := map[linear.Answer]map[linear.Answer]int{linear.Legal: {}, linear.Illegal: {}}
	for range rounds {
		ops := random(r)
		for range r.IntN(3) {
			if len(ops) > 0 {
				ops = mutate(r, ops)
			}
		}
		if len(ops) == 0 {
			continue
		}
		c := linear.NewCollector(&history.Header{TPs: []string{"t-0"}})
		tell(ops, number(ops), isLast(ops) && ops[len(ops)-1].Kind == linear.Fetch, c.Event)
		property := []string{"no-acked-loss", "no-stale-end"}[r.IntN(2)]
		view := []func(string, []string) (*linear.View, bool){c.View, c.SmallView}[r.IntN(2)]
		v, ok := view(property, []string{fmt.Sprintf(`{"i":%d,"m":[["p",{"t-0":[%d,[1]]}]]}`, r.IntN(2*len(ops)), r.IntN(8))})
		if !ok {
			continue
		}
		var page bytes.Buffer
		got, err := v.Page(&page, 0)
		whole := linear.Check(ops, 0)
		if err != nil || got == linear.Illegal && whole == linear.Legal {
			t.Fatalf("%v: %s is %s, and the whole is %s:\n%s", err, property, got, whole, show(ops))
		}
		count[whole][got]++
	}
	t.Log(count)
	if legal, illegal := count[linear.Legal], count[linear.Illegal]; legal[linear.Legal] < rounds/20 || illegal[linear.Illegal] < rounds/20 {
		t.Errorf("too little was looked at: %v", count)
	}
}

// A witness that is understood in part, or not at all, is no trouble.
func TestViewOfNothing(t *testing.T) {
	c := linear.NewCollector(&history.Header{TPs: []string{"t-0"}})
	c.Event(&history.Event{E: history.Inv, ID: 1, P: 7, Sends: []history.Sent{{Value: 5, Offset: history.None}}})
	c.Event(&history.Event{I: 1, E: history.OK, ID: 1, P: 7, Sends: []history.Sent{{Value: 5, Offset: 3}}})
	for _, row := range []struct {
		property string
		line     string
		want     bool
	}{
		{"no-skip", `{"i":1,"m":[["s","t-0",5,3]]}`, true},
		{"no-skip", `{"i":1,"m":[["s","t-0",5,9]]}`, false}, // too far from it
		{"no-skip", `{"i":1,"m":[["s","t-1",5,3]]}`, false},
		{"no-skip", `{"i":1,"m":[["s","t-0"],["p",{}],["p",[]],[],["p",{"t-0":[]}],["s","t-0",5,3]]}`, true},
		{"no-stale-end", `{"i":1,"at":{"t-0":{"end":3}}}`, true},
		{"no-skip", `{"i":1,"at":{}}`, false},
		{"no-skip", "no history", false},
		{"per-key-order", `{"i":1,"m":[["s","t-0",5,3]]}`, false},
	} {
		v, ok := c.View(row.property, []string{row.line})
		if ok != row.want || ok && v.Operations() != 1 {
			t.Errorf("%s of %s: %t", row.property, row.line, ok)
		}
	}
}
