// Package coordinator says what a coordinator is: a state machine whose memory is one
// partition of an internal topic, __consumer_offsets or __transaction_state. Packages group
// and txn are two such machines; package log runs them on whatever partitions the broker
// leads.
//
// # The journey of a request
//
// An OffsetCommit comes to the broker that leads the group's partition. The machine decides:
// an [Outcome] holds the records that make it so and the answer. The broker appends the
// records to the partition as one batch and has the machine replay them at once, so that the
// next decision sees them; it holds the answer back until the batch is below the high
// watermark, that is, until it cannot be lost (Kafka's CoordinatorRuntime). Who leads the
// partition next replays the same records from its start, and answers
// COORDINATOR_LOAD_IN_PROGRESS until it has.
//
// # What must hold
//
//   - What is in records is changed by Replay alone. A decision changes nothing but what is
//     soft: who waits for an answer, who was heard of when, timers. Soft state is lost with
//     the leadership, and whoever leads next gives everybody a whole session.
//   - Answers leave in the order of the decisions, those that say nothing durable at once
//     ([Answer.AtOnce]).
//   - An answer that was decided and whose records are lost is never sent: who asked is told
//     NOT_COORDINATOR, and must take it as unknown.
package coordinator
