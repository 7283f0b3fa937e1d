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
	{
		Site: failpoint.T05NoRotation, Source: "KAFKA-18660, KAFKA-19367",
		Mechanism:  "A coordinator goes on with a producer id whose epochs are used up, so that the producer is refused for ever.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds, Set: []string{"first-epoch=32700"}},
		Fault:      "none, but 2^15 transactions", Property: "liveness", Difficulty: 5,
	},
	{
		Site: failpoint.F09AbortNothing, Source: "franz-go up to v1.21.1",
		Mechanism: "A producer whose commit has failed has forgotten that it is in a transaction, and aborts nothing.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds,
			Set: []string{"producer.delivery.timeout.ms=700", "producer.request.timeout.ms=300"}, Faults: `
1s..1500ms for 2s  cut payment-service leader
3s for 1500ms      cut payment-service leader(payments-1)
`},
		Fault: "the leader cannot be reached when a transaction is committed", Property: "txn-atomic", Difficulty: 2,
	},
	{
		Site: failpoint.S12CleanUnstable, Source: "KAFKA-13194",
		Mechanism:  "The log cleaner does not stop at the last stable offset, so that what is aborted later takes out what was committed.",
		Experiment: Experiment{Scenario: "transactions-compacted", Seeds: someSeeds},
		Fault:      "none: long transactions are aborted", Property: "compaction", Difficulty: 4,
	},
	{
		Site: failpoint.S14ForgetTransactions, Source: "KAFKA-8351, KAFKA-13727",
		Mechanism:  "The log cleaner forgets which transactions it is in where it begins another segment, and drops markers of what is there still: for who copies the log then, the next marker ends it, whatever it says.",
		Experiment: Experiment{Scenario: "fresh-copy", Seeds: fewSeeds},
		Fault:      "none; that a follower copies the log anew, and leads, has readers see it too", Property: "txn-atomic", Difficulty: 5,
	},
	{
		Site: failpoint.T09SkipVerification, Source: "KIP-890, KAFKA-12671",
		Mechanism: "A leader does not ask the coordinator before it appends, so that a record that comes behind the end of its transaction begins one that nobody ends.",
		Experiment: Experiment{Scenario: "hanging-txn", Seeds: someSeeds,
			Set: []string{"broker.transaction.partition.verification.enable=true"}},
		Fault: "a request is late, the producer gives up and aborts", Property: "liveness", Difficulty: 3,
	},
	{
		Site: failpoint.T14OldCoordinator, Source: "coordinator epochs (ProducerAppendInfo.checkCoordinatorEpoch)",
		Mechanism:  "A partition takes a marker of a coordinator that was deposed, and so ends the next transaction of the producer there, whatever becomes of it elsewhere.",
		Experiment: Experiment{Scenario: "late-marker", Seeds: someSeeds},
		Fault:      "markers are late, and another coordinates meanwhile", Property: "txn-atomic", Difficulty: 5,
	},
}

// cleanedTransactions have the topic of the scenario transactions compacted again and again.
var cleanedTransactions = []string{
	"topic.cleanup.policy=compact", "topic.segment.ms=150", "topic.min.cleanable.dirty.ratio=0.01", "topic.delete.retention.ms=200",
	"topic.file.delete.delay.ms=300", "broker.log.cleaner.backoff.ms=50",
}
