package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/scenario"
)

// bundle is a directory with all that a run came to, beside its history.
type bundle struct {
	dir string

	result, summary, repeat, schedule, latency, env, porcupine *output
}

func wantBundle(dir string, want func(flag, path string) *output) *bundle {
	file := func(name string) *output { return want("--out", filepath.Join(dir, name)) }
	return &bundle{dir, file("result.json"), file("summary.md"), file("repro.txt"), file("schedule.orig.txt"), file("latency.hgrm"), file("env.json"), file("porcupine.html")}
}

// makeDirectory makes the directory of a flag if it is not there, and reports whether it
// did. Its parent must be there: otherwise the path is rather a slip.
func makeDirectory(flag, dir string) (made bool, err error) {
	if dir == "" {
		return false, nil
	}
	switch info, err := os.Stat(dir); {
	case err == nil && !info.IsDir():
		return false, fmt.Errorf("%s %s: is not a directory", flag, dir)
	case err == nil:
		return false, nil
	}
	if err := os.Mkdir(dir, 0o777); err != nil {
		return false, fmt.Errorf("%s %w", flag, plainPathError(err))
	}
	return true, nil
}

// writeBundle writes the bundle of a run, if one is wanted.
func (o *outputs) writeBundle(c scenario.Case, r result.Result, d reports.Details) error {
	b := o.bundle
	if b == nil {
		return nil
	}
	var latency bytes.Buffer
	o.latency.Finish()
	_, unprinted := o.latency.Ack().PercentilesPrint(&latency, 5, 1000) // ms
	plain, summary, err := bundledResult(r, d)
	err = errors.Join(err, unprinted)
	if err != nil {
		return err
	}
	page, says, err := secondOpinion(c, &r)
	if err != nil {
		return err
	}
	if says != "" {
		says = "\n" + says + "\n"
		err = b.porcupine.write(string(page))
	} else {
		err = b.porcupine.remove()
	}
	return errors.Join(
		err,
		removeExplanation(b.dir),
		b.latency.write(latency.String()),
		b.env.write(environment()),
		b.result.write(plain),
		b.summary.write(summary+says),
		b.repeat.write(d.Repeat+"\n"+r.Repro+"\n"),
		b.schedule.write(scheduleOf(c)))
}

// bundledResult is a result as a bundle has it, for programs and for people.
func bundledResult(r result.Result, d reports.Details) (plain, summary string, err error) {
	var b, text bytes.Buffer
	err = errors.Join(reports.JSON(&b, r), reports.Text(&text, r, d, reports.Style{}))
	return b.String(), "# " + r.Scenario + ", seed " + r.Seed + ": " + string(r.Verdict) + "\n\n```\n" + text.String() + "```\n", err
}

// bundleKnown writes what is known of a run from its result alone.
func bundleKnown(r result.Result, dir string) error {
	d := reports.Details{Repeat: "brokersim repro " + shellWord(r.Repro)}
	plain, summary, err := bundledResult(r, d)
	if err != nil {
		return err
	}
	if _, err := makeDirectory("--out", dir); err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return errors.Join(
		removeExplanation(dir),
		writeReport("--out", in("result.json"), writes(plain)),
		writeReport("--out", in("summary.md"), writes(summary)),
		writeReport("--out", in(reproFile), writes(d.Repeat+"\n"+r.Repro+"\n")))
}

// partial writes what there is of a run that came to no result, beside its history
// until then: why, and how to run it again. A result.json would be a result.
func (b *bundle) partial(c scenario.Case, why, repeat string) error {
	if b == nil {
		return nil
	}
	b.result.discard()
	b.latency.discard()
	gone := b.porcupine.remove()
	seed := fmt.Sprintf("%#x", c.Seed)
	return errors.Join(
		gone,
		removeExplanation(b.dir),
		b.env.write(environment()),
		b.summary.write("# "+c.Spec.Name+", seed "+seed+": no result\n\n```\n"+why+"\nnothing was judged; the history ends there\n\nRepeat  "+repeat+"\n```\n"),
		b.repeat.write(repeat+"\n"),
		b.schedule.write(scheduleOf(c)))
}

func scheduleOf(c scenario.Case) string {
	if c.Faults != nil {
		return *c.Faults
	}
	return c.Spec.At(c.Seed).Faults
}

// write makes text the whole file.
func (w *output) write(text string) error {
	_, err := w.file.WriteString(text)
	return w.close(err)
}

// remove takes away a file that has nothing to say about this run, although it may
// have about the one that was written there before.
func (w *output) remove() error {
	w.discard()
	if err := os.Remove(w.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s %w", w.flag, plainPathError(err))
	}
	return nil
}

// environment is what made the run, as JSON: what the trace hash does not depend on.
func environment() string {
	b, err := json.MarshalIndent(struct {
		Version string `json:"version"` // of brokersim
		Core    int    `json:"core"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}{version(), scenario.Core, runtime.GOOS, runtime.GOARCH}, "", "  ")
	if err != nil {
		panic(err) // it is plain data
	}
	return string(b) + "\n"
}
