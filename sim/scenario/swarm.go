package scenario

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/faults"
	"brokersim/faults/failpoint"
)

// Swarm profiles: what a seed may ask of a cluster.
const (
	// Restricted keeps the faults within what the drawn configuration can bear,
	// so that all that it promises can be kept (swarmbudget.go).
	Restricted = "restricted"

	// Unrestricted lets anything happen. What acknowledged records may then be
	// lost is for the allowed-loss oracle to say (oracle.go).
	Unrestricted = "unrestricted"
)

// Swarm draws a whole scenario from a seed: the cluster, Kafka's settings, the
// load, and what goes wrong. Each choice is drawn by its own name, so that another
// choice more or less leaves it as it was. Every seed gives a scenario that
// [Check] accepts.
//
// The phases of such a run are those of every run: nothing is wrong while the
// topics are created and the first records come (warmUp); then the faults, all of
// which are undone before the load ends; in a third of the runs a core of the brokers
// then has to do alone (core.go); then everything is healed. Liveness is held to the
// bound of Settle, of the core as of the whole.
func Swarm(seed uint64, profile string) *Spec {
	d := swarm{machine.NewDraw(seed, "swarm"), profile}
	s := &Spec{Name: "swarm", File: "swarm", Settle: time.Minute, Swarm: profile}
	if profile == Unrestricted {
		s.Name, s.File = "swarm-unrestricted", "swarm-unrestricted"
	}
	d.cluster(s)
	d.load(s)
	d.settings(s)
	budget := d.budget(s)
	s.For = d.length(budget)
	if d.oneIn("core", 3) && s.Brokers > 1 {
		s.CoreFor = time.Duration(d.upTo("core-for", 500, 1500)) * time.Millisecond
		s.For += s.CoreFor + max(knowsAll, budget.Apart)
	}
	troubles := faults.Draw(seed, s.ground(budget))
	s.Faults = faults.Text(troubles)
	s.Quirks = d.quirks(budget, troubles)
	s.About = s.sums(troubles)
	return s
}

// At is the scenario that a seed makes of this one: itself, if it is no swarm, or
// has been drawn.
func (s *Spec) At(seed uint64) *Spec {
	if s == nil || s.Swarm == "" || len(s.Topics) > 0 {
		return s
	}
	drawn := Swarm(seed, s.Swarm)
	drawn.Name, drawn.File, drawn.Sum = s.Name, s.File, s.Sum
	if s.Settle > 0 {
		drawn.Settle = s.Settle
	}
	drawn.Set = append(drawn.Set, s.Set...)
	drawn.Promise = s.Promise
	return drawn
}

// swarm are the draws of one scenario.
type swarm struct {
	machine.Draw
	profile string
}

func (d swarm) of(what string) swarm { return swarm{d.Of(what), d.profile} }

func (d swarm) with(i int) swarm { return swarm{d.With(uint64(i)), d.profile} }

// upTo is a number in [least, most].
func (d swarm) upTo(what string, least, most int) int {
	return least + int(d.Of(what).N(uint64(most-least+1)))
}

// oneIn is true for one seed of n.
func (d swarm) oneIn(what string, n uint64) bool { return d.Of(what).N(n) == 0 }

// pick is one of some values. The common ones stand there several times.
func pick[T any](d swarm, what string, of ...T) T { return of[d.Of(what).N(uint64(len(of)))] }

// warmUp is when faults may begin: topics are there by then, and records.
const warmUp = 600 * time.Millisecond

// knowsAll is the calm before a core is alone. A client that knows of dead brokers only
// looks for others after metadata.recovery.rebootstrap.trigger.ms, which is 5 minutes
// (KIP-1102): it must have heard of those who live. That takes metadata.max.age.ms, of
// the profile, once the last of them is back.
const knowsAll = 1600 * time.Millisecond

// length is for how long producers produce. Where a power loss must be alone
// there has to be room for one.
func (d swarm) length(b faults.Budget) time.Duration {
	return time.Duration(d.upTo("length", 3000, 6000))*time.Millisecond + b.Apart
}

// ground is where faults may strike.
func (s *Spec) ground(b faults.Budget) faults.Ground {
	g := faults.Ground{From: warmUp, Until: s.For - 100*time.Millisecond, Budget: b, Controller: "controller",
		Classes: []string{"produce", "produce-response", "fetch", "fetch-response", "metadata-response", "broker-heartbeat", "broker-heartbeat-response",
			"broker-registration", "alter-partition", "alter-partition-response", "init-producer-id-response", "list-offsets-response", "offset-for-leader-epoch-response"}}
	if s.CoreFor > 0 {
		g.Until = s.For - s.CoreFor - knowsAll
		g.Beside = []faults.Trouble{{Kind: "core", From: s.For - s.CoreFor, To: s.For, Brokers: true}}
	}
	for _, step := range failpoint.Steps() {
		if !step.OfController() && !step.OfCleaner() && !step.OfTxnStep() {
			g.Steps = append(g.Steps, step.String())
		}
	}
	g.Racks = make([][]string, s.Racks)
	for i := range s.Brokers {
		name := brokerName(int32(i + 1))
		g.Brokers = append(g.Brokers, name)
		if s.Racks > 0 {
			g.Racks[i%s.Racks] = append(g.Racks[i%s.Racks], name)
		}
	}
	for _, p := range s.Producers {
		g.Clients = append(g.Clients, p.Name)
	}
	for _, r := range s.Readers {
		g.Clients = append(g.Clients, r.Name)
	}
	for _, tp := range newTopology(s).tps {
		g.Partitions = append(g.Partitions, tp.String())
	}
	return g
}

// sums says in a line what was drawn.
func (s *Spec) sums(troubles []faults.Trouble) string {
	var rates int64
	for _, p := range s.Producers {
		rates += p.RatePerSecond
	}
	var topics []string
	for _, t := range s.Topics {
		topics = append(topics, fmt.Sprintf("%s %dx%d", t.Name, t.Partitions, t.Replication))
	}
	return fmt.Sprintf("%d brokers, %s (partitions x replication), %d producers with %d records/s, %d readers, %v, %d troubles%s%s%s%s",
		s.Brokers, strings.Join(topics, ", "), len(s.Producers), rates, len(s.Readers), s.For, len(troubles), countKinds(troubles), s.quirkNames(), s.coreName(), s.mixedName())
}

// countKinds lists the kinds of troubles with their numbers, in the order of the
// kinds.
func countKinds(troubles []faults.Trouble) string {
	counts := make(map[string]int)
	for _, t := range troubles {
		counts[t.Kind]++
	}
	var list []string
	for _, k := range faults.Kinds() {
		if n := counts[k]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, k))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " (" + strings.Join(list, ", ") + ")"
}

func (s *Spec) mixedName() string {
	if len(s.Mixed) == 0 {
		return ""
	}
	return fmt.Sprintf(", %d brokers with settings of their own", len(s.Mixed))
}

func (s *Spec) coreName() string {
	if s.CoreFor == 0 {
		return ""
	}
	return fmt.Sprintf(", a core alone for the last %v", s.CoreFor)
}

// set adds a setting of Kafka.
func (s *Spec) set(key string, value any) {
	s.Set = append(s.Set, entry(key, value))
}

func entry(key string, value any) config.Entry {
	return config.Entry{Key: key, Value: fmt.Sprint(value)}
}

// settingOr is a setting that was drawn, or what Kafka has without it.
func settingOr(set []config.Entry, key string, otherwise int64) int64 {
	for _, e := range set {
		if e.Key == key {
			n, err := strconv.ParseInt(e.Value, 10, 64)
			if err != nil {
				panic(err) // it was drawn
			}
			return n
		}
	}
	return otherwise
}

// drawn refuses the fields that a swarm draws.
func (p *reader) drawn(n ast.Node) {
	p.Pairs(n, "the scenario", func(key string, at, _ ast.Node) {
		switch key {
		case "about", "swarm", "settle", "set", "promise":
		default:
			p.Fail(at, "%s: a swarm draws it from the seed; it may have about, settle, set and promise", key)
		}
	})
}
