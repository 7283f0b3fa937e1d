package lesson

import (
	"errors"
	"fmt"
	"slices"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
	"brokersim/sim/story"
)

// What a run can be watched for beside a property that it breaks: the first record that
// the producer never heard of again and that is in the log, or is in none; and the first
// that a reader has processed too late ([inverted]), a second time, or passed over.
const (
	aboutUnknown     = "unknown"
	aboutLostUnacked = "lost_unacked"
	aboutSkipped     = "skipped"
	aboutTwice       = "dup_processed"
	// aboutLedger shows no story: what became of the records, in a sentence.
	aboutLedger = "ledger"
)

// Watch makes the run that a lesson shows, and tells it.
func (l *Lesson) Watch() (result.Explanation, error) {
	t, err := l.Trial(l.watch.Trial)
	if err != nil {
		return result.Explanation{}, err
	}
	c, err := t.Case(l.watch.Seed)
	if err != nil {
		return result.Explanation{}, err
	}
	find := &finder{}
	c.History = func(h *history.Header) history.Sink {
		find.header = h
		return find
	}
	r := scenario.Run(c)
	c.History = nil
	if l.watch.About == aboutLedger {
		return ledgerOf(r), nil
	}
	property, v, err := l.subject(find, &r)
	if err != nil {
		return result.Explanation{}, fmt.Errorf("%s: watch: seed %d of %s: %w", l.File, l.watch.Seed, t.Name, err)
	}
	r, told := story.Tell(c, property, &v)
	e := result.Explanation{
		V: result.Version, Finding: property, Sentence: v.What, Result: r, Repro: r.Repro, Original: r.Repro,
		Story: told.Story, Why: told.Why, Needed: slices.Clone(r.Faults), NotNeeded: []string{}, Nearest: []result.Variant{}, Settings: []result.Setting{},
	}
	settings, err := scenario.Settings(c)
	if err != nil {
		return e, err
	}
	for _, s := range settings.Changed() {
		e.Settings = append(e.Settings, result.Setting{Name: s.Key, Value: s.Value, Default: s.Default, Source: s.From})
	}
	return e, nil
}

// ledgerOf is a run that has no story yet, such as one of a broker that is no log.
func ledgerOf(r result.Result) result.Explanation {
	x := &r.Ledger
	return result.Explanation{
		V: result.Version, Finding: aboutLedger, Result: r, Repro: r.Repro, Original: r.Repro,
		Sentence: fmt.Sprintf("%d records were sent and %d acknowledged; readers were given records %d times, processed %d, and %d that were acknowledged never reached whom they were for.",
			x.Sent, x.Acked, x.Delivered, x.Processed, x.LostAcked),
		Why: slices.Clone(r.Faults), Needed: slices.Clone(r.Faults), NotNeeded: []string{}, Nearest: []result.Variant{}, Settings: []result.Setting{},
	}
}

// subject is what the run shows: a violation, or what is as odd and none.
func (l *Lesson) subject(find *finder, r *result.Result) (property string, v result.Violation, err error) {
	switch l.watch.About {
	case aboutUnknown:
		return find.subject(true)
	case aboutLostUnacked:
		return find.subject(false)
	case inverted:
		return find.inverted()
	case aboutSkipped:
		return find.skipped()
	case aboutTwice:
		return find.twice()
	}
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Property == l.watch.About && len(f.Violations) > 0 {
			return f.Property, f.Violations[0], nil
		}
	}
	return "", v, fmt.Errorf("%s is not broken", l.watch.About)
}

// finder takes down what became of the records that were not acknowledged.
type finder struct {
	header *history.Header
	sent   []sending
	found  map[int64][]byte // by value: the line of the final read that has it
	lines  map[int64]int    // by value: the place in sent
	done   []processing
	skip   *history.Event // the first that passes over records
}

// processing is a record that a reader is done with.
type processing struct {
	reader int32
	record history.Record
	at     int64
	line   []byte
}

// sending is a record, and the lines of its history.
type sending struct {
	value int64
	tp    history.TP
	at    int64
	acked bool
	off   int64
	lines [][]byte
}

// Event makes a finder a [history.Sink].
func (f *finder) Event(e *history.Event) {
	switch {
	case e.F == history.Send:
		for i := range e.Sends {
			f.heard(e, &e.Sends[i])
		}
	case e.F == history.Skipped && f.skip == nil && e.Offset < e.Until:
		f.skip = new(history.Event)
		*f.skip = *e // it has no slices
	case e.F == history.Process && e.E != history.Inv:
		for _, run := range e.Runs {
			for _, record := range run.Records {
				f.done = append(f.done, processing{e.P, record, e.T, f.lineOf(e, run.TP, record)})
			}
		}
	case e.F == history.Dump && e.E != history.Inv:
		for _, run := range e.Runs {
			for _, record := range run.Records {
				f.keep(record.Value, f.lineOf(e, run.TP, record))
			}
		}
	}
}

// lineOf is a line of the history, cut down to one record.
func (f *finder) lineOf(e *history.Event, tp history.TP, record history.Record) []byte {
	one := *e
	one.Runs, one.At = []history.Run{{TP: tp, Records: []history.Record{record}}}, nil
	return history.AppendEvent(nil, f.header, &one)
}

func (f *finder) keep(value int64, line []byte) {
	if f.found == nil {
		f.found = make(map[int64][]byte)
	}
	f.found[value] = line
}

// heard takes down that a record was sent, or what was heard of it.
func (f *finder) heard(e *history.Event, s *history.Sent) {
	if f.lines == nil {
		f.lines = make(map[int64]int)
	}
	one := *e
	one.Sends = []history.Sent{*s}
	line := history.AppendEvent(nil, f.header, &one)
	if e.E == history.Inv {
		f.lines[s.Value] = len(f.sent)
		f.sent = append(f.sent, sending{value: s.Value, tp: s.TP, at: e.T, lines: [][]byte{line}})
		return
	}
	i, known := f.lines[s.Value]
	if !known {
		return
	}
	x := &f.sent[i]
	x.lines = append(x.lines, line)
	x.off = max(x.off, s.Offset)
	x.acked = x.acked || e.E == history.OK && s.Err == "" && f.header.Set.Acks != "0" || e.E == history.Info && s.Offset >= 0
}

// subject is the first record that was not acknowledged, and is in the log or not.
func (f *finder) subject(inLog bool) (property string, v result.Violation, err error) {
	for i := range f.sent {
		x := &f.sent[i]
		line, found := f.found[x.value]
		if x.acked || found != inLog {
			continue
		}
		v.Witness = []string{}
		for _, l := range x.lines {
			v.Witness = append(v.Witness, string(l))
		}
		where := "it is in no log at the end"
		if found {
			v.Witness = append(v.Witness, string(line))
			where = "it is in the log of " + f.header.Name(x.tp)
		}
		v.What = fmt.Sprintf("Record %d was sent at %d.%03d s and never acknowledged: %s.", x.value, x.at/1e9, x.at/1e6%1000, where)
		return checker.NoAckedLoss, v, nil
	}
	return "", v, errors.New("there is no such record")
}

// inverted is the first record that a reader was done with after one of the same key
// that was sent later. It is another partition's: within one that would be a violation.
func (f *finder) inverted() (property string, v result.Violation, err error) {
	last := make(map[readerKey]int)
	for i := range f.done {
		d := &f.done[i]
		of := readerKey{d.reader, d.record.Key}
		before, seen := last[of]
		if at := f.lines[d.record.Value]; seen && at < f.lines[f.done[before].record.Value] {
			b := &f.done[before]
			v.What = fmt.Sprintf("Record %d (key %d) was sent before record %d, and processed after it: at %d.%03d s.",
				d.record.Value, d.record.Key, b.record.Value, d.at/1e9, d.at/1e6%1000)
			v.Witness = []string{string(f.sent[at].lines[0]), string(f.sent[f.lines[b.record.Value]].lines[0]), string(b.line), string(d.line)}
			return inverted, v, nil
		}
		last[of] = i
	}
	return "", v, errors.New("there is no such record")
}

// twice is the first record that a reader was done with a second time.
func (f *finder) twice() (property string, v result.Violation, err error) {
	before := make(map[readerValue]int)
	for i := range f.done {
		d := &f.done[i]
		of := readerValue{d.reader, d.record.Value}
		j, again := before[of]
		if !again {
			before[of] = i
			continue
		}
		first, sent := &f.done[j], &f.sent[f.lines[d.record.Value]]
		v.What = fmt.Sprintf("Record %d, sent at %d.%03d s, was processed at %d.%03d s, and a second time at %d.%03d s.",
			d.record.Value, sent.at/1e9, sent.at/1e6%1000, first.at/1e9, first.at/1e6%1000, d.at/1e9, d.at/1e6%1000)
		v.Witness = []string{string(sent.lines[0]), string(first.line), string(d.line)}
		return aboutTwice, v, nil
	}
	return "", v, errors.New("there is no such record")
}

// skipped is the first record that a reader has passed over because its log had
// forgotten it.
func (f *finder) skipped() (property string, v result.Violation, err error) {
	for i := range f.sent {
		x := &f.sent[i]
		if f.skip == nil || !x.acked || x.tp != f.skip.TP || x.off != f.skip.Offset {
			continue
		}
		v.What = fmt.Sprintf("Record %d, acknowledged at %s@%d, was never read: at %d.%03d s the reader moves from offset %d to %d.",
			x.value, f.header.Name(x.tp), x.off, f.skip.T/1e9, f.skip.T/1e6%1000, f.skip.Offset, f.skip.Until)
		for _, l := range x.lines {
			v.Witness = append(v.Witness, string(l))
		}
		v.Witness = append(v.Witness, string(history.AppendEvent(nil, f.header, f.skip)))
		return aboutSkipped, v, nil
	}
	return "", v, errors.New("there is no such record")
}
