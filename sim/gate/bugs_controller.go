package gate

import "brokersim/faults/failpoint"

// controllerBugs are bugs of the controller.
var controllerBugs = []Bug{
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
	{
		Site: failpoint.C08SameIncarnation, Source: "KIP-631, KIP-903",
		Mechanism: "The controller takes a broker that has started again for the life before, so that it stays in sync without what it has lost.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Faults: `
1s..1200ms             wipe leader
1s..1200ms for 100ms   power-loss leader
`},
		Fault: "a broker loses its disk and is back at once", Property: AuditProperty, Says: "below the high watermark", Difficulty: 2,
	},
	{
		Site: failpoint.C01VoteBeforeDurable, Source: "Raft: persist before you answer",
		Mechanism: "A controller answers with its vote before that is on its disk; after a loss of power it votes again in the epoch.",
		Experiment: Experiment{Scenario: "storms", Seeds: manySeeds, Faults: `
0s for 1s               cut-both c101 c102
0s for 1s               slow c102 c103 120ms
0s for 1s               disk-slow c103 500
330ms..400ms for 1ms    power-loss c103
`},
		Fault: "power loss of a voter with a slow disk, two candidates", Property: AuditProperty, Says: "the epoch fell", Difficulty: 4,
	},
	{
		Site: failpoint.C04NeverResign, Source: "KAFKA-15489",
		Mechanism:  "An active controller that reaches no majority goes on for ever.",
		Experiment: Experiment{Scenario: "storms", Seeds: fewSeeds, Faults: "1s for 3s cut-both controller *"},
		Fault:      "isolate the active controller", Property: AuditProperty, Says: "reaches no majority", Difficulty: 2,
	},
	{
		Site: failpoint.C05SnapshotOffByOne, Source: "KAFKA-14618",
		Mechanism:  "A controller names a snapshot by the last offset in it, and who begins with it replays the record there twice.",
		Experiment: Experiment{Scenario: "storms", Seeds: someSeeds},
		Fault:      "controllers and brokers that were away fetch a snapshot", Property: AuditProperty, Says: "are not those that others have there", Difficulty: 3,
	},
	{
		Site: failpoint.C07CutBelowHighWatermark, Source: "KAFKA-12460",
		Mechanism:  "A controller that follows another leader cuts the last epoch of its log, committed or not.",
		Experiment: Experiment{Scenario: "storms", Seeds: someSeeds},
		Fault:      "controllers are lost, cut off and paused", Property: AuditProperty, Says: "below the high watermark", Difficulty: 3,
	},
	{
		Site: failpoint.C09AnswerDeposed, Source: "KAFKA-15100",
		Mechanism:  "A controller that is deposed answers what waits as if it had been committed.",
		Experiment: Experiment{Scenario: "storms", Seeds: someSeeds},
		Fault:      "controllers are lost, cut off and paused", Property: "liveness", Difficulty: 3,
	},
	{
		Site: failpoint.C10ForgetVote, Source: "Raft: votedFor is persistent",
		Mechanism: "A controller that starts again does not know for whom it has voted, and votes for another in the same epoch.",
		Experiment: Experiment{Scenario: "storms", Seeds: manySeeds, Faults: `
0s for 2s               cut-both c101 c102
0s for 2s               slow c101 c103 60ms
0s for 2s               slow c102 c103 60ms
380ms..480ms for 1ms    crash c103
700ms..900ms for 1ms    crash c103
`},
		Fault: "crash a voter between two candidates who do not reach each other", Property: AuditProperty, Says: "is led by controller", Difficulty: 4,
	},
	{
		Site: failpoint.C11VoteTwice, Source: "Raft: one vote in an epoch",
		Mechanism: "A controller votes for everybody who asks, and an epoch has two leaders.",
		Experiment: Experiment{Scenario: "storms", Seeds: someSeeds, Faults: `
0s for 1s               cut-both c101 c102
0s for 1s               slow c101 c103 40ms
0s for 1s               slow c102 c103 40ms
`},
		Fault: "two candidates do not reach each other", Property: AuditProperty, Says: "is led by controller", Difficulty: 3,
	},
	{
		Site: failpoint.C12KeepDiverged, Source: "KIP-595: diverging epoch",
		Mechanism:  "The leader of the quorum does not tell a voter where their logs part, and the voter goes on behind what nobody has.",
		Experiment: Experiment{Scenario: "storms", Seeds: someSeeds},
		Fault:      "controllers are lost, cut off and paused", Property: AuditProperty, Says: "is not what was committed", Difficulty: 3,
	},
}
