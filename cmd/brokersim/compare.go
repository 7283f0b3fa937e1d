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

The scenario is styles unless another is named. A load of less than 8 s is made so long.`

const compareExamples = `  brokersim compare                          all three, 200 seeds a cell
  brokersim compare queue,pubsub --seeds 20  two of them, a quick look
  brokersim compare log orders               another scenario, one kind
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
			return a.compare(args, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Int64Var(&f.seeds, "seeds", gate.CompareSeeds, "measure each cell under seeds 1 to `N`")
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
	if f.out != "" {
		if err := os.MkdirAll(f.out, 0o777); err != nil {
			return fmt.Errorf("--out %w", plainPathError(err))
		}
		for name, b := range map[string][]byte{"compare.txt": text.Bytes(), "compare.json": object.Bytes(), "compare.html": page.Bytes()} {
			if err := os.WriteFile(filepath.Join(f.out, name), b, 0o666); err != nil {
				return &failure{result.ExitInternal, fmt.Errorf("--out %w", plainPathError(err))}
			}
		}
	}
	b := text.Bytes()
	if f.json {
		b = object.Bytes()
	}
	_, err := a.stdout.Write(b)
	return err
}
