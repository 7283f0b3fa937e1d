package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"brokersim/broker/log/config"
	"brokersim/faults"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// propertyFile is one of the user's own Kafka files.
type propertyFile struct {
	flag  string
	scope config.Scope
	path  string
}

func propertyFiles(server, producer, consumer []string) []propertyFile {
	var list []propertyFile
	add := func(flag string, scope config.Scope, paths []string) {
		for _, p := range paths {
			list = append(list, propertyFile{flag, scope, p})
		}
	}
	add("--server-properties", config.BrokerScope, server)
	add("--producer-properties", config.ProducerScope, producer)
	add("--consumer-properties", config.ConsumerScope, consumer)
	return list
}

// makeCase reads all that a command line names.
func (a *app) makeCase(f *runFlags) (scenario.Case, error) {
	var c scenario.Case
	var err error
	if c.Seed, err = seed(f.seed); err != nil {
		return c, err
	}
	if c.Spec, _, err = a.loadScenario(f.scenario); err != nil {
		return c, err
	}
	if c.Layers, err = a.layers(f); err != nil {
		return c, err
	}
	if c, err = c.With("--set", f.set...); err != nil {
		return c, err
	}
	if f.faults != nil {
		text, err := a.schedule(*f.faults)
		if err != nil {
			return c, err
		}
		c.Faults = &text
	}
	for _, name := range f.plant {
		if _, err := failpoint.ParseBug(name); err != nil {
			return c, fmt.Errorf("--plant: %w", err)
		}
	}
	c.Plant = f.plant
	if err := checkPromise(f.promise); err != nil {
		return c, err
	}
	if len(f.promise) > 0 { // to more than the scenario, never to less
		c.Promise = slices.Concat(c.Spec.Promise, f.promise)
	}
	return c, nil
}

// layers are the user's files of settings, the lowest first.
func (a *app) layers(f *runFlags) ([]config.Layer, error) {
	var layers []config.Layer
	for _, p := range f.properties {
		src, err := a.readFile(p.path)
		if err != nil {
			return nil, fmt.Errorf("%s %w", p.flag, err)
		}
		layer, err := config.Properties(p.scope, p.path, src)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	return layers, nil
}

// noFaults is the schedule in which nothing goes wrong.
const noFaults = "none"

// schedule is the text that --faults means. A preset is meant by its name, as a
// scenario is: a file of that name is ./name. What has blanks in it and is no
// file is the text itself. A schedule without a step or a comment is rather a
// variable that nobody has set, or a file that nobody has written.
func (a *app) schedule(arg string) (string, error) {
	switch {
	case arg == noFaults:
		return "", nil
	case saysNothing(arg):
		return "", fmt.Errorf("--faults: %q has no step; if nothing shall go wrong, say --faults none", arg)
	case slices.Contains(faults.Presets(), arg):
		return faults.Preset(arg)
	case isScheduleFile(arg):
		src, err := a.readFile(arg)
		if err != nil {
			return "", fmt.Errorf("--faults %w", err)
		}
		if saysNothing(string(src)) {
			return "", fmt.Errorf("--faults %s: the file has no step and no comment; if nothing shall go wrong, say --faults none", arg)
		}
		return string(src), nil
	case !strings.ContainsAny(arg, " \t\r\n;"):
		_, err := faults.Preset(arg)
		return "", fmt.Errorf("--faults: %w", err)
	}
	return steps(arg), nil
}

func saysNothing(schedule string) bool { return strings.Trim(schedule, " \t\r\n;") == "" }

func isScheduleFile(arg string) bool {
	if arg == "-" {
		return true
	}
	if _, err := os.Stat(arg); err == nil {
		return true
	}
	return !strings.ContainsAny(arg, " \t\r\n;") && (strings.ContainsAny(arg, `/\`) || strings.HasSuffix(arg, ".txt"))
}

// steps puts each step of a one-liner on its own line. A comment goes to the end
// of its line, whatever is in it.
func steps(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		step, comment, commented := strings.Cut(line, "#")
		b.WriteString(strings.ReplaceAll(step, ";", "\n"))
		if commented {
			b.WriteString("#" + comment)
		}
	}
	return b.String()
}

// placed puts the file of a schedule before an error that has its line:
// whoever parses knows only that the text came from --faults.
func (f *runFlags) placed(err error) error {
	rest, ok := strings.CutPrefix(err.Error(), "--faults:")
	if !ok || f.faults == nil || !isScheduleFile(*f.faults) {
		return err
	}
	return errors.New(*f.faults + ":" + rest)
}
