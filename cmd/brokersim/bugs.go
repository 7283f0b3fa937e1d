package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/gate"

	"github.com/spf13/cobra"
)

const bugsAbout = `A simulator that finds nothing may be blind. So known bugs of brokers and clients are
planted, one "if" at one place each, and each has a manifest: where it comes from, the
scenario, settings and faults that it takes to show it, and the property or audit that
must name it. What another property says of it does not count.

Controls are what Kafka allows and what looks like a bug: they must not be reported.`

// bugFlags are those of "bugs".
type bugFlags struct {
	bug   string
	seeds uint64
	json  bool
}

func (a *app) bugsVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bugs",
		Short: "List the planted bugs, and measure how soon each is found",
		Long:  bugsAbout,
		Example: `  brokersim bugs ls
  brokersim bugs ls --bug R06-forget-pending-isr     all about one, and how to run it
  brokersim bugs score                               every bug, every control
  brokersim bugs score --bug R06-forget-pending-isr --seeds 50`,
		Args: cobra.ArbitraryArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown("verb of bugs", args[0], verbs(cmd))
		}
		return fmt.Errorf("bugs: want one of %s", strings.Join(verbs(cmd), ", "))
	}
	var listed, scored bugFlags
	ls := &cobra.Command{Use: "ls", Short: "List the planted bugs", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.bugsList(&listed) }}
	score := &cobra.Command{Use: "score", Short: "Look for each planted bug until it is found, or its budget is spent", Args: noArgs,
		Long: `Plants one bug at a time and runs seed after seed until the property of its manifest
names it. Exit 0 says that all bugs of difficulty 1 and 2 and nine in ten of difficulty
3 were found, and that the controls came about and were not reported. With --bug there
is no control, and the bug has to be found.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("seeds") && scored.seeds == 0 {
				return fmt.Errorf("--seeds 0: want a number from 1 on")
			}
			return a.bugsScore(&scored)
		}}
	listed.define(ls)
	scored.define(score)
	score.Flags().Uint64Var(&scored.seeds, "seeds", 0, "spend `N` seeds on each, instead of its budget")
	cmd.AddCommand(ls, score)
	return cmd
}

func (f *bugFlags) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.bug, "bug", "", "only the planted bug `NAME`")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	completeFlag(cmd, "bug", bugNames, cobra.ShellCompDirectiveNoFileComp)
}

// bugs are those that the flags ask for.
func (f *bugFlags) bugs() ([]gate.Bug, error) {
	if f.bug == "" {
		return gate.Bugs(), nil
	}
	b, err := gate.FindBug(f.bug)
	if err != nil {
		return nil, fmt.Errorf("--bug: %w", err)
	}
	return []gate.Bug{b}, nil
}

// manifest is a bug's manifest in JSON.
type manifest struct {
	Bug        string   `json:"bug"`
	Difficulty int      `json:"difficulty"`
	Source     string   `json:"source"`
	Mechanism  string   `json:"mechanism"`
	Scenario   string   `json:"scenario"`
	Set        []string `json:"set"`
	Faults     string   `json:"faults,omitempty"` // instead of the scenario's
	Fault      string   `json:"fault"`
	Property   string   `json:"property"`
	Says       string   `json:"says,omitempty"`
	Seeds      uint64   `json:"seeds"`
}

func (a *app) bugsList(f *bugFlags) error {
	list, err := f.bugs()
	if err != nil {
		return err
	}
	switch {
	case f.json:
		out := struct {
			V    int        `json:"v"`
			Bugs []manifest `json:"bugs"`
		}{V: result.Version}
		for i := range list {
			b := &list[i]
			out.Bugs = append(out.Bugs, manifest{b.Name(), b.Difficulty, b.Source, b.Mechanism, b.Scenario, append([]string{}, b.Set...), strings.TrimSpace(b.Faults), b.Fault, b.Property, b.Says, b.Seeds})
		}
		return a.printJSON(out)
	case f.bug != "":
		return a.showBug(&list[0])
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bug\tD\tnamed by\tscenario\tseeds\tfault\tsource")
	for i := range list {
		b := &list[i]
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%d\t%s\t%s\n", b.Name(), b.Difficulty, b.Property, b.Scenario, b.Seeds, b.Fault, b.Source)
	}
	return w.Flush()
}

func (a *app) showBug(b *gate.Bug) error {
	named := b.Property
	if b.Says != "" {
		named += fmt.Sprintf(" that says %q", b.Says)
	}
	_, err := fmt.Fprintf(a.stdout, `%s   difficulty %d
  %s

  source    %s
  fault     %s
  named by  %s
  budget    %d seeds
  run       %s
`, b.Name(), b.Difficulty, b.Mechanism, b.Source, b.Fault, named, b.Seeds, runLine(b))
	return err
}

// runLine is the command that runs a bug's experiment with the bug in it.
func runLine(b *gate.Bug) string {
	line := "brokersim run " + b.Scenario
	for _, s := range b.Set {
		line += " --set " + s
	}
	if b.Faults != "" {
		var steps []string
		for step := range strings.Lines(strings.TrimSpace(b.Faults)) {
			steps = append(steps, strings.Join(strings.Fields(step), " "))
		}
		line += " --faults '" + strings.Join(steps, "; ") + "'"
	}
	return line + " --plant " + b.Name()
}

func (a *app) printJSON(v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = a.stdout.Write(append(b, '\n'))
	}
	if err != nil {
		return &failure{result.ExitInternal, fmt.Errorf("writing the result: %w", err)}
	}
	return nil
}

// bugsScore measures and prints. Interrupted, it prints what there is.
func (a *app) bugsScore(f *bugFlags) error {
	list, err := f.bugs()
	if err != nil {
		return err
	}
	interrupted, done := stopOnInterrupt()
	defer done()
	s := gate.Scores{Bugs: []gate.BugScore{}, Controls: []gate.ControlScore{}}
	tell := a.teller()
	for i := range list {
		b := &list[i]
		tell(b.Name())
		x, err := b.Score(f.seeds, interrupted)
		if err != nil {
			return &failure{result.ExitInternal, err}
		}
		if s.Bugs = append(s.Bugs, x); interrupted() {
			break
		}
	}
	if f.bug == "" {
		for _, c := range gate.Controls() {
			if interrupted() {
				break
			}
			tell("control " + c.Name)
			x, err := c.Score(f.seeds, interrupted)
			if err != nil {
				return &failure{result.ExitInternal, err}
			}
			s.Controls = append(s.Controls, x)
		}
	}
	tell("")
	s.Judge()
	if f.bug != "" && !s.Bugs[0].Found {
		s.Exit = result.ExitBroken
	}
	if interrupted() {
		s.Exit = result.ExitInterrupted
		fmt.Fprintln(a.stderr, "brokersim: interrupted: what had not been measured by then is missing")
	}
	a.exit = s.Exit
	if f.json {
		return a.printJSON(s)
	}
	if err := printScores(a.stdout, &s); err != nil {
		return &failure{result.ExitInternal, fmt.Errorf("writing the result: %w", err)}
	}
	return nil
}

func stopOnInterrupt() (interrupted func() bool, done func()) {
	var was atomic.Bool
	signals := make(chan os.Signal, 1)
	over := make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			was.Store(true)
			signal.Stop(signals) // a second one ends the program
		case <-over:
		}
	}()
	return was.Load, func() {
		signal.Stop(signals)
		close(over)
	}
}

// teller says on stderr what is being looked for: in a line that changes on a
// terminal, every 30 s otherwise. Empty wipes the line.
func (a *app) teller() func(what string) {
	live := isTerminal(a.stderr)
	said := time.Now()
	return func(what string) {
		switch {
		case live && what == "":
			fmt.Fprint(a.stderr, "\r\x1b[K")
		case live:
			fmt.Fprintf(a.stderr, "\r\x1b[K%s", what)
		case what != "" && time.Since(said) >= lineEvery:
			said = time.Now()
			fmt.Fprintf(a.stderr, "brokersim: %s\n", what)
		}
	}
}

func printScores(out io.Writer, s *gate.Scores) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bug\tD\tfound at\truns\tnamed by\tscenario")
	for i := range s.Bugs {
		b := &s.Bugs[i]
		at, remark := b.FoundAt, ""
		switch {
		case at == "" && b.Fired == 0:
			at, remark = "-", "it never changed anything"
		case at == "" && len(b.Others) > 0:
			at, remark = "-", "only "+strings.Join(b.Others, ", ")
		case at == "":
			at = "-"
		case !b.Found:
			remark = "without the bug too: " + strings.Join(b.Without, ", ")
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s\t%d\t%s\t%d\t%s\t%s\t%s", b.Bug, b.Difficulty, at, b.Runs, b.Property, b.Scenario, remark), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, l := range s.Found {
		fmt.Fprintf(out, "difficulty %d: %d of %d found\n", l.Difficulty, l.Found, l.Of)
	}
	if len(s.Controls) > 0 {
		fmt.Fprintln(out)
		fmt.Fprintln(w, "control\truns\tcame about in\treported\tscenario")
		for i := range s.Controls {
			c := &s.Controls[i]
			reported := "no"
			if len(c.Reported) > 0 {
				reported = strings.Join(c.Reported, ", ")
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", c.Control, c.Runs, c.Happened, reported, c.Scenario)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\nexit %d\n", s.Exit)
	return err
}
