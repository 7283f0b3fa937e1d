// Package wire is the protocol between a pub/sub broker and its clients: Redis's RESP,
// version 2 and as much of version 3 as pub/sub needs. Commands are arrays of bulk
// strings or lines of words; answers are values that say their own kind and length.
//
// # Files
//
//	command.go  what clients send: Split, DecodeCommand, EncodeCommand, and what Redis says to nonsense
//	inline.go   commands that a person types, with quotes
//	reply.go    what the broker answers, written piece by piece
//	value.go    what a client makes of it: SplitValue, DecodeValue
//	ident.go    what a frame is about, for faults and random draws
//
// # What must hold
//
//   - Redis answers nonsense with a sentence before it hangs up. So Split never fails: it
//     hands over what cannot be a command as a frame, and DecodeCommand says the sentence.
//   - A length that was read makes no room for what it promises: nothing is allocated that
//     has not arrived.
//   - Payloads are cut out of frames and put into others without being copied.
//   - Redis looks for a carriage return only, and does not look at the line feed behind it,
//     nor at the two bytes behind a bulk string.
package wire
