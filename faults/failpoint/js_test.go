//go:build !js

package failpoint

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The same tests on js/wasm, where the library is left out.
func TestOnJS(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: no Node.js to run js/wasm")
	}
	if testing.Short() {
		t.Skip("skipped: -short")
	}
	runner := filepath.Join(runtime.GOROOT(), "lib", "wasm", "go_js_wasm_exec")
	if _, err := os.Stat(runner); err != nil {
		t.Skipf("skipped: no js/wasm runner: %v", err)
	}
	cmd := exec.Command("go", "test", "-count=1", "-exec="+runner, ".")
	// The runner hands the environment to Node, which has little room for it.
	cmd.Env = []string{"GOOS=js", "GOARCH=wasm", "GOFLAGS=-mod=readonly"}
	for _, name := range []string{"PATH", "HOME", "GOCACHE", "GOPATH", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN", "TMPDIR"} {
		if v, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ok") {
		t.Errorf("on js/wasm: %v\n%s", err, out)
	}
}

// What the wasm core links must stay small and silent.
func TestJSLinksNoHTTP(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		switch dep {
		case "net", "net/http", "os/exec", "crypto/tls", "github.com/pingcap/failpoint":
			t.Errorf("on js the package links %s", dep)
		}
	}
}
