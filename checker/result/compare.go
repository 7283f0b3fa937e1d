package result

// Compare is what several kinds of broker came to under the same load and the same faults:
// a ledger of cells, each measured over many seeds.
type Compare struct {
	V        int             `json:"v"`
	Scenario string          `json:"scenario"`
	Seeds    int64           `json:"seeds"` // of each cell: 1 to Seeds
	Runs     int64           `json:"runs"`
	Stopped  string          `json:"stopped,omitempty"` // "interrupted": the cells have fewer seeds
	Columns  []CompareColumn `json:"columns"`
	Faults   []CompareFault  `json:"faults"`
	Rows     []CompareRow    `json:"rows"`
	Internal []string        `json:"internal,omitempty"` // mistakes of the harness, each a sentence
}

// CompareColumn is one kind of broker in one configuration.
type CompareColumn struct {
	Kind   string   `json:"kind"`   // log, queue, pubsub
	Like   string   `json:"like"`   // whose semantics it has
	Config string   `json:"config"` // default, safe, fast
	Set    []string `json:"set"`    // as --set takes it, with kind=
	HeldTo []string `json:"held_to"`
	// Broken and Unknown count runs, of all faults, whose verdict was that; Repro is the
	// first that broke its promise.
	Broken  int64  `json:"broken"`
	Unknown int64  `json:"unknown"`
	Repro   string `json:"repro,omitempty"`
}

// CompareFault is what goes wrong in some of the runs.
type CompareFault struct {
	Name     string `json:"name"`
	Schedule string `json:"schedule"`
	About    string `json:"about,omitempty"` // what else is different under it
}

// CompareRow is one question, with the answer of each column.
type CompareRow struct {
	Name     string `json:"name"`
	Question string `json:"question"`
	Fault    string `json:"fault"` // the name of one of Faults
	// Unit of the cells: "share" is of records, in millionths; "runs" is the share of runs
	// in which it came about at all, in millionths; "per-second" is records a second, in
	// thousandths; "us" is microseconds.
	Unit   string         `json:"unit"`
	Cells  []CompareCell  `json:"cells"`  // by column
	Claims []CompareClaim `json:"claims"` // by kind
}

// CompareCell is what was measured. Low and High bound the 95 % interval.
type CompareCell struct {
	Runs  int64 `json:"runs"`
	Value int64 `json:"value"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
	// Total counts what it came about for: records in all runs together; and Most in the
	// worst of them, which is WorstSeed.
	Total     int64  `json:"total"`
	Most      int64  `json:"most"`
	WorstSeed string `json:"worst_seed,omitempty"`
	Repro     string `json:"repro,omitempty"`
	// Differs says that the measurement is not what is said of the kind.
	Differs bool `json:"differs,omitempty"`
}

// CompareClaim is what the usual tutorial says of a kind of broker.
type CompareClaim struct {
	Kind string `json:"kind"`
	Says string `json:"says"`
	// Differs says in words where the measurement is another; empty: nowhere.
	Differs string `json:"differs,omitempty"`
	Why     string `json:"why,omitempty"` // it does: what brings it about
}

// Claim is what is said of a kind in a row, or nil.
func (r *CompareRow) Claim(kind string) *CompareClaim {
	for i := range r.Claims {
		if r.Claims[i].Kind == kind {
			return &r.Claims[i]
		}
	}
	return nil
}

// Exit is the exit code of a comparison: what its runs say of the promises of each column.
func (c *Compare) Exit() int {
	code := ExitKept
	for i := range c.Columns {
		switch x := &c.Columns[i]; {
		case x.Broken > 0:
			code = Worse(code, ExitBroken)
		case x.Unknown > 0:
			code = Worse(code, ExitInconclusive)
		}
	}
	if len(c.Internal) > 0 {
		code = Worse(code, ExitInternal)
	}
	if c.Stopped != "" && code == ExitKept {
		code = ExitInterrupted
	}
	return code
}
