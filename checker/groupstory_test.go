package checker

import (
	"fmt"
	"strings"
	"testing"

	"brokersim/checker/history"
)

// coordinated is a line of a story about a group or a transaction. Who does not begin an
// operation does it at once; all are of group g, of transactional.id tx, and without a word of
// it of generation 1:
//
//	k1 subscribes 0 1                k1 leaves       k1 unsubscribes
//	k1 joins / k1 joined gen 2       k1 synced gen 2       k1 beats-now gen 2 / k1 beats gen 2 [fails] [of b1]
//	k1 owns 0 1 gen 2                k1 revokes 0          k1 loses 0
//	k1 commits 0 @5 tag 7            k1 committed 0 @5 tag 7 [fails] [unknown]
//	k1 fetches 0 [stable]            k1 fetched 0 @5 tag 7 [of b1] [fin]     k1 fetched 0 nothing
//	k9 deletes / k9 deleted [fails] [unknown]
//	k1 seeks 0 @3                    coordinator b1 epoch 2    nocopy g
//	p1 inits-now / p1 inits pid 9 epoch 1                  p1 begins x 3
//	p1 puts 0 @5 tag 7 x 3 [fails]   (TxnOffsetCommit)
//	p1 commits-txn x 3 / p1 committed-txn x 3 [fails] [unknown] [refused ERROR]
//	                                 the same of aborts-txn, aborted-txn
//	fault cut b1   heal
//
// Any has [mem m] [inst i] [group g2] [pid 9] [epoch 1].
func (s *story) coordinated(t *testing.T, e *history.Event, w, rest []string, opt func(string, int64) int64, has func(string) bool) bool {
	who := w[0]
	text := func(name, def string) string {
		for i := range rest {
			if rest[i] == name {
				return rest[i+1]
			}
		}
		return def
	}
	if who == "heal" || who == "fault" {
		*e = history.Event{E: history.Note, F: history.Heal, Why: strings.Join(w[1:], " ")}
		if who == "fault" {
			e.F = history.Fault
		}
		return true
	}
	e.Group, e.Gen, e.Member, e.Instance = text("group", "g"), int32(opt("gen", 1)), text("mem", who), text("inst", "")
	tps := func() {
		for _, x := range rest {
			if x[0] < '0' || x[0] > '9' {
				break
			}
			e.TPs = append(e.TPs, history.TP(num(t, x)))
		}
	}
	offs := func() {
		x := history.Committed{TP: history.TP(num(t, rest[0])), Offset: history.None, Tag: opt("tag", history.None)}
		if rest[1] != "nothing" {
			x.Offset = num(t, rest[1])
		}
		e.Offs = []history.Committed{x}
	}
	txn := func() {
		e.X, e.TxID, e.PID, e.Epoch = opt("x", 0), text("txid", "tx"), opt("pid", 9), int32(opt("epoch", 0))
	}
	// begins or ends an operation: what ends and has not begun begins as well.
	operation := func(f history.Func, begins bool) {
		e.F, e.Broker = f, text("of", "")
		key := fmt.Sprintf("%s %d %d", who, f, e.X)
		if f == history.OffsetCommit || f == history.TxnOffsets {
			key += fmt.Sprint(" ", opt("tag", 0))
		}
		if begins {
			e.E, e.ID, e.Broker = history.Inv, s.begin(key), ""
			return
		}
		id, asked := s.ids[key]
		if !asked {
			id = s.begin(key)
			inv := *e
			inv.E, inv.ID, inv.Broker = history.Inv, id, ""
			if f == history.OffsetFetch {
				inv.Offs = nil
			}
			s.rec.Event(&inv)
		}
		delete(s.ids, key)
		e.ID = id
		if why := text("refused", ""); why != "" {
			e.E, e.Why = history.Fail, why
		} else if has("fails") {
			e.E, e.Why = history.Fail, "REFUSED"
		} else if has("unknown") {
			e.E, e.Why = history.Info, "timeout"
		}
	}
	note := func(f history.Func) {
		e.E, e.F = history.Note, f
		tps()
	}
	switch w[1] {
	case "subscribes":
		note(history.Subscribe)
	case "unsubscribes":
		note(history.Unsubscribe)
	case "owns":
		note(history.Assigned)
	case "revokes":
		note(history.Revoked)
	case "loses":
		note(history.Lost)
	case "seeks":
		e.E, e.F, e.TP, e.Offset = history.Note, history.Seek, history.TP(num(t, rest[0])), num(t, rest[1])
	case "coordinator":
		*e = history.Event{E: history.Note, F: history.Coordinator, Group: "g", Broker: rest[0], Epoch: int32(opt("epoch", 0))}
	case "joins", "joined":
		e.Gen = int32(opt("gen", 0))
		operation(history.Join, w[1] == "joins")
	case "syncs", "synced":
		operation(history.Sync, w[1] == "syncs")
	case "beats", "beats-now":
		operation(history.Heartbeat, w[1] == "beats-now")
	case "leaves":
		operation(history.Leave, false)
	case "deletes", "deleted":
		e.Gen, e.Member = 0, ""
		operation(history.DeleteGroup, w[1] == "deletes")
	case "commits", "committed":
		offs()
		operation(history.OffsetCommit, w[1] == "commits")
	case "fetches", "fetched":
		if has("stable") {
			e.Spec = "stable"
		}
		e.Fin = has("fin")
		if w[1] == "fetched" {
			offs()
		} else {
			tps()
		}
		e.Gen = 0
		operation(history.OffsetFetch, w[1] == "fetches")
	case "inits", "inits-now":
		txn()
		e.Group, e.Gen, e.Member, e.X = "", 0, "", 0
		operation(history.InitProducer, w[1] == "inits-now")
	case "begins":
		txn()
		e.Group, e.Gen, e.Member, e.E, e.F = "", 0, "", history.Note, history.TxnBegin
	case "puts":
		txn()
		offs()
		operation(history.TxnOffsets, false)
	case "commits-txn", "committed-txn", "aborts-txn", "aborted-txn":
		txn()
		e.Group, e.Gen, e.Member = "", 0, ""
		f := history.TxnCommit
		if strings.HasPrefix(w[1], "abort") {
			f = history.TxnAbort
		}
		operation(f, w[1] == "commits-txn" || w[1] == "aborts-txn")
	default:
		return false
	}
	return true
}

// batchesOf reads "0-1:9.0.0.txn 2-2:9.0.-.commit": offsets, producer id, epoch, sequence, kind.
func batchesOf(t *testing.T, tp history.TP, text string) (list []history.Batch) {
	for _, x := range strings.Fields(text) {
		at, rest, _ := strings.Cut(x, ":")
		base, last, _ := strings.Cut(at, "-")
		w := strings.Split(rest, ".")
		b := history.Batch{TP: tp, Base: num(t, base), Last: num(t, last), PID: num(t, w[0]), Epoch: int32(num(t, w[1])), Seq: history.None}
		if w[2] != "-" {
			b.Seq = int32(num(t, w[2]))
		}
		for k := history.Data; k <= history.AbortMarker; k++ {
			if k.String() == w[3] {
				b.Kind = k
			}
		}
		list = append(list, b)
	}
	return list
}
