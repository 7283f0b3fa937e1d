package tidy

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// finding is one thing that is wrong, and where.
type finding struct {
	file string
	line int
	msg  string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.msg) }

// examine returns what is wrong with a package, in order of position.
func examine(p *pkg) []finding {
	e := &examiner{pkg: p}
	if row, _ := rowOf(p.path); row < 0 {
		file := append(append(p.files, p.tests...), p.other...)[0]
		e.add(file.Package, "package %s is not in the table of layers", p.path)
	} else {
		e.imports()
	}
	switch {
	case p.err != nil:
		e.found = append(e.found, finding{p.path, 0, "does not compile: " + p.err.Error()})
	case repeatable(p.path):
		e.hazards()
	}
	slices.SortStableFunc(e.found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	return slices.Compact(e.found)
}

type examiner struct {
	*pkg
	excuses excuses
	found   []finding
}

func (e *examiner) add(at token.Pos, format string, args ...any) {
	pos := e.fset.Position(at)
	e.found = append(e.found, finding{pos.Filename, pos.Line, fmt.Sprintf(format, args...)})
}

// imports holds the imports of all files against the table of layers.
func (e *examiner) imports() {
	for i, files := range [][]*ast.File{e.files, e.tests, e.other} {
		for _, f := range files {
			fromTest := i == 1 || strings.HasSuffix(e.fset.Position(f.Package).Filename, "_test.go")
			for _, im := range f.Imports {
				path, err := strconv.Unquote(im.Path.Value)
				if err != nil {
					continue // the compiler says so
				}
				if inside, ours := strings.CutPrefix(path, module+"/"); ours {
					if wrong := checkImport(e.path, inside, fromTest); wrong != "" {
						e.add(im.Pos(), "%s", wrong)
					}
				}
			}
		}
	}
}

// excuses are the comments that allow what is otherwise forbidden.
type excuses map[excuseAt]*excuse

type excuseAt struct {
	file string
	line int
	kind string
}

type excuse struct {
	pos  token.Pos
	kind string
	used bool
}

// collect reads the excuses of a file. One counts for its own line and, if its
// comment ends there, for the line below.
func (e *examiner) collect(f *ast.File) {
	for _, group := range f.Comments {
		end := e.fset.Position(group.End())
		for _, c := range group.List {
			for _, kind := range []string{"unordered", "total", "float"} {
				why, is := strings.CutPrefix(c.Text, "// "+kind+":")
				if !is {
					continue
				}
				if len(strings.Fields(why)) < 2 {
					e.add(c.Pos(), `"// %s:" gives no reason`, kind)
					continue
				}
				x := &excuse{pos: c.Pos(), kind: kind}
				e.excuses[excuseAt{end.Filename, e.fset.Position(c.Pos()).Line, kind}] = x
				e.excuses[excuseAt{end.Filename, end.Line + 1, kind}] = x
			}
		}
	}
}

// excused reports whether a comment allows what stands at pos.
func (e *examiner) excused(at token.Pos, kind string) bool {
	pos := e.fset.Position(at)
	x := e.excuses[excuseAt{pos.Filename, pos.Line, kind}]
	if x == nil {
		return false
	}
	x.used = true
	return true
}

func (e *examiner) unusedExcuses() {
	for _, x := range e.excuses {
		if !x.used {
			e.add(x.pos, `"// %s:" excuses nothing`, x.kind)
		}
	}
}
