package main

import (
	"errors"
	"fmt"
	"slices"

	"brokersim/reports"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// runFlags is the command line of run as it was typed: it makes the case, and
// the line that repeats it.
type runFlags struct {
	scenario string

	seed       string
	set        []string
	properties []propertyFile
	faults     *string
	plant      []string
	promise    []string

	history, trace, out string
	json                bool
}

const runAbout = `Runs one scenario under one seed, and says which promises were kept: first the answer,
then what was checked and how much, then the evidence, and last the line that repeats it.

SCENARIO is a name (brokersim scenario ls) or a YAML file; "-" reads stdin.

Settings have Kafka's names, units and defaults. The later decides: Kafka's defaults, the
scenario, the property files, --set.
  broker.X   topic.X   producer.X   consumer.X        for all of them
  topic.NAME.X   producer.NAME.X   consumer.NAME.X    for one
`

const runExamples = `  brokersim run orders                                       the scenario as its file says
  brokersim run orders --seed 7 --json                       another seed; one line for a program
  brokersim run orders --set producer.acks=1                 what if?
  brokersim run orders --server-properties server.properties your own broker's settings
  brokersim run orders --faults leader-power-loss            another misfortune
  brokersim run orders --faults '1s crash leader; 2s restart *'
  brokersim run followers-cut --plant R24-ack-before-isr     does the checker see a bug?
  brokersim run orders --promise no-skip --history h.jsonl   what the clients saw, for judge
  brokersim scenario show orders > mine.yaml && brokersim run mine.yaml`

func (a *app) runVerb() *cobra.Command {
	f := &runFlags{}
	var schedule string
	var server, producer, consumer []string
	cmd := &cobra.Command{
		Use:               "run SCENARIO",
		Short:             "Run one scenario under one seed and judge it",
		Long:              runAbout + scheduleHelp() + plantHelp(),
		Example:           runExamples,
		Args:              oneArg("a scenario, by name or by file"),
		ValidArgsFunction: completeScenario,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "promise", "history", "trace", "out"); err != nil {
				return err
			}
			f.scenario = args[0]
			f.properties = propertyFiles(server, producer, consumer)
			if cmd.Flags().Changed("faults") {
				f.faults = &schedule
			}
			return a.run(f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.seed, "seed", "1", "run under seed `N`, decimal or 0x...; one seed is one run")
	flags.StringArrayVar(&f.set, "set", nil, "change a setting of Kafka's, `key=value`; may be repeated")
	flags.StringArrayVar(&server, "server-properties", nil, "take broker settings from `FILE`, as Kafka's server.properties")
	flags.StringArrayVar(&producer, "producer-properties", nil, "take settings for every producer from `FILE`")
	flags.StringArrayVar(&consumer, "consumer-properties", nil, "take settings for every consumer from `FILE`")
	flags.StringVar(&schedule, "faults", "", "let `PRESET|FILE|TEXT` go wrong instead of the scenario's schedule")
	flags.StringArrayVar(&f.plant, "plant", nil, "plant `BUG` into every broker; may be repeated; see above for where it shows")
	promiseFlag(cmd, &f.promise)
	flags.StringVar(&f.history, "history", "", "write what the clients saw to `FILE`, one JSON object a line")
	flags.StringVar(&f.trace, "trace", "", "write every event of the simulator to `FILE`; log is stderr")
	flags.StringVar(&f.out, "out", "", "write the result, the history, the schedule and how to repeat the run into `DIR`")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	completeRunFlags(cmd)
	return cmd
}

// filled refuses a flag whose value is empty, which asks for nothing: most likely
// a variable that nobody has set.
func filled(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if f := cmd.Flags().Lookup(name); f.Changed && (f.Value.String() == "" || f.Value.String() == "[]") {
			return fmt.Errorf("--%s: the value is empty; leave the flag out to go without", name)
		}
	}
	return nil
}

// run makes one run. What is wrong with the input is found before it starts, and
// before a file is written.
func (a *app) run(f *runFlags) error {
	c, err := a.makeCase(f)
	if err != nil {
		return err
	}
	warnings, err := scenario.Check(c)
	if err != nil {
		return f.placed(err)
	}
	details, err := f.details(c)
	if err != nil {
		return err
	}
	out, err := a.openOutputs(f.history, f.trace, f.out)
	if err != nil {
		return err
	}
	a.warn(warnings)
	out.attach(&c)
	r, err := a.watch(c, out, details.Repeat)
	if err != nil {
		return err
	}
	known := func(w string) bool { return slices.Contains(warnings, w) }
	a.warn(slices.DeleteFunc(slices.Clone(r.Warnings), known))
	unwritten := errors.Join(out.close(), out.writeBundle(c, r, details))
	if err := a.print(r, details, f.json); err != nil {
		return err
	}
	return a.explainInto(f.out, c, &r, unwritten)
}

// details are what a report says of the case beside its result.
func (f *runFlags) details(c scenario.Case) (reports.Details, error) {
	settings, err := scenario.Settings(c)
	if err != nil {
		return reports.Details{}, err
	}
	d := reports.Details{About: c.Spec.At(c.Seed).About, Repeat: f.repeat(c.Seed)}
	kind, err := scenario.KindSettings(c)
	if err != nil {
		return reports.Details{}, err
	}
	for _, s := range kind {
		d.Changed = append(d.Changed, reports.Setting{Key: s.Key, Value: s.Value, Default: s.Default})
	}
	if len(kind) > 0 { // what is said in Kafka's names is not theirs
		d.Kind = kind[0].Value
		return d, nil
	}
	for _, s := range settings.Changed() {
		d.Changed = append(d.Changed, reports.Setting(s))
	}
	return d, nil
}

// warn says once on stderr what is legal and will surprise.
func (a *app) warn(warnings []string) {
	for _, w := range reports.Warnings(warnings) {
		fmt.Fprintf(a.stderr, "warning: %s\n", oneLine(w))
	}
}
