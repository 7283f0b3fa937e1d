package log

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// fetcher replicates partitions that this broker follows of one leader, over one
// connection with one Fetch under way (ReplicaFetcherThread): all, or those of its
// number among num.replica.fetchers.
type fetcher struct {
	link
	leader int32
	number int32
	parts  []*fetching
	req    kmsg.FetchRequest // the one under way; used again
	asked  []asked           // by it, in the order of the request
}

// fetching is one partition of a fetcher.
type fetching struct {
	p       *partition
	retryAt machine.Instant // after an error; Never: until the metadata say something new
}

// asked is what a Fetch asks about one partition. Its answer counts only while
// that is still how things are.
type asked struct {
	f      *fetching
	offset int64
	epoch  int32 // the leader epoch that the partition was followed in
}

// assignFetcher has a partition fetched from its leader, and from nobody else.
func (b *Broker) assignFetcher(p *partition) error {
	if f := p.fetcher; f != nil {
		f.parts = slices.DeleteFunc(f.parts, func(x *fetching) bool { return x.p == p })
		p.fetcher = nil
	}
	if !p.Follows() {
		return nil
	}
	leader := p.State().Leader
	if b.image.Brokers[leader] == nil {
		return fmt.Errorf("%v is led by broker %d, which has never registered", p.TP(), leader)
	}
	f := b.fetcher(leader, fetcherOf(p.TP(), b.cfg.Settings.NumReplicaFetchers))
	f.parts = append(f.parts, &fetching{p: p})
	p.fetcher = f
	return nil
}

// fetcherOf is the number of the fetcher that a partition belongs to among n
// (AbstractFetcherManager.getFetcherId).
func fetcherOf(tp wire.TP, n int32) int32 {
	if n <= 1 {
		return 0
	}
	hash := int32(0) // String.hashCode of Java, of a name that is ASCII
	for i := range len(tp.Topic) {
		hash = 31*hash + int32(tp.Topic[i])
	}
	return max(31*hash+tp.Partition, -(31*hash+tp.Partition), 0) % n // Utils.abs: the least number is 0
}

// fetcher is the one of a number for a leader.
func (b *Broker) fetcher(leader, number int32) *fetcher {
	i, ok := slices.BinarySearchFunc(b.fetchers, fetcher{leader: leader, number: number}, func(f *fetcher, x fetcher) int {
		return cmp.Or(cmp.Compare(f.leader, x.leader), cmp.Compare(f.number, x.number))
	})
	if !ok {
		f := &fetcher{leader: leader, number: number}
		s := &b.cfg.Settings
		f.link = newLink(fmt.Sprintf("broker-%d-fetcher-%d", b.cfg.ID, number), "", fetcherTable(), s.ReplicaFetchBackoff, s.ReplicaSocketTimeout, wire.Fetch)
		b.fetchers = slices.Insert(b.fetchers, i, f)
	}
	return b.fetchers[i]
}

// fetcherTable is what a follower asks of a leader: in version 15 it says in which
// of its lives it asks (KIP-903).
func fetcherTable() *wire.Table { return wire.NewTable(wire.API{Key: wire.Fetch, Min: 15, Max: 15}) }

func (b *Broker) stepFetchers(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	for _, f := range b.fetchers {
		a, mine, answered, lost := f.step(now.Mono, in, out)
		switch {
		case lost:
			f.asked = f.asked[:0]
		case answered:
			b.fetched(now, f, a, out)
		}
		if mine {
			return true
		}
	}
	return false
}

// follow sends the next Fetch of every fetcher that has one to send, and hangs up
// where there is nothing to follow any more (shutdownIdleFetcherThreads).
func (b *Broker) follow(now machine.Instant, out *machine.Effects) {
	for _, f := range b.fetchers {
		if len(f.parts) == 0 && f.state != linkDown {
			f.hangUp(now, out)
			f.retryAt = now
		}
		if f.underWay || f.earliest() > now {
			continue
		}
		if f.state == linkDown { // it may have moved since the last time
			leader := b.image.Brokers[f.leader]
			f.addr = address(leader.Host, leader.Port)
		}
		if f.ready(now, b, out) {
			b.sendFetch(now, f, out)
		}
	}
}

// earliest is when the next Fetch may be sent: when the first of the partitions may
// be asked for, but not before what was appended is as durable as it must be, on any
// of them. Kafka's fetcher thread flushes while it appends, and so asks again only
// afterwards, for all. A Fetch that left out a partition which is being flushed would
// hold up the word that its records are there, for as long as the leader has nothing
// new elsewhere.
func (f *fetcher) earliest() machine.Instant {
	at := machine.Never
	for _, x := range f.parts {
		if x.p.Flushing() {
			return machine.Never
		}
		at = min(at, x.retryAt)
	}
	return at
}

func (b *Broker) sendFetch(now machine.Instant, f *fetcher, out *machine.Effects) {
	s := &b.cfg.Settings
	req := &f.req
	topics := req.Topics[:0]
	*req = kmsg.NewFetchRequest()
	req.ReplicaState.ID, req.ReplicaState.Epoch = b.cfg.ID, b.life.epoch
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes = int32(s.ReplicaFetchWaitMax.Milliseconds()), s.ReplicaFetchMinBytes, s.ReplicaFetchResponseMaxBytes
	req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{}
	f.asked = f.asked[:0]
	for _, x := range f.parts {
		if x.retryAt > now {
			continue
		}
		tp := x.p.TP()
		if n := len(topics); n == 0 || topics[n-1].TopicID != x.p.topicID {
			var t *kmsg.FetchRequestTopic
			topics, t = extend(topics)
			partitions := t.Partitions[:0]
			*t = kmsg.NewFetchRequestTopic()
			t.TopicID, t.Partitions = x.p.topicID, partitions
		}
		t := &topics[len(topics)-1]
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch = tp.Partition, x.p.LeaderEpoch()
		p.FetchOffset, p.LastFetchedEpoch = x.p.Position()
		p.LogStartOffset, p.PartitionMaxBytes = x.p.LogStart(), s.ReplicaFetchMaxBytes
		t.Partitions = append(t.Partitions, p)
		f.asked = append(f.asked, asked{x, p.FetchOffset, p.CurrentLeaderEpoch})
	}
	req.Topics = topics
	f.send(now, req, nil, s.ReplicaSocketTimeout, out)
}

// fetched takes the answer of a leader.
func (b *Broker) fetched(now machine.Now, f *fetcher, a wire.Answer, out *machine.Effects) {
	resp, ok := a.Body.(*kmsg.FetchResponse)
	n := 0
	if ok && resp.ErrorCode == 0 {
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				if n < len(f.asked) && b.err == nil {
					b.fetchedPartition(now, &f.asked[n], resp.Topics[i].TopicID, &resp.Topics[i].Partitions[j], a.Records[n], out)
				}
				n++
			}
		}
	}
	for ; n < len(f.asked); n++ { // what is left out says nothing
		b.retryFetch(now, f.asked[n].f)
	}
	clear(f.asked)
	f.asked = f.asked[:0]
}

func (b *Broker) fetchedPartition(now machine.Now, q *asked, topic [16]byte, x *kmsg.FetchResponseTopicPartition, records wire.Records, out *machine.Effects) {
	p := q.f.p
	if !p.Follows() || p.LeaderEpoch() != q.epoch || p.LogEnd() != q.offset {
		return
	}
	start, end, committed := p.LogStart(), p.LogEnd(), p.HighWatermark()
	err := b.tookFetched(now, q, topic, x, records, out)
	if p.LogStart() != start || p.LogEnd() != end || p.HighWatermark() != committed {
		b.move(p)
	}
	if err != nil {
		b.fail(err, out)
	}
}

// tookFetched has a partition take what its leader has said of it; an error is one of
// the disk.
func (b *Broker) tookFetched(now machine.Now, q *asked, topic [16]byte, x *kmsg.FetchResponseTopicPartition, records wire.Records, out *machine.Effects) (err error) {
	p := q.f.p
	switch {
	case p.topicID != topic || p.TP().Partition != x.Partition:
		b.retryFetch(now, q.f)
	case x.ErrorCode == wire.FencedLeaderEpoch:
		q.f.retryAt = machine.Never // there is a later leader: the metadata will name it
	case x.ErrorCode == wire.OffsetOutOfRange && x.LogStartOffset > p.LogEnd():
		err = p.StartAt(x.LogStartOffset)
		b.cfg.Failpoints.Hit(failpoint.StartMoved)
		b.flush(p, out)
	case x.ErrorCode != 0:
		b.retryFetch(now, q.f)
	case x.DivergingEpoch.EndOffset >= 0:
		err = p.Diverged(x.DivergingEpoch.Epoch, x.DivergingEpoch.EndOffset)
	default:
		if records.Len() > 0 {
			out.Work(machine.Work{Bytes: records.Len(), Partitions: 1})
		}
		err = p.AppendFetched(records, x.HighWatermark)
		switch {
		case err == nil:
		case errors.Is(err, replica.ErrCorrupt):
			b.retryFetch(now, q.f)
			err = nil
		case errors.Is(err, machine.ErrNoSpace):
			b.cfg.Failpoints.Hit(failpoint.DiskFull)
			b.retryFetch(now, q.f)
			err = nil
		}
		if err == nil && !b.cfg.Failpoints.On(failpoint.R23IgnoreLogStart, uint64(x.LogStartOffset)) {
			err = p.LeaderStart(x.LogStartOffset)
		}
		b.flush(p, out)
	}
	return err
}

func (b *Broker) retryFetch(now machine.Now, f *fetching) {
	f.retryAt = now.Mono.Add(b.cfg.Settings.ReplicaFetchBackoff)
}

func (f *fetcher) due() machine.Instant {
	switch {
	case f.state == linkUp && !f.underWay:
		return f.earliest()
	case f.state == linkDown:
		return max(f.retryAt, f.earliest())
	}
	return f.until
}
