package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// parkedShare is a ShareFetch or ShareAcknowledge that is not answered yet: its acknowledgements are
// being written, or there is nothing to acquire (DelayedShareFetch).
type parkedShare struct {
	conn    *conn
	req     wire.Request
	fetch   *kmsg.ShareFetchRequest // nil: it fetches nothing
	session *shareSession
	epoch   int32 // of the session, as long as nobody has begun another request
	until   machine.Instant
	acks    []ackedTP // in the order of the request
	left    int       // of them that are not decided
	parts   []*partition
	used    []*sharePart
}

// ackedTP is a partition that something was said about.
type ackedTP struct {
	sharedTP
	code int16
}

// shareFetch gives records to a member, and takes what it says of others.
func (b *Broker) shareFetch(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.ShareFetchRequest)
	refuse := func(code int16) {
		resp := kmsg.NewPtrShareFetchResponse()
		resp.ErrorCode = code
		b.answer(c, &req, resp, nil, out)
	}
	of, ok := whoShares(body.GroupID, body.MemberID)
	acks := ackedIn(body.Topics)
	renew := body.Version >= 2 && body.IsRenewAck
	switch {
	case !ok || renew && (body.MaxBytes != 0 || body.MinBytes != 0 || body.MaxRecords != 0 || body.MaxWaitMillis != 0):
		refuse(wire.InvalidRequest)
		return
	case body.ShareSessionEpoch == newShareSession && len(acks) > 0:
		refuse(wire.InvalidRequest)
		return
	}
	var x *shareSession
	var code int16
	if body.ShareSessionEpoch == newShareSession {
		x, code = b.beginSession(of, c)
	} else {
		x, code = b.session(of, body.ShareSessionEpoch)
	}
	if code != 0 {
		refuse(code)
		return
	}
	p := &parkedShare{conn: c, req: req, session: x}
	if body.ShareSessionEpoch == lastShareRequest {
		b.acknowledge(now, p, acks, false, out)
		b.lastRequest(now, p, out)
		return
	}
	for i := range body.Topics {
		for j := range body.Topics[i].Partitions {
			x.add(sharedTP{body.Topics[i].TopicID, body.Topics[i].Partitions[j].Partition})
		}
	}
	x.forget(body.ForgottenTopicsData)
	x.next()
	p.epoch = x.epoch
	if !renew {
		p.fetch, p.until = body, now.Mono.Add(time.Duration(max(body.MaxWaitMillis, 0))*time.Millisecond)
	}
	b.parkShare(p)
	b.acknowledge(now, p, acks, renew, out)
	b.tryShare(now, p, out)
}

// whoShares is the member that a request is of; ok is false if it is none.
func whoShares(group, member *string) (of sessionOf, ok bool) {
	const longest = 36 // of a UUID
	if group == nil || member == nil || *group == "" || *member == "" || len(*member) > longest {
		return of, false
	}
	return sessionOf{*group, *member}, true
}

// said is what a member says of records of one partition.
type said struct {
	sharedTP
	acks []share.Ack
}

// sayings are what a request says, once of each partition: what it says last of one is what it says
// (KafkaApis.getAcknowledgeBatchesFromShareFetchRequest).
type sayings struct {
	list []said
	at   map[sharedTP]int
}

func (s *sayings) add(tp sharedTP, acks []share.Ack) {
	if i, has := s.at[tp]; has {
		s.list[i].acks = acks
		return
	}
	if s.at == nil {
		s.at = make(map[sharedTP]int)
	}
	s.at[tp] = len(s.list)
	s.list = append(s.list, said{tp, acks})
}

// acksOf is what is said of one partition, in either request.
func acksOf[B ~struct {
	FirstOffset, LastOffset int64
	AcknowledgeTypes        []int8
	UnknownTags             kmsg.Tags
}](list []B) []share.Ack {
	acks := make([]share.Ack, len(list))
	for i := range list {
		a := kmsg.ShareFetchRequestTopicPartitionAcknowledgementBatch(list[i])
		acks[i] = share.Ack{Range: share.Range{First: a.FirstOffset, Last: a.LastOffset}, Types: a.AcknowledgeTypes}
	}
	return acks
}

func ackedIn(topics []kmsg.ShareFetchRequestTopic) []said {
	var all sayings
	for i := range topics {
		for j := range topics[i].Partitions {
			p := &topics[i].Partitions[j]
			if len(p.AcknowledgementBatches) == 0 {
				continue
			}
			all.add(sharedTP{topics[i].TopicID, p.Partition}, acksOf(p.AcknowledgementBatches))
		}
	}
	return all.list
}

// acknowledge takes what a member says. It is decided when it is written.
func (b *Broker) acknowledge(now machine.Now, x *parkedShare, list []said, renew bool, out *machine.Effects) {
	x.acks = make([]ackedTP, len(list))
	x.left++ // nothing is answered before all is said
	for i := range list {
		x.acks[i].sharedTP = list[i].sharedTP
		sp, write, code := b.acknowledgePart(now, x.session.of, &list[i], renew, out)
		if x.acks[i].code = code; write == 0 {
			continue
		}
		x.left++
		sp.acks = append(sp.acks, shareAck{write, func(now machine.Now, code int16, out *machine.Effects) {
			x.acks[i].code = code
			if x.left--; x.left == 0 {
				b.tryShare(now, x, out)
			}
		}})
	}
	for i := range list {
		if sp := b.knownShare(x.session.of.group, list[i].sharedTP); sp != nil {
			b.shareMoved(now, sp, out)
		}
	}
	x.left--
}

func (b *Broker) acknowledgePart(now machine.Now, of sessionOf, s *said, renew bool, out *machine.Effects) (sp *sharePart, write uint64, code int16) {
	if b.image.ByID[s.topic] == nil {
		return nil, 0, wire.UnknownTopicID
	}
	if code = share.CheckAcks(s.acks, renew); code != 0 {
		return nil, 0, code
	}
	p, code := b.sharedPartition(s.sharedTP)
	if code != 0 {
		return nil, 0, code
	}
	for _, sp := range p.shares {
		if sp.key.Group != of.group || sp.state == nil || sp.epoch != p.LeaderEpoch() {
			continue
		}
		sp.state.LogStart(p.LogStart())
		write, code = sp.state.Acknowledge(now.Mono, of.member, s.acks, b.shareLimits(of.group))
		return sp, write, code
	}
	return nil, 0, wire.InvalidRecordState // nobody has anything of it
}

// lastRequest ends the session of a request, which is answered when all is written.
func (b *Broker) lastRequest(now machine.Now, x *parkedShare, out *machine.Effects) {
	b.parkShare(x)
	x.left++
	b.endSession(now, x.session, func(now machine.Now, out *machine.Effects) {
		if x.left--; x.left == 0 {
			b.tryShare(now, x, out)
		}
	}, out)
}

func (b *Broker) parkShare(x *parkedShare) {
	x.conn.share = x
	b.sharing.parked = append(b.sharing.parked, x)
	if x.fetch == nil {
		x.until = machine.Never
	}
	b.sharing.earliest = min(b.sharing.earliest, x.until)
}

func (b *Broker) unparkShare(x *parkedShare) {
	x.conn.share = nil
	b.sharing.parked = remove(b.sharing.parked, x)
	for _, p := range x.parts {
		p.shareFetches = remove(p.shareFetches, x)
	}
	x.parts = nil
}

// tryShare answers a request if that can be done now.
func (b *Broker) tryShare(now machine.Now, x *parkedShare, out *machine.Effects) {
	if x.conn.share != x || x.left > 0 || b.err != nil {
		return
	}
	if x.fetch == nil {
		b.unparkShare(x)
		b.answerAcks(x, out)
		return
	}
	resp, enough := b.acquire(now, x, out)
	if x.conn.share != x || !enough && now.Mono < x.until {
		return
	}
	b.unparkShare(x)
	b.answer(x.conn, &x.req, resp, nil, out)
}

// answerAcks answers a request that has fetched nothing.
func (b *Broker) answerAcks(x *parkedShare, out *machine.Effects) {
	if x.req.Key == wire.ShareAcknowledge {
		b.answer(x.conn, &x.req, b.shareAcknowledged(x), nil, out)
		return
	}
	r := b.newShareReply(b.shareLimits(x.session.of.group))
	r.tellAcks(x)
	b.answer(x.conn, &x.req, r.resp, nil, out)
}

// shareReply is an answer that is being made.
type shareReply struct {
	resp   *kmsg.ShareFetchResponse
	topics map[[16]byte]int
	parts  map[sharedTP]int
}

func (b *Broker) newShareReply(l share.Limits) *shareReply {
	resp := kmsg.NewPtrShareFetchResponse()
	resp.AcquisitionLockTimeoutMillis = int32(l.Lock.Milliseconds())
	return &shareReply{resp, make(map[[16]byte]int), make(map[sharedTP]int)}
}

// at is the place of a partition in an answer.
func (r *shareReply) at(tp sharedTP) *kmsg.ShareFetchResponseTopicPartition {
	i, has := r.topics[tp.topic]
	if !has {
		t := kmsg.NewShareFetchResponseTopic()
		t.TopicID = tp.topic
		i, r.resp.Topics = len(r.resp.Topics), append(r.resp.Topics, t)
		r.topics[tp.topic] = i
	}
	t := &r.resp.Topics[i]
	j, has := r.parts[tp]
	if !has {
		p := kmsg.NewShareFetchResponseTopicPartition()
		p.Partition = tp.partition
		p.Records = []byte{} // a null is none to librdkafka
		p.AcquiredRecords = []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{}
		j, t.Partitions = len(t.Partitions), append(t.Partitions, p)
		r.parts[tp] = j
	}
	return &t.Partitions[j]
}

// tellAcks says what has become of what was said.
func (r *shareReply) tellAcks(x *parkedShare) {
	for i := range x.acks {
		r.at(x.acks[i].sharedTP).AcknowledgeErrorCode = x.acks[i].code
	}
}

// acquire has a member acquire what there is for it. enough says that there is something to be said
// at once.
func (b *Broker) acquire(now machine.Now, x *parkedShare, out *machine.Effects) (resp *kmsg.ShareFetchResponse, enough bool) {
	limits := b.shareLimits(x.session.of.group)
	r := b.newShareReply(limits)
	left, size := int64(x.fetch.MaxRecords), int64(min(x.fetch.MaxBytes, b.cfg.Settings.FetchMaxBytes))
	session, may := x.session, b.access(x.conn)
	current := b.sharing.sessions[session.of] == session && session.epoch == x.epoch
	n := len(session.parts)
	for i := 0; i < n && current; i++ {
		tp := session.parts[(i+int(session.epoch))%n] // everybody is first once
		p, code := b.sharedPartition(tp)
		if t := b.image.ByID[tp.topic]; t != nil && !may.topic(acl.Read, t.Name) {
			code = noTopic // that the session names it lets nobody read it: it may be another's
		}
		if code == 0 {
			x.waitAt(p)
			sp := x.use(b, now, p, out)
			if code = sp.code; code == 0 && sp.state != nil && left > 0 && size > 0 {
				var given shared
				if given, code = b.acquirePart(now, sp, session.of, x.fetch, limits, left, size, out); len(given.got) > 0 {
					a := r.at(tp)
					a.Records = given.records.Contiguous()
					for _, g := range given.got {
						left -= g.Last - g.First + 1
						a.AcquiredRecords = append(a.AcquiredRecords, kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{FirstOffset: g.First, LastOffset: g.Last, DeliveryCount: g.Count})
					}
					size -= given.records.Len()
					enough = true
				}
			}
		}
		if code != 0 {
			a := r.at(tp)
			a.ErrorCode = code
			session.told[tp] = false
			b.nameLeader(x.conn.listener, tp, code, a, r.resp)
			enough = true
		}
	}
	if !current {
		enough = true
	}
	if !enough && now.Mono < x.until {
		return nil, false
	}
	for _, tp := range session.parts {
		if current && !session.told[tp] {
			session.told[tp] = r.at(tp).ErrorCode == 0
		}
	}
	r.tellAcks(x)
	return r.resp, true
}

// waitAt has a request be tried again when something has happened to a partition.
func (x *parkedShare) waitAt(p *partition) {
	if !slices.Contains(x.parts, p) {
		x.parts = append(x.parts, p)
		p.shareFetches = append(p.shareFetches, x)
	}
}

// use is the share partition of a request. One that ends is not begun again before the member knows
// why.
func (x *parkedShare) use(b *Broker, now machine.Now, p *partition, out *machine.Effects) *sharePart {
	for _, sp := range x.used {
		if sp.p == p && sp.epoch == p.LeaderEpoch() && sp.code != 0 {
			return sp
		}
	}
	sp := b.sharePart(now, x.session.of.group, p, out)
	if !slices.Contains(x.used, sp) {
		x.used = append(x.used, sp)
	}
	return sp
}

// nameLeader says who leads a partition that this broker does not lead (KIP-951).
func (b *Broker) nameLeader(listener string, tp sharedTP, code int16, a *kmsg.ShareFetchResponseTopicPartition, resp *kmsg.ShareFetchResponse) {
	t := b.image.ByID[tp.topic]
	if code == wire.NotLeaderOrFollower {
		a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch = -1, -1 // nobody is known
	}
	if code != wire.NotLeaderOrFollower || t == nil || int(tp.partition) >= len(t.Partitions) || tp.partition < 0 {
		return
	}
	info := t.Partitions[tp.partition]
	leader := b.image.Brokers[info.Leader]
	if leader == nil {
		return
	}
	a.CurrentLeader.LeaderID, a.CurrentLeader.LeaderEpoch = info.Leader, info.LeaderEpoch
	host, port, ok := leader.Endpoint(listener)
	if !ok {
		return
	}
	if !slices.ContainsFunc(resp.NodeEndpoints, func(n kmsg.ShareFetchResponseNodeEndpoint) bool { return n.NodeID == info.Leader }) {
		n := kmsg.NewShareFetchResponseNodeEndpoint()
		n.NodeID, n.Host, n.Port = leader.ID, host, port
		resp.NodeEndpoints = append(resp.NodeEndpoints, n)
	}
}

// shared is what a member is given of a partition.
type shared struct {
	got     []share.Got
	records machine.Bytes
}

func (b *Broker) acquirePart(now machine.Now, sp *sharePart, of sessionOf, body *kmsg.ShareFetchRequest, l share.Limits, most, size int64, out *machine.Effects) (given shared, code int16) {
	who := b.shareIsolation(of.group)
	p := sp.p
	end, code := p.Latest(who)
	if code != 0 {
		return given, 0 // until it is known what is committed
	}
	for sp.state.MayAcquire(l, end) {
		from := sp.state.Next()
		r := p.Read(replica.Reader{Isolation: who, From: from, LastEpoch: -1, CurrentEpoch: -1}, int32(min(size, 1<<30)), true)
		if r.Code == wire.OffsetOutOfRange && from < p.LogStart() {
			sp.state.LogStart(p.LogStart())
			continue
		}
		if r.Code != 0 || r.Records.Len() == 0 {
			return given, r.Code
		}
		open := slices.Clone(r.Aborted)
		var read []share.Read
		for h := range wire.SplitBatches(r.Records) {
			aborted := false
			if h.IsTransactional() {
				for i, t := range open {
					if t.ProducerID == h.ProducerID && t.FirstOffset <= h.BaseOffset {
						if aborted = !h.IsControl(); h.IsControl() {
							open = slices.Delete(open, i, i+1) // it ends here
						}
						break
					}
				}
			}
			read = append(read, share.Read{Range: share.Range{First: h.BaseOffset, Last: h.LastOffset()}, Aborted: aborted})
		}
		want := share.Want{Member: of.member, Records: most, Size: int64(body.BatchSize), Batches: body.Version < 2 || body.ShareAcquireMode == 0}
		given.got = sp.state.Acquire(now.Mono, want, from, read, l)
		if len(given.got) > 0 {
			given.records = batchesOf(r.Records, given.got[0].First, given.got[len(given.got)-1].Last)
			out.Work(machine.Work{Bytes: given.records.Len(), Partitions: 1})
		}
		before := from
		b.shareMoved(now, sp, out)
		if len(given.got) > 0 || sp.code != 0 || sp.state.Next() <= before {
			return given, sp.code
		}
	}
	return given, 0
}

// batchesOf are those that have anything from first to last.
func batchesOf(records machine.Bytes, first, last int64) machine.Bytes {
	from, to, at := int64(0), int64(0), int64(0)
	for h := range wire.SplitBatches(records) {
		at += h.Size()
		if h.LastOffset() < first {
			from = at
		}
		if h.BaseOffset <= last {
			to = at
		}
	}
	return records.Slice(from, max(from, to))
}
