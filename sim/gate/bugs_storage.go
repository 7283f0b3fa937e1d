package gate

import "brokersim/faults/failpoint"

// storageBugs are bugs of logs and of who recovers them.
var storageBugs = []Bug{
	{
		Site: failpoint.S01SkipChecksums, Source: "any log store",
		Mechanism: "Recovery believes a garbled batch at the end of the log because its length fits.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds, Faults: `
1s..1100ms for 300ms     power-loss b1
1500ms..1600ms for 300ms power-loss b2
2s..2100ms for 300ms     power-loss b3
`},
		Fault: "power loss with a torn write", Property: AuditProperty, Says: "does not match its CRC-32C", Difficulty: 2,
	},
	{
		Site: failpoint.S02KeepMarker, Source: "KAFKA-15375",
		Mechanism: "A broker that starts does not take back that the life before was shut down in good order, so that after a loss of power it believes what is torn.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds, Faults: `
700ms for 300ms          stop b1
800ms for 300ms          stop b2
900ms for 300ms          stop b3
1500ms..1600ms for 300ms power-loss b1
2s..2100ms for 300ms     power-loss b2
2500ms..2600ms for 300ms power-loss b3
`},
		Fault: "stop, start, and a power loss with a torn write", Property: "liveness", Difficulty: 3,
	},
	{
		Site: failpoint.S03IgnoreSyncError, Source: "fsyncgate, KAFKA-10778",
		Mechanism: "A broker takes a sync that has failed for one that is done and acknowledges what is on no disk.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds, Set: []string{"topic.flush.messages=1"}, Faults: `
900ms                      sync-error leader
1500ms..1600ms             crash follower
1500ms..1600ms             crash follower2
2700ms                     sync-error leader off
2800ms..2900ms for 300ms   power-loss leader
3800ms                     restart *
`},
		Fault: "syncs fail, then a power loss", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.S04EndAfterIndex, Source: "KAFKA-7866",
		Mechanism: "A leader moves its log end only when it has written the index, and goes on when that has failed: it gives out offsets that are in its file already.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds, Set: []string{"topic.index.interval.bytes=0"}, Faults: `
900ms..1s for 300ms io-error leader orders-0/*.index
3800ms              restart *
`},
		Fault: "the index cannot be written for a while", Property: AuditProperty, Says: "and the log ends at byte", Difficulty: 3,
	},
	{
		Site: failpoint.S05TrustIndex, Source: "CorruptIndex",
		Mechanism: "A broker that starts again goes by an index that the power loss has torn or garbled.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds, Set: []string{"topic.index.interval.bytes=0"}, Faults: `
1s..1100ms for 300ms     power-loss b1
1500ms..1600ms for 300ms power-loss b2
2s..2100ms for 300ms     power-loss b3
`},
		Fault: "power loss with a torn index", Property: AuditProperty, Says: "index: offset", Difficulty: 2,
	},
	{
		Site: failpoint.S08DeleteActive, Source: "KAFKA-12875, KAFKA-15047",
		Mechanism:  "Retention deletes all of a log and leaves no file that tells where it goes on, so that after a start it begins at offset 0.",
		Experiment: Experiment{Scenario: "expiry", Seeds: fewSeeds},
		Fault:      "brokers start again while a log is empty", Property: "slot-agreement", Difficulty: 2,
	},
	{
		Site: failpoint.S09OldestTimestamp, Source: "KIP-32",
		Mechanism:  "Retention goes by the oldest timestamp of a segment, and one of a bad clock deletes what is fresh.",
		Experiment: Experiment{Scenario: "expiry", Seeds: fewSeeds},
		Fault:      "the clock of a producer is wrong", Property: "retention", Difficulty: 2,
	},
	{
		Site: failpoint.S10KeepOldest, Source: "any log that is compacted",
		Mechanism:  "The log cleaner keeps the first record of a key and takes out the later ones.",
		Experiment: Experiment{Scenario: "compaction", Seeds: fewSeeds},
		Fault:      "none", Property: "compaction", Difficulty: 1,
	},
	{
		Site: failpoint.S11OldHorizon, Source: "KAFKA-4529, KIP-534",
		Mechanism: "The time after which a tombstone may go counts from when it was written, so that it goes together with what it deletes and a reader who is behind never hears of it.",
		Experiment: Experiment{Scenario: "compaction", Seeds: someSeeds, Faults: "# none", Set: []string{"topic.min.compaction.lag.ms=1700", "topic.stock.max.compaction.lag.ms=60000",
			"topic.delete.retention.ms=1500", "topic.min.cleanable.dirty.ratio=0.01", "consumer.max.partition.fetch.bytes=600"}},
		Fault: "a reader is behind when a log is cleaned", Property: "compaction", Difficulty: 3,
	},
	{
		Site: failpoint.S17RawStamps, Source: "TimeIndex.maybeAppend",
		Mechanism:  "The time index tells of each batch's own timestamp, not of the largest so far, and a search in what does not rise passes over records.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Set: []string{"topic.index.interval.bytes=0"}, Faults: "1s..1500ms for 2s skew order-service -1h"},
		Fault:      "the clock of a producer goes back for a while", Property: AuditProperty, Says: "the time index finds offset", Difficulty: 1,
	},
	{
		Site: failpoint.S18ForgetAtStart, Source: "KAFKA-12520",
		Mechanism: "A broker that starts again does not learn from its logs which sequences of producers they hold, so that a retry is appended twice.",
		Experiment: Experiment{Scenario: "single-copies", Seeds: someSeeds, Faults: `
800ms..900ms for 400ms cut b1 order-service
800ms..900ms for 400ms cut b2 order-service
800ms..900ms for 400ms cut b3 order-service
1100ms for 500ms       crash b1
1100ms for 500ms       crash b2
1100ms for 500ms       crash b3
`},
		Fault: "lose the answers, crash and restart the leader", Property: "no-duplicate", Difficulty: 3,
	},
}
