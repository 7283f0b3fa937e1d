package config

import (
	"fmt"
	"strings"
)

// Layer is a set of settings from one place. Of several layers the later one
// decides.
type Layer struct {
	Source  string // a file, "--set", "profile short"
	Entries []Entry

	blank map[int]bool // the lines where a blank ended the name, and no "=" or ":"
}

// Entry is one setting. Its key begins with whom it is for:
//
//	broker.X
//	topic.X      topic.NAME.X
//	producer.X   producer.NAME.X
//	consumer.X   consumer.NAME.X
//
// and X is Kafka's name. Without a NAME it is for all. Within a layer one with
// a NAME wins over one without, and otherwise the later one.
type Entry struct {
	Key, Value string
	Line       int // of Source; 0 if that has no lines
}

// place says where an entry stands, to begin an error with.
func (l *Layer) place(e Entry) string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d", l.Source, e.Line)
	}
	return fmt.Sprintf("%s %s=%s", l.Source, quote(e.Key), quote(e.Value))
}

// from says where a setting comes from, for reports.
func (l *Layer) from(e Entry) string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d", l.Source, e.Line)
	}
	return l.Source
}

// Error is a mistake in a user's settings: one line.
type Error struct {
	Place string // "server.properties:3"
	Msg   string
}

func (e *Error) Error() string { return e.Place + ": " + e.Msg }

// Set makes a layer of command line arguments, each "key=value".
func Set(source string, assignments []string) (Layer, error) {
	l := Layer{Source: source}
	for _, a := range assignments {
		key, val, ok := strings.Cut(a, "=")
		if !ok {
			return Layer{}, &Error{Place: source + " " + quote(a), Msg: "want key=value, such as producer.acks=1"}
		}
		l.Entries = append(l.Entries, Entry{Key: strings.TrimSpace(key), Value: val})
	}
	return l, nil
}

// Profile is a named layer. "short" shortens Kafka's time-outs for runs of some
// seconds, so that what takes Kafka half a minute happens within the run.
func Profile(name string) (Layer, bool) {
	if name != "short" {
		return Layer{}, false
	}
	return Layer{Source: "profile short", Entries: []Entry{
		{Key: "broker.replica.lag.time.max.ms", Value: "1000"},
		{Key: "broker.broker.session.timeout.ms", Value: "900"},
		{Key: "broker.broker.heartbeat.interval.ms", Value: "200"},
		{Key: "broker.replica.fetch.wait.max.ms", Value: "100"},
		{Key: "producer.request.timeout.ms", Value: "600"},
		{Key: "producer.delivery.timeout.ms", Value: "2500"},
		{Key: "producer.metadata.max.age.ms", Value: "1000"},
		{Key: "producer.retry.backoff.ms", Value: "20"},
		{Key: "producer.socket.connection.setup.timeout.ms", Value: "100"},
		{Key: "producer.socket.connection.setup.timeout.max.ms", Value: "400"},
		{Key: "consumer.request.timeout.ms", Value: "600"},
		{Key: "consumer.metadata.max.age.ms", Value: "1000"},
		{Key: "consumer.retry.backoff.ms", Value: "20"},
		{Key: "consumer.socket.connection.setup.timeout.ms", Value: "100"},
		{Key: "consumer.socket.connection.setup.timeout.max.ms", Value: "400"},
	}}, true
}
