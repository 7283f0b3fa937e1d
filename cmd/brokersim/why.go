package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// whyFlags is the command line of why.
type whyFlags struct {
	scenario   string
	finding    string
	shrink     string
	likelihood int
	limit      time.Duration
	out        string
	json       bool
}

const whyAbout = `Says how a failing run came to fail. It looks for the smallest run that fails in the same
way, makes it again and follows what is wrong back through messages and disks: who sent
what, who appended it, who lost it, who was elected. It says what was not needed, and which
settings, changed as little as possible, would have passed under the same faults. What it is
told is what repro is.

--likelihood N forks the smallest run after each step of the story into N futures, in which
what is drawn later is drawn anew (how long network and disks take, when records are due, when
in its window a fault comes), and counts those that fail. The step from which it can no longer
be averted is the point of no return.

The exit code is that of the run that it explains: 1.`

const whyExamples = `  brokersim why out                          what run --out out has written
  brokersim why out --likelihood 400         and when it could not be averted any more
  brokersim why out --out explained          with report.html, to open in a browser
  brokersim why bs1:orders:0x7@1.9f3c0a51 --finding liveness --shrink off`

func (a *app) whyVerb() *cobra.Command {
	f := &whyFlags{}
	cmd := &cobra.Command{
		Use:     "why STRING|FILE|DIR",
		Short:   "Explain how a run came to fail",
		Long:    whyAbout,
		Example: whyExamples,
		Args:    oneArg("a repro string, a file with one, or a directory of run --out"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "scenario", "finding", "out"); err != nil {
				return err
			}
			if f.likelihood < 0 {
				return fmt.Errorf("--likelihood %d: want a number of futures, such as 400", f.likelihood)
			}
			if cmd.Flags().Changed("for") && f.limit <= 0 {
				return fmt.Errorf("--for %v: want a time, such as 2m", f.limit)
			}
			budget, err := shrinkBudget(f.shrink)
			if err != nil {
				return err
			}
			return a.why(args[0], f, budget)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scenarioFlag(cmd, &f.scenario)
	flags.StringVar(&f.finding, "finding", "", "explain this `FINDING`, a property such as no-acked-loss")
	shrinkFlag(cmd, &f.shrink)
	flags.IntVar(&f.likelihood, "likelihood", 0, "try `N` other futures after each step")
	flags.DurationVar(&f.limit, "for", 0, "stop shrinking after `TIME`, on this machine's clock")
	flags.StringVar(&f.out, "out", "", "write the explanation and how to repeat the run into `DIR`")
	flags.BoolVar(&f.json, "json", false, "print the explanation as one JSON object")
	return cmd
}

func shrinkFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "shrink", strconv.Itoa(gate.DefaultShrinkBudget), "look for the smallest run in at most `N` replays; or off")
}

// shrinkBudget reads a number of replays; "off" is none, and negative.
func shrinkBudget(text string) (int, error) {
	if text == "off" {
		return -1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("--shrink %s: want a number of replays, 1 or more, or off", text)
	}
	return n, nil
}

func (a *app) why(arg string, f *whyFlags, budget int) error {
	w, err := a.findRun(arg, f.scenario)
	if err != nil {
		return err
	}
	if err := a.sayDifferent(w); err != nil {
		return err
	}
	made, err := makeDirectory("--out", f.out)
	if err != nil {
		return err // now, and not after all the runs
	}
	stop := stopper(f.limit)
	defer stop.end()
	tell := a.doing()
	o := &gate.Explainer{
		Shrinker:   gate.Shrinker{Budget: budget, Stop: stop.asked, Progress: tell.count},
		Likelihood: f.likelihood, Telling: tell.say,
	}
	e, err := o.Explain(w.run, f.finding)
	tell.end()
	if err != nil && made {
		_ = os.Remove(f.out)
	}
	switch {
	case errors.Is(err, gate.ErrNotRepeated):
		return &failure{result.ExitNondeterminism, err}
	case err != nil:
		return fmt.Errorf("%s: %w", w.from, err)
	}
	if err := a.printWhy(f, &e); err != nil {
		return err
	}
	a.exit = e.Result.Exit
	if stop.interrupted() {
		return errInterrupted()
	}
	return nil
}

// printWhy writes an explanation wherever it was asked for.
func (a *app) printWhy(f *whyFlags, e *result.Explanation) error {
	unwritten := error(nil)
	if f.out != "" {
		unwritten = writeExplanation(f.out, e)
	}
	var err error
	if f.json {
		err = reports.ExplanationJSON(a.stdout, e)
	} else {
		err = reports.ExplanationText(a.stdout, e, a.style())
		if f.out != "" && unwritten == nil {
			_, open := fmt.Fprintf(a.stdout, "  Open          %s\n", filepath.Join(f.out, reportFile))
			err = errors.Join(err, open)
		}
	}
	if err == nil && unwritten != nil {
		return &failure{result.ExitInternal, unwritten}
	}
	return err
}

// explainInto explains a run that has failed in its bundle, if there is one. What it
// cannot do is more than what has come before it, unwritten.
func (a *app) explainInto(dir string, c scenario.Case, r *result.Result, unwritten error) error {
	var explained error
	if dir != "" && gate.FindingOf(*r) != "" {
		stop := stopper(0)
		defer stop.end()
		explained = a.explainUntil(stop, dir, c)
	}
	if unwritten != nil {
		return &failure{result.ExitInternal, errors.Join(unwritten, explained)}
	}
	return explained
}

// explainUntil explains a run as far as it gets until somebody interrupts it.
func (a *app) explainUntil(stop *stopping, dir string, c scenario.Case) error {
	tell := a.doing()
	o := &gate.Explainer{Shrinker: gate.Shrinker{Stop: stop.asked, Progress: tell.count}, Telling: tell.say}
	e, err := o.Explain(c, "")
	tell.end()
	if errors.Is(err, gate.ErrNotRepeated) {
		return &failure{result.ExitNondeterminism, err}
	}
	if err == nil {
		err = writeExplanation(dir, &e)
	}
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	fmt.Fprintf(a.stderr, "%s shows how it came about\n", filepath.Join(dir, reportFile))
	if stop.interrupted() {
		return errInterrupted()
	}
	return nil
}

func errInterrupted() error {
	return &failure{result.ExitInterrupted, errors.New("interrupted: this is what is known until then")}
}

// The files of a bundle that explain a failure.
const (
	explanationFile = "explanation.json"
	reportFile      = "report.html"
	minimalFile     = "schedule.min.txt"
	minimalRepro    = "repro.min.txt"
)

// removeExplanation takes away what an earlier run has left in a bundle.
func removeExplanation(dir string) (err error) {
	for _, name := range []string{explanationFile, reportFile, minimalFile, minimalRepro} {
		if e := os.Remove(filepath.Join(dir, name)); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, fmt.Errorf("--out %w", plainPathError(e)))
		}
	}
	return err
}

// writeExplanation writes an explanation into a bundle.
func writeExplanation(dir string, e *result.Explanation) error {
	if _, err := makeDirectory("--out", dir); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return errors.Join(
		writeReport("--out", in(explanationFile), func(w io.Writer) error { return reports.ExplanationJSON(w, e) }),
		writeReport("--out", in(reportFile), func(w io.Writer) error { return reports.ExplanationHTML(w, e) }),
		writeReport("--out", in(minimalFile), writes(e.Shrunk.Minimal)),
		writeReport("--out", in(minimalRepro), writes(e.Repro+"\n")))
}

// writes is a report that is a text already.
func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// doing shows on a terminal what long work is at.
type doing struct {
	app  *app
	what string
}

func (a *app) doing() *doing { return &doing{a, "shrinking"} }

func (s *doing) say(what string) {
	s.what = what
	s.show("")
}

func (s *doing) count(n int) { s.show(": " + counted(n, "run")) }

func (s *doing) show(more string) {
	if isTerminal(s.app.stderr) {
		fmt.Fprintf(s.app.stderr, "\r\x1b[K%s%s", s.what, more)
	}
}

func (s *doing) end() { s.app.endReplays() }
