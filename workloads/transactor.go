package workloads

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// transactor is an application's use of a transactional producer, and its scribe: whatever
// becomes of a transaction is in the history, beside its records.
//
// Its owner begins a transaction when ready, sends, and asks for the end. After each Step and
// Run of the client it calls observe, and looks at the state.
type transactor struct {
	client  *client.Producer
	rec     *history.Recorder
	tps     func(wire.TP) history.TP
	txid    string
	process int32

	state client.TxnState // that was seen last
	x     int64           // the transaction; 0: none
	pid   int64           // as it began
	epoch int16
	init  int64 // the operations under way, or 0
	end   int64
	ends  history.Func // TxnCommit or TxnAbort
	moved int64        // TxnOffsets
	offs  []history.Committed
	group client.GroupMetadata
	tags  int64

	sends []history.Sent
	event history.Event
}

func newTransactor(c *client.Producer, rec *history.Recorder, tps func(wire.TP) history.TP, txid string, process int32) transactor {
	return transactor{client: c, rec: rec, tps: tps, txid: txid, process: process, sends: make([]history.Sent, 0, 1)}
}

func (t *transactor) write(e history.Event) {
	e.P = t.process
	t.event = e
	t.rec.Event(&t.event)
}

// writeOf writes an event of the transaction.
func (t *transactor) writeOf(e history.Event) {
	e.X, e.TxID, e.PID, e.Epoch = t.x, t.txid, t.pid, int32(t.epoch)
	t.write(e)
}

// start asks for the producer's id.
func (t *transactor) start() {
	t.client.InitTransactions()
	t.state = client.Initializing
	t.initBegins()
}

func (t *transactor) initBegins() {
	t.init = t.rec.Op()
	t.write(history.Event{E: history.Inv, F: history.InitProducer, ID: t.init, TxID: t.txid, PID: history.None, Epoch: history.None})
}

// begin begins a transaction.
func (t *transactor) begin() {
	t.client.BeginTransaction()
	t.state = client.InTransaction
	t.x = t.rec.Op()
	t.pid, t.epoch = t.client.Identity()
	t.writeOf(history.Event{E: history.Note, F: history.TxnBegin})
}

// sendOffsets has positions be committed with the transaction. Each has a tag of its own.
func (t *transactor) sendOffsets(offs []client.TxnOffset, g client.GroupMetadata) {
	t.offs, t.group = t.offs[:0], g
	for i := range offs {
		tag := int64(t.process)*valuesOfProcess + t.tags
		t.tags++
		offs[i].Metadata = tagText(tag)
		t.offs = append(t.offs, history.Committed{TP: t.tps(offs[i].TP), Offset: offs[i].Offset, Tag: tag})
	}
	t.moved = t.rec.Op()
	t.writeOf(history.Event{E: history.Inv, F: history.TxnOffsets, ID: t.moved, Group: g.Group, Gen: g.Generation, Member: g.Member, Instance: g.Instance, Offs: t.offs})
	t.client.SendOffsets(offs, g)
}

// commit and abort ask for the end.
func (t *transactor) commit() { t.asks(history.TxnCommit); t.client.CommitTransaction() }
func (t *transactor) abort()  { t.asks(history.TxnAbort); t.client.AbortTransaction() }

func (t *transactor) asks(f history.Func) {
	t.end, t.ends = t.rec.Op(), f
	t.writeOf(history.Event{E: history.Inv, F: f, ID: t.end})
	t.state = client.Committing
	if f == history.TxnAbort {
		t.state = client.Aborting
	}
}

// observe writes down what has become of what was asked for.
func (t *transactor) observe() {
	state := t.client.State()
	if t.moved != 0 && !t.client.SendingOffsets() {
		t.offsetsEnd(state)
	}
	if state == t.state {
		return
	}
	was := t.state
	t.state = state
	switch {
	case state == client.Ready && t.end != 0:
		t.ended(history.OK, "")
		if pid, epoch := t.client.Identity(); was == client.Initializing && (pid != t.pid || epoch != t.epoch) {
			t.initBegins() // a new epoch, or id, was asked for behind the end
		}
	case state == client.AbortableError || state == client.FatalError:
		if t.end == 0 {
			break
		}
		if state == client.FatalError && was == client.Initializing {
			t.ended(history.OK, "")
			t.initBegins() // it is the new epoch that was refused
			break
		}
		kind := history.Fail
		if t.ends == history.TxnAbort || t.client.Uncertain() {
			kind = history.Info
		}
		t.ended(kind, t.client.Why())
	}
	switch {
	case t.init != 0 && state == client.Ready:
		pid, epoch := t.client.Identity()
		t.write(history.Event{E: history.OK, F: history.InitProducer, ID: t.init, TxID: t.txid, PID: pid, Epoch: int32(epoch)})
		t.init = 0
	case t.init != 0 && state == client.FatalError:
		t.write(history.Event{E: history.Info, F: history.InitProducer, ID: t.init, TxID: t.txid, PID: history.None, Epoch: history.None, Why: t.client.Why()})
		t.init = 0
	}
}

func (t *transactor) ended(kind history.Kind, why string) {
	t.writeOf(history.Event{E: kind, F: t.ends, ID: t.end, Why: why})
	t.end = 0
}

// offsetsEnd writes what became of the offsets: with an error nobody knows, and it does not
// matter, since the transaction cannot be committed any more.
func (t *transactor) offsetsEnd(state client.TxnState) {
	kind, why := history.OK, ""
	if state == client.AbortableError || state == client.FatalError {
		kind, why = history.Info, t.client.Why()
		for i := range t.offs {
			t.offs[i].Err = why
		}
	}
	g := &t.group
	t.writeOf(history.Event{E: kind, F: history.TxnOffsets, ID: t.moved, Group: g.Group, Gen: g.Generation, Member: g.Member, Instance: g.Instance, Offs: t.offs, Why: why})
	t.moved = 0
}

// crashed notes that a process before this one has ended.
func (t *transactor) crashed(process int32) {
	t.event = history.Event{E: history.Note, F: history.Crash, P: process}
	t.rec.Event(&t.event)
}

// invoke writes that a record is being sent. Of is the value of the record that it was made
// of, or 0.
func (t *transactor) invoke(r *client.Record, tp wire.TP, due machine.Instant, of int64) {
	t.sent(r, tp)
	t.sends[0].Of = of
	t.event = history.Event{E: history.Inv, F: history.Send, ID: r.Ticket, P: t.process, Sends: t.sends, Due: int64(due), X: t.x, TxID: t.txid, PID: t.pid, Epoch: int32(t.epoch)}
	t.rec.Event(&t.event)
}

// refused writes that send() has thrown: the record was never taken.
func (t *transactor) refused(r *client.Record, topic string, due machine.Instant, of int64, sent client.Sent) {
	why := "send() blocked for max.block.ms"
	if sent == client.TooLarge {
		why = wire.ErrorName(wire.RecordListTooLarge)
	}
	tp := wire.TP{Topic: topic}
	t.invoke(r, tp, due, of)
	t.complete(r, &client.Result{TP: tp, Outcome: client.Rejected, Base: -1, Why: why, PID: -1, Epoch: -1, Seq: -1, Records: nil}, 0)
}

func (t *transactor) sent(r *client.Record, tp wire.TP) *history.Sent {
	id, key, err := readValue(r.Value, r.Key)
	if err != nil {
		panic("workloads: a producer cannot read its own record")
	}
	t.sends = append(t.sends[:0], history.Sent{TP: t.tps(tp), Value: id, Key: key, Offset: history.None, Seq: history.None})
	return &t.sends[0]
}

// results writes what the client has decided about records, and returns of how many.
func (t *transactor) results() (n int64) {
	results := t.client.Results()
	for i := range results {
		for j := range results[i].Records {
			t.complete(&results[i].Records[j], &results[i], j)
		}
		n += int64(len(results[i].Records))
	}
	t.client.Forget()
	return n
}

func (t *transactor) complete(r *client.Record, of *client.Result, n int) {
	s := t.sent(r, of.TP)
	kind := history.OK
	switch of.Outcome {
	case client.Rejected:
		kind, s.Err = history.Fail, of.Why
	case client.Unknown:
		kind, s.Err = history.Info, of.Why
	}
	if of.Base >= 0 {
		s.Offset = of.Base + int64(n)
	}
	if of.Seq >= 0 {
		s.Seq = int32((int64(of.Seq) + int64(n)) & (1<<31 - 1))
	}
	t.event = history.Event{E: kind, F: history.Send, ID: r.Ticket, P: t.process, Sends: t.sends, X: t.x, TxID: t.txid, PID: of.PID, Epoch: int32(of.Epoch), Why: of.Why}
	t.rec.Event(&t.event)
}
