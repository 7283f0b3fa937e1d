package checker

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// tale is a history without offsets: sent by p1001, heard by processes that listen.
type tale struct {
	h    *history.Header
	rec  *history.Recorder
	buf  bytes.Buffer
	w    *history.Writer
	next int64
}

func newTale(set history.Settings) *tale { return newTaleHeldTo(set, Derive(set)) }

func newTaleHeldTo(set history.Settings, promise history.Promise) *tale {
	t := &tale{h: &history.Header{From: "sim", Unique: true, Topics: []history.Topic{{Name: "orders", Parts: 1, RF: 1}}, TPs: []string{"orders-0"}, Set: set}}
	t.h.Promise = promise
	t.w = history.NewWriter(&t.buf, t.h)
	t.rec = history.NewRecorder(func() int64 { t.next++; return t.next * 1e6 }, t.w)
	return t
}

func (t *tale) event(e history.Event) { t.rec.Event(&e) }

// play writes words: "s1" is sent, "a1" acknowledged, "f1" failed and "i1" unknown, "d1"
// delivered, "r1" delivered again, "p1" processed, "l1" left in the final read; each may
// have "/k" for the reader (default 2001) or the session ("a1/2"). "L" begins to listen,
// "U" ends it, "X" ends the reader, "fin" is a final read of nothing.
func (t *tale) play(words string) {
	for _, word := range strings.Fields(words) {
		what, of, _ := strings.Cut(word, "/")
		value, who := int64(0), int32(2001)
		_, _ = fmt.Sscanf(what[1:], "%d", &value)
		session := int32(1)
		if of != "" {
			_, _ = fmt.Sscanf(of, "%d", &session)
			if what[0] != 's' && what[0] != 'a' && what[0] != 'i' && what[0] != 'f' {
				who = session
			}
		}
		sends := []history.Sent{{Value: value, Key: 7, Offset: history.None, Seq: history.None}}
		runs := []history.Run{{Records: []history.Record{{Offset: history.None, Value: value, Key: 7}}}}
		switch {
		case word == "fin":
			t.event(history.Event{E: history.Inv, F: history.Dump, ID: 9999, P: 1, Fin: true, Spec: "inventory"})
			t.event(history.Event{E: history.OK, F: history.Dump, ID: 9999, P: 1, Fin: true, Spec: "inventory"})
		case what[0] == 'L':
			t.event(history.Event{E: history.Note, F: history.Listen, P: who, TPs: []history.TP{0}, Spec: "inventory"})
		case what[0] == 'U':
			t.event(history.Event{E: history.Note, F: history.Unlisten, P: who})
		case what[0] == 'X':
			t.event(history.Event{E: history.Note, F: history.Crash, P: who})
		case what[0] == 's':
			t.event(history.Event{E: history.Inv, F: history.Send, ID: value, P: 1001, Sends: sends})
		case what[0] == 'a':
			t.event(history.Event{E: history.OK, F: history.Send, ID: value, P: 1001, Sends: sends, Epoch: session})
		case what[0] == 'f':
			t.event(history.Event{E: history.Fail, F: history.Send, ID: value, P: 1001, Sends: sends, Epoch: session})
		case what[0] == 'i':
			t.event(history.Event{E: history.Info, F: history.Send, ID: value, P: 1001, Sends: sends, Epoch: session})
		case what[0] == 'd', what[0] == 'r':
			t.event(history.Event{E: history.Note, F: history.Deliver, P: who, Runs: runs, Again: what[0] == 'r'})
		case what[0] == 'p':
			t.event(history.Event{E: history.Note, F: history.Process, P: who, Runs: runs})
		case what[0] == 'l':
			t.event(history.Event{E: history.Inv, F: history.Dump, ID: 5000 + value, P: 1, Spec: "inventory"})
			t.event(history.Event{E: history.OK, F: history.Dump, ID: 5000 + value, P: 1, Spec: "inventory", Runs: runs})
		default:
			panic(word)
		}
	}
}

// judged is what the history comes to, read back from its file.
func (t *tale) judged(tb testing.TB) result.Result {
	if err := t.w.Close(); err != nil {
		tb.Fatal(err)
	}
	res, err := Judge(bytes.NewReader(t.buf.Bytes()), nil)
	if err != nil {
		tb.Fatalf("%v\n%s", err, t.buf.Bytes())
	}
	return res
}

func outcomes(r *result.Result) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s=%s", f.Property, f.Outcome))
	}
	return strings.Join(list, " ")
}

var (
	safeQueue = history.Settings{Acks: "all", Keeps: history.KeepsUntilSettled, Settle: "reader", Durable: true}
	prefetch2 = history.Settings{Acks: "all", Keeps: history.KeepsUntilSettled, Settle: "reader", Durable: true, Prefetch: 2}
	pubSub    = history.Settings{Acks: "all", Keeps: history.KeepsNothing}
)

func TestDeliveries(t *testing.T) {
	for _, x := range []struct {
		name  string
		set   history.Settings
		words string
		want  string // of what is not kept
	}{
		{"all is well", safeQueue, "L s1 s2 a1 a2 d1 d2 p1 p2 fin", ""},
		{"left at the end", safeQueue, "L s1 s2 a1 a2 d1 p1 l2 fin", "per-key-order=vacuous"},
		{"lost", safeQueue, "L s1 s2 a1 a2 d1 p1 fin", "no-acked-loss=BROKEN per-key-order=vacuous"},
		{"came and was not finished with", safeQueue, "L s1 s2 a1 a2 d1 d2 X p1 fin", "no-acked-loss=BROKEN"},
		{"not acknowledged", safeQueue, "L s1 s2 s3 a1 i2 f3 d1 p1 fin", "per-key-order=vacuous"},
		{"nobody has looked at the end", safeQueue, "L s1 s2 a1 a2 d1 d2 p1 p2", "no-acked-loss=unknown"},
		{"delivered again", safeQueue, "L s1 s2 a1 a2 d1 d2 X L r1 r2 p1 p2 fin", ""},
		{"twice", safeQueue, "L s1 s2 a1 a2 d1 d2 d1 p1 p2 fin", "no-duplicate=BROKEN"},
		{"overtaken", safeQueue, "L s1 s2 a1 a2 d2 d1 p1 p2 fin", "per-key-order=BROKEN"},
		{"overtaken by one of another connection", safeQueue, "L s1 s2 d2 d1 a1 a2/2 p1 p2 fin", ""},
		{"overtaken though acknowledged before", safeQueue, "L s1 a1 s2 a2/2 d2 d1 p1 p2 fin", "per-key-order=BROKEN"},
		{"behind one that comes again", safeQueue, "L s1 s2 a1 a2 d1 X L d2 r1 p1 p2 fin", ""},
		{"as many as it may have", prefetch2, "L s1 s2 s3 a1 a2 a3 d1 d2 p1 d3 p2 p3 fin", ""},
		{"more than it may have", prefetch2, "L s1 s2 s3 a1 a2 a3 d1 d2 d3 p1 p2 p3 fin", "prefetch-bound=BROKEN"},
		{"as many again on another connection", prefetch2, "L s1 s2 s3 a1 a2 a3 d1 d2 X L r1 r2 p1 p2 d3 p3 fin", ""},
		{"never sent", safeQueue, "L s1 s2 a1 a2 d1 d2 d3 p1 p2 fin", "no-phantom=BROKEN"},
		{"failed and came", safeQueue, "L s1 s2 s3 a1 a2 f3 d1 d2 d3 p1 p2 fin", "no-phantom=BROKEN"},
		{"came before its acknowledgement", safeQueue, "L s1 s2 d1 d2 a1 a2 p1 p2 fin", ""},
		{"pub/sub loses", pubSub, "s1 a1 L s2 s3 a2 a3 d2 d3 X s4 a4 L s5 s6 a5 a6 d5 d6 U s7 a7", ""},
		{"pub/sub leaves one out", pubSub, "L s1 s2 s3 a1 a2 a3 d1 d3", "no-gap=BROKEN"},
		{"left out and not acknowledged", pubSub, "L s1 s2 s3 a1 i2 a3 d1 d3", ""},
		{"left out between two subscriptions", pubSub, "L s1 s2 s3 s4 s5 a1 a2 a3 a4 a5 d1 d2 U L d4 d5", ""},
		{"left out of one of two connections", pubSub, "L s1 s2 s3 s4 a1 a2/2 a3 a4/2 d1 d4 d3", ""},
		{"two readers each their own", pubSub, "L/2001 s1 s2 a1 a2 d1 d2", ""},
		{"nothing was looked at", pubSub, "s1 a1", "no-duplicate=vacuous per-key-order=vacuous no-phantom=vacuous no-gap=vacuous"},
	} {
		tale := newTale(x.set)
		tale.play(x.words)
		r := tale.judged(t)
		got := strings.Join(slices.DeleteFunc(strings.Fields(outcomes(&r)), func(s string) bool { return strings.HasSuffix(s, "=kept") }), " ")
		if got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
		for _, f := range r.Findings {
			if f.Outcome == result.Broken && (len(f.Violations) == 0 || len(f.Violations[0].Witness) == 0) {
				t.Errorf("%s: %s is broken, and nothing shows it", x.name, f.Property)
			}
		}
	}
}

// What a scenario may state beside what the settings promise.
func TestDeliveriesHeldToMore(t *testing.T) {
	for _, x := range []struct {
		name, property, words string
		want                  result.Verdict
	}{
		{"finished with in another order", EntityOrder, "L s1 s2 a1 a2 d1 d2 X L r2 r1 p2 p1 fin", result.Broken},
		{"finished with in another order by two", EntityOrder, "L/2001 L/2002 s1 s2 a1 a2 d1/2001 d2/2002 p2/2002 p1/2001 fin", result.Broken},
		{"finished with once more is not out of order", EntityOrder, "L s1 s2 a1 a2 d1 d2 p1 p2 X L r1 p1 fin", result.Kept},
		{"one left out is not out of order", EntityOrder, "L s1 s2 s3 a1 a2 a3 d1 d3 p1 p3 l2 fin", result.Kept},
		{"delivered", Delivered, "L s1 s2 a1 a2 d1 d2 p1 p2 fin", result.Kept},
		{"left is not delivered", Delivered, "L s1 s2 a1 a2 d1 p1 l2 fin", result.Broken},
		{"unknown and never seen", Delivered, "L s1 s2 a1 i2 d1 p1 fin", result.Kept},
		{"nothing was looked at", EntityOrder, "L s1 a1 d1 p1 fin", result.Vacuous},
		{"nobody has looked at the end", Delivered, "L s1 a1 d1 p1", result.Unknown},
	} {
		tale := newTaleHeldTo(safeQueue, history.Promise{From: Stated, Properties: []string{x.property}})
		tale.play(x.words)
		r := tale.judged(t)
		i := slices.IndexFunc(r.Findings, func(f result.Finding) bool { return f.Property == x.property })
		if f := r.Findings[i]; f.Outcome != x.want || f.Outcome == result.Broken && len(f.Violations[0].Witness) == 0 {
			t.Errorf("%s: %+v, want %v", x.name, f, x.want)
		}
	}
}

func TestDeliveriesLedger(t *testing.T) {
	tale := newTale(safeQueue)
	tale.play("L s1 s2 s3 s4 s5 a1 a2 a3 i4 f5 d1 d2 d1 p1 p1 p2 X L r2 p2 fin")
	r := tale.judged(t)
	want := result.Ledger{Sent: 5, Acked: 3, Rejected: 1, Unknown: 1, InLog: 2, Delivered: 4, Processed: 4, Readers: 1, LostAcked: 1, LostUnacked: 1, DupLog: 1, DupProcessed: 2}
	r.Ledger.UnavailableUS = 0
	if r.Ledger != want {
		t.Errorf("%+v, want %+v", r.Ledger, want)
	}
}

// What nobody has confirmed is unknown, whatever the producer was told.
func TestUnconfirmedIsUnknown(t *testing.T) {
	tale := newTale(history.Settings{Acks: "0", Keeps: history.KeepsUntilSettled, Settle: "reader"})
	tale.play("L s1 s2 a1 a2 d1 p1 fin")
	r := tale.judged(t)
	if l := r.Ledger; l.Acked != 0 || l.Unknown != 2 || l.LostAcked != 0 || l.LostUnacked != 1 {
		t.Errorf("%+v", l)
	}
}

func TestDerivedWithoutOffsets(t *testing.T) {
	for _, x := range []struct {
		set  history.Settings
		want string
	}{
		{safeQueue, "no-acked-loss no-duplicate per-key-order no-phantom"},
		{history.Settings{Acks: "0", Keeps: history.KeepsUntilSettled, Settle: "reader", Durable: true}, "no-duplicate per-key-order no-phantom"},
		{history.Settings{Acks: "all", Keeps: history.KeepsUntilSettled, Settle: "auto", Durable: true}, "no-duplicate per-key-order no-phantom"},
		{history.Settings{Acks: "all", Keeps: history.KeepsUntilSettled, Settle: "reader", Competing: true}, "no-duplicate no-phantom"},
		{history.Settings{Acks: "all", Keeps: history.KeepsUntilSettled, Settle: "reader", Durable: true, Retries: true}, "no-acked-loss no-phantom"},
		{prefetch2, "no-acked-loss no-duplicate per-key-order no-phantom prefetch-bound"},
		{pubSub, "no-duplicate per-key-order no-phantom no-gap"},
	} {
		if got := strings.Join(Derive(x.set).Properties, " "); got != x.want {
			t.Errorf("%+v promises %q, want %q", x.set, got, x.want)
		}
	}
}

// A log's records have offsets: one without is a mistake of whoever wrote the history.
func TestOffsetsAreMissedInALog(t *testing.T) {
	tale := newTale(history.Settings{Acks: "all"})
	tale.play("s1 a1 d1")
	_ = tale.w.Close()
	if _, err := Judge(bytes.NewReader(tale.buf.Bytes()), nil); err == nil || !strings.Contains(err.Error(), "line 4") {
		t.Errorf("%v", err)
	}
}
