package tidy

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// change looks for what changes a package-level variable: an assignment to it
// or to a part of it, its address, a method with a pointer receiver, and the
// functions that change their argument.
func (e *examiner) change(n ast.Node, stack []ast.Node) {
	var changed []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			changed = n.Lhs
		}
	case *ast.IncDecStmt:
		changed = []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			changed = []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			changed = []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		changed = e.changedBy(n)
	}
	for _, x := range changed {
		if v := e.global(x); v != nil && !inInit(stack) {
			e.add(n.Pos(), "package-level variable %s changes: give it to whoever needs it", v.Name())
		}
	}
}

// changedBy returns what a call changes: the receiver or the first argument.
func (e *examiner) changedBy(n *ast.CallExpr) []ast.Expr {
	switch fun := ast.Unparen(n.Fun).(type) {
	case *ast.Ident:
		if _, builtin := e.info.Uses[fun].(*types.Builtin); builtin {
			switch fun.Name {
			case "clear", "delete", "copy":
				return n.Args[:1]
			}
		}
	case *ast.SelectorExpr:
		if s := e.info.Selections[fun]; s != nil && s.Kind() == types.MethodVal {
			receiver := s.Obj().(*types.Func).Signature().Recv().Type()
			if _, pointer := receiver.(*types.Pointer); pointer && !isPointer(e.info.TypeOf(fun.X)) {
				return []ast.Expr{fun.X}
			}
		}
		if name := e.callee(n); len(n.Args) > 0 && (strings.HasPrefix(name, "slices.Sort") && !strings.HasPrefix(name, "slices.Sorted") ||
			name == "slices.Reverse" || strings.HasPrefix(name, "sort.") && !strings.HasPrefix(name, "sort.Search")) {
			return n.Args[:1]
		}
	}
	return nil
}

func isPointer(t types.Type) bool {
	_, is := t.Underlying().(*types.Pointer)
	return is
}

// global is the package-level variable that an expression is, or is a part of.
func (e *examiner) global(x ast.Expr) *types.Var {
	for x != nil {
		switch y := x.(type) {
		case *ast.Ident:
			v, is := e.info.Uses[y].(*types.Var)
			if is && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		case *ast.SelectorExpr:
			if v, is := e.info.Uses[y.Sel].(*types.Var); is && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v // of another package
			}
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.SliceExpr:
			x = y.X
		case *ast.StarExpr:
			x = y.X
		case *ast.ParenExpr:
			x = y.X
		default:
			return nil
		}
	}
	return nil
}

// inInit reports whether a node is in a function init, which runs once and
// before everything else, or in a package-level declaration.
func inInit(stack []ast.Node) bool {
	for _, n := range stack {
		if f, is := n.(*ast.FuncDecl); is {
			return f.Recv == nil && f.Name.Name == "init"
		}
	}
	return true
}
