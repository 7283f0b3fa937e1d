package queue

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

// transport carries bytes between clients and a broker: ours, stepped by hand, or a
// RabbitMQ on TCP. What it cannot do it panics about.
type transport interface {
	open(conn string)                  // connects
	send(conn string, b machine.Bytes) // whole frames
	await(conn string)                 // something that must come
	hear() map[string][]wire.Frame     // what has come on each connection until all is quiet
	closed(conn string) bool           // by the broker
	kill(conn string)                  // without a word
	sleep(d time.Duration)             // lets time pass
	restart(crash string)              // the broker
}

// talk is a client that reads what to do from lines and prints what it hears. A line is
// a channel, such as a1 (the first of connection a), a method and its arguments:
//
//	a1 queue.declare queue=q durable x-max-length=5
//	a1 basic.publish key=q body=one persistent h:kind=fruit
//	a kill | a close | sleep 300ms | restart
//
// Connections and channels are opened when they are first named.
type talk struct {
	t          transport
	conns      map[string]*talkConn
	normalized map[string]string // names that the broker has made up
}

type talkConn struct {
	channels map[uint16]*wire.Assembler
	control  wire.Assembler
	gone     bool
}

func newTalk(t transport) *talk {
	return &talk{t: t, conns: make(map[string]*talkConn), normalized: make(map[string]string)}
}

// do performs lines and returns what was heard after each.
func (k *talk) do(input string) string {
	var out strings.Builder
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		fmt.Fprintf(&out, "%s\n", line)
		k.line(line)
		out.WriteString(k.heard())
	}
	return out.String()
}

func (k *talk) line(line string) {
	words := fields(line)
	switch {
	case words[0] == "sleep":
		d, err := time.ParseDuration(words[1])
		must(err)
		k.t.sleep(d)
		return
	case words[0] == "restart":
		k.conns = make(map[string]*talkConn)
		k.t.restart(strings.Join(words[1:], " "))
		return
	case len(words) == 2 && words[1] == "kill":
		k.t.kill(words[0])
		delete(k.conns, words[0])
		return
	}
	name, number := split(words[0])
	c := k.conns[name]
	if c == nil {
		c = k.connect(name)
	}
	if c.channels[number] == nil && number > 0 && words[1] != "raw" {
		k.send(name, number, &wire.ChannelOpen{})
		c.channels[number] = new(wire.Assembler)
		if got := k.heard(); !strings.Contains(got, "channel.open-ok") {
			panic("no channel: " + got)
		}
	}
	switch words[1] {
	case "close":
		if number == 0 {
			k.send(name, 0, &wire.ConnectionClose{Closing: wire.Closing{Code: 200}})
		} else {
			k.send(name, number, &wire.ChannelClose{Closing: wire.Closing{Code: 200}})
		}
		return
	case "raw":
		b, err := strconv.Unquote(`"` + words[2] + `"`)
		must(err)
		k.t.send(name, machine.Literal([]byte(b)))
		return
	}
	k.method(name, number, words[1:])
}

// fields splits a line at blanks that stand in no quotes; a quoted part loses them.
func fields(line string) []string {
	var words []string
	word, quoted, some := "", false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, some = !quoted, true
		case r == ' ' && !quoted:
			if word != "" || some {
				words = append(words, word)
			}
			word, some = "", false
		default:
			word += string(r)
		}
	}
	return words
}

func split(name string) (conn string, channel uint16) {
	i := strings.IndexAny(name, "0123456789")
	if i < 0 {
		return name, 0
	}
	n, err := strconv.ParseUint(name[i:], 10, 16)
	must(err)
	return name[:i], uint16(n)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (k *talk) connect(name string) *talkConn {
	c := &talkConn{channels: make(map[uint16]*wire.Assembler)}
	k.conns[name] = c
	k.t.open(name)
	k.t.send(name, machine.Literal([]byte(wire.ProtocolHeader)))
	k.t.await(name)
	k.heard()
	k.send(name, 0, &wire.ConnectionStartOk{
		ClientProperties: wire.Table{{Key: "capabilities", Value: wire.Table{
			{Key: "publisher_confirms", Value: true}, {Key: "basic.nack", Value: true}, {Key: "consumer_cancel_notify", Value: true},
			{Key: "connection.blocked", Value: true}, {Key: "authentication_failure_close", Value: true},
		}}}, Mechanism: "PLAIN", Response: "\x00guest\x00guest", Locale: "en_US",
	})
	k.t.await(name)
	k.heard()
	k.send(name, 0, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072})
	k.send(name, 0, &wire.ConnectionOpen{VirtualHost: "/"})
	if got := k.heard(); !strings.Contains(got, "connection.open-ok") {
		panic("no connection: " + got)
	}
	return c
}

func (k *talk) send(conn string, channel uint16, m wire.Method) {
	b, err := wire.Encode(channel, m)
	must(err)
	k.t.send(conn, b)
	if answered(m) {
		k.t.await(conn)
	}
}

// answered reports whether the broker answers a method: with its -ok, as a rule.
func answered(m wire.Method) bool {
	if noWait := reflect.ValueOf(m).Elem().FieldByName("NoWait"); noWait.IsValid() && noWait.Bool() {
		return false
	}
	id := wire.IDOf(m)
	return wire.ClassName(wire.Class(wire.MethodID{Class: id.Class, Method: id.Method + 1})) == id.String()+"-ok"
}

// method makes a method of words: a field of the struct by its lower-case name, of a
// published message its properties, and arguments, which begin with "x-" or stand
// behind "arg:".
func (k *talk) method(conn string, channel uint16, words []string) {
	m := wire.NewMethod(words[0])
	if m == nil {
		panic("no method " + words[0])
	}
	v := reflect.ValueOf(m).Elem()
	var props wire.Properties
	var body string
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "body":
			body = value
			if n, err := strconv.Atoi(strings.TrimPrefix(value, "zeros:")); err == nil && strings.HasPrefix(value, "zeros:") {
				body = strings.Repeat("0", n)
			}
		case key == "persistent":
			props.DeliveryMode = wire.Persistent
		case key == "expiration":
			props.Expiration = value
		case key == "id":
			props.MessageID = value
		case key == "user":
			props.UserID = value
		case strings.HasPrefix(key, "h:"):
			props.Headers = append(props.Headers, wire.Field{Key: key[2:], Value: typed(value)})
		case strings.HasPrefix(key, "x-"), strings.HasPrefix(key, "arg:"):
			args := v.FieldByName("Arguments").Addr().Interface().(*wire.Table)
			*args = append(*args, wire.Field{Key: strings.TrimPrefix(key, "arg:"), Value: typed(value)})
		default:
			setField(v, key, value)
		}
	}
	switch m.(type) {
	case *wire.BasicPublish:
		b, err := wire.EncodeContent(channel, m, &props, machine.Literal([]byte(body)), 131072)
		must(err)
		k.t.send(conn, b)
	default:
		k.send(conn, channel, m)
	}
}

func typed(value string) any {
	if n, err := strconv.ParseInt(value, 10, 32); err == nil {
		return int32(n)
	}
	if value == "true" || value == "false" {
		return value == "true"
	}
	return value
}

func setField(v reflect.Value, key, value string) {
	if key == "key" {
		key = "routingkey"
	}
	if key == "tag" {
		key = "consumertag"
		if v.FieldByName("DeliveryTag").IsValid() {
			key = "deliverytag"
		}
	}
	f := v.FieldByNameFunc(func(name string) bool { return strings.ToLower(name) == key })
	if !f.IsValid() {
		panic(fmt.Sprintf("%s has no %s", v.Type(), key))
	}
	switch f.Kind() {
	case reflect.Bool:
		f.SetBool(true)
	case reflect.String:
		f.SetString(value)
	default:
		n, err := strconv.ParseUint(value, 10, 64)
		must(err)
		f.SetUint(n)
	}
}

// heard prints what has come since, by channel, and answers closes.
func (k *talk) heard() string {
	var out strings.Builder
	for {
		frames := k.t.hear()
		answered := false
		for _, name := range sortedKeys(k.conns) {
			c := k.conns[name]
			lines := make(map[uint16][]string)
			for _, f := range frames[name] {
				line, answer := k.frame(c, f)
				if line != "" {
					lines[f.Channel] = append(lines[f.Channel], line)
				}
				if answer != nil {
					k.send(name, f.Channel, answer)
					answered = true
				}
			}
			for _, n := range sortedKeys(lines) {
				label := name
				if n > 0 {
					label += strconv.Itoa(int(n))
				}
				for _, line := range lines[n] {
					fmt.Fprintf(&out, "  %s< %s\n", label, line)
				}
			}
			if k.t.closed(name) && !c.gone {
				c.gone = true
				fmt.Fprintf(&out, "  %s< hung up\n", name)
				defer delete(k.conns, name)
			}
		}
		if !answered {
			return out.String()
		}
	}
}

func sortedKeys[K string | uint16, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// frame reads a frame; answer is what must be said to it.
func (k *talk) frame(c *talkConn, f wire.Frame) (line string, answer wire.Method) {
	switch f.Type {
	case wire.FrameHeartbeat:
		return "", nil
	case wire.FrameProtocol:
		return "protocol header " + strconv.Quote(string(f.Payload.Contiguous())), nil
	}
	a := &c.control
	if f.Channel > 0 {
		if a = c.channels[f.Channel]; a == nil {
			a = new(wire.Assembler)
		}
	}
	cmd, done, err := a.Add(f)
	if err != nil {
		panic(err)
	}
	if !done {
		return "", nil
	}
	switch cmd.Method.(type) {
	case *wire.ConnectionStart, *wire.ConnectionTune:
		return "", nil
	case *wire.ConnectionClose:
		answer = &wire.ConnectionCloseOk{}
	case *wire.ChannelClose:
		answer = &wire.ChannelCloseOk{}
		delete(c.channels, f.Channel)
	case *wire.ChannelCloseOk:
		delete(c.channels, f.Channel)
	}
	return k.show(cmd), answer
}

// show prints a command: its fields that are not zero, and its content.
func (k *talk) show(cmd *wire.Command) string {
	words := []string{cmd.ID.String()}
	v := reflect.ValueOf(cmd.Method).Elem()
	if v.NumField() == 1 && v.Type().Field(0).Name == "Closing" {
		c := v.Field(0).Interface().(wire.Closing)
		text := c.Text
		if c.Code == wire.FrameError { // what follows is Erlang, or ours
			text, _, _ = strings.Cut(text, " - ")
		}
		words = append(words, strconv.Itoa(int(c.Code)), strconv.Quote(text), "by", c.Method.String())
		return strings.Join(words, " ")
	}
	for i := range v.NumField() {
		if f := v.Field(i); !f.IsZero() {
			words = append(words, strings.ToLower(v.Type().Field(i).Name)+"="+k.normalize(fmt.Sprint(f.Interface())))
		}
	}
	if cmd.ID.Class == 60 && (cmd.ID.Method == 50 || cmd.ID.Method == 60 || cmd.ID.Method == 71) {
		words = append(words, "body="+string(cmd.Body.Slice(0, min(cmd.Body.Len(), 20)).Contiguous()))
		if p := &cmd.Properties; p.Expiration != "" {
			words = append(words, "expiration="+p.Expiration)
		}
		if cmd.Properties.Headers != nil {
			words = append(words, "headers="+k.header(cmd.Properties.Headers))
		}
	}
	return strings.Join(words, " ")
}

// header prints a table by the order of its keys, without times.
func (k *talk) header(v any) string {
	switch v := v.(type) {
	case wire.Table:
		v = slices.Clone(v)
		slices.SortFunc(v, func(a, b wire.Field) int { return strings.Compare(a.Key, b.Key) })
		var parts []string
		for _, f := range v {
			if f.Key != "time" {
				parts = append(parts, f.Key+":"+k.header(f.Value))
			}
		}
		return "{" + strings.Join(parts, " ") + "}"
	case wire.Array:
		var parts []string
		for _, x := range v {
			parts = append(parts, k.header(x))
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return fmt.Sprint(v)
}

// normalize gives names that the broker has made up others that are the same each time.
func (k *talk) normalize(s string) string {
	for _, prefix := range []string{"amq.gen-", "amq.ctag-"} {
		if strings.HasPrefix(s, prefix) {
			if k.normalized[s] == "" {
				k.normalized[s] = prefix + strconv.Itoa(len(k.normalized)+1)
			}
			return k.normalized[s]
		}
	}
	return s
}
