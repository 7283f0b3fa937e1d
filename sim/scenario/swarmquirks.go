package scenario

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/faults"
	"brokersim/faults/failpoint"
)

// quirks arms a quarter of the places where a node may do what is rare and legal;
// each fires more or less often. What fires all the time in every run would be the
// usual thing (FoundationDB's BUGGIFY).
//
// Where a loss of power, or of a disk, must find every replica in sync, nobody may be
// taken out of the ISR that the budget does not know of.
func (d swarm) quirks(b faults.Budget, troubles []faults.Trouble) (list []Quirk) {
	calm := b.Apart > 0 || d.profile == Restricted && slices.ContainsFunc(troubles, func(t faults.Trouble) bool { return t.Loses })
	d = d.of("quirks")
	for _, site := range failpoint.Quirks() {
		own := d.of(site.String())
		if !own.oneIn("armed", 4) || site == failpoint.EarlyShrink && calm {
			continue
		}
		list = append(list, Quirk{site, failpoint.Always / pick[uint64](own, "how often", 2, 8, 32, 128)})
	}
	return list
}

// quirkNames lists what is armed.
func (s *Spec) quirkNames() string {
	if len(s.Quirks) == 0 {
		return ""
	}
	var names []string
	for _, q := range s.Quirks {
		names = append(names, q.Site.String())
	}
	return fmt.Sprintf(", quirks %s", strings.Join(names, " "))
}
