package pubsub

import (
	"fmt"
	"strings"
)

// command is one that is served.
type command struct {
	do func(*Broker, *request)
	// least and most are how many arguments it takes; most -1 is any number.
	least, most int
	// listening says that it is served in subscriber mode of version 2, too.
	listening bool
	// parts are what it consists of: each a command with its own numbers of arguments,
	// behind the name of the part.
	parts map[string]command
}

var commands = map[string]command{
	"subscribe":    {do: (*Broker).doSubscribe, least: 1, most: -1, listening: true},
	"unsubscribe":  {do: (*Broker).doUnsubscribe, least: 0, most: -1, listening: true},
	"psubscribe":   {do: (*Broker).doPSubscribe, least: 1, most: -1, listening: true},
	"punsubscribe": {do: (*Broker).doPUnsubscribe, least: 0, most: -1, listening: true},
	"publish":      {do: (*Broker).doPublish, least: 2, most: 2},
	"pubsub": {least: 1, most: -1, parts: map[string]command{
		"channels": {do: (*Broker).doChannels, least: 0, most: -1},
		"numsub":   {do: (*Broker).doNumSub, least: 0, most: -1},
		"numpat":   {do: (*Broker).doNumPat, least: 0, most: 0},
	}},
	"ping":  {do: (*Broker).doPing, least: 0, most: -1, listening: true},
	"hello": {do: (*Broker).doHello, least: 0, most: -1},
	"reset": {do: (*Broker).doReset, least: 0, most: 0, listening: true},
	"quit":  {do: (*Broker).doQuit, least: 0, most: -1, listening: true},
}

// execute does a command, or says what is wrong with it, in Redis's order.
func (b *Broker) execute(q *request) {
	name := strings.ToLower(q.word(0))
	cmd, known := commands[name]
	n := len(q.args) - 1
	if cmd.parts != nil && n > 0 {
		part, is := cmd.parts[strings.ToLower(q.word(1))]
		if !is {
			b.refuse(q, "ERR unknown subcommand '"+cut(q.word(1), longestEcho)+"'. Try "+strings.ToUpper(name)+" HELP.")
			return
		}
		cmd, name, n = part, name+"|"+strings.ToLower(q.word(1)), n-1
	}
	switch {
	case !known:
		b.refuse(q, unknown(q))
	case n < cmd.least || cmd.most >= 0 && n > cmd.most:
		b.refuse(q, wrongNumber(name))
	case q.client.listens() && !q.client.version3 && !cmd.listening:
		b.refuse(q, fmt.Sprintf("ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context", name))
	default:
		cmd.do(b, q)
	}
}

// longestEcho is how much of what a client has sent errors repeat.
const longestEcho = 128

func wrongNumber(command string) string {
	return "ERR wrong number of arguments for '" + command + "' command"
}

// unknown names a command that there is none of, and its first arguments.
func unknown(q *request) string {
	var args strings.Builder
	for i := 1; i < len(q.args) && args.Len() < longestEcho; i++ {
		fmt.Fprintf(&args, "'%s' ", cut(q.word(i), longestEcho-args.Len()))
	}
	return fmt.Sprintf("ERR unknown command '%s', with args beginning with: %s", cut(q.word(0), longestEcho), args.String())
}

// cut is the beginning of a text, which in C ends at a zero byte.
func cut(s string, n int) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s[:min(len(s), n)]
}
