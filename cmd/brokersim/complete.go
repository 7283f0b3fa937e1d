package main

import (
	"brokersim/broker/log/config"
	"brokersim/checker"
	"brokersim/faults"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// completeScenario completes the one argument that is a scenario, by name or by
// file.
func completeScenario(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return scenario.Names(), cobra.ShellCompDirectiveDefault
}

// completeScenarios completes any number of them.
func completeScenarios(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return scenario.Names(), cobra.ShellCompDirectiveDefault
}

// completeHistory completes the one argument that is a history.
func completeHistory(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"jsonl"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeFlag makes a flag complete from a list.
func completeFlag(cmd *cobra.Command, name string, list func() []string, d cobra.ShellCompDirective) {
	err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return list(), d
	})
	if err != nil {
		panic(err) // the command has no such flag
	}
}

func completeRunFlags(cmd *cobra.Command) {
	completeFlag(cmd, "faults", func() []string { return append(faults.Presets(), noFaults) }, cobra.ShellCompDirectiveDefault)
	completeFlag(cmd, "plant", bugNames, cobra.ShellCompDirectiveNoFileComp)
	completeFlag(cmd, "set", settingNames, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp)
	completeFlag(cmd, "out", func() []string { return nil }, cobra.ShellCompDirectiveFilterDirs)
	completeFlag(cmd, "seed", func() []string { return nil }, cobra.ShellCompDirectiveNoFileComp)
}

func completePromise(cmd *cobra.Command) {
	completeFlag(cmd, "promise", checker.Properties, cobra.ShellCompDirectiveNoFileComp)
}

func bugNames() []string {
	var names []string
	for _, bug := range append(failpoint.Bugs(), failpoint.StyleBugs()...) {
		names = append(names, bug.String())
	}
	return names
}

// settingNames are the settings that change something.
func settingNames() []string {
	var names []string
	for _, scope := range []config.Scope{config.BrokerScope, config.TopicScope, config.ProducerScope, config.ConsumerScope} {
		for _, n := range config.Names(scope) {
			if n.Modelled {
				names = append(names, scope.String()+"."+n.Name+"=")
			}
		}
	}
	return names
}
