// Package pubsub is a pub/sub broker as Redis is one: what is published goes to whoever
// listens at that moment, the publisher learns to how many that was, and nothing is kept.
//
// # The journey of a message
//
//  1. PUBLISH arrives (publish.go): the subscribers of its channel, in the order in which
//     they have come, then those of each pattern that matches (glob.go).
//  2. For each of them a message is written, which shares the payload's bytes.
//  3. It leaves at once while the subscriber's socket takes it; else it waits in the
//     subscriber's output buffer (output.go). One whose buffer grows above its limits is
//     cut off, and what waits there is gone.
//  4. The publisher is told how many there were. That they have got it nobody says.
//
// # Files
//
//	broker.go     configuration, connections, one command at a time
//	command.go    which commands there are, how many arguments each takes
//	subscribe.go  who listens to what
//	publish.go    to whom a message goes
//	introspect.go PUBSUB: what is listened to
//	session.go    PING, HELLO, RESET, QUIT
//	glob.go       patterns
//	output.go     what a subscriber has not taken yet
//
// # What must hold
//
//   - A connection gets what it listens to in the order in which the broker has taken it,
//     without a gap for as long as the connection lasts: who does not keep up loses the
//     connection, never a message in between.
//   - A subscriber that is being cut off still counts as a receiver of the message that was
//     too much, as in Redis, which closes its connection only after the command.
//   - A connection with both a channel and patterns that match gets a message once for each
//     of them, and counts as often.
//   - Nothing outlives a life: there are no files.
//
// What behaves is Redis 7.0.15's text for text (differential_test.go). Left out: sharded
// channels, keyspace notifications, AUTH with a password, CLIENT, transactions, and
// everything that is not pub/sub: those are unknown commands here. Where Redis answers in
// the order of a hash table, answers here are sorted.
package pubsub
