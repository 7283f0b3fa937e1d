package gate

import "brokersim/faults/failpoint"

// clientBugs are bugs of producers, consumers and who uses them.
var clientBugs = []Bug{
	{
		Site: failpoint.F13ZeroForUnknown, Source: "Jepsen on Bufstream: spurious zero offsets",
		Mechanism:  "A consumer takes offset 0 for what ListOffsets cannot tell yet.",
		Experiment: lateReader,
		Fault:      "crash the leader, a reader begins at the latest offset", Property: "no-stale-end", Difficulty: 1,
	},
	{
		Site: failpoint.F05RequeueAtTail, Source: "librdkafka #1092, sarama #2619",
		Mechanism: "A producer without idempotence sends again behind what waits, though max.in.flight.requests.per.connection is 1.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: fewSeeds,
			Set: []string{"producer.enable.idempotence=false", "producer.max.in.flight.requests.per.connection=1"}},
		Fault: "lose the answers", Property: "per-key-order", Difficulty: 2,
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
		Site: failpoint.F01SaveFetched, Source: "kafka-go #1179, franz-go #57",
		Mechanism: "A reader saves the position of what it has fetched and not of what it has processed, and goes on behind it when it is started again.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Set: []string{"consumer.max.poll.records=1"}, Faults: `
1s..1100ms for 200ms crash inventory
2s..2100ms for 200ms crash inventory
3s..3100ms for 200ms crash inventory
`},
		Fault: "crash the reader", Property: "no-skip", Difficulty: 1,
	},
	{
		Site: failpoint.F08RetryWithoutSequence, Source: "sarama #3354",
		Mechanism:  "An idempotent producer sends a batch again without its sequence, and the partition cannot tell that it has it.",
		Experiment: Experiment{Scenario: "lost-answers", Seeds: fewSeeds},
		Fault:      "lose the answers", Property: "no-duplicate", Difficulty: 2,
	},
	{
		Site: failpoint.L02RestartLinger, Source: "linger.ms counts from the first record of a batch (KafkaProducer)",
		Mechanism:  "Each record begins linger.ms anew, so that a batch of a steady sender waits until it is full.",
		Experiment: Experiment{Scenario: "analytics", Seeds: fewSeeds, Set: []string{"producer.linger.ms=100"}},
		Fault:      "none", Property: "lateness", Difficulty: 1,
	},
	{
		Site: failpoint.G10GiveAtOnce, Source: "KAFKA-14639, KAFKA-12984, KAFKA-13406",
		Mechanism:  "The leader of a cooperative group gives a partition to its next owner in the rebalance in which the last one learns that it is to give it up.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "members come and go", Property: "one-owner", Difficulty: 2,
	},
	{
		Site: failpoint.F11RewindOnResume, Source: "librdkafka #4637",
		Mechanism:  "A consumer that resumes a partition reads it again from where its last fetch began.",
		Experiment: Experiment{Scenario: "auto-commit-handoff", Seeds: fewSeeds, Faults: "2s..3s for 1500ms crash leader"},
		Fault:      "crash the leader: what has piled up is more than the workers can hold", Property: "commit-register", Difficulty: 3,
	},
	{
		Site: failpoint.F04ResetUnvalidated, Source: "KIP-320, KIP-207",
		Mechanism:  "A consumer does not hold its position against the log of the next leader: when that refuses it, auto.offset.reset=latest passes over what was written since the logs parted.",
		Experiment: Experiment{Scenario: "parted-log", Seeds: fewSeeds},
		Fault:      "crash a leader without followers in sync, which the reader hears of late", Property: "delivered", Difficulty: 2,
	},
	{
		Site: failpoint.F12StaleIsNone, Source: "platformatic #267",
		Mechanism:  "A consumer takes STALE_MEMBER_EPOCH of OffsetFetch for the answer that nothing is committed, and auto.offset.reset=latest passes over what is.",
		Experiment: Experiment{Scenario: "hand-over", Seeds: someSeeds},
		Fault:      "a member joins while another, far from the coordinator, is about to ask what is committed", Property: "no-skip", Difficulty: 3,
	},
	{
		Native: "F03-latest-skips-new-partition", Source: "KAFKA-12261, kafka-go #904",
		Mechanism:  "With auto.offset.reset=latest what is written to a new partition before its reader knows of it is read by nobody.",
		Experiment: Experiment{Scenario: "new-partitions", Seeds: fewSeeds},
		Fault:      "add partitions under load", Property: "delivered", Difficulty: 2,
	},
}
