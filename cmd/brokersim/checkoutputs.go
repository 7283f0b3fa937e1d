package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// checkOutputs are where a check, or a merge of its shards, is written.
type checkOutputs struct {
	out     string
	keepAll bool
	junit   string
	github  string
	json    bool
	quiet   bool
}

// outputFlags has what --out writes beside the result.
func (f *checkOutputs) outputFlags(cmd *cobra.Command, failures string) {
	flags := cmd.Flags()
	flags.StringVar(&f.out, "out", "", "write the result and "+failures+" into `DIR`")
	flags.StringVar(&f.junit, "junit", "", "write JUnit's XML to `FILE`: a case for each scenario and property")
	flags.StringVar(&f.github, "github", "auto", "annotations and job summary for GitHub: auto, on or off")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	flags.BoolVar(&f.quiet, "quiet", false, "print no more than the answer, and no progress")
}

func (f *checkOutputs) check() error {
	switch {
	case !slices.Contains([]string{"auto", "on", "off"}, f.github):
		return fmt.Errorf("--github: %w", unknown("value", f.github, []string{"auto", "on", "off"}))
	case f.keepAll && f.out == "":
		return errors.New("--keep-all: say --out DIR, where the bundles shall be")
	case f.junit == "-":
		return errors.New("--junit -: stdout is for the result; name a file")
	}
	return nil
}

// printCheck writes a check wherever it was asked for, and makes its exit code
// the program's. What cannot be written does not hide what was found.
func (a *app) printCheck(f *checkOutputs, r result.Check, unwritten error, bundle func(result.Result, string) error) error {
	unwritten = errors.Join(unwritten, f.files(&r, bundle), a.github(f, &r))
	var err error
	switch {
	case f.json:
		err = reports.CheckJSON(a.stdout, r)
	case f.quiet:
		err = reports.CheckAnswer(a.stdout, r, a.style())
	default:
		err = errors.Join(reports.CheckText(a.stdout, r, a.style()), a.printExplained(f, &r))
	}
	if err = errors.Join(err, unwritten); err != nil {
		return &failure{result.Worse(result.ExitInternal, r.Exit), err}
	}
	a.exit = r.Exit
	return nil
}

func (f *checkOutputs) files(r *result.Check, bundle func(result.Result, string) error) error {
	junit := func(w io.Writer) error { return reports.JUnit(w, *r) }
	var err error
	if f.junit != "" {
		err = writeReport("--junit", f.junit, junit)
	}
	if f.out == "" {
		return err
	}
	if _, e := makeDirectory("--out", f.out); e != nil {
		return errors.Join(err, e)
	}
	in := func(name string) string { return filepath.Join(f.out, name) }
	err = errors.Join(err,
		writeReport("--out", in("result.json"), func(w io.Writer) error { return reports.CheckJSON(w, *r) }),
		writeReport("--out", in("summary.md"), func(w io.Writer) error { return reports.CheckMarkdown(w, *r) }),
		writeReport("--out", in("junit.xml"), junit))
	for _, x := range r.Results {
		err = errors.Join(err, bundle(x, f.failureDir(&x)))
	}
	for i := range r.Explained {
		e := &r.Explained[i].Explanation
		err = errors.Join(err, writeExplanation(f.failureDir(&e.Result), e))
	}
	return err
}

// failurePrefix begins the name of a directory of a failing run.
const failurePrefix = "fail-"

// failureDir is where the bundle of a failing run is.
func (f *checkOutputs) failureDir(r *result.Result) string {
	return filepath.Join(f.out, failurePrefix+r.Scenario+"-"+r.Seed)
}

// printExplained prints how the first failure of each kind came about.
func (a *app) printExplained(f *checkOutputs, r *result.Check) (err error) {
	for i := range r.Explained {
		e := &r.Explained[i].Explanation
		_, blank := fmt.Fprintln(a.stdout)
		err = errors.Join(err, blank, reports.ExplanationText(a.stdout, e, a.style()))
		if f.out != "" {
			_, open := fmt.Fprintf(a.stdout, "  Open          %s\n", filepath.Join(f.failureDir(&e.Result), reportFile))
			err = errors.Join(err, open)
		}
	}
	return err
}

func writeReport(flag, path string, write func(io.Writer) error) error {
	var b bytes.Buffer
	err := write(&b)
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf("%s %w", flag, plainPathError(err))
	}
	return nil
}

// github writes annotations to stderr, where GitHub reads them too, and the job
// summary to the file that it names.
func (a *app) github(f *checkOutputs, r *result.Check) error {
	if f.github == "off" || f.github == "auto" && os.Getenv("GITHUB_ACTIONS") != "true" {
		return nil
	}
	err := reports.GitHub(a.stderr, *r)
	path := os.Getenv("GITHUB_STEP_SUMMARY")
	if path == "" {
		return err
	}
	file, e := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if e != nil {
		return errors.Join(err, fmt.Errorf("GITHUB_STEP_SUMMARY %w", plainPathError(e)))
	}
	return errors.Join(err, reports.CheckMarkdown(file, *r), file.Close())
}

// keepAll has a check write a bundle of every run that is kept, beside those of its
// failures. The error is the first of what could not be written.
func (a *app) keepAll(f *checkFlags, c *gate.Config) *error {
	var unwritten error
	if !f.keepAll {
		return &unwritten
	}
	each := c.Each
	c.Each = func(r *result.CheckRun) {
		if each != nil {
			each(r)
		}
		if r.Result.Verdict == result.Kept && unwritten == nil {
			dir := filepath.Join(f.out, "kept-"+r.Result.Scenario+"-"+r.Result.Seed)
			unwritten = a.bundleRun(f, c, r.Result, dir)
		}
	}
	return &unwritten
}

// bundleRun makes a run of a check once more, for its history, and writes all
// that it came to into a directory.
func (a *app) bundleRun(f *checkFlags, c *gate.Config, x result.Result, dir string) error {
	at := slices.IndexFunc(c.Cases, func(k scenario.Case) bool { return k.Spec.Name == x.Scenario })
	one := f.run
	one.scenario = f.scenarios[at]
	k := c.Cases[at]
	var err error
	if k.Seed, err = seed(x.Seed); err != nil {
		return err
	}
	details, err := one.details(k)
	if err != nil {
		return err
	}
	out, err := a.openOutputs("", "", dir)
	if err != nil {
		return err
	}
	out.attach(&k)
	r := c.Run(k)
	return errors.Join(out.close(), out.writeBundle(k, r, details))
}
