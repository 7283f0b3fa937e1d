package tidy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Export string
	Standard                bool
	Module                  *struct{ Path string }
	GoFiles, IgnoredGoFiles []string
	TestGoFiles             []string
	XTestGoFiles            []string
	Error                   *listError
}

type listError struct{ Err string }

func (e *listError) String() string { return e.Err }

// ours is the path inside the module, if it is a package of it.
func (l *listed) ours() (string, bool) {
	if l.Module == nil || l.Module.Path != module {
		return "", false
	}
	return strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, module), "/"), true
}

// goList lists packages and everything that they import, compiled, so that each
// can be checked against the compiler's summary of the others.
func goList(dir string, env []string, patterns ...string) ([]*listed, error) {
	args := []string{"list", "-e", "-deps", "-export",
		"-json=ImportPath,Dir,Export,Standard,Module,GoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Error"}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var packages []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := dec.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// pkg is one package, parsed and type-checked.
type pkg struct {
	path  string // inside the module, such as "broker/log"
	fset  *token.FileSet
	files []*ast.File // those that are built, without tests
	tests []*ast.File // imports only
	other []*ast.File // for other systems: imports only
	info  *types.Info
	types *types.Package
	err   error // why it has no types
}

// exports imports packages from the compiler's summaries.
func exports(fset *token.FileSet, packages []*listed) types.Importer {
	files := make(map[string]string)
	for _, p := range packages {
		files[p.ImportPath] = p.Export
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		if files[path] == "" {
			return nil, fmt.Errorf("%s does not compile", path)
		}
		return os.Open(files[path])
	})
}

func newPkg(path string, fset *token.FileSet) *pkg {
	return &pkg{path: path, fset: fset, info: &types.Info{
		Types:      make(map[ast.Expr]types.TypeAndValue),
		Uses:       make(map[*ast.Ident]types.Object),
		Defs:       make(map[*ast.Ident]types.Object),
		Selections: make(map[*ast.SelectorExpr]*types.Selection),
	}}
}

func (p *pkg) check(imp types.Importer, arch string) {
	conf := types.Config{Importer: imp, Sizes: types.SizesFor("gc", arch)}
	p.types, p.err = conf.Check(module+"/"+p.path, p.fset, p.files, p.info)
}

// loadTree loads the packages of the module at root. File names are given
// relative to root.
func loadTree(root string, env []string, arch string, patterns ...string) ([]*pkg, error) {
	list, err := goList(root, env, patterns...)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	imp := exports(fset, list)
	var packages []*pkg
	for _, l := range list {
		path, ours := l.ours()
		if !ours {
			continue
		}
		p := newPkg(path, fset)
		for _, group := range []struct {
			names []string
			into  *[]*ast.File
			mode  parser.Mode
		}{
			{l.GoFiles, &p.files, parser.ParseComments | parser.SkipObjectResolution},
			{append(l.TestGoFiles, l.XTestGoFiles...), &p.tests, parser.ImportsOnly},
			{l.IgnoredGoFiles, &p.other, parser.ImportsOnly},
		} {
			for _, name := range group.names {
				source, err := os.ReadFile(filepath.Join(l.Dir, name))
				if err != nil {
					return nil, err
				}
				f, err := parser.ParseFile(fset, filepath.ToSlash(filepath.Join(path, name)), source, group.mode)
				if err != nil {
					return nil, err
				}
				*group.into = append(*group.into, f)
			}
		}
		if len(p.files)+len(p.tests)+len(p.other) == 0 {
			return nil, fmt.Errorf("%s has no Go files: %v", l.ImportPath, l.Error)
		}
		p.check(imp, arch)
		packages = append(packages, p)
	}
	return packages, nil
}
