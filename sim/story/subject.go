package story

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	logreplica "brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
)

// subject is what a violation is about.
type subject struct {
	property string
	tps      []wire.TP
	slots    []slot
	records  []int64
	events   []int64 // of the history, in order
	group    string  // of a violation without a witness: the group that it names
}

// slot is an offset of a partition.
type slot struct {
	tp     wire.TP
	offset int64
}

func (s *subject) hasTP(tp wire.TP) bool       { return slices.Contains(s.tps, tp) }
func (s *subject) hasRecord(id int64) bool     { return slices.Contains(s.records, id) }
func (s *subject) addRecord(id int64)          { s.records = addTo(s.records, id) }
func (s *subject) addSlot(tp wire.TP, o int64) { s.slots = addTo(s.slots, slot{tp, o}) }

func addTo[T comparable](list []T, x T) []T {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// line is a line of a history as far as a subject is named in it.
type line struct {
	I  int64                      `json:"i"`
	F  string                     `json:"f"`
	M  []json.RawMessage          `json:"m"`
	At map[string]json.RawMessage `json:"at"`
}

// newSubject reads what a violation is about from its witness and, for a broken
// invariant, which has none, from the partitions that its sentence names.
func newSubject(property string, v *result.Violation, h *history.Header) *subject {
	s := &subject{property: property}
	for _, text := range v.Witness {
		var l line
		if json.Unmarshal([]byte(text), &l) != nil {
			continue
		}
		s.events = append(s.events, l.I)
		for _, m := range l.M {
			s.micro(m, h)
		}
		for _, name := range h.TPs {
			if _, ok := l.At[name]; ok {
				s.addTP(name)
			}
		}
	}
	if len(v.Witness) == 0 {
		if property == checker.Liveness {
			s.group = groupIn(v.What)
		}
		for _, name := range h.TPs {
			if mentions(v.What, name) {
				s.addTP(name)
			}
		}
	}
	return s
}

// mentions reports whether a sentence names a partition, and not one whose name
// only begins so.
func mentions(sentence, name string) bool {
	for {
		_, rest, ok := strings.Cut(sentence, name)
		if !ok {
			return false
		}
		if rest == "" || rest[0] < '0' || rest[0] > '9' {
			return true
		}
		sentence = rest
	}
}

// micro reads one part of an operation: ["s","orders-0",VALUE,OFFSET] or
// ["p",{"orders-0":[OFFSET,[VALUE...]]}].
func (s *subject) micro(raw json.RawMessage, h *history.Header) {
	var m []json.RawMessage
	if json.Unmarshal(raw, &m) != nil || len(m) < 2 {
		return
	}
	var name string
	if json.Unmarshal(m[1], &name) == nil {
		tp := s.addTP(name)
		if len(m) > 2 {
			if id, ok := integer(m[2]); ok {
				s.addRecord(id)
			}
		}
		if len(m) > 3 {
			if o, ok := integer(m[3]); ok {
				s.addSlot(tp, o)
			}
		}
		return
	}
	var runs map[string][]json.RawMessage
	if json.Unmarshal(m[1], &runs) != nil {
		return
	}
	for _, name := range h.TPs {
		run := runs[name]
		if len(run) < 2 {
			continue
		}
		tp := s.addTP(name)
		var ids []int64
		o, ok := integer(run[0])
		if !ok || json.Unmarshal(run[1], &ids) != nil {
			continue
		}
		for i, id := range ids {
			s.addSlot(tp, o+int64(i))
			s.addRecord(id)
		}
	}
}

func (s *subject) addTP(name string) wire.TP {
	tp, _ := logreplica.ParseDir(name)
	s.tps = addTo(s.tps, tp)
	return tp
}

func integer(raw json.RawMessage) (int64, bool) {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// inRange reports whether the subject has an offset of [from, until).
func (s *subject) inRange(tp wire.TP, from, until int64) bool {
	return slices.ContainsFunc(s.slots, func(x slot) bool { return x.tp == tp && from <= x.offset && x.offset < until })
}
