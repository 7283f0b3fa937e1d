package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/near"
)

// Targets are the names that keys may have between the scope and Kafka's name.
type Targets struct{ Topics, Producers, Consumers []string }

func (t *Targets) of(s Scope) []string {
	switch s {
	case TopicScope:
		return t.Topics
	case ProducerScope:
		return t.Producers
	case ConsumerScope:
		return t.Consumers
	}
	return nil
}

// Settings are the layers of a run, resolved.
type Settings struct {
	targets     Targets
	places      [len(scopeNames)]map[string]int // of the targets, by scope and name
	assigned    []assignment                    // in the order in which they take effect
	last        map[subject]int                 // of which the last is here, of each that there is
	notModelled []string
	warnings    []string
	derived     []Setting
}

// assignment is one setting of one target, or of all if target is empty.
type assignment struct {
	name   *Name
	target string
	value  value
	place  string
	from   string
}

// subject is what an assignment is about.
type subject struct {
	name   *Name
	target string
}

func (a *assignment) key() string { return key(a.name.Scope, a.target, a.name.Name) }

func key(s Scope, target, name string) string {
	if target == "" {
		return s.String() + "." + name
	}
	return s.String() + "." + target + "." + name
}

// Resolve puts layers over Kafka's defaults, the lowest first, and checks all
// that Kafka checks when it starts. An error is one line: an [*Error].
func Resolve(t Targets, layers ...Layer) (*Settings, error) {
	s := newSettings(t)
	for i := range layers {
		if err := s.add(&layers[i]); err != nil {
			return nil, err
		}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

func newSettings(t Targets) *Settings {
	s := &Settings{targets: t, last: make(map[subject]int)}
	for scope := range s.places {
		list := t.of(Scope(scope))
		s.places[scope] = make(map[string]int, len(list))
		for i, name := range slices.Backward(list) {
			s.places[scope][name] = i
		}
	}
	return s
}

func (s *Settings) add(l *Layer) error {
	var general, specific []assignment
	for _, e := range l.Entries {
		name, target, msg := s.parseKey(e.Key)
		if msg != "" {
			if l.blank[e.Line] {
				msg += " (a name ends at its first blank, as Java reads it: want name=value)"
			}
			return &Error{l.place(e), msg}
		}
		v, err := name.parse(e.Value)
		if err != nil {
			return &Error{l.place(e), err.Error()}
		}
		a := assignment{name, target, v, l.place(e), l.from(e)}
		switch {
		case !name.Modelled:
			s.skip(&a)
		case name.Name == "auto.offset.reset" && strings.HasPrefix(v.text, "by_duration:"):
			return &Error{a.place, "auto.offset.reset=" + quote(v.text) + " is not modelled: want latest, earliest or none"}
		case target == "":
			general = append(general, a)
		default:
			specific = append(specific, a)
		}
	}
	for _, a := range append(general, specific...) {
		s.last[subject{a.name, a.target}] = len(s.assigned)
		s.assigned = append(s.assigned, a)
	}
	return nil
}

// parseKey finds the name and the target of a key, or says what is wrong.
func (s *Settings) parseKey(k string) (n *Name, target, msg string) {
	word, rest, dotted := strings.Cut(k, ".")
	i := slices.Index(scopeNames[:], word)
	if i < 0 || !dotted {
		return nil, "", unknownScope(k, word)
	}
	scope := Scope(i)
	if n := lookup(scope, rest); n != nil {
		return n, "", ""
	}
	targets := s.targets.of(scope)
	for _, i := range s.begin(scope, rest) {
		t := targets[i]
		name := rest[len(t)+1:]
		if n := lookup(scope, name); n != nil {
			return n, t, ""
		}
		msg = unknownName(scope, name)
	}
	if msg != "" {
		return nil, "", msg
	}
	// producer.NAME.acks with a NAME that is nobody's.
	for at := range rest {
		if rest[at] == '.' && scope != BrokerScope && known.byName[scope][rest[at+1:]] != nil {
			return nil, "", fmt.Sprintf("no %v is called %q%s", scope, rest[:at], near.Suggest(rest[:at], targets))
		}
	}
	if full := lookup(scope, k); full != nil { // broker.session.timeout.ms is a name of Kafka's by itself
		return nil, "", fmt.Sprintf("Kafka has no %v setting %q; did you mean %q?", scope, rest, word+"."+k)
	}
	return nil, "", unknownName(scope, rest)
}

// begin are the targets that the rest of a key begins with, in their order: a name may have
// dots.
func (s *Settings) begin(scope Scope, rest string) (places []int) {
	for at := range rest {
		if rest[at] != '.' {
			continue
		}
		if i, ok := s.places[scope][rest[:at]]; ok {
			places = append(places, i)
		}
	}
	slices.Sort(places)
	return places
}

// unknownScope explains a key that does not begin with a scope.
func unknownScope(k, word string) string {
	for i, all := range known.byName {
		if all[k] != nil {
			return fmt.Sprintf("setting %q does not say whose; did you mean %q?", k, scopeNames[i]+"."+k)
		}
	}
	return fmt.Sprintf("setting %s does not begin with broker, topic, producer or consumer%s", quote(k), near.DidYouMean(word, scopeNames[:]))
}

func (s *Settings) skip(a *assignment) {
	text := a.key()
	if a.name.Removed() {
		text += " (removed in Kafka 4.0)"
	}
	if !slices.Contains(s.notModelled, text) {
		s.notModelled = append(s.notModelled, text)
	}
}

// effective is the assignment that decides, or nil if it is Kafka's default.
func (s *Settings) effective(n *Name, target string) *assignment {
	i, ok := s.last[subject{n, target}]
	if j, of := s.last[subject{name: n}]; of && (!ok || j > i) {
		i, ok = j, true
	}
	if !ok {
		return nil
	}
	return &s.assigned[i]
}

func (s *Settings) source(target string) func(*Name) (value, bool) {
	return func(n *Name) (value, bool) {
		if a := s.effective(n, target); a != nil {
			return a.value, true
		}
		return value{}, false
	}
}

// Broker is the configuration of every broker and controller.
func (s *Settings) Broker() Broker { return build(BrokerScope, brokerFields, s.source("")) }

// Topic is the configuration of a topic: its own where it has one, and otherwise
// what the brokers have for topics.
func (s *Settings) Topic(name string) Topic {
	return build(TopicScope, topicFields, func(n *Name) (value, bool) {
		if a := s.effective(n, name); a != nil {
			return a.value, true
		}
		for _, synonym := range known.synonyms[n.Name] {
			if a := s.effective(known.byName[BrokerScope][synonym], ""); a != nil {
				return a.value, true
			}
		}
		return value{}, false
	})
}

// Pair is one Kafka setting as text.
type Pair struct{ Name, Value string }

// TopicOverrides are the settings that a topic has of its own, by name: what
// CreateTopics is asked for.
func (s *Settings) TopicOverrides(topic string) []Pair {
	var list []Pair
	for _, f := range topicFields {
		if a := s.effective(known.byName[TopicScope][f.name], topic); a != nil {
			list = append(list, Pair{f.name, a.value.text})
		}
	}
	slices.SortFunc(list, func(a, b Pair) int { return cmp.Compare(a.Name, b.Name) }) // total: names differ
	return list
}

// Producer is the configuration of a producer.
func (s *Settings) Producer(name string) Producer {
	p := build(ProducerScope, producerFields, s.source(name))
	s.settleProducer(&p, name)
	return p
}

// Consumer is the configuration of a consumer.
func (s *Settings) Consumer(name string) Consumer {
	return build(ConsumerScope, consumerFields, s.source(name))
}

// NotModelled are the settings that Kafka has and this simulator does not obey,
// each once, in the order in which they came: "broker.log.dirs".
func (s *Settings) NotModelled() []string { return s.notModelled }

// Warnings are settings that are legal and will surprise, a sentence each.
func (s *Settings) Warnings() []string { return s.warnings }

// Setting is one setting that differs from Kafka's default.
type Setting struct {
	Key     string // "producer.acks", "producer.shop.acks"
	Value   string
	Default string
	From    string // "server.properties:3", "--set", "because acks=1"
}

// Changed is what differs from Kafka's defaults, by scope, target and name.
func (s *Settings) Changed() []Setting {
	var list []Setting
	for i := range s.assigned {
		a := &s.assigned[i]
		if s.hidden(i) || a.name.same(a.value, a.name.preset()) {
			continue
		}
		list = append(list, Setting{a.key(), a.value.text, a.name.Default, a.from})
	}
	list = append(list, s.derived...)
	rank := func(x Setting) int {
		word, _, _ := strings.Cut(x.Key, ".")
		return slices.Index(scopeNames[:], word)
	}
	slices.SortStableFunc(list, func(a, b Setting) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Key, b.Key))
	})
	return list
}

// hidden reports whether a later assignment overrides the one at i for all that
// it is for.
func (s *Settings) hidden(i int) bool {
	a := &s.assigned[i]
	return s.last[subject{a.name, a.target}] > i || s.last[subject{name: a.name}] > i
}
