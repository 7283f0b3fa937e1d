package history

import (
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// kindNames are the values of "e", by Kind.
var kindNames = [...]string{Inv: "inv", OK: "ok", Fail: "fail", Info: "info", Note: "ev"}

// funcNames are the values of "f", by Func.
var funcNames = [...]string{
	Send: "send", Poll: "poll", Assign: "assign", Offsets: "offsets", Dump: "dump",
	OffsetCommit: "commit", OffsetFetch: "fetchc", Join: "join", Sync: "sync", Heartbeat: "heartbeat", Leave: "leave",
	InitProducer: "init", TxnBegin: "txbegin", TxnCommit: "txcommit", TxnAbort: "txabort", TxnOffsets: "txncommit",
	DeleteGroup: "delgroup",
	Process:     "process", Crash: "crash",
	Leader: "leader", ISR: "isr", HW: "hw", Fault: "fault", Heal: "heal",
	Restart: "restart", NoCopy: "nocopy", Skipped: "skipped", MayLose: "maylose",
	Coordinator: "coordinator", Subscribe: "subscribe", Unsubscribe: "unsubscribe", Assigned: "assigned", Revoked: "revoked", Lost: "lost", Seek: "seek",
	Deliver: "deliver", Listen: "listen", Unlisten: "unlisten",
}

// otherFuncs are names of the format that no checker here reads yet: a line
// about them is passed over, a line about anything else is an error.
var otherFuncs = [...]string{
	"txn", "pause", "epochend", "delrec", "close", "retention", "compact", "replica", "publish", "settle",
}

// batchNames are the kinds of batches on disk, by BatchKind.
var batchNames = [...]string{Data: "data", TxnData: "txn", CommitMarker: "commit", AbortMarker: "abort"}

// Properties are the names that a header may promise, in the order of reports.
func Properties() []string {
	return []string{"slot-agreement", "no-acked-loss", "no-duplicate", "per-key-order", "no-phantom", "no-skip", "no-stale-end",
		"delivered", "entity-order", "folded-state", "window-sums", "no-acked-gap", "last-value", "group-counts", "isolation", "lateness", "compaction", "retention",
		"txn-atomic", "read-committed", "one-owner", "commit-register", "fencing", "processed-once", "exactly-once", "liveness", "no-gap", "prefetch-bound"}
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind" + strconv.Itoa(int(k))
}

func (k BatchKind) String() string {
	if int(k) < len(batchNames) {
		return batchNames[k]
	}
	return "batch" + strconv.Itoa(int(k))
}

func (f Func) String() string {
	if int(f) < len(funcNames) {
		return funcNames[f]
	}
	return "func" + strconv.Itoa(int(f))
}

// Name is the name of a partition as the history has it: "orders-0".
func (h *Header) Name(tp TP) string {
	if tp >= 0 && int(tp) < len(h.TPs) {
		return h.TPs[tp]
	}
	return "tp" + strconv.Itoa(int(tp))
}

// Text is a value or key as the history has it.
func (h *Header) Text(v int64) string {
	if n := v - Named; n >= 0 && n < int64(len(h.Names)) {
		if s, err := strconv.Unquote(h.Names[n]); err == nil {
			return s
		}
		return h.Names[n]
	}
	return strconv.FormatInt(v, 10)
}

// keyText is a key as the history has it: null if the record has none.
func (h *Header) keyText(k int64) string {
	if k == None {
		return "null"
	}
	return h.Text(k)
}

// nearest returns `; did you mean "x"?` for the candidate that is nearest to a
// mistyped word, or nothing when none is near.
func nearest(word string, candidates ...[]string) string {
	if best := closest(word, candidates...); best != "" {
		return suggest(best)
	}
	return ""
}

func suggest(word string) string { return "; did you mean " + strconv.Quote(word) + "?" }

// closest is the candidate that is nearest to a mistyped word, or empty.
func closest(word string, candidates ...[]string) string {
	best, dist := "", len(word)/2+2
	if len(word) > 64 { // garbage has no nearest name, and the distance is quadratic
		return ""
	}
	for _, list := range candidates {
		for _, c := range list {
			if d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c)); d < dist {
				best, dist = c, d
			}
		}
	}
	return best
}
