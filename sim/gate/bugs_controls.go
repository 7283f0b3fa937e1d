package gate

import (
	"slices"

	"brokersim/checker/result"
)

// Control is what Kafka allows and what looks like a bug: a run of it must never
// be reported. One in which it did not come about has shown nothing, so that each
// says how to tell.
type Control struct {
	Name  string
	About string
	Experiment
	// Sign is what shows in some of the runs that it has come about.
	Sign     string
	happened func(*result.Result) bool
}

// Controls are what Kafka allows under the settings of each and a gate must not report.
func Controls() []Control { return slices.Concat(controls, controlsOfCoordinators) }

// Unplanted is a scenario without any bug as a control, of seeds runs.
func Unplanted(name string, seeds uint64) Control {
	return Control{
		Name: "nothing-planted", About: "the scenario as it is", Experiment: Experiment{Scenario: name, Seeds: seeds},
		Sign: "anything is sent", happened: func(r *result.Result) bool { return r.Ledger.Sent > 0 },
	}
}

var controls = []Control{
	{
		Name: "acks0-fail-over", About: "acks=0 loses what was under way when the leader dies",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: manySeeds, Set: []string{"producer.acks=0", "producer.enable.idempotence=false"}},
		Sign:       "records that were sent are in no log", happened: func(r *result.Result) bool { return r.Ledger.InLog < r.Ledger.Sent },
	},
	{
		Name: "acks1-fail-over", About: "acks=1 loses what only the dead leader had",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: manySeeds, Set: []string{"producer.acks=1", "producer.enable.idempotence=false"}},
		Sign:       "acknowledged records are lost", happened: func(r *result.Result) bool { return r.Ledger.LostAcked > 0 },
	},
	{
		Name: "retry-duplicates", About: "a retry without idempotence is appended twice",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: manySeeds, Set: []string{"producer.enable.idempotence=false"}},
		Sign:       "records are twice in the log", happened: func(r *result.Result) bool { return r.Ledger.DupLog > 0 },
	},
	{
		Name: "unclean-election", About: "with unclean.leader.election.enable a replica that was not in sync leads without what it lacks",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Faults: oneByOne,
			Set: []string{"topic.min.insync.replicas=1", "topic.unclean.leader.election.enable=true"}},
		Sign: "acknowledged records are lost", happened: func(r *result.Result) bool { return r.Ledger.LostAcked > 0 },
	},
	{
		// Where replicas keep different parts a leader may be elected that has kept
		// less than another, before KIP-966. That is a loss, and no control.
		Name: "power-loss-of-all", About: "with the page cache for a flush policy every copy of a record may be lost at once",
		Experiment: Experiment{Scenario: "single-copies", Seeds: manySeeds, Faults: `
2s         power-loss b1,b2,b3
2s..2500ms restart *
`},
		Sign: "records are lost with every copy", happened: func(r *result.Result) bool { return r.Ledger.LostAllowed > 0 },
	},
	{
		Name: "polled-again", About: "a reader that comes back polls again what it had not finished with",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Faults: `
600ms..700ms for 200ms crash inventory
900ms..1000ms for 200ms crash inventory
1200ms..1300ms for 200ms crash inventory
1500ms..1600ms for 200ms crash inventory
1800ms..1900ms for 200ms crash inventory
2100ms..2200ms for 200ms crash inventory
2400ms..2500ms for 200ms crash inventory
2700ms..2800ms for 200ms crash inventory
3000ms..3100ms for 200ms crash inventory
3300ms..3400ms for 200ms crash inventory
`},
		Sign: "more is delivered than is processed", happened: func(r *result.Result) bool { return r.Ledger.Delivered > r.Ledger.Processed },
	},
	{
		Name: "processed-again", About: "without exactly-once a reader may process again after it has died",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Faults: `
1s..1100ms for 200ms power-loss inventory
2s..2100ms for 200ms power-loss inventory
3s..3100ms for 200ms power-loss inventory
`},
		Sign: "records are processed twice", happened: func(r *result.Result) bool { return r.Ledger.DupProcessed > 0 },
	},
	{
		Name: "refused-and-there", About: "what a produce was refused for after the append may be in the log later",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Set: []string{"producer.retries=0", "producer.enable.idempotence=false"}, Faults: `
1s..1200ms for 2s  cut leader follower
1s..1200ms for 2s  cut leader follower2
`},
		Sign: "records that were not acknowledged are in the log", happened: func(r *result.Result) bool { return r.Ledger.InLog > r.Ledger.Acked },
	},
	{
		Name: "short-fetches", About: "a fetch that is cut short by its limits shows no end",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: manySeeds,
			Set: []string{"consumer.max.partition.fetch.bytes=400", "consumer.fetch.max.bytes=900", "consumer.max.poll.records=3"}},
		Sign: "records are delivered", happened: func(r *result.Result) bool { return r.Ledger.Delivered > 0 },
	},
}
