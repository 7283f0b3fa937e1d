package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// copySink keeps what a sink may not: it copies.
type copySink []Event

func (c *copySink) Event(e *Event) {
	x := *e
	x.Sends, x.At, x.TPs, x.Runs = slices.Clone(e.Sends), slices.Clone(e.At), slices.Clone(e.TPs), slices.Clone(e.Runs)
	x.Offs, x.Batches = slices.Clone(e.Offs), slices.Clone(e.Batches)
	for i := range x.Runs {
		x.Runs[i].Records = slices.Clone(x.Runs[i].Records)
	}
	*c = append(*c, x)
}

func drawText(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", "b1", "orders-0", `quo"te\`, "tab\tnl\n", "é€\u2028", "timeout"}).Draw(t, label)
}

func drawOffset(t *rapid.T, label string) int64 { return rapid.Int64Range(None, 1<<40).Draw(t, label) }

// drawEvents makes histories whose ids are in order and whose other fields are
// anything that the format can hold.
func drawEvents(t *rapid.T, tps int, names int) []Event {
	var out []Event
	var open []Event
	tp := func() TP { return TP(rapid.IntRange(0, tps-1).Draw(t, "tp")) }
	value := func() int64 {
		if names > 0 && rapid.IntRange(0, 5).Draw(t, "named") == 0 {
			return Named + int64(rapid.IntRange(0, names-1).Draw(t, "name"))
		}
		return rapid.Int64Range(0, 1<<50).Draw(t, "value")
	}
	key := func() int64 {
		if rapid.Bool().Draw(t, "keyed") {
			return value()
		}
		return None
	}
	id := int64(0)
	for i := range rapid.IntRange(0, 12).Draw(t, "events") {
		e := Event{I: int64(i), T: rapid.Int64().Draw(t, "t")}
		switch k := rapid.IntRange(0, 2).Draw(t, "what"); {
		case k == 0:
			e.E = Note
			e.F = Func(rapid.IntRange(int(Process), int(Seek)).Draw(t, "f"))
			e.Synced = rapid.Bool().Draw(t, "synced")
			e.TP, e.Offset, e.Until = tp(), drawOffset(t, "off"), drawOffset(t, "until")
			e.Broker, e.Why, e.Epoch = drawText(t, "broker"), drawText(t, "why"), int32(rapid.IntRange(-1, 9).Draw(t, "ep"))
		case k == 1 && len(open) > 0:
			n := rapid.IntRange(0, len(open)-1).Draw(t, "which")
			e.E, e.F, e.ID, e.P = Kind(rapid.IntRange(int(OK), int(Info)).Draw(t, "e")), open[n].F, open[n].ID, open[n].P
			open = slices.Delete(open, n, n+1)
		default:
			id++
			e.E, e.F, e.ID = Inv, Func(rapid.IntRange(int(Send), int(DeleteGroup)).Draw(t, "f")), id
			e.Due, e.Reset, e.Fin, e.Spec = rapid.Int64().Draw(t, "due"), rapid.Bool().Draw(t, "reset"), rapid.Bool().Draw(t, "fin"), drawText(t, "spec")
		}
		if e.E == Inv || e.E == Note {
			e.P = rapid.Int32().Draw(t, "p")
		}
		if e.E == Inv {
			open = append(open, e)
		}
		e.PID = drawOffset(t, "pid")
		for range rapid.IntRange(0, 3).Draw(t, "sends") {
			e.Sends = append(e.Sends, Sent{TP: tp(), Value: value(), Key: key(), Offset: drawOffset(t, "off"),
				Seq: int32(rapid.IntRange(-1, 5).Draw(t, "seq")), Err: drawText(t, "err"), Of: rapid.SampledFrom([]int64{0, 0, 5}).Draw(t, "of")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "runs") {
			r := Run{TP: tp()}
			base, plain := rapid.Int64Range(0, 1<<40).Draw(t, "base"), rapid.Bool().Draw(t, "plain")
			for j := range rapid.IntRange(0, 4).Draw(t, "records") {
				x := Record{Offset: base + int64(j), Value: value(), Key: None}
				if !plain {
					x.Offset, x.Key, x.Time = rapid.Int64Range(0, 1<<40).Draw(t, "off"), key(), rapid.Int64().Draw(t, "ts")
				}
				r.Records = append(r.Records, x)
			}
			e.Runs = append(e.Runs, r)
		}
		for range rapid.IntRange(0, 2).Draw(t, "claims") {
			e.At = append(e.At, Claim{TP: tp(), From: drawOffset(t, "from"), End: drawOffset(t, "end"), LSO: drawOffset(t, "lso"),
				Start: drawOffset(t, "start"), Epoch: int32(rapid.IntRange(-1, 9).Draw(t, "ep")), Broker: drawText(t, "broker"), Limited: rapid.Bool().Draw(t, "limited"), Pos: rapid.Int64Range(0, 9).Draw(t, "pos")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "tps") {
			e.TPs = append(e.TPs, tp())
		}
		if rapid.Bool().Draw(t, "coordinated") {
			drawCoordinated(t, &e, tp)
		}
		out = append(out, e)
	}
	return out
}

// drawCoordinated fills in what only events of groups and transactions have.
func drawCoordinated(t *rapid.T, e *Event, tp func() TP) {
	e.Group, e.Member, e.Instance, e.TxID = drawText(t, "g"), drawText(t, "mem"), drawText(t, "inst"), drawText(t, "txid")
	e.Gen, e.Leads, e.X = int32(rapid.IntRange(-1, 9).Draw(t, "gen")), rapid.Bool().Draw(t, "leads"), rapid.Int64Range(0, 1<<40).Draw(t, "x")
	e.Iso = rapid.SampledFrom([]string{"", "rc", "ru"}).Draw(t, "iso")
	for range rapid.IntRange(0, 2).Draw(t, "members") {
		x := Share{Member: drawText(t, "member")}
		for range rapid.IntRange(0, 2).Draw(t, "share") {
			x.TPs = append(x.TPs, tp())
		}
		e.Given = append(e.Given, x)
	}
	for range rapid.IntRange(0, 2).Draw(t, "offs") {
		e.Offs = append(e.Offs, Committed{tp(), drawOffset(t, "off"), drawOffset(t, "tag"), drawText(t, "err")})
	}
	for range rapid.IntRange(0, 3).Draw(t, "batches") {
		base := rapid.Int64Range(0, 1<<40).Draw(t, "base")
		e.Batches = append(e.Batches, Batch{tp(), base, base + rapid.Int64Range(0, 9).Draw(t, "n"), rapid.Int64Range(0, 1<<40).Draw(t, "pid"),
			int32(rapid.IntRange(0, 9).Draw(t, "ep")), int32(rapid.IntRange(-1, 9).Draw(t, "seq")), BatchKind(rapid.IntRange(0, int(AbortMarker)).Draw(t, "kind"))})
	}
}

func write(h *Header, events []Event) []byte {
	var b bytes.Buffer
	w := NewWriter(&b, h)
	for i := range events {
		w.Event(&events[i])
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func read(text []byte) (*Header, []Event, error) {
	rd, err := NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	var got copySink
	err = rd.Each(&got)
	return rd.Header, got, err
}

// clear makes empty and nil slices alike.
func clearEmpty(events []Event) {
	for i := range events {
		e := &events[i]
		if len(e.Sends) == 0 {
			e.Sends = nil
		}
		if len(e.Runs) == 0 {
			e.Runs = nil
		}
		if len(e.At) == 0 {
			e.At = nil
		}
		if len(e.TPs) == 0 {
			e.TPs = nil
		}
		if len(e.Offs) == 0 {
			e.Offs = nil
		}
		if len(e.Batches) == 0 {
			e.Batches = nil
		}
		for j := range e.Runs {
			if len(e.Runs[j].Records) == 0 {
				e.Runs[j].Records = nil
			}
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &Header{
			Seed: rapid.Uint64().Draw(t, "seed"), Unique: rapid.Bool().Draw(t, "unique"), From: rapid.SampledFrom([]string{"", "live", "jepsen"}).Draw(t, "from"),
			Topics:  []Topic{{Name: "orders", Parts: 3, RF: 3, Cleanup: "delete"}, {Name: drawText(t, "topic"), Parts: 1, RF: 2, Cleanup: "compact", DeleteRetention: 1500}},
			Promise: Promise{From: "stated", Properties: []string{"no-acked-loss", "no-skip"}, Settle: 5},
			Set: Settings{Acks: "all", Idem: rapid.Bool().Draw(t, "idem"), Iso: "ru", Sub: "assign", Reset: "earliest",
				MinISR: 2, Flush: "page-cache", Unclean: rapid.Bool().Draw(t, "unclean"), Retries: rapid.Bool().Draw(t, "retries"), InFlight: 5,
				Protocol: "cooperative", AutoCommit: rapid.Bool().Draw(t, "auto"), Txn: rapid.Bool().Draw(t, "txn"), TxnTimeout: 60_000, OffsetsKept: 60_000_000_000,
				Settle: rapid.SampledFrom([]string{"", SettleBefore}).Draw(t, "settle")},
			TPs: []string{"orders-0", `odd"one`, "orders-2"},
		}
		names := []string{`"x"`, `":y"`, `true`, `1.5`}
		writing := *h
		writing.Names = names
		events := drawEvents(t, len(h.TPs), len(names))
		text := write(&writing, events)
		got, back, err := read(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		// Names are numbered as they are met.
		renumber := map[int64]int64{}
		for i, n := range got.Names {
			renumber[Named+int64(slices.Index(names, n))] = Named + int64(i)
		}
		re := func(v *int64) {
			if n, ok := renumber[*v]; ok {
				*v = n
			}
		}
		for i := range events {
			for j := range events[i].Sends {
				re(&events[i].Sends[j].Value)
				re(&events[i].Sends[j].Key)
			}
			for j := range events[i].Runs {
				for k := range events[i].Runs[j].Records {
					re(&events[i].Runs[j].Records[k].Value)
					re(&events[i].Runs[j].Records[k].Key)
				}
			}
		}
		clearEmpty(events)
		clearEmpty(back)
		if len(events) == 0 {
			events, back = nil, nil
		}
		if !reflect.DeepEqual(events, back) {
			t.Fatalf("\nwrote %+v\nread  %+v\n%s", events, back, text)
		}
		got.Names = nil
		if !reflect.DeepEqual(h, got) {
			t.Fatalf("\nwrote %+v\nread  %+v\n%s", h, got, text)
		}
	})
}

const head = `{"v":1,"kind":"log-history","seed":"0x7","unique":true,"topics":{"t0":{"parts":3,"rf":3,"cleanup":"delete"}},"promise":{"from":"derived","properties":["no-acked-loss"]},"set":{"acks":"all","idem":true,"iso":"rc","sub":"assign","reset":"earliest"},"from":"jepsen"}`

// The lines that describe the format, with names in another order and fields
// that nobody knows.
func TestFormat(t *testing.T) {
	h, events, err := read([]byte(strings.Join([]string{head,
		`{"i":0,"t":10,"e":"inv","id":1,"p":0,"f":"assign","tps":["t0/0","t0/1"]}`,
		`{"i":1,"t":12,"e":"ok","id":1,"f":"assign"}`,
		``,
		` { "f" : "send" , "seq":[0,null], "k":[7,":x"], "m":[["s","t0/0",101],["s","t0/1","é\n"]], "i":2,"e":"inv","id":2,"p":1,"pid":9,"new":{"a":[1,2.5e3,null,true,"x"]}}`,
		`{"i":3,"t":95,"e":"info","id":2,"f":"send","m":[["s","t0/0",101,55],["s","t0/1","é\u000a",null,"timeout"]],"why":"timeout"}`,
		`{"i":4,"t":99,"e":"inv","id":3,"p":0,"f":"poll"}`,
		`{"i":5,"t":140,"e":"ok","id":3,"f":"poll","m":[["p",{"t0/0":[55,[101,103]],"t0/1":[[7,200],[9,201,null,5]]}],["p"]],` +
			`"at":{"t0/0":{"pos":57,"end":57,"lso":57,"start":0,"ep":3,"from":"b1","fresh":true}}}`,
		`{"i":6,"t":150,"e":"inv","id":4,"f":"txn"}`,
		`{"i":7,"t":150,"e":"ev","f":"hw","tp":"t0/0","broker":"b1","hw":57,"ep":3}`,
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{
		{I: 0, T: 10, E: Inv, F: Assign, ID: 1, TPs: []TP{0, 1}},
		{I: 1, T: 12, E: OK, F: Assign, ID: 1}, // "p" is that of the invocation
		{I: 2, E: Inv, F: Send, ID: 2, P: 1, PID: 9, Sends: []Sent{{0, 101, 7, None, 0, "", 0}, {1, Named, Named + 1, None, None, "", 0}}},
		{I: 3, T: 95, E: Info, F: Send, ID: 2, P: 1, Why: "timeout", Sends: []Sent{{0, 101, None, 55, None, "", 0}, {1, Named, None, None, None, "timeout", 0}}},
		{I: 4, T: 99, E: Inv, F: Poll, ID: 3},
		{I: 5, T: 140, E: OK, F: Poll, ID: 3,
			Runs: []Run{{0, []Record{{55, 101, None, 0}, {56, 103, None, 0}}}, {1, []Record{{7, 200, None, 0}, {9, 201, None, 5}}}},
			At:   []Claim{{TP: 0, From: None, Pos: 57, End: 57, LSO: 57, Start: 0, Epoch: 3, Broker: "b1"}}},
		{I: 7, T: 150, E: Note, F: HW, Broker: "b1", Offset: 57, Epoch: 3},
	}
	clearEmpty(events)
	// The values of m come before the keys of k, whatever their order on the line.
	if h.Text(Named) == ":x" {
		want[2].Sends[1].Value, want[2].Sends[1].Key = Named+1, Named
		want[3].Sends[1].Value = Named + 1
	}
	if !reflect.DeepEqual(events, want) {
		t.Errorf("\nread %+v\nwant %+v", events, want)
	}
	if h.Seed != 7 || !h.Set.Idem || h.Topics[0].RF != 3 || h.Promise.Properties[0] != "no-acked-loss" || h.Name(1) != "t0/1" {
		t.Errorf("%+v", h)
	}
}

// The lines of the package documentation are read, and written again byte for byte.
func TestDocumentedLines(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range strings.Split(string(doc), "\n") {
		if line, ok := strings.CutPrefix(line, "//\t{\"i\":"); ok && len(lines) < 100 {
			if at := strings.Index(line, ","); strings.Contains(line, "\"g\":") || strings.Contains(line, "\"x\":") {
				lines = append(lines, fmt.Sprintf(`{"i":%d%s`, len(lines), line[at:]))
			}
		}
	}
	h := `{"v":1,"kind":"log-history"}`
	header, events, err := read([]byte(h + "\n" + strings.Join(lines, "\n")))
	if err != nil || len(events) != 14 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	_, got, _ := strings.Cut(strings.TrimSpace(string(write(header, events))), "\n")
	for i, line := range strings.Split(got, "\n") {
		if line != lines[i] {
			t.Errorf("\n%s\nis written as\n%s", lines[i], line)
		}
	}
}

func TestBadHistories(t *testing.T) {
	inv := `{"i":0,"t":1,"e":"inv","id":1,"f":"send","m":[["s","t0/0",1]]}`
	for _, x := range []struct{ lines, want string }{
		{`{"v":2,"kind":"log-history"}`, `line 1:6: history version 2: this program reads 1`},
		{`{"i":0}`, `line 1:1: no history: the first line needs "v":1 and "kind":"log-history"`},
		{`{"v":1,"kind":"log-histroy"}`, `line 1:15: unknown kind "log-histroy"; did you mean "log-history"?`},
		{`hello`, `line 1:1: expected '{', not 'h'`},
		{head[:200], `line 1:201: unexpected end of line: cut short?`},
		{head + "\n" + inv[:30], `line 2:31: unexpected end of line: cut short?`},
		{head + "\n" + inv[:len(inv)-1], `line 2:62: unexpected end of line: cut short?`},
		{head + "\n" + inv + inv, `line 2:63: something follows the object`},
		{head + "\n" + inv + "\n" + `{"i":2,"e":"ok","id":1,"f":"send"}`, `line 3: event 2 where 1 must follow: a line is missing, doubled or out of order`},
		{head + "\n" + inv + "\n" + inv, `line 3: event 0 where 1 must follow: a line is missing, doubled or out of order`},
		{head + "\n" + `{"i":0,"e":"ok","id":1,"f":"send"}`, `line 2: ok of operation 1, which was not invoked or has completed`},
		{head + "\n" + inv + "\n" + `{"i":1,"e":"inv","id":1,"f":"send"}`, `line 3: operation 1 was invoked already`},
		{head + "\n" + inv + "\n" + `{"i":1,"e":"ok","id":1,"f":"poll"}`, `line 3: operation 1 was invoked as send and completes as poll`},
		{head + "\n" + `{"i":0,"e":"inf","id":1,"f":"send"}`, `line 2:12: unknown event "inf"; did you mean "inv"?`},
		{head + "\n" + `{"i":0,"e":"inv","id":1,"f":"sned"}`, `line 2:29: unknown operation "sned"; did you mean "send"?`},
		{head + "\n" + `{"i":0,"e":"inv","id":1}`, `line 2:1: no "f": an event says what it is about`},
		{head + "\n" + `{"e":"inv","id":1,"f":"poll"}`, `line 2:1: no "i": an event needs its number`},
		{head + "\n" + `{"i":0,"f":"poll"}`, `line 2:1: no "e": an event is inv, ok, fail, info or ev`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","m":[["s","t0/0",1,-3]]}`, `line 2:48: -3 is not between 0 and 9223372036854775806`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","m":[["s","t0/0",1,5.5]]}`, `line 2:48: expected an integer, not a fraction`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","m":[["s","t0/0",99999999999999999999]]}`, `line 2:46: number does not fit in 64 bits`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","m":[["x","t0/0",1]]}`, `line 2:35: unknown micro-operation "x": it is "s" or "p"`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","seq":[1],"m":[]}`, `line 2:1: "seq" has 1 elements for 0 records`},
		{head + "\n" + `{"i":0,"e":"inv","f":"send","y":` + strings.Repeat("[", 100) + `}`, `line 2:98: nested deeper than 64`},
		{head + "\n" + `{"i":01,"e":"inv","f":"send"}`, `line 2:6: integer with a leading zero`},
		{head + "\n" + "{\"i\":0,\"e\":\"inv\",\"f\":\"a\x01b\"}", `line 2:24: control character in a string`},
	} {
		_, _, err := read([]byte(x.lines))
		if err == nil || err.Error() != x.want {
			t.Errorf("%.90s\n got %v\nwant %s", x.lines[max(0, len(x.lines)-90):], err, x.want)
		}
	}
	if _, _, err := read(nil); !errors.Is(err, io.EOF) {
		t.Errorf("nothing at all: %v", err)
	}
}

// A history cut anywhere is an error or a shorter history, never a panic.
func TestCutAnywhere(t *testing.T) {
	text := write(&Header{TPs: []string{"t-0"}}, []Event{
		{I: 0, E: Inv, F: Send, ID: 1, Sends: []Sent{{0, 1, 2, None, 3, "", 0}}},
		{I: 1, E: OK, F: Send, ID: 1, Sends: []Sent{{0, 1, None, 5, None, "", 0}}},
	})
	for n := range len(text) {
		_, events, err := read(text[:n])
		whole := n == 0 || text[n] == '\n' || text[n-1] == '\n'
		if whole != (err == nil || errors.Is(err, io.EOF)) {
			t.Errorf("cut at %d of %d: %d events, %v", n, len(text), len(events), err)
		}
	}
}

func TestLongLine(t *testing.T) {
	e := Event{E: OK, F: Process, Runs: []Run{{Records: make([]Record, 50_000)}}}
	for i := range e.Runs[0].Records {
		e.Runs[0].Records[i] = Record{Offset: int64(i), Value: int64(i), Key: None}
	}
	_, events, err := read(write(&Header{TPs: []string{"t-0"}}, []Event{e}))
	if err != nil || len(events[0].Runs[0].Records) != 50_000 {
		t.Fatal(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriterKeepsItsError(t *testing.T) {
	w := NewWriter(failing{}, &Header{})
	for range 5000 {
		w.Event(&Event{Why: "something long enough to fill the buffer sooner or later"})
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

func TestRecorder(t *testing.T) {
	now := int64(5)
	var a, b copySink
	r := NewRecorder(func() int64 { now += 10; return now }, &a, &b)
	first, second := r.Op(), r.Op()
	r.Event(&Event{ID: first, I: 99})
	r.Event(&Event{ID: second})
	if first == second || len(a) != 2 || !reflect.DeepEqual(a, b) || a[0].I != 0 || a[1].I != 1 || a[0].T != 15 || a[1].T != 25 || r.Events() != 2 {
		t.Errorf("%+v %+v", a, b)
	}
}

func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab Table[int32]
		dumb := map[int64]int32{}
		key := rapid.OneOf(rapid.Int64Range(0, 3000), rapid.Int64Range(-5, 20000), rapid.Int64())
		for range rapid.IntRange(0, 200).Draw(t, "n") {
			k, v := key.Draw(t, "k"), rapid.Int32Range(1, 9).Draw(t, "v")
			tab.Set(k, v)
			dumb[k] = v
			if other := key.Draw(t, "other"); tab.Get(other) != dumb[other] {
				t.Fatalf("%d is %d, want %d", other, tab.Get(other), dumb[other])
			}
		}
		n, last := 0, int64(-1<<63)
		tab.All(func(k int64, v int32) {
			if dumb[k] != v || n > 0 && k <= last {
				t.Fatalf("%d: %d after %d", k, v, last)
			}
			n, last = n+1, k
		})
		if n != len(dumb) {
			t.Fatalf("%d of %d", n, len(dumb))
		}
	})
}

// announced is how many partitions the header names.
func announced(text []byte) int {
	rd, err := NewReader(bytes.NewReader(text))
	if err != nil {
		return 0
	}
	return len(rd.Header.TPs)
}

func FuzzReader(f *testing.F) {
	for _, x := range edits {
		f.Add([]byte(simHead + "\n" + strings.Join(slices.Concat(x.before, []string{x.good}), "\n")))
		f.Add([]byte(simHead + "\n" + strings.Join(slices.Concat(x.before, []string{x.bad}), "\n")))
	}
	f.Add([]byte(head + "\n" + `{"i":0,"t":10,"e":"inv","id":1,"p":0,"f":"assign","tps":["t0/0","t0/1"]}`))
	f.Add([]byte(head + "\n" + `{"i":0,"t":95,"e":"ev","id":2,"f":"process","m":[["s","t0/0",101,55],["s","t0/1",true,null,"x"],["p",{"a":[5,[1]],"b":[[7,200],[9,201,"k",5]]}]],"k":[1,null]}`))
	f.Add([]byte(head + "\n" + `{"i":0,"e":"ok","f":"process","at":{"t0/0":{"ask":57,"end":57,"lso":57,"start":0,"ep":3,"from":"b1","limited":true}}}`))
	f.Add([]byte(head + "\n" + `{"i":0,"e":"ev","f":"assigned","p":1,"g":"g1","gen":3,"mem":"m","inst":"i","leads":true,"tps":["t0/0"],"assignment":{"m":["t0/0"]},"offs":{"t0/0":[5,null,"X"]},"x":4,"txid":"tx","iso":"rc","b":{"t0/0":[[0,3,9,0,null,"abort"]]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, events, err := read(text)
		var p *Error
		if err != nil {
			if !errors.As(err, &p) && !errors.Is(err, io.EOF) {
				t.Fatalf("an error without a line: %v", err)
			}
			return
		}
		// What was accepted, written and read again is the same.
		for i := range events {
			events[i].I = int64(i) // lines that were passed over leave gaps
		}
		if len(h.TPs) > announced(text) {
			h.Topics = nil // the partitions that were met are not all that there are
		}
		again := write(h, events)
		h2, events2, err := read(again)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, text, again)
		}
		if third := write(h2, events2); !bytes.Equal(again, third) {
			t.Fatalf("\n%s\n%s", again, third)
		}
	})
}
