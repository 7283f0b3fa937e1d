package lesson

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// Trial is a set of runs: a scenario with settings, over the seeds 1 to Seeds.
type Trial struct {
	Name     string
	About    string // in a few words
	Scenario string
	Seeds    int
	Set      []string
	Faults   *string
	Plant    []string
	Expect   []Expectation
}

// defaultSeeds is how many runs a trial takes if its lesson does not say.
const defaultSeeds = 500

// plain, behind the name of a trial, is that trial without its settings.
const plain = " plain"

func (l *Lesson) addTrial(f *frontTrial, first bool) error {
	t := Trial{Seeds: defaultSeeds}
	if !first {
		of := f.Of
		if of == "" {
			of = TrialRun
		}
		base, err := l.Trial(strings.TrimSuffix(of, plain))
		if err != nil {
			return fmt.Errorf("%s: of: %w", f.Name, err)
		}
		t = *base
		t.Set, t.Expect = slices.Clone(base.Set), nil
		if strings.HasSuffix(of, plain) {
			t.Set = nil
		}
	}
	if f.Name == "" || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return fmt.Errorf("trials: name %q: want small letters, digits and _", f.Name)
	}
	if _, err := l.Trial(f.Name); err == nil {
		return fmt.Errorf("trials: %s is there twice", f.Name)
	}
	if f.About == "" {
		return fmt.Errorf("%s: about is missing", f.Name)
	}
	t.Name, t.About, t.Expect = f.Name, f.About, f.Expect
	if f.Scenario != "" {
		t.Scenario = f.Scenario
	}
	if f.Seeds != 0 {
		t.Seeds = f.Seeds
	}
	if t.Seeds < 1 {
		return fmt.Errorf("%s: seeds %d: want 1 or more", f.Name, t.Seeds)
	}
	if f.Faults != nil {
		t.Faults = f.Faults
	}
	if f.Cell != "" {
		if err := t.cell(f.Cell); err != nil {
			return fmt.Errorf("%s: cell: %w", f.Name, err)
		}
	}
	if f.Plant != nil {
		t.Plant = f.Plant
	}
	for _, s := range f.Set {
		t.Set = append(t.Set, fmt.Sprintf("%v=%v", s.Key, s.Value))
	}
	for i := range t.Expect {
		if t.Expect[i].Stat == "" {
			return fmt.Errorf("%s: expect: %s: want a number of its distribution, such as {p50: [0, 6]}", f.Name, t.Expect[i].Metric)
		}
	}
	if _, err := t.Case(1); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	l.Trials = append(l.Trials, t)
	return nil
}

// cell has a trial make the runs behind a cell of [gate.Compare], and no other settings.
func (t *Trial) cell(name string) error {
	spec, err := gate.Catalog(t.Scenario)
	if err != nil {
		return err
	}
	column, fault, _ := strings.Cut(name, ", ")
	set, schedule, err := gate.CompareCell(spec, column, fault)
	t.Set, t.Faults = set, &schedule
	return err
}

// Case is one run of a trial; what is set comes on top of its settings. An error is
// that of a case that cannot be run.
func (t *Trial) Case(seed uint64, set ...string) (scenario.Case, error) {
	spec, err := gate.Catalog(t.Scenario)
	if err != nil {
		return scenario.Case{}, err
	}
	c := scenario.Case{Spec: spec, Seed: seed, Faults: t.Faults, Plant: t.Plant}
	if c, err = c.With("set", t.Set...); err != nil {
		return c, err
	}
	if c, err = c.With("--set", set...); err != nil {
		return c, err
	}
	_, err = scenario.Check(c)
	return c, err
}

// Command is the line that runs a trial: "run" for one seed, "check" for many.
func (t *Trial) Command(verb, flag string) string {
	words := []string{"brokersim", verb, t.Scenario, flag}
	for _, s := range t.Set {
		words = append(words, "--set "+s)
	}
	if t.Faults != nil {
		var steps []string
		for step := range strings.Lines(strings.TrimSpace(*t.Faults)) {
			steps = append(steps, strings.Join(strings.Fields(step), " "))
		}
		words = append(words, "--faults '"+strings.Join(steps, "; ")+"'")
	}
	for _, p := range t.Plant {
		words = append(words, "--plant "+p)
	}
	return strings.Join(words, " ")
}

// Measured is what was measured of one trial.
type Measured map[string]Stats

// Measure makes the runs of a trial, several at a time, and counts. It takes the
// trial's seeds, or the first of them if limit is above 0; set comes on top of its
// settings. ran is told of each run.
func (t *Trial) Measure(limit int, set []string, ran func()) (Measured, error) {
	c, err := t.Case(1, set...)
	if err != nil {
		return nil, err
	}
	seeds := t.Seeds
	if limit > 0 {
		seeds = min(seeds, limit)
	}
	wanted := t.metrics()
	values := make([][]int64, len(wanted))
	makes := plainRun
	if slices.ContainsFunc(wanted, func(m metric) bool { return m.name == inverted || m.name == firstSkip }) {
		makes = watchedRun
	}
	gate.SweepOf(c, 1, uint64(seeds), makes, func(r run) {
		for i, m := range wanted {
			values[i] = append(values[i], m.of(&r))
		}
		if ran != nil {
			ran()
		}
	})
	measured := make(Measured)
	for i, m := range wanted {
		measured[m.name] = newStats(values[i])
	}
	return measured, nil
}

// alwaysMeasured is taken down for every trial: a price may ask for it.
var alwaysMeasured = []string{"ack_p50", "ack_p99", "e2e_p99", "unavailable", "acked", "sent"}

// metrics are the numbers that a trial is measured for, in the order of its file.
func (t *Trial) metrics() (list []metric) {
	var names []string
	for i := range t.Expect {
		names = append(names, t.Expect[i].Metric)
	}
	for _, name := range append(names, alwaysMeasured...) {
		m, err := findMetric(name)
		if err == nil && !slices.ContainsFunc(list, func(x metric) bool { return x.name == name }) {
			list = append(list, m)
		}
	}
	return list
}
