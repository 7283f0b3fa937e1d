package gate

import (
	"slices"
	"strings"

	"brokersim/checker/result"
	"brokersim/faults/failpoint"
)

// controlSeeds are how many runs of a control of groups and transactions there are.
const controlSeeds = 300

// allAtOnce takes the power from all brokers at once.
const allAtOnce = `
2s..3s       power-loss b1,b2,b3
3s..3500ms   restart *
`

// controlsOfCoordinators are the controls of groups and transactions. In some of them topics are
// flushed and coordinators are not, so that nothing is lost but what coordinators knew.
var controlsOfCoordinators = []Control{
	{
		Name: "forgotten-commits", About: "what a group had committed and its coordinator had not flushed is lost with the power of all: it begins further back",
		Experiment: Experiment{Scenario: "groups", Seeds: controlSeeds, Set: []string{"topic.flush.messages=1"}, Faults: allAtOnce},
		Sign:       "groups process again what they had committed", happened: func(r *result.Result) bool { return r.Ledger.DupProcessed > 0 },
	},
	{
		Name: "forgotten-transactions", About: "of a transaction whose coordinator has lost its log with the power of all nobody knows: it hangs, or is aborted though its commit was answered",
		Experiment: Experiment{Scenario: "transactions", Seeds: controlSeeds, Set: []string{"topic.flush.messages=1"}, Faults: allAtOnce},
		Sign:       "readers of committed records wait for good", happened: func(r *result.Result) bool {
			return slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "liveness is not promised") })
		},
	},
	{
		Name: "expired-commits", About: "offsets.retention.minutes after its last member a group is forgotten, and begins anew (KIP-211)",
		Experiment: Experiment{Scenario: "quiet", Seeds: controlSeeds, Faults: `
4s..5s       crash audit-1
4s..5s       crash audit-2
76s..77s     restart *
`},
		Sign: "the group processes again what it had committed", happened: func(r *result.Result) bool { return r.Ledger.DupProcessed > 0 },
	},
	{
		Name: "committed-and-rebalanced", About: "a commit that the coordinator has taken just before the group is rebalanced counts, though who made it is not in the next generation",
		Experiment: Experiment{Scenario: "commit-after", Seeds: controlSeeds, Faults: `
1500ms..2s        for 1900ms pause billing-1
2s..2500ms        for 300ms  cut-both billing-2 coordinator
4s..4500ms        for 1900ms pause billing-2
5s..5500ms        for 500ms  crash coordinator
6500ms..7s        for 300ms  crash billing-1
`},
		Sign: "members are taken for dead, and what they did is done again", happened: func(r *result.Result) bool {
			return r.Reached[failpoint.MemberExpired.String()] > 0 && r.Ledger.DupProcessed > 0
		},
	},
	{
		Name: "end-unknown", About: "who does not hear what became of the end of a transaction asks again, and is told the same",
		Experiment: Experiment{Scenario: "transactions", Seeds: controlSeeds, Faults: `
1s..1100ms       reset after-accept end-txn payment-service txn-coordinator
1500ms..1600ms   reset after-accept end-txn payment-service txn-coordinator
2s..2400ms for 600ms crash-at prepared txn-coordinator
3s..3100ms       reset after-accept end-txn payment-service txn-coordinator
`},
		Sign: "ends are confirmed to who asks again", happened: func(r *result.Result) bool { return r.Reached[failpoint.EndConfirmed.String()] > 0 },
	},
	{
		Name: "late-abort", About: "the coordinator aborts what takes longer than transaction.timeout.ms, while its producer may be about to commit it",
		Experiment: Experiment{Scenario: "transactions", Seeds: controlSeeds,
			Set: []string{"producer.transaction.timeout.ms=400", "broker.transaction.abort.timed.out.transaction.cleanup.interval.ms=50"}, Faults: `
1s..1200ms   for 1500ms pause payment-service
3s..3200ms   for 500ms cut-both payment-service txn-coordinator
`},
		Sign: "transactions are aborted by their coordinator", happened: func(r *result.Result) bool { return r.Reached[failpoint.TransactionTimedOut.String()] > 0 },
	},
	{
		Name: "read-uncommitted", About: "who reads all records sees those of aborted transactions, and what was made again in another",
		Experiment: Experiment{Scenario: "exactly-once", Seeds: controlSeeds, Set: []string{"consumer.ledger.isolation.level=read_uncommitted"}},
		Sign:       "transactions are aborted", happened: func(r *result.Result) bool { return r.Reached[failpoint.TransactionAborted.String()] > 0 },
	},
	{
		Name: "static-rejoin", About: "a static member that comes back within its session has what it had, without a rebalance (KIP-345)",
		Experiment: Experiment{Scenario: "groups", Seeds: controlSeeds},
		Sign:       "a static member comes back", happened: func(r *result.Result) bool { return r.Reached[failpoint.StaticRejoin.String()] > 0 },
	},
}
