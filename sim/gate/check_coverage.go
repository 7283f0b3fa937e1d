package gate

import (
	"slices"

	"brokersim/faults/failpoint"
)

// mustReach says for scenarios of the catalog what they are there for: a sweep
// in which that never came about has shown nothing.
var mustReach = map[string][]failpoint.Site{
	"orders":        {failpoint.LeaderChange, failpoint.ISRShrink, failpoint.ISRExpand},
	"followers-cut": {failpoint.LeaderChange, failpoint.ISRShrink},
	"lost-answers":  {failpoint.LeaderChange, failpoint.DuplicateSequence},
	"fast-failover": {failpoint.LeaderChange},
	"reassign": {failpoint.LeaderChange, failpoint.Reassigned, failpoint.ReassignmentCalledOff, failpoint.LostInReassignment,
		failpoint.CleanShutdown},
	"storms": {failpoint.LeaderChange, failpoint.ISRShrink, failpoint.Truncation, failpoint.UncleanRestart,
		failpoint.ControllerChange, failpoint.ControllerDeposed, failpoint.MetadataTruncation, failpoint.TopicInFailOver, failpoint.MetadataSnapshot,
		failpoint.IndexRebuild, failpoint.LogDirOffline, failpoint.DiskFull,
		failpoint.Compaction, failpoint.CleaningCutShort, failpoint.SwapFinished},
	"compaction": {failpoint.LeaderChange, failpoint.Compaction, failpoint.TombstoneRemoved, failpoint.CleaningCutShort, failpoint.SwapFinished},
	"exactly-once": {failpoint.LeaderChange, failpoint.RebalanceInTransaction, failpoint.TransactionAborted, failpoint.EndConfirmed,
		failpoint.PreparedFailOver, failpoint.TransactionTimedOut, failpoint.ProducerFencedOut},
	"exactly-once-v1": {failpoint.LeaderChange, failpoint.RebalanceInTransaction, failpoint.TransactionAborted, failpoint.EndConfirmed,
		failpoint.PreparedFailOver, failpoint.TransactionTimedOut, failpoint.ProducerFencedOut},
	"zombie":          {failpoint.ProducerFencedOut, failpoint.RebalanceInTransaction},
	"pending-offsets": {failpoint.RebalanceInTransaction, failpoint.OffsetsPending, failpoint.LateCommit},
	"wrong-clock":     {failpoint.ClocksDisagree},
	"late-marker":     {failpoint.LeaderChange, failpoint.MarkerRefused},
	"second-thoughts": {failpoint.LeaderChange, failpoint.AbortBehindCommit},
	"expiry":          {failpoint.LeaderChange, failpoint.StartMoved},
	"deleted-group":   {failpoint.LeaderChange, failpoint.OffsetsLoaded, failpoint.DeletionLoaded},
	"hand-over":       {failpoint.Rebalance, failpoint.StaleFetch, failpoint.StaleCommit},
	"parted-log":      {failpoint.LeaderChange, failpoint.Truncation},
}

// Required are the situations that a sweep of these scenarios of the catalog must
// have reached, sorted.
func Required(scenarios []string) []string {
	var names []string
	for _, s := range scenarios {
		for _, site := range mustReach[s] {
			names = append(names, site.String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
