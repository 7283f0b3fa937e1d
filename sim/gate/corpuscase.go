package gate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"brokersim/sim/scenario"
)

// CorpusCase is one case of a [Corpus].
type CorpusCase struct {
	Name string // of its file, without .yaml

	Run      scenario.Repro // as it is, without the bug; Faults are never nil
	Property string         // or the kind of an invariant, as [FindingOf] names it
	Bug      string         // with it planted, the property is broken; of a native one as it is
	Witness  string         // how: a sentence, and the events that show it
}

// corpusFile is the file of a case.
type corpusFile struct {
	Run      string  `yaml:"run"`
	Property string  `yaml:"property"`
	Bug      string  `yaml:"bug"`
	Witness  string  `yaml:"witness"`
	Faults   *string `yaml:"faults"`
}

// ParseCorpusCase reads the file of a case, which path names in errors: one line
// with the position.
func ParseCorpusCase(path string, src []byte) (CorpusCase, error) {
	var f corpusFile
	if err := yaml.UnmarshalWithOptions(src, &f, yaml.Strict()); err != nil {
		return CorpusCase{}, yamlError(path, err)
	}
	for _, field := range []struct {
		name    string
		missing bool
	}{{"run", f.Run == ""}, {"property", f.Property == ""}, {"bug", f.Bug == ""}, {"faults", f.Faults == nil}} {
		if field.missing {
			return CorpusCase{}, fmt.Errorf("%s:1: %s is missing", path, field.name)
		}
	}
	r, err := scenario.ParseRepro(f.Run)
	switch {
	case err != nil:
		return CorpusCase{}, fmt.Errorf("%s: run: %w", path, err)
	case r.Faults != nil || len(r.Plant) > 0:
		return CorpusCase{}, fmt.Errorf("%s: run: the schedule and the bug have their own fields", path)
	}
	if err := CheckBug(f.Bug); err != nil {
		return CorpusCase{}, fmt.Errorf("%s: bug: %w", path, err)
	}
	r.Faults = f.Faults
	return CorpusCase{Run: r, Property: f.Property, Bug: f.Bug, Witness: f.Witness}, nil
}

func yamlError(path string, err error) error {
	line, text := 1, err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		text = at.GetMessage()
		if token := at.GetToken(); token != nil && token.Position != nil {
			line = token.Position.Line
		}
	}
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return fmt.Errorf("%s:%d: %s", path, line, text)
}

// Native reports whether the bug is none that can be planted: what is modelled has it, and the
// run is one that shows it as it is.
func (c *CorpusCase) Native() bool { return isNative(c.Bug) }

// String is the file of the case; [ParseCorpusCase] reads it back.
func (c *CorpusCase) String() string {
	run := c.Run
	run.Faults, run.Plant = nil, nil
	var b strings.Builder
	if c.Native() {
		fmt.Fprintf(&b, "# As it is the property is broken: what is modelled has the bug.\n")
	} else {
		fmt.Fprintf(&b, "# As it is it passes; with the bug planted the property is broken.\n")
	}
	fmt.Fprintf(&b, "run: '%s'\nproperty: %s\nbug: %s\nwitness: %sfaults: %s", run.String(), quoted(c.Property), quoted(c.Bug), block(c.Witness), block(*c.Run.Faults))
	return b.String()
}

// quoted is a YAML scalar in single quotes.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// block is text as YAML's literal block, with the end of its line.
func block(text string) string {
	if text == "" {
		return "''\n"
	}
	var b strings.Builder
	b.WriteString("|\n")
	for line := range strings.Lines(text) {
		b.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
