package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
)

// newShared is a lab with share groups, whose topics are made, and a topic "orders" of one
// partition, on all brokers.
func newShared(t testing.TB, brokers int, set func(*config.Broker)) *lab {
	t.Helper()
	l := newCoordinated(t, brokers, 5, set)
	c := l.client(l.brokers[0])
	req := findRequest(ofShares, "g:AAAAAAAAAAAAAAAAAAAAAA:0")
	req.CoordinatorKeys = []string{req.CoordinatorKey}
	if a := ask[*kmsg.FindCoordinatorResponse](c, req, 6).Coordinators[0]; a.ErrorCode != wire.CoordinatorNotAvailable {
		t.Fatalf("%+v", a)
	}
	c.hangUp()
	replicas := []int32{1, 2, 3}[:brokers]
	l.create("shared", nil, replicas...)
	l.advance(time.Second)
	return l
}

// groupSetting gives a group a setting of its own.
func (l *lab) groupSetting(group, name, value string) {
	l.t.Helper()
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
	r.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: name, Value: &value}}
	req.Resources = append(req.Resources, r)
	c := l.client(l.brokers[0])
	if a := ask[*kmsg.IncrementalAlterConfigsResponse](c, req, 1).Resources[0]; a.ErrorCode != 0 {
		l.t.Fatalf("%s=%s: %s", name, value, *a.ErrorMessage)
	}
	c.hangUp()
	l.advance(time.Second)
}

// sharer is a member of a share group, as a client plays it.
type sharer struct {
	l      *lab
	c      *labClient // of the leader of shared-0
	group  string
	member string
	epoch  int32 // of its session
	to     *labNode
}

func (l *lab) sharer(group, member string) *sharer {
	l.t.Helper()
	s := &sharer{l: l, group: group, member: member}
	s.connect()
	s.beat(0, "shared")
	return s
}

func (s *sharer) connect() {
	s.l.t.Helper()
	if s.c != nil && s.c.closed == nil {
		s.c.hangUp()
	}
	s.to = s.l.leaderOf("shared", 0)
	s.c, s.epoch = s.l.client(s.to), 0
}

// beat is a heartbeat.
func (s *sharer) beat(epoch int32, topics ...string) *kmsg.ShareGroupHeartbeatResponse {
	s.l.t.Helper()
	_, c := s.l.home(s.group)
	defer c.hangUp()
	req := kmsg.NewPtrShareGroupHeartbeatRequest()
	req.GroupID, req.MemberID, req.MemberEpoch, req.SubscribedTopicNames = s.group, s.member, epoch, topics
	c.send(req, 1)
	for range 100 {
		if len(c.answers) > 0 {
			break
		}
		s.l.advance(100 * time.Millisecond)
	}
	return c.answer().(*kmsg.ShareGroupHeartbeatResponse)
}

func (s *sharer) topic() [16]byte {
	return s.l.controller.machine.(*ControllerNode).Image().Topics["shared"].ID
}

// request is a ShareFetch, in which something is said of records: "0-3 accept, 4 release".
func (s *sharer) request(says string, wait time.Duration) *kmsg.ShareFetchRequest {
	req := kmsg.NewPtrShareFetchRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = &s.group, &s.member, s.epoch
	req.MaxBytes, req.MinBytes, req.MaxRecords, req.BatchSize, req.MaxWaitMillis = 1<<20, 1, 500, 500, int32(wait.Milliseconds())
	p := kmsg.NewShareFetchRequestTopicPartition()
	for _, text := range strings.Split(says, ",") {
		var a kmsg.ShareFetchRequestTopicPartitionAcknowledgementBatch
		var word string
		if n, _ := fmt.Sscanf(strings.TrimSpace(text), "%d-%d %s", &a.FirstOffset, &a.LastOffset, &word); n != 3 {
			continue
		}
		a.AcknowledgeTypes = []int8{int8(slices.Index([]string{"gap", "accept", "release", "reject", "renew"}, word))}
		p.AcknowledgementBatches = append(p.AcknowledgementBatches, a)
	}
	t := kmsg.NewShareFetchRequestTopic()
	t.TopicID, t.Partitions = s.topic(), append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// fetch is an answer to that, in words: "0-4 x1 [a b c d e]".
func (s *sharer) fetch(says string) string {
	s.l.t.Helper()
	s.c.send(s.request(says, 500*time.Millisecond), 2)
	return s.told()
}

func (s *sharer) told() string {
	s.l.t.Helper()
	for range 100 {
		if len(s.c.answers) > 0 || s.c.closed != nil {
			break
		}
		s.l.advance(100 * time.Millisecond)
	}
	return s.words(s.c.answer().(*kmsg.ShareFetchResponse))
}

func (s *sharer) words(r *kmsg.ShareFetchResponse) string {
	if r.ErrorCode != 0 {
		return wire.ErrorName(r.ErrorCode)
	}
	s.epoch++
	var out []string
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				out = append(out, wire.ErrorName(p.ErrorCode))
			}
			if p.AcknowledgeErrorCode != 0 {
				out = append(out, "said: "+wire.ErrorName(p.AcknowledgeErrorCode))
			}
			for _, a := range p.AcquiredRecords {
				out = append(out, fmt.Sprintf("%d-%d x%d", a.FirstOffset, a.LastOffset, a.DeliveryCount))
			}
			if len(p.Records) > 0 {
				out = append(out, fmt.Sprint(values(s.l.t, p.Records)))
			}
		}
	}
	return strings.Join(out, " ")
}

func (s *sharer) want(says, want string) {
	s.l.t.Helper()
	if got := s.fetch(says); got != want {
		s.l.t.Fatalf("%s says %q and is told %q, want %q", s.member, says, got, want)
	}
}

// put appends records to the shared topic, each in a batch of its own.
func (l *lab) put(list ...string) {
	l.t.Helper()
	c := l.client(l.leaderOf("shared", 0))
	defer c.hangUp()
	for _, v := range list {
		c.send(produceRequest("shared", -1, time.Second, batch(v)), 9)
		for range 30 {
			if len(c.answers) > 0 {
				break
			}
			l.advance(100 * time.Millisecond)
		}
		if p := c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0]; p.ErrorCode != 0 {
			l.t.Fatal(wire.ErrorName(p.ErrorCode))
		}
	}
}

// What a member gives back others get; what it has accepted nobody gets again, whoever leads the
// partition and whoever coordinates; what it has when it goes, or its leader, others get.
func TestShareGroupSurvivesFailOver(t *testing.T) {
	l := newShared(t, 3, nil)
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	l.put("a", "b", "c", "d", "e", "f")
	x, y := l.sharer("s", "x"), l.sharer("s", "y")
	x.want("", "0-5 x1 [a b c d e f]")
	y.want("", "")
	x.want("0-1 accept, 2-2 release, 3-3 reject", "2-2 x2 [c]")
	y.want("2-2 accept", "said: INVALID_RECORD_STATE")
	x.want("2-2 accept, 6-6 accept", "said: INVALID_REQUEST") // all or nothing
	x.want("2-2 accept", "")

	// The leader dies: x has 4 and 5, and nobody knows of that any more.
	down := l.leaderOf("shared", 0)
	l.crash(down)
	l.advance(20 * time.Second)
	x.connect()
	y.connect()
	y.want("", "4-5 x1 [e f]")
	x.want("", "")

	// y hangs up, and what it has had was not delivered.
	y.c.hangUp()
	l.advance(time.Second)
	x.want("", "4-5 x1 [e f]")
	x.want("4-5 accept", "")
	l.start(down)
	l.advance(20 * time.Second)

	// Every coordinator dies in turn, and all is as it was.
	for _, b := range l.brokers {
		l.crash(b)
		l.advance(20 * time.Second)
		l.start(b)
		l.advance(20 * time.Second)
	}
	z := l.sharer("s", "z")
	z.want("", "")
	l.put("g")
	z.want("", "6-6 x1 [g]")
	z.want("6-6 accept", "")
	if got := l.shareOffset("s"); got != "7" && got != "6" { // the last of it is written with the next
		t.Errorf("the group is at %s", got)
	}
}

// shareOffset is where a group is, as an operator is told.
func (l *lab) shareOffset(group string) string {
	l.t.Helper()
	_, c := l.home(group)
	defer c.hangUp()
	req := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
	g.GroupID = group
	req.Groups = append(req.Groups, g)
	c.send(req, 0)
	l.advance(time.Second)
	r := c.answer().(*kmsg.DescribeShareGroupOffsetsResponse).Groups[0]
	if r.ErrorCode != 0 {
		return wire.ErrorName(r.ErrorCode)
	}
	if len(r.Topics) == 0 {
		return "none"
	}
	return fmt.Sprint(r.Topics[0].Partitions[0].StartOffset)
}

// A lock ends, and a record that was delivered too often is delivered no more.
func TestShareLocksEnd(t *testing.T) {
	l := newShared(t, 1, func(b *config.Broker) { b.GroupShareDeliveryCountLimit = 3 })
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	l.groupSetting("s", "share.record.lock.duration.ms", "15000")
	l.put("a")
	x, y := l.sharer("s", "x"), l.sharer("s", "y")
	x.want("", "0-0 x1 [a]")
	y.c.send(y.request("", time.Minute), 2)
	l.advance(14 * time.Second)
	y.c.waits("who fetches what another has")
	l.advance(time.Second)
	if got := y.told(); got != "0-0 x2 [a]" {
		t.Fatal(got)
	}
	x.want("0-0 accept", "said: INVALID_RECORD_STATE")
	y.want("0-0 release", "0-0 x3 [a]")
	y.want("0-0 release", "")
	l.put("b")
	x.want("", "1-1 x1 [b]")
}

// Sessions are of a member, and their requests come in order.
func TestShareSessions(t *testing.T) {
	l := newShared(t, 1, func(b *config.Broker) { b.GroupShareMaxSessions = 2 })
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	l.put("a")
	x := l.sharer("s", "x")
	x.epoch = 3
	x.want("", "SHARE_SESSION_NOT_FOUND")
	x.epoch = 0
	x.want("", "0-0 x1 [a]")
	x.epoch = 7
	x.want("", "INVALID_SHARE_SESSION_EPOCH")
	x.epoch = 0
	x.want("0-0 accept", "INVALID_REQUEST")
	x.want("", "") // a new session: what it has it has still
	x.want("0-0 accept", "")
	y, z := l.sharer("s", "y"), l.sharer("s", "z")
	y.want("", "")
	z.want("", "SHARE_SESSION_LIMIT_REACHED")
	y.epoch = -1
	y.want("", "")
	z.want("", "")

	acks := kmsg.NewPtrShareAcknowledgeRequest()
	acks.GroupID, acks.MemberID, acks.ShareSessionEpoch = &z.group, &z.member, 0
	if r := ask[*kmsg.ShareAcknowledgeResponse](z.c, acks, 2); r.ErrorCode != wire.InvalidShareSessionEpoch {
		t.Errorf("%s", wire.ErrorName(r.ErrorCode))
	}
	l.put("b")
	z.want("", "1-1 x1 [b]")
	p := kmsg.NewShareAcknowledgeRequestTopicPartition()
	p.AcknowledgementBatches = []kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch{{FirstOffset: 1, LastOffset: 1, AcknowledgeTypes: []int8{2}}}
	acks.ShareSessionEpoch, acks.Topics = z.epoch, []kmsg.ShareAcknowledgeRequestTopic{{TopicID: z.topic(), Partitions: []kmsg.ShareAcknowledgeRequestTopicPartition{p}}}
	z.c.send(acks, 2)
	l.advance(time.Second)
	if r := z.c.answer().(*kmsg.ShareAcknowledgeResponse); r.ErrorCode != 0 || r.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("%+v", r)
	}
	z.epoch++
	z.want("", "1-1 x2 [b]")
}

// A group reads what is committed, if it says so, and nothing of what was aborted.
func TestShareReadCommitted(t *testing.T) {
	l := newShared(t, 1, nil)
	for _, group := range []string{"all", "committed"} {
		l.groupSetting(group, "share.auto.offset.reset", "earliest")
	}
	l.groupSetting("committed", "share.isolation.level", "read_committed")
	l.put("a")
	p := l.producer("t", 1)
	x, y := l.sharer("all", "x"), l.sharer("committed", "y")
	wantCode(t, "produce", p.produce("shared", "b", "c"), 0)
	l.put("d")
	x.want("", "0-3 x1 [a b c d]")
	y.want("", "0-0 x1 [a]") // up to the last stable offset
	wantCode(t, "abort", p.end(false), 0)
	y.want("", "3-3 x1 [d]")
	y.want("", "4-4 x1 [\x00\x00\x00\x00\x00\x00]") // the marker, of which the client says that it is none
	y.want("0-0 accept, 3-3 accept, 4-4 gap", "")
}

// An operator sets a group back in which there is nobody, and forgets it.
func TestShareOffsetsAltered(t *testing.T) {
	l := newShared(t, 1, nil)
	l.put("a", "b", "c")
	x := l.sharer("s", "x")
	x.want("", "") // it begins at the end
	alter := func(offset int64) string {
		_, c := l.home("s")
		defer c.hangUp()
		req := kmsg.NewPtrAlterShareGroupOffsetsRequest()
		req.GroupID = "s"
		req.Topics = []kmsg.AlterShareGroupOffsetsRequestTopic{{Topic: "shared", Partitions: []kmsg.AlterShareGroupOffsetsRequestTopicPartition{{StartOffset: offset}}}}
		c.send(req, 0)
		l.advance(time.Second)
		r := c.answer().(*kmsg.AlterShareGroupOffsetsResponse)
		if r.ErrorCode != 0 {
			return wire.ErrorName(r.ErrorCode)
		}
		return wire.ErrorName(r.Topics[0].Partitions[0].ErrorCode)
	}
	if got := alter(1); got != "NON_EMPTY_GROUP" {
		t.Fatal(got)
	}
	x.beat(-1)
	x.epoch = -1
	x.want("", "")
	if got := alter(1); got != "NONE" {
		t.Fatal(got)
	}
	if got := l.shareOffset("s"); got != "1" {
		t.Fatal(got)
	}
	x = l.sharer("s", "x")
	x.want("", "1-2 x1 [b c]")
	x.want("1-2 accept", "")
	x.beat(-1)
	x.c.hangUp()
	l.advance(time.Second)
	req := kmsg.NewPtrDeleteShareGroupOffsetsRequest()
	req.GroupID, req.Topics = "s", []kmsg.DeleteShareGroupOffsetsRequestTopic{{Topic: "shared"}}
	_, c := l.home("s")
	c.send(req, 0)
	l.advance(time.Second)
	if r := c.answer().(*kmsg.DeleteShareGroupOffsetsResponse); r.ErrorCode != 0 || r.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", r)
	}
	if got := l.shareOffset("s"); got != "none" {
		t.Fatal(got)
	}
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Groups = []string{"s"}
	c.send(del, 2)
	l.advance(time.Second)
	if r := c.answer().(*kmsg.DeleteGroupsResponse).Groups[0]; r.ErrorCode != 0 {
		t.Fatal(wire.ErrorName(r.ErrorCode))
	}
	if got := l.shareOffset("s"); got != "none" { // as of a group that nobody knows
		t.Fatal(got)
	}
}

// What share coordinators do not need any more is cut off their logs, and what is left says the
// same.
func TestShareStateIsPruned(t *testing.T) {
	l := newShared(t, 1, func(b *config.Broker) {
		b.ShareStateTopicNumPartitions, b.ShareUpdatesPerSnapshot = 1, 3
	})
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	x := l.sharer("s", "x")
	for i := range 20 {
		l.put(fmt.Sprint(i))
		x.want("", fmt.Sprintf("%d-%d x1 [%d]", i, i, i))
		x.want(fmt.Sprintf("%d-%d accept", i, i), "")
	}
	l.advance(6 * time.Minute)
	p := l.broker(1).Replica(wire.TP{Topic: coordinator.ShareState, Partition: 0})
	if p.LogStart() == 0 {
		t.Errorf("nothing is cut off of %d records", p.LogEnd())
	}
	l.crash(l.brokers[0])
	l.start(l.brokers[0])
	l.advance(20 * time.Second)
	y := l.sharer("s", "y")
	y.want("", "")
	l.put("z")
	y.want("", "20-20 x1 [z]")
}

// What a request says last of a partition is what it says of it, however often it is named: all
// else would cost as much as all locks, each time.
func TestShareAcknowledgesAPartitionOnce(t *testing.T) {
	l := newShared(t, 1, nil)
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	l.put("a", "b")
	x := l.sharer("s", "x")
	x.want("", "0-1 x1 [a b]")
	said := func(types ...int8) kmsg.ShareAcknowledgeRequestTopicPartition {
		p := kmsg.NewShareAcknowledgeRequestTopicPartition()
		for i, word := range types {
			p.AcknowledgementBatches = append(p.AcknowledgementBatches, kmsg.ShareAcknowledgeRequestTopicPartitionAcknowledgementBatch{
				FirstOffset: int64(i), LastOffset: int64(i), AcknowledgeTypes: []int8{word}})
		}
		return p
	}
	req := kmsg.NewPtrShareAcknowledgeRequest()
	req.GroupID, req.MemberID, req.ShareSessionEpoch = &x.group, &x.member, x.epoch
	topic := kmsg.NewShareAcknowledgeRequestTopic()
	topic.TopicID = x.topic()
	for range 1000 {
		topic.Partitions = append(topic.Partitions, said(1, 1))
	}
	topic.Partitions = append(topic.Partitions, said(1, 2))
	req.Topics = append(req.Topics, topic)
	x.c.send(req, 2)
	l.advance(time.Second)
	r := x.c.answer().(*kmsg.ShareAcknowledgeResponse)
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 || r.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("%d topics, %+v", len(r.Topics), r.Topics[0].Partitions[0])
	}
	x.epoch++
	x.want("", "1-1 x2 [b]")
}

// Share coordinators are asked about a partition once a request, and not about what there is not;
// requests of theirs may name one as often as they like.
func TestShareCoordinatorsAreAskedOnce(t *testing.T) {
	l := newShared(t, 1, nil)
	l.groupSetting("s", "share.auto.offset.reset", "earliest")
	l.put("a")
	x := l.sharer("s", "x")
	x.want("", "0-0 x1 [a]")
	x.want("0-0 accept", "")
	const n = 20_000
	req := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
	g.GroupID, g.Topics = "s", []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{{Topic: "shared", Partitions: make([]int32, n)}, {Topic: "none", Partitions: []int32{0}}}
	g.Topics[0].Partitions = append(g.Topics[0].Partitions, 7, -1)
	req.Groups = append(req.Groups, g)
	_, c := l.home("s")
	last := l.broker(1).coordinators.last
	c.send(req, 0)
	l.advance(time.Second)
	r := c.answer().(*kmsg.DescribeShareGroupOffsetsResponse).Groups[0]
	if asked := l.broker(1).coordinators.last - last; asked != 1 {
		t.Errorf("%d share partitions are asked about, want 1", asked)
	}
	if p := r.Topics[0].Partitions; r.ErrorCode != 0 || len(p) != n+2 || p[0].StartOffset < 0 || p[n-1].StartOffset != p[0].StartOffset || p[n].StartOffset != -1 || p[n].ErrorCode != 0 || p[n+1].StartOffset != -1 {
		t.Errorf("%d partitions, the first %+v", len(p), p[0])
	}
	read := kmsg.NewPtrReadShareGroupStateSummaryRequest()
	read.GroupID = "s"
	topic := kmsg.NewReadShareGroupStateSummaryRequestTopic()
	topic.TopicID = x.topic()
	for range n {
		topic.Partitions = append(topic.Partitions, kmsg.NewReadShareGroupStateSummaryRequestTopicPartition())
	}
	read.Topics = append(read.Topics, topic)
	c.send(read, 1)
	l.advance(time.Second)
	if p := c.answer().(*kmsg.ReadShareGroupStateSummaryResponse).Topics[0].Partitions; len(p) != n || p[n-1].ErrorCode != 0 {
		t.Errorf("%d partitions of %d are answered", len(p), n)
	}
}

// A request may name as many groups as a frame has room for: looked for one by one among each other
// they would take hours.
func TestManyGroupsAreDeleted(t *testing.T) {
	l := newShared(t, 1, nil)
	req := kmsg.NewPtrDeleteGroupsRequest()
	const n = 150_000
	for i := range n + 1 {
		req.Groups = append(req.Groups, fmt.Sprint("no-", i%n))
	}
	c := l.client(l.brokers[0])
	c.send(req, 2)
	l.advance(time.Second)
	if r := c.answer().(*kmsg.DeleteGroupsResponse); len(r.Groups) != n || r.Groups[n-1].ErrorCode != wire.GroupIDNotFound {
		t.Errorf("%d groups are answered, want %d", len(r.Groups), n)
	}
}
