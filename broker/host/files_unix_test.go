//go:build unix

package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"brokersim/broker/machine"
)

// An append that fails leaves the file as it was.
func TestFailedAppend(t *testing.T) {
	var limit syscall.Rlimit
	if os.Getenv("HOST_TEST_LIMIT") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestFailedAppend$")
		cmd.Env = append(os.Environ(), "HOST_TEST_LIMIT=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	fl := open(t, dir)
	check(t, "append", fl.Append("f", text("kept")))
	limit.Cur, limit.Max = 4096, 4096 // bytes of any file; only for this process
	check(t, "setrlimit", syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	if err := fl.Append("f", machine.Literal(make([]byte, 5000))); !errors.Is(err, machine.ErrIO) {
		t.Errorf("an append above the limit: %v", err)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(content) != "kept" {
		t.Errorf("the file holds %d bytes, %v", len(content), err)
	}
	check(t, "append", fl.Append("f", text("!")))
	holds(t, fl, map[string]string{"f": "kept!"})
}
