package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/sim/lesson"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// learnFlags are those of learn and of learn verify.
type learnFlags struct {
	answer string
	seeds  int
	out    string
	open   bool
	set    []string
	write  string
}

const learnAbout = `Lessons on delivery semantics that measure what they claim. Without an argument it lists
them; with a number or an id it asks, makes one run to watch and many to measure, shows the
remedy and what it costs, and ends with the commands that repeat each step.

All numbers of a lesson are measured when it is shown. verify measures those of every
lesson, and fails when one has left the interval that the lesson expects it in.`

const learnExamples = `  brokersim learn                       which lessons there are
  brokersim learn 3                     the third, from the question to the moral
  brokersim learn acks1-crash --answer 4
  brokersim learn 3 --out page          as one HTML page, in page/03-acks1-crash.html
  brokersim learn verify                does every number still hold?
  brokersim learn verify 3 --set producer.acks=all     and it says so when one does not`

func (a *app) learnVerb() *cobra.Command {
	f := &learnFlags{}
	cmd := &cobra.Command{
		Use:     "learn [LESSON]",
		Short:   "Learn delivery semantics from measured lessons",
		Long:    learnAbout,
		Example: learnExamples,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return oneArg("the number or the id of a lesson")(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "answer", "out"); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			if len(args) == 0 {
				if slices.ContainsFunc([]string{"answer", "seeds", "out", "open"}, cmd.Flags().Changed) {
					return errors.New("learn: flags want a lesson, such as brokersim learn 3; without one it lists them all")
				}
				return a.learnList()
			}
			return a.learn(args[0], f)
		},
		ValidArgsFunction: completeLesson,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.answer, "answer", "", "predict `ANSWER` instead of being asked")
	flags.IntVar(&f.seeds, "seeds", 0, "measure over the first `N` seeds only")
	flags.StringVar(&f.out, "out", "", "write the lesson as one HTML page into `DIR`")
	flags.BoolVar(&f.open, "open", false, "write the page and open it in the browser")
	cmd.AddCommand(a.learnVerifyVerb())
	return cmd
}

func (a *app) learnVerifyVerb() *cobra.Command {
	f := &learnFlags{}
	cmd := &cobra.Command{
		Use:   "verify [LESSON...]",
		Short: "Measure every number of the lessons again",
		Long: `Makes all runs of the lessons and compares each number with the interval that its lesson
expects it in: a line for each that has left it, and exit 1.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "set", "write"); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.learnVerify(args, f)
		},
		ValidArgsFunction: completeLesson,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.seeds, "seeds", 0, "measure over the first `N` seeds only")
	flags.StringArrayVar(&f.set, "set", nil, "break a setting by hand, `key=value`, and see; may be repeated")
	flags.StringVar(&f.write, "write", "", "write what was measured to `FILE`, beside what is stored of the other lessons")
	return cmd
}

func (f *learnFlags) check(cmd *cobra.Command) error {
	if cmd.Flags().Changed("seeds") && f.seeds < 1 {
		return fmt.Errorf("--seeds %d: want a number of runs, 1 or more", f.seeds)
	}
	return nil
}

func completeLesson(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	list, err := lesson.All()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, l := range list {
		names = append(names, l.ID)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// learnList lists the lessons: number, title, and how well they are measured.
func (a *app) learnList() error {
	list, err := lesson.All()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, l := range list {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", l.Number, l.ID, l.Title, state(l))
	}
	return w.Flush()
}

// state says how many numbers of a lesson are measured, over how many runs.
func state(l *lesson.Lesson) string {
	stored, runs, numbers := l.Stored(), 0, 0
	for i := range l.Trials {
		t := &l.Trials[i]
		for _, e := range t.Expect {
			if stored[t.Name][e.Metric].Runs == 0 {
				return "not measured yet"
			}
			numbers++
		}
		runs += t.Seeds
	}
	return fmt.Sprintf("%s over %s", counted(numbers, "number"), counted(runs, "run"))
}

// learn takes somebody through one lesson.
func (a *app) learn(word string, f *learnFlags) error {
	list, err := lesson.All()
	if err != nil {
		return err
	}
	l, err := lesson.Find(list, word)
	if err != nil {
		return err
	}
	if _, ok := l.Right(f.answer, l.Stored()); f.answer != "" && !ok {
		return fmt.Errorf("--answer %q: want %s", f.answer, wanted(l))
	}
	if f.open && f.out == "" {
		if f.out, err = os.MkdirTemp("", "brokersim-lesson-"); err != nil {
			return &failure{result.ExitInternal, plainPathError(err)}
		}
	} else if _, err := makeDirectory("--out", f.out); err != nil {
		return err
	}
	if err := reports.LessonHead(a.stdout, l.Question(), a.style()); err != nil {
		return err
	}
	prediction := a.predict(l, f)
	tell := a.doing()
	tell.say("making one run to watch")
	watched, err := l.Watch()
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	measured, err := a.measure(l, f.seeds, nil, tell)
	tell.end()
	if err != nil {
		return err
	}
	page, err := l.Page(measured, &watched)
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	if err := a.tellLesson(l, page, prediction, measured); err != nil {
		return err
	}
	return a.writeLesson(l, page, f)
}

// predict takes the answer of --answer, or of who sits at the terminal; else there is
// none.
func (a *app) predict(l *lesson.Lesson, f *learnFlags) string {
	if in, ok := a.stdin.(*os.File); f.answer != "" || !ok || !term.IsTerminal(int(in.Fd())) {
		return f.answer
	}
	lines := bufio.NewScanner(a.stdin)
	for {
		fmt.Fprintf(a.stderr, "\nYour prediction, %s (Enter for none): ", wanted(l))
		if !lines.Scan() {
			fmt.Fprintln(a.stderr)
			return ""
		}
		said := strings.TrimSpace(lines.Text())
		if said == "" {
			return ""
		}
		if _, ok := l.Right(said, l.Stored()); ok {
			return said
		}
		fmt.Fprintf(a.stderr, "%q: want an answer %s", said, wanted(l))
	}
}

// wanted says what an answer looks like.
func wanted(l *lesson.Lesson) string {
	if len(l.Ask.Choices) > 0 {
		return "one of " + strings.Join(l.Ask.Choices, ", ") + ", or its number"
	}
	return "such as " + l.Example()
}

// measure measures all trials of a lesson.
func (a *app) measure(l *lesson.Lesson, seeds int, set []string, tell *doing) (map[string]lesson.Measured, error) {
	measured := make(map[string]lesson.Measured)
	for i := range l.Trials {
		t := &l.Trials[i]
		tell.say(fmt.Sprintf("lesson %d: measuring %s", l.Number, t.Name))
		runs := 0
		m, err := t.Measure(seeds, set, func() {
			if runs++; runs%10 == 0 {
				tell.count(runs)
			}
		})
		if err != nil {
			return nil, err
		}
		measured[t.Name] = m
	}
	return measured, nil
}

// tellLesson prints the steps, with the answer behind what was measured.
func (a *app) tellLesson(l *lesson.Lesson, page *result.Lesson, prediction string, measured map[string]lesson.Measured) error {
	for i := range page.Parts {
		if err := reports.LessonPart(a.stdout, &page.Parts[i], a.style()); err != nil {
			return err
		}
		if page.Parts[i].Step != lesson.StepMeasure {
			continue
		}
		fmt.Fprintf(a.stdout, "\n  The answer: %s.\n", page.Answer)
		if prediction != "" {
			verdict := "not so"
			right, _ := l.Right(prediction, measured)
			if right {
				verdict = "right"
			}
			if near := l.Near(measured); near != "" {
				verdict += ", as anything in " + near + " is"
				if !right {
					verdict = "not so; right is anything in " + near
				}
			}
			fmt.Fprintf(a.stdout, "  You said %s: %s.\n", prediction, verdict)
		}
	}
	return nil
}

// writeLesson writes the page, and opens it.
func (a *app) writeLesson(l *lesson.Lesson, page *result.Lesson, f *learnFlags) error {
	if f.out == "" {
		return nil
	}
	path := filepath.Join(f.out, strings.TrimSuffix(l.File, ".md")+".html")
	if err := writeReport("--out", path, func(w io.Writer) error { return reports.LessonHTML(w, page) }); err != nil {
		return &failure{result.ExitInternal, err}
	}
	fmt.Fprintf(a.stderr, "%s is the lesson as a page\n", path)
	if !f.open {
		return nil
	}
	if err := browse(path); err != nil {
		fmt.Fprintf(a.stderr, "no browser was found to open it (%s)\n", oneLine(err.Error()))
	}
	return nil
}

// browse opens a file with what the desktop has for it.
func browse(path string) error {
	name, args := "xdg-open", []string{path}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", path}
	}
	return exec.Command(name, args...).Start() //nolint:gosec // our own page
}

// learnVerify measures lessons again: all, or those that were named.
func (a *app) learnVerify(words []string, f *learnFlags) error {
	list, err := lesson.All()
	if err != nil {
		return err
	}
	chosen := list
	if len(words) > 0 {
		chosen = nil
	}
	for _, w := range words {
		l, err := lesson.Find(list, w)
		if err != nil {
			return err
		}
		chosen = append(chosen, l)
	}
	now := make(map[string]map[string]lesson.Measured)
	tell := a.doing()
	for i, l := range chosen {
		measured, err := a.measure(l, f.seeds, f.set, tell)
		tell.end()
		if err != nil {
			return err
		}
		now[l.ID] = measured
		a.printMoved(l, l.Verify(measured), len(measured))
		if !isTerminal(a.stderr) {
			fmt.Fprintf(a.stderr, "%d of %s measured\n", i+1, counted(len(chosen), "lesson"))
		}
	}
	if f.write == "" {
		return nil
	}
	return a.writeMeasured(f.write, now)
}

// printMoved prints what became of a lesson's numbers.
func (a *app) printMoved(l *lesson.Lesson, moved []lesson.Moved, trials int) {
	left := 0
	for i := range moved {
		if moved[i].Left {
			left++
		}
	}
	word := "holds"
	if left > 0 {
		word, a.exit = "BROKEN", result.ExitBroken
	}
	fmt.Fprintf(a.stdout, "%-6s  lesson %d  %s: %s in %s, %d outside\n", word, l.Number, l.ID, counted(l.Expected(), "interval"), counted(trials, "trial"), left)
	for i := range moved {
		fmt.Fprintf(a.stdout, "        %s\n", &moved[i])
	}
}

func (a *app) writeMeasured(path string, now map[string]map[string]lesson.Measured) error {
	s, err := lesson.NewStored(now)
	if err != nil {
		return err
	}
	b, err := s.JSON()
	if err == nil {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		return &failure{result.ExitInternal, fmt.Errorf("--write %w", plainPathError(err))}
	}
	return nil
}
