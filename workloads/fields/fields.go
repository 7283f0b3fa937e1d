// Package fields reads YAML files strictly: every field is one that is known, every
// value is of its kind and within its bounds, and what is not is one line with its
// position and the nearest name that would have been right.
//
// A file is walked by closures: [Reader.Fields] calls, for each field of a mapping,
// the one that takes it. The first error is kept and the walk goes on, so that the
// closures need no errors of their own.
package fields

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"brokersim/broker/near"
)

// Reader walks one file and keeps its first error.
type Reader struct {
	file   string
	field  string // whose value is being read
	err    error
	checks []func()
}

// Take is what reads a value.
type Take = func(ast.Node)

// Fields are what a mapping may have, and what reads each.
type Fields map[string]Take

// New returns a reader of the file of that name, which begins its errors.
func New(file string) *Reader { return &Reader{file: file} }

// Document is the body of a file that has one document; nil if it has none, and
// the error says what is there instead. what names the document's fields.
func (p *Reader) Document(src []byte, what string) ast.Node {
	if line, no := noText(src); no != "" {
		p.err = fmt.Errorf("%s:%d: %s is no text: want YAML with %s's fields", p.file, line, no, what)
		return nil
	}
	file, err := parser.ParseBytes(src, 0)
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil:
		p.err = fmt.Errorf("%s:%d: %s", p.file, syntax.Token.Position.Line, syntax.Message)
	case err != nil:
		p.err = fmt.Errorf("%s: %s", p.file, strings.SplitN(err.Error(), "\n", 2)[0])
	case len(file.Docs) != 1 || file.Docs[0].Body == nil:
		p.err = fmt.Errorf("%s:1: want one document with %s's fields", p.file, what)
	default:
		return file.Docs[0].Body
	}
	return nil
}

// noText is the first thing in a file that no text has, with its line: a byte that is no
// UTF-8, or a control character.
func noText(src []byte) (line int, what string) {
	line = 1
	for rest := src; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return line, fmt.Sprintf("byte %#x", rest[0])
		case r == '\n':
			line++
		case unicode.IsControl(r) && r != '\t' && r != '\r':
			return line, fmt.Sprintf("control character %U", r)
		}
		rest = rest[size:]
	}
	return line, ""
}

// Later has check called by [Reader.Done]: it looks at what one field alone cannot show.
func (p *Reader) Later(check func()) { p.checks = append(p.checks, check) }

// Done makes the later checks and returns the first error of the file.
func (p *Reader) Done() error {
	for _, check := range p.checks {
		check()
	}
	p.checks = nil
	return p.err
}

// Err is the first error so far.
func (p *Reader) Err() error { return p.err }

// Fail reports a mistake at a node, unless there was one before.
func (p *Reader) Fail(n ast.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %s", p.file, Line(n), fmt.Sprintf(format, args...))
	}
}

// refuse reports a value that its field cannot have, by the field's name: a line of
// the file may have several.
func (p *Reader) refuse(n ast.Node, format string, args ...any) {
	if p.field != "" {
		format = "%s: " + format
		args = append([]any{p.field}, args...)
	}
	p.Fail(n, format, args...)
}

// FailAt reports a mistake that was found in text which begins behind a line.
func (p *Reader) FailAt(line int, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %w", p.file, line, err)
	}
}

// Line is the line of the file that a node begins on.
func Line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

// Pairs calls f for each key of a mapping in the order of the file.
func (p *Reader) Pairs(n ast.Node, what string, f func(key string, at, value ast.Node)) {
	var m ast.MapNode
	switch n := n.(type) { // no aliases, no tags: their nodes only pretend to be maps
	case *ast.MappingNode:
		m = n
	case *ast.MappingValueNode:
		m = n
	default:
		p.Fail(n, "%s: want fields, one a line", what)
		return
	}
	seen := make(map[string]bool)
	for it := m.MapRange(); it.Next(); {
		key := it.Key().GetToken().Value
		if seen[key] {
			p.Fail(it.Key(), "%s: %s is there twice", what, key)
		}
		seen[key] = true
		f(key, it.Key(), it.Value())
	}
}

// Fields reads a mapping of which every field must be known.
func (p *Reader) Fields(n ast.Node, what string, known Fields) {
	p.Pairs(n, what, func(key string, at, value ast.Node) {
		if take, ok := known[key]; ok {
			outer := p.field
			p.field = key
			take(value)
			p.field = outer
			return
		}
		var names []string
		for name := range known { // unordered: sorted below
			names = append(names, name)
		}
		slices.Sort(names)
		p.Fail(at, "unknown field %s of %s%s", key, what, near.Suggest(key, names))
	})
}

// IsMap reports whether a node has fields.
func IsMap(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// Scalar is a single value as the file has it.
func (p *Reader) Scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	p.refuse(n, "want one value, not a list or fields")
	return "", false
}

// Text reads a value of any kind as text.
func (p *Reader) Text(to *string) Take {
	return func(n ast.Node) {
		if v, ok := p.Scalar(n); ok {
			*to = strings.TrimSpace(v)
		}
	}
}

// Name reads a text that is not empty.
func (p *Reader) Name(to *string) Take {
	return Both(p.Text(to), func(n ast.Node) {
		if *to == "" {
			p.refuse(n, "is empty; leave it out to go without")
		}
	})
}

// Word reads one of some words.
func (p *Reader) Word(to *string, words ...string) Take {
	return func(n ast.Node) {
		if v, ok := p.Scalar(n); ok {
			if !slices.Contains(words, v) {
				p.refuse(n, "%q: want one of %s%s", v, strings.Join(words, ", "), near.DidYouMean(v, words))
			}
			*to = v
		}
	}
}

// Bool reads true or false.
func (p *Reader) Bool(to *bool) Take {
	return func(n ast.Node) {
		word := ""
		p.Word(&word, "true", "false")(n)
		*to = word == "true"
	}
}

// Number reads a whole number within bounds. Digits may be grouped: 1_000.
func (p *Reader) Number(set func(int64), least, most int64) Take {
	return func(n ast.Node) {
		v, ok := p.Scalar(n)
		if !ok {
			return
		}
		x, err := strconv.ParseInt(strings.ReplaceAll(v, "_", ""), 10, 64)
		if err != nil || x < least || x > most {
			p.refuse(n, "%q: want a whole number from %d to %d", v, least, most)
			return
		}
		set(x)
	}
}

// Thousandths reads a decimal number with at most three digits behind the point, in
// units of a thousandth, within bounds that are in thousandths too.
func (p *Reader) Thousandths(set func(int64), least, most int64) Take {
	return func(n ast.Node) {
		v, ok := p.Scalar(n)
		if !ok {
			return
		}
		x, err := thousandths(v)
		if err != nil || x < least || x > most {
			p.refuse(n, "%q: want a number from %s to %s, to three places", v, decimal(least), decimal(most))
			return
		}
		set(x)
	}
}

func thousandths(s string) (int64, error) {
	whole, part, _ := strings.Cut(s, ".")
	if strings.Trim(whole, "+-") == "" || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(whole+part+"000"[len(part):], 10, 64)
}

func decimal(thousandths int64) string {
	if thousandths < 0 {
		return "-" + decimal(-thousandths)
	}
	s := fmt.Sprintf("%d.%03d", thousandths/1000, thousandths%1000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Duration reads a duration with its unit, within bounds.
func (p *Reader) Duration(to *time.Duration, least, most time.Duration) Take {
	return func(n ast.Node) {
		v, ok := p.Scalar(n)
		if !ok {
			return
		}
		d, err := time.ParseDuration(v)
		switch {
		case err != nil && tooLong(v):
			p.refuse(n, "%s: want a duration from %v to %v", v, least, most)
		case err != nil:
			p.refuse(n, "%q: want a duration with its unit, such as 500ms or 5s", v)
		case d < least || d > most:
			p.refuse(n, "%s: want a duration from %v to %v", v, least, most)
		default:
			*to = d
		}
	}
}

// tooLong reports whether a text that is no duration would be one with smaller numbers.
func tooLong(v string) bool {
	_, err := time.ParseDuration(strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return '0'
		}
		return r
	}, v))
	return err == nil && strings.Trim(v, "+-.0123456789") != "" // Go takes 0 without a unit
}

// Each reads a list and hands its items on.
func (p *Reader) Each(item Take) Take {
	return func(n ast.Node) {
		a, ok := n.(*ast.SequenceNode)
		if !ok {
			p.refuse(n, "want a list, such as [a, b]")
			return
		}
		for _, v := range a.Values {
			item(v)
		}
	}
}

// List reads a list of values and hands each on, to be checked.
func (p *Reader) List(to *[]string, each func(item string, at ast.Node)) Take {
	return p.Each(func(item ast.Node) {
		if v, ok := p.Scalar(item); ok {
			*to = append(*to, v)
			each(v, item)
		}
	})
}

// Block reads text of several lines, and the line that it begins behind, so that an
// error in it has its place in the file. what says how the field is to be written.
func (p *Reader) Block(set func(text string, line int), what string) Take {
	return func(n ast.Node) {
		lit, ok := n.(*ast.LiteralNode)
		if !ok {
			p.Fail(n, "want %s", what)
			return
		}
		set(lit.Value.Value, Line(n))
	}
}

// Both has two look at a value.
func Both(f, g Take) Take {
	return func(n ast.Node) {
		f(n)
		g(n)
	}
}
