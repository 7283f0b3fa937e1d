package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// Bug is the manifest of a planted bug: what it is, what it takes to show it, and
// who must say so.
type Bug struct {
	Site failpoint.Site
	// Native is the name of one that is not planted, since what is modelled has it: what
	// Kafka itself does to this day, or did at the level of its features that is modelled.
	// The gate must find it all the same. Then there is no Site.
	Native    string
	Source    string // the KIP or ticket of the bug that it copies, or what kind of system had it
	Mechanism string // in one sentence

	Experiment
	// Fault is what goes wrong, in a few words; the schedule has it exactly.
	Fault string

	// Property must be broken; or, if it is "audit", an audit must fail with a
	// sentence that contains Says. What another property says does not count.
	Property string
	Says     string

	// Difficulty for a search that injects faults: 1 no fault or any; 2 one fault;
	// 3 two in order; 4 three, or a narrow window.
	Difficulty int
}

// Experiment is a scenario with what is changed in it, and how many seeds may be
// spent on it.
type Experiment struct {
	Scenario string   // of those that come with the program
	Set      []string // as --set has them
	Faults   string   // replaces the scenario's schedule; empty: it stays
	Seeds    uint64   // the budget: seeds 1 to Seeds
}

// AuditProperty is the Property of a bug that an audit of the brokers names.
const AuditProperty = "audit"

// Name is the name that --plant takes, unless the bug is native.
func (b *Bug) Name() string { return cmp.Or(b.Native, b.Site.String()) }

// Case is the experiment as a case, without a seed.
func (x *Experiment) Case() (scenario.Case, error) {
	spec, err := Catalog(x.Scenario)
	if err != nil {
		return scenario.Case{}, err
	}
	c := scenario.Case{Spec: spec}
	if x.Faults != "" {
		c.Faults = &x.Faults
	}
	return c.With("--set", x.Set...)
}

// Planted is the bug's experiment with the bug in it.
func (b *Bug) Planted() (scenario.Case, error) {
	c, err := b.Case()
	if b.Native == "" {
		c.Plant = []string{b.Name()}
	}
	return c, err
}

// NamedBy reports whether the property or audit that must find the bug has found
// it in a run.
func (b *Bug) NamedBy(r *result.Result) bool {
	if b.Property == AuditProperty {
		return slices.ContainsFunc(r.Audits, func(s string) bool { return strings.Contains(s, b.Says) })
	}
	return slices.Contains(brokenIn(r), b.Property)
}

// brokenIn are the properties that a run has broken, with "audit" for its audits.
func brokenIn(r *result.Result) (list []string) {
	for i := range r.Findings {
		if r.Findings[i].Outcome == result.Broken {
			list = append(list, r.Findings[i].Property)
		}
	}
	if len(r.Audits) > 0 {
		list = append(list, AuditProperty)
	}
	return list
}

// FindBug returns the manifest of a bug. The error names the nearest.
func FindBug(name string) (Bug, error) {
	for _, b := range bugs {
		if b.Native != "" && b.Native == name {
			return b, nil
		}
	}
	site, err := failpoint.ParseBug(name)
	if err != nil {
		return Bug{}, err
	}
	for _, b := range bugs {
		if b.Native == "" && b.Site == site {
			return b, nil
		}
	}
	return Bug{}, fmt.Errorf("planted bug %v has no manifest", site)
}

// CheckBug finds what is wrong with the name of a bug. The error names the nearest.
func CheckBug(name string) error {
	if isNative(name) {
		return nil
	}
	_, err := failpoint.ParseBug(name)
	return err
}

func isNative(name string) bool {
	return slices.ContainsFunc(bugs, func(b Bug) bool { return b.Native != "" && b.Native == name })
}

// Kind is the kind of broker that has the bug.
func (b *Bug) Kind() (string, error) {
	spec, err := Catalog(b.Scenario)
	if err != nil {
		return "", err
	}
	return kindOf(spec), nil
}

func kindOf(s *scenario.Spec) string { return cmp.Or(s.Kind, scenario.KindLog) }

// BugsIn are those of a list that a scenario could show: its broker is of their kind. The
// error says that there is none.
func BugsIn(list []Bug, in string) ([]Bug, error) {
	spec, err := Catalog(in)
	if err != nil {
		return nil, err
	}
	var fit []Bug
	for _, b := range list {
		kind, err := b.Kind()
		if err != nil {
			return nil, err
		}
		if kind == kindOf(spec) {
			fit = append(fit, b)
		}
	}
	if len(fit) == 0 {
		return nil, fmt.Errorf("%s is a scenario of a %s, which has no such bug", in, kindOf(spec))
	}
	return fit, nil
}

// Bugs are the manifests of all planted bugs, by difficulty, then by name.
func Bugs() []Bug {
	list := slices.Clone(bugs)
	slices.SortFunc(list, func(a, b Bug) int { // total: names differ
		if a.Difficulty != b.Difficulty {
			return a.Difficulty - b.Difficulty
		}
		return strings.Compare(a.Name(), b.Name())
	})
	return list
}

// Seeds by difficulty: a bug that any fault shows needs no long search.
const (
	fewSeeds  = 40
	someSeeds = 200
	manySeeds = 2000
)

// bugs are the manifests by what is planted where.
var bugs = slices.Concat(replicationBugs, storageBugs, sequenceBugs, controllerBugs, coordinatorBugs, transactionBugs, clientBugs, styleBugs)
