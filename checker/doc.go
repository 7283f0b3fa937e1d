// Package checker says which promises of a broker a history shows to be
// broken, with the operations that show it. It reads what clients saw and
// nothing else, as a stream, and decides at the end.
//
// # What each property means
//
//   - slot-agreement: an offset of a partition holds one record, whether read,
//     acknowledged or found in the final read; what a reader was shown does not
//     vanish. Conflicts with a mere acknowledgement count with acks=all, or if
//     the property is stated.
//
//   - no-acked-loss: an acknowledged record is in the final read. What no final
//     read can tell (there was none, it was cut short, the acknowledgement came
//     too late) makes the finding unknown.
//
//   - no-duplicate: a record is at one offset.
//
//   - per-key-order: the records of one producer process, partition and key
//     have offsets in the order in which they were sent: all that are visible
//     if the producer is idempotent, those that were acknowledged otherwise.
//     A producer that died and came back is another one.
//
//   - no-phantom: what is read was sent, before, to that partition, and had not
//     certainly failed.
//
//   - no-skip: a reader polls and finishes with every readable record between
//     its first and its last, in order. It goes back only when it was assigned
//     anew, and passes over records only by auto.offset.reset. Readers that commit before
//     they work have no claim to what they held when they died, unless it is stated.
//
//   - no-stale-end: an operation does not claim less of the log than was proven
//     before it began. This holds all four kinds of real-time order: append or
//     read, after append or read. Appends that land below what was acknowledged
//     or read are therefore reported under this name, not under slot-agreement.
//
//   - compaction, of compacted topics: the last record of each key stays, and a tombstone
//     for delete.retention.ms; where it is gone, so is what it has deleted. A reader passes
//     over a record only if a later one of its key had been sent, or if it is a tombstone
//     of that age; and not over one which deletes what he was given, by the same leader,
//     less than half of that time before.
//
//   - retention, if it is stated: the log does not lack a record at its beginning that is
//     younger than retention.ms when the run is over. Under no other, since brokers go by
//     clocks that may be wrong.
//
// # Groups and transactions
//
//   - one-owner: nobody is assigned a partition that another member of his generation has
//     not given back. Who was not there when a later generation came about may still think
//     that it owns what it did; when it hears of that generation it must not. In a group of
//     KIP-848, whose members have an epoch each, it may be an owner until it has said that it
//     has given back, or was put out: so nobody else may be one when a heartbeat of his is
//     sent, which a coordinator in office then accepts.
//
//   - commit-register: what is committed of a partition by a group is a linearizable register
//     (registers.go): what is read is the last that was committed, and not older than what was
//     acknowledged or read before. A fetch that a coordinator answered which the history says
//     to be deposed is held to nothing, as a deposed leader's is. Beyond that: a member goes
//     on where the group left off, or else by auto.offset.reset, once it was told; it commits no more than it
//     has read, of no partition but its own, and not less than was committed before unless
//     the application has gone back. A commit of unknown outcome may win once, at any time. Of a
//     group that was deleted nothing is read that was committed before; while that is under way, or
//     if nobody knows what became of it, it may have been done, and a deletion that is refused has
//     changed nothing.
//
//   - fencing: of an old generation, a replaced static member or a producer whose epoch is
//     fenced nothing is accepted that was asked for after that. The log shows it too: epochs
//     of a producer do not go back along a partition. And a producer whose commit or abort is
//     refused, or a new epoch, is fenced for a reason (causes.go): another has its
//     transactional.id, or may have it, or a transaction was open for transaction.timeout.ms. That it is in no
//     transaction it is never told. A duplicate of its own InitProducerId that comes late
//     would fence it as well, in Kafka too, and no history shows that: no schedule sends one.
//
//   - processed-once, if it is stated: no record is finished with twice by the members of a
//     group. At least once is what Kafka promises; more is kept where nobody dies and each
//     commits before he gives back.
//
//   - txn-atomic: of a transaction, over all partitions and its offsets, all is committed or
//     all is aborted, and that is what its end was answered; each marker ends the records of
//     one transaction, and each transaction by partition has one.
//
//   - read-committed: who reads committed records is shown none that is aborted or still
//     open, nor one of which nobody has asked for the commit yet, nor one above the last
//     stable offset; which is not above the high watermark, and within a leader epoch does
//     not go back.
//
//   - no-duplicate and per-key-order, from the batches of the final read: the sequence
//     numbers of a producer's epoch follow each other.
//
//   - no-skip, of a group: what it has committed to be done one of its members has finished
//     with; again as often as it likes.
//
//   - exactly-once, if it is stated: of each record that a chain has committed to have read
//     there is one record in each topic that it writes, among those that are committed. What
//     is lost and what is doubled is counted in any case.
//
//   - liveness, if it is stated with a bound (liveness.go): every partition that is subscribed
//     to has an owner, transactions that were ended are not open, and groups come to the end.
//
// What the history must say for that: the final read with its batches, a last fetch of what is
// committed, and notes of assignments in their place. Without a note of who coordinates, every
// fetch of committed offsets is held to all, and no heartbeat is. Of KIP-848 only commits of
// producers and static members are held to their fences, since each member has its own epoch.
//
// # Without offsets
//
// Where the header says that records have none (a queue, which keeps a record until it is
// settled, or pub/sub, which keeps nothing) the same names mean, for each group of readers:
//
//   - no-acked-loss: an acknowledged record was finished with by one of the group, or is
//     still there for it in the final read.
//   - no-duplicate: no record comes twice, but for one of which the broker says that it may
//     have come before.
//   - per-key-order: of one producer, key and connection what comes for the first time
//     comes in the order in which it was sent.
//   - no-phantom: what comes was sent.
//   - no-gap: between the first and the last record that a subscription has brought of one
//     producer's connection there is every one that was acknowledged.
//
// # What applications may be promised
//
// No configuration implies these; a scenario states them (application.go). An entity is
// what one life of a producer writes under one key. The model is every record that was
// acknowledged or is in the final read, in the order in which they were sent.
//
//   - delivered: every reader has finished with every record of the log.
//   - entity-order: no reader finishes with an event of an entity before one of those
//     before it.
//   - folded-state: what a reader folds of an entity's events is the model's, version
//     for version: none missing, none twice, none out of place.
//   - window-sums: a reader's sum by key and window of event time is the model's.
//   - no-acked-gap: where an event of an entity is there, no acknowledged one before it
//     is missing. With acks=1 what no reader was shown may go with its leader.
//   - last-value: a reader's table is the model's: the last record of each key.
//   - group-counts: a reader's count by type and window is that of the log.
//
// What a record means is derived from its value's id. What a reader has finished with
// counts once for each offset: its results and its position are one.
//
// # The floor
//
// Offsets are the witness of linearizability. Per partition one integer, the
// floor, is how far the log was proven to reach: by an acknowledgement with
// acks=all, by a record that was read, by an end that was claimed. An operation
// is held to the floor that stood when it began. That decides in one pass what
// a search decides in exponential time (Gibbons and Korach 1997; checker/linear
// is the search, and a test finds them agreed on 100,000 histories).
//
// Kafka promises less than linearizability, so that a claim is held to less. A
// high watermark may lag after a fail-over, and a deposed leader goes on
// answering. The floor is kept per leader epoch, and a claim made in epoch e is
// held to
//
//   - what was proven in e;
//   - what was proven in earlier epochs, if it is ListOffsets(latest), which
//     waits for the high watermark to pass the start of the epoch (KIP-207), or
//     if its end lies above a record that was appended in e;
//   - nothing of later epochs, and nothing if it names no epoch.
//
// What it lacks beyond that is counted as stale_reads. Appends with acks=all
// are held to the whole floor, and so is every claim if no-stale-end is stated.
//
// # One cause, one finding
//
// A suspicion that follows from a record already reported lost is folded into
// that finding and only counted: another record at its offset, an end that went
// back over it, a record read at an offset of the same cut, and a gap between
// two such: what lies there now is of a log that came back, when the one was cut
// that its reader was in. So is what follows from an acknowledgement that names
// the wrong offset.
//
// # Excuses
//
// Under a derived promise what lies in a NoCopy note (bytes that no disk has any
// more) is excused, and a lost record there is lost_allowed. Where flush is fsync
// that takes a note which says that a disk has lost what it had synced: a loss of
// power alone excuses nothing there. A note excuses what was there before it: records whose send was
// invoked, and reads that were asked for, earlier than the note, whenever they
// were answered. What was sent later and came to lie on the same offsets is held
// to the whole promise.
//
// Only the loss of every copy is an excuse. With the page cache as the only
// flush policy and several power losses, Kafka without eligible leader replicas
// (KIP-966) may elect a replica that has lost un-synced records although another
// disk still holds them; that one then truncates to its new leader, and they are
// gone. The derived promise calls that BROKEN, because not every copy was lost.
// Runs whose faults nobody bounds have an oracle for it, which says of such a
// leader what it lacks: a MayLose note excuses as a NoCopy note does.
//
// Such a note of a group says that its coordinator does not know what was committed, nor who
// is in it; one of a transactional id that its coordinator does not know how far its
// transactions are (forgotten.go). They are made of every leader that has lost with its power
// what it had decided, in all runs: nobody could report the loss itself.
//
// # Files
//
// promise.go derives and reads promises; checker.go, read.go and process.go
// take events; record.go and floor.go hold what is kept of them; finish.go and
// lost.go decide; compaction.go has what compaction may take out, retention.go what may expire; application.go has the promises to applications; transaction.go, causes.go and batches.go
// are about transactions, forgotten.go about what coordinators have lost, group.go, offsets.go and registers.go about groups, chain.go about
// both, liveness.go about what must come to an end; tell.go reports what is certain at once; explain.go words it; judge.go is the whole in one call. What there is
// without offsets is in deliveries.go and deliveriesfinish.go.
package checker
