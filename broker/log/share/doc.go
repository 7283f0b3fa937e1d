// Package share is what a broker knows of share groups (KIP-932) beside who is in them: a
// [Partition] is a share partition at the leader of the partition, which gives records to members
// and takes what they say of them; a [Machine] is the share coordinator, a [coordinator.Machine]
// over one partition of __share_group_state, which keeps what leaders have it write down.
//
// # The journey of a record
//
//  1. The leader of a partition begins: it reads what the coordinator has kept, which fences the
//     leader before, and makes a Partition of it ([New]).
//  2. A member fetches. The leader reads the log from [Partition.Next] on, and the member acquires
//     what nobody has ([Partition.Acquire]). That is in no log: if the leader dies, others get
//     the records, and nothing is counted.
//  3. The member accepts, releases, rejects ([Partition.Acknowledge]), or says nothing until its
//     lock is over ([Partition.Expire]).
//  4. What it has said is written down ([Partition.Write], [Partition.Written]), and only then
//     answered, and only then so. A write that has failed leaves everything as it was.
//  5. What is done with at the beginning is forgotten: the start offset moves on.
//
// # Files
//
//	state.go     states of records, and how news of them are put over what is known
//	partition.go a share partition at its leader
//	machine.go   the share coordinator
//	record.go    its records, in the format of Kafka 4.1
//	message.go   requests to it and its answers: a Call and an Answer about each share partition
//	refuse.go    answers without a decision
//
// # What must hold
//
//   - No two members have a record at once, and nobody has one whose acknowledgement waits.
//   - One write of a share partition is under way at a time; and one that comes late all the same,
//     of a connection that was given up, changes nothing ([Combine]).
//   - What a session that ends gives back was not delivered: its count goes back, and is as it was
//     if the write fails. (That it went back with each failure was a bug.)
//   - Every offset between the start and the end is in exactly one span. What compaction has
//     taken out of the log is passed over, or nothing behind it would ever be read.
//
// # What is otherwise than in Kafka
//
//   - Kafka's log of the coordinator is not compacted either: an update builds on a snapshot. What is
//     not needed any more is cut off ([Machine.Needed]).
//   - A write to several share partitions of one group is one batch; Kafka has one request for each.
//   - Records between what was kept, of which nobody has said anything, are available at once; in
//     Kafka they are found to be so as the log is read.
//   - The limit of records under way is of the window between start and end, as in Kafka 4.1.
//   - The broker answers a ShareFetch as soon as there is anything to acquire, whatever its MinBytes;
//     and one with an error at once. Of the lag of a group (DescribeShareGroupOffsets 1) it does not
//     tell. A member that joins has its partitions at once, where Kafka gives it them with the next
//     heartbeat.
package share
