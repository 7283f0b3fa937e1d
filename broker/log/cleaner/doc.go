// Package cleaner takes out of a compacted log what later records of the same keys have
// made old (Kafka's LogCleaner). It looks into records and decides; the files are
// storage's matter, and when to clean which log, how fast, and syncs are the node's.
//
// # A pass
//
// [Begin] is given a log and the first offset that no pass has looked at. Slice by slice it
// reads what is dirty into a map of the latest offset of each key, as much as the map
// holds; then it writes the log again from its start to where the map ends, a group of
// segments into one new one at a time, without the records of which the map knows a later
// one. When the new segment is durable it takes the place of the old ones.
//
//	pass.go       the slices of a pass, what stays of a batch
//	offsetmap.go  the latest offset of each key
//	transactions.go  which transactions the walk is in, and which of them were aborted
//
// # What must hold
//
//   - Order and offsets stay, and no record comes that was not there. What is at or above
//     the first offset that may not be cleaned is not looked at: the last stable offset, or the
//     beginning of the active segment.
//   - A tombstone stays until delete.retention.ms after the pass that has first kept it,
//     which has taken out all that it deletes. That time stands in the batch, where its
//     base timestamp stood, so that it is the same whoever asks (KIP-534).
//   - A group is durable before the next one is begun, and all are before the next pass takes
//     them for clean: with a segment that comes back the values that a tombstone has
//     deleted come back, and the tombstone may go.
//   - Of a producer's last batch the header stays, which tells its sequence; and that of
//     the last batch of a group, since a segment ends where the next begins.
//   - What was aborted goes, and counts for nothing. The keys of control batches count for
//     nothing either. A marker stays until nothing is left of its transaction, not even
//     a header, and delete.retention.ms longer; what is known of transactions goes on from
//     group to group (KAFKA-8351, KAFKA-13727, KIP-534).
//   - A batch that is not as it was written ends the pass, and nothing was changed.
package cleaner
