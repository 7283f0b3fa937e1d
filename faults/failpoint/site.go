package failpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Site is a place in the code. Sites are the same in every build. Their names are
// part of what a seed means, and their numbers are not.
type Site uint16

// Where some of the sites begin that go together. Each kind has a file of its own (site_bugs.go,
// site_situations.go, site_quirks.go, site_steps.go, site_styles.go), which ends with where the
// next kind begins.
const (
	firstUnshown         = firstSituation // none
	firstQuorumSituation = ControllerChange
	firstMoveSituation   = Reassigned
	firstCleaning        = Compaction // of the situations
	firstGroupSituation  = Rebalance
	firstTxnStep         = StepPrepared
)

// String returns the site's name, such as "isr-shrink".
func (s Site) String() string {
	if s < numSites {
		return names[s]
	}
	return fmt.Sprintf("site(%d)", uint16(s))
}

// Bugs returns the planted bugs of the log in the order of their numbers.
func Bugs() []Site { return between(0, firstUnshown) }

// Unshown returns the planted bugs of the log that no scenario shows yet: tests of their
// packages show that they bite, and the gate has no manifests of them.
func Unshown() []Site { return between(firstUnshown, firstSituation) }

// Situations returns the situations in the order of their numbers.
func Situations() []Site { return between(firstSituation, firstQuirk) }

// OfQuorum reports whether a site is a situation that only several controllers come to.
func (s Site) OfQuorum() bool { return s >= firstQuorumSituation && s < firstMoveSituation }

// OfMoves reports whether a site is a situation to which only runs come that move replicas.
func (s Site) OfMoves() bool { return s >= firstMoveSituation && s < firstCleaning }

// OfGroups reports whether a site is a situation to which only runs come that have consumer
// groups.
func (s Site) OfGroups() bool { return s >= firstGroupSituation && s < firstQuirk }

// OfCleaner reports whether a site is a situation, or a step, that only topics come to which
// are compacted, or expire.
func (s Site) OfCleaner() bool {
	return s >= firstCleaning && s < CleanShutdown || s >= StepCleaned && s < firstTxnStep
}

// OfTransactions reports whether a site is a situation to which only runs come that have
// transactions.
func (s Site) OfTransactions() bool { return s >= ProducerFencedOut && s < firstGroupSituation }

// OfTxnStep reports whether a site is a step of those who have transactions, or coordinate
// them.
func (s Site) OfTxnStep() bool { return s >= firstTxnStep && s < firstStyleBug }

// OfController reports whether a site is a step of controllers.
func (s Site) OfController() bool {
	return s == StepMetadataAppend || s == StepVote || s == StepMetadataFetched
}

// Quirks returns the places where a correct node may do what is rare and legal, in
// the order of their numbers.
func Quirks() []Site { return between(firstQuirk, firstStep) }

// Steps returns the named steps after which a node may be ended, in the order of
// their numbers.
func Steps() []Site { return between(firstStep, firstStyleBug) }

// StyleBugs returns the planted bugs of brokers of other styles than the log, in the
// order of their numbers. They are shown by runs of such brokers alone.
func StyleBugs() []Site { return between(firstStyleBug, numSites) }

// ParseStep returns the step of that name. The error is as in [ParseBug].
func ParseStep(name string) (Site, error) { return parse("step", name, Steps()) }

func between(from, to Site) []Site {
	sites := make([]Site, 0, to-from)
	for s := from; s < to; s++ {
		sites = append(sites, s)
	}
	return sites
}

// ParseBug returns the planted bug of that name. The error names the nearest
// bug, or all of them when none is near.
func ParseBug(name string) (Site, error) {
	return parse("planted bug", name, slices.Concat(Bugs(), Unshown(), StyleBugs()))
}

// ParseSituation returns the situation of that name. The error is as in
// [ParseBug].
func ParseSituation(name string) (Site, error) { return parse("situation", name, Situations()) }

func parse(what, name string, among []Site) (Site, error) {
	best, distance := among[0], int(^uint(0)>>1)
	all := make([]string, len(among))
	for i, s := range among {
		if s.String() == name {
			return s, nil
		}
		all[i] = s.String()
		if d := distanceTo(s.String(), name); d < distance {
			best, distance = s, d
		}
	}
	if distance <= max(2, len(name)/3) {
		return 0, fmt.Errorf("unknown %s %q; did you mean %q?", what, name, best)
	}
	return 0, fmt.Errorf("unknown %s %q; there are %s", what, name, strings.Join(all, ", "))
}

// distanceTo is 1 for the beginning of a name, since people write "R24".
func distanceTo(name, typed string) int {
	name, typed = strings.ToLower(name), strings.ToLower(typed)
	if len(typed) >= 2 && strings.HasPrefix(name, typed) {
		return 1
	}
	return levenshtein.ComputeDistance(name, typed)
}
