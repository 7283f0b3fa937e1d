package checker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// A story is a history in short, one event a line, 10 ms apart:
//
//	p1 sends 11 to 0 [key 5]         p1 acked 11 @3      p1 unknown 11     p1 failed 11 [refused ERROR]
//	k1 asks                          k1 gets 0 [from 0] [end 3] [epoch 2] [start 0] [limited]: 0=11 1=12
//	k1 polls ...                     asks and gets at once
//	k1 lists / k1 latest 0 end 3     ListOffsets; "k1 latest" alone does both
//	dump 0 end 3: 0=11 1=12          the final read
//	k1 finishes 0: 0=11              k1 assigned 0 [reset]      k1 dies    k1 skips 0 3..5 [truncated]
//	leader 0 epoch 2                 nocopy 0 3..5
//
// Groups and transactions are in groupstory_test.go.
type story struct {
	h   *history.Header
	rec *history.Recorder
	ids map[string]int64
	now int64
}

func newStory(h *history.Header, sinks ...history.Sink) *story {
	s := &story{h: h, ids: map[string]int64{}}
	h.TPs = []string{"t-0", "t-1", "u-0"}
	s.rec = history.NewRecorder(func() int64 { s.now += 10e6; return s.now }, sinks...)
	return s
}

func (s *story) begin(who string) int64 {
	id := s.rec.Op()
	s.ids[who] = id
	return id
}

func processOf(who string) int32 {
	n, err := strconv.Atoi(strings.TrimLeft(who, "pk"))
	if err != nil {
		return 999
	}
	if who[0] == 'k' {
		n += 2000
	}
	return int32(n)
}

func num(t *testing.T, word string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(word, "@"), 10, 64)
	if err != nil {
		t.Fatalf("%q: %v", word, err)
	}
	return n
}

func (s *story) line(t *testing.T, line string) {
	head, tail, _ := strings.Cut(line, ":")
	w := strings.Fields(head)
	who := w[0]
	if who == "dump" || who == "leader" || who == "nocopy" || who == "maylose" || who == "coordinator" || who == "heal" || who == "fault" {
		w = append([]string{who}, w...)
	}
	e := history.Event{P: processOf(who), E: history.OK, PID: history.None}
	rest := w[2:]
	opt := func(name string, def int64) int64 {
		for i := range rest {
			if rest[i] == name {
				return num(t, rest[i+1])
			}
		}
		return def
	}
	has := func(name string) bool { return strings.Contains(" "+strings.Join(rest, " ")+" ", " "+name+" ") }
	answer := func(f history.Func) {
		e.F, e.TP = f, history.TP(num(t, rest[0]))
		c := history.Claim{TP: e.TP, From: opt("from", history.None), End: opt("end", history.None), LSO: opt("lso", history.None), Pos: opt("pos", 0),
			Start: opt("start", history.None), Epoch: int32(opt("epoch", history.None)), Limited: has("limited")}
		if c.LSO != history.None || c.Pos != 0 || c.From != history.None || c.End != history.None || c.Start != history.None || c.Limited {
			e.At = []history.Claim{c}
		}
		e.TPs = []history.TP{e.TP}
		run := history.Run{TP: e.TP}
		tail, batches, _ := strings.Cut(tail, "|")
		e.Batches = batchesOf(t, e.TP, batches)
		for _, x := range strings.Fields(tail) {
			off, v, _ := strings.Cut(x, "=")
			run.Records = append(run.Records, history.Record{Offset: num(t, off), Value: num(t, v), Key: history.None})
		}
		if len(run.Records) > 0 {
			e.Runs = []history.Run{run}
		}
	}
	op := func(f history.Func) { // asks now unless it has asked before
		id, asked := s.ids[who]
		if !asked {
			id = s.begin(who)
			s.rec.Event(&history.Event{E: history.Inv, F: f, ID: id, P: e.P, Fin: f == history.Dump})
		}
		delete(s.ids, who)
		e.ID = id
	}
	sends := func(off int64, err string) {
		e.F, e.ID = history.Send, s.ids["v"+rest[0]]
		e.Sends = []history.Sent{{TP: history.TP(opt("in", 0)), Value: num(t, rest[0]), Key: history.None, Offset: off, Seq: history.None, Err: err, Of: opt("of", 0)}}
		e.X, e.PID, e.Epoch = opt("x", 0), opt("pid", history.None), int32(opt("epoch", history.None))
	}
	switch w[1] {
	case "sends":
		e.E = history.Inv
		sends(history.None, "")
		e.ID = s.begin("v" + rest[0])
		e.Sends[0].TP, e.Sends[0].Key = history.TP(opt("to", 0)), opt("key", history.None)
	case "acked":
		off := int64(history.None)
		if len(rest) > 1 {
			off = num(t, rest[1])
		}
		sends(off, "")
	case "unknown":
		e.E = history.Info
		sends(history.None, "timeout")
	case "failed":
		e.E = history.Fail
		why := "MESSAGE_TOO_LARGE"
		if len(rest) > 2 && rest[1] == "refused" {
			why = rest[2]
		}
		sends(history.None, why)
	case "asks":
		e.E, e.F, e.ID = history.Inv, history.Poll, s.begin(who)
	case "lists":
		e.E, e.F, e.ID = history.Inv, history.Offsets, s.begin(who)
	case "gets", "polls":
		op(history.Poll)
		answer(history.Poll)
	case "latest":
		op(history.Offsets)
		answer(history.Offsets)
		e.Spec = "latest"
	case "dump":
		op(history.Dump)
		answer(history.Dump)
		e.Fin = true
	case "finishes":
		answer(history.Process)
		e.X = opt("x", 0)
	case "assigned":
		e.E, e.F, e.TPs, e.Reset = history.Note, history.Assign, []history.TP{history.TP(num(t, rest[0]))}, has("reset")
	case "dies":
		e.E, e.F = history.Note, history.Crash
	case "leader":
		e = history.Event{E: history.Note, F: history.Leader, TP: history.TP(num(t, rest[0])), Epoch: int32(opt("epoch", 0))}
	case "nocopy", "maylose", "skips":
		switch rest[0] {
		case "g":
			e = history.Event{E: history.Note, F: history.NoCopy, Group: "g"}
		case "tx":
			e = history.Event{E: history.Note, F: history.NoCopy, TxID: "tx"}
		}
		if e.E == history.Note {
			break
		}
		from, until, _ := strings.Cut(rest[1], "..")
		e.E, e.F, e.TP, e.Offset, e.Until = history.Note, history.NoCopy, history.TP(num(t, rest[0])), num(t, from), num(t, until)
		e.Synced = len(rest) > 2 && rest[2] == "synced"
		switch {
		case w[1] == "skips":
			e.F = history.Skipped
			if has("truncated") {
				e.Why = history.Truncated
			}
		case w[0] == "maylose":
			e.F = history.MayLose
		}
	default:
		if !s.coordinated(t, &e, w, rest, opt, has) {
			t.Fatalf("what is %q?", line)
		}
	}
	s.rec.Event(&e)
}

// settings reads "judge acks=1 idem=false reset=latest promise=(no-acked-loss)".
func settings(t *testing.T, d *datadriven.TestData) *history.Header {
	h := &history.Header{Unique: true, From: "sim", Topics: []history.Topic{{Name: "t", Parts: 2, RF: 3, Cleanup: "delete"}},
		Set: history.Settings{Acks: "all", Idem: true, Iso: "ru", Sub: "assign", Reset: "earliest", MinISR: 1, Flush: "page-cache", Retries: true, InFlight: 5}}
	for _, a := range d.CmdArgs {
		switch v := strings.Join(a.Vals, ""); a.Key {
		case "acks":
			h.Set.Acks = v
		case "window":
			h.Set.Window = num(t, v)
		case "types":
			h.Set.Types = num(t, v)
		case "within":
			h.Promise.Within, h.Promise.Prompt = num(t, v), []int32{2001}
		case "grace":
			h.Promise.Grace = num(t, v)
		case "maylate":
			h.Promise.MayLate = num(t, v)
		case "idem":
			h.Set.Idem = v == "true"
		case "retries":
			h.Set.Retries = v == "true"
		case "inflight":
			h.Set.InFlight, _ = strconv.Atoi(v)
		case "iso":
			h.Set.Iso = v
		case "sub":
			h.Set.Sub = v
		case "proto":
			h.Set.Protocol = v
		case "settlebefore":
			h.Set.Settle = history.SettleBefore
		case "txn":
			h.Set.Txn = true
		case "kept":
			h.Set.OffsetsKept = num(t, v) * 1_000_000
		case "txnms":
			h.Set.TxnTimeout = num(t, v)
		case "settle":
			h.Promise.Settle = num(t, v)
		case "reset":
			h.Set.Reset = v
		case "flush":
			h.Set.Flush = v
		case "cleanup":
			h.Topics[0].Cleanup = v
		case "compacted":
			h.Set.Compacted = true
		case "unclean":
			h.Set.Unclean = true
		case "promise":
			h.Promise.From, h.Promise.Properties = Stated, a.Vals
		case "only", "ledger", "witness":
		default:
			t.Fatalf("what is %q?", a.Key)
		}
	}
	return h
}

// tell prints what is not kept, or what "only" names, and then the verdict.
func tell(d *datadriven.TestData, v Verdict) string {
	var b strings.Builder
	kept := 0
	for _, f := range v.Findings {
		if f.Outcome == result.Kept && f.Folded == 0 && !d.HasArg("only") {
			kept++
			continue
		}
		if a, ok := only(d); ok && a != f.Property {
			continue
		}
		fmt.Fprintf(&b, "%s: %s, looked at %d", f.Property, f.Outcome, f.Looked)
		if f.Folded > 0 {
			fmt.Fprintf(&b, ", folded %d", f.Folded)
		}
		if f.More > 0 {
			fmt.Fprintf(&b, ", %d more", f.More)
		}
		b.WriteByte('\n')
		for _, x := range f.Violations {
			fmt.Fprintf(&b, "  %s\n", x.What)
			if d.HasArg("witness") {
				for _, l := range x.Witness {
					fmt.Fprintf(&b, "    %s\n", l)
				}
			}
		}
	}
	if d.HasArg("ledger") {
		fmt.Fprintf(&b, "%+v\n", v.Ledger)
	}
	if kept > 0 {
		fmt.Fprintf(&b, "%d kept. ", kept)
	}
	fmt.Fprintf(&b, "verdict %s, exit %d\n", v.Outcome, v.Exit)
	return b.String()
}

func only(d *datadriven.TestData) (string, bool) {
	for _, a := range d.CmdArgs {
		if a.Key == "only" {
			return a.Vals[0], true
		}
	}
	return "", false
}

// The vocabulary of the format begins with what is decided here, in the order of
// the indexes.
func TestDecidedProperties(t *testing.T) {
	want := []string{slots: SlotAgreement, loss: NoAckedLoss, dups: NoDuplicate, order: PerKeyOrder, phantom: NoPhantom, skips: NoSkip, stale: NoStaleEnd,
		delivered: Delivered, entityOrder: EntityOrder, folded: FoldedState, sums: WindowSums, ackedGap: NoAckedGap, lastValue: LastValue, counts: GroupCounts, isolated: Isolation, lateEvents: Lateness, compacts: Compaction, retains: Retention,
		atomic: TxnAtomic, committedReads: ReadCommitted, oneOwner: OneOwner, commitRegister: CommitRegister, fencing: Fencing, processedOnce: ProcessedOnce, exactlyOnce: ExactlyOnce, lively: Liveness}
	if got := Properties()[:decided]; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "derive" {
				return strings.Join(Derive(settings(t, d).Set).Properties, " ") + "\n"
			}
			h := settings(t, d)
			c := New(h)
			s := newStory(h, c)
			for _, line := range strings.Split(d.Input, "\n") {
				if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
					s.line(t, line)
				}
			}
			return tell(d, c.Finish())
		})
	})
}
