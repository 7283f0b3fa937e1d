// Package group is the coordinator of groups: who is in a group, who reads which partition,
// and how far the group has come. It is a [coordinator.Machine] over one partition of
// __consumer_offsets, and knows no broker.
//
// # What is in the log and what is not
//
// A classic group (JoinGroup and SyncGroup; the members make the assignment) is in the log as
// of its last assignment. Members that have joined since, who waits for an answer, sessions and
// member ids that were given out (KIP-394) are soft: whoever leads the partition next knows the
// last generation, gives its members whole sessions, and they find out by their heartbeats what
// is new. That is Kafka's way, and it makes a rebalance cost one record.
//
// A consumer group (KIP-848, ConsumerGroupHeartbeat; the coordinator makes the assignment) is in
// the log with all that it is. A decision reads the [consumer] as it is and writes what it is to
// be as records; only their replay changes it. Only timers are soft.
//
// Offsets have a record per partition. Those of a transaction are pending until its Marker.
//
// Records are Kafka's own, in the formats of 3.9 and 4.0: Apache Kafka's DumpLogSegments with
// --offsets-decoder reads them, which a test has it do (BROKERSIM_KAFKA=1).
//
// # A rebalance of a consumer group
//
//  1. A heartbeat says something new: a member, a subscription; or the topics have changed.
//     The group epoch rises.
//  2. The same heartbeat has the assignor make a target of that epoch for all members. What has
//     not changed is not written.
//  3. Each member's next heartbeat brings it a step nearer ([Machine.reconcile]): it is told what
//     to give back, and stays in its epoch until it says that it has, or is put out when its
//     rebalance timeout is over; then it is of the epoch of the target, and has what is free.
//  4. What others have not given back yet it gets with a later heartbeat.
//
// # Files
//
//	machine.go           the machine: requests in, outcomes out
//	classic.go           a classic group and its members; sessions
//	join.go              JoinGroup and the rebalance
//	static.go            static members that come back (KIP-345, KIP-814)
//	sync.go              SyncGroup, Heartbeat, LeaveGroup
//	consumer.go          a consumer group and its members
//	consumerheartbeat.go ConsumerGroupHeartbeat
//	reconcile.go         the next step of a member towards its target
//	assign.go            the assignors uniform and range
//	consumerclock.go     timers of members of consumer groups
//	consumerclassic.go   members of consumer groups that use the classic protocol
//	sharegroup.go        a share group and its members
//	shareheartbeat.go    ShareGroupHeartbeat, ShareGroupDescribe
//	shareassign.go       the simple assignor
//	sharestate.go        what share coordinators keep for a group: AlterShareGroupOffsets and others
//	sharerecord.go       records of share groups, and what they do
//	migrate.go           from classic to consumer groups and back
//	consumerdescribe.go  ConsumerGroupDescribe
//	offset.go            OffsetCommit, TxnOffsetCommit, OffsetDelete
//	offsettopic.go       the topics of their messages, gone through in one place
//	offsetfetch.go       OffsetFetch
//	expire.go            what is not needed any more
//	describe.go          DescribeGroups, ListGroups, DeleteGroups
//	record.go            records of classic groups and of offsets
//	consumerrecord.go    records of consumer groups
//	codec.go             Kafka's generated format, which kmsg has for other records only
//	replay.go            what records do
//	consumerreplay.go    what records of consumer groups do
//	refuse.go            answers without a decision
//	limits.go            strings that no record can hold
//	share.go             sets of partitions
//	timer.go             a heap of timers
//	memberid.go          member ids
//	audit.go             what is compared with the log
//
// # What a runner must know
//
//   - A command may be about groups of several partitions (OffsetFetch 8 and later,
//     DescribeGroups, ConsumerGroupDescribe, DeleteGroups), and ListGroups is about all. A machine
//     answers for what it has: the runner cuts the request into one for each partition, and puts
//     the answers together.
//   - Topics that are deleted, and every change of what [Topics] says, come as the command
//     [MetadataChanged], also while a machine loads: it looks at all topics when it is loaded,
//     but must be told of those that were deleted meanwhile.
//   - Seeds must differ from one life of a coordinator to the next (see [Config]).
//   - A Deadline that has passed asks for another Tick: what one decision has put into records
//     must be replayed before the next.
//   - Without group.coordinator.rebalance.protocols=consumer the requests of KIP-848 are answered
//     UNSUPPORTED_VERSION, and should not be offered.
//
// # What is otherwise than in Kafka
//
//   - An answer waits until all that was decided before it cannot be lost, and OffsetFetch is
//     answered from the newest offsets. Kafka answers OffsetFetch without require_stable at once,
//     from the newest offsets that cannot be lost. Errors that say nothing durable, heartbeats of
//     the classic protocol and the answers of a join phase do not wait, as in Kafka.
//   - A group that is in no record and has neither offsets nor members is not there. Kafka has
//     such groups in memory until they expire: of an aborted transaction, of deleted offsets.
//   - A JoinGroup, or a SyncGroup, of a member that waits for the answer to another is what is
//     waited for; the other is answered REBALANCE_IN_PROGRESS. Kafka never answers it.
//   - Of protocols that as many members want, the first member's counts; the leader is whoever
//     came first. Kafka leaves both to hash maps.
//   - A static member that comes back with another subscription changes what the group reads at
//     once. In Kafka it does so for the next leader of the partition, not for this one.
//   - Groups expire in batches of 500 records, and one with members about to join does not.
//   - A member of a consumer group may commit in the epoch before, for partitions that it still
//     has or has to give back: KIP-1251, without its assignment epochs in records.
//   - A member of a consumer group may join again under its id at any time (KAFKA-19233).
//   - Regular expressions are looked up with the heartbeat that says them, and again with the
//     first after the topics have changed. Kafka does so in the background, every ten minutes
//     at least.
//   - The uniform assignor gives a partition too many for all to whoever has it already; for
//     members who read different topics it is one of its own with the same aims. Range is
//     Kafka's.
//   - Classic members of a consumer group: one whose subscription cannot be read is refused with
//     UNKNOWN_SERVER_ERROR, as in Kafka, and what a client has assigned twice is the first one's
//     when a group is upgraded, where Kafka fails.
//   - A share group (KIP-932) is of other records than Kafka 4.1 knows only in the hash of what there is
//     to assign, which is our own and counts the partitions that share coordinators know of. The simple
//     assignor has the aims of Kafka's. Of an empty share group nothing expires.
//   - Not there: streams groups,
//     topic ids in OffsetCommit and OffsetFetch 10 (KIP-848 as of 4.1), client-side assignors.
package group
