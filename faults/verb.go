package faults

import "fmt"

// Verb says what a step does.
type Verb uint8

// The verbs. A and B are the step's targets.
const (
	Cut              Verb = iota + 1 // frames from A to B wait
	CutBoth                          // and those from B to A
	Heal                             // frames from A to B pass again, at their usual speed; "heal *": all links
	HealBoth                         // and those from B to A
	Slow                             // frames from A to B take By longer; 0 ends it
	Drop                             // the next N frames of Class from A to B are lost
	Reset                            // connections between A and B are reset
	ResetAfterAccept                 // the next frame of Class from A to B arrives, then its connection is reset
	Crash                            // the process of A dies; its page cache lives on
	PowerLoss                        // A loses power: what it had not synced is lost or torn
	Restart                          // A starts again; "restart *": every node that is down
	Pause                            // A stands still, as in a long collection of garbage
	Resume                           // A goes on
	Skew                             // the wall clock of A jumps by By
	numVerbs
)

// shape is what a verb wants after it.
type shape uint8

const (
	link       shape = iota // A B
	linkOrAll               // A B | *
	slowLink                // A B DURATION
	frames                  // CLASS A B [N]
	frame                   // CLASS A B
	node                    // A
	nodeOrAll               // A | *
	nodeOffset              // A +DURATION
)

type verb struct {
	name  string
	shape shape
	undo  Verb // ends it when it has a "for"; 0: it cannot have one
	usage string
}

var verbs = [numVerbs]verb{
	Cut:              {"cut", link, Heal, "cut FROM TO"},
	CutBoth:          {"cut-both", link, HealBoth, "cut-both NODE NODE"},
	Heal:             {"heal", linkOrAll, 0, "heal FROM TO, or heal *"},
	HealBoth:         {"heal-both", link, 0, "heal-both NODE NODE"},
	Slow:             {"slow", slowLink, Slow, "slow FROM TO DURATION"},
	Drop:             {"drop", frames, 0, "drop CLASS FROM TO [COUNT]"},
	Reset:            {"reset", link, 0, "reset NODE NODE, or reset after-accept CLASS FROM TO"},
	ResetAfterAccept: {"reset after-accept", frame, 0, "reset after-accept CLASS FROM TO"},
	Crash:            {"crash", node, Restart, "crash NODE"},
	PowerLoss:        {"power-loss", node, Restart, "power-loss NODE"},
	Restart:          {"restart", nodeOrAll, 0, "restart NODE, or restart *"},
	Pause:            {"pause", node, Resume, "pause NODE"},
	Resume:           {"resume", node, 0, "resume NODE"},
	Skew:             {"skew", nodeOffset, Skew, "skew NODE +DURATION or -DURATION"},
}

// Usages are the shapes of all steps after their time, such as "crash NODE": of
// those that may have a "for", or of the others.
func Usages(undoable bool) []string {
	var list []string
	for v := Cut; v < numVerbs; v++ {
		if (verbs[v].undo != 0) == undoable && v != ResetAfterAccept { // that is in the usage of reset
			list = append(list, verbs[v].usage)
		}
	}
	return list
}

// String returns the verb as schedules write it.
func (v Verb) String() string {
	if v > 0 && v < numVerbs {
		return verbs[v].name
	}
	return fmt.Sprintf("verb(%d)", uint8(v))
}

// stops reports whether a node does nothing after the verb.
func (v Verb) stops() bool { return v == Crash || v == PowerLoss || v == Pause }
