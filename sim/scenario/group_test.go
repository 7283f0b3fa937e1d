package scenario

import (
	"strings"
	"testing"
)

// A group is dealt every partition of its topics once, whoever of it reads which.
func TestShareOfAGroup(t *testing.T) {
	for want, readers := range map[string][]Reader{
		"a-0 a-2 | a-1 | b-0 b-1": {
			{Name: "r1", Group: "g", Topics: []string{"a"}}, {Name: "r2", Group: "g", Topics: []string{"a"}}, {Name: "r3", Group: "g", Topics: []string{"b"}},
		},
		"a-0 a-2 b-1 | a-1 b-0": { // the same topics: every second
			{Name: "r1", Group: "g", Topics: []string{"a", "b"}}, {Name: "r2", Group: "g", Topics: []string{"a", "b"}},
		},
		"a-0 a-2 b-1 | a-1 b-0 | b-0 b-1": { // in another order, and beside another group
			{Name: "r1", Group: "g", Topics: []string{"a", "b"}}, {Name: "r2", Group: "g", Topics: []string{"b", "a"}}, {Name: "r3", Topics: []string{"b"}},
		},
		"a-0 a-1 a-2 b-1 | b-0": {
			{Name: "r1", Group: "g", Topics: []string{"a", "b"}}, {Name: "r2", Group: "g", Topics: []string{"b"}},
		},
	} {
		s := &Spec{Topics: []Topic{{Name: "a", Partitions: 3}, {Name: "b", Partitions: 2}}, Readers: readers}
		top := newTopology(s)
		var got []string
		for i := range readers {
			var list []string
			for _, tp := range s.share(i, &top) {
				list = append(list, tp.String())
			}
			got = append(got, strings.Join(list, " "))
		}
		if have := strings.Join(got, " | "); have != want {
			t.Errorf("%s, want %s", have, want)
		}
	}
}
