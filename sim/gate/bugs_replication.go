package gate

import "brokersim/faults/failpoint"

// replicationBugs are bugs of leaders and followers.
var replicationBugs = []Bug{
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
		Site: failpoint.R13CommitBelowMinISR, Source: "KAFKA-15583",
		Mechanism: "The high watermark goes on rising when fewer are in sync than min.insync.replicas, so that what one copy has is shown as committed.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Faults: `
1s..1200ms for 2s  cut leader follower
1s..1200ms for 2s  cut leader follower2
`},
		Fault: "cut off the followers", Property: AuditProperty, Says: "of min.insync.replicas=", Difficulty: 2,
	},
	{
		Site: failpoint.R22OneIsEnough, Source: "KIP-455",
		Mechanism:  "A reassignment is completed when one of the replicas that it adds is in sync, and the old ones are deleted while the others lack what was acknowledged.",
		Experiment: Experiment{Scenario: "reassign", Seeds: fewSeeds},
		Fault:      "none: one of two that are added is in sync first", Property: AuditProperty, Says: "its reassignment is completed", Difficulty: 1,
	},
	{
		Site: failpoint.R19FollowerStamps, Source: "Redpanda #3003 (Jepsen, 21.10.1)",
		Mechanism: "A follower stamps what it fetches with its own log end and leader epoch as a leader does, so that what it fetches late differs.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: fewSeeds, Faults: `
800ms..900ms    cut leader follower2
1s..1200ms      crash leader
2s              heal *
3s              restart *
`},
		Fault: "a follower fetches behind a fail-over what was written before", Property: AuditProperty, Says: "differs from offset", Difficulty: 2,
	},
	{
		Site: failpoint.R16FencedInSync, Source: "KIP-841, KAFKA-13916",
		Mechanism: "The controller agrees to an ISR with a broker that it has fenced, and that cannot lead when it is needed.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds, Faults: `
500ms             slow controller leader 600ms
600ms             cut-both follower leader
1300ms            cut-both follower controller
2050ms..2150ms    heal-both follower leader
3s                heal *
`},
		Fault: "a follower that the controller has fenced catches up before the leader has heard so", Property: AuditProperty, Says: "is fenced and in the ISR", Difficulty: 3,
	},
	{
		Site: failpoint.R20KeepTruncated, Source: "KAFKA-10706, KAFKA-12153",
		Mechanism: "A follower that truncates its log keeps what it knew about the records, and takes their retry for a duplicate when it leads again.",
		Experiment: Experiment{Scenario: "three-services", Seeds: someSeeds, Set: []string{"producer.delivery.timeout.ms=10000"}, Faults: `
900ms for 1s               cut leader follower
900ms for 1s               cut leader follower2
900ms                      cut-both web follower
900ms                      cut-both web follower2
1500ms..1700ms for 500ms   crash leader
3300ms..3500ms             crash leader
4300ms                     heal *
4300ms                     restart *
`},
		Fault: "a leader that nobody hears loses the lead and gets it back before the retries", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.R23IgnoreLogStart, Source: "KIP-107",
		Mechanism:  "A follower does not listen to where its leader's log starts: DeleteRecords is never done, and what it has deleted is back when the follower leads.",
		Experiment: Experiment{Scenario: "delete-records", Seeds: fewSeeds},
		Fault:      "delete records, crash the leader", Property: "liveness", Difficulty: 2,
	},
	{
		Site: failpoint.R25GoByName, Source: "KIP-516",
		Mechanism:  "A broker that was away while a topic was deleted and created again goes on in the log of the first one, since the name is the same.",
		Experiment: Experiment{Scenario: "recreated", Seeds: someSeeds, Set: []string{"producer.batch.size=1"}},
		Fault:      "a follower is down while its topic is recreated", Property: AuditProperty, Says: "differs from offset", Difficulty: 3,
	},
	{
		Native: "R14-last-replica-standing", Source: "KIP-966, before eligible leader replicas",
		Mechanism: "The last of an ISR may lead again after a loss of power, and who is not in sync any more truncates to it what all have had.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: someSeeds, Set: []string{"topic.min.insync.replicas=1"}, Faults: `
1500ms..1600ms             crash follower
1500ms..1600ms             crash follower2
2700ms..2800ms for 300ms   power-loss leader
3800ms                     restart *
`},
		Fault: "crash the followers, power loss of the leader", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.R04FetchUnfenced, Source: "KIP-320, KAFKA-7395",
		Mechanism: "A leader serves a follower that believes in another leader epoch, and counts what it has though its log has parted.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Set: []string{"broker.replica.lag.time.max.ms=5000"}, Faults: `
1s                         drop fetch-response controller follower2 3
980ms..995ms for 300ms     cut leader follower
1s..1010ms for 1s          crash leader
2200ms..2300ms for 1500ms  cut-both leader controller
`},
		Fault: "a follower hears late that the leader has lost the lead and has it back", Property: AuditProperty, Says: "differs from offset", Difficulty: 4,
	},
	{
		Site: failpoint.R07JoinBelowEpochStart, Source: "KIP-320: the fourth rule of Kip320.tla",
		Mechanism: "A replica is in sync when it has what is below the new leader's high watermark, which lags, and then leads without what was committed above.",
		Experiment: Experiment{Scenario: "fast-failover", Seeds: manySeeds, Set: []string{"broker.broker.session.timeout.ms=500", "broker.replica.fetch.max.bytes=4000"}, Faults: `
1s                cut follower2 leader
1s                cut follower2 follower
2200ms            crash leader
2300ms            crash follower
2400ms            heal *
2400ms            slow follower follower2 300ms
2400ms            restart follower
3450ms..3650ms    crash leader
4500ms            restart *
`},
		Fault: "all crash, a slow replica fetches from who comes back first, who crashes", Property: "no-acked-loss", Difficulty: 5,
	},
	{
		Site: failpoint.L01WaitOut, Source: "any lost wake-up",
		Mechanism:  "A record that comes does not answer the fetches that wait for it; their readers hear of it when fetch.max.wait.ms is over, by a clock that ticks once a second.",
		Experiment: Experiment{Scenario: "microservices", Seeds: fewSeeds, Set: []string{"consumer.request.timeout.ms=2000"}},
		Fault:      "none", Property: "isolation", Difficulty: 1,
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
