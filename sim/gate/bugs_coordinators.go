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
}
