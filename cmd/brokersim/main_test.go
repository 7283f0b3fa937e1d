package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"brokersim/checker/result"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the scripts compare with")

func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // as main does, whose part some tests play
	}
	commands := programs()
	commands["brokersim"] = main
	testscript.Main(m, commands)
}

// Each script is a story of the command line: what a user types, what comes out
// on which stream, and the exit code.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":           exits,
			"exits-as":        exitsAs,
			"same-but-shards": sameButShards,
			"exec-any":        execAny,
			"refuses":         refuses,
		},
	})
}

// exits CODE WORD...: brokersim comes to the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(invoke(ts, args[1:])); got != args[0] {
		ts.Fatalf("brokersim %q: exit %s, want %s\n%s%s", args[1:], got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// execAny WORD...: brokersim runs, whatever the verdict.
func execAny(ts *testscript.TestScript, _ bool, args []string) {
	if code := invoke(ts, args); code != result.ExitKept && code != result.ExitBroken && code != result.ExitInconclusive {
		ts.Fatalf("brokersim %q: exit %d\n%s", args, code, ts.ReadFile("stderr"))
	}
}

// refuses MESSAGE WORD...: brokersim says exactly that on stderr, in one line,
// nothing on stdout, writes no file, and comes to exit 2.
func refuses(ts *testscript.TestScript, _ bool, args []string) {
	before := files(ts)
	code := invoke(ts, args[1:])
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if want := "brokersim: " + args[0] + "\n"; stderr != want || code != result.ExitUsage || stdout != "" {
		ts.Fatalf("brokersim %q: exit %d\n got %swant %sstdout %q", args[1:], code, stderr, want, stdout)
	}
	if after := files(ts); after != before {
		ts.Fatalf("brokersim %q refused and wrote files:\n%sbefore\n%s", args[1:], after, before)
	}
}

// invoke runs brokersim in the directory of the script and returns its exit code.
func invoke(ts *testscript.TestScript, args []string) int {
	err := ts.Exec("brokersim", args...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return failed.ExitCode()
	}
	ts.Check(err)
	return 0
}

// files lists what is in the directory of the script, with the sizes.
func files(ts *testscript.TestScript) string {
	var list strings.Builder
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintf(&list, "%s %d\n", path, info.Size())
		}
		return err
	}))
	return list.String()
}

// A bug of ours is exit 70 with a stack, not a crash of the program.
func TestInternalError(t *testing.T) {
	var stderr bytes.Buffer
	code := Main([]string{"version"}, nil, panics{}, &stderr)
	if code != result.ExitInternal || !strings.Contains(stderr.String(), "internal error: full") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

type panics struct{}

func (panics) Write([]byte) (int, error) { panic("full") }

// What cannot be printed is not success.
func TestStdoutFails(t *testing.T) {
	for _, args := range [][]string{
		{"judge", os.DevNull}, {"run", "healthy"}, {"run", "healthy", "--json"}, {"version"}, {"--version"}, {"--help"}, {"run", "--help"},
		{"scenario", "ls"}, {"scenario", "show", "orders"}, {"scenario", "validate", "orders"}, {"completion", "bash"},
	} {
		var stderr bytes.Buffer
		code := Main(args, nil, broken{}, &stderr)
		if code != result.ExitInternal || stderr.String() != "brokersim: writing to stdout: no space\n" {
			t.Errorf("%q: exit %d: %s", args, code, stderr.String())
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: errors.New("no space")}
}
