package tidy

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// The tree has nothing to find.
func TestTree(t *testing.T) {
	packages, err := loadTree(root, nil, "amd64", "./...")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	var forJS []string
	for _, p := range packages {
		files += len(p.files)
		for _, f := range examine(p) {
			t.Error(f)
		}
		if len(p.other) > 0 && repeatable(p.path) {
			forJS = append(forJS, "./"+p.path)
		}
	}
	if len(packages) < 3 || files < 10 {
		t.Errorf("looked at only %d packages and %d files", len(packages), files)
	}
	slices.Sort(forJS)
	forJS = slices.Compact(forJS)
	if len(forJS) == 0 {
		t.Fatal("no package has a file for js: is the loader blind?")
	}
	seen := make(map[string]bool)
	for _, p := range packages {
		for _, f := range p.files {
			seen[p.fset.Position(f.Package).Filename] = true
		}
	}
	packages, err = loadTree(root, []string{"GOOS=js", "GOARCH=wasm"}, "wasm", forJS...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		for _, f := range examine(p) {
			t.Errorf("on js: %v", f)
		}
		for _, f := range unseen(seen, p) {
			t.Error(f)
		}
	}
}

// unseen are the files of a package that must repeat which are built neither here
// nor for browsers: nobody looks into them.
func unseen(seen map[string]bool, p *pkg) (list []finding) {
	for _, f := range p.other {
		if pos := p.fset.Position(f.Package); !seen[pos.Filename] && repeatable(p.path) && !strings.HasSuffix(pos.Filename, "_test.go") {
			list = append(list, finding{pos.Filename, pos.Line, "is for another system, where nobody looks at it: a run is the same everywhere"})
		}
	}
	return list
}

// core is what is compiled for browsers.
const core = "./sim/scenario"

// notInCore are packages that make the core large, or reach outside.
var notInCore = []string{"crypto/tls", "net", "net/http", "os/exec"}

// linked returns which of notInCore a list of packages has.
func linked(deps string) []string {
	var bad []string
	for dep := range strings.FieldsSeq(deps) {
		if slices.Contains(notInCore, dep) {
			bad = append(bad, dep)
		}
	}
	return bad
}

func goDeps(t *testing.T, dir string, pattern string) string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", pattern)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -deps %s: %v\n%s", pattern, err, stderr.Bytes())
	}
	return string(out)
}

func TestCoreIsSmall(t *testing.T) {
	if bad := linked(goDeps(t, root, core)); len(bad) > 0 {
		t.Errorf("on js %s links %s", core, strings.Join(bad, ", "))
	}
	if bad := linked(goDeps(t, root, "net/http")); !slices.Contains(bad, "net") || !slices.Contains(bad, "net/http") || !slices.Contains(bad, "crypto/tls") {
		t.Errorf("of net/http only %v was noticed", bad)
	}
}

// outside is a directory beside the repository, which no clone has.
const outside = "../" + "shared"

func mentions(content []byte) bool { return bytes.Contains(content, []byte(outside)) }

// No file of the project names what lies outside of it.
func TestNothingOutside(t *testing.T) {
	looked := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		looked++
		if mentions(content) {
			t.Errorf("%s mentions %s", path, outside)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 20 {
		t.Errorf("looked at only %d files", looked)
	}
	if !mentions([]byte("see " + outside + "/X.md")) {
		t.Error("a mention was not noticed")
	}
}
