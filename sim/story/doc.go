// Package story tells how a run came to break a promise: it makes the run again,
// takes down every step of every node, and picks out what matters for the records
// in question, in Kafka's words.
//
// # The journey of a story
//
// [Tell] makes the run with a recorder that watches it (recorder.go). After each
// step the recorder compares the node with what it was before: what a replica has
// appended or lost, who leads, who is in sync (replica.go, metadata.go). The
// violation names records and offsets: the subject (subject.go). A step matters if
// it touches the subject, and then so does the step that sent the frame it was told
// by (select.go). Frames are put into words only for the steps that are told
// (frames.go). The logs of the partition at the violation are what the recorder
// knew then (strips.go). Why it was possible is said from the same knowledge: who
// held the record when it was acknowledged, how each of them lost it, who was
// elected without it (why.go). A group that does not come to rest has no record: its
// members, what each was given, and who coordinated it are its story (group.go).
//
// # What must hold
//
//   - Watching changes nothing: the run has the trace hash that it has unwatched.
//     Reading a log can make a block resident that was not, which would cost time
//     later; a broker has read all of its log when it starts, so there is none.
//   - The same case and violation tell the same story, byte for byte.
package story
