package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"brokersim/broker/log/config"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

func (a *app) scenarioVerb() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "List, show and validate scenarios",
		Long: `A scenario is a YAML file: the cluster, who produces and reads what, what goes wrong
and when, and what the run is held to. Show one, change it, run the copy.`,
		Example: `  brokersim scenario ls
  brokersim scenario show orders > mine.yaml
  brokersim scenario validate mine.yaml && brokersim run mine.yaml`,
		Args: cobra.ArbitraryArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown("verb of scenario", args[0], verbs(cmd))
		}
		return fmt.Errorf("scenario: want one of %s", strings.Join(verbs(cmd), ", "))
	}
	cmd.AddCommand(
		&cobra.Command{Use: "ls", Short: "List the scenarios that come with the program", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return a.scenarioList() }},
		&cobra.Command{Use: "show NAME", Short: "Print a scenario's file, to read or to copy", Args: oneArg("the name of a scenario"),
			Example: "  brokersim scenario show orders > mine.yaml", ValidArgsFunction: completeScenario,
			RunE: func(_ *cobra.Command, args []string) error { return a.scenarioShow(args[0]) }},
		&cobra.Command{Use: "validate FILE...", Short: "Check scenario files without running them", Args: someArgs,
			Long:              "Checks all that a run would check before it starts. \"-\" reads stdin; a name checks a scenario that comes with the program.",
			Example:           "  brokersim scenario validate mine.yaml",
			ValidArgsFunction: completeScenarios,
			RunE:              func(_ *cobra.Command, args []string) error { return a.scenarioValidate(args) }},
	)
	return cmd
}

func someArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s: want the files of scenarios; see %s --help", verb(cmd), cmd.CommandPath())
	}
	return nil
}

// loadScenario finds a scenario by name or, if it looks like one, by file.
func (a *app) loadScenario(arg string) (*scenario.Spec, []byte, error) {
	if src, ok := scenario.Source(arg); ok {
		spec, err := scenario.Parse(arg+".yaml", src)
		return spec, src, err
	}
	if _, err := os.Stat(arg); err != nil && arg != "-" && !strings.ContainsAny(arg, `/\`) && !strings.HasSuffix(arg, ".yaml") && !strings.HasSuffix(arg, ".yml") {
		return nil, nil, unknown("scenario", arg, scenario.Names())
	}
	src, err := a.readFile(arg)
	if err != nil {
		return nil, nil, err
	}
	spec, err := scenario.Parse(arg, src)
	return spec, src, err
}

func (a *app) scenarioList() error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, name := range scenario.Names() {
		spec, _, err := a.loadScenario(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\n", name, spec.About)
	}
	return w.Flush()
}

func (a *app) scenarioShow(arg string) error {
	spec, src, err := a.loadScenario(arg)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	b.Write(src)
	if profile, ok := config.Profile(spec.Profile); ok {
		fmt.Fprintf(&b, "# The profile %s sets this, and the file may change it again:\n", spec.Profile)
		for _, e := range profile.Entries {
			fmt.Fprintf(&b, "#   %s: %s\n", e.Key, e.Value)
		}
	}
	_, err = a.stdout.Write(b.Bytes())
	return err
}

func (a *app) scenarioValidate(args []string) error {
	for _, arg := range args {
		spec, _, err := a.loadScenario(arg)
		if err != nil {
			return err
		}
		warnings, err := scenario.Check(scenario.Case{Spec: spec})
		if err != nil {
			return err
		}
		for _, w := range warnings {
			fmt.Fprintf(a.stderr, "warning: %s: %s\n", arg, oneLine(w))
		}
		fmt.Fprintf(a.stdout, "%s: valid\n", arg)
	}
	return nil
}
