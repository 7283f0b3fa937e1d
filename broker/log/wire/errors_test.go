package wire

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
	"unicode"
)

// Every code has the name of its constant, as Kafka writes it, and no two
// constants are the same code.
func TestErrorNames(t *testing.T) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := conf.Check("wire", fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	byCode := map[int64]string{}
	for _, name := range pkg.Scope().Names() {
		c, ok := pkg.Scope().Lookup(name).(*types.Const)
		if !ok {
			continue
		}
		code, _ := constant.Int64Val(c.Val())
		if other := byCode[code]; other != "" {
			t.Errorf("%s and %s are both %d", name, other, code)
		}
		byCode[code] = name
		if got, want := ErrorName(int16(code)), upper(name); got != want {
			t.Errorf("the name of %s (%d) is %s, want %s", name, code, got, want)
		}
	}
	if len(byCode) < 40 {
		t.Errorf("only %d codes were looked at", len(byCode))
	}
	if got := ErrorName(9999); got != "error 9999" {
		t.Errorf("an unknown code is %q", got)
	}
}

// upper is NotLeaderOrFollower as NOT_LEADER_OR_FOLLOWER; ID is one word.
func upper(name string) string {
	var b strings.Builder
	var before rune
	for _, r := range name {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
		before = r
	}
	return strings.ReplaceAll(b.String(), "IDNOT", "ID_NOT")
}
