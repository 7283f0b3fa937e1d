package result

// Check is what many runs came to: what check and merge print. Its parts are in
// the order of the runs' numbers, whichever ended first.
type Check struct {
	V          int             `json:"v"`
	Verdict    Verdict         `json:"verdict"`
	Exit       int             `json:"exit"`
	Seeds      string          `json:"seeds"` // as in "0x1..0xc8"
	Runs       int64           `json:"runs"`
	Violations int64           `json:"violations"` // runs in which a promise, or an invariant of the brokers, was broken
	Unknown    int64           `json:"unknown"`
	Vacuous    int64           `json:"vacuous"`
	Bound      string          `json:"bound"` // empty if there were violations, or nothing was shown
	VirtualNS  int64           `json:"virtual_ns"`
	Events     int64           `json:"events"`
	Scenarios  []CheckScenario `json:"scenarios"`
	Results    []Result        `json:"results"` // of runs that are not kept, no more than asked for
	Unlisted   int64           `json:"unlisted,omitempty"`

	Reached     map[string]int64 `json:"reached"` // by situation: the runs in which it came about
	Required    []string         `json:"required"`
	Determinism Determinism      `json:"determinism"`
	Canary      *Canary          `json:"canary,omitempty"`

	// Corpus are the failures of the past that were verified beside the runs, and
	// Refresh is the command that finds those again which have drifted.
	Corpus  []CheckCase `json:"corpus,omitempty"`
	Refresh string      `json:"refresh,omitempty"`

	// Explained are the first failures of each kind, the smallest runs that fail so.
	Explained []Explained `json:"explained,omitempty"`

	// Stopped says why there are fewer runs than were asked for: "failures",
	// "time" or "interrupted".
	Stopped string `json:"stopped,omitempty"`
	// Doubts are why it is inconclusive, each a sentence.
	Doubts []string `json:"doubts,omitempty"`
	// Internal are mistakes of the harness itself, each a sentence.
	Internal []string `json:"internal,omitempty"`
	Shard    string   `json:"shard,omitempty"`  // this is only one part: "3/16"
	Shards   []Shard  `json:"shards,omitempty"` // the parts that were merged
}

// Explained is the explanation of one run of a check.
type Explained struct {
	Index int64 `json:"index"` // the number of the run: see [CheckRun]
	Explanation
}

// CheckCase is what one case of a corpus came to: a schedule that must pass as it is,
// and with a bug planted break a property.
type CheckCase struct {
	Name     string `json:"name"`
	Scenario string `json:"scenario"`
	Seed     string `json:"seed"`
	Property string `json:"property"`
	Bug      string `json:"bug"`
	// Problem is why it is no case any more, a sentence; and Repro the repro string
	// of the run that shows it. Both are empty if it still is one.
	Problem string `json:"problem,omitempty"`
	Repro   string `json:"repro,omitempty"`
	// Drifted says that it is one, by another run or other witnesses than its file has.
	Drifted  bool   `json:"drifted,omitempty"`
	Internal string `json:"internal,omitempty"` // a panic of the harness
}

// FailedCases counts the cases of the corpus that have a problem.
func (c *Check) FailedCases() (failed int) {
	for i := range c.Corpus {
		if c.Corpus[i].Problem != "" {
			failed++
		}
	}
	return failed
}

// CheckScenario is the part of one scenario.
type CheckScenario struct {
	Name       string          `json:"name"`
	Runs       int64           `json:"runs"`
	Kept       int64           `json:"kept"`
	Violations int64           `json:"violations"`
	Unknown    int64           `json:"unknown"`
	Vacuous    int64           `json:"vacuous"`
	VirtualNS  int64           `json:"virtual_ns"`
	Properties []CheckProperty `json:"properties"`
	// Repeat is the command that makes one of the runs again; [AnySeed] in it
	// stands for the seed.
	Repeat string `json:"repeat,omitempty"`
}

// AnySeed stands for a seed in [CheckScenario.Repeat].
const AnySeed = "SEED"

// CheckProperty is one property of a scenario over all its runs. The invariants
// of the brokers are the property [Audits].
type CheckProperty struct {
	Property string `json:"property"`
	Looked   int64  `json:"looked"`
	Kept     int64  `json:"kept"` // runs
	Broken   int64  `json:"broken"`
	Vacuous  int64  `json:"vacuous"`
	Unknown  int64  `json:"unknown"`
	// First is the first violation, and FirstSeed the run that it is of.
	First     string `json:"first,omitempty"`
	FirstSeed string `json:"first_seed,omitempty"`
}

// Audits is the property that no invariant of the brokers was broken.
const Audits = "audits"

// Determinism counts the runs that were made twice.
type Determinism struct {
	Checked     int64        `json:"checked"`
	Same        int64        `json:"same"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one seed that gave two runs.
type Difference struct {
	Scenario string    `json:"scenario"`
	Seed     string    `json:"seed"`
	Hashes   [2]string `json:"hashes"`
	// Line is the first line of the trace in which two fresh runs differ, and
	// Lines what each has there; 0 if the fresh runs were alike.
	Line  int64     `json:"line"`
	Lines [2]string `json:"lines"`
}

// Canary is the planted bug that shows that the checker sees something.
type Canary struct {
	Bug      string `json:"bug"`
	Scenario string `json:"scenario"`
	Property string `json:"property"`       // that must find it
	Runs     int64  `json:"runs"`           // that it took
	Seed     string `json:"seed,omitempty"` // that found it; empty: none has, the checker is blind
}

// Shard is one part of a check that was split.
type Shard struct {
	Shard      string `json:"shard"` // "3/16"
	Runs       int64  `json:"runs"`  // made, of which a merge may not need all
	Violations int64  `json:"violations"`
	Complete   bool   `json:"complete"`
}

// CheckRun is one run of a check, as a shard writes it down.
type CheckRun struct {
	Index      int64       `json:"index"` // the place of its seed times the number of scenarios, and that of its scenario
	Twice      bool        `json:"twice,omitempty"`
	Difference *Difference `json:"difference,omitempty"`
	Internal   string      `json:"internal,omitempty"` // a panic of the harness; the result is empty then
	Result     Result      `json:"result"`
}

// Violated reports whether a promise or an invariant of the brokers was broken.
func (r *CheckRun) Violated() bool { return r.Result.Verdict == Broken || len(r.Result.Audits) > 0 }

// Failed reports whether the run counts as a failure: it is broken, is another
// every time, or could not be made.
func (r *CheckRun) Failed() bool {
	return r.Violated() || r.Difference != nil || r.Internal != ""
}

// Worse is the exit code of two results together: 4 > 70 > 1 > 5 > 3 > 0, so that
// what is unknown never hides a failure.
func Worse(a, b int) int {
	for _, code := range []int{ExitNondeterminism, ExitInternal, ExitBroken, ExitBound, ExitInconclusive} {
		if a == code || b == code {
			return code
		}
	}
	return max(a, b)
}
