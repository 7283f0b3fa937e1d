package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

const corpusAbout = `A corpus is a directory of failures of the past: explicit, minimised schedules, one a
file, each with the planted bug that keeps it honest. It must pass as it is, and with its
bug planted the property must be broken that its file names. One whose bug is native, which
is not planted since what is modelled has it, must break it as it is.`

func (a *app) corpusVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "corpus",
		Short: "Keep minimised failures, each with the planted bug that keeps it honest",
		Long:  corpusAbout,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknown("verb of corpus", args[0], verbs(cmd))
			}
			return fmt.Errorf("corpus: want one of add, ls, prune, refresh, verify")
		},
	}
	k := &gate.Corpus{}
	cmd.PersistentFlags().StringVar(&k.Dir, "dir", corpusDir, "the corpus is in `DIR`")
	k.Find = func(name string) (*scenario.Spec, error) { return a.corpusScenario(k.Dir, name) }
	cmd.AddCommand(a.corpusAddVerb(k), a.corpusListVerb(k), a.corpusVerifyVerb(k), a.corpusRefreshVerb(k), a.corpusPruneVerb(k))
	return cmd
}

// corpusScenario finds a scenario of the corpus in a directory.
func (a *app) corpusScenario(dir, name string) (*scenario.Spec, error) {
	return a.findScenario(&wantedRun{from: "corpus", named: scenario.Repro{Scenario: name}}, dir, "")
}

// What --corpus of check says beside a directory.
const (
	corpusAuto = "auto"
	corpusOff  = "off"
)

// corpusDir is where a corpus is if nobody says.
var corpusDir = filepath.Join("testdata", "corpus")

// checkCorpus reads the corpus that a check verifies. One that nobody has asked for
// may be missing, and is left alone by a check that is of something else.
func (a *app) checkCorpus(f *checkFlags, c *gate.Config) error {
	dir := f.corpus
	if dir == corpusAuto {
		r := &f.run
		dir = corpusDir
		if len(f.scenarios)+len(r.set)+len(r.properties)+len(r.plant)+len(r.promise) > 0 || r.faults != nil {
			return nil
		}
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if dir == corpusOff {
		return nil
	}
	cases, err := (&gate.Corpus{Dir: dir}).Cases()
	switch {
	case err != nil:
		return fmt.Errorf("--corpus %w", plainPathError(err))
	case len(cases) == 0 && f.corpus != corpusAuto:
		return fmt.Errorf("--corpus %s: there is no case in it", dir)
	}
	type found struct {
		spec *scenario.Spec
		err  error
	}
	scenarios := make(map[string]found) // read once: cases are verified side by side
	for i := range cases {
		name := cases[i].Run.Scenario
		spec, err := a.corpusScenario(dir, name)
		scenarios[name] = found{spec, err}
	}
	c.Find = func(name string) (*scenario.Spec, error) { return scenarios[name].spec, scenarios[name].err }
	c.Corpus, c.Refresh = cases, "brokersim corpus refresh"
	if dir != corpusDir {
		c.Refresh += " --dir " + shellWord(dir)
	}
	return nil
}

func (a *app) corpusAddVerb(k *gate.Corpus) *cobra.Command {
	var bug, property string
	var budget int
	cmd := &cobra.Command{
		Use:   "add STRING|FILE|DIR",
		Short: "Minimise a run that a planted bug breaks, and add it",
		Args:  oneArg("a repro string, a file with one, or a directory of run --out"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "bug", "finding"); err != nil {
				return err
			}
			w, err := a.findRun(args[0], "")
			if err != nil {
				return err
			}
			if planted := w.named.Plant; bug == "" && len(planted) == 1 {
				bug = planted[0]
			} else if bug == "" {
				return fmt.Errorf("corpus add: say --bug BUG: the run has %s planted, and the case must find one", counted(len(planted), "bug"))
			}
			if err := gate.CheckBug(bug); err != nil {
				return fmt.Errorf("--bug: %w", err)
			}
			c, report, err := k.New(w.named, bug, property, budget)
			if err != nil {
				return fmt.Errorf("%s: %w", w.from, err)
			}
			if err := k.Add(&c); err != nil {
				return plainPathError(err)
			}
			_, err = fmt.Fprintf(a.stdout, "%s: %s with %s\n%v\n", c.Name, c.Property, c.Bug, &report)
			return err
		},
	}
	cmd.Flags().StringVar(&bug, "bug", "", "the `BUG` that the case must find; otherwise the one that is planted in the run")
	cmd.Flags().StringVar(&property, "finding", "", "by this `FINDING`; otherwise the first that is broken")
	cmd.Flags().IntVar(&budget, "budget", gate.DefaultShrinkBudget, "minimise it with at most `N` replays")
	completeFlag(cmd, "bug", bugNames, cobra.ShellCompDirectiveNoFileComp)
	return cmd
}

func (a *app) corpusListVerb(k *gate.Corpus) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the cases",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			cases, err := k.Cases()
			if err != nil {
				return plainPathError(err)
			}
			w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			for i := range cases {
				c := &cases[i]
				fmt.Fprintf(w, "%s\t%s\tseed %#x\t%s\t%s\n", c.Name, c.Run.Scenario, c.Run.Seed, c.Property, c.Bug)
			}
			return w.Flush()
		},
	}
}

func (a *app) corpusVerifyVerb(k *gate.Corpus) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Run every case as it is and with its bug",
		Long: `Each case must pass as it is, and with its bug planted its property must be broken, or as
it is if its bug is native: else exit 1. That its run or its witnesses have moved is said, and no failure.
A corpus without a case shows nothing: exit 3.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.corpusVerify(k) },
	}
}

func (a *app) corpusVerify(k *gate.Corpus) error {
	cases, err := k.Cases()
	if err != nil {
		return plainPathError(err)
	}
	failed, drifted := 0, 0
	for i := range cases {
		v, said := k.Verify(&cases[i]), "passes, and its bug is found"
		if cases[i].Native() {
			said = "its bug is found"
		}
		switch {
		case v.Problem != "":
			failed++
			said = "FAIL " + oneLine(v.Problem)
		case v.Drifted:
			drifted++
			said += "; it has drifted: corpus refresh takes that down"
		}
		fmt.Fprintf(a.stdout, "%s: %s\n", cases[i].Name, said)
	}
	fmt.Fprintf(a.stdout, "%d cases, %d failed, %d drifted\n", len(cases), failed, drifted)
	switch {
	case failed > 0:
		a.exit = result.ExitBroken
	case len(cases) == 0:
		a.exit = result.ExitInconclusive
	}
	return nil
}

func (a *app) corpusRefreshVerb(k *gate.Corpus) *cobra.Command {
	var seeds, budget int
	cmd := &cobra.Command{
		Use:   "refresh",
		Short: "Find the witnesses of drifted cases again",
		Long: `Takes down the witnesses of today. For a case that has lost its teeth, or does not pass any
more, it looks for a seed near by that makes it one again: first with the case's schedule,
then with that of its scenario, which is minimised anew. A case for which there is none
stays as it is, and makes this exit 1.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if seeds < 1 || budget < 1 {
				return fmt.Errorf("corpus refresh: --seeds %d --budget %d: want 1 or more of each", seeds, budget)
			}
			return a.corpusRefresh(k, seeds, budget)
		},
	}
	cmd.Flags().IntVar(&seeds, "seeds", 100, "try `N` seeds near that of the case")
	cmd.Flags().IntVar(&budget, "budget", gate.DefaultShrinkBudget, "minimise with at most `N` replays")
	return cmd
}

func (a *app) corpusRefresh(k *gate.Corpus, seeds, budget int) error {
	cases, err := k.Cases()
	if err != nil {
		return plainPathError(err)
	}
	for i := range cases {
		c := &cases[i]
		got, err := k.Refresh(c, seeds, budget)
		said := "is as it was"
		switch {
		case err != nil:
			said = "FAIL " + oneLine(err.Error())
			a.exit = result.ExitBroken
		case got.Changed:
			if err := k.Write(&got.Case); err != nil {
				return &failure{result.ExitInternal, plainPathError(err)}
			}
			said = fmt.Sprintf("is found again, under seed %#x", got.Case.Run.Seed)
		}
		fmt.Fprintf(a.stdout, "%s: %s\n", c.Name, said)
	}
	return nil
}

func (a *app) corpusPruneVerb(k *gate.Corpus) *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove cases that add nothing",
		Long: `Removes a case if another of the same scenario has the same bug and property with no longer
a schedule, and a case that is none any more. Refresh first: that may save it.`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.corpusPrune(k, dry) },
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be removed, and remove nothing")
	return cmd
}

func (a *app) corpusPrune(k *gate.Corpus, dry bool) error {
	cases, err := k.Cases()
	if err != nil {
		return plainPathError(err)
	}
	remove := func(c *gate.CorpusCase, why string) error {
		fmt.Fprintf(a.stdout, "%s: removed: %s\n", c.Name, oneLine(why))
		if dry {
			return nil
		}
		if err := k.Remove(c); err != nil {
			return &failure{result.ExitInternal, plainPathError(err)}
		}
		return nil
	}
	var good []gate.CorpusCase
	for i := range cases {
		v := k.Verify(&cases[i])
		if v.Problem == "" {
			good = append(good, cases[i])
		} else if err := remove(&cases[i], v.Problem); err != nil {
			return err
		}
	}
	over := gate.Superfluous(good)
	for i := range good {
		if better, is := over[good[i].Name]; is {
			if err := remove(&good[i], better+" says the same"); err != nil {
				return err
			}
		}
	}
	return nil
}
