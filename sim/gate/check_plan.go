package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/machine"
	"brokersim/sim/scenario"
)

// Seeds are the seeds of a check: N of them from First on.
type Seeds struct {
	First, N uint64
}

// MaxSeeds bounds the seeds of one check.
const MaxSeeds = 1 << 40

// ParseSeeds reads 1..400, 500 (which is 1..500), or 0x5EED, one seed.
func ParseSeeds(text string) (Seeds, error) {
	bad := func() (Seeds, error) {
		return Seeds{}, fmt.Errorf("%q: want a range such as 1..400, a number of seeds such as 500, or one seed such as 0x5EED", text)
	}
	from, to, isRange := strings.Cut(text, "..")
	first, hex, ok := parseSeed(from)
	switch {
	case !ok:
		return bad()
	case isRange:
		last, _, ok := parseSeed(to)
		if !ok || last < first {
			return bad()
		}
		if last-first >= MaxSeeds {
			return Seeds{}, fmt.Errorf("%q: more than %d seeds", text, uint64(MaxSeeds))
		}
		return Seeds{first, last - first + 1}, nil
	case hex:
		return Seeds{first, 1}, nil
	case first == 0:
		return bad()
	case first > MaxSeeds:
		return Seeds{}, fmt.Errorf("%q: more than %d seeds", text, uint64(MaxSeeds))
	}
	return Seeds{1, first}, nil
}

func parseSeed(s string) (seed uint64, hex, ok bool) {
	digits, base := s, 10
	if rest, isHex := strings.CutPrefix(strings.ToLower(s), "0x"); isHex {
		digits, base, hex = rest, 16, true
	}
	seed, err := strconv.ParseUint(digits, base, 64)
	return seed, hex, err == nil
}

// From are all seeds from first on, as many as a check may have.
func From(first uint64) Seeds {
	return Seeds{first, min(MaxSeeds, math.MaxUint64-first)}
}

func (s Seeds) String() string {
	switch {
	case s.N == 0:
		return "none"
	case s.N == 1:
		return fmt.Sprintf("%#x", s.First)
	}
	return fmt.Sprintf("%#x..%#x", s.First, s.First+s.N-1)
}

// Plan is what makes two checks comparable: shards of one plan can be merged.
type Plan struct {
	Version     string         `json:"version"` // of the program
	Core        int            `json:"core"`
	Scenarios   []PlanScenario `json:"scenarios"`
	Seeds       Seeds          `json:"seeds"`
	For         time.Duration  `json:"for_ns"` // 0: by count
	MaxFailures int64          `json:"max_failures"`
	Twice       Share          `json:"twice_ppm"`
	Required    []string       `json:"required"`
	Canary      string         `json:"canary"`
	Corpus      []PlanScenario `json:"corpus,omitempty"`  // its cases
	Refresh     string         `json:"refresh,omitempty"` // the command
	Shrink      int            `json:"shrink"`            // replays; 0: nothing is explained
}

// PlanScenario is one scenario of a plan.
type PlanScenario struct {
	Name   string `json:"name"`
	Digest string `json:"digest"` // of all that its runs depend on but the seed
	Repeat string `json:"repeat,omitempty"`
}

// planScenario is a case as the plan has it.
func planScenario(c scenario.Case, repeat string) PlanScenario {
	c.History, c.Trace, c.Seed = nil, nil, 0
	spec := *c.Spec
	spec.File = "" // the same file may lie elsewhere on another machine
	c.Spec = &spec
	type plain struct {
		Edits   any
		Spec    any
		Layers  any
		Faults  *string
		Plant   []string
		Promise []string
	}
	b, err := json.Marshal(plain{c.Edits, c.Spec, c.Layers, c.Faults, c.Plant, c.Promise})
	if err != nil {
		panic(err) // it is plain data
	}
	sum := sha256.Sum256(b)
	return PlanScenario{Name: c.Spec.Name, Digest: hex.EncodeToString(sum[:8]), Repeat: repeat}
}

// differs says in a few words in what two plans differ, or "".
func (p *Plan) differs(q *Plan) string {
	show := func(what string, a, b any) string { return fmt.Sprintf("%s %v, not %v", what, b, a) }
	switch {
	case p.Version != q.Version:
		return show("is of version", p.Version, q.Version)
	case p.Core != q.Core:
		return show("is of core", p.Core, q.Core)
	case len(p.Scenarios) != len(q.Scenarios):
		return show("has the number of scenarios", len(p.Scenarios), len(q.Scenarios))
	}
	for i := range p.Scenarios {
		a, b := &p.Scenarios[i], &q.Scenarios[i]
		switch {
		case a.Name != b.Name:
			return show("has the scenario", a.Name, b.Name)
		case a.Digest != b.Digest:
			return "has other settings or another file of the scenario " + a.Name
		}
	}
	if !slices.Equal(p.Corpus, q.Corpus) {
		return "has another corpus"
	}
	switch {
	case p.Seeds != q.Seeds:
		return show("has the seeds", p.Seeds, q.Seeds)
	case p.For != q.For:
		return show("ran with --for", p.For, q.For)
	case p.MaxFailures != q.MaxFailures:
		return show("stops after failures:", p.MaxFailures, q.MaxFailures)
	case p.Twice != q.Twice:
		return show("has the share executed twice", p.Twice, q.Twice)
	case strings.Join(p.Required, ",") != strings.Join(q.Required, ","):
		return show("requires the situations", p.Required, q.Required)
	case p.Canary != q.Canary:
		return show("has the canary", p.Canary, q.Canary)
	case p.Shrink != q.Shrink:
		return show("shrinks in replays:", p.Shrink, q.Shrink)
	}
	return ""
}

// Share is a part of all runs, in millionths.
type Share uint32

const allRuns Share = 1_000_000

// ParseShare reads a percentage such as 5% or 0.1%.
func ParseShare(text string) (Share, error) {
	bad := fmt.Errorf("%q: want a percentage from 0%% to 100%%, such as 5%%", text)
	number, ok := strings.CutSuffix(text, "%")
	if !ok {
		return 0, bad
	}
	whole, fraction, _ := strings.Cut(number, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > 4 || strings.Trim(whole+fraction, "0123456789") != "" || whole == "" || len(whole) > 3 {
		return 0, bad
	}
	x, err := strconv.ParseUint(whole+(fraction + "0000")[:4], 10, 32)
	if err != nil || Share(x) > allRuns {
		return 0, bad
	}
	return Share(x), nil
}

func (s Share) String() string {
	text := fmt.Sprintf("%d.%04d", s/10_000, s%10_000)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + "%"
}

// includes reports whether the run of that number is of the share. The first run
// always is, unless the share is nothing; otherwise it depends on the number
// alone, so that it is the same in every shard and regular in no scenario.
func (s Share) includes(index int64) bool {
	if index == 0 {
		return s > 0
	}
	return machine.NewDraw(0, "twice").With(uint64(index)).N(uint64(allRuns)) < uint64(s)
}
