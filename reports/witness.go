package reports

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// witness is a line of a history, cut down to the one record or the one end that
// a violation is about.
type witness struct {
	I, T int64
	E, F string
	P    int32
	M    []json.RawMessage
	K    []json.RawMessage
	At   map[string]claim
	coordinated
}

type claim struct {
	Ask, End *int64
	Epoch    *int64 `json:"ep"`
}

// shown is a witness in words. A line that is not understood is shown as it is,
// and has neither time nor event.
type shown struct{ When, What, Event string }

// witnesses shows the operations that prove a violation, in the order of the
// history, with the number that finds each in it.
func (t *text) witnesses(lines []string) {
	list := make([]shown, len(lines))
	width := 0
	for i, line := range lines {
		list[i] = show(line)
		if list[i].Event != "" {
			width = max(width, utf8.RuneCountInString(list[i].What))
		}
	}
	for _, s := range list {
		if s.Event == "" {
			t.f("       %s\n", s.What)
			continue
		}
		t.f("       %9s  %-*s  %s\n", s.When, width, s.What, s.Event)
	}
}

func show(line string) shown {
	var w witness
	if json.Unmarshal([]byte(line), &w) == nil {
		if what := w.what(); what != "" {
			return shown{moment(w.T), clean(what), fmt.Sprintf("event %d", w.I)}
		}
	}
	return shown{What: clean(line)}
}

// what says the operation in words, or nothing if it is of another kind.
func (w *witness) what() string {
	switch {
	case w.F == "send":
		return w.send()
	case w.G != "":
		return w.group()
	case w.TxID != "" || w.X != 0 && len(w.M) == 0:
		return w.transaction()
	case len(w.B) > 0:
		return w.batches()
	case w.E == "inv" && (w.F == "poll" || w.F == "offsets" || w.F == "dump"):
		return w.reader() + " asks"
	case w.F != "poll" && w.F != "dump" && w.F != "process" && w.F != "offsets":
		return ""
	}
	if slot, value, ok := w.record(); ok {
		did := "finds"
		if w.F == "process" {
			did = "has processed"
		}
		return fmt.Sprintf("%s %s record %s at %s", w.reader(), did, value, slot)
	}
	return w.claim()
}

// reader names who reads, as traces name nodes.
func (w *witness) reader() string {
	if w.F == "dump" {
		return "the final read"
	}
	return fmt.Sprintf("k%d", w.P)
}

// send says a producer's operation about one record.
func (w *witness) send() string {
	var micro []json.RawMessage
	if len(w.M) != 1 || json.Unmarshal(w.M[0], &micro) != nil || len(micro) < 3 || plain(micro[0]) != "s" {
		return ""
	}
	tp, value := plain(micro[1]), plain(micro[2])
	key := ""
	if len(w.K) == 1 && plain(w.K[0]) != "null" {
		key = fmt.Sprintf(" (key %s)", plain(w.K[0]))
	}
	slot := tp
	if len(micro) > 3 && plain(micro[3]) != "null" {
		slot += "@" + plain(micro[3])
	}
	who := fmt.Sprintf("p%d", w.P)
	switch {
	case w.E == "inv":
		return fmt.Sprintf("%s sends record %s%s to %s", who, value, key, tp)
	case w.E == "ok" && len(micro) <= 4, w.E == "info" && slot != tp:
		return fmt.Sprintf("%s has record %s acknowledged at %s", who, value, slot)
	}
	return ""
}

// record is the one record of a read.
func (w *witness) record() (slot, value string, ok bool) {
	var micro []json.RawMessage
	if len(w.M) != 1 || json.Unmarshal(w.M[0], &micro) != nil || len(micro) != 2 || plain(micro[0]) != "p" {
		return "", "", false
	}
	var runs map[string][]json.RawMessage
	if json.Unmarshal(micro[1], &runs) != nil || len(runs) != 1 {
		return "", "", false
	}
	for tp, run := range runs { // there is one
		var values []json.RawMessage
		if len(run) != 2 || json.Unmarshal(run[1], &values) != nil || len(values) != 1 {
			return "", "", false
		}
		slot, value = tp+"@"+plain(run[0]), plain(values[0])
	}
	return slot, value, true
}

// claim says the one end that a read was told of, or only where it went on.
func (w *witness) claim() string {
	if len(w.At) != 1 {
		return ""
	}
	for tp, c := range w.At { // there is one
		switch {
		case c.End != nil && c.Epoch != nil:
			return fmt.Sprintf("%s is told that %s ends at %d in leader epoch %d", w.reader(), tp, *c.End, *c.Epoch)
		case c.End != nil:
			return fmt.Sprintf("%s is told that %s ends at %d", w.reader(), tp, *c.End)
		case c.Ask != nil:
			return fmt.Sprintf("%s goes on at %s@%d", w.reader(), tp, *c.Ask)
		}
	}
	return ""
}

// plain is a JSON value without the quotes of a string.
func plain(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && strings.HasPrefix(string(raw), `"`) {
		return s
	}
	return string(raw)
}
