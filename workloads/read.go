package workloads

import (
	"encoding/binary"

	"brokersim/broker/log/wire"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// scribe writes what a consumer does into the history. Its slices are reused:
// an event costs no allocation.
type scribe struct {
	rec     *history.Recorder
	tps     func(wire.TP) history.TP
	process int32
	read    history.Func // Poll or Dump
	fin     bool
	// committed is isolation.level=read_committed, which is said of each poll.
	committed bool
	// uncommitted is that it is not, and is said: the history takes polls to be of committed
	// records.
	uncommitted bool

	event   history.Event
	runs    []history.Run
	records []history.Record
	at      []history.Claim
	parts   []history.TP
	offs    []history.Committed
	batches []history.Batch
}

func (s *scribe) write(e history.Event) {
	e.P = s.process
	s.event = e
	s.rec.Event(&s.event)
}

// left writes the invocations of what has just been sent: a claim holds between
// the leaving of the request and the arrival of the answer.
func (s *scribe) left(c *client.Consumer) {
	fetches, listings := c.Sent()
	for _, f := range fetches {
		f.Op = s.rec.Op()
		s.parts = s.parts[:0]
		if s.read == history.Dump {
			for i := range f.Parts {
				s.parts = append(s.parts, s.tps(f.Parts[i].TP))
			}
		}
		s.write(history.Event{E: history.Inv, F: s.read, ID: f.Op, TPs: s.parts, Fin: s.fin})
	}
	for _, l := range listings {
		l.Op = s.rec.Op()
		s.parts = s.parts[:0]
		for i := range l.Parts {
			s.parts = append(s.parts, s.tps(l.Parts[i].TP))
		}
		s.write(history.Event{E: history.Inv, F: history.Offsets, ID: l.Op, TPs: s.parts, Spec: l.Spec})
	}
}

// fetched writes the completion of a fetch. One that failed as a whole has
// certainly had no effect.
func (s *scribe) fetched(f *client.Fetch) {
	s.runs, s.records, s.at, s.batches = s.runs[:0], s.records[:0], s.at[:0], s.batches[:0]
	why := ""
	n := 0
	for i := range f.Parts {
		n += len(f.Parts[i].Records)
	}
	if n > cap(s.records) {
		s.records = make([]history.Record, 0, 2*n) // before runs point into it
	}
	for i := range f.Parts {
		part := &f.Parts[i]
		switch {
		case part.Code != 0:
			why = wire.ErrorName(part.Code)
			continue
		case part.Stale:
			continue
		}
		tp := s.tps(part.TP)
		s.run(tp, part.Records, true)
		claim := history.Claim{TP: tp, From: part.From, End: part.HighWatermark, LSO: part.LSO, Start: part.LogStart,
			Epoch: part.Epoch, Broker: f.Broker, Limited: part.Next < part.HighWatermark}
		if s.committed {
			claim.Pos = part.Next
		}
		s.at = append(s.at, claim)
		for k := range part.Batches {
			s.batches = append(s.batches, batchSeen(tp, &part.Batches[k]))
		}
	}
	e := history.Event{E: history.OK, F: s.read, ID: f.Op, Runs: s.runs, At: s.at, Fin: s.fin, Batches: s.batches}
	if len(s.at) == 0 && why != "" {
		e = history.Event{E: history.Fail, F: s.read, ID: f.Op, Why: why, Fin: s.fin}
	}
	if s.committed {
		e.Iso = "rc"
	}
	if s.uncommitted {
		e.Iso = "ru"
	}
	s.write(e)
}

// batchSeen is a batch as the history has it.
func batchSeen(tp history.TP, b *client.Batch) history.Batch {
	x := history.Batch{TP: tp, Base: b.BaseOffset, Last: b.NextOffset() - 1, PID: b.ProducerID, Epoch: int32(b.ProducerEpoch), Seq: b.BaseSequence}
	switch {
	case b.IsControl() && b.Commits:
		x.Kind, x.Seq = history.CommitMarker, history.None
	case b.IsControl():
		x.Kind, x.Seq = history.AbortMarker, history.None
	case b.IsTransactional():
		x.Kind = history.TxnData
	}
	return x
}

// run appends records as a run. A value that does not pass its checks is shown
// as one that nobody has sent: negative, since ids are not.
func (s *scribe) run(tp history.TP, records []client.Fetched, check bool) {
	if len(records) == 0 {
		return
	}
	from := len(s.records)
	for i := range records {
		r := &records[i]
		var id, key int64
		err := error(nil)
		if check || len(r.Value) < MinValue {
			id, key, err = readValue(r.Value, r.Key)
		} else {
			id, key = int64(binary.BigEndian.Uint64(r.Value[valueID:])), int64(binary.BigEndian.Uint64(r.Value[valueKey:]))
		}
		if err != nil || id < 0 {
			id, key = -2-r.Offset, noKey
		}
		s.records = append(s.records, history.Record{Offset: r.Offset, Value: id, Key: key, Time: r.Time})
	}
	s.runs = append(s.runs, history.Run{TP: tp, Records: s.records[from:]})
}

// listed writes the completion of a ListOffsets.
func (s *scribe) listed(l *client.Listing) {
	s.at = s.at[:0]
	why := ""
	for i := range l.Parts {
		part := &l.Parts[i]
		if part.Code != 0 || part.Offset < 0 {
			why = wire.ErrorName(part.Code)
			continue
		}
		claim := history.Claim{TP: s.tps(part.TP), From: history.None, End: part.Offset, LSO: history.None, Start: history.None,
			Epoch: part.Epoch, Broker: l.Broker}
		if l.Spec == "earliest" {
			claim.End, claim.Start = history.None, part.Offset
		}
		s.at = append(s.at, claim)
	}
	e := history.Event{E: history.OK, F: history.Offsets, ID: l.Op, At: s.at, Spec: l.Spec}
	if len(s.at) == 0 && why != "" {
		e = history.Event{E: history.Fail, F: history.Offsets, ID: l.Op, Why: why, Spec: l.Spec}
	}
	s.write(e)
}

// moved notes that a reader's position was moved by something else than reading.
func (s *scribe) moved(m *client.Move) {
	if m.From < 0 {
		return // the Assign has said that auto.offset.reset decides
	}
	why := "auto.offset.reset"
	if m.Truncated {
		why = history.Truncated
	}
	s.write(history.Event{E: history.Note, F: history.Skipped, TP: s.tps(m.TP), Offset: m.From, Until: m.To, Why: why})
}
