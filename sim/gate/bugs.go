package gate

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// Bug is the manifest of a planted bug: what it is, what it takes to show it, and
// who must say so.
type Bug struct {
	Site      failpoint.Site
	Source    string // the KIP or ticket of the bug that it copies, or what kind of system had it
	Mechanism string // in one sentence

	Experiment
	// Fault is what goes wrong, in a few words; the schedule has it exactly.
	Fault string

	// Property must be broken; or, if it is "audit", an audit must fail with a
	// sentence that contains Says. What another property says does not count.
	Property string
	Says     string

	// Difficulty for a search that injects faults: 1 no fault or any; 2 one fault;
	// 3 two in order; 4 three, or a narrow window.
	Difficulty int
}

// Experiment is a scenario with what is changed in it, and how many seeds may be
// spent on it.
type Experiment struct {
	Scenario string   // of those that come with the program
	Set      []string // as --set has them
	Faults   string   // replaces the scenario's schedule; empty: it stays
	Seeds    uint64   // the budget: seeds 1 to Seeds
}

// AuditProperty is the Property of a bug that an audit of the brokers names.
const AuditProperty = "audit"

// Name is the name that --plant takes.
func (b *Bug) Name() string { return b.Site.String() }

// Case is the experiment as a case, without a seed.
func (x *Experiment) Case() (scenario.Case, error) {
	spec, err := Catalog(x.Scenario)
	if err != nil {
		return scenario.Case{}, err
	}
	c := scenario.Case{Spec: spec}
	if x.Faults != "" {
		c.Faults = &x.Faults
	}
	return c.With("--set", x.Set...)
}

// Planted is the bug's experiment with the bug in it.
func (b *Bug) Planted() (scenario.Case, error) {
	c, err := b.Case()
	c.Plant = []string{b.Name()}
	return c, err
}

// NamedBy reports whether the property or audit that must find the bug has found
// it in a run.
func (b *Bug) NamedBy(r *result.Result) bool {
	if b.Property == AuditProperty {
		return slices.ContainsFunc(r.Audits, func(s string) bool { return strings.Contains(s, b.Says) })
	}
	return slices.Contains(brokenIn(r), b.Property)
}

// brokenIn are the properties that a run has broken, with "audit" for its audits.
func brokenIn(r *result.Result) (list []string) {
	for i := range r.Findings {
		if r.Findings[i].Outcome == result.Broken {
			list = append(list, r.Findings[i].Property)
		}
	}
	if len(r.Audits) > 0 {
		list = append(list, AuditProperty)
	}
	return list
}

// FindBug returns the manifest of a bug. The error names the nearest.
func FindBug(name string) (Bug, error) {
	site, err := failpoint.ParseBug(name)
	if err != nil {
		return Bug{}, err
	}
	for _, b := range bugs {
		if b.Site == site {
			return b, nil
		}
	}
	return Bug{}, fmt.Errorf("planted bug %v has no manifest", site)
}

// Bugs are the manifests of all planted bugs, by difficulty, then by name.
func Bugs() []Bug {
	list := slices.Clone(bugs)
	slices.SortFunc(list, func(a, b Bug) int { // total: names differ
		if a.Difficulty != b.Difficulty {
			return a.Difficulty - b.Difficulty
		}
		return strings.Compare(a.Name(), b.Name())
	})
	return list
}

// Seeds by difficulty: a bug that any fault shows needs no long search.
const (
	fewSeeds  = 40
	someSeeds = 200
	manySeeds = 2000
)

var bugs = []Bug{
	{
		Site: failpoint.R24AckBeforeISR, Source: "any log",
		Mechanism:  "A leader acknowledges acks=all once it has appended itself, without waiting for the high watermark.",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: fewSeeds},
		Fault:      "cut off the followers, crash the leader", Property: "no-acked-loss", Difficulty: 1,
	},
	{
		Site: failpoint.R18ReadToLogEnd, Source: "KAFKA-9835",
		Mechanism:  "A consumer's fetch is bounded by the log end instead of the high watermark.",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: fewSeeds},
		Fault:      "cut off the followers, crash the leader", Property: "no-stale-end", Difficulty: 1,
	},
	{
		Site: failpoint.R12IgnoreMinISR, Source: "Jepsen on Kafka, 2013",
		Mechanism: "A leader goes on with fewer in sync than min.insync.replicas, so that acks=all means one copy.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Faults: `
1s..1200ms for 2s  cut leader follower
1s..1200ms for 2s  cut leader follower2
`},
		Fault: "cut off the followers", Property: AuditProperty, Says: "of min.insync.replicas=", Difficulty: 1,
	},
	{
		Site: failpoint.F13ZeroForUnknown, Source: "Jepsen on Bufstream: spurious zero offsets",
		Mechanism:  "A consumer takes offset 0 for what ListOffsets cannot tell yet.",
		Experiment: lateReader,
		Fault:      "crash the leader, a reader begins at the latest offset", Property: "no-stale-end", Difficulty: 1,
	},
	{
		Site: failpoint.T01ForgetSequence, Source: "KIP-98, Redpanda #3039",
		Mechanism:  "A follower does not remember the sequences of idempotent producers, so that a retry to the next leader is appended twice.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: fewSeeds},
		Fault:      "lose the answers, crash the leader", Property: "no-duplicate", Difficulty: 2,
	},
	{
		Site: failpoint.T02RememberOneBatch, Source: "KAFKA-5494",
		Mechanism:  "Of an idempotent producer's last five batches only the newest is remembered, so that the retries of the others are refused and sent in a new epoch.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: fewSeeds},
		Fault:      "lose the answers with five in flight", Property: "no-duplicate", Difficulty: 2,
	},
	{
		Site: failpoint.T25AnySequence, Source: "KIP-98: the check of sequences",
		Mechanism: "A partition takes whatever sequence a producer sends, so that a batch overtakes one before it that was refused.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds,
			Set:    []string{"producer.linger.ms=10", "topic.max.message.bytes=1500"},
			Faults: "500ms slow order-service leader 30ms"},
		Fault: "a batch is too large, with five in flight", Property: "per-key-order", Difficulty: 2,
	},
	{
		Site: failpoint.F05RequeueAtTail, Source: "librdkafka #1092, sarama #2619",
		Mechanism: "A producer without idempotence sends again behind what waits, though max.in.flight.requests.per.connection is 1.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: fewSeeds,
			Set: []string{"producer.enable.idempotence=false", "producer.max.in.flight.requests.per.connection=1"}},
		Fault: "lose the answers", Property: "per-key-order", Difficulty: 2,
	},
	{
		Site: failpoint.R05ShrinkBeforeAnswer, Source: "Jepsen on Kafka, 2013; KIP-497",
		Mechanism: "A leader acts on a smaller ISR before the controller has agreed, so that one that is cut off acknowledges alone.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Set: []string{"topic.min.insync.replicas=1"}, Faults: `
1s..1200ms for 3s  cut-both leader follower
1s..1200ms for 3s  cut-both leader follower2
1s for 3s          cut-both leader controller
1s for 3s          cut-both order-service follower
1s for 3s          cut-both order-service follower2
`},
		Fault: "cut off the leader with its producer", Property: "no-acked-loss", Difficulty: 2,
	},
	{
		Site: failpoint.R11UncleanElection, Source: "unclean.leader.election.enable, the default before Kafka 0.11",
		Mechanism:  "The controller elects a replica that is not in sync when no other is left.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Set: []string{"topic.min.insync.replicas=1"}, Faults: oneByOne},
		Fault:      "crash the replicas one by one, the first comes back", Property: "no-acked-loss", Difficulty: 2,
	},
	{
		Site: failpoint.R17LatestBeforeEpochStart, Source: "KIP-207, KAFKA-2334",
		Mechanism:  "A new leader answers ListOffsets with a high watermark that has not reached the start of its epoch, so that the end goes back.",
		Experiment: lateReader,
		Fault:      "crash the leader, list offsets at once", Property: "no-stale-end", Difficulty: 2,
	},
	{
		Site: failpoint.S01SkipChecksums, Source: "any log store",
		Mechanism: "Recovery believes a garbled batch at the end of the log because its length fits.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds, Faults: `
1s..1100ms for 300ms     power-loss b1
1500ms..1600ms for 300ms power-loss b2
2s..2100ms for 300ms     power-loss b3
`},
		Fault: "power loss with a torn write", Property: "liveness", Difficulty: 2,
	},
	{
		Site: failpoint.R01TruncateToHighWatermark, Source: "KIP-101, KAFKA-1211",
		Mechanism:  "A follower that changes leaders truncates to its own high watermark, which lags, and then leads without what was committed.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds},
		Fault:      "crash the leader, and the next before a fetch", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.R02EpochEndIsLogEnd, Source: "KIP-101",
		Mechanism: "A leader answers its log end, whatever epoch it is asked about, so that a follower whose log parts from it keeps its own records.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds, Set: []string{"producer.batch.size=1"}, Faults: `
1s..1200ms for 2s           cut leader follower
1s..1200ms for 2s           cut leader follower2
1500ms..1800ms for 1500ms   crash leader
4s..4200ms                  crash leader
4500ms                      restart *
`},
		Fault: "cut off the followers, crash the leader, it comes back", Property: AuditProperty, Says: "differs from offset", Difficulty: 3,
	},
	{
		Site: failpoint.F06RestartSequence, Source: "librdkafka PR #3672",
		Mechanism:  "A producer numbers from 0 again when a partition has lost its leader, without a new epoch, and its records are taken for duplicates.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds},
		Fault:      "a partition has no leader for a while", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.F07RenumberUnknown, Source: "KAFKA-14034, librdkafka #4438",
		Mechanism:  "A producer takes a lost answer for a lost request and gives the batch another sequence.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: someSeeds},
		Fault:      "lose the answers, crash the leader", Property: "no-duplicate", Difficulty: 3,
	},
	{
		Site: failpoint.R03EchoEpoch, Source: "KIP-279, KAFKA-6361",
		Mechanism: "A leader that does not know a follower's epoch answers in its name with the end of an earlier one, so that two logs part after a double fail-over.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds,
			Set: []string{"producer.batch.size=1", "topic.min.insync.replicas=1", "topic.unclean.leader.election.enable=true"}, Faults: `
500ms                      crash follower2
1s..1200ms for 1s          cut leader follower
1300ms..1400ms for 1700ms  crash leader
2900ms..2950ms for 1400ms  crash leader
4900ms                     restart *
`},
		Fault: "two fail-overs, each with records that nobody else has", Property: AuditProperty, Says: "differs from offset", Difficulty: 4,
	},
	{
		Site: failpoint.R06ForgetPendingISR, Source: "KIP-497, KAFKA-13091",
		Mechanism: "The high watermark passes a replica that the leader has asked to be in sync, and that the controller has agreed to.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Set: []string{"broker.replica.lag.time.max.ms=500"}, Faults: `
1s for 1500ms    cut follower leader
2400ms           slow controller leader 700ms
2505ms..2600ms   cut follower leader
3100ms..3180ms   crash leader
4200ms           heal *
4300ms           restart *
`},
		Fault: "delay the controller's answer, cut off the new member, crash the leader", Property: "no-acked-loss", Difficulty: 4,
	},
	{
		Site: failpoint.C01AnswerBeforeDurable, Source: "Raft: persist before you answer",
		Mechanism: "The controller answers before its records are on its disk; a power loss takes back what the leader was told.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Set: []string{"topic.min.insync.replicas=1"}, Faults: `
800ms                          cut leader follower
800ms                          cut leader follower2
2000100us..2001500us for 300ms power-loss controller
3s..3200ms                     crash leader
4200ms                         restart *
`},
		Fault: "power loss of the controller in a change of the ISR, crash the leader", Property: "no-acked-loss", Difficulty: 4,
	},
	{
		Site: failpoint.T22IDsBeforeDurable, Source: "KAFKA-13357",
		Mechanism:  "The controller gives out producer ids before that is on its disk and gives them out again, and one producer's records are taken for duplicates of another's.",
		Experiment: Experiment{Scenario: "three-services", Seeds: manySeeds},
		Fault:      "power loss of the controller in the first request for producer ids", Property: "no-acked-loss", Difficulty: 4,
	},
}

// lateReader has a reader begin at the latest offset when a leader has just been
// elected whose high watermark lags.
var lateReader = Experiment{
	Scenario: "fast-failover", Seeds: fewSeeds, Set: []string{"consumer.auto.offset.reset=latest"}, Faults: `
1ms              crash inventory
900ms            slow leader follower 20ms
900ms            slow leader follower2 20ms
900ms            slow follower follower2 300ms
900ms            slow follower2 follower 300ms
1100ms           cut leader follower
1100ms           cut leader follower2
1150ms..1250ms   crash leader
2150ms..2350ms   restart inventory
3s               heal *
3800ms           restart *
`}

// oneByOne leaves a partition in the end to the replica that went first.
const oneByOne = `
1s..1100ms      crash follower
1500ms..1600ms  crash follower2
3200ms..3300ms  crash leader
3400ms          restart follower
4600ms          restart *
`
