package tidy

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var rewrite = flag.Bool("rewrite", false, "write the findings into the archives of testdata")

// Every rule bites: each archive begins with what it shows and the findings that
// are expected, and holds the source that has them.
func TestBites(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 20 {
		t.Fatalf("only %d archives: %v", len(names), err)
	}
	fset := token.NewFileSet()
	archives := make([]*txtar.Archive, len(names))
	var imports []string
	for i, name := range names {
		if archives[i], err = txtar.ParseFile(name); err != nil {
			t.Fatal(err)
		}
		for _, f := range archives[i].Files {
			parsed, err := parser.ParseFile(fset, f.Name, f.Data, parser.ImportsOnly)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, im := range parsed.Imports {
				if p, _ := strconv.Unquote(im.Path.Value); !strings.HasPrefix(p, module+"/") && p != "unsafe" {
					imports = append(imports, p)
				}
			}
		}
	}
	slices.Sort(imports)
	std, err := goList(root, nil, slices.Compact(imports)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			bite(t, name, archives[i], std)
		})
	}
}

func bite(t *testing.T, name string, archive *txtar.Archive, std []*listed) {
	fset := token.NewFileSet()
	imp := &archiveImporter{exports(fset, std), make(map[string]*types.Package)}
	var got strings.Builder
	var packages []*pkg // in the order of the archive: what is imported comes first
	for _, f := range archive.Files {
		dir := path.Dir(f.Name)
		i := slices.IndexFunc(packages, func(p *pkg) bool { return p.path == dir })
		if i < 0 {
			i, packages = len(packages), append(packages, newPkg(dir, fset))
		}
		into := &packages[i].files
		if strings.HasSuffix(f.Name, "_test.go") {
			into = &packages[i].tests
		}
		parsed, err := parser.ParseFile(fset, f.Name, f.Data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		*into = append(*into, parsed)
	}
	for _, p := range packages {
		p.check(imp, "amd64")
		if p.err != nil {
			t.Fatalf("the source is wrong in another way: %v", p.err)
		}
		imp.own[module+"/"+p.path] = p.types
		for _, f := range examine(p) {
			fmt.Fprintln(&got, f)
		}
	}
	comment := string(archive.Comment)
	about, want, found := strings.Cut(comment, "\n\n")
	if !found {
		t.Fatalf("%s: want what it shows, an empty line, and the findings", name)
	}
	if *rewrite {
		archive.Comment = []byte(about + "\n\n" + got.String())
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != want {
		t.Errorf("%s\nfound:\n%swant:\n%s", about, got.String(), want)
	}
	if clean := strings.HasPrefix(filepath.Base(name), "clean"); clean != (want == "") {
		t.Errorf("%s: an archive expects findings unless it is called clean", name)
	}
}

// archiveImporter knows the packages of an archive besides the standard library.
type archiveImporter struct {
	std types.Importer
	own map[string]*types.Package
}

func (imp *archiveImporter) Import(path string) (*types.Package, error) {
	if p := imp.own[path]; p != nil {
		return p, nil
	}
	return imp.std.Import(path)
}
