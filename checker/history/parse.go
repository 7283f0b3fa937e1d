package history

import (
	"encoding/json"
	"math"
)

// oneOf reads a string that must be one of names, and returns which.
func (rd *Reader) oneOf(what string, names []string) int {
	s := &rd.s
	s.peek()
	at := s.i
	word := s.str()
	for i, n := range names {
		if string(word) == n {
			return i
		}
	}
	s.fail(at, "unknown %s %q%s", what, word, nearest(string(word), names))
	return 0
}

// function reads "f". A name of the format that is not read here is no error.
func (rd *Reader) function() (Func, bool) {
	s := &rd.s
	s.peek()
	at := s.i
	word := s.str()
	for i, n := range funcNames {
		if string(word) == n {
			return Func(i), true
		}
	}
	for _, n := range otherFuncs {
		if string(word) == n {
			return 0, false
		}
	}
	s.fail(at, "unknown operation %q%s", word, nearest(string(word), funcNames[:], otherFuncs[:]))
	return 0, false
}

// rest reads the fields that most events do not have.
func (rd *Reader) rest(name []byte) {
	s, e := &rd.s, &rd.ev
	switch string(name) {
	case "due":
		e.Due = s.int(math.MinInt64, math.MaxInt64)
	case "pid":
		e.PID = rd.orNone(None, math.MaxInt64)
	case "ep":
		e.Epoch = int32(rd.orNone(None, math.MaxInt32))
	case "spec":
		rd.at.spec = s.i
		e.Spec = string(s.str())
	case "reset":
		e.Reset = s.bool()
	case "fin":
		e.Fin = s.bool()
	case "again":
		e.Again = s.bool()
	case "synced":
		e.Synced = s.bool()
	case "tp":
		e.TP = rd.tp()
	case "broker":
		e.Broker = string(s.str())
	case "off", "hw":
		e.Offset = rd.orNone(None, math.MaxInt64)
	case "until":
		e.Until = rd.orNone(None, math.MaxInt64)
	case "why":
		e.Why = string(s.str())
	default:
		rd.coordinated(name)
	}
}

// coordinated reads the fields of groups and transactions.
func (rd *Reader) coordinated(name []byte) {
	s, e := &rd.s, &rd.ev
	switch string(name) {
	case "g":
		e.Group = string(s.str())
	case "gen":
		e.Gen = int32(rd.orNone(None, math.MaxInt32))
	case "mem":
		e.Member = string(s.str())
	case "inst":
		e.Instance = string(s.str())
	case "leads":
		e.Leads = s.bool()
	case "assignment":
		rd.assignment()
	case "offs":
		rd.at.offs = s.i
		rd.committed()
	case "x":
		e.X = s.int(0, math.MaxInt64)
	case "txid":
		e.TxID = string(s.str())
	case "iso":
		e.Iso = rd.word("iso", isoWords)
	case "b":
		rd.batches()
	default:
		s.skip(0)
	}
}

// tp reads the name of a partition.
func (rd *Reader) tp() TP {
	s := &rd.s
	s.peek()
	at := s.i
	name := s.str()
	if s.err != nil {
		return 0
	}
	if int(rd.last) < len(rd.Header.TPs) && string(name) == rd.Header.TPs[rd.last] {
		return rd.last
	}
	tp, ok := rd.tps[string(name)]
	if !ok {
		tp = TP(len(rd.Header.TPs))
		text := string(name)
		if rd.sim && len(rd.Header.Topics) > 0 {
			if why := rd.Header.strange(text); why != "" {
				s.fail(at, "%s", why)
				return 0
			}
		}
		rd.Header.TPs = append(rd.Header.TPs, text)
		rd.tps[text] = tp
	}
	rd.last = tp
	return tp
}

// value reads a value: any JSON scalar. What is no integer gets a number that
// stands for its name.
func (rd *Reader) value() int64 {
	s := &rd.s
	c := s.peek()
	start := s.i
	if c == '-' || c >= '0' && c <= '9' {
		v := s.int(Named/2, math.MaxInt64)
		if s.err == nil {
			return v
		}
		p := s.err.(*problem)
		s.i, s.err = start, nil
		s.number()
		if text := s.b[start:s.i]; s.err == nil && !integer(text) {
			return rd.named(string(text))
		}
		s.err, s.i = p, len(s.b)
		return 0
	}
	switch c {
	case '{', '[':
		s.fail(start, "a value is a number or a string, not %q", c)
		return 0
	case '"':
		text, err := json.Marshal(string(s.str()))
		if err != nil {
			s.fail(start, "value: %v", err)
			return 0
		}
		return rd.named(string(text))
	}
	s.skip(0)
	return rd.named(string(s.b[start:s.i]))
}

func integer(text []byte) bool {
	for i, c := range text {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return false
		}
	}
	return true
}

func (rd *Reader) named(text string) int64 {
	if rd.s.err != nil {
		return 0
	}
	v, ok := rd.names[text]
	if !ok {
		v = Named + int64(len(rd.Header.Names))
		rd.Header.Names = append(rd.Header.Names, text)
		rd.names[text] = v
	}
	return v
}

// key reads a key: null is none.
func (rd *Reader) key() int64 {
	if rd.s.null() {
		return None
	}
	return rd.value()
}

// of reads the value that a record was made of: null is none.
func (rd *Reader) of() int64 {
	if rd.s.null() {
		return 0
	}
	return rd.value()
}

// orNone reads an integer, or null as None.
func (rd *Reader) orNone(lo, hi int64) int64 {
	if rd.s.null() {
		return None
	}
	return rd.s.int(lo, hi)
}

// assignment reads {member:[tp,...],...}.
func (rd *Reader) assignment() {
	s, e := &rd.s, &rd.ev
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		x := Share{Member: string(s.name())}
		s.expect('[')
		for first := true; s.next(']', first); first = false {
			x.TPs = append(x.TPs, rd.tp())
		}
		e.Given = append(e.Given, x)
	}
}

// committed reads {tp:[offset|null,tag|null,err?],...}.
func (rd *Reader) committed() {
	s, e := &rd.s, &rd.ev
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		x := Committed{TP: rd.tp()}
		s.expect(':')
		s.expect('[')
		x.Offset = rd.orNone(0, math.MaxInt64-1)
		s.expect(',')
		x.Tag = rd.orNone(0, math.MaxInt64)
		if s.next(']', false) {
			x.Err = string(s.str())
			s.expect(']')
		}
		e.Offs = append(e.Offs, x)
	}
}

// batches reads {tp:[[base,last,pid,epoch,sequence|null,kind],...],...}.
func (rd *Reader) batches() {
	s, e := &rd.s, &rd.ev
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		tp := rd.tp()
		s.expect(':')
		s.expect('[')
		for first := true; s.next(']', first); first = false {
			x := Batch{TP: tp}
			s.expect('[')
			x.Base = s.int(0, math.MaxInt64-1)
			s.expect(',')
			x.Last = s.int(x.Base, math.MaxInt64-1)
			s.expect(',')
			x.PID = s.int(0, math.MaxInt64)
			s.expect(',')
			x.Epoch = int32(s.int(0, math.MaxInt32))
			s.expect(',')
			x.Seq = int32(rd.orNone(None, math.MaxInt32))
			s.expect(',')
			x.Kind = BatchKind(rd.oneOf("kind of batch", batchNames[:]))
			s.expect(']')
			e.Batches = append(e.Batches, x)
		}
	}
}

// perSend gives each send its sequence, its key and what it was made of.
func (rd *Reader) perSend() {
	s, sends := &rd.s, rd.ev.Sends
	for _, x := range [...]struct {
		name string
		n    int
	}{{"seq", len(rd.seqs)}, {"k", len(rd.keys)}, {"of", len(rd.ofs)}} {
		if x.n != 0 && x.n != len(sends) {
			s.fail(0, "%q has %d elements for %d records", x.name, x.n, len(sends))
			return
		}
	}
	for i, v := range rd.seqs {
		sends[i].Seq = int32(v)
	}
	for i, v := range rd.keys {
		sends[i].Key = v
	}
	for i, v := range rd.ofs {
		sends[i].Of = v
	}
}

// micro reads "m": the micro-operations.
func (rd *Reader) micro() {
	s := &rd.s
	s.expect('[')
	for first := true; s.next(']', first); first = false {
		s.expect('[')
		s.peek()
		at := s.i
		switch what := s.str(); string(what) {
		case "s":
			rd.sentAt = append(rd.sentAt, at)
			rd.sent()
		case "p":
			if s.next(']', false) {
				rd.polled()
				s.expect(']')
			}
		default:
			s.fail(at, `unknown micro-operation %q: it is "s" or "p"`, what)
		}
	}
}

// sent reads the rest of ["s",tp,value,offset|null,err?].
func (rd *Reader) sent() {
	s := &rd.s
	x := Sent{Key: None, Offset: None, Seq: None}
	s.expect(',')
	x.TP = rd.tp()
	s.expect(',')
	x.Value = rd.value()
	if s.next(']', false) {
		x.Offset = rd.orNone(0, math.MaxInt64-1)
		if s.next(']', false) {
			x.Err = string(s.str())
			s.expect(']')
		}
	}
	rd.ev.Sends = append(rd.ev.Sends, x)
}

// polled reads {tp:run,...}.
func (rd *Reader) polled() {
	s := &rd.s
	if s.null() {
		return
	}
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		tp := rd.tp()
		s.expect(':')
		rd.run()
		rd.ev.Runs = append(rd.ev.Runs, Run{TP: tp})
		rd.runs = append(rd.runs, len(rd.recs))
	}
}

// run reads [base,[v,...]] or [[off,v,k?,ts?],...].
func (rd *Reader) run() {
	s := &rd.s
	s.expect('[')
	if s.err != nil {
		return
	}
	if c := s.peek(); c != '[' && c != ']' {
		base := s.int(0, math.MaxInt64)
		s.expect(',')
		s.expect('[')
		for first := true; s.next(']', first); first = false {
			rd.recs = append(rd.recs, Record{Offset: base, Value: rd.value(), Key: None})
			if base == math.MaxInt64 {
				s.fail(s.i, "offset above %d", base)
			}
			base++
		}
		s.expect(']')
		return
	}
	for first := true; s.next(']', first); first = false {
		r := Record{Key: None}
		s.expect('[')
		r.Offset = rd.offset()
		s.expect(',')
		r.Value = rd.value()
		if s.next(']', false) {
			r.Key = rd.key()
			if s.next(']', false) {
				r.Time = rd.orNone(math.MinInt64, math.MaxInt64)
				s.expect(']')
			}
		}
		rd.recs = append(rd.recs, r)
	}
}

// offset reads where a record stands: nowhere only where there are no offsets.
func (rd *Reader) offset() int64 {
	if rd.Header.Set.Keeps != "" {
		return rd.orNone(0, math.MaxInt64-1)
	}
	return rd.s.int(0, math.MaxInt64-1)
}

// claims reads "at".
func (rd *Reader) claims() {
	s := &rd.s
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		c := Claim{TP: rd.tp(), From: None, End: None, LSO: None, Start: None, Epoch: None}
		s.expect(':')
		s.expect('{')
		for first := true; s.next('}', first); first = false {
			switch string(s.name()) {
			case "ask":
				c.From = rd.orNone(0, math.MaxInt64)
			case "pos":
				c.Pos = s.int(0, math.MaxInt64)
			case "end":
				c.End = rd.orNone(0, math.MaxInt64)
			case "lso":
				c.LSO = rd.orNone(0, math.MaxInt64)
			case "start":
				c.Start = rd.orNone(0, math.MaxInt64)
			case "ep":
				c.Epoch = int32(rd.orNone(0, math.MaxInt32))
			case "from":
				c.Broker = rd.broker()
			case "limited":
				c.Limited = s.bool()
			default:
				s.skip(0)
			}
		}
		rd.ev.At = append(rd.ev.At, c)
	}
}

// broker reads a broker's name. There are few, so each is kept once.
func (rd *Reader) broker() string {
	b := rd.s.str()
	if string(b) == rd.lastBroker {
		return rd.lastBroker
	}
	for _, n := range rd.brokers {
		if string(b) == n {
			rd.lastBroker = n
			return n
		}
	}
	n := string(b)
	if len(rd.brokers) < 64 {
		rd.brokers = append(rd.brokers, n)
	}
	rd.lastBroker = n
	return n
}
