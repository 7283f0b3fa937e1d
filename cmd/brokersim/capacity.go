package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/capacity"
	"brokersim/sim/gate"
	"brokersim/sim/validation"

	"github.com/spf13/cobra"
)

// capacityRunner makes the runs of a study; a test puts another one here.
var capacityRunner = capacity.Run

// capacityFlags is the command line of capacity and sweep as it was typed.
type capacityFlags struct {
	study   string
	out     string
	json    bool
	quiet   bool
	set     []string
	workers int

	show    bool
	at      int64
	oneLost bool
	seed    string
	axis    string
}

const capacityAbout = `How much can a cluster carry? Takes a load in the words of OpenMessaging Benchmark, what it
has to meet, and the machines; finds the largest rate that meets it with all brokers and
with one lost, where the time goes, what breaks first, and what moves the answer.

A STUDY is a YAML file, or the name of one that comes with the program:
%s
Every record of every run is checked as in brokersim run: what is measured is also correct.

With --out the directory has result.json, report.html, report.txt, each plot as SVG, PNG and
CSV under plots, and under runs, for every run in the order of index.csv, the histograms of
each second (.hlog, tagged ack, ack-sent and e2e), of the whole window (.hgrm), and a table
of the seconds (.csv).`

func (a *app) capacityVerb() *cobra.Command {
	f := &capacityFlags{}
	cmd := &cobra.Command{
		Use:   "capacity STUDY",
		Short: "How much a cluster carries, also with one broker lost",
		Long:  fmt.Sprintf(capacityAbout, inLines(capacity.Names())),
		Example: `  brokersim capacity i3en                            a study that comes with the program
  brokersim capacity i3en --show > mine.yaml         its file, to change and to run
  brokersim capacity mine.yaml --out report          with plots, a page and the numbers
  brokersim capacity mine.yaml --set cluster.brokers=6 --set disk.write_MBps=250
  brokersim capacity mine.yaml --at 50000            one run at one rate`,
		Args:              oneArg("a study: a file, or one of " + strings.Join(capacity.Names(), ", ")),
		ValidArgsFunction: completeStudy,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.study = args[0]
			if err := filled(cmd, "out", "seed"); err != nil {
				return err
			}
			switch {
			case f.show:
				return a.showStudy(f.study)
			case cmd.Flags().Changed("at"):
				return a.capacityPoint(f)
			case f.oneLost || f.seed != "":
				return errors.New("--one-lost and --seed: only with --at")
			}
			return a.capacity(f)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.show, "show", false, "print the study's file, and run nothing")
	flags.Int64Var(&f.at, "at", 0, "make one run, at `RATE` records a second")
	flags.BoolVar(&f.oneLost, "one-lost", false, "with --at, on one broker less")
	flags.StringVar(&f.seed, "seed", "", "with --at, the `SEED` of the run; else the study's first")
	return cmd
}

func (a *app) sweepVerb() *cobra.Command {
	f := &capacityFlags{}
	cmd := &cobra.Command{
		Use:   "sweep STUDY --axis key=v1,v2,...",
		Short: "What a study's answer is for each value of a setting",
		Long: `Takes a study of brokersim capacity and, for each value of one setting, finds the largest
rate that meets its SLO with all brokers, and what the rate that it asks for comes to.
The setting is one of the study's (cluster.brokers, client.linger_ms), a field of its
hardware or costs (disk.write_MBps), or Kafka's (producer.acks).`,
		Example: `  brokersim sweep i3en --axis cluster.brokers=3,6,9
  brokersim sweep i3en --axis load.partitions=12,100,1000 --out report`,
		Args:              oneArg("a study: a file, or one of " + strings.Join(capacity.Names(), ", ")),
		ValidArgsFunction: completeStudy,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.study = args[0]
			if err := filled(cmd, "out", "axis"); err != nil {
				return err
			}
			return a.sweepStudy(f)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.axis, "axis", "", "the setting and its `VALUES`: key=v1,v2,...")
	return cmd
}

func (f *capacityFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.out, "out", "", "write the result, a page, the plots, and the histograms of every run into `DIR`")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	flags.StringArrayVar(&f.set, "set", nil, "change a setting of the study, its machines or Kafka, `key=value`; may be repeated")
	flags.IntVarP(&f.workers, "jobs", "j", 0, "make `N` runs at a time; 0 is as many as there are cores")
	flags.BoolVar(&f.quiet, "quiet", false, "print no more than the answer, and no progress")
}

func completeStudy(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return capacity.Names(), cobra.ShellCompDirectiveDefault
}

// studySource finds a study by name or, if it looks like one, by file.
func (a *app) studySource(arg string) (file string, src []byte, err error) {
	if src, ok := capacity.Source(arg); ok {
		return arg, src, nil
	}
	if _, err := os.Stat(arg); err != nil && arg != "-" && !strings.ContainsAny(arg, `/\`) && !strings.HasSuffix(arg, ".yaml") && !strings.HasSuffix(arg, ".yml") {
		return "", nil, unknown("study", arg, capacity.Names())
	}
	src, err = a.readFile(arg)
	return arg, src, err
}

func (a *app) showStudy(arg string) error {
	_, src, err := a.studySource(arg)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(src)
	return err
}

// loadStudy reads a study, with what the command line changes.
func (a *app) loadStudy(f *capacityFlags) (*capacity.Study, error) {
	if f.workers < 0 || f.workers > 1024 {
		return nil, fmt.Errorf("-j %d: want from 1 to 1024, or 0 for one a core", f.workers)
	}
	file, src, err := a.studySource(f.study)
	if err != nil {
		return nil, err
	}
	s, err := capacity.Read(file, src)
	if err != nil {
		return nil, err
	}
	if s, err = s.With(f.set...); err != nil {
		return nil, err
	}
	for _, set := range f.set {
		s.File += " --set " + quoted(set)
	}
	if err := s.Try(); err != nil { // Kafka's settings are looked at when a run is planned
		return nil, err
	}
	if _, err := makeDirectory("--out", f.out); err != nil {
		return nil, err
	}
	return s, nil
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t'\"$&|;<>*?()") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// capacity makes a study.
func (a *app) capacity(f *capacityFlags) error {
	s, err := a.loadStudy(f)
	if err != nil {
		return err
	}
	p := capacity.NewPlan(s)
	if err := a.drive(s, p, f); err != nil {
		return err
	}
	c := p.Result()
	c.Validation, c.Fit = validation.Table(), validation.Fit()
	return a.printCapacity(f, &c)
}

func (a *app) sweepStudy(f *capacityFlags) error {
	s, err := a.loadStudy(f)
	if err != nil {
		return err
	}
	key, list, ok := strings.Cut(f.axis, "=")
	values := strings.Split(list, ",")
	if f.axis == "" {
		return errors.New("sweep: --axis is missing: want key=v1,v2,..., such as cluster.brokers=3,6")
	}
	if !ok || key == "" || slices.Contains(values, "") {
		return fmt.Errorf("--axis %s: want key=v1,v2,..., such as cluster.brokers=3,6", f.axis)
	}
	if twice := repeated(values); twice != "" {
		return fmt.Errorf("--axis %s: %s is there twice", f.axis, twice)
	}
	w, err := capacity.NewSweep(s, key, values)
	if err != nil {
		return err
	}
	if err := a.drive(s, w, f); err != nil {
		return err
	}
	c := w.Result()
	return a.printCapacity(f, &c)
}

// capacityPoint makes one run of a study.
func (a *app) capacityPoint(f *capacityFlags) error {
	if f.at <= 0 {
		return fmt.Errorf("--at %d: want records a second", f.at)
	}
	s, err := a.loadStudy(f)
	if err != nil {
		return err
	}
	p := s.Probe(f.at, f.oneLost)
	if f.seed != "" {
		if p.Seed, err = seed(f.seed); err != nil {
			return err
		}
	}
	o, files, unwritten := measured(s, p)
	if o.Err != "" {
		return errors.New(o.Err)
	}
	c := s.One(&o)
	err = a.printCapacity(f, &c)
	if f.out != "" {
		for _, x := range files {
			out := &output{flag: "--out", path: filepath.Join(f.out, x.name)}
			unwritten = errors.Join(unwritten, a.openAll([]*output{out}), out.write(x.text.String()))
		}
	}
	if unwritten != nil {
		return &failure{result.ExitInternal, errors.Join(err, unwritten)}
	}
	return err
}

// softMemory is from how many bytes on garbage is collected more often than main asks
// for: runs beyond the knee have a backlog.
const softMemory = 2 << 30

// plan is a study under way: see [capacity.Plan].
type plan interface {
	Next() []capacity.Probe
	Take([]capacity.Outcome)
	Err() string
	Of() (made, of int)
}

// drive makes the runs of a study and shows how far it is. An interrupt ends it at the
// runs under way.
func (a *app) drive(s *capacity.Study, p plan, f *capacityFlags) error {
	debug.SetMemoryLimit(softMemory)
	interrupt, end := a.untilInterrupted()
	defer end()
	show, clear := func(gate.Progress) {}, func() {}
	if !f.quiet {
		show, clear = a.checkProgress()
	}
	defer clear()
	files := (*runFiles)(nil)
	if f.out != "" {
		var err error
		if files, err = newRunFiles(f.out); err != nil {
			return err
		}
	}
	for list := p.Next(); len(list) > 0; list = p.Next() {
		var got []capacity.Outcome
		made, of := p.Of()
		var broken any
		stopped := false
		gate.Each(f.workers, turns(made, list), func(x turn) turn { return x.made(s, files) }, func(e turn) bool {
			switch {
			case broken != nil:
			case e.panic != nil:
				broken = fmt.Sprintf("%v; it comes again with: %s", e.panic, s.Repeat(&e.probe))
			case e.unwritten != nil:
				broken = e.unwritten
			}
			got = append(got, e.outcome)
			if files != nil {
				files.made(e.n, &e.outcome)
			}
			show(gate.Progress{Done: int64(made + len(got)), Of: int64(of)})
			select {
			case <-interrupt:
				stopped = true
			default:
			}
			return broken == nil && !stopped
		})
		switch {
		case broken != nil:
			return &failure{result.ExitInternal, fmt.Errorf("internal error: %v", broken)}
		case stopped:
			return &failure{result.ExitInterrupted, fmt.Errorf("interrupted after %s", counted(made+len(got), "run"))}
		}
		p.Take(got)
	}
	switch {
	case p.Err() != "":
		return errors.New(p.Err())
	case files != nil:
		return files.close()
	}
	return nil
}

// turn is one run of a study, with what became of it.
type turn struct {
	n     int // from 1
	probe capacity.Probe

	outcome   capacity.Outcome
	panic     any
	unwritten error
}

// turns are the next runs of a study that has made so many.
func turns(made int, list []capacity.Probe) (turns []turn) {
	for i, p := range list {
		turns = append(turns, turn{n: made + i + 1, probe: p})
	}
	return turns
}

// made makes the run, and writes its files if there are to be any.
func (t turn) made(s *capacity.Study, files *runFiles) (done turn) {
	defer func() { done.panic = recover() }()
	if done = t; files == nil {
		done.outcome = capacityRunner(s, t.probe)
	} else {
		done.outcome, done.unwritten = files.run(s, t.n, t.probe)
	}
	return done
}

// printCapacity writes a study wherever it was asked for, and makes its exit code the
// program's.
func (a *app) printCapacity(f *capacityFlags, c *result.Capacity) error {
	var unwritten, err error
	if f.out != "" {
		unwritten = a.writeCapacity("--out", f.out, c)
	}
	switch {
	case f.json:
		err = reports.CapacityJSON(a.stdout, c)
	case f.quiet && c.Answer.Text != "":
		_, err = fmt.Fprintln(a.stdout, c.Answer.Text)
	default:
		err = reports.CapacityText(a.stdout, c, a.style())
	}
	if err = errors.Join(err, unwritten); err != nil {
		return &failure{result.Worse(result.ExitInternal, c.Exit), err}
	}
	a.exit = c.Exit
	return nil
}
