package reports

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// coordinated is what lines about groups and transactions have beside.
type coordinated struct {
	G, Mem, TxID, Broker, Why string
	Gen, Ep, PID, X           int64
	TPs                       []string
	Offs                      map[string][]json.RawMessage
	B                         map[string][][]json.RawMessage
}

// group says an event of a group in words, or nothing if it is none.
func (w *witness) group() string {
	who := fmt.Sprintf("k%d", w.P)
	in := fmt.Sprintf("generation %d of group %s", w.Gen, w.G)
	switch w.F {
	case "join", "sync", "heartbeat":
		did := map[string]string{"join": "joins", "sync": "is given its share of", "heartbeat": "heartbeats in"}[w.F]
		if w.E == "ok" {
			return fmt.Sprintf("%s %s %s", who, did, in)
		}
		if w.E == "inv" && w.F != "join" {
			return fmt.Sprintf("%s asks: %s in %s", who, w.F, in)
		}
	case "assigned":
		return fmt.Sprintf("%s is assigned %s in %s", who, strings.Join(w.TPs, ", "), in)
	case "commit", "txncommit":
		return w.commit(who, in)
	case "fetchc":
		return w.fetch(who)
	}
	return ""
}

func (w *witness) commit(who, in string) string {
	if w.F == "txncommit" {
		who = fmt.Sprintf("p%d", w.P)
		in = fmt.Sprintf("for group %s with transaction %d", w.G, w.X)
	} else if in = "in " + in; w.Gen <= 0 {
		in = "for group " + w.G
	}
	what := w.offsets()
	switch {
	case w.E == "inv" && what == "":
		return fmt.Sprintf("%s asks: commit %s", who, in)
	case what == "":
		return ""
	case w.E == "inv":
		return fmt.Sprintf("%s asks to commit %s %s", who, what, in)
	case w.E == "ok":
		return fmt.Sprintf("%s has committed %s %s", who, what, in)
	case w.E == "info":
		return fmt.Sprintf("%s does not know whether it has committed %s %s", who, what, in)
	}
	return fmt.Sprintf("%s is refused to commit %s %s", who, what, in)
}

func (w *witness) fetch(who string) string {
	what := w.offsets()
	switch {
	case w.E == "inv" && len(w.TPs) > 0:
		return fmt.Sprintf("%s asks what group %s has committed of %s", who, w.G, strings.Join(w.TPs, ", "))
	case w.E == "ok" && what != "":
		return fmt.Sprintf("%s finds that group %s has committed %s", who, w.G, what)
	}
	return ""
}

// offsets are the offsets of a line: "offset 5 of orders-0".
func (w *witness) offsets() string {
	var list []string
	for _, tp := range slices.Sorted(maps.Keys(w.Offs)) {
		x := w.Offs[tp]
		if len(x) < 2 {
			return ""
		}
		what := "nothing"
		if at := plain(x[0]); at != "null" {
			what = "offset " + at
		}
		list = append(list, what+" of "+tp)
	}
	return strings.Join(list, ", ")
}

// transaction says an event of a transaction in words, or nothing if it is none.
func (w *witness) transaction() string {
	who := fmt.Sprintf("p%d", w.P)
	switch w.F {
	case "init":
		if w.E == "ok" {
			return fmt.Sprintf("%s is producer id %d of %s, in epoch %d", who, w.PID, w.TxID, w.Ep)
		}
	case "txcommit", "txabort":
		did := strings.TrimPrefix(w.F, "tx")
		switch w.E {
		case "inv":
			return fmt.Sprintf("%s asks to %s transaction %d", who, did, w.X)
		case "ok":
			return fmt.Sprintf("%s is told of the %s of transaction %d", who, did, w.X)
		case "info":
			return fmt.Sprintf("%s does not know of the %s of transaction %d", who, did, w.X)
		}
		return fmt.Sprintf("%s is told that the %s of transaction %d has failed", who, did, w.X)
	}
	return ""
}

// batches says which batches the final read has found, or nothing if there are none.
func (w *witness) batches() string {
	var list []string
	for _, tp := range slices.Sorted(maps.Keys(w.B)) {
		for _, b := range w.B[tp] {
			if len(b) != 6 {
				return ""
			}
			what := map[string]string{"commit": "a commit marker", "abort": "an abort marker"}[plain(b[5])]
			if what == "" {
				what = "sequence " + plain(b[4])
			}
			list = append(list, fmt.Sprintf("%s of producer id %s, epoch %s, at %s@%s", what, plain(b[2]), plain(b[3]), tp, plain(b[0])))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "the final read finds " + strings.Join(list, "; ")
}
