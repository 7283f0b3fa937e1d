package log

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// fetchAnswer is the answer to a Fetch as it is being made. A broker has one, which
// it uses again: nothing of it is needed once the frame is made.
type fetchAnswer struct {
	resp    kmsg.FetchResponse
	records []wire.Records
	size    int64 // bytes of records
	atOnce  bool  // an error, or logs that part: nothing to wait for
	asks    asks
}

// asks is who asks with a Fetch: a follower, its broker epoch as it names it, -1 if it does
// not, and as the metadata know it; or a consumer, whose id is negative.
type asks struct {
	id    int32
	epoch int64
	known int64
	conn  *conn
}

// byID is the version from which on a Fetch names its topics by id.
const byID = 13

// fetch reads for a consumer or a follower, and waits if there is too little. What
// a follower asks for tells how far it has got.
func (b *Broker) fetch(now machine.Instant, c *conn, req wire.Request, body *kmsg.FetchRequest, out *machine.Effects) {
	in, code := b.sessions.enter(now, body)
	if code != 0 {
		resp := kmsg.NewPtrFetchResponse()
		resp.ErrorCode, resp.Topics = code, []kmsg.FetchResponseTopic{}
		b.answer(c, &req, resp, nil, out)
		return
	}
	if !isolationLevel(body.IsolationLevel) {
		resp, n := refusedFetch(body, wire.UnknownServerError)
		b.answer(c, &req, resp, make([]wire.Records, n), out)
		return
	}
	body.MaxBytes = min(body.MaxBytes, b.cfg.Settings.FetchMaxBytes)
	body.MinBytes = min(body.MinBytes, body.MaxBytes)
	b.nameTopics(body)
	a := b.read(c, body)
	b.noteFollower(now, body, &a.resp)
	if a.enough(body) || body.MaxWaitMillis <= 0 || len(a.records) == 0 {
		b.answerFetch(now, c, &req, in, a, out)
		return
	}
	x := &c.parking
	who := isolationOf(body.IsolationLevel)
	if a.asks.id >= 0 {
		who = replica.ToLogEnd
	}
	*x = parkedFetch{conn: c, req: req, body: body, who: who, in: in, until: now.Add(time.Duration(body.MaxWaitMillis) * time.Millisecond), parts: x.parts[:0]}
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			if p, code := b.lookup(t.Topic, t.Partitions[j].Partition); code == 0 {
				x.parts = append(x.parts, reading{p, t.Partitions[j].FetchOffset, p.LeaderEpoch()})
			}
		}
	}
	if x.consumers() && b.cfg.Failpoints.On(failpoint.L01WaitOut, uint64(x.until)) {
		x.until = x.until.Add(time.Second) / machine.Instant(time.Second) * machine.Instant(time.Second)
	}
	b.parkFetch(x)
}

// refusedFetch says an error of the whole request; in the versions that name topics, of each
// partition too, of which there are n.
func refusedFetch(body *kmsg.FetchRequest, code int16) (resp *kmsg.FetchResponse, n int) {
	resp = kmsg.NewPtrFetchResponse()
	resp.ErrorCode, resp.Topics = code, []kmsg.FetchResponseTopic{}
	for i := range body.Topics {
		if body.Version >= byID {
			break
		}
		t := kmsg.NewFetchResponseTopic()
		t.Topic = body.Topics[i].Topic
		for _, p := range body.Topics[i].Partitions {
			x := kmsg.NewFetchResponseTopicPartition()
			x.Partition, x.ErrorCode, x.HighWatermark, x.LastStableOffset, x.LogStartOffset = p.Partition, code, -1, -1, -1
			t.Partitions = append(t.Partitions, x)
			n++
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp, n
}

// nameTopics gives the topics of a Fetch the names that their ids have (KIP-516).
// One whose id nobody knows is left without.
func (b *Broker) nameTopics(body *kmsg.FetchRequest) {
	if body.Version < byID {
		return
	}
	for i := range body.Topics {
		t := &body.Topics[i]
		if info := b.image.ByID[t.TopicID]; info != nil {
			t.Topic = info.Name
		}
	}
}

func (b *Broker) answerFetch(now machine.Instant, c *conn, req *wire.Request, in inSession, a *fetchAnswer, out *machine.Effects) {
	b.sessions.leave(now, in, req.Body.(*kmsg.FetchRequest), a)
	active := 0
	for i := range a.records {
		if a.records[i].Len() > 0 {
			active++
		}
	}
	out.Work(machine.Work{Bytes: a.size, Partitions: int64(active)})
	b.answer(c, req, &a.resp, a.records, out)
	b.serves.Reuse(req)
}

// read reads everything that a Fetch asks for, as of now. What it returns is good
// until it is called again.
func (b *Broker) read(c *conn, body *kmsg.FetchRequest) *fetchAnswer {
	a := &b.reading
	topics := a.resp.Topics[:0]
	*a = fetchAnswer{resp: kmsg.NewFetchResponse(), records: a.records[:0]}
	a.asks.conn = c
	if a.asks.id, a.asks.epoch = wire.FetchReplica(body); a.asks.id >= 0 {
		a.asks.known = b.brokerEpoch(a.asks.id)
	}
	for i := range body.Topics {
		t := &body.Topics[i]
		var answer *kmsg.FetchResponseTopic
		topics, answer = extend(topics)
		partitions := answer.Partitions[:0]
		*answer = kmsg.NewFetchResponseTopic()
		answer.Topic, answer.TopicID = t.Topic, t.TopicID
		for j := range t.Partitions {
			var x *kmsg.FetchResponseTopicPartition
			partitions, x = extend(partitions)
			b.readPartition(a, body, t, &t.Partitions[j], x, max(int64(body.MaxBytes)-a.size, 0))
		}
		answer.Partitions = partitions
	}
	a.resp.Topics = topics
	return a
}

// extend makes a list one longer. The new element may be one that was there
// before, so that what it holds can be used again.
func extend[T any](list []T) ([]T, *T) {
	if n := len(list); n < cap(list) {
		list = list[:n+1]
	} else {
		var zero T
		list = append(list, zero)
	}
	return list, &list[len(list)-1]
}

func (b *Broker) readPartition(a *fetchAnswer, body *kmsg.FetchRequest, t *kmsg.FetchRequestTopic, want *kmsg.FetchRequestTopicPartition, x *kmsg.FetchResponseTopicPartition, left int64) {
	if x.AbortedTransactions == nil { // it was used by nobody
		*x = kmsg.NewFetchResponseTopicPartition()
		x.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	x.Partition, x.AbortedTransactions = want.Partition, x.AbortedTransactions[:0]
	x.HighWatermark, x.LastStableOffset, x.LogStartOffset = -1, -1, -1
	x.DivergingEpoch.Epoch, x.DivergingEpoch.EndOffset = -1, -1
	var records wire.Records
	if a.size > 0 && b.cfg.Failpoints.OnAbout(failpoint.ShortFetch, t.Topic, uint64(want.Partition), uint64(want.FetchOffset)) {
		left = 0
	}
	p, code := b.lookupFetched(&a.asks, body.Version, t, want.Partition)
	id := a.asks.id
	who := replica.Reader{Isolation: isolationOf(body.IsolationLevel), From: want.FetchOffset, LastEpoch: want.LastFetchedEpoch, CurrentEpoch: want.CurrentLeaderEpoch}
	if id >= 0 {
		who.Isolation = replica.ToLogEnd
	}
	if code == 0 && id >= 0 {
		if who.CurrentEpoch != p.LeaderEpoch() && b.cfg.Failpoints.On(failpoint.R04FetchUnfenced, uint64(want.FetchOffset)) {
			who.CurrentEpoch, who.LastEpoch = -1, -1 // as a Fetch from before KIP-320 says
		}
		code = b.checkFollower(p, &a.asks, who.CurrentEpoch)
	}
	if code == 0 && (want.PartitionMaxBytes < 0 || body.MaxBytes < 0) && want.FetchOffset < p.LogEnd() {
		code = wire.UnknownServerError // an exception that Kafka does not expect
	}
	if code == 0 {
		// The first batch is given whole whatever its size, so that the reader can
		// go on (KIP-74).
		r := p.Read(who, int32(min(int64(want.PartitionMaxBytes), left)), a.size == 0)
		records, code = r.Records, r.Code
		for _, t := range r.Aborted {
			x.AbortedTransactions = append(x.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: t.ProducerID, FirstOffset: t.FirstOffset})
		}
		if r.Diverges {
			x.DivergingEpoch.Epoch, x.DivergingEpoch.EndOffset = r.DivergeEpoch, r.DivergeOffset
			a.atOnce = true
		}
	}
	if x.ErrorCode = code; code != 0 {
		a.atOnce = true
		if code == wire.OffsetOutOfRange && id >= 0 {
			x.LogStartOffset = p.LogStart() // Kafka's follower asks ListOffsets for it
		}
	} else {
		x.HighWatermark, x.LastStableOffset, x.LogStartOffset = p.HighWatermark(), p.LastStable(), p.LogStart()
	}
	a.size += records.Len()
	a.records = append(a.records, records)
}

// lookupFetched is the partition that a Fetch is about, or Kafka's error
// (ReplicaManager.readFromLog).
func (b *Broker) lookupFetched(who *asks, version int16, t *kmsg.FetchRequestTopic, n int32) (*partition, int16) {
	if version >= byID && t.Topic == "" {
		return nil, wire.UnknownTopicID
	}
	if b.rules != nil && who.id < 0 && !b.access(who.conn).topic(acl.Read, t.Topic) {
		return nil, noTopic
	}
	p, code := b.lookup(t.Topic, n)
	if code == 0 && version >= byID && p.topicID != t.TopicID {
		return nil, wire.InconsistentTopicID
	}
	return p, code
}

// checkFollower is Kafka's error for somebody who reads as a follower and must not,
// or 0. It may have no replica; in a new leader epoch it may have been given one of
// which this leader has not heard (Partition.followerReplicaOrThrow). Or it speaks
// of a life that is over (Replica.updateFetchStateOrThrow, KIP-903).
func (b *Broker) checkFollower(p *partition, who *asks, leaderEpoch int32) int16 {
	code := p.CheckEpoch(leaderEpoch)
	switch {
	case code != 0:
		return code
	case !p.Assigned(who.id) && leaderEpoch >= 0:
		return wire.UnknownLeaderEpoch
	case !p.Assigned(who.id), who.formerLife(p):
		return wire.NotLeaderOrFollower
	}
	return 0
}

// formerLife reports whether a follower that names its broker epoch has begun another
// life since, as the metadata know or its own later fetch has told. The latter is
// more than Kafka asks for, which lets nobody join the ISR before the metadata know
// of its epoch; here the controller decides.
func (who *asks) formerLife(p *partition) bool {
	if who.epoch < 0 || who.epoch < who.known {
		return who.epoch >= 0
	}
	for i := range p.epochs {
		if m := &p.epochs[i]; m.id == who.id {
			return who.epoch < m.epoch
		}
	}
	return false
}

// enough reports whether there is nothing to wait for.
func (a *fetchAnswer) enough(body *kmsg.FetchRequest) bool {
	return a.atOnce || a.size >= int64(body.MinBytes)
}

// noteFollower takes a follower's fetch as the word that it has what comes before,
// in the life that it names; in the one that the metadata know if it names none.
func (b *Broker) noteFollower(now machine.Instant, body *kmsg.FetchRequest, resp *kmsg.FetchResponse) {
	id, epoch := wire.FetchReplica(body)
	if id < 0 {
		return
	}
	if epoch < 0 {
		epoch = b.brokerEpoch(id)
	}
	for i := range body.Topics {
		t := &body.Topics[i]
		for j := range t.Partitions {
			if x := &resp.Topics[i].Partitions[j]; x.ErrorCode != 0 || x.DivergingEpoch.EndOffset >= 0 {
				continue
			}
			p := b.partition(t.Topic, t.Partitions[j].Partition)
			p.noteEpoch(id, epoch)
			if p.FollowerStart(id, t.Partitions[j].LogStartOffset) && len(p.deletes) > 0 {
				b.touch(p)
			}
			asking := p.Asking()
			if p.Fetched(now, id, t.Partitions[j].FetchOffset) {
				b.touch(p)
			}
			if !asking {
				b.ask(p)
			}
		}
	}
}
