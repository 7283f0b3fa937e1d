package failpoint

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Site is a place in the code. Sites are the same in every build, and their
// numbers are part of what a seed means: new ones go at the end of their kind.
type Site uint16

// The sites: planted bugs first, then situations.
const (
	// R24AckBeforeISR lets a leader acknowledge acks=all once it has appended
	// itself, without waiting for the high watermark.
	R24AckBeforeISR Site = iota
	// T01ForgetSequence lets a partition forget the sequences of idempotent
	// producers, so that a retry is appended twice (KIP-98).
	T01ForgetSequence
	// R01TruncateToHighWatermark lets a follower that changes leaders truncate
	// to its own high watermark, as Kafka did before KIP-101.
	R01TruncateToHighWatermark

	// LeaderChange is a partition that was given another leader.
	LeaderChange
	// ISRShrink is a replica that left the in-sync replicas.
	ISRShrink
	// ISRExpand is a replica that joined them again.
	ISRExpand
	// Truncation is a follower that cut records which its new leader lacks.
	Truncation
	// DuplicateSequence is a retry that was recognised and not appended again.
	DuplicateSequence
	// NotEnoughReplicas is an acks=all produce refused for min.insync.replicas.
	NotEnoughReplicas
	// UncleanRestart is a recovery that cut a torn tail.
	UncleanRestart
	// ProducerEpochBump is an idempotent producer that began a new epoch.
	ProducerEpochBump

	numSites
)

const firstSituation = LeaderChange

var names = [numSites]string{
	R24AckBeforeISR:            "R24-ack-before-isr",
	T01ForgetSequence:          "T01-forget-sequence",
	R01TruncateToHighWatermark: "R01-truncate-to-high-watermark",
	LeaderChange:               "leader-change",
	ISRShrink:                  "isr-shrink",
	ISRExpand:                  "isr-expand",
	Truncation:                 "truncation",
	DuplicateSequence:          "duplicate-sequence",
	NotEnoughReplicas:          "not-enough-replicas",
	UncleanRestart:             "unclean-restart",
	ProducerEpochBump:          "producer-epoch-bump",
}

// String returns the site's name, such as "isr-shrink".
func (s Site) String() string {
	if s < numSites {
		return names[s]
	}
	return fmt.Sprintf("site(%d)", uint16(s))
}

// Bugs returns the planted bugs in the order of their numbers.
func Bugs() []Site { return between(0, firstSituation) }

// Situations returns the situations in the order of their numbers.
func Situations() []Site { return between(firstSituation, numSites) }

func between(from, to Site) []Site {
	sites := make([]Site, 0, to-from)
	for s := from; s < to; s++ {
		sites = append(sites, s)
	}
	return sites
}

// ParseBug returns the planted bug of that name. The error names the nearest
// bug, or all of them when none is near.
func ParseBug(name string) (Site, error) { return parse("planted bug", name, Bugs()) }

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
