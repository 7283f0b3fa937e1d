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
	Clog                             // frames from A to B pile up, and all come at once when it is healed
	Throttle                         // A to B carries N bytes a second; 0 ends it
	BitRot                           // a durable bit of Files on A flips
	LatentError                      // a sector of Files on A cannot be read
	IOError                          // appends to Files on A and syncs of them fail
	SyncError                        // syncs of Files on A fail
	DiskFull                         // A has no room for more bytes
	DiskSlow                         // the disk of A takes N times longer; 1 ends it
	DiskStall                        // the disk of A does not answer
	FsyncLies                        // syncs on A claim success and keep nothing
	DiskReorders                     // a power loss of A keeps un-synced sectors in any order
	DiskMisdirects                   // a power loss of A has put an un-synced sector over another
	Mend                             // ends what is wrong with the disk of A, but for rot and latent errors
	Wipe                             // A finds its disk empty at its next start
	Memory                           // A is killed when more than N bytes that it has sent wait; 0 ends it
	Duplicate                        // the next frame of Class from A to B arrives By later, and its sender, cut off, sends it again
	CrashAt                          // A crashes when it next passes a named step (Class)
	PowerLossAt                      // A loses power then
	Drift                            // the monotonic clock of A becomes N parts per million faster
	Stop                             // A is asked to end in good order
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
	lateFrame               // CLASS A B DURATION
	node                    // A
	nodeOrAll               // A | *
	nodeOffset              // A +DURATION
	rateLink                // A B N/s
	nodeFiles               // A [FILES]
	filesOrOff              // A [FILES] [off]
	nodeOrOff               // A [off]
	nodeFactor              // A N
	nodeBytes               // A N, from 0
	nodePPM                 // A +N
	stepNode                // STEP A
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
	Clog:             {"clog", link, Heal, "clog FROM TO"},
	Throttle:         {"throttle", rateLink, Throttle, "throttle FROM TO BYTES/s"},
	BitRot:           {"bit-rot", nodeFiles, 0, "bit-rot NODE [FILES]"},
	LatentError:      {"latent-error", nodeFiles, 0, "latent-error NODE [FILES]"},
	IOError:          {"io-error", filesOrOff, IOError, "io-error NODE [FILES] [off]"},
	SyncError:        {"sync-error", filesOrOff, SyncError, "sync-error NODE [FILES] [off]"},
	DiskFull:         {"disk-full", nodeOrOff, DiskFull, "disk-full NODE [off]"},
	DiskSlow:         {"disk-slow", nodeFactor, DiskSlow, "disk-slow NODE FACTOR"},
	DiskStall:        {"disk-stall", nodeOrOff, DiskStall, "disk-stall NODE [off]"},
	FsyncLies:        {"fsync-lies", nodeOrOff, FsyncLies, "fsync-lies NODE [off]"},
	DiskReorders:     {"disk-reorders", nodeOrOff, DiskReorders, "disk-reorders NODE [off]"},
	DiskMisdirects:   {"disk-misdirects", nodeOrOff, DiskMisdirects, "disk-misdirects NODE [off]"},
	CrashAt:          {"crash-at", stepNode, Restart, "crash-at STEP NODE"},
	PowerLossAt:      {"power-loss-at", stepNode, Restart, "power-loss-at STEP NODE"},
	Mend:             {"mend", node, 0, "mend NODE"},
	Wipe:             {"wipe", node, 0, "wipe NODE"},
	Memory:           {"memory", nodeBytes, Memory, "memory NODE BYTES"},
	Duplicate:        {"duplicate", lateFrame, 0, "duplicate CLASS FROM TO DURATION"},
	Stop:             {"stop", node, Restart, "stop NODE"},
	Drift:            {"drift", nodePPM, Drift, "drift NODE +PPM or -PPM"},
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
func (v Verb) stops() bool {
	return v == Crash || v == PowerLoss || v == Pause || v == CrashAt || v == PowerLossAt || v == Stop
}
