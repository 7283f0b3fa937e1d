package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// checkRunner makes the runs of a check; a test puts another one here.
var checkRunner gate.Runner = scenario.Run

// checkFlags is the command line of check as it was typed.
type checkFlags struct {
	run       runFlags
	scenarios []string

	seeds       string
	limit       time.Duration
	minSeeds    uint64
	workers     int
	failFast    bool
	maxFailures int64
	twice       string
	coverage    string
	shard       string
	corpus      string
	shrink      string
	runs        string
	checkOutputs
}

const checkAbout = `Runs scenarios under many seeds, on all cores, and says whether any promise was broken:
the gate in front of a merge. Without a SCENARIO it runs those that come with the program
and are held to what their configuration promises, and verifies the corpus in
testdata/corpus, if there is one: a case that fails is exit 1, one that has drifted is said.

Of each kind of failure the first run is explained, as brokersim why does: the smallest run
that fails in the same way, how it came to, and what would have kept the promise.

A run that fails is made again before it is reported, and so is a share of all runs: a
seed that gives two runs is exit 4, with the first event in which two fresh ones differ.
A broker with a planted bug must be found out first, or nothing else is believed, and
what the scenarios are there for must have come about in some run: otherwise exit 3.

What is printed depends on the runs alone, not on -j. A check that ends at a failure has
made all runs below it. --for is for nightly exploration: how far it gets is up to the
machine. Split over machines with --shard, and put together with brokersim merge.`

const checkExamples = `  brokersim check                                       the gate
  brokersim check orders --seeds 5000 --fail-fast       one scenario, until the first failure
  brokersim check --set producer.acks=1                 does this configuration keep its promises?
  brokersim check --seeds 0x5EED --for 1h               as far as an hour goes, from there on
  brokersim check --shard 3/16 --out shards             a sixteenth of it
  brokersim check orders --corpus regressions           with the failures of the past
  brokersim check --junit junit.xml --out failures      for CI`

// defaultSeeds is how many seeds each scenario gets: on two cores that takes
// well under a minute.
const defaultSeeds = "1..100"

func (a *app) checkVerb() *cobra.Command {
	f := &checkFlags{}
	var schedule string
	var server, producer, consumer []string
	cmd := &cobra.Command{
		Use:               "check [SCENARIO...]",
		Short:             "Run scenarios under many seeds: the gate",
		Long:              checkAbout,
		Example:           checkExamples,
		ValidArgsFunction: completeScenarios,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.scenarios = args
			f.run.properties = propertyFiles(server, producer, consumer)
			if cmd.Flags().Changed("faults") {
				f.run.faults = &schedule
			}
			if err := filled(cmd, "promise", "out", "junit", "runs", "shard", "corpus"); err != nil {
				return err
			}
			if cmd.Flags().Changed("for") && f.limit <= 0 {
				return fmt.Errorf("--for %v: want a time, such as 1h", f.limit)
			}
			return a.check(f, cmd.Flags().Changed("seeds"))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.seeds, "seeds", defaultSeeds, "run `SEEDS` of each scenario: 1..400, or 500 of them, or one, 0x5EED")
	flags.DurationVar(&f.limit, "for", 0, "end after `TIME`; then --seeds 0x... is where to begin")
	flags.Uint64Var(&f.minSeeds, "min-seeds", 0, "with --for, run at least `N` seeds")
	flags.StringVar(&f.shard, "shard", "", "run one `PART` of it: 3/16, auto to ask the environment, or auto/16")
	flags.IntVarP(&f.workers, "jobs", "j", 0, "make `N` runs at a time; 0 is as many as there are cores")
	flags.BoolVar(&f.failFast, "fail-fast", false, "end at the first failure, as --max-failures 1")
	flags.Int64Var(&f.maxFailures, "max-failures", 20, "end after `N` failures; 0 is never")
	shrinkFlag(cmd, &f.shrink)
	flags.StringVar(&f.twice, "determinism", "5%", "make this `SHARE` of the runs twice")
	flags.StringVar(&f.coverage, "require-coverage", "on", "on, off, or the `SITUATIONS` that must come about")
	flags.StringArrayVar(&f.run.set, "set", nil, "change a setting of Kafka's, `key=value`; may be repeated")
	flags.StringArrayVar(&server, "server-properties", nil, "take broker settings from `FILE`, as Kafka's server.properties")
	flags.StringArrayVar(&producer, "producer-properties", nil, "take settings for every producer from `FILE`")
	flags.StringArrayVar(&consumer, "consumer-properties", nil, "take settings for every consumer from `FILE`")
	flags.StringVar(&schedule, "faults", "", "let `PRESET|FILE|TEXT` go wrong instead of the scenarios' schedules")
	flags.StringArrayVar(&f.run.plant, "plant", nil, "plant `BUG` into every broker; may be repeated")
	promiseFlag(cmd, &f.run.promise)
	flags.StringVar(&f.corpus, "corpus", corpusAuto, "verify the cases in `DIR`, too; or off; auto is "+corpusDir+", if it is there and\nneither a scenario is named nor anything about the runs is changed")
	flags.StringVar(&f.runs, "runs", "", "write every run to `FILE`, one JSON object a line; brokersim merge reads it")
	f.outputFlags(cmd, "a bundle of each failure")
	flags.BoolVar(&f.keepAll, "keep-all", false, "with --out, write a bundle of every run")
	completeFlag(cmd, "plant", bugNames, cobra.ShellCompDirectiveNoFileComp)
	completeFlag(cmd, "set", settingNames, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp)
	return cmd
}

// check makes a check. What is wrong with the input is found before it starts.
func (a *app) check(f *checkFlags, seedsGiven bool) error {
	c, warnings, err := a.makeCheck(f, seedsGiven)
	if err != nil {
		return err
	}
	if err := f.checkOutputs.check(); err != nil {
		return err
	}
	if c.Shard.Count > 1 && f.out == "" && f.runs == "" {
		return errors.New("--shard: say --out DIR or --runs FILE, for brokersim merge to find what it came to")
	}
	if _, err := makeDirectory("--out", f.out); err != nil {
		return err
	}
	if f.runs == "" && c.Shard.Count > 1 {
		f.runs = filepath.Join(f.out, fmt.Sprintf("shard-%d-of-%d.jsonl", c.Shard.Index+1, c.Shard.Count))
	}
	end := func(*result.Check) error { return nil }
	if f.runs != "" {
		file, err := os.Create(f.runs)
		if err != nil {
			return fmt.Errorf("--runs %w", plainPathError(err))
		}
		w := gate.NewRunsWriter(file, &c)
		c.Each = w.Run
		end = func(r *result.Check) error { return errors.Join(w.End(r), file.Close()) }
	}
	kept := a.keepAll(f, &c)
	a.warn(warnings)
	r := a.sweep(c, f.quiet)
	return a.printCheck(&f.checkOutputs, r, errors.Join(end(&r), *kept), func(x result.Result, dir string) error { return a.bundleRun(f, &c, x, dir) })
}

// makeCheck reads all that a command line names.
func (a *app) makeCheck(f *checkFlags, seedsGiven bool) (c gate.Config, warnings []string, err error) {
	c = gate.Config{Version: build(), For: f.limit, MinSeeds: f.minSeeds, Workers: f.workers, MaxFailures: f.maxFailures, Canary: true, Run: checkRunner}
	if c.Seeds, err = gate.ParseSeeds(f.seeds); err != nil {
		return c, nil, fmt.Errorf("--seeds %w", err)
	}
	switch {
	case f.limit == 0 && f.minSeeds > 0:
		return c, nil, errors.New("--min-seeds: only with --for; without, --seeds says how many")
	case f.limit > 0 && (!seedsGiven || c.Seeds.N == 1):
		c.Seeds = gate.From(c.Seeds.First)
	}
	if f.workers < 0 || f.workers > 1024 {
		return c, nil, fmt.Errorf("-j %d: want from 1 to 1024, or 0 for one a core", f.workers)
	}
	if f.maxFailures < 0 {
		return c, nil, fmt.Errorf("--max-failures %d: want 1 or more, or 0 for never", f.maxFailures)
	}
	if f.failFast {
		c.MaxFailures = 1
	}
	if c.Twice, err = gate.ParseShare(f.twice); err != nil {
		return c, nil, fmt.Errorf("--determinism %w", err)
	}
	if c.Shrink, err = shrinkBudget(f.shrink); err != nil {
		return c, nil, err
	}
	c.Shrink = max(c.Shrink, 0)
	if f.shard != "" {
		if c.Shard, err = gate.ParseShard(f.shard, os.Getenv); err != nil {
			return c, nil, fmt.Errorf("--shard %w", err)
		}
		if c.Shard.Index >= c.Seeds.N {
			return c, nil, fmt.Errorf("--shard %s: there are only %d seeds", c.Shard, c.Seeds.N)
		}
	}
	if err = a.checkCorpus(f, &c); err != nil {
		return c, nil, err
	}
	if len(f.scenarios) == 0 {
		if f.scenarios, err = derivedScenarios(); err != nil {
			return c, nil, err
		}
	}
	if c.Required, err = requiredSituations(f); err != nil {
		return c, nil, err
	}
	warnings, err = a.makeCases(f, &c)
	return c, warnings, err
}

// makeCases reads the scenarios, each with what the command line changes.
func (a *app) makeCases(f *checkFlags, c *gate.Config) (warnings []string, err error) {
	var names []string
	for _, name := range f.scenarios {
		one := f.run
		one.scenario, one.seed = name, "1"
		x, err := a.makeCase(&one)
		if err != nil {
			return nil, err
		}
		if slices.Contains(names, x.Spec.Name) {
			return nil, fmt.Errorf("check: scenario %s is named twice", x.Spec.Name)
		}
		names = append(names, x.Spec.Name)
		w, err := scenario.Check(x)
		if err != nil {
			return nil, one.placed(err)
		}
		for _, s := range w {
			if !slices.Contains(warnings, s) {
				warnings = append(warnings, s)
			}
		}
		c.Cases = append(c.Cases, x)
		c.Repeat = append(c.Repeat, strings.Replace(one.repeat(0), "--seed 0x0", "--seed "+result.AnySeed, 1))
	}
	return warnings, nil
}

// derivedScenarios are those of the catalog that are held to what their
// configuration promises; one that states more is there to break it.
func derivedScenarios() (names []string, err error) {
	for _, name := range scenario.Names() {
		spec, err := gate.Catalog(name)
		if err != nil {
			return nil, err
		}
		if len(spec.Promise) == 0 {
			names = append(names, name)
		}
	}
	return names, nil
}

func requiredSituations(f *checkFlags) ([]string, error) {
	switch f.coverage {
	case "off":
		return nil, nil
	case "on":
		if f.run.faults != nil {
			return nil, nil // other faults reach other situations
		}
		return gate.Required(f.scenarios), nil
	}
	names := strings.Split(f.coverage, ",")
	for _, name := range names {
		if _, err := failpoint.ParseSituation(name); err != nil {
			return nil, fmt.Errorf("--require-coverage: want on, off or situations: %w", err)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(names))), nil
}

// sweep makes the runs and shows how far it is. The first interrupt ends it at
// the runs under way, a second one ends the program.
func (a *app) sweep(c gate.Config, quiet bool) result.Check {
	stop, end := a.untilInterrupted()
	defer end()
	c.Stop = stop
	clear := func() {}
	doing := a.doing()
	defer doing.end()
	if !quiet {
		c.Progress, clear = a.checkProgress()
		c.Telling = doing.say
	}
	defer clear()
	return gate.Check(c)
}
