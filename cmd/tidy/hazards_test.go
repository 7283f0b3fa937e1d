package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// bannedPackages must not be imported where runs repeat.
var bannedPackages = map[string]string{
	"crypto/rand":   "draw by identity with machine.Draw",
	"hash/maphash":  "its seed differs in every process",
	"net":           "send a frame",
	"net/http":      "send a frame",
	"os":            "use the node's Files",
	"os/exec":       "a run starts no process",
	"os/signal":     "a run gets no signals",
	"path/filepath": "its separator differs from system to system; use path",
	"runtime":       "what it tells differs from run to run",
	"runtime/debug": "what it tells differs from run to run",
	"syscall":       "use the node's Files",
	"testing":       "is for tests",
	"unsafe":        "addresses and layouts differ",
}

// bannedNames are functions, types and variables, as types.Object names them.
var bannedNames = map[string]string{
	"time.Now":       "time is an argument of Step",
	"time.Since":     "time is an argument of Step",
	"time.Until":     "time is an argument of Step",
	"time.Sleep":     "ask for a deadline",
	"time.After":     "ask for a deadline",
	"time.AfterFunc": "ask for a deadline",
	"time.NewTimer":  "ask for a deadline",
	"time.NewTicker": "ask for a deadline",
	"time.Tick":      "ask for a deadline",
	"time.Local":     "the time zone is the machine's",

	"iter.Pull":  "a coroutine: range over the sequence",
	"iter.Pull2": "a coroutine: range over the sequence",

	"sync.Pool": "what it keeps depends on the garbage collector",
	"sync.Map":  "its order differs from run to run",

	"context.WithTimeout":  "ask for a deadline",
	"context.WithDeadline": "ask for a deadline",

	"sort.Slice": "equal elements may change places; use slices.SortStableFunc",
	"sort.Sort":  "equal elements may change places; use slices.SortStableFunc",
}

// seededRand are the functions of math/rand that use no global generator.
var seededRand = []string{"New", "NewSource", "NewPCG", "NewChaCha8", "NewZipf"}

// hazards looks at every file of a package that must repeat.
func (e *examiner) hazards() {
	e.excuses = make(excuses)
	for _, f := range e.files {
		e.collect(f)
	}
	for _, f := range e.files {
		for _, im := range f.Imports {
			path, _ := strconv.Unquote(im.Path.Value)
			if path == "testing" && slices.Contains(testOnly, e.path) {
				continue
			}
			if why, banned := bannedPackages[path]; banned {
				e.add(im.Pos(), "import of %s: %s", path, why)
			}
		}
		var stack []ast.Node
		ast.Inspect(f, func(n ast.Node) bool {
			if n == nil {
				stack = stack[:len(stack)-1]
				return true
			}
			e.node(n, stack)
			stack = append(stack, n)
			return true
		})
	}
	e.unusedExcuses()
}

// node looks at one node of the syntax; stack has those around it.
func (e *examiner) node(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.GoStmt:
		e.add(n.Pos(), "goroutine: hand work forward with effects")
	case *ast.SelectStmt:
		e.add(n.Pos(), "select: its choice is random")
	case *ast.ChanType:
		e.add(n.Pos(), "channel: hand work forward with effects")
	case *ast.SendStmt:
		e.add(n.Pos(), "channel: hand work forward with effects")
	case *ast.RangeStmt:
		e.rangeOver(n)
	case *ast.BasicLit:
		if n.Kind == token.STRING && hasPointerVerb(n.Value) {
			e.add(n.Pos(), "%%p: an address differs in every process")
		}
	case *ast.CallExpr:
		e.call(n, stack)
	case *ast.Ident:
		e.name(n)
	}
	e.float(n)
	e.change(n, stack)
}

func (e *examiner) rangeOver(n *ast.RangeStmt) {
	t := e.info.TypeOf(n.X)
	if t == nil {
		return
	}
	switch under(t).(type) {
	case *types.Map:
		if !e.excused(n.Pos(), "unordered") {
			e.add(n.Pos(), "range over a map: range over slices.Sorted(maps.Keys(m)), or say // unordered: why")
		}
	case *types.Chan:
		e.add(n.Pos(), "channel: hand work forward with effects")
	}
}

// under is the underlying type, or that of a type parameter's constraint.
func under(t types.Type) types.Type {
	if p, is := t.(*types.TypeParam); is {
		if i, ok := p.Constraint().Underlying().(*types.Interface); ok && i.NumEmbeddeds() == 1 {
			if u, ok := i.EmbeddedType(0).(*types.Union); ok && u.Len() == 1 {
				return u.Term(0).Type().Underlying()
			}
			return i.EmbeddedType(0).Underlying()
		}
	}
	return t.Underlying()
}

// call looks at functions that are hazards only in some places.
func (e *examiner) call(n *ast.CallExpr, stack []ast.Node) {
	name := e.callee(n)
	if strings.HasPrefix(name, "fmt.") {
		e.printed(n)
	}
	switch name {
	case "maps.Keys", "maps.Values", "maps.All":
		if outer, is := last(stack).(*ast.CallExpr); is {
			switch e.callee(outer) {
			case "slices.Sorted", "slices.SortedFunc", "maps.Collect", "maps.Insert":
				return
			}
		}
		if !e.excused(n.Pos(), "unordered") {
			e.add(n.Pos(), "%s without slices.Sorted around it: a map has no order; sort it, or say // unordered: why", name)
		}
	case "(reflect.Value).MapKeys", "(reflect.Value).MapRange":
		if !e.excused(n.Pos(), "unordered") {
			e.add(n.Pos(), "%s: a map has no order; sort it, or say // unordered: why", name)
		}
	case "slices.SortFunc", "slices.SortedFunc":
		if !e.excused(n.Pos(), "total") {
			e.add(n.Pos(), "%s: elements that compare equal may change places; use the stable one, or say // total: why none do", name)
		}
	}
}

// printed looks for arguments of which package fmt prints the address: functions,
// and pointers to anything that has no fields or elements to print instead.
func (e *examiner) printed(n *ast.CallExpr) {
	for _, x := range n.Args {
		t := e.info.TypeOf(x)
		if t == nil || isNil(e.info.Types[x]) || saysItself(t) {
			continue
		}
		switch u := t.Underlying().(type) {
		case *types.Signature:
			e.add(x.Pos(), "a function is printed by its address, which differs in every process")
		case *types.Pointer:
			switch u.Elem().Underlying().(type) {
			case *types.Struct, *types.Slice, *types.Array, *types.Map:
			default:
				e.add(x.Pos(), "a pointer is printed by its address, which differs in every process")
			}
		}
	}
}

func isNil(tv types.TypeAndValue) bool { return tv.IsNil() }

// saysItself reports whether a type has a method that fmt asks for its text.
func saysItself(t types.Type) bool {
	methods := types.NewMethodSet(t)
	for _, name := range []string{"Error", "String", "Format"} {
		if methods.Lookup(nil, name) != nil {
			return true
		}
	}
	return false
}

// callee is the full name of the function that is called, or "".
func (e *examiner) callee(n *ast.CallExpr) string {
	fun := ast.Unparen(n.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	var id *ast.Ident
	switch x := fun.(type) {
	case *ast.Ident:
		id = x
	case *ast.SelectorExpr:
		id = x.Sel
	default:
		return ""
	}
	if f, is := e.info.Uses[id].(*types.Func); is {
		return f.FullName()
	}
	return ""
}

// name looks at the use of a name of another package.
func (e *examiner) name(n *ast.Ident) {
	obj := e.info.Uses[n]
	if obj == nil || obj.Pkg() == nil || obj.Pkg() == e.types || obj.Parent() != obj.Pkg().Scope() {
		return
	}
	path := obj.Pkg().Path()
	if why, banned := bannedNames[path+"."+obj.Name()]; banned {
		e.add(n.Pos(), "%s.%s: %s", path, obj.Name(), why)
	}
	if _, isFunc := obj.(*types.Func); isFunc && (path == "math/rand" || path == "math/rand/v2") && !slices.Contains(seededRand, obj.Name()) {
		e.add(n.Pos(), "%s.%s: draws from a global generator; draw by identity with machine.Draw", path, obj.Name())
	}
}

// float looks for arithmetic whose last bits depend on the processor.
func (e *examiner) float(n ast.Node) {
	if !floatFree(e.path) {
		return
	}
	var what string
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op {
		case token.ADD, token.SUB, token.MUL, token.QUO:
			if e.isFloat(n) {
				what = n.Op.String()
			}
		}
	case *ast.AssignStmt:
		switch n.Tok {
		case token.ADD_ASSIGN, token.SUB_ASSIGN, token.MUL_ASSIGN, token.QUO_ASSIGN:
			if e.isFloat(n.Lhs[0]) {
				what = n.Tok.String()
			}
		}
	case *ast.IncDecStmt:
		if e.isFloat(n.X) {
			what = n.Tok.String()
		}
	case *ast.CallExpr:
		if name := e.callee(n); strings.HasPrefix(name, "math.") && e.isFloat(n) {
			what = name
		}
	}
	if what != "" && !e.excused(n.Pos(), "float") {
		e.add(n.Pos(), "float arithmetic (%s): its bits differ between processors; count in integers, or say // float: why", what)
	}
}

// isFloat reports whether an expression is a float or complex number that is
// not a constant, which the compiler calculates exactly.
func (e *examiner) isFloat(x ast.Expr) bool {
	tv, known := e.info.Types[x]
	if !known || tv.Value != nil || tv.Type == nil {
		return false
	}
	return mayBeFloat(tv.Type)
}

// mayBeFloat reports whether a type, or one that a type parameter may stand for,
// is a floating-point number.
func mayBeFloat(t types.Type) bool {
	if p, is := t.(*types.TypeParam); is {
		return mayBeFloat(p.Constraint().Underlying())
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&(types.IsFloat|types.IsComplex) != 0
	case *types.Interface:
		for i := range u.NumEmbeddeds() {
			if union, is := u.EmbeddedType(i).(*types.Union); is {
				for j := range union.Len() {
					if mayBeFloat(union.Term(j).Type()) {
						return true
					}
				}
			} else if mayBeFloat(u.EmbeddedType(i)) {
				return true
			}
		}
	}
	return false
}

// hasPointerVerb reports whether a string has the verb %p, with or without flags.
func hasPointerVerb(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		for i < len(s) && strings.IndexByte("+-# 0123456789.*[]", s[i]) >= 0 {
			i++
		}
		if i < len(s) && s[i] == 'p' {
			return true
		}
	}
	return false
}

func last(stack []ast.Node) ast.Node {
	if len(stack) == 0 {
		return nil
	}
	return stack[len(stack)-1]
}
