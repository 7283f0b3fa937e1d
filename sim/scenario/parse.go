package scenario

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"brokersim/broker/log/config"
	"brokersim/broker/near"
	"brokersim/checker"
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
		"swarm":     p.word(&s.Swarm, Restricted, Unrestricted),
		"for":       p.duration(&s.For, time.Millisecond, maxFor),
		"settle":    p.duration(&s.Settle, time.Millisecond, maxFor),
		"brokers":   p.number(func(n int64) { s.Brokers = int(n) }, 1, maxBrokers),
		"racks":     p.number(func(n int64) { s.Racks = int(n) }, 0, maxBrokers),
		"profile":   p.word(&s.Profile, "short"),
		"topics":    p.named(func(name string, at, n ast.Node) { p.topic(s, name, at, n) }),
		"producers": p.named(func(name string, at, n ast.Node) { p.producer(s, name, at, n) }),
		"readers":   p.named(func(name string, at, n ast.Node) { p.reader(s, name, at, n) }),
		"set":       p.settings(&s.Set),
		"promise":   p.list(&s.Promise, p.property),
		"faults":    p.faults(s),
	})
	if s.Swarm != "" {
		p.drawn(file.Docs[0].Body)
	}
	if len(s.Topics) == 0 && s.Swarm == "" {
		p.fail(file.Docs[0].Body, "topics are missing: a scenario needs at least one")
	}
	if len(s.Producers) == 0 && s.Swarm == "" {
		p.fail(file.Docs[0].Body, "producers are missing: a scenario needs at least one")
	}
	for _, check := range p.checks {
		check()
	}
	if p.err != nil {
		return nil, p.err
	}
	if own, ok := Source(s.Name); !ok || !bytes.Equal(own, src) {
		s.Sum = sumOf(src)
	}
	return s, nil
}

// sumOf is the beginning of a file's SHA-256, so that a file which was changed, or has
// the name of a scenario of the program's, is not taken for another. It is never 0.
func sumOf(src []byte) uint32 {
	sum := sha256.Sum256(src)
	return max(binary.BigEndian.Uint32(sum[:]), 1)
}

// reader walks the file and keeps its first error.
type reader struct {
	file   string
	err    error
	checks []func() // of what one field alone cannot show, for when all are read
}

func (p *reader) later(check func()) { p.checks = append(p.checks, check) }

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
		for name := range known { // unordered: sorted below
			names = append(names, name)
		}
		slices.Sort(names)
		p.fail(at, "unknown field %s of %s%s", key, what, near.Suggest(key, names))
	})
}

func (p *reader) named(f func(name string, at, n ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		p.pairs(n, "here", func(key string, at, value ast.Node) {
			if !plainName(key) {
				p.fail(at, "name %q: want letters, digits, '.', '_' and '-'", key)
			}
			f(key, at, value)
		})
	}
}

func plainName(s string) bool {
	return s != "" && len(s) <= 249 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == "" && s != "." && s != ".."
}

func (p *reader) topic(s *Spec, name string, at, n ast.Node) {
	t := Topic{Name: name, Partitions: 1, Replication: 3}
	replicationAt, byDefault := at, ", the default,"
	p.fields(n, "topic "+name, fields{
		"partitions":  p.number(func(n int64) { t.Partitions = int32(n) }, 1, maxPartitions),
		"replication": both(func(n ast.Node) { replicationAt, byDefault = n, "" }, p.number(func(n int64) { t.Replication = int16(n) }, 1, maxBrokers)),
		"set":         p.settings(&t.Set),
	})
	p.later(func() {
		if int(t.Replication) > s.Brokers {
			p.fail(replicationAt, "topic %s: replication %d%s is above the %d brokers", name, t.Replication, byDefault, s.Brokers)
		}
	})
	s.Topics = append(s.Topics, t)
}

// client refuses names that schedules of faults cannot name a client by.
func (p *reader) client(name string, at ast.Node) {
	if reserved(name) {
		p.fail(at, "%s cannot be the name of a client: in a schedule of faults it means something else", name)
	}
}

func (p *reader) producer(s *Spec, name string, at, n ast.Node) {
	r := Producer{Name: name, SizeBytes: 256}
	arrivals, topicAt := "constant", at
	p.client(name, at)
	p.fields(n, "producer "+name, fields{
		"topic":           both(func(n ast.Node) { topicAt = n }, p.text(&r.Topic)),
		"rate_per_second": p.number(func(n int64) { r.RatePerSecond = n }, 1, maxRate),
		"arrivals":        p.word(&arrivals, "constant", "poisson"),
		"keys":            p.number(func(n int64) { r.Keys = n }, 0, 1<<31),
		"size_bytes":      p.number(func(n int64) { r.SizeBytes = int(n) }, minSize, maxSize),
		"first_sequence":  p.number(func(n int64) { r.FirstSequence = int32(n) }, 0, math.MaxInt32),
	})
	r.Poisson = arrivals == "poisson"
	if r.RatePerSecond == 0 {
		p.fail(at, "producer %s: rate_per_second is missing", name)
	}
	p.later(func() { p.topicOf(s, "producer "+name, r.Topic, topicAt) })
	s.Producers = append(s.Producers, r)
}

func (p *reader) reader(s *Spec, name string, at, n ast.Node) {
	r := Reader{Name: name}
	p.client(name, at)
	p.fields(n, "reader "+name, fields{
		"topics": p.list(&r.Topics, func(topic string, at ast.Node) {
			p.later(func() { p.topicOf(s, "reader "+name, topic, at) })
		}),
		"work": p.duration(&r.Work, 0, time.Minute),
	})
	p.later(func() {
		if len(r.Topics) == 0 {
			p.fail(at, "reader %s: topics are missing", name)
		}
		if slices.ContainsFunc(s.Producers, func(p Producer) bool { return p.Name == name }) {
			p.fail(at, "%s is both a producer and a reader: faults could not tell them apart", name)
		}
	})
	s.Readers = append(s.Readers, r)
}

// topicOf checks that somebody's topic is one of the scenario's.
func (p *reader) topicOf(s *Spec, who, topic string, at ast.Node) {
	topics := s.topicNames()
	switch {
	case topic == "":
		p.fail(at, "%s: topic is missing", who)
	case !slices.Contains(topics, topic):
		p.fail(at, "%s: unknown topic %q%s", who, topic, near.Suggest(topic, topics))
	}
}

// property checks a promise.
func (p *reader) property(name string, at ast.Node) {
	if err := knownProperty(name); err != nil {
		p.fail(at, "promise: %v", err)
	}
}

func knownProperty(name string) error {
	if known := checker.Properties(); !slices.Contains(known, name) {
		return fmt.Errorf("unknown property %q%s", name, near.Suggest(name, known))
	}
	return nil
}

func both(f, g func(ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		f(n)
		g(n)
	}
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
				p.fail(n, "%q: want one of %s%s", v, strings.Join(words, ", "), near.DidYouMean(v, words))
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

// list reads a list and hands each item on, to be checked.
func (p *reader) list(to *[]string, each func(item string, at ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		a, ok := n.(*ast.SequenceNode)
		if !ok {
			p.fail(n, "want a list, such as [a, b]")
			return
		}
		for _, item := range a.Values {
			if v, ok := p.scalar(item); ok {
				*to = append(*to, v)
				each(v, item)
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
