// Package result is what a run came to, as plain data: what reports print and
// what --json writes. It knows neither simulator nor faults; a schedule is text
// in it. Field names and their order are a contract.
package result

// Version is the version of the JSON object.
const Version = 1

// Verdict is what may be said of a property, or of a whole run.
type Verdict string

// The verdicts. See [Overall] for that of a whole run.
const (
	Kept    Verdict = "kept"
	Broken  Verdict = "BROKEN"
	Vacuous Verdict = "vacuous" // nothing was looked at
	Unknown Verdict = "unknown" // the checker, or the run, gave up
)

// Exit codes of the command line.
const (
	ExitKept           = 0
	ExitBroken         = 1
	ExitUsage          = 2
	ExitInconclusive   = 3
	ExitNondeterminism = 4
	ExitBound          = 5
	ExitInternal       = 70
	ExitInterrupted    = 130
)

// Result is one run.
type Result struct {
	V         int              `json:"v"`
	Scenario  string           `json:"scenario"`
	Seed      string           `json:"seed"` // 0x...
	Verdict   Verdict          `json:"verdict"`
	Exit      int              `json:"exit"`
	TraceHash string           `json:"trace_hash"` // 16 hex digits
	Events    int64            `json:"events"`
	VirtualNS int64            `json:"virtual_ns"`
	Promise   Promise          `json:"promise"`
	Ledger    Ledger           `json:"ledger"`
	Findings  []Finding        `json:"findings"`
	Audits    []string         `json:"audits,omitempty"` // broken invariants of the brokers, each a sentence
	LatencyUS Latencies        `json:"latency_us"`
	Faults    []string         `json:"faults"` // as applied: roles resolved
	Reached   map[string]int64 `json:"reached"`
	Warnings  []string         `json:"warnings,omitempty"`
	Repro     string           `json:"repro"`
}

// Promise is what the run was held to.
type Promise struct {
	From       string   `json:"from"` // derived or stated
	Properties []string `json:"properties"`
}

// Ledger counts what became of the records. Sent to InLog count records;
// Delivered to Effected count record x reader.
type Ledger struct {
	Sent      int64 `json:"sent"`
	Acked     int64 `json:"acked"`
	Rejected  int64 `json:"rejected"`
	Unknown   int64 `json:"unknown"`
	InLog     int64 `json:"in_log"`
	Delivered int64 `json:"delivered"`
	Processed int64 `json:"processed"`
	Effected  int64 `json:"effected"`
	Readers   int64 `json:"readers"`

	LostAcked      int64 `json:"lost_acked"`
	LostUnacked    int64 `json:"lost_unacked"`
	LostAllowed    int64 `json:"lost_allowed"`
	DupLog         int64 `json:"dup_log"`
	DupProcessed   int64 `json:"dup_processed"`
	Reordered      int64 `json:"reordered"`
	Skipped        int64 `json:"skipped"`
	Resurrected    int64 `json:"resurrected"`
	AbortedVisible int64 `json:"aborted_visible"`
	ZombieWrite    int64 `json:"zombie_write"`
	StaleReads     int64 `json:"stale_reads"`
	// OutputsLost and OutputsDoubled are of a chain that reads, processes and writes: records
	// that it has committed to have read and made nothing of, and what it made once too often.
	OutputsLost    int64 `json:"outputs_lost,omitempty"`
	OutputsDoubled int64 `json:"outputs_doubled,omitempty"`
	// UnavailableUS is the time in which records that were due at a living producer
	// waited and their partition acknowledged none: 0 where nothing was offered.
	UnavailableUS int64 `json:"unavailable_us"`
}

// Finding is the verdict on one property.
type Finding struct {
	Property   string      `json:"property"`
	Outcome    Verdict     `json:"outcome"`
	Looked     int64       `json:"looked"` // how many things were looked at
	Violations []Violation `json:"violations"`
	More       int64       `json:"more,omitempty"`   // violations beyond those listed
	Folded     int64       `json:"folded,omitempty"` // violations that follow from records already reported lost
}

// Violation is one sentence in Kafka's words, and the history events that show it.
type Violation struct {
	What    string   `json:"what"`
	Witness []string `json:"witness"` // lines of the history, in order
}

// Latencies are in microseconds, from when an operation was due.
type Latencies struct {
	Ack Latency `json:"ack"`
	E2E Latency `json:"e2e"`
}

// Latency is a distribution; all are 0 when N is.
type Latency struct {
	P50  int64 `json:"p50"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p99_9"`
	N    int64 `json:"n"`
}
