package result

// Explanation says how one run came to break its promise, and what it would have
// taken not to: the smallest run that fails in the same way, told as a story.
type Explanation struct {
	V        int    `json:"v"`
	Finding  string `json:"finding"`  // a property, or a kind of broken invariant
	Sentence string `json:"sentence"` // what is wrong, in Kafka's words
	Shrunk   Shrunk `json:"shrunk"`
	Result   Result `json:"result"` // of the run that the story tells
	Story    Story  `json:"story"`

	Why       []string `json:"why"`        // sentences: what made it possible
	Needed    []string `json:"needed"`     // faults without which it does not happen, as applied
	NotNeeded []string `json:"not_needed"` // what was removed and changed nothing: faults first, then nodes, clients, records

	// Nearest are the changes of settings that were tried with the same faults, the
	// smallest first: the run itself and futures of it, as in Likelihood from the
	// start. The first that passed, if any did, is the nearest. AsItIs are the same
	// futures without a change.
	Nearest  []Variant `json:"nearest"`
	AsItIs   *Variant  `json:"as_it_is,omitempty"`
	Settings []Setting `json:"settings"` // that differ from Kafka's defaults

	// Likelihood is empty unless it was asked for.
	Likelihood []Chance `json:"likelihood,omitempty"`

	Repro    string `json:"repro"`    // of the smallest run
	Original string `json:"original"` // repro string of the run that was found
	Verified int    `json:"verified"` // replays of the smallest run that gave the same trace hash
}

// Shrunk is what a shrink has made of a run. Replays is 0 if none was made.
type Shrunk struct {
	From    Size `json:"from"`
	To      Size `json:"to"`
	Replays int  `json:"replays"`
	// Cut says why it ended before its ideas did: "budget" or "stopped"; or is empty.
	Cut      string `json:"cut,omitempty"`
	Original string `json:"schedule_original"` // the schedule of the run that was found, roles resolved
	Minimal  string `json:"schedule_minimal"`
}

// Size is how large a run is.
type Size struct {
	Events  int64 `json:"events"`
	Faults  int   `json:"faults"`
	Records int64 `json:"records"`
}

// Variant is a run with other settings.
type Variant struct {
	Set     []string `json:"set"`     // as --set takes them
	Verdict Verdict  `json:"verdict"` // kept if every run was
	Runs    int      `json:"runs"`    // the run itself and other futures of it
	Passed  int      `json:"passed"`
	Costs   string   `json:"costs"` // of the first, in words: "0 lost, 12 rejected, 1.8 s unavailable"
}

// Setting is a setting that is not as Kafka has it by default.
type Setting struct {
	Name    string `json:"name"` // as --set takes it: "topic.orders.min.insync.replicas"
	Value   string `json:"value"`
	Default string `json:"default"`
	Source  string `json:"source"` // the layer that has set it
}

// Chance is how likely the violation is when the run is forked after a row of the
// story: its past stays as it was, and what is drawn later is drawn anew.
type Chance struct {
	Row      int `json:"row"` // of Story.Rows; -1: before anything has happened
	Forks    int `json:"forks"`
	Violated int `json:"violated"`
}

// Story is what happened in a run, as far as it matters for one violation. Rows
// are in order of time; what happened between them does not matter.
type Story struct {
	// Lanes are the nodes that take part: clients, brokers, controller.
	Lanes []Lane `json:"lanes"`
	Rows  []Row  `json:"rows"`
	// Strips are the logs of the partition in question, at the violation.
	Strips []Strip `json:"strips"`
	// Omitted is how many events of the run are not in Rows.
	Omitted int64 `json:"omitted"`
}

// Lane is one node.
type Lane struct {
	Node string `json:"node"` // b1, c101, p1001, k1001
	Role string `json:"role"` // broker, controller, producer, reader
	Name string `json:"name"` // of a client's service, or as Node
}

// RowKind is what a row of a story is.
type RowKind string

// The kinds of rows.
const (
	RowMessage RowKind = "message" // a frame that was taken; From and Sent say where it came from
	RowLost    RowKind = "lost"    // a frame that was sent by Node to From's node and never taken
	RowStep    RowKind = "step"    // a time-out, a start: the node acts by itself
	RowDisk    RowKind = "disk"    // a sync has ended
	RowFault   RowKind = "fault"   // a step of the schedule; Node is empty if it touches several
	RowClient  RowKind = "client"  // what a client knows: sent, acknowledged, polled
	RowJudge   RowKind = "judge"   // what the final read finds
)

// Row is one moment at one node. Its text is in Kafka's words.
type Row struct {
	Event int64   `json:"event"` // number of the event in the run; 0 for a fault or what a client knows
	AtNS  int64   `json:"at_ns"`
	Kind  RowKind `json:"kind"`
	Node  string  `json:"node"`
	From  string  `json:"from,omitempty"` // message: the node that sent it
	Sent  int     `json:"sent"`           // message: the row in which it was sent; -1 if that is not told
	What  string  `json:"what"`           // "Produce record m18 to orders-0, acks=all"
	// Does is what the node does on it: "appends orders-0@18, high watermark 17".
	Does []string `json:"does,omitempty"`
	// Chain says that the row is on the causal chain to the violation. Rows that
	// are not show what else touched the same records.
	Chain bool `json:"chain"`
	// Violation marks the one row in which the promise was broken.
	Violation bool `json:"violation,omitempty"`
}

// Strip is the log of one replica of one partition.
type Strip struct {
	TP     string `json:"tp"`
	Node   string `json:"node"`
	Role   string `json:"role"` // "leader of epoch 8", "follower of b2, epoch 8", "down", "fenced"
	InISR  bool   `json:"in_isr"`
	Down   bool   `json:"down"`
	Start  int64  `json:"log_start"`
	End    int64  `json:"log_end"`
	HW     int64  `json:"high_watermark"`
	Synced int64  `json:"synced"` // below it everything is durable
	// Cells are offsets around the records in question, the same range for every
	// replica of the partition.
	Cells []Cell `json:"cells"`
}

// Cell is one offset of a log. Record is empty where the log has none.
type Cell struct {
	Offset  int64  `json:"offset"`
	Record  string `json:"record"`
	Epoch   int32  `json:"epoch"`
	Subject bool   `json:"subject,omitempty"` // one of the records in question
	// Ghost is the record that this replica once had here and has lost.
	Ghost string `json:"ghost,omitempty"`
}
