package scenario

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/log/config"
	"brokersim/broker/near"
	"brokersim/broker/pubsub"
	"brokersim/checker"
	"brokersim/workloads"
	"brokersim/workloads/fields"
)

// Parse reads a scenario file. An error is one line with the position and, for
// a word that is not known, the nearest one that is.
func Parse(name string, src []byte) (*Spec, error) {
	p := &reader{fields.New(name)}
	s := &Spec{Name: strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml"), File: name, For: 5 * time.Second, Settle: 40 * time.Second, Brokers: 3}
	s.PubSub.Output = pubsub.DefaultOutput()
	var kindAt ast.Node
	body := p.Document(src, "the scenario")
	if body == nil {
		return nil, p.Err()
	}
	p.Fields(body, "the scenario", fields.Fields{
		"about":   p.Text(&s.About),
		"swarm":   p.Word(&s.Swarm, Restricted, Unrestricted),
		"for":     p.Duration(&s.For, time.Millisecond, maxFor),
		"settle":  p.Duration(&s.Settle, time.Millisecond, maxFor),
		"kind":    fields.Both(func(n ast.Node) { kindAt = n }, p.Word(&s.Kind, Kinds()...)),
		"log":     func(n ast.Node) { p.log(s, n) },
		"queue":   func(n ast.Node) { p.queue(s, n) },
		"pubsub":  func(n ast.Node) { p.pubsub(s, n) },
		"brokers": p.Number(func(n int64) { s.Brokers = int(n) }, 1, maxBrokers),
		"controllers": func(n ast.Node) {
			p.Number(func(c int64) {
				if s.Controllers = int(c); !goodQuorum(s.Controllers) {
					p.Fail(n, "controllers %d: want 1, 3 or 5", c)
				}
			}, 1, 5)(n)
		},
		"reassign": func(n ast.Node) {
			p.Fields(n, "reassign", fields.Fields{"every": p.Duration(&s.Reassign.Every, time.Millisecond, maxFor)})
			p.Later(func() {
				if !s.log() {
					p.Fail(n, "reassign: only a log has replicas to move")
				}
			})
		},
		"racks":     p.Number(func(n int64) { s.Racks = int(n) }, 0, maxBrokers),
		"profile":   p.Word(&s.Profile, "short"),
		"topics":    p.named(func(name string, at, n ast.Node) { p.topic(s, name, at, n) }),
		"producers": p.named(func(name string, at, n ast.Node) { p.producer(s, name, at, n) }),
		"readers":   p.named(func(name string, at, n ast.Node) { p.reader(s, name, at, n) }),
		"features": func(n ast.Node) {
			p.Fields(n, "features", fields.Fields{
				"transaction.version": p.Number(func(n int64) { s.TransactionVersion = int16(n) }, 1, 2),
			})
		},
		"first_epoch": p.Number(func(n int64) { s.FirstEpoch = int16(n) }, 0, math.MaxInt16-1),
		"processors":  p.named(func(name string, at, n ast.Node) { p.processor(s, name, at, n) }),
		"delete-groups": p.named(func(name string, at, n ast.Node) {
			x := DeleteGroup{Group: name}
			p.Duration(&x.At, time.Millisecond, maxFor)(n)
			p.Later(func() {
				isGroup := func(e config.Entry) bool { return e.Key == "group.id" && e.Value == name }
				if x.At >= s.For || !slices.ContainsFunc(s.Readers, func(r Reader) bool { return slices.ContainsFunc(r.Set, isGroup) }) {
					p.Fail(at, "delete-groups: %s: want the group.id of a reader, and a time before the end of the load", name)
				}
			})
			s.DeleteGroups = append(s.DeleteGroups, x)
		}),
		"set": p.settings(&s.Set),
		"application": func(n ast.Node) {
			p.Fields(n, "application", fields.Fields{
				"window":      p.Duration(&s.Window, time.Millisecond, maxFor),
				"event-types": p.Number(func(n int64) { s.EventTypes = n }, 1, 1000),
				"isolation":   func(n ast.Node) { p.isolation(s, n) },
				"lateness": func(n ast.Node) {
					p.Fields(n, "lateness", fields.Fields{
						"grace": p.Duration(&s.Lateness.Grace, time.Millisecond, maxFor),
						"most":  p.Thousandths(func(n int64) { s.Lateness.Most = n }, 0, 1000),
					})
				},
			})
		},
		"promise": p.List(&s.Promise, func(name string, at ast.Node) {
			p.property(name, at)
			p.Later(func() {
				if why := s.unstated([]string{name}); why != "" {
					p.Fail(at, "%s", why)
				}
			})
		}),
		"faults": p.faults(s),
	})
	if s.Swarm != "" {
		p.drawn(body)
	}
	if len(s.Topics) == 0 && s.Swarm == "" {
		p.Fail(body, "topics are missing: a scenario needs at least one")
	}
	if len(s.Producers) == 0 && s.Swarm == "" {
		p.Fail(body, "producers are missing: a scenario needs at least one")
	}
	if kindAt != nil {
		if err := s.of(s.Kind); err != nil {
			p.Fail(kindAt, "kind %s: %v", s.Kind, err)
		}
	}
	if err := p.Done(); err != nil {
		return nil, err
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

// reader reads the fields of a scenario.
type reader struct{ *fields.Reader }

func (p *reader) named(f func(name string, at, n ast.Node)) fields.Take {
	return func(n ast.Node) {
		p.Pairs(n, "here", func(key string, at, value ast.Node) {
			if !plainName(key) {
				p.Fail(at, "name %q: want letters, digits, '.', '_' and '-'", key)
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
	replicationAt, recreateAt, deleteAt, growAt, byDefault := at, at, at, at, ", the default,"
	p.Fields(n, "topic "+name, fields.Fields{
		"partitions":     p.Number(func(n int64) { t.Partitions = int32(n) }, 1, maxPartitions),
		"replication":    fields.Both(func(n ast.Node) { replicationAt, byDefault = n, "" }, p.Number(func(n int64) { t.Replication = int16(n) }, 1, maxBrokers)),
		"set":            p.settings(&t.Set),
		"delete-records": fields.Both(func(n ast.Node) { deleteAt = n }, p.Duration(&t.DeleteRecords, time.Millisecond, maxFor)),
		"grow": fields.Both(func(n ast.Node) { growAt = n }, func(n ast.Node) {
			p.Fields(n, "grow", fields.Fields{
				"at": p.Duration(&t.Grow.At, time.Millisecond, maxFor),
				"to": p.Number(func(n int64) { t.Grow.To = int32(n) }, 2, maxPartitions),
			})
		}),
		"recreate": fields.Both(func(n ast.Node) { recreateAt = n }, p.Duration(&t.Recreate, time.Millisecond, maxFor)),
	})
	p.Later(func() {
		if t.Recreate > 0 && (!s.log() || t.Recreate+afterRecreate >= s.For) {
			p.Fail(recreateAt, "topic %s: recreate: want a log, and a time more than %v before the end of the load", name, afterRecreate)
		}
		if t.Grow != (Grow{}) && (!s.log() || t.Grow.At == 0 || t.Grow.At >= s.For || t.Grow.To <= t.Partitions) {
			p.Fail(growAt, "topic %s: grow: want a log, and a time before the end of the load, and more than its %d partitions: grow: {at: 1s, to: %d}", name, t.Partitions, t.Partitions+1)
		}
		if t.DeleteRecords > 0 && (!s.log() || t.DeleteRecords >= s.For) {
			p.Fail(deleteAt, "topic %s: delete-records: want a log, and a time before the end of the load", name)
		}
		if int(t.Replication) > s.Brokers {
			p.Fail(replicationAt, "topic %s: replication %d%s is above the %d brokers", name, t.Replication, byDefault, s.Brokers)
		}
	})
	s.Topics = append(s.Topics, t)
}

// client refuses names that schedules of faults cannot name a client by.
func (p *reader) client(name string, at ast.Node) {
	if reserved(name) {
		p.Fail(at, "%s cannot be the name of a client: in a schedule of faults it means something else", name)
	}
}

func (p *reader) producer(s *Spec, name string, at, n ast.Node) {
	r := Producer{Name: name, Sizes: workloads.Sizes{Bytes: 256}}
	topicAt, bytes := at, int64(0)
	p.client(name, at)
	p.Fields(n, "producer "+name, fields.Fields{
		"topic":           fields.Both(func(n ast.Node) { topicAt = n }, p.Text(&r.Topic)),
		"rate_per_second": p.Number(func(n int64) { r.RatePerSecond = n }, 1, maxRate),
		"arrivals":        workloads.ReadArrivals(p.Reader, &r.Arrivals, nil),
		"keys":            workloads.ReadKeys(p.Reader, &r.Keys),
		"size_bytes":      p.Number(func(n int64) { bytes = n }, minSize, maxSize),
		"sizes":           workloads.ReadSizes(p.Reader, &r.Sizes, maxSize),
		"transactions":    p.transactions(&r.Transactions),
		"first_sequence":  p.Number(func(n int64) { r.FirstSequence = int32(n) }, 0, math.MaxInt32),
	})
	switch rated := r.Arrivals.Process < workloads.Traced; {
	case rated && r.RatePerSecond == 0:
		p.Fail(at, "producer %s: rate_per_second is missing", name)
	case !rated && r.RatePerSecond > 0:
		p.Fail(at, "producer %s: rate_per_second is nothing to arrivals that have no rate", name)
	case bytes > 0 && r.Sizes.Most > 0:
		p.Fail(at, "producer %s: want size_bytes or sizes", name)
	case bytes > 0:
		r.Sizes.Bytes = bytes
	}
	p.Later(func() { p.topicOf(s, "producer "+name, r.Topic, topicAt) })
	s.Producers = append(s.Producers, r)
}

func (p *reader) reader(s *Spec, name string, at, n ast.Node) {
	r, members := Reader{Name: name}, int64(0)
	where := map[string]ast.Node{}
	note := func(field string, take fields.Take) fields.Take {
		return fields.Both(func(n ast.Node) { where[field] = n }, take)
	}
	p.client(name, at)
	p.Fields(n, "reader "+name, fields.Fields{
		"topics": p.List(&r.Topics, func(topic string, at ast.Node) {
			p.Later(func() { p.topicOf(s, "reader "+name, topic, at) })
		}),
		"group":   p.Text(&r.Group),
		"work":    p.Duration(&r.Work, 0, time.Minute),
		"settle":  p.Duration(&r.Settle, 0, time.Minute),
		"from":    note("from", p.Duration(&r.From, 0, maxFor)),
		"replay":  note("replay", p.Duration(&r.Replay, time.Millisecond, maxFor)),
		"members": p.Number(func(n int64) { members = n }, 1, maxMembers),
		"set":     p.settings(&r.Set),
		"commit":  p.Word(&r.Commit, MemberCommits()...),
		"workers": p.Number(func(n int64) { r.Workers = int(n) }, 1, maxMembers),
		"until":   note("until", p.Duration(&r.Until, time.Millisecond, maxFor)),
		"pause": note("pause", func(n ast.Node) {
			p.Fields(n, "pause", fields.Fields{
				"from": p.Duration(&r.Pause.From, 0, maxFor),
				"for":  p.Duration(&r.Pause.For, time.Millisecond, maxFor),
			})
		}),
	})
	p.Later(func() {
		if field := s.unheard(&r); field != "" {
			p.Fail(where[field], "%v", s.unheardError(name, field))
		}
		switch {
		case len(r.Topics) == 0:
			p.Fail(at, "reader %s: topics are missing", name)
		case max(r.From, r.Replay, r.Pause.From+r.Pause.For, r.Until) > s.For:
			p.Fail(at, "reader %s: from, replay, until and the end of pause must lie in the %v of the load", name, s.For)
		}
		if slices.ContainsFunc(s.Producers, func(p Producer) bool { return p.Name == name }) {
			p.Fail(at, "%s is both a producer and a reader: faults could not tell them apart", name)
		}
	})
	if members == 0 {
		s.Readers = append(s.Readers, r)
	}
	for i := range members { // each a client of its own, with partitions of its own
		x := r.numbered(fmt.Sprintf("-%d", i+1))
		x.Group = cmp.Or(r.Group, name)
		s.Readers = append(s.Readers, x)
	}
}

// log reads how a log is committed to.
func (p *reader) log(s *Spec, n ast.Node) {
	p.Fields(n, "log", fields.Fields{
		"commit":       p.Word(&s.Log.Commit, Commits()...),
		"commit-every": p.Duration(&s.Log.CommitEvery, time.Millisecond, maxFor),
	})
}

// queue reads how a work queue is used, and pubsub how a pub/sub broker is.
func (p *reader) queue(s *Spec, n ast.Node) {
	q := &s.Queue
	p.Fields(n, "queue", fields.Fields{
		"confirms": p.Bool(&q.Confirms), "durable": p.Bool(&q.Durable), "auto-ack": p.Bool(&q.AutoAck), "republish": p.Bool(&q.Republish),
		"single-consumer": p.Bool(&q.Single), "dead-letter-after": p.Duration(&q.DeadLetterAfter, 0, maxFor),
		"prefetch": p.Number(func(n int64) { q.Prefetch = int(n) }, 0, math.MaxUint16),
	})
}

func (p *reader) pubsub(s *Spec, n ast.Node) {
	o := &s.PubSub.Output
	p.Fields(n, "pubsub", fields.Fields{
		"hard-limit": p.Number(func(n int64) { o.Hard = n }, 0, 1<<40), "soft-limit": p.Number(func(n int64) { o.Soft = n }, 0, 1<<40),
		"soft-for": p.Duration(&o.SoftFor, 0, maxFor),
	})
}

// topicOf checks that somebody's topic is one of the scenario's.
func (p *reader) topicOf(s *Spec, who, topic string, at ast.Node) {
	topics := s.topicNames()
	switch {
	case topic == "":
		p.Fail(at, "%s: topic is missing", who)
	case !slices.Contains(topics, topic):
		p.Fail(at, "%s: unknown topic %q%s", who, topic, near.Suggest(topic, topics))
	}
}

// property checks a promise.
func (p *reader) property(name string, at ast.Node) {
	if err := knownProperty(name); err != nil {
		p.Fail(at, "promise: %v", err)
	}
}

// isolation reads what that promise goes by. Who is slow has to be there, and others too.
func (p *reader) isolation(s *Spec, n ast.Node) {
	p.Fields(n, "isolation", fields.Fields{
		"slow": p.Text(&s.Isolation.Slow),
		"p99":  p.Duration(&s.Isolation.P99, time.Millisecond, maxFor),
	})
	p.Later(func() {
		var names []string
		for i := range s.Readers {
			names = append(names, s.Readers[i].group())
		}
		switch x := s.Isolation.Slow; {
		case x == "":
			p.Fail(n, "isolation: slow is missing: which reader may be late? such as isolation: {slow: payment, p99: 300ms}")
		case !slices.Contains(names, x):
			p.Fail(n, "isolation: no reader or group is called %q%s", x, near.Suggest(x, names))
		}
	})
}

// unstated says what a promise to an application goes by and the scenario does not say, or
// nothing.
func (s *Spec) unstated(promise []string) string {
	switch {
	case slices.Contains(promise, checker.WindowSums) && s.Window == 0:
		return "promise: " + checker.WindowSums + " needs the windows of the application: application: {window: 500ms}"
	case slices.Contains(promise, checker.GroupCounts) && (s.Window == 0 || s.EventTypes == 0):
		return "promise: " + checker.GroupCounts + " needs the windows and types of the application: application: {window: 500ms, event-types: 5}"
	case slices.Contains(promise, checker.Isolation) && s.Isolation.P99 == 0:
		return "promise: " + checker.Isolation + " needs who may be slow and what the others must keep: application: {isolation: {slow: payment, p99: 300ms}}"
	case slices.Contains(promise, checker.Lateness) && (s.Window == 0 || s.Lateness.Grace == 0):
		return "promise: " + checker.Lateness + " needs the windows of the application and how long they wait: application: {window: 500ms, lateness: {grace: 200ms, most: 0.01}}"
	}
	return ""
}

func knownProperty(name string) error {
	if known := checker.Properties(); !slices.Contains(known, name) {
		return fmt.Errorf("unknown property %q%s", name, near.Suggest(name, known))
	}
	return nil
}

func (p *reader) settings(to *[]config.Entry) fields.Take {
	return func(n ast.Node) {
		p.Pairs(n, "set", func(key string, at, value ast.Node) {
			if v, ok := p.Scalar(value); ok {
				*to = append(*to, config.Entry{Key: key, Value: v, Line: fields.Line(at)})
			}
		})
	}
}

func (p *reader) faults(s *Spec) fields.Take {
	return p.Block(func(text string, line int) { s.Faults, s.FaultsLine = text, line }, "the schedule as text: faults: |")
}
