package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/scenario"
)

// bundle is a directory with all that a run came to, beside its history.
type bundle struct{ result, summary, repeat, schedule *output }

func wantBundle(dir string, want func(flag, path string) *output) *bundle {
	file := func(name string) *output { return want("--out", filepath.Join(dir, name)) }
	return &bundle{file("result.json"), file("summary.md"), file("repro.txt"), file("schedule.orig.txt")}
}

// makeDirectory makes a directory if it is not there, and reports whether it
// did. Its parent must be there: otherwise the path is rather a slip.
func makeDirectory(dir string) (made bool, err error) {
	if dir == "" {
		return false, nil
	}
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return false, fmt.Errorf("--out %s: is not a directory", dir)
	case err == nil:
		return false, nil
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return false, fmt.Errorf("--out %w", plainPathError(err))
	}
	return true, nil
}

func (b *bundle) write(c scenario.Case, r result.Result, d reports.Details) error {
	if b == nil {
		return nil
	}
	var json, text bytes.Buffer
	err := errors.Join(reports.JSON(&json, r), reports.Text(&text, r, d, reports.Style{}))
	if err != nil {
		return err
	}
	schedule := c.Spec.Faults
	if c.Faults != nil {
		schedule = *c.Faults
	}
	return errors.Join(
		b.result.write(json.String()),
		b.summary.write("# "+r.Scenario+", seed "+r.Seed+": "+string(r.Verdict)+"\n\n```\n"+text.String()+"```\n"),
		b.repeat.write(d.Repeat+"\n"+r.Repro+"\n"),
		b.schedule.write(schedule))
}

// discard takes back the files of a run that came to nothing.
func (b *bundle) discard() {
	if b == nil {
		return
	}
	for _, w := range []*output{b.result, b.summary, b.repeat, b.schedule} {
		w.discard()
	}
}

// write makes text the whole file.
func (w *output) write(text string) error {
	_, err := w.file.WriteString(text)
	return w.close(err)
}
