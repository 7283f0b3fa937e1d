package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// shrinkFlags is the command line of shrink.
type shrinkFlags struct {
	scenario string
	limit    time.Duration
	budget   int
	finding  string
	out      string
	json     bool
}

const shrinkAbout = `Looks for the smallest run that still fails the same way, by making smaller ones: without
most of the faults, then with a shorter load, fewer clients, partitions, brokers and
records, and then with shorter faults at rounder times. What it is told is what repro is.

The same finding is the same property broken, the same kind of invariant, or the same
panic: the first that the run shows, unless --finding names another.

The budget counts replays, so that every machine comes to the same. --for only cuts that
short, and says so. The new repro string is verified by two replays; a directory gets its
schedule.min.txt. The exit code is that of the smaller run: 1.`

const shrinkExamples = `  brokersim shrink out                     what run --out out has written
  brokersim shrink out --finding liveness  the other thing that is wrong
  brokersim shrink out --out small.txt     a file for brokersim repro small.txt`

func (a *app) shrinkVerb() *cobra.Command {
	f := &shrinkFlags{}
	cmd := &cobra.Command{
		Use:     "shrink STRING|FILE|DIR",
		Short:   "Find the smallest run that still fails the same way",
		Long:    shrinkAbout,
		Example: shrinkExamples,
		Args:    oneArg("a repro string, a file with one, or a directory of run --out"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "scenario", "finding", "out"); err != nil {
				return err
			}
			if f.budget < 1 {
				return fmt.Errorf("--budget %d: want a number of replays, 1 or more", f.budget)
			}
			if cmd.Flags().Changed("for") && f.limit <= 0 {
				return fmt.Errorf("--for %v: want a time, such as 2m", f.limit)
			}
			return a.shrink(args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scenarioFlag(cmd, &f.scenario)
	flags.IntVar(&f.budget, "budget", gate.DefaultShrinkBudget, "make at most `N` replays")
	flags.DurationVar(&f.limit, "for", 0, "stop looking after `TIME`, on this machine's clock")
	flags.StringVar(&f.finding, "finding", "", "keep this `FINDING`, a property such as no-acked-loss")
	flags.StringVar(&f.out, "out", "", "write the new repro string to `FILE`")
	flags.BoolVar(&f.json, "json", false, "print what it came to as one JSON object")
	return cmd
}

func (a *app) shrink(arg string, f *shrinkFlags) error {
	w, err := a.findRun(arg, f.scenario)
	if err != nil {
		return err
	}
	if err := a.sayDifferent(w); err != nil {
		return err
	}
	stop := stopper(f.limit)
	defer stop.end()
	o := &gate.Shrinker{Budget: f.budget, Stop: stop.asked, Progress: a.replays()}
	report, err := o.Shrink(w.run, f.finding)
	a.endReplays()
	if err != nil {
		return fmt.Errorf("%s: %w", w.from, err)
	}
	for range 2 {
		if again := scenario.Run(report.Case); again.TraceHash != report.Result.TraceHash {
			return &failure{result.ExitNondeterminism, fmt.Errorf("one seed, two runs: trace hash %s, and again %s, of %s", report.Result.TraceHash, again.TraceHash, report.Result.Repro)}
		}
	}
	if err := a.writeShrunk(w, f, &report); err != nil {
		return err
	}
	if f.json {
		err = json.NewEncoder(a.stdout).Encode(shrunkJSON(&report))
	} else {
		_, err = a.stdout.Write([]byte(shrunkText(&report, f)))
	}
	if err != nil {
		return err
	}
	a.exit = report.Result.Exit
	switch {
	case stop.interrupted():
		return &failure{result.ExitInterrupted, errors.New("interrupted: this is the smallest run until then")}
	case report.Stopped:
		fmt.Fprintf(a.stderr, "stopped by --for %v, after %d replays: there may be a smaller run\n", f.limit, report.Replays)
	}
	return nil
}

// writeShrunk writes the string, and the schedule beside the one that a bundle has.
func (a *app) writeShrunk(w *wantedRun, f *shrinkFlags, report *gate.ShrinkReport) error {
	write := func(flag, path, text string) error {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			return &failure{result.ExitInternal, fmt.Errorf("%s %w", flag, plainPathError(err))}
		}
		return nil
	}
	if w.dir != "" {
		if err := write("shrink", filepath.Join(w.dir, "schedule.min.txt"), report.Schedule); err != nil {
			return err
		}
	}
	if f.out != "" {
		return write("--out", f.out, report.Result.Repro+"\n")
	}
	return nil
}

func shrunkText(r *gate.ShrinkReport, f *shrinkFlags) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n", r, oneLine(gate.Sentence(r.Result)))
	none := "nothing"
	if r.Exhausted || r.Stopped {
		none = "none is known: it was cut short"
	}
	if r.Exhausted {
		fmt.Fprintf(&b, "  The budget of %s has ended: there may be a smaller run.\n", counted(f.budget, "replay"))
	}
	section := func(title string, lines []string) {
		fmt.Fprintf(&b, "\n%s\n", title)
		for _, line := range lines {
			fmt.Fprintf(&b, "  %s\n", line)
		}
		if len(lines) == 0 {
			fmt.Fprintf(&b, "  %s\n", none)
		}
	}
	section("Schedule", strings.Split(strings.TrimSuffix(r.Schedule, "\n"), "\n"))
	section("Faults that were not needed", r.Removed)
	section("Not needed either", r.NotNeeded)
	text := r.Result.Repro
	if f.out != "" && len(text) > scenario.LongRepro {
		text = f.out
	}
	fmt.Fprintf(&b, "\nRepeat  brokersim repro %s\n  verified: 2 replays, hash %s\n", shellWord(text), r.Result.TraceHash[:8])
	if len(text) > scenario.LongRepro {
		fmt.Fprintf(&b, "  That is %d characters: --out FILE writes them.\n", len(text))
	}
	return b.String()
}

// shrunk is the JSON object of shrink.
type shrunk struct {
	V         int      `json:"v"`
	Finding   string   `json:"finding"`
	Sentence  string   `json:"sentence"`
	Original  size     `json:"original"`
	Final     size     `json:"final"`
	Replays   int      `json:"replays"`
	Exhausted bool     `json:"exhausted"`
	Stopped   bool     `json:"stopped"`
	Faults    []string `json:"faults"`
	Removed   []string `json:"removed"`
	NotNeeded []string `json:"not_needed"`
	Repro     string   `json:"repro"`
}

type size struct {
	Events  int64 `json:"events"`
	Faults  int   `json:"faults"`
	Records int64 `json:"records"`
}

func shrunkJSON(r *gate.ShrinkReport) shrunk {
	list := func(lines []string) []string { return append([]string{}, lines...) } // [] and not null
	return shrunk{
		V: result.Version, Finding: r.Finding, Sentence: gate.Sentence(r.Result), Original: size(r.Original), Final: size(r.Final),
		Replays: r.Replays, Exhausted: r.Exhausted, Stopped: r.Stopped,
		Faults: list(strings.FieldsFunc(r.Schedule, func(c rune) bool { return c == '\n' })), Removed: list(r.Removed), NotNeeded: list(r.NotNeeded),
		Repro: r.Result.Repro,
	}
}

// stopping tells long work when its time is over, or that somebody has
// interrupted it.
type stopping struct {
	signals chan os.Signal
	timer   *time.Timer // nil: no limit
	signal  atomic.Bool
	over    atomic.Bool
}

// stopper begins to watch; a limit of 0 is none.
func stopper(limit time.Duration) *stopping {
	s := &stopping{signals: make(chan os.Signal, 1)}
	signal.Notify(s.signals, os.Interrupt, syscall.SIGTERM)
	if limit > 0 {
		s.timer = time.AfterFunc(limit, func() { s.over.Store(true) })
	}
	return s
}

func (s *stopping) asked() bool {
	select {
	case <-s.signals:
		s.signal.Store(true)
	default:
	}
	return s.signal.Load() || s.over.Load()
}

func (s *stopping) interrupted() bool { return s.asked() && s.signal.Load() }

func (s *stopping) end() {
	signal.Stop(s.signals)
	if s.timer != nil {
		s.timer.Stop()
	}
}

// replays shows on a terminal how many replays there were.
func (a *app) replays() func(int) {
	if !isTerminal(a.stderr) {
		return nil
	}
	return func(n int) { fmt.Fprintf(a.stderr, "\r\x1b[K%s", counted(n, "replay")) }
}

func (a *app) endReplays() {
	if isTerminal(a.stderr) {
		fmt.Fprint(a.stderr, "\r\x1b[K")
	}
}
