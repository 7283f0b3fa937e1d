// Package sasl is the server's side of SASL as Kafka has it: the mechanisms PLAIN and SCRAM
// (KIP-84), and how often and with what a client may authenticate on one connection
// (KIP-152, KIP-368). It draws nothing and asks no clock: [Users] has the nonces and the
// instants.
//
// # The journey of a password
//
// A client of SCRAM says who it is and gives a nonce; the server adds its own and tells the
// salt and the iterations of the user's credential; the client proves that it knows the
// password by a signature of all that was said, and the server, that it knows the credential,
// by another. The password itself is known to neither side's disk, and to the wire only where
// the mechanism is PLAIN.
//
//	session.go     what may come when, of one connection (SaslServerAuthenticator)
//	mechanism.go   the exchange of one mechanism; that of SCRAM is package scram's
//	credential.go  what is kept of a password
//
// Non-obvious: what went wrong is told to a client only where Kafka tells it, which is of
// PLAIN and of an authorization id. Of SCRAM it hears one sentence whatever was wrong, so that
// nobody learns which users there are. After a failure the connection is closed in any case.
package sasl
