package wire

import (
	"strings"

	"brokersim/broker/machine"
)

// Classes of frames: those of commands are even, and their answers' the number behind
// theirs. A message that is pushed is a class of its own.
const (
	classOther uint16 = 2 * iota
	classPublish
	classSubscribe
	classUnsubscribe
	classPing
	classMessage // pushed, hence no answer
)

var classNames = map[string]uint16{
	"other":       classOther,
	"publish":     classPublish,
	"subscribe":   classSubscribe,
	"unsubscribe": classUnsubscribe,
	"ping":        classPing,
}

// Classes are the classes by the names that schedules and traces have for them: the
// command, or the command and "-response"; and "message".
func Classes() map[string]uint16 {
	names := map[string]uint16{"message": classMessage}
	for name, c := range classNames { // unordered: into a map
		names[name], names[name+"-response"] = c, c|1
	}
	return names
}

// CommandIdent is what a command is about: its name, and for what is published the channel
// and the bytes. RESP has no numbers by which to tell two messages apart, and what is
// published is made once.
func CommandIdent(args []machine.Bytes) machine.Ident {
	if len(args) == 0 {
		return machine.Ident{Class: classOther}
	}
	name := strings.ToLower(string(args[0].Contiguous()))
	if name == "psubscribe" || name == "punsubscribe" {
		name = name[1:]
	}
	d := machine.Draw(1).Of(name)
	for _, a := range args[1:] {
		d = d.With(a.Digest())
	}
	return machine.Ident{Class: classNames[name], Key: d.Uint64()}
}

// AnswerIdent is what the answer to a command is about: the same.
func AnswerIdent(id machine.Ident) machine.Ident {
	return machine.Ident{Class: id.Class | 1, Key: id.Key}
}

// MessageIdent is what a message is about that is pushed because of a publish.
func MessageIdent(publish machine.Ident) machine.Ident {
	return machine.Ident{Class: classMessage, Key: publish.Key}
}
