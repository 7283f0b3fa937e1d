package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"

	"github.com/rogpeppe/go-internal/testscript"
)

// programs are brokersim with a simulator that has something wrong with it, for
// what a right one never does.
func programs() map[string]func() {
	with := func(r gate.Runner) func() {
		return func() {
			checkRunner = r
			main()
		}
	}
	runs := 0
	return map[string]func(){
		// Every other run of a case is another one.
		"brokersim-forgetful": with(func(c scenario.Case) result.Result {
			runs++
			c.Seed += uint64(runs % 2)
			r := scenario.Run(c)
			r.Seed = fmt.Sprintf("%#x", c.Seed-uint64(runs%2))
			return r
		}),
		// A checker that finds nothing in a broken broker.
		"brokersim-blind": with(func(c scenario.Case) result.Result {
			c.Plant = nil
			return scenario.Run(c)
		}),
		// A simulator that panics.
		"brokersim-crashing": with(func(c scenario.Case) result.Result {
			if c.Seed == 2 && len(c.Plant) == 0 {
				panic("out of order")
			}
			return scenario.Run(c)
		}),
		// Somebody interrupts the check.
		"brokersim-interrupted": with(func(c scenario.Case) result.Result {
			if runs++; runs == 6 {
				p, err := os.FindProcess(os.Getpid())
				if err == nil {
					err = p.Signal(os.Interrupt)
				}
				if err != nil {
					panic(err)
				}
			}
			return scenario.Run(c)
		}),
	}
}

// exitsAs PROGRAM CODE WORD...: one of the programs comes to the code.
func exitsAs(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[0], args[2:]...)
	code := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[1] {
		ts.Fatalf("%q: exit %d, want %s\n%s%s", args, code, args[1], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func TestProgressText(t *testing.T) {
	for _, row := range []struct {
		p     gate.Progress
		after time.Duration
		want  string
	}{
		{gate.Progress{Done: 50, Of: 200}, 10 * time.Second, "50 runs of 200; 5 a second; about 30s left"},
		{gate.Progress{Done: 50, Failures: 2}, 10 * time.Second, "50 runs, 2 failed; 5 a second"},
		{gate.Progress{}, 0, "0 runs"},
		{gate.Progress{Done: 1, Of: 200}, 0, "1 run of 200"},
		{gate.Progress{Done: 200, Of: 200}, time.Second, "200 runs of 200; 200 a second"},
	} {
		if got := progressText(row.p, row.after); got != row.want {
			t.Errorf("%+v: %q, want %q", row.p, got, row.want)
		}
	}
}

// Each example splits a check as its engine does; the parts together are the
// whole.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("runs each example in parts")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	for _, example := range []struct {
		file string
		env  func(i int) []string // of part i of 3, from 0
	}{
		{"github-actions.yml", func(i int) []string {
			return []string{"GITHUB_ACTIONS=true", "SHARD=" + strconv.Itoa(i+1), "SHARDS=3"}
		}},
		{"gitlab-ci.yml", func(i int) []string {
			return []string{"GITLAB_CI=true", "CI_NODE_INDEX=" + strconv.Itoa(i+1), "CI_NODE_TOTAL=3"}
		}},
		{"kubernetes-job.yaml", func(i int) []string { return []string{"JOB_COMPLETION_INDEX=" + strconv.Itoa(i), "SHARDS=3"} }},
		{"slurm-array.sh", func(i int) []string {
			return []string{"SLURM_ARRAY_TASK_ID=" + strconv.Itoa(i+1), "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_TASK_MIN=1", "SLURM_ARRAY_TASK_MAX=3", "SLURM_ARRAY_TASK_STEP=1"}
		}},
	} {
		t.Run(example.file, func(t *testing.T) {
			line := exampleCommand(t, example.file, "brokersim check ")
			dir := t.TempDir()
			for i := range 3 {
				cmd := exec.Command("sh", "-c", line)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), append(example.env(i), "CHECK=fast-failover --seeds 5 --require-coverage off")...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%s\n%v\n%s", line, err, out)
				}
			}
			cmd := exec.Command("sh", "-c", exampleCommand(t, example.file, "brokersim merge ")+" --json")
			cmd.Dir = dir
			out, err := cmd.Output()
			var merged result.Check
			if err == nil {
				err = json.Unmarshal(out, &merged)
			}
			if err != nil || merged.Runs != 5 || len(merged.Shards) != 3 || merged.Verdict != result.Kept {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// The Slurm example on a Slurm, where there is one to start.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a Slurm")
	}
	for _, program := range []string{"sh", "munged", "slurmctld", "slurmd", "sbatch"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s; see examples/slurm-try.sh for how to get it", program)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("slurmd wants to be root")
	}
	for _, row := range []struct {
		check, tasks, merged string
		code                 int
	}{
		{"fast-failover --seeds 4 --require-coverage off", "task 1 COMPLETED 0:0\ntask 2 COMPLETED 0:0\n", "kept   scenario fast-failover   seeds 0x1..0x4   4 runs\n", 0},
		{"followers-cut --seeds 4 --plant R24-ack-before-isr --shrink off", "task 1 FAILED 1:0\ntask 2 FAILED 1:0\n", "BROKEN   scenario followers-cut   seeds 0x1..0x4   4 runs\n", 1},
	} {
		cmd := exec.Command("sh", filepath.Join("examples", "slurm-try.sh"))
		cmd.Env = append(os.Environ(), "CHECK="+row.check, "SHARDS=2", "PORTS="+freePorts(t))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != row.code || !strings.Contains(string(out), row.tasks) || !strings.Contains(string(out), row.merged) {
			t.Errorf("%v, want exit %d\n%s", err, row.code, out)
		}
	}
}

// freePorts are two that nobody listens on.
func freePorts(t *testing.T) string {
	var ports []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Skip(err)
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return strings.Join(ports, " ")
}

// exampleCommand is the line of an example that has the command, from there on.
func exampleCommand(t *testing.T, file, command string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("examples", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if _, rest, found := strings.Cut(string(line), command); found && !strings.HasPrefix(strings.TrimSpace(string(line)), "#") {
			return command + strings.TrimSpace(rest)
		}
	}
	t.Fatalf("%s has no line with %q", file, command)
	return ""
}

// sameButShards A B: two checks in JSON, the same byte for byte but for the table
// of shards, which the first has.
func sameButShards(ts *testscript.TestScript, _ bool, args []string) {
	got, want := ts.ReadFile(args[0]), ts.ReadFile(args[1])
	at := strings.LastIndex(got, `,"shards":[`)
	if at < 0 {
		ts.Fatalf("there is no table of shards: %s", got)
	}
	if got = got[:at] + "}\n"; got != want {
		ts.Fatalf("merged\n%swhole\n%s", got, want)
	}
}
