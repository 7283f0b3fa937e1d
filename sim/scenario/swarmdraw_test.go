package scenario

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/checker"
	"brokersim/checker/result"
)

var profiles = []string{Restricted, Unrestricted}

// Whatever a seed draws can be run, without a word of warning.
func TestSwarmIsValid(t *testing.T) {
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 200
	}
	for _, profile := range profiles {
		for seed := range seeds {
			if warnings, err := Check(Case{Spec: Swarm(seed, profile), Seed: seed}); err != nil || len(warnings) > 0 {
				t.Errorf("%s, seed %#x: %v, warnings %v", profile, seed, err, warnings)
			}
		}
	}
}

// Over some hundred seeds everything is drawn that can be.
func TestSwarmCovers(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(1000) {
		s := Swarm(seed, Restricted)
		seen[fmt.Sprintf("%d brokers", s.Brokers)]++
		seen[fmt.Sprintf("%d producers", len(s.Producers))]++
		seen[fmt.Sprintf("%d readers", len(s.Readers))]++
		seen[fmt.Sprintf("%d topics", len(s.Topics))]++
		for _, e := range append(append(s.Set, s.Topics[0].Set...), entry("faults", s.Faults == "")) {
			seen[e.Key+"="+e.Value]++
		}
	}
	for _, want := range []string{"1 brokers", "2 brokers", "7 brokers", "1 producers", "4 producers", "1 readers", "6 readers", "3 topics",
		"producer.acks=all", "producer.acks=1", "producer.acks=0", "producer.enable.idempotence=true", "producer.enable.idempotence=false",
		"producer.retries=0", "producer.max.in.flight.requests.per.connection=1", "producer.max.in.flight.requests.per.connection=20",
		"flush.messages=1", "flush.messages=10", "min.insync.replicas=1", "min.insync.replicas=2", "min.insync.replicas=3",
		"unclean.leader.election.enable=true", "consumer.auto.offset.reset=latest", "consumer.auto.offset.reset=earliest", "faults=true", "faults=false"} {
		if seen[want] < 10 {
			t.Errorf("%s is drawn for %d of 1000 seeds", want, seen[want])
		}
	}
}

// The profile changes what it is about, and no other choice.
func TestSwarmIsDrawnByIdentity(t *testing.T) {
	for seed := range uint64(100) {
		a, b := Swarm(seed, Restricted), Swarm(seed, Unrestricted)
		if a.Brokers != b.Brokers || !reflect.DeepEqual(a.Topics, b.Topics) || !reflect.DeepEqual(a.Producers, b.Producers) || !reflect.DeepEqual(a.Readers, b.Readers) {
			t.Errorf("seed %#x: the profile has changed the cluster or the load", seed)
		}
		theirs := map[string]string{}
		for _, e := range b.Set {
			theirs[e.Key] = e.Value
		}
		for _, e := range a.Set {
			if e.Key != "producer.delivery.timeout.ms" && e.Key != "broker.replica.socket.timeout.ms" && theirs[e.Key] != e.Value {
				t.Errorf("seed %#x: the profile has changed %s", seed, e.Key)
			}
		}
	}
}

// The budget follows from what was drawn.
func TestSwarmBudget(t *testing.T) {
	spec := func(acks, flush string, replication int16, minISR int) *Spec {
		s := &Spec{Brokers: 5, Topics: []Topic{{Name: "t1", Partitions: 1, Replication: replication}}}
		s.set("producer.acks", acks)
		s.set("broker.replica.lag.time.max.ms", 1000)
		s.set("broker.broker.session.timeout.ms", 900)
		s.set("broker.replica.socket.timeout.ms", 600)
		s.Topics[0].Set = append(s.Topics[0].Set, entry("min.insync.replicas", minISR))
		if flush != "" {
			s.Topics[0].Set = append(s.Topics[0].Set, entry("flush.messages", flush))
		}
		return s
	}
	for _, c := range []struct {
		s     *Spec
		dark  int
		apart time.Duration
	}{
		{spec("all", "1", 3, 2), 1, 0},
		{spec("all", "1", 3, 1), 2, 0},
		{spec("all", "1", 3, 3), 1, 0},
		{spec("all", "1", 1, 1), 1, 0},
		{spec("all", "", 5, 2), 3, 3 * time.Second},
		{spec("all", "10", 3, 2), 1, 3 * time.Second},
		{spec("1", "1", 3, 3), 2, 0},
		{spec("0", "", 4, 3), 3, 3 * time.Second},
	} {
		if b := (swarm{profile: Restricted}).budget(c.s); b.Dark != c.dark || b.Apart != c.apart {
			t.Errorf("%v, %v: %+v, want %d dark and %v apart", c.s.Set[0], c.s.Topics[0], b, c.dark, c.apart)
		}
		if b := (swarm{profile: Unrestricted}).budget(c.s); b.Dark != 0 || b.Apart != 0 {
			t.Errorf("%v: the unrestricted profile has the budget %+v", c.s.Topics[0], b)
		}
	}
}

// Nothing of an idempotent producer expires while something is wrong, and
// everything does that can never be sent before the run must be at rest.
func TestSwarmOutwaitsItsFaults(t *testing.T) {
	for seed := range uint64(500) {
		s := Swarm(seed, Restricted)
		set, err := Settings(Case{Spec: s, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Producers {
			x := set.Producer(p.Name)
			if x.EnableIdempotence && x.DeliveryTimeout < s.longestOutage() || x.DeliveryTimeout >= s.Settle {
				t.Errorf("seed %#x: %s has delivery.timeout.ms=%d, in a run of %v", seed, p.Name, x.DeliveryTimeout.Milliseconds(), s.For)
			}
		}
	}
}

// A swarm is one scenario, whatever seed it is run with.
func TestSwarmByName(t *testing.T) {
	spec := load(t, "swarm")
	if spec.At(3).Brokers == 0 || len(spec.Topics) != 0 {
		t.Fatalf("%+v", spec)
	}
	drawn := Swarm(3, Restricted)
	byName, bySpec := Run(Case{Spec: spec, Seed: 3}), Run(Case{Spec: drawn, Seed: 3})
	if byName.TraceHash != bySpec.TraceHash {
		t.Errorf("%s by name, %s as drawn", byName.TraceHash, bySpec.TraceHash)
	}
	if spec.At(3).At(4) != spec.At(3) && len(spec.At(3).At(4).Topics) == 0 {
		t.Error("what is drawn is drawn again")
	}
	set, err := Settings(Case{Spec: spec, Seed: 3, Layers: with("broker.broker.session.timeout.ms", "777")})
	if err != nil || set.Broker().BrokerSessionTimeout.Milliseconds() != 777 {
		t.Errorf("%v: what is set does not come on top of what is drawn", err)
	}
	orders := load(t, "orders")
	if orders.At(3) != orders {
		t.Error("a scenario that is no swarm was drawn")
	}
}

func TestSwarmRefuses(t *testing.T) {
	for src, want := range map[string]string{ // unordered: each by itself
		"swarm: restrictd\n":                          `did you mean "restricted"`,
		"swarm: restricted\nbrokers: 5\n":             "mine.yaml:2: brokers: a swarm draws it",
		"swarm: restricted\nfaults: |\n  1s heal *\n": "mine.yaml:2: faults: a swarm draws it",
	} {
		if _, err := Parse("mine.yaml", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", src, err, want)
		}
	}
	if _, err := Check(Case{Spec: &Spec{Name: "mine", Swarm: "wild"}}); err == nil {
		t.Error("an unknown swarm was drawn")
	}
}

// Within the budget everything is kept that is promised.
func TestSwarmRestricted(t *testing.T) {
	looked := map[string]bool{}
	for seed := range swarmSeeds() {
		r := Run(Case{Spec: Swarm(seed, Restricted), Seed: seed})
		wantKeptOrVacuous(t, r)
		for s, n := range r.Reached { // unordered: a set
			if n > 0 {
				looked[s] = true
			}
		}
	}
	for _, want := range []string{"leader-change", "isr-shrink", "isr-expand", "truncation", "duplicate-sequence", "not-enough-replicas"} {
		if !looked[want] && !testing.Short() {
			t.Errorf("no run has reached %s", want)
		}
	}
}

// Without a budget nothing is lost but what may be.
func TestSwarmUnrestricted(t *testing.T) {
	allowed := int64(0)
	for seed := range swarmSeeds() {
		r := Run(Case{Spec: Swarm(seed, Unrestricted), Seed: seed})
		wantKeptOrVacuous(t, r)
		allowed += r.Ledger.LostAllowed
	}
	if allowed == 0 && !testing.Short() {
		t.Error("nothing was lost in any run: the profile restricts")
	}
}

// What a swarm has found, and is Kafka's own doing (see forgo): a producer has five
// requests under way to a leader that has died, and five to the next. What is not
// remembered any more is out of order until it expires, and then comes again, behind
// what was sent later.
func TestSwarmSparesKafkasFlaws(t *testing.T) {
	src, err := os.ReadFile("testdata/five-batches.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := Parse("five-batches.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	r := Run(Case{Spec: spec, Seed: 0x6f})
	for _, property := range []string{checker.PerKeyOrder, checker.NoDuplicate} {
		if !slices.Contains(outcomes(r), property+" BROKEN") {
			t.Errorf("%s: the run does not show that %s is broken any more", r.Verdict, property)
		}
	}
	spec.Swarm = Restricted
	wantKeptOrVacuous(t, Run(Case{Spec: spec, Seed: 0x6f}))
}

func swarmSeeds() uint64 {
	if testing.Short() {
		return 5
	}
	return 25
}

func wantKeptOrVacuous(t *testing.T, r result.Result) {
	t.Helper()
	if (r.Verdict != result.Kept && r.Verdict != result.Vacuous) || len(r.Audits) > 0 {
		t.Errorf("%s, seed %s: %s %v, audits %v, warnings %v", r.Scenario, r.Seed, r.Verdict, outcomes(r), r.Audits, r.Warnings)
	}
}

// Brokers may differ in their settings, and what is set above all holds for all.
func TestMixedSettings(t *testing.T) {
	for seed := range uint64(200) {
		s := Swarm(seed, Restricted)
		if len(s.Mixed) == 0 || s.Brokers < 2 {
			continue
		}
		p, err := (&Case{Spec: s, Seed: seed}).plan()
		if err != nil {
			t.Fatal(err)
		}
		common := p.set.Broker()
		for _, m := range s.Mixed {
			own := p.brokerSettings(m.Broker)
			if own.ReplicaLagTimeMax > common.ReplicaLagTimeMax || fmt.Sprint(own.ReplicaFetchWaitMax.Milliseconds()) != m.Set[1].Value {
				t.Errorf("seed %#x: b%d has lag %v and fetch wait %v, all have lag %v, and it should have %v", seed, m.Broker+1, own.ReplicaLagTimeMax, own.ReplicaFetchWaitMax, common.ReplicaLagTimeMax, m.Set)
			}
		}
		return
	}
	t.Error("no seed has brokers with settings of their own")
}
