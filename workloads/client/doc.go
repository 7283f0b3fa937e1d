// Package client has simulated clients as state machines. Of Kafka: a producer, a
// consumer by assignment, and an admin client that creates topics; they speak the
// real protocol over the connections of a machine, have Kafka's names, defaults and
// habits, and decide nothing by a clock or a global random number.
//
// A client is a part of a machine, not one by itself. Its owner calls Step with
// every input and Run at the end of its own step, looks at what the client has
// decided, calls Forget, and reads Deadline. Nothing calls back: what happened is
// handed forward, from the connections (network.take) to the client and from there
// to the owner (Results, Fetches, Listings, Moves).
//
// # The journey of a record
//
//  1. Send (producer.go) chooses a partition: murmur2 of the key, or what
//     partitioner.class asks for (partitioner.go). Without metadata or buffer.memory the
//     record is not taken, and after max.block.ms that is an error.
//  2. It joins the last batch of its partition, or begins one (accumulator.go). A
//     batch is ready when it is full, has another behind it, has waited linger.ms, or
//     somebody waits for buffer.memory.
//  3. sendAll (produce.go) takes, for each broker that is up and has room, the first
//     ready batch of each partition that it leads, gives it its sequence (assign,
//     sequences.go) and sends one request.
//  4. The answer, or the loss of the connection, comes back as an outcome: acked,
//     refused, or lost. A batch that may be tried again goes back where its sequence
//     belongs; the others end.
//  5. finish gives the owner a [Result]: Acked, Rejected if the record is certainly in
//     no log, and Unknown otherwise.
//
// And of one that is read: Run finds a partition whose buffer is empty (fetch.go),
// has its position reset or validated if it must be (position.go), and asks its
// leader for more, one Fetch at a time for each broker. The records wait in the
// partition's buffer until Poll hands them over, which is what moves the position.
//
// # The journey of a transaction
//
// A producer with a transactional.id is given to its owner in a state ([Producer.State]),
// and the owner's calls take it from one to the next: InitTransactions, BeginTransaction,
// Send, SendOffsets, CommitTransaction or AbortTransaction. What has to be asked for that is
// asked one after the other (txnRequest), of the coordinators of the transactional.id and
// of the group, and meanwhile no records leave. With transaction.version=2, which the
// brokers' ApiVersions say (KIP-890), partitions and groups need not be announced, and each
// end begins a new epoch. An error is one after which the owner aborts, or the end of
// the producer; commits that end so and may have taken place are [Producer.Uncertain].
//
// # Very many records
//
// Who sends and reads so many records that their values would be the cost of a run
// gives values that are filler: [Record.Filler] bytes of [Record.Identity]. They are
// made nowhere on the way (see the machine package); brokers see legal batches.
//
// A producing machine keeps what it needs of a record by its Ticket or Identity, such
// as the time at which it was due. It learns the ends batch by batch, from Results: a
// [Result] has the partition, the base offset and the records in their order, so that
// tickets that were given in a row are a few ranges; Records are valid until Forget.
// [Producer.Room] tells how much may be sent before the machine has to be awake again.
// A record that is due between two steps may be given as of its due time.
//
// A reading machine sets [ConsumerConfig.Bulk] and gets [Polled.Stretches]: ranges of
// offsets within batches. From and To are the whole of it for who needs only counts
// and offsets; [Stretch.Each] walks the records with timestamp, key, size and
// identity, some 15 ns each. Poll takes max.poll.records as its limit and cuts batches
// as it has to.
//
// # Members of consumer groups
//
// A [GroupConsumer] is a Consumer whose partitions are what its group gives it. Two things go
// on in it, as in Kafka: what the application's poll does (foreground: a rebalance, its
// listener, auto-commits, looking for what is committed), and what goes on beside it
// (background: heartbeats, and leaving the group when nobody polls for
// max.poll.interval.ms). Its owner is inside poll from a call of Poll on until that gives
// records, or Away is called. What happens is told in order by Events: requests that
// leave and end, and what is assigned, revoked or lost. With Listens the rebalance waits for
// Return after each of the latter.
//
// The classic protocol (classic.go) has Kafka's four assignors, cooperative if all that are
// configured are; by default they are not all. That of KIP-848 (modern.go) has the
// broker divide. Both speak to the coordinator over a connection of its own.
//
// # The AMQP client
//
// [AMQP] speaks AMQP 0-9-1 to a work queue (broker/queue, or RabbitMQ) over one
// connection and one channel. Its owner does, in each step:
//
//	c.Step(now, in, out)              // every input
//	for _, e := range c.Events() {}   // up, down, blocked, unblocked, cancelled
//	for _, r := range c.Results() {}  // one for each message that Publish took
//	for _, d := range c.Deliveries() {} // in order; then c.Ack(&d, false), now or later
//	c.Forget()
//	c.Publish(now, message, out)      // false: not now
//	c.Run(now, out)                   // at the end; then Results again, and Deadline
//
// It declares its topology, chooses confirms and prefetch, and registers its consumers
// on every connection anew. A connection that ends leaves three things open, as in
// RabbitMQ: what was published and not confirmed is Unknown, or is published again
// with Republish; what was delivered and not settled will come again, to somebody,
// and Ack says false for it; a message that was acked just before may come again too.
// Publish says false while nothing can be sent: try again in a later step; one always
// follows.
//
// # Files
//
//	network.go      connections, request.timeout.ms, least loaded broker, rebootstrap
//	link.go         one connection and what is in flight on it
//	metadata.go     who leads what, and when to ask again
//	backoff.go      growing, jittered waits
//	errors.go       which errors say what
//	producer.go     configuration, Send, Results, InitProducerId
//	partitioner.go  sticky (KIP-794, KIP-480) and round robin: partitioner.class
//	murmur2.go      the partition of a key
//	accumulator.go  the batches of one partition
//	batch.go        records that are sent and fail together; sequence arithmetic
//	produce.go      Produce requests, answers, retries, expiry
//	sequences.go    idempotence: what is in flight, holes, epochs
//	transaction.go  transactional.id: states, what is part of a transaction, errors
//	txnrequests.go  the requests about a transaction and their answers
//	consumer.go     configuration, assignment, Poll
//	stretch.go      ranges of records within batches; what waits for Poll
//	fetch.go        what partitions want, Fetch requests and answers
//	aborted.go      whose transactions were aborted, for read_committed
//	position.go     ListOffsets, OffsetForLeaderEpoch, resets and truncations
//	group.go        a member of a group: configuration, poll, close, events
//	classic.go      the classic protocol: join, sync, heartbeat, leave
//	modern.go       the consumer protocol (KIP-848)
//	commit.go       OffsetCommit, auto-commit, OffsetFetch
//	coordinator.go  who the coordinator is, and the connection to it
//	assignor.go     range, round robin, and the hand-over of a cooperative group
//	sticky.go       the sticky assignor
//	subscription.go the bytes that members tell each other
//	admin.go        CreateTopics
//	recreator.go    topics that are deleted and created again
//	trimmer.go      DeleteRecords
//	errands.go      errands of operators, one after the other
//	grower.go       CreatePartitions
//	operator.go     DeleteGroups, and OffsetFetch by who is a member of none
//	pubsub.go       of Redis: one connection, to publish or to listen
//	amqp.go         the AMQP client: configuration and what its owner sees
//	amqplink.go     its connection: hand-shake, topology, heartbeats, closing
//	amqppublish.go  publisher confirms, returns, publishing again
//	amqpconsume.go  settling deliveries
//
// # What must hold
//
//   - Deadline is what is due after everything has been sent: a batch behind the one
//     that has just left has a linger of its own.
//   - Rejected is a promise. A batch is Unknown once a single attempt of it ended
//     without a certain refusal (batch.maybe), whatever the later ones said.
//   - An answer comes for what was sent, which may not be what the batch is now: it may
//     have expired (done) or have been given other sequences (reset) meanwhile. One
//     that comes late changes no outcome but still settles a sequence.
//   - New sequences are only given when the broker cannot have any batch in flight:
//     when the first in line is told that it does not follow. Kafka also bumps the epoch
//     at once when a later one is refused for good, and then may append an earlier one
//     twice, whose answer was lost; here its sequence is unresolved until those before
//     it have ended.
//   - Without an answer (acks=0) nothing is in flight, and nothing unmutes.
//   - The connection for a bootstrap address and that for the same broker's id are two,
//     as in Kafka; the first is not used again while any broker of the metadata can be
//     reached or is connected (KIP-899).
//   - Answers of one connection come in order, so a metadata request may wait behind a
//     Fetch that waits for data, or a Produce that waits for its replicas.
//   - A leader epoch that is older than the one known never replaces it. A position is
//     valid for the leader epoch that was asked (assigned.validated), not for the one
//     that is known when the answer comes.
//   - While a fetch is under way its partition asks for nothing else; if another leader
//     becomes known meanwhile, the answer is dropped and the position validated
//     (KIP-320), unless there is no epoch to validate.
//   - A coordinator that is out of reach is named by all others until it is fenced, so that
//     whoever looks for it finds it at once, again and again: only a back-off ends that
//     (finder.found). What could be sent once it is known again is not made meanwhile:
//     auto-commits wait for the coordinator, not in a queue.
//   - Poll does what the coordinator is owed before it hands over records (held, seeks), or who
//     has more than enough of them would never join again.
//   - A commit says whose it is when it leaves. A retry is another request, with another tag
//     and perhaps another generation.
//   - What a member has it keeps until the listener has returned; records of it are not
//     handed over while it waits.
//   - OFFSET_OUT_OF_RANGE resets a position only when it is said twice in one epoch with
//     a validation between. That is more careful than Kafka, which resets at once.
//   - A transaction that has failed is aborted, and only then does a new epoch begin: with
//     TV1 the coordinator is asked for it. A batch that was sent is sent until it has ended,
//     even when its transaction is being aborted, since EndTxn must come behind it; one that
//     has expired may come later than the marker, as in Kafka (KIP-890).
//   - INVALID_TXN_STATE says that a commit has not taken place, however often it was asked
//     for before: a coordinator confirms again what it has done.
//   - Draws are keyed by what they decide (address and number of the dial, batch and
//     attempt): a fault elsewhere must not change the back-offs here.
//
// Of groups: no subscription by pattern, no racks (KIP-881, KIP-1082 has its member ids), one
// rebalance listener. A poll that waits for the coordinator gives what it has at once, where
// Kafka's does when its timeout is over. As in Kafka, partitions that were added while all static
// members were away are not seen by a leader who comes back to the assignment as it was (KIP-814).
//
// Known simplifications: transactional calls wait as long as it takes, where Kafka's throw
// TimeoutException after max.block.ms; a batch that fails while its transaction is being
// aborted makes for a new epoch, where Kafka leaves a hole; no compression, headers, throttling, fetch
// sessions or topic ids; no adaptive partitioning; MESSAGE_TOO_LARGE halves a batch
// instead of filling batch.size anew; acks=0 does not wait for a slow connection.
package client
