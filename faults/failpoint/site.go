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
	// R02EpochEndIsLogEnd has a leader answer the end of its log, whatever leader
	// epoch it is asked about, so that logs that part are never cut (KIP-101).
	R02EpochEndIsLogEnd
	// R03EchoEpoch has a leader that does not know an epoch answer in its name, with
	// the end of an earlier one (KIP-279).
	R03EchoEpoch
	// R05ShrinkBeforeAnswer lets a leader act on a smaller ISR before the controller
	// has agreed.
	R05ShrinkBeforeAnswer
	// R06ForgetPendingISR lets the high watermark pass a replica that the leader has
	// asked to be in sync, and that the controller may have agreed to (KIP-497).
	R06ForgetPendingISR
	// R11UncleanElection lets the controller elect a replica that is not in sync.
	R11UncleanElection
	// R12IgnoreMinISR lets a leader go on with fewer in sync than
	// min.insync.replicas.
	R12IgnoreMinISR
	// R17LatestBeforeEpochStart lets a new leader name its lagging high watermark as
	// the latest offset (KIP-207).
	R17LatestBeforeEpochStart
	// R18ReadToLogEnd lets consumers read what is not committed (KAFKA-9835).
	R18ReadToLogEnd
	// S01SkipChecksums has recovery believe the last batches of a log whatever their
	// checksums.
	S01SkipChecksums
	// C01AnswerBeforeDurable has the controller answer before its records are on its
	// disk.
	C01AnswerBeforeDurable
	// T22IDsBeforeDurable has the controller give out producer ids before that is on
	// its disk, so that it may give them out again.
	T22IDsBeforeDurable
	// T02RememberOneBatch lets a partition remember an idempotent producer's last
	// batch only, not the last five (KAFKA-5494).
	T02RememberOneBatch
	// T25AnySequence lets a partition take whatever sequence an idempotent producer
	// sends, so that a batch may overtake one before it.
	T25AnySequence
	// F05RequeueAtTail has a producer send again behind what waits.
	F05RequeueAtTail
	// F06RestartSequence has a producer number from 0 again when a partition has
	// lost its leader, without a new epoch.
	F06RestartSequence
	// F07RenumberUnknown has a producer take a lost answer for a lost request, and
	// give the batch another sequence.
	F07RenumberUnknown
	// F13ZeroForUnknown has a consumer take offset 0 for what ListOffsets cannot
	// tell.
	F13ZeroForUnknown

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
	R02EpochEndIsLogEnd:        "R02-epoch-end-is-log-end",
	R03EchoEpoch:               "R03-echo-epoch",
	R05ShrinkBeforeAnswer:      "R05-shrink-before-answer",
	R06ForgetPendingISR:        "R06-forget-pending-isr",
	R11UncleanElection:         "R11-unclean-election",
	R12IgnoreMinISR:            "R12-ignore-min-isr",
	R17LatestBeforeEpochStart:  "R17-latest-before-epoch-start",
	R18ReadToLogEnd:            "R18-read-to-log-end",
	S01SkipChecksums:           "S01-skip-checksums",
	C01AnswerBeforeDurable:     "C01-answer-before-durable",
	T22IDsBeforeDurable:        "T22-ids-before-durable",
	T02RememberOneBatch:        "T02-remember-one-batch",
	T25AnySequence:             "T25-any-sequence",
	F05RequeueAtTail:           "F05-requeue-at-tail",
	F06RestartSequence:         "F06-restart-sequence",
	F07RenumberUnknown:         "F07-renumber-unknown",
	F13ZeroForUnknown:          "F13-zero-for-unknown",
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
