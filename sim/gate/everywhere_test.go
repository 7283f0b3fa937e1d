package gate

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// One seed is one run: in one process and in two, on one core and on two, with
// and without a garbage collector, under the race detector, on 32 bits, with
// fused multiply-add, and in a browser's virtual machine.
func TestOneHashEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the simulator for several architectures")
	}
	dir := t.TempDir()
	build := func(name string, env []string, flags ...string) (string, error) {
		bin := filepath.Join(dir, name)
		cmd := exec.Command("go", append(append([]string{"build", "-o", bin}, flags...), "./testdata/hash")...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("%s", out)
		}
		return bin, err
	}
	run := func(env []string, argv ...string) string {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", argv, err, out)
		}
		return string(out)
	}
	native, err := build("native", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := run(nil, native)
	same := func(how, got string) {
		t.Helper()
		if got != want {
			t.Errorf("%s:\n%swant\n%s", how, got, want)
		} else {
			t.Logf("%-22s %s", how, "the same")
		}
	}
	t.Logf("the runs:\n%s", want)
	same("another process", run(nil, native))
	same("GOMAXPROCS=1", run([]string{"GOMAXPROCS=1"}, native))
	same("GOMAXPROCS=2", run([]string{"GOMAXPROCS=2"}, native))
	same("GOGC=off", run([]string{"GOGC=off"}, native))
	same("GOGC=1", run([]string{"GOGC=1"}, native))

	if runtime.GOARCH == "amd64" {
		if b, err := build("i386", []string{"GOARCH=386"}); err != nil {
			t.Errorf("GOARCH=386: %v", err)
		} else {
			same("GOARCH=386", run(nil, b))
		}
		if info, _ := os.ReadFile("/proc/cpuinfo"); !strings.Contains(string(info), "avx2") {
			t.Log("GOAMD64=v3             skipped: this processor has no AVX2")
		} else if b, err := build("v3", []string{"GOAMD64=v3"}); err != nil {
			t.Errorf("GOAMD64=v3: %v", err)
		} else {
			same("GOAMD64=v3", run(nil, b))
		}
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Log("-race                  skipped: there is no C compiler")
	} else if b, err := build("race", []string{"CGO_ENABLED=1"}, "-race"); err != nil {
		t.Errorf("-race: %v", err)
	} else {
		same("-race", run(nil, b))
	}
	if node, err := exec.LookPath("node"); err != nil {
		t.Log("js/wasm                skipped: there is no Node")
	} else if b, err := build("hash.wasm", []string{"GOOS=js", "GOARCH=wasm"}); err != nil {
		t.Errorf("js/wasm: %v", err)
	} else {
		glue := filepath.Join(strings.TrimSpace(run(nil, "go", "env", "GOROOT")), "lib", "wasm", "wasm_exec_node.js")
		same("js/wasm under Node", run(nil, node, "--stack-size=8192", glue, b))
	}
}
