// Package group is the coordinator of consumer groups: who is in a group, who reads which
// partition, and how far the group has come. It is a [coordinator.Machine] over one partition
// of __consumer_offsets, and knows no broker.
//
// # What is in the log and what is not
//
// A classic group (JoinGroup and SyncGroup) is in the log as of its last assignment. Members
// that have joined since, who waits for an answer, sessions and member ids that were given out
// (KIP-394) are soft: whoever leads the partition next knows the last generation, gives its
// members whole sessions, and they find out by their heartbeats what is new. That is Kafka's
// way, and it makes a rebalance cost one record.
//
// Offsets have a record per partition. Those of a transaction are pending until its Marker.
//
// Records are Kafka's own, so that kafka-dump-log.sh --offsets-decoder reads them.
//
// # Files
//
//	machine.go     the machine: requests in, outcomes out
//	classic.go     a classic group and its members; sessions
//	join.go        JoinGroup and the rebalance
//	static.go      static members that come back (KIP-345, KIP-814)
//	sync.go        SyncGroup, Heartbeat, LeaveGroup
//	offset.go      OffsetCommit, TxnOffsetCommit, OffsetDelete
//	offsetfetch.go OffsetFetch
//	expire.go      what is not needed any more
//	describe.go    DescribeGroups, ListGroups, DeleteGroups
//	record.go      what is put into records
//	replay.go      what records do
//	refuse.go      answers without a decision
//	timer.go       a heap of timers
//
// # What a runner must know
//
//   - A command may be about groups of several partitions (OffsetFetch 8 and later,
//     DescribeGroups, DeleteGroups), and ListGroups is about all. A machine answers for what it
//     has: the runner cuts the request into one for each partition, and puts the answers
//     together.
//   - Topics that are deleted, and every change of what [Topics] says, come as the command
//     [MetadataChanged].
//   - Seeds must differ from one life of a coordinator to the next (see [Config]).
package group
