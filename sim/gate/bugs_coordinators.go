package gate

import "brokersim/faults/failpoint"

// coordinatorBugs are bugs of coordinators of groups and transactions, and of who runs them.
var coordinatorBugs = []Bug{
	{
		Site: failpoint.G04AnswerAtAppend, Source: "CoordinatorRuntime's deferred events",
		Mechanism:  "A coordinator answers a commit when it is in its own log, so that the next coordinator may never have heard of it.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds, Faults: "# none"},
		Fault:      "nothing", Property: AuditProperty, Says: "its coordinator has told of what is below offset", Difficulty: 1,
	},
	{
		Site: failpoint.G05LoadedEarly, Source: "KAFKA-5600",
		Mechanism:  "A new coordinator takes what it knows for all there is when it has read the beginning of its log, and says that nothing was committed.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "a coordinator crashes", Property: "commit-register", Difficulty: 2,
	},
	{
		Site: failpoint.G14OtherHash, Source: "clients that must agree with Java's hashCode",
		Mechanism:  "FindCoordinator goes by another hash of a group's name than coordinators do, and sends its members to one that knows nothing of it.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds, Faults: "# none"},
		Fault:      "nothing", Property: "liveness", Difficulty: 1,
	},
	{
		Site: failpoint.G01ZombieCommit, Source: "group membership",
		Mechanism:  "A coordinator takes the offsets of a member of an old generation, who has been put out or replaced, over those of who reads the partitions now.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "a member sleeps for longer than its session, or has a twin", Property: "fencing", Difficulty: 2,
	},
	{
		Site: failpoint.G08DeadMember, Source: "session.timeout.ms",
		Mechanism:  "A member that is not heard of any more stays a member, and nobody reads what is its.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "a member crashes", Property: "liveness", Difficulty: 1,
	},
	{
		Site: failpoint.G09NoInstanceFence, Source: "KIP-345, KAFKA-8225",
		Mechanism:  "Two members with one group.instance.id both go on as that static member, and neither is fenced.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "a static member has a twin", Property: "fencing", Difficulty: 2,
	},
	{
		Site: failpoint.G11SkipFollowUp, Source: "KAFKA-16198",
		Mechanism:  "A member of a consumer group that waits for partitions of another is not given them when they have become free, and nobody reads them.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds, Faults: "9s..9500ms for 2500ms crash fraud-1"},
		Fault:      "a member comes back, and no other joins or leaves after it", Property: "liveness", Difficulty: 3,
	},
	{
		Site: failpoint.G16NoBarrier, Source: "the barrier of JoinGroup",
		Mechanism:  "A rebalance ends with whoever has joined first, and all others, who are about to, are put out, and begin another.",
		Experiment: Experiment{Scenario: "groups", Seeds: fewSeeds},
		Fault:      "members come and go", Property: "liveness", Difficulty: 2,
	},
	{
		Site: failpoint.G03ForgetRevocation, Source: "KAFKA-16147",
		Mechanism:  "A partition that its owner has not given back yet counts as free when it is assigned anew, and has two owners for a while.",
		Experiment: Experiment{Scenario: "churn", Seeds: someSeeds},
		Fault:      "members come and go, and those that give back are slow", Property: "one-owner", Difficulty: 4,
	},
	{
		Site: failpoint.G06ExpireLive, Source: "KAFKA-13636, KIP-211",
		Mechanism:  "Offsets expire by their age although their group has members.",
		Experiment: Experiment{Scenario: "quiet", Seeds: fewSeeds},
		Fault:      "a group commits nothing for longer than offsets are kept, a member crashes", Property: "commit-register", Difficulty: 2,
	},
	{
		Site: failpoint.G12IgnoreTombstone, Source: "Redpanda #4900",
		Mechanism:  "A coordinator that loads its log reads past what was deleted: a group is back, with its offsets, and whoever uses its name next goes on there.",
		Experiment: Experiment{Scenario: "deleted-group", Seeds: fewSeeds},
		Fault:      "delete a group, crash its coordinator", Property: "commit-register", Difficulty: 2,
	},
	{
		Site: failpoint.G13StrictEpoch, Source: "KIP-1251, KAFKA-20066",
		Mechanism:  "A commit in the epoch before is refused of a member that has still to give the partition back, and who gets it next does its last records again.",
		Experiment: Experiment{Scenario: "hand-over", Seeds: someSeeds},
		Fault:      "two join while a member is far from its coordinator and gives back in two steps", Property: "processed-once", Difficulty: 3,
	},
	{
		Site: failpoint.T07AnyEndTxn, Source: "KAFKA-9600",
		Mechanism:  "A coordinator ends a transaction for whoever names its producer id, be it of an epoch that was fenced: a zombie ends its successor's.",
		Experiment: Experiment{Scenario: "zombie", Seeds: fewSeeds},
		Fault:      "a processor stands still, and its successor begins", Property: "fencing", Difficulty: 2,
	},
	{
		Site: failpoint.T13ForgetPrepared, Source: "KAFKA-16352",
		Mechanism:  "A new coordinator does not go on with what the one before has decided, so that the markers are never written and the producer waits for ever.",
		Experiment: Experiment{Scenario: "transactions", Seeds: someSeeds},
		Fault:      "a coordinator crashes between a decision and its markers", Property: "liveness", Difficulty: 3,
	},
	{
		Site: failpoint.T18RefuseRetry, Source: "Redpanda #3501",
		Mechanism:  "A coordinator refuses an EndTxn that it has carried out, so that a producer who has not heard the first answer takes what is committed for lost.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds},
		Fault:      "the answer is lost when a coordinator crashes", Property: "txn-atomic", Difficulty: 2,
	},
	{
		Site: failpoint.T24CompleteTwice, Source: "KAFKA-10080, KAFKA-9777",
		Mechanism:  "The markers of a transaction are written again when they are all written, and end the next one of the producer where they come into it.",
		Experiment: Experiment{Scenario: "exactly-once-v1", Seeds: fewSeeds},
		Fault:      "processors and coordinators crash", Property: "txn-atomic", Difficulty: 2,
	},
	{
		Site: failpoint.T08KeepEpoch, Source: "KAFKA-17754, Jepsen on Bufstream",
		Mechanism:  "A transaction of version 2 ends without a new epoch, so that nothing tells it from the next, and partitions refuse its marker.",
		Experiment: Experiment{Scenario: "transactions", Seeds: fewSeeds, Faults: "# none"},
		Fault:      "nothing", Property: "liveness", Difficulty: 1,
	},
	{
		Site: failpoint.T16IgnorePending, Source: "KIP-447",
		Mechanism:  "OffsetFetch does not look at offsets of open transactions, so that the next owner of a partition processes again what is committed a moment later.",
		Experiment: Experiment{Scenario: "pending-offsets", Seeds: fewSeeds},
		Fault:      "a processor stands still between its positions and its commit", Property: "exactly-once", Difficulty: 3,
	},
	{
		Site: failpoint.T19FatalRace, Source: "KAFKA-20785",
		Mechanism:  "A commit that comes behind the coordinator's own abort is told that it is in no transaction, as if the application were wrong, and not that the producer is fenced.",
		Experiment: Experiment{Scenario: "pending-offsets", Seeds: someSeeds},
		Fault:      "a processor stands still for longer than transaction.timeout.ms", Property: "fencing", Difficulty: 3,
	},
	{
		Site: failpoint.T20WallTimeout, Source: "clocks",
		Mechanism:  "A coordinator counts the time of a transaction by its wall clock, so that one that is put forward aborts what is under way, and its producer is fenced.",
		Experiment: Experiment{Scenario: "wrong-clock", Seeds: fewSeeds},
		Fault:      "the wall clock of a coordinator jumps", Property: "fencing", Difficulty: 2,
	},
	{
		Site: failpoint.T27EpochBeforePending, Source: "KAFKA-18464",
		Mechanism:  "A coordinator looks at the epoch before it looks whether the transaction before is still being committed, so that an abort of nothing right behind a commit is fenced by it.",
		Experiment: Experiment{Scenario: "second-thoughts", Seeds: fewSeeds, Faults: "# none"},
		Fault:      "nothing; one transaction is aborted as soon as it has begun", Property: "fencing", Difficulty: 3,
	},
}
