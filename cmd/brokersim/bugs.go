package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

const bugsAbout = `A simulator that finds nothing may be blind. So known bugs of brokers and clients are
planted, one "if" at one place each, and each has a manifest: where it comes from, the
scenario, settings and faults that it takes to show it, and the property or audit that
must name it. What another property says of it does not count. One is native: what is
modelled has it without being planted, as Kafka has at this level of its features.

Controls are what Kafka allows and what looks like a bug: they must not be reported.`

// bugFlags are those of "bugs".
type bugFlags struct {
	bug    string
	json   bool
	seeds  uint64
	in     string
	first  bool
	shrink string
}

func (a *app) bugsVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bugs",
		Short: "List the planted bugs, and measure how soon each is found",
		Long:  bugsAbout,
		Example: `  brokersim bugs ls
  brokersim bugs ls --bug R06-forget-pending-isr     all about one, and how to run it
  brokersim bugs score                               every bug, every control
  brokersim bugs score --bug R06-forget-pending-isr --seeds 50
  brokersim bugs score --first --shrink off          only whether each is found, and where first
  brokersim bugs score --in swarm --seeds 300        each in the swarm, which knows of none of them`,
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
		Long: `Plants one bug at a time and runs all seeds of the budget in its manifest: in how many of
them the property of the manifest named it, how many runs that takes at the median over the
seeds that one may begin with, and the smallest run that still shows it. Exit 0 says that
all bugs of difficulty 1 and 2 and nine in ten of difficulty 3 were found, and that the
controls came about and were not reported. With --bug there is no control, and the bug has
to be found.

With --in the bugs are planted in one scenario that was not made for any of them, such as
swarm, which is what a search that knows nothing finds. There is no bar then, but what is
reported of the same seeds without a bug is exit 1.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("seeds") && scored.seeds == 0 {
				return fmt.Errorf("--seeds 0: want a number from 1 on")
			}
			if err := filled(cmd, "in"); err != nil {
				return err
			}
			return a.bugsScore(&scored)
		}}
	listed.define(ls)
	scored.define(score)
	flags := score.Flags()
	flags.SortFlags = false
	flags.Uint64Var(&scored.seeds, "seeds", 0, "spend `N` seeds on each, instead of its budget")
	flags.StringVar(&scored.in, "in", "", fmt.Sprintf("plant all bugs of its kind of broker in this `SCENARIO`, %d seeds each", gate.DefaultSeedsIn))
	flags.BoolVar(&scored.first, "first", false, "stop at the first seed that finds a bug")
	flags.StringVar(&scored.shrink, "shrink", strconv.Itoa(gate.DefaultBugShrink), "look for the smallest run in at most `N` replays; or off")
	completeFlag(score, "in", scenario.Names, cobra.ShellCompDirectiveNoFileComp)
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
	Native     bool     `json:"native,omitempty"` // it is not planted
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
			out.Bugs = append(out.Bugs, manifest{b.Name(), b.Difficulty, b.Source, b.Mechanism, b.Scenario, append([]string{}, b.Set...), strings.TrimSpace(b.Faults), b.Fault, b.Property, b.Says, b.Seeds, b.Native != ""})
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

// runLine is the command that runs a bug's experiment with the bug in it, which one that is
// native is in any case.
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
	if b.Native != "" {
		return line
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
	replays, err := shrinkBudget(f.shrink)
	if err != nil {
		return err
	}
	if f.in != "" {
		if list, err = gate.BugsIn(list, f.in); err != nil {
			return fmt.Errorf("--in: %w", err)
		}
	}
	interrupted, done := stopOnInterrupt()
	defer done()
	tell := a.teller()
	defer tell("")
	o := gate.Scorer{Seeds: f.seeds, In: f.in, First: f.first, Shrink: max(replays, 0), Stop: interrupted}
	s, err := scoreAll(&o, list, f.controls(), tell)
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	tell("")
	if s.Judge(); f.in != "" {
		s.Measure()
	} else if f.bug != "" && !foundAll(s.Bugs) {
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

// controls are what must not be reported beside the bugs of the command line.
func (f *bugFlags) controls() []gate.Control {
	switch {
	case f.in != "":
		return []gate.Control{gate.Unplanted(f.in, gate.DefaultSeedsIn)}
	case f.bug != "":
		return nil
	}
	return gate.Controls()
}

func foundAll(bugs []gate.BugScore) bool {
	return !slices.ContainsFunc(bugs, func(b gate.BugScore) bool { return !b.Found })
}

// scoreAll scores one after the other, until it is interrupted.
func scoreAll(o *gate.Scorer, bugs []gate.Bug, controls []gate.Control, tell func(string)) (gate.Scores, error) {
	s := gate.Scores{Bugs: []gate.BugScore{}, Controls: []gate.ControlScore{}}
	all, at := len(bugs)+len(controls), 0
	begin := func(name string) {
		at++
		o.Progress = func(runs, of uint64) { tell(fmt.Sprintf("%d of %d: %s, %d of %d runs", at, all, name, runs, of)) }
		tell(fmt.Sprintf("%d of %d: %s", at, all, name))
	}
	for i := range bugs {
		if o.Stop() {
			return s, nil
		}
		begin(bugs[i].Name())
		x, err := o.Bug(&bugs[i])
		if err != nil {
			return s, err
		}
		s.Bugs = append(s.Bugs, x)
	}
	for i := range controls {
		if o.Stop() {
			return s, nil
		}
		begin("control " + controls[i].Name)
		x, err := o.Control(&controls[i])
		if err != nil {
			return s, err
		}
		s.Controls = append(s.Controls, x)
	}
	return s, nil
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
