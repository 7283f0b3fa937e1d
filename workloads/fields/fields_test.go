package fields

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// thing is what the tests read.
type thing struct {
	Name    string
	Kind    string
	On      bool
	Count   int64
	Share   int64
	For     time.Duration
	Words   []string
	Block   string
	Line    int
	Inner   int64
	Checked bool
}

func read(src string) (thing, error) {
	var x thing
	p := New("t.yaml")
	body := p.Document([]byte(src), "the thing")
	if body == nil {
		return x, p.Err()
	}
	p.Fields(body, "the thing", Fields{
		"name":  p.Text(&x.Name),
		"title": p.Name(&x.Name),
		"kind":  p.Word(&x.Kind, "queue", "log"),
		"on":    p.Bool(&x.On),
		"count": p.Number(func(n int64) { x.Count = n }, -1, 1000),
		"share": p.Thousandths(func(n int64) { x.Share = n }, -500, 2500),
		"for":   p.Duration(&x.For, 0, time.Hour),
		"words": p.List(&x.Words, func(string, ast.Node) {}),
		"text":  p.Block(func(s string, line int) { x.Block, x.Line = s, line }, "text of several lines"),
		"inner": func(n ast.Node) {
			p.Fields(n, "inner", Fields{"count": p.Number(func(n int64) { x.Inner = n }, 0, 9)})
		},
	})
	p.Later(func() { x.Checked = true })
	return x, p.Done()
}

func TestEveryKindOfField(t *testing.T) {
	got, err := read("name:  a b \nkind: log\non: true\ncount: 1_000\nshare: -0.5\nfor: 1m30s\nwords: [a, 2]\ntext: |\n  x\n  y\ninner: {count: 7}\n")
	want := "{a b log true 1000 -500 1m30s [a 2] x\ny\n 8 7 true}"
	if s := fmt.Sprint(got); s != want || err != nil {
		t.Errorf("%s, want %s (%v)", s, want, err)
	}
}

// A mistake is one line with the line of the file, the field, and what it may be.
func TestMistakes(t *testing.T) {
	for src, want := range map[string]string{
		"":                               "t.yaml:1: want one document with the thing's fields",
		"a\n---\nb":                      "t.yaml:1: want one document with the thing's fields",
		"[1]":                            "t.yaml:1: the thing: want fields, one a line",
		"name: x\nkin: log":              `t.yaml:2: unknown field kin of the thing; did you mean "kind"?`,
		"name: x\n\nname: y":             "t.yaml:3: mapping key \"name\" already defined at [1:1]",
		"kind: logg":                     `t.yaml:1: kind: "logg": want one of queue, log; did you mean "log"?`,
		"on: yes":                        `t.yaml:1: on: "yes": want one of true, false`,
		"count: 1001":                    `t.yaml:1: count: "1001": want a whole number from -1 to 1000`,
		"inner: {count: -1}":             `t.yaml:1: count: "-1": want a whole number from 0 to 9`,
		"{inner: {count: 1}, count: x}":  `t.yaml:1: count: "x": want a whole number from -1 to 1000`,
		"{inner: {count: 1}, for: x}":    `t.yaml:1: for: "x": want a duration with its unit, such as 500ms or 5s`,
		"share: 2.501":                   `t.yaml:1: share: "2.501": want a number from -0.5 to 2.5, to three places`,
		"share: 0.0001":                  `t.yaml:1: share: "0.0001": want a number from`,
		"share: '.'":                     `t.yaml:1: share: ".": want a number from`,
		"share: '-'":                     `t.yaml:1: share: "-": want a number from`,
		"share: ''":                      `t.yaml:1: share: "": want a number from`,
		"share: 1.-5":                    `t.yaml:1: share: "1.-5": want a number from`,
		"share: 9223372036854775.807999": `t.yaml:1: share: "9223372036854775.807999": want a number from`,
		"for: 99999999h":                 "t.yaml:1: for: 99999999h: want a duration from 0s to 1h0m0s",
		"for: 5":                         `t.yaml:1: for: "5": want a duration with its unit`,
		"for: 99999999":                  `t.yaml:1: for: "99999999": want a duration with its unit`,
		"for: 99999999x":                 `t.yaml:1: for: "99999999x": want a duration with its unit`,
		"title: ''":                      "t.yaml:1: title: is empty; leave it out to go without",
		"name: x\n\x7fELF\x02\x00":       "t.yaml:2: control character U+007F is no text: want YAML with the thing's fields",
		"name: x\xff\xfe":                "t.yaml:1: byte 0xff is no text: want YAML with the thing's fields",
		"name: x\x1b[2J":                 "t.yaml:1: control character U+001B is no text",
		"for: 2h":                        "t.yaml:1: for: 2h: want a duration from 0s to 1h0m0s",
		"name: [a]":                      "t.yaml:1: name: want one value, not a list or fields",
		"name: &a x\nkind: *a":           "t.yaml:1: name: want one value, not a list or fields",
		"words: a":                       "t.yaml:1: words: want a list, such as [a, b]",
		"words: [[a]]":                   "t.yaml:1: words: want one value, not a list or fields",
		"text: x":                        "t.yaml:1: want text of several lines",
		"inner: 3":                       "t.yaml:1: inner: want fields, one a line",
		"a: [\n":                         "t.yaml:1: sequence end token ']' not found",
	} {
		if _, err := read(src); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", src, err, want)
		}
	}
}

// The first mistake is the one that is told, and the later checks are made all the same.
func TestFirstMistake(t *testing.T) {
	x, err := read("count: x\nfor: y\n")
	if err == nil || !strings.HasPrefix(err.Error(), "t.yaml:1: count") || !x.Checked {
		t.Error(err, x.Checked)
	}
}

// Anything may be in a file: it is read, or there is one line about it.
func FuzzReader(f *testing.F) {
	f.Add("name: x\nkind: log\nwords: [a, b]\ninner: {count: 3}\ntext: |\n  a\n")
	f.Add("a: &b {<<: *b}\n")
	f.Add("!!map {? [a] : b}\n")
	f.Add("share: .nan\ncount: -.inf\n")
	f.Fuzz(func(t *testing.T, src string) {
		x, err := read(src)
		switch {
		case err != nil && (!strings.HasPrefix(err.Error(), "t.yaml:") || strings.Contains(err.Error(), "\n")):
			t.Errorf("%q", err)
		case err == nil && (x.Count < -1 || x.Count > 1000 || x.Share < -500 || x.Share > 2500 || x.For < 0 || x.For > time.Hour):
			t.Errorf("%+v", x)
		}
	})
}
