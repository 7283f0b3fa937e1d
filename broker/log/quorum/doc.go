// Package quorum keeps the controllers' metadata log: who may append to it, what
// of it is durable, and who may read how far (KIP-595).
//
// The log is the partition __cluster_metadata-0, an ordinary log of record
// batches that brokers read with ordinary Fetch requests. Only the leader of the
// quorum appends. Its epoch is the leader epoch of the batches, and the first
// batch of every epoch is a control batch with a LeaderChange record.
//
// # A quorum of one
//
// There is one voter. It elects itself at each start: it takes the epoch after
// the last, makes that durable in the file quorum-state, appends its LeaderChange
// and syncs. Then it leads. Since a majority of one is one, the high watermark is
// the end of what its own disk has synced.
//
//   - The epoch is durable before the first batch that carries it is written, so
//     no two lives of a controller append in the same epoch.
//   - The high watermark does not move before a batch of the leader's own epoch
//     is synced (Raft, section 5.4.2; KAFKA-12619), though it then covers
//     everything before. What a process that crashed had written but not synced
//     is replayed at the next start, and is promised to nobody until then.
//   - After a failed sync the log is not to be believed: the quorum has failed,
//     and stays so until the next life.
//
// # What comes later, and where
//
// Every rule above is that of several voters with the others left out, and each
// has one place:
//
//   - Begin becomes the election: a candidate writes (epoch, itself as votedId)
//     with the same write of quorum-state, and sends Vote requests when it is
//     durable. Answers to Vote wait for the same sync (they are kept like
//     anything else in state.go; the file has votedId and leaderId already).
//   - What Disk does when quorum-state is durable, for one voter, is what a
//     majority of votes will do: append LeaderChange and lead, then announce it
//     with BeginQuorumEpoch.
//   - A follower is a reader that the leader knows: Fetch carries its id and log
//     end, and is where the leader learns how far it has got. The high watermark,
//     now the synced end of one disk, becomes the majority's lowest in advance();
//     a voter's own synced end counts as it does now.
//   - Fetch answers a reader that has gone another way with the diverging epoch
//     (KIP-595) already; the follower truncates to it.
package quorum
