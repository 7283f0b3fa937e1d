package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"brokersim/broker/log/config"
)

// Parse reads a scenario file. An error is one line with the position and, for
// a word that is not known, the nearest one that is.
func Parse(name string, src []byte) (*Spec, error) {
	file, err := parser.ParseBytes(src, 0)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			return nil, fmt.Errorf("%s:%d: %s", name, syntax.Token.Position.Line, syntax.Message)
		}
		return nil, fmt.Errorf("%s: %s", name, strings.SplitN(err.Error(), "\n", 2)[0])
	}
	p := &reader{file: name}
	s := &Spec{Name: strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml"), File: name, For: 5 * time.Second, Settle: 40 * time.Second, Brokers: 3}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1: want one document with the scenario's fields", name)
	}
	p.fields(file.Docs[0].Body, "the scenario", fields{
		"about":     p.text(&s.About),
		"for":       p.duration(&s.For, time.Millisecond, maxFor),
		"settle":    p.duration(&s.Settle, time.Millisecond, maxFor),
		"brokers":   p.number(func(n int64) { s.Brokers = int(n) }, 1, maxBrokers),
		"profile":   p.word(&s.Profile, "short"),
		"topics":    p.named(func(name string, n ast.Node) { p.topic(s, name, n) }),
		"producers": p.named(func(name string, n ast.Node) { p.producer(s, name, n) }),
		"readers":   p.named(func(name string, n ast.Node) { p.reader(s, name, n) }),
		"set":       p.settings(&s.Set),
		"promise":   p.list(&s.Promise),
		"faults":    p.faults(s),
	})
	if p.err == nil {
		p.validate(s, file.Docs[0].Body)
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

// reader walks the file and keeps its first error.
type reader struct {
	file string
	err  error
}

type fields map[string]func(ast.Node)

func (p *reader) fail(n ast.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%s:%d: %s", p.file, line(n), fmt.Sprintf(format, args...))
	}
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 1
	}
	return n.GetToken().Position.Line
}

// pairs calls f for each key of a mapping in the order of the file.
func (p *reader) pairs(n ast.Node, what string, f func(key string, at, value ast.Node)) {
	var m ast.MapNode
	switch n := n.(type) { // no aliases, no tags: their nodes only pretend to be maps
	case *ast.MappingNode:
		m = n
	case *ast.MappingValueNode:
		m = n
	default:
		p.fail(n, "%s: want fields, one a line", what)
		return
	}
	seen := make(map[string]bool)
	for it := m.MapRange(); it.Next(); {
		key := it.Key().GetToken().Value
		if seen[key] {
			p.fail(it.Key(), "%s: %s is there twice", what, key)
		}
		seen[key] = true
		f(key, it.Key(), it.Value())
	}
}

func (p *reader) fields(n ast.Node, what string, known fields) {
	p.pairs(n, what, func(key string, at, value ast.Node) {
		if set, ok := known[key]; ok {
			set(value)
			return
		}
		var names []string
		for name := range known { // unordered: Nearest sorts them
			names = append(names, name)
		}
		p.fail(at, "unknown field %s of %s%s", key, what, Nearest(key, names))
	})
}

func (p *reader) named(f func(name string, n ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		p.pairs(n, "here", func(key string, at, value ast.Node) {
			if !plainName(key) {
				p.fail(at, "name %q: want letters, digits, '.', '_' and '-'", key)
			}
			f(key, value)
		})
	}
}

func plainName(s string) bool {
	return s != "" && len(s) <= 249 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" && s != "." && s != ".."
}

func (p *reader) topic(s *Spec, name string, n ast.Node) {
	t := Topic{Name: name, Partitions: 1, Replication: 3}
	p.fields(n, "topic "+name, fields{
		"partitions":  p.number(func(n int64) { t.Partitions = int32(n) }, 1, maxPartitions),
		"replication": p.number(func(n int64) { t.Replication = int16(n) }, 1, maxBrokers),
		"set":         p.settings(&t.Set),
	})
	s.Topics = append(s.Topics, t)
}

func (p *reader) producer(s *Spec, name string, n ast.Node) {
	r := Producer{Name: name, SizeBytes: 256}
	arrivals := "constant"
	p.fields(n, "producer "+name, fields{
		"topic":           p.text(&r.Topic),
		"rate_per_second": p.number(func(n int64) { r.RatePerSecond = n }, 1, maxRate),
		"arrivals":        p.word(&arrivals, "constant", "poisson"),
		"keys":            p.number(func(n int64) { r.Keys = n }, 0, 1<<31),
		"size_bytes":      p.number(func(n int64) { r.SizeBytes = int(n) }, minSize, maxSize),
	})
	r.Poisson = arrivals == "poisson"
	if r.RatePerSecond == 0 {
		p.fail(n, "producer %s: rate_per_second is missing", name)
	}
	s.Producers = append(s.Producers, r)
}

func (p *reader) reader(s *Spec, name string, n ast.Node) {
	r := Reader{Name: name}
	p.fields(n, "reader "+name, fields{
		"topics": p.list(&r.Topics),
		"work":   p.duration(&r.Work, 0, time.Minute),
	})
	s.Readers = append(s.Readers, r)
}

func (p *reader) scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	p.fail(n, "want one value, not a list or fields")
	return "", false
}

func (p *reader) text(to *string) func(ast.Node) {
	return func(n ast.Node) {
		if v, ok := p.scalar(n); ok {
			*to = strings.TrimSpace(v)
		}
	}
}

func (p *reader) word(to *string, words ...string) func(ast.Node) {
	return func(n ast.Node) {
		if v, ok := p.scalar(n); ok {
			if !slices.Contains(words, v) {
				p.fail(n, "%q: want one of %s%s", v, strings.Join(words, ", "), Nearest(v, words))
			}
			*to = v
		}
	}
}

func (p *reader) number(set func(int64), least, most int64) func(ast.Node) {
	return func(n ast.Node) {
		v, ok := p.scalar(n)
		if !ok {
			return
		}
		x, err := strconv.ParseInt(strings.ReplaceAll(v, "_", ""), 10, 64)
		if err != nil || x < least || x > most {
			p.fail(n, "%q: want a whole number from %d to %d", v, least, most)
			return
		}
		set(x)
	}
}

func (p *reader) duration(to *time.Duration, least, most time.Duration) func(ast.Node) {
	return func(n ast.Node) {
		v, ok := p.scalar(n)
		if !ok {
			return
		}
		d, err := time.ParseDuration(v)
		switch {
		case err != nil:
			p.fail(n, "%q: want a duration with its unit, such as 500ms or 5s", v)
		case d < least || d > most:
			p.fail(n, "%s: want a duration from %v to %v", v, least, most)
		default:
			*to = d
		}
	}
}

func (p *reader) list(to *[]string) func(ast.Node) {
	return func(n ast.Node) {
		a, ok := n.(*ast.SequenceNode)
		if !ok {
			p.fail(n, "want a list, such as [a, b]")
			return
		}
		for _, item := range a.Values {
			if v, ok := p.scalar(item); ok {
				*to = append(*to, v)
			}
		}
	}
}

func (p *reader) settings(to *[]config.Entry) func(ast.Node) {
	return func(n ast.Node) {
		p.pairs(n, "set", func(key string, at, value ast.Node) {
			if v, ok := p.scalar(value); ok {
				*to = append(*to, config.Entry{Key: key, Value: v, Line: line(at)})
			}
		})
	}
}

func (p *reader) faults(s *Spec) func(ast.Node) {
	return func(n ast.Node) {
		lit, ok := n.(*ast.LiteralNode)
		if !ok {
			p.fail(n, "want the schedule as text: faults: |")
			return
		}
		s.Faults, s.FaultsLine = lit.Value.Value, line(n)
	}
}

// validate checks what one field alone cannot show.
func (p *reader) validate(s *Spec, body ast.Node) {
	var topics, names []string
	for _, t := range s.Topics {
		topics = append(topics, t.Name)
		if int(t.Replication) > s.Brokers {
			p.fail(body, "topic %s: replication %d is above the %d brokers", t.Name, t.Replication, s.Brokers)
		}
	}
	if len(topics) == 0 {
		p.fail(body, "topics are missing: a scenario needs at least one")
	}
	want := func(who, topic string) {
		if !slices.Contains(topics, topic) {
			p.fail(body, "%s: unknown topic %q%s", who, topic, Nearest(topic, topics))
		}
	}
	for _, r := range s.Producers {
		want("producer "+r.Name, r.Topic)
		names = append(names, r.Name)
	}
	if len(s.Producers) == 0 {
		p.fail(body, "producers are missing: a scenario needs at least one")
	}
	for _, r := range s.Readers {
		for _, t := range r.Topics {
			want("reader "+r.Name, t)
		}
		if len(r.Topics) == 0 {
			p.fail(body, "reader %s: topics are missing", r.Name)
		}
		if slices.Contains(names, r.Name) {
			p.fail(body, "%s is both a producer and a reader: faults could not tell them apart", r.Name)
		}
	}
}

// Nearest suggests the known name that is most like word, as a clause to end
// an error with; it is empty when none is near.
func Nearest(word string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	best, at := "", len(word)/2+2
	for _, k := range known {
		if d := levenshtein.ComputeDistance(word, k); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
