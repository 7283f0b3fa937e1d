package txn

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/faults/failpoint"
)

// A story is one coordinator's, or that of several who take over from each other.
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		w := newWorld(t, 2)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t = t
			return play(w, d)
		})
	})
}

func play(w *world, d *datadriven.TestData) string {
	id := word(d, "id", "a")
	pid, epoch := number(d, "pid", none), int16(number(d, "epoch", none))
	version := int16(number(d, "version", 5))
	switch d.Cmd {
	case "cluster":
		w.cfg.Version, w.cfg.FirstEpoch = int16(number(d, "transaction-version", 2)), int16(number(d, "first-epoch", 0))
		w.take()
		return ""
	case "plant":
		site, err := failpoint.ParseBug(d.CmdArgs[0].Key)
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		w.plant(site)
		return ""
	case "init":
		req := initRequest(id, pid, epoch)
		req.Version, req.TransactionTimeoutMillis = version, int32(number(d, "timeout", 60_000))
		return describeOutcome(w.do(req))
	case "add":
		var partitions []int32
		for _, p := range strings.Split(word(d, "p", "0"), ",") {
			n, err := strconv.Atoi(p)
			if err != nil {
				w.t.Fatalf("%s: %v", d.Pos, err)
			}
			partitions = append(partitions, int32(n))
		}
		req := addRequest(version, id, pid, epoch, partitions...)
		for i := range req.Transactions {
			req.Transactions[i].VerifyOnly = d.HasArg("verify")
		}
		return describeOutcome(w.do(req))
	case "offsets":
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.Version, req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = int16(number(d, "version", 3)), id, pid, epoch, word(d, "group", "g")
		return describeOutcome(w.do(req))
	case "commit", "abort":
		return describeOutcome(w.do(endRequest(version, id, pid, epoch, d.Cmd == "commit")))
	case "written":
		return describeOutcome(w.written(id))
	case "describe":
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = strings.Split(id, ",")
		return describeOutcome(w.do(req))
	case "list":
		req := kmsg.NewPtrListTransactionsRequest()
		if d.HasArg("state") {
			req.StateFilters = strings.Split(word(d, "state", ""), ",")
		}
		if d.HasArg("pid") {
			req.ProducerIDFilters = []int64{pid}
		}
		if d.HasArg("pattern") {
			p := word(d, "pattern", "")
			req.TransactionalIDPattern = &p
		}
		req.DurationFilterMillis = number(d, "longer", -1)
		return describeOutcome(w.do(req))
	case "drop": // the next append fails
		for code := int16(0); code < 130; code++ {
			if wire.ErrorName(code) == d.CmdArgs[0].Key {
				w.drop = code
			}
		}
		return ""
	case "ids":
		w.noIDs = d.CmdArgs[0].Key == "none"
		return ""
	case "fail-over":
		return describeOutcome(w.take())
	case "wall", "advance":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		var b strings.Builder
		if d.Cmd == "wall" {
			w.now.Wall = w.now.Wall.Add(by)
			return ""
		}
		for _, o := range w.advance(by, 0) {
			b.WriteString(describeOutcome(o))
		}
		next := "never"
		if at := w.m.Deadline(); at < 1<<62 {
			next = time.Duration(at - w.now.Mono).String()
		}
		fmt.Fprintf(&b, "next in %s\n", next)
		return b.String()
	}
	w.t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
	return ""
}

func word(d *datadriven.TestData, key, or string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return strings.Join(a.Vals, ",")
		}
	}
	return or
}

func number(d *datadriven.TestData, key string, or int64) int64 {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			var n int64
			if _, err := fmt.Sscan(a.Vals[0], &n); err != nil {
				panic(fmt.Sprintf("%s: %v", d.Pos, err))
			}
			return n
		}
	}
	return or
}
