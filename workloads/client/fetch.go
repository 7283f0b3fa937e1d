package client

import (
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// want says what a partition needs from its leader next.
type want uint8

const (
	wantNothing want = iota
	wantPosition
	wantEnd
	wantValidation
	wantRecords
)

// lookAt sees to every partition: one Fetch at a time for each leader, and what
// positions must be known for. It returns when something that waits is due.
func (c *Consumer) lookAt(now machine.Instant, out *machine.Effects) (due machine.Instant) {
	due = machine.Never
	var wanted [wantRecords + 1]int
	for _, a := range c.parts {
		w := c.next(now, a)
		wanted[w]++
		if w == wantNothing {
			if a.retryAt > now && !a.busy {
				due = min(due, a.retryAt)
			}
			continue
		}
		if l := c.net.leader(a.meta); l != nil {
			c.net.connect(now, l, out)
		} else {
			c.net.meta.stale = true // no leader known: ask, after the back-off
			c.net.refresh(now, out)
		}
	}
	for _, l := range c.net.links {
		if !c.net.free(l) {
			continue
		}
		// What nobody has wanted above nobody wants here: requests that leave only take
		// partitions out of what is wanted.
		if wanted[wantPosition] > 0 {
			c.list(now, l, wantPosition, out)
		}
		if wanted[wantEnd] > 0 {
			c.list(now, l, wantEnd, out)
		}
		if wanted[wantValidation] > 0 {
			c.validate(now, l, out)
		}
		if wanted[wantRecords] > 0 && !fetchUnderWay(l) {
			c.fetch(now, l, out)
		}
	}
	return due
}

func fetchUnderWay(l *link) bool {
	for _, x := range l.calls {
		if x.what == callFetch {
			return true
		}
	}
	return false
}

// next says what a partition needs now.
func (c *Consumer) next(now machine.Instant, a *assigned) want {
	if a.meta == nil {
		a.meta = c.net.meta.partition(a.tp)
	}
	if a.busy || a.meta == nil || a.retryAt > now && a.meta.epoch == a.failedAt {
		return wantNothing
	}
	if a.state == fetching && a.empty() {
		c.checkEpoch(a)
	}
	switch {
	case a.state == resetting:
		return wantPosition
	case a.askEnd:
		return wantEnd
	case a.state == validating:
		return wantValidation
	case a.state == fetching && a.empty() && !a.paused:
		return wantRecords
	}
	return wantNothing
}

// checkEpoch makes a position that was valid for one leader be checked against
// the log of the next (KIP-320). Without the epoch of the record before it there
// is nothing to check.
func (c *Consumer) checkEpoch(a *assigned) {
	if a.meta.epoch < 0 || a.meta.epoch <= a.validated || a.meta.leader < 0 {
		return
	}
	if a.epoch < 0 || c.fail.On(failpoint.F04ResetUnvalidated, uint64(a.tp.Partition)) {
		a.validated = a.meta.epoch
		return
	}
	a.state = validating
}

// gather returns the partitions that want w of the broker at l, until it is called
// again.
func (c *Consumer) gather(now machine.Instant, l *link, w want) []*assigned {
	list := c.gathered[:0]
	for _, a := range c.parts {
		if a.meta != nil && l.leads(a.meta) && c.next(now, a) == w {
			list = append(list, a)
		}
	}
	c.gathered = list
	return list
}

func (c *Consumer) fetch(now machine.Instant, l *link, out *machine.Effects) {
	list := c.gather(now, l, wantRecords)
	if len(list) == 0 {
		return
	}
	req := &l.fetch // one at a time: the last has its answer, or the connection is another
	topics := req.Topics[:0]
	*req = kmsg.NewFetchRequest()
	req.ReplicaID = -1
	req.MaxWaitMillis = int32(c.set.FetchMaxWait.Milliseconds())
	req.MinBytes, req.MaxBytes = c.set.FetchMinBytes, c.set.FetchMaxBytes
	req.SessionID, req.SessionEpoch = 0, -1 // no session (KIP-227): every fetch is whole
	if c.set.IsolationLevel == "read_committed" {
		req.IsolationLevel = 1
	}
	f := c.newFetch(l, len(list))
	for _, a := range list {
		// The order of partitions is what the broker fills the answer in, so
		// only neighbours of one topic share its entry.
		if n := len(topics); n == 0 || topics[n-1].Topic != a.tp.Topic {
			topics = slices.Grow(topics, 1)[:n+1]
			partitions := topics[n].Partitions[:0]
			topics[n] = kmsg.NewFetchRequestTopic()
			topics[n].Topic, topics[n].Partitions = a.tp.Topic, partitions
		}
		t := &topics[len(topics)-1]
		x := kmsg.NewFetchRequestTopicPartition()
		x.Partition, x.CurrentLeaderEpoch = a.tp.Partition, a.meta.epoch
		x.FetchOffset, x.LastFetchedEpoch, x.LogStartOffset = a.offset, -1, -1
		x.PartitionMaxBytes = c.set.MaxPartitionFetchBytes
		t.Partitions = append(t.Partitions, x)
		f.Parts = append(f.Parts, FetchPart{TP: a.tp, From: a.offset, Epoch: a.meta.epoch, to: a})
		a.busy = true
	}
	req.Topics = topics
	c.leftFetches = append(c.leftFetches, f)
	c.net.send(now, &call{what: callFetch, request: req, fetch: f}, l, nil, true, out)
}

// newFetch is a Fetch of n partitions, in the memory of one that was forgotten if there is
// any.
func (c *Consumer) newFetch(l *link, n int) *Fetch {
	if k := len(c.spare); k > 0 {
		f := c.spare[k-1]
		c.spare = c.spare[:k-1]
		*f = Fetch{Broker: host(l.addr), Parts: slices.Grow(f.Parts, n)}
		return f
	}
	return &Fetch{Broker: host(l.addr), Parts: make([]FetchPart, 0, n)}
}

// fetched takes the answer to a Fetch, or its loss.
func (c *Consumer) fetched(now machine.Instant, o *outcome) {
	f := o.call.fetch
	c.fetches = append(c.fetches, f)
	resp, is := o.body.(*kmsg.FetchResponse)
	f.Lost = !is
	for i := range f.Parts {
		part := &f.Parts[i]
		part.to.busy, part.left = false, true
		part.Code = wire.NetworkException
		if is && resp.ErrorCode != 0 {
			part.Code = resp.ErrorCode
			c.failed(now, part.to)
		}
	}
	if !is || resp.ErrorCode != 0 {
		return
	}
	n := 0
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			x := &t.Partitions[j]
			var records wire.Records
			if n < len(o.records) {
				records = o.records[n]
			}
			n++
			if records.Len() > 0 {
				c.worked = c.worked.Plus(machine.Work{Bytes: records.Len(), Partitions: 1})
			}
			if part := f.part(n-1, t.Topic, x.Partition); part != nil {
				part.left = false
				c.fetchedPart(now, part, x, records)
			}
		}
	}
	for i := range f.Parts {
		if part := &f.Parts[i]; part.left {
			c.failed(now, part.to)
		}
	}
}

// part is the part of a fetch that the i-th of an answer is about: one that was asked for
// and not answered before. Most answers are in the order of the question.
func (f *Fetch) part(i int, topic string, partition int32) *FetchPart {
	if i < len(f.Parts) && f.Parts[i].isAbout(topic, partition) {
		return &f.Parts[i]
	}
	for i := range f.Parts {
		if x := &f.Parts[i]; x.isAbout(topic, partition) {
			return x
		}
	}
	return nil
}

func (x *FetchPart) isAbout(topic string, partition int32) bool {
	return x.TP.Partition == partition && x.TP.Topic == topic && x.left
}

// fetchedPart takes the answer for one partition.
func (c *Consumer) fetchedPart(now machine.Instant, part *FetchPart, x *kmsg.FetchResponseTopicPartition, records wire.Records) {
	a := part.to
	part.Code = x.ErrorCode
	if a.state == fetching {
		c.checkEpoch(a)
	}
	if a.state != fetching || a.offset != part.From {
		part.Stale = true
		return
	}
	switch {
	case x.ErrorCode == 0:
		part.HighWatermark, part.LSO, part.LogStart, part.Next = x.HighWatermark, x.LastStableOffset, x.LogStartOffset, part.From
		next, epoch, err := c.read(part, a, x.AbortedTransactions, records)
		if err != nil {
			// Kafka's consumer throws at the application, which may ask
			// again. What passed its checks before is not used either.
			c.corrupt++
			part.Code, part.Records, part.Stretches, part.Batches, part.Next = wire.CorruptMessage, nil, nil, nil, part.From
			c.failed(now, a)
			return
		}
		a.fails, a.outOfRange = 0, -1
		a.buffer, a.stretches, a.next, a.nextEp = part.Records, part.Stretches, next, epoch
		part.Next = next
		if a.empty() {
			a.offset, a.epoch = next, epoch // past records that are not for applications
		}
		if next > part.From {
			a.began = part.From
			c.toBack(a)
		}
	case x.ErrorCode == wire.OffsetOutOfRange:
		c.outOfRange(a)
	default:
		if invalidMetadata(x.ErrorCode) || x.ErrorCode == wire.OffsetNotAvailable {
			c.net.meta.invalidate() // as FetchCollector.handleInitializeErrors
		}
		c.failed(now, a)
	}
}

// toBack lets the other partitions have the first place in the next fetch, so
// that none starves when fetch.max.bytes is short.
func (c *Consumer) toBack(a *assigned) {
	for i, x := range c.parts {
		if x == a {
			copy(c.parts[i:], c.parts[i+1:])
			c.parts[len(c.parts)-1] = a
			return
		}
	}
}

// read takes the records out of an answer: those from the position on, without
// control records and, to read_committed, without those of aborted transactions.
func (c *Consumer) read(part *FetchPart, a *assigned, aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction, records wire.Records) (next int64, epoch int32, err error) {
	next, epoch = a.offset, a.epoch
	c.aborted.begin(aborted)
	if records.Len() == 0 {
		return next, epoch, nil
	}
	whole := false
	if !c.bulk {
		part.Records = roomFor(records, next)
	}
	for h, batch := range wire.SplitBatches(records) {
		whole = true
		if h.NextOffset() <= next {
			continue // a batch is read whole, even if the position is inside it
		}
		if c.set.CheckCRCs {
			if _, err := wire.CheckStored(batch); err != nil {
				return 0, 0, err
			}
		} else if h.Count < 0 || h.LastOffsetDelta < max(h.Count-1, 0) {
			return 0, 0, wire.ErrBatchCount // or the position would not be after the records
		}
		if c.batches && h.ProducerID >= 0 {
			part.Batches = append(part.Batches, Batch{h, h.IsControl() && commits(batch)})
		}
		switch from := next; {
		case c.aborted.has(&h, batch):
		case c.bulk:
			part.Stretches = append(part.Stretches, Stretch{From: max(from, h.BaseOffset), To: h.NextOffset(), Header: h, Batch: batch})
		default:
			err := wire.EachRecord(batch, func(r *wire.Record) error {
				off := h.BaseOffset + int64(r.OffsetDelta)
				if off < from {
					return nil
				}
				from = off + 1
				part.Records = append(part.Records, Fetched{Offset: off, Time: h.BaseTimestamp + r.TimestampDelta,
					Epoch: h.LeaderEpoch, Key: r.Key, Value: ValueOf(r)})
				return nil
			})
			if err != nil {
				return 0, 0, err
			}
		}
		next, epoch = h.NextOffset(), h.LeaderEpoch
	}
	if !whole {
		return 0, 0, errNoWholeBatch
	}
	return next, epoch, nil
}

// roomFor makes room for the records from an offset on, at once for all batches.
// What a batch says of itself is not believed beyond what its bytes can hold.
func roomFor(records wire.Records, from int64) []Fetched {
	n := int64(0)
	for h := range wire.SplitBatches(records) {
		if h.NextOffset() > from && !h.IsControl() {
			n += min(max(int64(h.Count), 0), h.Size()/leastRecord)
		}
	}
	if n == 0 {
		return nil
	}
	return make([]Fetched, 0, n)
}

// leastRecord is the size of a record with neither key nor value in bytes.
const leastRecord = 7
