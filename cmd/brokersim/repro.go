package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/spf13/cobra"
)

// reproFlags is the command line of repro.
type reproFlags struct {
	scenario            string
	until               time.Duration
	history, trace, out string
	json, goTest        bool
}

const reproAbout = `Makes one run again, exactly, and prints the report that run prints. What it is told is a
repro string (bs1:...), a file with one, or the directory that run --out has written. The
scenario of the string comes with the program, or is the file NAME.yaml here or beside
the file of the string; --scenario takes another file.

If another run comes out it is said on stderr, one line each: "other version" for a string
of another core, "another run" for another trace hash, "other verdict" for one that is not
that of the directory. The exit code is that of the run, whichever it is.

--until stops at that virtual time, to look at how things were with --trace or --history.
A run that was stopped has no verdict: it is unknown, exit 3.`

const reproExamples = `  brokersim repro bs1:orders:0x7@1.9f3c0a51
  brokersim repro out                                    what run --out out has written
  brokersim repro out --until 1.2s --trace log           what led to it
  brokersim repro out --go-test > repro_test.go          for the tests of a change`

func (a *app) reproVerb() *cobra.Command {
	f := &reproFlags{}
	cmd := &cobra.Command{
		Use:     "repro STRING|FILE|DIR",
		Short:   "Make one run again, exactly",
		Long:    reproAbout,
		Example: reproExamples,
		Args:    oneArg("a repro string, a file with one, or a directory of run --out"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "scenario", "history", "trace", "out"); err != nil {
				return err
			}
			if cmd.Flags().Changed("until") && f.until <= 0 {
				return fmt.Errorf("--until %v: want a time of the run, such as 1.2s", f.until)
			}
			if f.goTest && f.json {
				return errors.New("--go-test prints the file of a test and --json a result: leave out one of the two")
			}
			return a.repro(args[0], f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	scenarioFlag(cmd, &f.scenario)
	flags.DurationVar(&f.until, "until", 0, "stop at virtual time `T`, without a verdict")
	flags.StringVar(&f.history, "history", "", "write what the clients saw to `FILE`, one JSON object a line")
	flags.StringVar(&f.trace, "trace", "", "write every event of the simulator to `FILE`; log is stderr")
	flags.StringVar(&f.out, "out", "", "write the result, the history, the schedule and how to repeat the run into `DIR`")
	flags.BoolVar(&f.json, "json", false, "print the result as one JSON object")
	flags.BoolVar(&f.goTest, "go-test", false, "print the file of a Go test that makes the run, and do not make it")
	return cmd
}

func scenarioFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "scenario", "", "take the scenario from `FILE`, whatever its name")
	completeFlag(cmd, "scenario", func() []string { return []string{"yaml", "yml"} }, cobra.ShellCompDirectiveFilterFileExt)
}

func (a *app) repro(arg string, f *reproFlags) error {
	w, err := a.findRun(arg, f.scenario)
	if err != nil {
		return err
	}
	warnings, err := scenario.Check(w.run)
	if err != nil {
		return fmt.Errorf("%s: %w", w.from, err)
	}
	if f.goTest {
		_, err := a.stdout.Write([]byte(w.goTest()))
		return err
	}
	a.sayFile(w)
	w.run.Until = f.until
	details, err := w.details()
	if err != nil {
		return err
	}
	out, err := a.openOutputs(f.history, f.trace, f.out)
	if err != nil {
		return err
	}
	a.warn(warnings)
	out.attach(&w.run)
	r, err := a.watch(w.run, out, details.Repeat)
	if err != nil {
		return err
	}
	a.warn(slices.DeleteFunc(slices.Clone(r.Warnings), func(s string) bool { return slices.Contains(warnings, s) }))
	a.say(w.different(r, f.until))
	unwritten := errors.Join(out.close(), out.writeBundle(w.run, r, details))
	if err := a.print(r, details, f.json); err != nil {
		return err
	}
	return a.explainInto(f.out, w.run, &r, unwritten)
}

// sayFile says where the scenario of a run is from, if it is not from where its name
// says.
func (a *app) sayFile(w *wantedRun) {
	if _, known := scenario.Source(w.named.Scenario); known && w.file != "" {
		fmt.Fprintf(a.stderr, "the scenario is the file %s\n", oneLine(w.file))
	}
}

func (a *app) say(sentences []string) {
	for _, sentence := range sentences {
		fmt.Fprintln(a.stderr, oneLine(sentence))
	}
}

// sayDifferent says in what a run is not the one that was wanted, before anything is
// made of it.
func (a *app) sayDifferent(w *wantedRun) error {
	if _, err := scenario.Check(w.run); err != nil {
		return fmt.Errorf("%s: %w", w.from, err)
	}
	a.sayFile(w)
	a.say(w.different(scenario.Run(w.run), 0))
	return nil
}

// wantedRun is a run that somebody names by a string, a file or a directory.
type wantedRun struct {
	from    string // where the string was, to begin errors with
	named   scenario.Repro
	run     scenario.Case
	source  []byte          // the scenario's file; nil if it comes with the program
	file    string          // that source was read from
	hidden  string          // a file that is named like the program's scenario
	dir     string          // the bundle, or empty
	verdict *result.Verdict // of the bundle, if it says
}

// reproFile is where a bundle has its repro string.
const reproFile = "repro.txt"

// findRun finds what arg names; file, if it is not empty, has the scenario.
func (a *app) findRun(arg, file string) (*wantedRun, error) {
	w := &wantedRun{from: "repro string"}
	text, beside := strings.TrimSpace(arg), ""
	if !strings.HasPrefix(text, "bs1:") {
		info, err := os.Stat(arg)
		switch {
		case err != nil && arg != "-" && namesAnotherVersion(arg):
			_, err := scenario.ParseRepro(text)
			return nil, err
		case err != nil && arg != "-":
			return nil, fmt.Errorf("%q is no repro string (bs1:...), and there is no such file or directory", arg)
		case arg != "-" && info.IsDir():
			if w.dir, arg, err = arg, filepath.Join(arg, bundledRepro(arg)), manyRuns(arg); err != nil {
				return nil, err
			}
		}
		src, err := a.readFile(arg)
		if err != nil {
			return nil, err
		}
		if text = reproLine(string(src)); text == "" {
			return nil, fmt.Errorf("%s: no line of it is a repro string (bs1:...)", arg)
		}
		w.from, beside = arg, filepath.Dir(arg)
	}
	var err error
	if w.named, err = scenario.ParseRepro(text); err != nil {
		if w.from != "repro string" {
			err = fmt.Errorf("%s: %w", w.from, err)
		}
		return nil, err
	}
	spec, err := a.findScenario(w, beside, file)
	if err != nil {
		return nil, err
	}
	w.run = w.named.Case(spec)
	w.verdict = a.bundledVerdict(w.dir)
	return w, nil
}

// bundledRepro is the file of a directory that has the repro string: of its run, or
// of the smallest if why --out wrote it and no other is there.
func bundledRepro(dir string) string {
	if _, err := os.Stat(filepath.Join(dir, reproFile)); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, minimalRepro)); err == nil {
			return minimalRepro
		}
	}
	return reproFile
}

// manyRuns is the error for the directory of a check, which says where its failing
// runs are; nil for the directory of one run.
func manyRuns(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, bundledRepro(dir))); err == nil {
		return nil
	}
	runs, err := filepath.Glob(filepath.Join(plainPattern(dir), failurePrefix+"*", "repro*.txt"))
	if err != nil || len(runs) == 0 {
		return nil
	}
	for i := range runs {
		runs[i] = filepath.Dir(runs[i])
	}
	runs = slices.Compact(runs)
	list, more := strings.Join(runs[:min(len(runs), mostRunsNamed)], ", "), ""
	if n := len(runs) - mostRunsNamed; n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%s: is of a check; say which of its failing runs: %s%s", dir, list, more)
}

// mostRunsNamed is how many directories an error lists.
const mostRunsNamed = 5

// plainPattern is a pattern that matches a path and nothing else.
func plainPattern(path string) string {
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}

// namesAnotherVersion reports whether s begins like the strings of a program that
// is not written yet.
func namesAnotherVersion(s string) bool {
	version, _, ok := strings.Cut(s, ":")
	return ok && len(version) > 2 && strings.HasPrefix(version, "bs") && strings.Trim(version[2:], "0123456789") == ""
}

// reproLine is the first line that is a repro string.
func reproLine(text string) string {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); namesAnotherVersion(line) {
			return line
		}
	}
	return ""
}

// findScenario finds the scenario of a string: the file that is asked for, one
// that comes with the program, or the file that it was read from, here or beside
// the string.
func (a *app) findScenario(w *wantedRun, beside, file string) (*scenario.Spec, error) {
	name := w.named.Scenario
	_, known := scenario.Source(name)
	if file == "" {
		file = fileOf(name, beside)
		switch {
		case known && w.named.File != 0 && file == "":
			return nil, fmt.Errorf("%s: the scenario %s is a file, not the program's, and it is neither here nor beside the string: say --scenario FILE", w.from, name)
		case known && w.named.File == 0:
			w.hidden, file = file, ""
		}
	}
	if file == "" {
		spec, _, err := a.loadScenario(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.from, err)
		}
		return spec, nil
	}
	src, err := a.readFile(file)
	if err != nil {
		return nil, err
	}
	spec, err := scenario.Parse(file, src)
	if err != nil {
		return nil, err
	}
	w.file = file
	spec.Name, w.source = name, src // so that the string stays as it is
	return spec, nil
}

// fileOf is the file that a scenario was probably read from, or empty.
func fileOf(name, beside string) string {
	for _, path := range []string{name, filepath.Join(beside, name)} {
		for _, suffix := range []string{".yaml", ".yml"} {
			if _, err := os.Stat(path + suffix); err == nil {
				return path + suffix
			}
		}
	}
	return ""
}

// bundledVerdict is what the result of a bundle came to, if there is one.
func (a *app) bundledVerdict(dir string) *result.Verdict {
	if dir == "" {
		return nil
	}
	src, err := a.readFile(filepath.Join(dir, "result.json"))
	if err != nil {
		return nil
	}
	var r result.Result
	if json.Unmarshal(src, &r) != nil || r.Verdict == "" {
		return nil
	}
	return &r.Verdict
}

// different says in what a run is not the one that was wanted. One that was
// stopped has a hash of its own.
func (w *wantedRun) different(r result.Result, until time.Duration) []string {
	if until > 0 && r.VirtualNS >= int64(until) {
		r.TraceHash = fmt.Sprintf("%08x", w.named.Hash)
		return gate.Different(&w.named, r)
	}
	list := gate.Different(&w.named, r)
	if got := w.run.Spec.Sum; w.file != "" && w.named.File != 0 && got != w.named.File {
		list = append(list, fmt.Sprintf("another file: %s is %08x, and the string is of one that was %08x", w.file, got, w.named.File))
	}
	if len(list) > 0 && w.hidden != "" {
		list = append(list, fmt.Sprintf("the scenario %s is the program's: if %s is meant, say --scenario %s", w.named.Scenario, w.hidden, shellWord(w.hidden)))
	}
	if w.verdict != nil && *w.verdict != r.Verdict {
		list = append(list, fmt.Sprintf("other verdict: this run is %s, and %s says %s", r.Verdict, filepath.Join(w.dir, "result.json"), *w.verdict))
	}
	return list
}

func (w *wantedRun) details() (reports.Details, error) {
	settings, err := scenario.Settings(w.run)
	if err != nil {
		return reports.Details{}, err
	}
	d := reports.Details{About: w.run.Spec.At(w.run.Seed).About, Repeat: w.repeat()}
	for _, s := range settings.Changed() {
		d.Changed = append(d.Changed, reports.Setting(s))
	}
	return d, nil
}

// repeat is the command that makes the run again.
func (w *wantedRun) repeat() string {
	text := w.named.String()
	if len(text) > scenario.LongRepro && w.from != "repro string" {
		text = w.from
	}
	return "brokersim repro " + shellWord(text)
}

// goTest is the file of a Go test that makes the run and wants it kept.
func (w *wantedRun) goTest() string {
	var b strings.Builder
	b.WriteString("package repro\n\nimport (\n\t\"testing\"\n\n\t\"brokersim/checker/result\"\n\t\"brokersim/sim/gate\"\n)\n\n")
	source := "nil"
	if w.source != nil {
		fmt.Fprintf(&b, "// scenarioFile is %s.yaml as it was.\nconst scenarioFile = %s\n\n", w.named.Scenario, goString(string(w.source)))
		source = "[]byte(scenarioFile)"
	}
	name := testName(w.named.Scenario) + fmt.Sprintf("Seed%#x", w.named.Seed)
	fmt.Fprintf(&b, `// Test%[1]s makes one run again. It fails as long as the run does.
func Test%[1]s(t *testing.T) {
	const repro = %[2]s
	r, different, err := gate.Replay(repro, %[3]s)
	if err != nil {
		t.Fatal(err)
	}
	for _, sentence := range different {
		t.Log(sentence)
	}
	if r.Verdict != result.Kept {
		t.Errorf("%%s: %%s\n%%s", r.Verdict, gate.Sentence(r), r.Repro)
	}
}
`, name, goString(w.named.String()), source)
	return b.String()
}

func goString(s string) string {
	if strconv.CanBackquote(strings.ReplaceAll(s, "\n", "")) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// testName makes the name of a scenario a part of a Go name.
func testName(s string) string {
	var b strings.Builder
	upper := true
	for _, c := range s {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			upper = true
		case upper:
			b.WriteRune(unicode.ToUpper(c))
			upper = false
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
