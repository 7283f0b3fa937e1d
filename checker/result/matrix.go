package result

// Matrix is what readers see of a service that reads, processes and writes in transactions,
// when somebody crashes at each step of the protocol: a row for each step, a cell for each
// reader of what the service writes.
type Matrix struct {
	V        int            `json:"v"`
	Scenario string         `json:"scenario"`
	Version  int            `json:"transaction_version"` // the level of the feature
	Output   string         `json:"output"`              // the topic that is looked at
	Seeds    int64          `json:"seeds"`               // of each row: 1 to Seeds
	Runs     int64          `json:"runs"`
	Stopped  string         `json:"stopped,omitempty"` // "interrupted": the rows have fewer seeds
	Columns  []MatrixColumn `json:"columns"`
	Rows     []MatrixRow    `json:"rows"`
	Internal []string       `json:"internal,omitempty"` // mistakes of the harness, each a sentence
}

// MatrixColumn is a reader of what the service writes.
type MatrixColumn struct {
	Reader    string `json:"reader"`
	Isolation string `json:"isolation"` // read_committed or read_uncommitted
}

// MatrixRow is one step, and who crashes at it.
type MatrixRow struct {
	Who      string `json:"who"`  // as a schedule names it; of several, those who do it in turn
	Step     string `json:"step"` // "none": nobody crashes
	Schedule string `json:"schedule"`
	// Runs are those that were made, Reached those of them in which somebody crashed at
	// the step, and Crashes how often in all.
	Runs    int64        `json:"runs"`
	Reached int64        `json:"reached"`
	Crashes int64        `json:"crashes"`
	Inputs  int64        `json:"inputs"` // records that were to be processed, in all runs
	Cells   []MatrixCell `json:"cells"`  // by column
	// Broken and Unknown count runs whose verdict was that; Repro is the first that was
	// not kept, or the first of all.
	Broken  int64  `json:"broken"`
	Unknown int64  `json:"unknown"`
	Repro   string `json:"repro,omitempty"`
}

// MatrixCell is what a reader saw in all runs of a row.
type MatrixCell struct {
	Lost    int64 `json:"lost"`    // inputs of which it saw no output
	Doubled int64 `json:"doubled"` // outputs that it saw beside the first of their input
}

// None is the step of the row in which nobody crashes.
const None = "none"

// Committed reports whether a reader is to see what is committed, and nothing else.
func (c *MatrixColumn) Committed() bool { return c.Isolation == "read_committed" }

// Wrong reports whether somebody who is to see each input processed once does not.
func (m *Matrix) Wrong() bool {
	for i := range m.Rows {
		for j, cell := range m.Rows[i].Cells {
			if cell.Lost > 0 || cell.Doubled > 0 && m.Columns[j].Committed() {
				return true
			}
		}
	}
	return false
}

// Exit is the exit code of a matrix: a wrong cell and a broken promise are 1, and a step that
// nobody came to leaves it open.
func (m *Matrix) Exit() int {
	code := ExitKept
	if m.Wrong() {
		code = Worse(code, ExitBroken)
	}
	for i := range m.Rows {
		switch r := &m.Rows[i]; {
		case r.Broken > 0:
			code = Worse(code, ExitBroken)
		case r.Unknown > 0, r.Reached == 0 && r.Step != None:
			code = Worse(code, ExitInconclusive)
		}
	}
	if len(m.Internal) > 0 {
		code = Worse(code, ExitInternal)
	}
	if m.Stopped != "" && code == ExitKept {
		code = ExitInterrupted
	}
	return code
}
