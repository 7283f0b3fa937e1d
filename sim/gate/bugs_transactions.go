package gate

import "brokersim/faults/failpoint"

// transactionBugs are bugs of what partitions know of transactions.
var transactionBugs = []Bug{
	{
		Site: failpoint.T10ReadUnstable, Source: "KIP-98: the last stable offset",
		Mechanism:  "A leader gives who reads committed records all below the high watermark, also what is of a transaction that nobody has ended.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds, Faults: "# none"},
		Fault:      "nothing", Property: "read-committed", Difficulty: 1,
	},
	{
		Site: failpoint.T11SearchShort, Source: "KAFKA-5376",
		Mechanism:  "A leader looks for aborted transactions up to the last offset of what it gives out, and misses one that begins there: its records look as if they had been committed.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds, Faults: "# none", Set: []string{"consumer.max.partition.fetch.bytes=1"}},
		Fault:      "nothing; a fetch gives one batch", Property: "read-committed", Difficulty: 2,
	},
	{
		Site: failpoint.S13MarkerKeys, Source: "KAFKA-14055",
		Mechanism:  "The log cleaner takes the keys of markers for a user's, so that each commit makes the one before it old, and what that had ended is ended by the next marker, whatever it says.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds, Faults: "# none", Set: cleanedTransactions},
		Fault:      "nothing; the topic is compacted", Property: "txn-atomic", Difficulty: 2,
	},
}

// cleanedTransactions have the topic of the scenario transactions compacted again and again.
var cleanedTransactions = []string{
	"topic.cleanup.policy=compact", "topic.segment.ms=150", "topic.min.cleanable.dirty.ratio=0.01", "topic.delete.retention.ms=200",
	"topic.file.delete.delay.ms=300", "broker.log.cleaner.backoff.ms=50",
}
