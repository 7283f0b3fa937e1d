package pubsub

import (
	"fmt"
	"strings"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
)

// doPing answers PONG, or what came with it. In subscriber mode of version 2, where
// everything that arrives is an array, that is one, too.
func (b *Broker) doPing(q *request) {
	if len(q.args) > 2 {
		b.refuse(q, wrongNumber("ping"))
		return
	}
	var with machine.Bytes
	if len(q.args) == 2 {
		with = q.args[1]
	}
	b.answer(q, func(r *wire.Reply) {
		switch {
		case q.client.listens() && !q.client.version3:
			r.Array(2)
			r.Text("pong")
			r.Bulk(with)
		case len(q.args) == 2:
			r.Bulk(with)
		default:
			r.Simple("PONG")
		}
	})
}

// doQuit says goodbye. What was sent with it is not read any more.
func (b *Broker) doQuit(q *request) {
	b.answer(q, func(r *wire.Reply) { r.Simple("OK") })
	b.hangUp(q.client, q.out)
}

// doReset makes a connection as good as new.
func (b *Broker) doReset(q *request) {
	b.silence(q.client)
	q.client.version3 = false
	b.answer(q, func(r *wire.Reply) { r.Simple("RESET") })
}

// What HELLO says of the broker: the Redis that it behaves as.
const (
	serverName    = "redis"
	serverVersion = "7.0.15"
)

// doHello tells who is there, and changes the version of the protocol.
func (b *Broker) doHello(q *request) {
	version := q.client.version3
	if len(q.args) > 1 {
		n, ok := wire.Integer(q.args[1].Contiguous())
		switch {
		case !ok:
			b.refuse(q, "ERR Protocol version is not an integer or out of range")
			return
		case n < 2 || n > 3:
			b.refuse(q, "NOPROTO unsupported protocol version")
			return
		}
		version = n == 3
	}
	if sentence := helloOptions(q); sentence != "" {
		b.refuse(q, sentence)
		return
	}
	q.client.version3 = version
	b.answer(q, func(r *wire.Reply) {
		r.Map(7)
		r.Text("server")
		r.Text(serverName)
		r.Text("version")
		r.Text(serverVersion)
		r.Text("proto")
		r.Int(map[bool]int64{false: 2, true: 3}[version])
		r.Text("id")
		r.Int(q.client.number)
		r.Text("mode")
		r.Text("standalone")
		r.Text("role")
		r.Text("master")
		r.Text("modules")
		r.Array(0)
	})
}

// helloOptions reads what may follow the version, and says what is wrong with it. There
// is one user, who has no password; names of connections are not kept.
func helloOptions(q *request) string {
	for i := 2; i < len(q.args); {
		more := len(q.args) - 1 - i
		switch word := strings.ToLower(q.word(i)); {
		case word == "auth" && more >= 2:
			if q.word(i+1) != "default" {
				return "WRONGPASS invalid username-password pair or user is disabled."
			}
			i += 3
		case word == "setname" && more >= 1:
			if strings.ContainsFunc(q.word(i+1), func(r rune) bool { return r < '!' || r > '~' }) {
				return "ERR Client names cannot contain spaces, newlines or special characters."
			}
			i += 2
		default:
			return fmt.Sprintf("ERR Syntax error in HELLO option '%s'", cut(q.word(i), longestEcho))
		}
	}
	return ""
}
