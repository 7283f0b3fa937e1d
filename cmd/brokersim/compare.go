package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"brokersim/broker/near"
	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/capacity"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// compareFlags is the command line of compare.
type compareFlags struct {
	seeds   int64
	counted bool // seeds were said
	workers int
	out     string
	json    bool
	quiet   bool
}

const compareAbout = `Runs the same services, the same arrivals and the same faults on a log (as Kafka), a work
queue (as RabbitMQ) and pub/sub (as Redis), each in its default, its safe and its fast
configuration, and prints one ledger: retention, replay, several readers, throughput,
order, and loss and duplicates when the broker crashes, a consumer crashes, or the leading
broker can be reached by nobody for 5 s. It begins with where the measurement is not what
the usual tutorial says. Each cell is measured over many seeds, with its 95 % interval; the
lines that repeat the worst of them come last.

How much a broker can take is measured on the computer of a hardware profile, and with the
costs of a message of each kind's cost sheet; what is listed with the faults says which.

A record is lost if the producer was told that it was sent and a group of readers never
finishes with it; it is a duplicate if a reader that is alone finishes with it twice. What
each configuration was held to is another question, and is listed at the end.

The default of a queue is what client libraries do when they are told nothing: manual
acknowledgements, no confirms, nothing durable.

The scenario is styles unless another is named. A load of less than 8 s is made so long.

Of a scenario with processors, such as exactly-once, it makes another table, of a log alone:
somebody crashes at each step of a transaction, the processors, the coordinators, who leads
and who follows, and each reader of what the processors write, read_committed or
read_uncommitted, says how many inputs it has no output of, and how many outputs of an
input beside the first. The load is 3.5 s then; the page shows a transaction step by
step, and has for each of them the line that repeats a run of it.`

const compareExamples = `  brokersim compare                          all three, 200 seeds a cell
  brokersim compare queue,pubsub --seeds 20  two of them, a quick look
  brokersim compare log orders               another scenario, one kind
  brokersim compare exactly-once             a crash at each step of a transaction
  brokersim compare --json --out out         for a program, and into files`

func (a *app) compareVerb() *cobra.Command {
	f := &compareFlags{}
	cmd := &cobra.Command{
		Use:     "compare [log,queue,pubsub] [SCENARIO]",
		Short:   "Measure what tutorials say of three kinds of broker",
		Long:    compareAbout,
		Example: compareExamples,
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "out"); err != nil {
				return err
			}
			if f.workers < 0 {
				return fmt.Errorf("-j %d: want a number of cores, 1 or more", f.workers)
			}
			f.counted = cmd.Flags().Changed("seeds")
			return a.compare(args, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Int64Var(&f.seeds, "seeds", gate.CompareSeeds, fmt.Sprintf("measure each cell under seeds 1 to `N`; of transactions %d unless said", gate.MatrixSeeds))
	flags.IntVarP(&f.workers, "jobs", "j", 0, "make `N` runs at a time; 0 is as many as there are cores")
	flags.StringVar(&f.out, "out", "", "write compare.html, compare.json and compare.txt into `DIR`")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	flags.BoolVar(&f.quiet, "quiet", false, "show no progress")
	return cmd
}

func (a *app) compare(args []string, f *compareFlags) error {
	kinds, name, err := comparedKinds(args)
	if err != nil {
		return err
	}
	spec, _, err := a.loadScenario(name)
	if err != nil {
		return err
	}
	if len(spec.Processors) > 0 {
		return a.matrix(spec, kinds, f)
	}
	c := gate.Comparison{Spec: spec, Kinds: kinds, Seeds: f.seeds, Workers: f.workers}
	if c.Machines, c.MachinesAbout, err = capacity.Compared(c.Groups()); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	stop, end := a.untilInterrupted()
	defer end()
	c.Stop = stop
	clear := func() {}
	if !f.quiet {
		c.Progress, clear = a.checkProgress()
	}
	out, err := gate.Compare(c)
	clear()
	if err != nil {
		return err
	}
	if err := a.writeCompared(out, f); err != nil {
		return err
	}
	a.exit = out.Exit()
	if out.Stopped != "" {
		return &failure{result.ExitInterrupted, errors.New("interrupted: these are the seeds until then")}
	}
	return nil
}

// comparedKinds reads the arguments: kinds, a scenario, or both in this order.
func comparedKinds(args []string) (kinds []string, name string, err error) {
	name = "styles"
	if len(args) > 0 {
		words := strings.Split(args[0], ",")
		known := func(w string) bool { return slices.Contains(scenario.Kinds(), w) }
		switch {
		case slices.ContainsFunc(words, known) || len(args) == 2 || len(words) > 1:
			for _, w := range words {
				if !known(w) {
					return nil, "", fmt.Errorf("unknown kind of broker %q%s", w, near.Suggest(w, scenario.Kinds()))
				}
			}
			if twice := repeated(words); twice != "" {
				return nil, "", fmt.Errorf("kind of broker %q is named twice", twice)
			}
			kinds, args = words, args[1:]
		}
	}
	if len(args) > 0 {
		name = args[0]
	}
	return kinds, name, nil
}

func (a *app) writeCompared(c result.Compare, f *compareFlags) error {
	var text, object, page bytes.Buffer
	if err := reports.CompareText(&text, c, shellWord); err != nil {
		return err
	}
	if err := reports.CompareJSON(&object, c); err != nil {
		return err
	}
	if err := reports.CompareHTML(&page, c, shellWord); err != nil {
		return err
	}
	if err := writeFiles(f.out, map[string][]byte{"compare.txt": text.Bytes(), "compare.json": object.Bytes(), "compare.html": page.Bytes()}); err != nil {
		return err
	}
	return a.printCompared(&text, &object, f)
}

func (a *app) printCompared(text, object *bytes.Buffer, f *compareFlags) error {
	b := text.Bytes()
	if f.json {
		b = object.Bytes()
	}
	_, err := a.stdout.Write(b)
	return err
}

// writeFiles writes files into the directory of --out, if there is one.
func writeFiles(dir string, files map[string][]byte) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("--out %w", plainPathError(err))
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			return &failure{result.ExitInternal, fmt.Errorf("--out %w", plainPathError(err))}
		}
	}
	return nil
}

// matrix compares what readers of transactions see when somebody crashes at each step.
func (a *app) matrix(spec *scenario.Spec, kinds []string, f *compareFlags) error {
	if i := slices.IndexFunc(kinds, func(kind string) bool { return kind != scenario.KindLog }); i >= 0 {
		return fmt.Errorf("%s: a %s has no transactions: leave out which kinds", spec.Name, kinds[i])
	}
	m := gate.Matrix{Spec: spec, Seeds: f.seeds, Workers: f.workers}
	if !f.counted {
		m.Seeds = gate.MatrixSeeds
	}
	if err := m.Check(); err != nil {
		return err
	}
	stop, end := a.untilInterrupted()
	defer end()
	m.Stop = stop
	clear := func() {}
	if !f.quiet {
		m.Progress, clear = a.checkProgress()
	}
	out, err := gate.MakeMatrix(m)
	clear()
	if err != nil {
		return err
	}
	var text, object, page bytes.Buffer
	if err := reports.MatrixText(&text, out, shellWord); err != nil {
		return err
	}
	if err := reports.MatrixJSON(&object, out); err != nil {
		return err
	}
	if err := reports.MatrixHTML(&page, out, shellWord); err != nil {
		return err
	}
	if err := writeFiles(f.out, map[string][]byte{"compare.txt": text.Bytes(), "compare.json": object.Bytes(), "compare.html": page.Bytes()}); err != nil {
		return err
	}
	if err := a.printCompared(&text, &object, f); err != nil {
		return err
	}
	a.exit = out.Exit()
	if out.Stopped != "" {
		return &failure{result.ExitInterrupted, errors.New("interrupted: these are the seeds until then")}
	}
	return nil
}
