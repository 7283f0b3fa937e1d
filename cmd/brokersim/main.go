// Command brokersim runs message brokers in virtual time under faults, and
// judges what their clients saw.
//
// stdout is the result and nothing else: the same input gives the same bytes.
// Progress, warnings and errors go to stderr. The exit codes are those of
// checker/result.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"brokersim/checker/result"

	"github.com/spf13/cobra"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a run lives for some ten milliseconds in a few megabytes
	}
	os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Main is the program: it returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	printed := &printer{w: stdout}
	a := &app{stdin: stdin, stdout: printed, stderr: stderr}
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(stderr, "brokersim: internal error: %v\n%s", p, debug.Stack())
			code = result.ExitInternal
		}
	}()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(printed)
	root.SetErr(stderr)
	err := root.Execute()
	if printed.err != nil { // whatever the verb made of it, and help makes nothing
		fmt.Fprintf(stderr, "brokersim: writing to stdout: %s\n", oneLine(bareError(printed.err)))
		return result.ExitInternal
	}
	if err != nil {
		fmt.Fprintf(stderr, "brokersim: %s\n", oneLine(err.Error()))
		return codeOf(err)
	}
	return a.exit
}

// app is one invocation.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	noColor        bool
	stdinRead      bool
	inputs         []os.FileInfo // files that were read
	exit           int           // what the verb came to when it was no error
}

// failure is an error that is not the user's.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func codeOf(err error) int {
	if f, ok := err.(*failure); ok { //nolint:errorlint // only verbs make one, and nothing wraps theirs
		return f.code
	}
	return result.ExitUsage
}

func oneLine(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", " ") }

const about = `A deterministic simulator for message brokers.

A Kafka-style cluster runs in virtual time under a simulated network and disk, faults
happen, clients record what they saw, and a checker judges that record. The same
scenario and seed give the same run, bit for bit.`

const examples = `  brokersim scenario ls                         what there is to run
  brokersim run orders                          one run: the verdict, the ledger, the evidence
  brokersim run orders --seed 7 --json          the same for a program
  brokersim run orders --set producer.acks=1    what if?
  brokersim judge history.jsonl                 the checker alone`

const exitCodes = `
Exit codes:
  0  every property held             1    a property was violated
  2  usage or invalid input          3    inconclusive: nothing was shown
  4  nondeterminism: one seed gave two runs
  5  a performance bound was missed
  70 internal error, or output that cannot be written
  130 interrupted: partial results were written
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "brokersim",
		Short:             "A deterministic simulator for message brokers",
		Long:              about,
		Example:           examples,
		Version:           version(),
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              cobra.ArbitraryArgs,
		DisableAutoGenTag: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "never use color (as does NO_COLOR in the environment)")
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("brokersim {{.Version}}\n")
	root.SetUsageTemplate(strings.TrimRight(root.UsageTemplate(), "\n") + "\n" + exitCodes)
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknown("verb", args[0], verbs(cmd))
		}
		cmd.SetOut(a.stderr)
		a.exit = result.ExitUsage
		return cmd.Help()
	}
	root.AddCommand(a.runVerb(), a.checkVerb(), a.mergeVerb(), a.reproVerb(), a.shrinkVerb(), a.whyVerb(), a.reportVerb(), a.corpusVerb(), a.compareVerb(), a.bugsVerb(), a.judgeVerb(), a.learnVerb(), a.scenarioVerb(), a.capacityVerb(), a.sweepVerb(), a.serveVerb(), a.versionVerb())
	return root
}

func verbs(parent *cobra.Command) []string {
	var names []string
	for _, c := range parent.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	return names
}

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "brokersim %s\n", version())
			return err
		},
	}
}
