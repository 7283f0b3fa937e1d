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
}
