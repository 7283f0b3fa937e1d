package history

import (
	"bufio"
	"io"
	"strconv"
	"unicode/utf8"
)

// Writer is a Sink that writes JSON lines: see the package documentation for
// the format. It keeps the first error and says it at Close.
type Writer struct {
	w    *bufio.Writer
	h    *Header
	line []byte
	err  error
}

// NewWriter writes the header and returns a Writer for the events. It reads
// the names of partitions from h, which may still grow: a partition that was
// added later is named where it is met.
func NewWriter(w io.Writer, h *Header) *Writer {
	out := &Writer{w: bufio.NewWriterSize(w, 1<<16), h: h}
	out.line = append(AppendHeader(nil, h), '\n')
	_, out.err = out.w.Write(out.line)
	return out
}

// Event writes one line.
func (w *Writer) Event(e *Event) {
	if w.err != nil {
		return
	}
	w.line = append(AppendEvent(w.line[:0], w.h, e), '\n')
	_, w.err = w.w.Write(w.line)
}

// Close flushes what is buffered and returns the first error of the whole
// history. The underlying writer stays open.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = w.w.Flush()
	return w.err
}

// AppendHeader appends h as one line without its end.
func AppendHeader(b []byte, h *Header) []byte {
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, Version, 10)
	b = append(b, `,"kind":"log-history","seed":"0x`...)
	b = strconv.AppendUint(b, h.Seed, 16)
	b = append(b, `","unique":`...)
	b = strconv.AppendBool(b, h.Unique)
	b = append(b, `,"topics":{`...)
	for i, t := range h.Topics {
		b = comma(b, i)
		b = appendString(b, t.Name)
		b = append(b, `:{"parts":`...)
		b = strconv.AppendInt(b, int64(t.Parts), 10)
		b = append(b, `,"rf":`...)
		b = strconv.AppendInt(b, int64(t.RF), 10)
		b = append(b, `,"cleanup":`...)
		b = appendString(b, t.Cleanup)
		if t.Compacted() {
			b = strconv.AppendInt(append(b, `,"delret":`...), t.DeleteRetention, 10)
		}
		if t.Retention > 0 {
			b = strconv.AppendInt(append(b, `,"retms":`...), t.Retention, 10)
		}
		b = append(b, '}')
	}
	b = append(b, `},"tps":`...)
	b = appendStrings(b, h.TPs)
	b = append(b, `,"promise":{"from":`...)
	b = appendString(b, h.Promise.From)
	b = append(b, `,"properties":`...)
	b = appendStrings(b, h.Promise.Properties)
	b = appendBounds(b, &h.Promise)
	b = append(b, `},"set":`...)
	b = appendSettings(b, &h.Set)
	b = append(b, `,"from":`...)
	return append(appendString(b, h.From), '}')
}

// appendBounds writes what a promise to an application goes by.
func appendBounds(b []byte, p *Promise) []byte {
	if p.Within > 0 {
		b = strconv.AppendInt(append(b, `,"within":`...), p.Within, 10)
		b = append(b, `,"prompt":[`...)
		for i, x := range p.Prompt {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(x), 10)
		}
		b = append(b, ']')
	}
	if p.Grace > 0 {
		b = strconv.AppendInt(append(b, `,"grace":`...), p.Grace, 10)
		b = strconv.AppendInt(append(b, `,"maylate":`...), p.MayLate, 10)
	}
	if p.Settle > 0 {
		b = strconv.AppendInt(append(b, `,"settle":`...), p.Settle, 10)
	}
	return b
}

func appendSettings(b []byte, s *Settings) []byte {
	b = append(b, `{"acks":`...)
	b = appendString(b, s.Acks)
	b = append(b, `,"idem":`...)
	b = strconv.AppendBool(b, s.Idem)
	b = append(b, `,"iso":`...)
	b = appendString(b, s.Iso)
	b = append(b, `,"sub":`...)
	b = appendString(b, s.Sub)
	b = append(b, `,"reset":`...)
	b = appendString(b, s.Reset)
	b = append(b, `,"minisr":`...)
	b = strconv.AppendInt(b, int64(s.MinISR), 10)
	b = append(b, `,"flush":`...)
	b = appendString(b, s.Flush)
	b = append(b, `,"unclean":`...)
	b = strconv.AppendBool(b, s.Unclean)
	b = append(b, `,"retries":`...)
	b = strconv.AppendBool(b, s.Retries)
	b = append(b, `,"inflight":`...)
	b = strconv.AppendInt(b, int64(s.InFlight), 10)
	if s.Protocol != "" {
		b = appendString(append(b, `,"proto":`...), s.Protocol)
	}
	if s.AutoCommit {
		b = append(b, `,"auto":true`...)
	}
	if s.Txn {
		b = append(b, `,"txn":true`...)
	}
	if s.TxnTimeout > 0 {
		b = strconv.AppendInt(append(b, `,"txnms":`...), s.TxnTimeout, 10)
	}
	if s.OffsetsKept > 0 {
		b = strconv.AppendInt(append(b, `,"offsetsms":`...), s.OffsetsKept/1_000_000, 10)
	}
	if s.Window > 0 {
		b = strconv.AppendInt(append(b, `,"window":`...), s.Window, 10)
	}
	if s.Types > 0 {
		b = strconv.AppendInt(append(b, `,"types":`...), s.Types, 10)
	}
	if s.Keeps != "" {
		b = appendString(append(b, `,"keeps":`...), s.Keeps)
	}
	if s.Settle != "" {
		b = appendString(append(b, `,"settle":`...), s.Settle)
	}
	if s.Wall != 0 {
		b = strconv.AppendInt(append(b, `,"wall":`...), s.Wall, 10)
	}
	if s.Compacted {
		b = append(b, `,"compacted":true`...)
	}
	if s.Keeps != "" {
		b = strconv.AppendBool(append(b, `,"durable":`...), s.Durable)
		b = strconv.AppendBool(append(b, `,"competing":`...), s.Competing)
		if s.Prefetch > 0 {
			b = strconv.AppendInt(append(b, `,"prefetch":`...), int64(s.Prefetch), 10)
		}
	}
	return append(b, '}')
}

// AppendEvent appends e as one line without its end.
func AppendEvent(b []byte, h *Header, e *Event) []byte {
	b = append(b, `{"i":`...)
	b = strconv.AppendInt(b, e.I, 10)
	b = append(b, `,"t":`...)
	b = strconv.AppendInt(b, e.T, 10)
	b = append(b, `,"e":"`...)
	b = append(b, e.E.String()...)
	b = append(b, '"')
	if e.E != Note || e.ID != 0 {
		b = field(b, `,"id":`, e.ID)
	}
	if e.E != Note || e.P != 0 {
		b = field(b, `,"p":`, int64(e.P))
	}
	b = append(b, `,"f":"`...)
	b = append(b, e.F.String()...)
	b = append(b, '"')
	b = appendOps(b, h, e)
	if len(e.At) > 0 {
		b = append(b, `,"at":{`...)
		for i := range e.At {
			b = appendClaim(comma(b, i), h, &e.At[i])
		}
		b = append(b, '}')
	}
	if len(e.TPs) > 0 {
		b = append(b, `,"tps":[`...)
		for i, tp := range e.TPs {
			b = appendString(comma(b, i), h.Name(tp))
		}
		b = append(b, ']')
	}
	return append(appendCoordinated(appendRest(b, h, e), h, e), '}')
}

// appendCoordinated appends what only events of groups and transactions have.
func appendCoordinated(b []byte, h *Header, e *Event) []byte {
	if e.Group != "" {
		b = appendString(append(b, `,"g":`...), e.Group)
	}
	if e.Gen != 0 {
		b = field(b, `,"gen":`, int64(e.Gen))
	}
	if e.Member != "" {
		b = appendString(append(b, `,"mem":`...), e.Member)
	}
	if e.Instance != "" {
		b = appendString(append(b, `,"inst":`...), e.Instance)
	}
	if e.Leads {
		b = append(b, `,"leads":true`...)
	}
	if len(e.Given) > 0 {
		b = append(b, `,"assignment":{`...)
		for i := range e.Given {
			b = append(appendString(comma(b, i), e.Given[i].Member), ":["...)
			for j, tp := range e.Given[i].TPs {
				b = appendString(comma(b, j), h.Name(tp))
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	if len(e.Offs) > 0 {
		b = append(b, `,"offs":{`...)
		for i := range e.Offs {
			x := &e.Offs[i]
			b = append(appendString(comma(b, i), h.Name(x.TP)), ":["...)
			b = append(appendOffset(b, x.Offset), ',')
			b = appendOffset(b, x.Tag)
			if x.Err != "" {
				b = appendString(append(b, ','), x.Err)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	if e.X != 0 {
		b = field(b, `,"x":`, e.X)
	}
	if e.TxID != "" {
		b = appendString(append(b, `,"txid":`...), e.TxID)
	}
	if e.Iso != "" {
		b = appendString(append(b, `,"iso":`...), e.Iso)
	}
	return appendBatches(b, h, e.Batches)
}

// appendBatches appends neighbours of one partition together.
func appendBatches(b []byte, h *Header, batches []Batch) []byte {
	if len(batches) == 0 {
		return b
	}
	b = append(b, `,"b":{`...)
	for i := range batches {
		x := &batches[i]
		if i == 0 || x.TP != batches[i-1].TP {
			if i > 0 {
				b = append(b, "],"...)
			}
			b = append(appendString(b, h.Name(x.TP)), ":["...)
		} else {
			b = append(b, ',')
		}
		b = field(b, "[", x.Base)
		b = field(b, ",", x.Last)
		b = field(b, ",", x.PID)
		b = field(b, ",", int64(x.Epoch))
		b = appendOffset(append(b, ','), int64(x.Seq))
		b = append(b, `,"`...)
		b = append(b, x.Kind.String()...)
		b = append(b, `"]`...)
	}
	return append(b, "]}"...)
}

// appendRest appends what most events do not have. Zero is left out, and so is
// None where it is no more than the absence of the field.
func appendRest(b []byte, h *Header, e *Event) []byte {
	if e.Due != 0 {
		b = field(b, `,"due":`, e.Due)
	}
	if e.PID != 0 {
		b = field(b, `,"pid":`, e.PID)
	}
	if e.Epoch != 0 {
		b = field(b, `,"ep":`, int64(e.Epoch))
	}
	if e.Spec != "" {
		b = appendString(append(b, `,"spec":`...), e.Spec)
	}
	if e.Reset {
		b = append(b, `,"reset":true`...)
	}
	if e.Fin {
		b = append(b, `,"fin":true`...)
	}
	if e.Again {
		b = append(b, `,"again":true`...)
	}
	switch {
	case e.TP != 0, e.F == Leader, e.F == ISR, e.F == HW, (e.F == NoCopy || e.F == MayLose) && e.Group == "" && e.TxID == "", e.F == Skipped, e.F == Seek:
		b = appendString(append(b, `,"tp":`...), h.Name(e.TP))
	}
	if e.Broker != "" {
		b = appendString(append(b, `,"broker":`...), e.Broker)
	}
	if e.Offset != 0 {
		name := `,"off":`
		if e.F == HW {
			name = `,"hw":`
		}
		b = field(b, name, e.Offset)
	}
	if e.Until != 0 {
		b = field(b, `,"until":`, e.Until)
	}
	if e.Synced {
		b = append(b, `,"synced":true`...)
	}
	if e.Why != "" {
		b = appendString(append(b, `,"why":`...), e.Why)
	}
	return b
}

// appendOps appends the micro-operations: sends first, then polls.
func appendOps(b []byte, h *Header, e *Event) []byte {
	poll := e.E != Inv && (e.F == Poll || e.F == Dump || e.F == Process || e.F == Deliver)
	if len(e.Sends) == 0 && len(e.Runs) == 0 && !poll {
		return b
	}
	b = append(b, `,"m":[`...)
	seq, key, of := false, false, false
	for i := range e.Sends {
		s := &e.Sends[i]
		b = append(comma(b, i), `["s",`...)
		b = append(appendString(b, h.Name(s.TP)), ',')
		b = h.appendValue(b, s.Value)
		if e.E != Inv || s.Offset != None || s.Err != "" {
			b = appendOffset(append(b, ','), s.Offset)
		}
		if s.Err != "" {
			b = appendString(append(b, ','), s.Err)
		}
		b = append(b, ']')
		seq = seq || s.Seq != None
		key = key || s.Key != None
		of = of || s.Of != 0
	}
	b = appendRuns(b, h, e)
	b = append(b, ']')
	if seq {
		b = append(b, `,"seq":[`...)
		for i := range e.Sends {
			b = appendOffset(comma(b, i), int64(e.Sends[i].Seq))
		}
		b = append(b, ']')
	}
	if key {
		b = append(b, `,"k":[`...)
		for i := range e.Sends {
			b = h.appendKey(comma(b, i), e.Sends[i].Key)
		}
		b = append(b, ']')
	}
	if of {
		b = append(b, `,"of":[`...)
		for i := range e.Sends {
			b = comma(b, i)
			if e.Sends[i].Of == 0 {
				b = append(b, "null"...)
			} else {
				b = h.appendValue(b, e.Sends[i].Of)
			}
		}
		b = append(b, ']')
	}
	return b
}

// appendRuns appends one ["p",{...}], and another where a partition comes a
// second time, since an object has each name once.
func appendRuns(b []byte, h *Header, e *Event) []byte {
	if len(e.Runs) == 0 {
		return b
	}
	b = append(comma(b, len(e.Sends)), `["p",{`...)
	first := 0
	for i := range e.Runs {
		for j := first; j < i; j++ {
			if e.Runs[j].TP == e.Runs[i].TP {
				b = append(b, `}],["p",{`...)
				first = i
				break
			}
		}
		b = appendString(comma(b, i-first), h.Name(e.Runs[i].TP))
		b = append(b, ':')
		b = appendRun(b, h, e.Runs[i].Records)
	}
	return append(b, `}]`...)
}

// appendRun appends [base,[v,...]] when offset and value say it all, and
// [[off,v,k,ts],...] otherwise.
func appendRun(b []byte, h *Header, rs []Record) []byte {
	plain := len(rs) > 0 && rs[0].Offset != None
	for i := range rs {
		if rs[i].Key != None || rs[i].Time != 0 || rs[i].Offset != rs[0].Offset+int64(i) {
			plain = false
			break
		}
	}
	if plain {
		b = strconv.AppendInt(append(b, '['), rs[0].Offset, 10)
		b = append(b, ",["...)
		for i := range rs {
			b = h.appendValue(comma(b, i), rs[i].Value)
		}
		return append(b, "]]"...)
	}
	b = append(b, '[')
	for i := range rs {
		r := &rs[i]
		b = appendOffset(append(comma(b, i), '['), r.Offset)
		b = h.appendValue(append(b, ','), r.Value)
		if r.Key != None || r.Time != 0 {
			b = h.appendKey(append(b, ','), r.Key)
		}
		if r.Time != 0 {
			b = strconv.AppendInt(append(b, ','), r.Time, 10)
		}
		b = append(b, ']')
	}
	return append(b, ']')
}

func appendClaim(b []byte, h *Header, c *Claim) []byte {
	b = append(appendString(b, h.Name(c.TP)), ":{"...)
	at := len(b)
	claim := func(name string, v int64) {
		if v != None {
			b = append(comma(b, len(b)-at), name...)
			b = strconv.AppendInt(b, v, 10)
		}
	}
	claim(`"ask":`, c.From)
	if c.Pos != 0 {
		b = append(comma(b, len(b)-at), `"pos":`...)
		b = strconv.AppendInt(b, c.Pos, 10)
	}
	claim(`"end":`, c.End)
	claim(`"lso":`, c.LSO)
	claim(`"start":`, c.Start)
	claim(`"ep":`, int64(c.Epoch))
	if c.Broker != "" {
		b = appendString(append(comma(b, len(b)-at), `"from":`...), c.Broker)
	}
	if c.Limited {
		b = append(comma(b, len(b)-at), `"limited":true`...)
	}
	return append(b, '}')
}

func (h *Header) appendValue(b []byte, v int64) []byte {
	if n := v - Named; n >= 0 && n < int64(len(h.Names)) {
		return append(b, h.Names[n]...)
	}
	return strconv.AppendInt(b, v, 10)
}

func (h *Header) appendKey(b []byte, k int64) []byte {
	if k == None {
		return append(b, "null"...)
	}
	return h.appendValue(b, k)
}

func appendOffset(b []byte, o int64) []byte {
	if o == None {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, o, 10)
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		return append(b, ',')
	}
	return b
}

func field(b []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(b, name...), v, 10)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		b = appendString(comma(b, i), s)
	}
	return append(b, ']')
}

// appendString appends s as JSON. Bytes that are no UTF-8 become U+FFFD, as in
// encoding/json.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}
