// Package differential holds one scripted session against a broker beside the same
// session against Apache Kafka: raw requests of every API and version that both offer,
// good and bad, whose answers are compared field by field.
//
// # How it works
//
// A script is a list of scenes, each about one API (produce.go, fetch.go, ...). A scene
// asks both sides in turn through a [dialogue], one request at a time, each on a
// connection of its own, but for members of share groups, whose sessions end with their
// connections (lines.go); what a request needs of an earlier answer, such as the id of a
// topic, is taken from the side that it goes to. An answer is taken apart into fields
// (fields.go), each with its path: Topics[orders].Partitions[0].ErrorCode. What must
// differ has a name of its own first: the id of a topic becomes its name, the address of
// the broker "host:port", the time of the broker "now". Arrays are ordered by what their
// elements are about, for Kafka gives many in the order of a hash map. The records of a
// Fetch are compared as bytes, but for the leader epoch of each batch.
//
// What still differs must be in differences.txt with its reason; an entry that nothing
// needs is a mistake too.
package differential
