// Package quorum keeps the controllers' metadata log: who may append to it, what
// of it is committed, and who may read how far. It is KRaft's pull-based Raft (KIP-595)
// with pre-vote (KIP-996), for one voter or several, without I/O: a machine around it
// carries its requests, and answers those of others with what it says.
//
// The log is the partition __cluster_metadata-0, an ordinary log of record
// batches that brokers and voters read with ordinary Fetch requests. Only the leader of
// the quorum appends. Its epoch is the leader epoch of the batches, and the first
// batch of every epoch is a control batch with a LeaderChange record.
//
// # Files
//
//	quorum.go   what a voter holds; its life, its disk
//	role.go     what a voter is in an epoch, and what it becomes
//	vote.go     Vote, asked and answered
//	epoch.go    BeginQuorumEpoch and EndQuorumEpoch, the same
//	leader.go   the high watermark; a leader whom nobody hears resigns
//	follow.go   fetching from the leader; what it has not is cut
//	fetch.go    answering Fetch
//	log.go      the log: epochs, appends, syncs, truncation
//	state.go    the file quorum-state
//	snapshot.go what is before the log
//	config.go   what a voter is started with
//
// # What must hold
//
//   - What a voter says of epochs and votes is durable before it leaves: requests are
//     held back (Wants, WantsFetch), answers carry a version that must be Spoken. That
//     includes what was read at the start of a life, which the process before may have
//     written and not synced.
//   - A voter never stands again in an epoch in which it has stood: it might lead it
//     twice, with two logs.
//   - The question of a follower is the word that it has what is before it: it asks when
//     that is durable, and the leader counts it only in its own epoch and only if the
//     two logs agree up to there.
//   - The high watermark does not move before a batch of the leader's own epoch
//     is on a majority of disks (Raft, section 5.4.2; KAFKA-12619), though it then covers
//     everything before. It is known to a life only: what is in the log at the start is
//     promised to nobody until then.
//   - Nothing below the high watermark is ever cut (KAFKA-12460).
//   - A pre-vote binds to nothing. It is refused by who hears from a leader, so that one
//     that was cut off disturbs nobody when it is back. A follower that has lost a
//     pre-vote waits for its leader again, but does not count it as heard: otherwise
//     followers whose leader is gone could refuse each other for ever.
//   - A leader from which a majority has not fetched for one and a half fetch timeouts
//     resigns (KAFKA-15489): it can commit nothing, and whoever asks it should ask
//     another.
//   - Waiting times are drawn by voter, epoch and number of the attempt.
//   - After a failed sync the log is not to be believed: the quorum has failed,
//     and stays so until the next life.
//
// # A quorum of one
//
// The only voter elects itself at each start: it takes the epoch after the last, makes
// that durable in quorum-state with one write, appends its LeaderChange and syncs. Then
// it leads. Since a majority of one is one, the high watermark is the end of what its
// own disk has synced.
package quorum
