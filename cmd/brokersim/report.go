package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/reports/plot"

	"github.com/spf13/cobra"
)

const reportAbout = `Writes what a directory of run, check, why or capacity --out holds in another form, without
making the run again.
  html     the page of a failing run, or of a capacity study with its plots, one file for a
           browser; the default
  text     the same in words
  svg      its space-time diagram alone, a picture
  mermaid  its causal chain as a sequence diagram, for Markdown
  summary  Markdown for a page such as GitHub's job summary
  junit    JUnit's XML, of a check

-o names the file, and its end the format: .html, .txt, .svg, .mmd, .md or .xml. Several formats
need a directory to be written into. Without -o the report is printed.

The directory of a check has one of its own for each failing run, fail-...: a page, a text
or a diagram is of one of those. The exit code says nothing of the run: 0 if it is written.`

const reportExamples = `  brokersim report out -o report.html
  brokersim report out --format mermaid
  brokersim report checked --format summary,junit -o reports`

// format is a form of a report.
type format struct {
	name, file string // file is its name in a directory; its end tells the format
	write      func(*reportable, io.Writer) error
}

// formats are all there are, the default first.
func formats() []format {
	return []format{
		{"html", reportFile, (*reportable).html},
		{"text", "report.txt", (*reportable).text},
		{"svg", "spacetime.svg", (*reportable).svg},
		{"mermaid", "chain.mmd", (*reportable).mermaid},
		{"summary", "summary.md", (*reportable).summary},
		{"junit", "junit.xml", (*reportable).junit},
	}
}

func formatNames() (names []string) {
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

func (a *app) reportVerb() *cobra.Command {
	var to string
	var names []string
	cmd := &cobra.Command{
		Use:     "report DIR",
		Short:   "Write what a directory holds as a page, a diagram, JUnit",
		Long:    reportAbout,
		Example: reportExamples,
		Args:    oneArg("a directory of run, check, why or capacity --out"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "output", "format"); err != nil {
				return err
			}
			wanted, err := wantedFormats(names, to)
			if err != nil {
				return err
			}
			return a.report(args[0], wanted, to)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVarP(&to, "output", "o", "", "write into `FILE`, or several formats into a directory")
	cmd.Flags().StringSliceVar(&names, "format", nil, "`FORMATS`: html, text, svg, mermaid, summary, junit")
	completeFlag(cmd, "format", formatNames, cobra.ShellCompDirectiveNoFileComp)
	return cmd
}

// formatOf is the format that the end of a file names; nil if it names none.
func formatOf(file string) *format {
	for _, f := range formats() {
		if filepath.Ext(f.file) == filepath.Ext(file) {
			return &f
		}
	}
	return nil
}

// wantedFormats are those that are named, or the one that the end of a file means.
func wantedFormats(names []string, to string) (wanted []format, err error) {
	all := formats()
	for _, name := range names {
		i := slices.IndexFunc(all, func(f format) bool { return f.name == name })
		if i < 0 {
			return nil, fmt.Errorf("--format: %w", unknown("format", name, formatNames()))
		}
		if !slices.ContainsFunc(wanted, func(f format) bool { return f.name == name }) {
			wanted = append(wanted, all[i])
		}
	}
	switch {
	case len(wanted) > 1 && to == "":
		return nil, fmt.Errorf("--format %s: several formats need a directory: -o DIR", strings.Join(names, ","))
	case len(wanted) == 1 && to != "":
		if f := formatOf(to); f != nil && f.name != wanted[0].name {
			return nil, fmt.Errorf("-o %s: its end names the format %s, and --format %s", to, f.name, wanted[0].name)
		}
		return wanted, nil
	case len(wanted) > 0:
		return wanted, nil
	case to == "":
		return all[:1], nil
	}
	if f := formatOf(to); f != nil {
		return []format{*f}, nil
	}
	return nil, fmt.Errorf("-o %s: its end names no format; say --format %s", to, strings.Join(formatNames(), ", "))
}

// report writes what a directory holds. All that cannot be said is found before a
// file is written.
func (a *app) report(dir string, wanted []format, to string) error {
	r, err := a.readReportable(dir)
	if err != nil {
		return err
	}
	texts := make([]string, len(wanted))
	for i, f := range wanted {
		var b bytes.Buffer
		if err := f.write(r, &b); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		texts[i] = b.String()
	}
	if to == "" {
		_, err := io.WriteString(a.stdout, texts[0])
		return err
	}
	return a.writeAll(wanted, texts, to)
}

// writeAll writes one text into a file, or several into a directory.
func (a *app) writeAll(wanted []format, texts []string, to string) error {
	outputs := make([]*output, len(wanted))
	for i, f := range wanted {
		outputs[i] = &output{flag: "-o", path: to}
		if len(wanted) > 1 {
			outputs[i].path = filepath.Join(to, f.file)
		}
	}
	made := false
	if len(wanted) > 1 {
		var err error
		if made, err = makeDirectory("-o", to); err != nil {
			return err
		}
	}
	if err := a.openAll(outputs); err != nil {
		if made {
			_ = os.Remove(to)
		}
		return err
	}
	var err error
	for i, o := range outputs {
		err = errors.Join(err, o.write(texts[i]))
	}
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	return nil
}

// resultFile has what a run, a check or a study came to, in its directory.
const resultFile = "result.json"

// reportable is what a directory holds: an explanation, a check, a capacity study, or
// the result of a run, of which any may be missing.
type reportable struct {
	dir       string
	explained *result.Explanation
	check     *result.Check
	run       *result.Result
	capacity  *result.Capacity
}

func (a *app) readReportable(dir string) (*reportable, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, plainPathError(err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s: is not a directory; want one that run, check or why --out has written", dir)
	}
	r := &reportable{dir: dir}
	r.explained, err = readJSON[result.Explanation](a, filepath.Join(dir, explanationFile))
	if err != nil {
		return nil, err
	}
	kind, err := readJSON[struct {
		V                  int
		Scenarios, Healthy *json.RawMessage
	}](a, filepath.Join(dir, resultFile))
	switch {
	case err != nil:
		return nil, err
	case kind == nil:
	case kind.Scenarios != nil:
		r.check, err = readJSON[result.Check](a, filepath.Join(dir, resultFile))
	case kind.Healthy != nil:
		r.capacity, err = readJSON[result.Capacity](a, filepath.Join(dir, resultFile))
	default:
		r.run, err = readJSON[result.Result](a, filepath.Join(dir, resultFile))
	}
	if err == nil && r.explained == nil && r.check == nil && r.run == nil && r.capacity == nil {
		err = fmt.Errorf("%s: has neither %s nor %s; want a directory of run, check, why or capacity --out", dir, explanationFile, resultFile)
	}
	return r, err
}

// readJSON reads one JSON object of this version; nil if there is no such file.
func readJSON[T any](a *app, path string) (*T, error) {
	b, err := a.readFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	version := struct{ V int }{}
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, inJSON(path, b, err)
	}
	if version.V != result.Version {
		return nil, fmt.Errorf("%s: is of version %d; this program reads %d", path, version.V, result.Version)
	}
	into := new(T)
	if err := json.Unmarshal(b, into); err != nil {
		return nil, inJSON(path, b, err)
	}
	return into, nil
}

// inJSON puts file, line and column before what is wrong with JSON.
func inJSON(path string, b []byte, err error) error {
	offset := len(b)
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = int(syntax.Offset)
	case errors.As(err, &wrong):
		offset = int(wrong.Offset)
		what := wrong.Field
		if what == "" {
			what = "all of it"
		}
		article := "a"
		if strings.ContainsAny(wrong.Value[:min(len(wrong.Value), 1)], "aeiou") {
			article = "an"
		}
		err = fmt.Errorf("%s must not be %s %s", what, article, wrong.Value)
	}
	before := b[:min(max(offset-1, 0), len(b))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("%s:%d:%d: %w", path, line, column, err)
}

// errNotExplained is that of a report on one failing run.
func (r *reportable) errNotExplained() error {
	switch {
	case r.check != nil && len(r.check.Explained) > 0:
		e := &r.check.Explained[0].Result
		return fmt.Errorf("is of a check; its failing runs are in directories below it, such as %s", filepath.Join(r.dir, "fail-"+e.Scenario+"-"+e.Seed))
	case r.check != nil:
		return errors.New("is of a check, and no run of it is explained")
	case r.capacity != nil:
		return errors.New("is of a capacity study: --format html or text; its plots are in plots")
	}
	return fmt.Errorf("has no %s: brokersim why %s --out %s explains the run if it failed", explanationFile, r.dir, r.dir)
}

func (r *reportable) html(w io.Writer) error {
	if r.capacity != nil {
		return writeCapacityPage(w, r.capacity, plot.All(r.capacity))
	}
	if r.explained == nil {
		return r.errNotExplained()
	}
	return reports.ExplanationHTML(w, r.explained)
}

func (r *reportable) svg(w io.Writer) error {
	if r.explained == nil {
		return r.errNotExplained()
	}
	return reports.ExplanationSVG(w, r.explained)
}

func (r *reportable) mermaid(w io.Writer) error {
	if r.explained == nil {
		return r.errNotExplained()
	}
	return reports.Mermaid(w, r.explained)
}

func (r *reportable) text(w io.Writer) error {
	switch {
	case r.explained != nil:
		return reports.ExplanationText(w, r.explained, reports.Style{})
	case r.capacity != nil:
		return reports.CapacityText(w, r.capacity, reports.Style{})
	case r.check != nil:
		return reports.CheckText(w, *r.check, reports.Style{})
	}
	return reports.Text(w, *r.run, reports.Details{Repeat: "brokersim repro " + r.dir}, reports.Style{})
}

func (r *reportable) summary(w io.Writer) error {
	switch {
	case r.explained != nil:
		return reports.ExplanationMarkdown(w, r.explained)
	case r.check != nil:
		return reports.CheckMarkdown(w, *r.check)
	}
	return r.errNotExplained()
}

func (r *reportable) junit(w io.Writer) error {
	if r.capacity != nil {
		return r.errNotExplained()
	}
	if r.check == nil {
		return errors.New("is of one run; JUnit is of a check: brokersim check --out")
	}
	return reports.JUnit(w, *r.check)
}
