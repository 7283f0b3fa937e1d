// Package queue is a work queue in RabbitMQ's sense as a state machine: one node with
// exchanges, bindings and queues that speaks AMQP 0-9-1. Names, defaults, reply codes and
// what is done in which order are those of RabbitMQ 3.10; comments cite its
// documentation, and a test compares with the real one (see below).
//
// # The journey of a message
//
//  1. A frame arrives on a connection (conn.go) and joins others of its channel
//     (channel.go) until basic.publish is whole.
//  2. Its exchange says which queues it goes to (exchange.go); a queue that is full may
//     refuse it (publish.go, admit). In none: it is returned if it is mandatory.
//  3. It is written into the journal if it is persistent and a queue is durable, and put
//     at the end of each queue (queue.go, enqueue).
//  4. The queue delivers it if a consumer can take one more (consume.go): of the highest
//     priority, by turns. It leaves when the mark above it is durable (queue.go, reached).
//  5. At the end of the step one sync is asked for what all connections have written
//     (journal.go, commit). When it is answered, everything that waits for it is
//     confirmed (publish.go, confirm).
//  6. The consumer acknowledges it (settle.go): it is written off. Or it gives it back,
//     or is lost: it goes to its old place with the redelivered flag. Or rejects it, or
//     its time is up, or the queue is too long: it is published again to the dead letter
//     exchange (deadletter.go).
//
// # Files
//
//	broker.go     the machine: what a step does, in which order
//	config.go     settings by RabbitMQ's names
//	conn.go       hand-shake, heartbeats, what may leave when, connection errors
//	channel.go    methods of a channel, channel errors, delivery tags
//	declare.go    exchanges and queues come and go; equivalence; bindings
//	arguments.go  x-arguments of queues
//	exchange.go   routing
//	queue.go      a queue: enqueue, deliver, expire, keep to its length
//	ready.go      the messages of a queue that wait, in order
//	consume.go    consumers, whose turn it is, prefetch, basic.get
//	publish.go    publishing and publisher confirms
//	settle.go     ack, nack, reject, recover; requeueing
//	deadletter.go x-death, circles
//	flow.go       memory alarm and credit: publishers that are not read for a while
//	journal.go    the files: group commit, new files, removing and rewriting old ones
//	record.go     what stands in them
//	recover.go    reading them at start
//
// # What must hold
//
//   - A confirm of a persistent message in a durable queue leaves after the sync of all
//     of the journal up to and with it; so do the answers to durable declarations.
//   - A delivery leaves after a mark above it is durable: what recovery finds without the
//     redelivered flag has been seen by nobody. Marks reach ahead, so deliveries wait
//     for few of them.
//   - Frames of one connection leave in the order in which they were made, also when the
//     first of them has to wait for the disk (conn.outbox).
//   - An acknowledgement is written behind what was published on its account: a crash in
//     between may double a dead letter, and loses none.
//   - Files of the journal are removed oldest first, so that a settlement is never
//     removed before the message that it settles; each begins with all declarations.
//   - A failed sync or write ends the broker until its next life (Err): what the file
//     holds is not known.
//   - What a torn journal holds behind the first record that is not whole is gone, also
//     whole files: none of it can have been promised.
//   - A consumer that has gone may still be named by what its channel has not settled; it
//     never gets a turn again.
//   - No more than 64 KiB and a message leave in one step on one connection; then its
//     consumers wait for Drained.
//
// # The comparison with RabbitMQ
//
// The stories of testdata/rabbitmq are AMQP sessions, line by line, with all that a
// RabbitMQ 3.10.8 has answered. TestStories tells them to this broker and expects the
// same methods with the same fields, headers and bodies on each channel, but for names
// that a broker makes up, times, and the texts of frame errors. The order between
// channels is not compared, nor when several frames come.
// To tell them to a RabbitMQ that is installed here, and with -rewrite to record its
// answers:
//
//	go test ./broker/queue -run TestRabbitMQ -rabbitmq
//
// Different on purpose, with the stories in testdata/ours:
//
//   - After a restart all messages of a queue below its mark are flagged redelivered;
//     RabbitMQ flags those alone whose delivery it has written down, which a power loss
//     may have lost.
//   - A restart does not count as a return of what a quorum queue had delivered: x
//     crashes must not make a message that nobody has seen a dead letter.
//   - A connection whose frame was damaged is closed once the client has agreed;
//     RabbitMQ leaves it open until a time-out.
//   - An unknown method is 540 NOT_IMPLEMENTED, also of a class that does not exist or on
//     a channel that is not open.
//
// Not there: headers exchanges, message priorities (x-max-priority is refused), sender
// selected routing (CC, BCC), alternate exchanges, tx, streams, policies, users other
// than one, virtual hosts other than "/", consumer_timeout, paging messages out of
// memory.
//
// # The room for a replicated queue
//
// Everything that a queue must not forget passes through the methods of journal that
// take a record (message, settled, delivered, returned, and the declarations), and
// nothing that depends on it leaves before a position is durable (outgoing.after,
// unconfirmed.after). A quorum queue of several nodes puts its records into a log of its
// own (broker/log/quorum has one), has replay apply them on each node, and lets the
// position rise when a majority has them; limits.kind already tells such queues apart,
// with their counts and their order. What is to be added is in this place: a journal for
// each such queue, its leader, and forwarding of channels from other nodes.
package queue
