package gate

import "brokersim/faults/failpoint"

// sequenceBugs are bugs of what a partition knows of idempotent producers.
var sequenceBugs = []Bug{
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
		Site: failpoint.T23ExpireByFirst, Source: "KAFKA-7190, KAFKA-9144",
		Mechanism: "What a partition knows of a producer expires by the age of its first batch, though it is busy, and a retry is appended twice.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: someSeeds, Set: []string{"broker.producer.id.expiration.ms=2500", "broker.producer.id.expiration.check.interval.ms=100"}, Faults: `
2400ms..2600ms for 2s  cut leader order-service
2900ms..3s             crash leader
4500ms                 restart *
`},
		Fault: "lose the answers when states expire", Property: "no-duplicate", Difficulty: 3,
	},
	{
		Site: failpoint.T04ForgetWrap, Source: "KAFKA-7692, KAFKA-7693",
		Mechanism:  "Sequences begin again at 0 behind the largest int32, and a partition takes the first of them for a duplicate.",
		Experiment: Experiment{Scenario: "sequence-wrap", Seeds: someSeeds},
		Fault:      "none, but 2^31 records", Property: "no-acked-loss", Difficulty: 5,
	},
	{
		Site: failpoint.T06OldEpoch, Source: "KIP-98: the fence of producer epochs",
		Mechanism: "A partition takes a batch of an epoch that its producer has left behind, so that a request that is very late brings in what was sent again long ago.",
		Experiment: Experiment{Scenario: "followers-cut", Seeds: someSeeds,
			Set: []string{"producer.delivery.timeout.ms=1000", "producer.request.timeout.ms=500"}, Faults: `
1s..1100ms            duplicate produce order-service leader 2500ms
1200ms for 1300ms     cut order-service leader
`},
		Fault: "a request is late, the producer gives up others and begins a new epoch", Property: "no-duplicate", Difficulty: 3,
	},
}
