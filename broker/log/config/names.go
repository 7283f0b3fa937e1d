package config

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/near"
)

// Scope is what a setting configures.
type Scope uint8

// The scopes, in the order of reports.
const (
	BrokerScope Scope = iota
	TopicScope
	ProducerScope
	ConsumerScope
)

var scopeNames = [...]string{BrokerScope: "broker", TopicScope: "topic", ProducerScope: "producer", ConsumerScope: "consumer"}

func (s Scope) String() string { return scopeNames[s] }

// Name is a setting that Kafka has.
type Name struct {
	Scope   Scope
	Name    string // "min.insync.replicas"
	Type    string // boolean, class, double, int, list, long, password, short or string
	Default string // as in a file; see Null and Required
	Valid   string // what Kafka's validator says, "[1,...]"; empty for no validator
	Kafka   string // the releases that have it: "3.9+", "4.1+" or "3.9"

	// Modelled says that the simulator does what the setting asks.
	Modelled bool

	words []string // of a modelled class
	least int64    // of a modelled number, where Kafka has no bound but nothing less makes sense
}

// Null and Required are defaults that are not values: null, and none at all.
const (
	Null     = `\N`
	Required = `\R`
)

// Removed reports whether no release since Kafka 4.0 has the setting.
func (n *Name) Removed() bool { return n.Kafka == "3.9" }

//go:embed kafka-configs.tsv
var kafkaConfigs string

// known is the data file with what is modelled marked. It never changes.
var known = load(kafkaConfigs)

type names struct {
	list     [len(scopeNames)][]*Name // in the order of the file, which is sorted
	byName   [len(scopeNames)]map[string]*Name
	synonyms map[string][]string // topic name -> broker names with the same unit
}

func load(tsv string) names {
	k := names{synonyms: map[string][]string{}}
	for i := range k.byName {
		k.byName[i] = map[string]*Name{}
	}
	for line := range strings.Lines(tsv) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case f[0] == "synonym":
			if f[3] == "1" {
				k.synonyms[f[1]] = append(k.synonyms[f[1]], f[2])
			}
		default:
			s := Scope(slices.Index(scopeNames[:], f[0]))
			n := &Name{Scope: s, Name: f[1], Type: f[2], Default: f[3], Valid: f[4], Kafka: f[5]}
			k.list[s] = append(k.list[s], n)
			k.byName[s][n.Name] = n
		}
	}
	mark(k, BrokerScope, brokerFields)
	mark(k, TopicScope, topicFields)
	mark(k, ProducerScope, producerFields)
	mark(k, ConsumerScope, consumerFields)
	return k
}

func mark[T any](k names, s Scope, fields []field[T]) {
	for _, f := range fields {
		n := k.byName[s][f.name]
		if n == nil {
			panic(fmt.Sprintf("%v.%s is modelled, but Kafka has no such setting", s, f.name))
		}
		n.Modelled, n.least, n.words = true, f.least, f.words
	}
}

// OfAuthorizer reports whether it is StandardAuthorizer that reads the setting: Kafka tells
// of it only where it is set.
func (n *Name) OfAuthorizer() bool {
	return n.Scope == BrokerScope && (n.Name == "super.users" || n.Name == "allow.everyone.if.no.acl.found")
}

// Internal reports whether Kafka tells nobody of the setting.
func (n *Name) Internal() bool { return strings.HasPrefix(n.Name, "internal.") }

// BrokerName is the setting of a broker that gives a topic's its default, as Kafka tells of
// it: the first of several. nil if there is none.
func (n *Name) BrokerName() *Name {
	list := Synonyms(n.Name)
	if n.Scope != TopicScope || len(list) == 0 {
		return nil
	}
	return known.byName[BrokerScope][list[0]]
}

// Names are the settings that Kafka has in a scope, sorted by name.
func Names(s Scope) []Name {
	list := make([]Name, 0, len(known.list[s]))
	for _, n := range known.list[s] {
		list = append(list, *n)
	}
	return list
}

// prefixes begin names that Kafka takes with anything behind them.
var prefixes = [...][]string{
	BrokerScope:   {"listener.name.", "metrics.context."},
	TopicScope:    {},
	ProducerScope: {"metrics.context."},
	ConsumerScope: {"metrics.context."},
}

// lookup finds a name. One that Kafka takes for its prefix is a string that is
// not modelled.
func lookup(s Scope, name string) *Name {
	if n := known.byName[s][name]; n != nil {
		return n
	}
	for _, p := range prefixes[s] {
		if strings.HasPrefix(name, p) && len(name) > len(p) {
			return &Name{Scope: s, Name: name, Type: "string", Default: Null, Kafka: "3.9+"}
		}
	}
	return nil
}

// unknownName explains a name that a scope does not have: it may be another
// scope's, or nearly one of this.
func unknownName(s Scope, name string) string {
	name = name[:min(len(name), 100)]
	for other, all := range known.byName {
		if all[name] != nil && Scope(other) != s {
			return fmt.Sprintf("Kafka has no %v setting %q; did you mean %q?", s, name, Scope(other).String()+"."+name)
		}
	}
	var all []string
	for _, n := range known.list[s] {
		all = append(all, n.Name)
	}
	return fmt.Sprintf("Kafka has no %v setting %q%s", s, name, near.Suggest(name, all))
}
