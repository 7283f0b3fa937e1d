package log

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
)

// newCoordinated is a lab with coordinators of groups, in a topic of so many partitions, and a
// topic "orders" of one partition.
func newCoordinated(t testing.TB, brokers int, partitions int32, set func(*config.Broker)) *lab {
	t.Helper()
	l := newAdministered(t, brokers, func(b *config.Broker) {
		b.OffsetsTopicNumPartitions = partitions
		b.GroupInitialRebalanceDelay = 0
		if set != nil {
			set(b)
		}
	})
	l.coordinate("g")
	l.create("orders", nil, 1)
	return l
}

// coordinate has the internal topics made, and commits an offset for a group.
func (l *lab) coordinate(group string) {
	l.t.Helper()
	c := l.client(l.brokers[0])
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, group), 1)
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofTransaction, group), 1)
	c.hangUp()
	l.advance(time.Second)
	if l.broker(1).Image().Topics["orders"] != nil {
		_, c := l.home(group)
		if s := c.commit(group, 1); s != committed {
			l.t.Fatal(s)
		}
		c.hangUp()
	}
}

// home is the process that coordinates a group, and a client of it.
func (l *lab) home(group string) (*labNode, *labClient) {
	l.t.Helper()
	id := l.coordinatorOf(ofGroup, group)
	if id < 0 {
		l.t.Fatalf("%s has no coordinator", group)
	}
	return l.brokers[id-1], l.client(l.brokers[id-1])
}

// commitRequest is a commit of nobody in particular for partition 0 of topics.
func commitRequest(group string, offset int64, topics ...string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	for _, topic := range topics {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset, p.Metadata = offset, kmsg.StringPtr("")
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = topic, append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	return req
}

func commitCodes(resp *kmsg.OffsetCommitResponse) (s string) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			s += fmt.Sprintf("%s-%d %s;", t.Topic, p.Partition, wire.ErrorName(p.ErrorCode))
		}
	}
	return s
}

// commit commits an offset for orders-0, and says what came of it.
func (c *labClient) commit(group string, offset int64) string {
	c.l.t.Helper()
	return commitCodes(ask[*kmsg.OffsetCommitResponse](c, commitRequest(group, offset, "orders"), 8))
}

const committed = "orders-0 NONE;"

func fetchOffsetRequest(group, topic string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic, t.Partitions = topic, []int32{0}
	req.Topics = append(req.Topics, t)
	return req
}

// fetched is what a coordinator says was committed for orders-0.
func (c *labClient) fetched(group string) string {
	c.l.t.Helper()
	return fetchedOffset(ask[*kmsg.OffsetFetchResponse](c, fetchOffsetRequest(group, "orders"), 7))
}

func fetchedOffset(resp *kmsg.OffsetFetchResponse) string {
	if resp.ErrorCode != 0 {
		return wire.ErrorName(resp.ErrorCode)
	}
	p := resp.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return wire.ErrorName(p.ErrorCode)
	}
	return fmt.Sprint(p.Offset)
}

// What is committed is known to whoever coordinates next.
func TestCommitsSurviveFailOver(t *testing.T) {
	l := newCoordinated(t, 3, 5, nil)
	for i := range 20 {
		group := fmt.Sprint("group-", i)
		_, c := l.home(group)
		if s := c.commit(group, int64(i)); s != committed {
			t.Fatal(s)
		}
		c.hangUp()
	}
	for _, down := range l.brokers {
		l.crash(down)
		l.advance(20 * time.Second)
		for i := range 20 {
			group := fmt.Sprint("group-", i)
			_, c := l.home(group)
			if s := c.fetched(group); s != fmt.Sprint(i) {
				t.Errorf("while %s is down %s has %s", down.name, group, s)
			}
			c.hangUp()
		}
		l.start(down)
		l.advance(20 * time.Second)
	}
}

// others are the brokers beside one.
func (l *lab) others(n *labNode) (list []*labNode) {
	for _, b := range l.brokers {
		if b != n {
			list = append(list, b)
		}
	}
	return list
}

// leaderOf is the broker that leads a partition, as the controller says.
func (l *lab) leaderOf(topic string, n int32) *labNode {
	l.t.Helper()
	info := l.controller.machine.(*ControllerNode).Image().Partition(topic, n)
	if info == nil || info.Leader < 1 {
		l.t.Fatalf("%s-%d has no leader", topic, n)
	}
	return l.brokers[info.Leader-1]
}

// While a coordinator does not know all that was committed before it, nobody is told anything,
// and nothing is taken.
func TestNothingWhileLoading(t *testing.T) {
	l := newCoordinated(t, 3, 1, nil)
	l.create("bills", nil, 1, 2, 3)
	first, c := l.home("g")
	if s := c.commit("g", 41); s != committed {
		t.Fatal(s)
	}
	if s := commitCodes(ask[*kmsg.OffsetCommitResponse](c, commitRequest("g", 7, "bills"), 8)); s != "bills-0 NONE;" {
		t.Fatal(s)
	}
	rest := l.others(first)
	l.crash(first)
	// Whoever leads next cannot know what is committed while the other one, which is in sync,
	// has not been heard of.
	l.advance(8 * time.Second)
	for _, n := range rest {
		l.pause(n)
	}
	l.advance(2 * time.Second)
	next := l.leaderOf(coordinator.Offsets, 0)
	l.resume(next)
	l.advance(time.Second)
	c = l.client(next)
	if s := c.commit("g", 42); s != "orders-0 COORDINATOR_LOAD_IN_PROGRESS;" {
		t.Errorf("a commit: %s", s)
	}
	if s := c.fetched("g"); s != "COORDINATOR_LOAD_IN_PROGRESS" {
		t.Errorf("a fetch of offsets: %s", s)
	}
	if a := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 3); a.ErrorCode != wire.CoordinatorLoadInProgress {
		t.Errorf("a list of groups: %s", wire.ErrorName(a.ErrorCode))
	}
	req := kmsg.NewPtrHeartbeatRequest()
	req.Group = "g"
	if a := ask[*kmsg.HeartbeatResponse](c, req, 3); a.ErrorCode != 0 {
		t.Errorf("a heartbeat, which is always well then: %s", wire.ErrorName(a.ErrorCode))
	}
	// A topic that is deleted meanwhile takes its offsets with it.
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.TimeoutMillis, gone.TopicNames = 1000, []string{"bills"}
	ask[*kmsg.DeleteTopicsResponse](c, gone, 1)
	l.advance(time.Second)
	for _, n := range rest {
		if n != next {
			l.resume(n)
		}
	}
	l.advance(time.Second)
	if s := c.fetched("g"); s != "41" {
		t.Errorf("then the group has %s", s)
	}
	if s := fetchedOffset(ask[*kmsg.OffsetFetchResponse](c, fetchOffsetRequest("g", "bills"), 7)); s != "-1" {
		t.Errorf("of a topic that was deleted it has %s", s)
	}
	if s := c.commit("g", 42); s != committed {
		t.Error(s)
	}
}

// An answer waits until what it says cannot be lost; so does one that only reads, for it has
// seen it. What does not become safe in time is answered, and may be true all the same.
func TestAnswersWaitForReplicas(t *testing.T) {
	l := newCoordinated(t, 3, 1, nil)
	n, c := l.home("g")
	reader, beater := l.client(n), l.client(n)
	if s := c.commit("g", 1); s != committed {
		t.Fatal(s)
	}
	beat := beater.member("h")
	for _, other := range l.others(n) {
		l.pause(other)
	}
	c.send(commitRequest("g", 2, "orders"), 8)
	c.waits("a commit that one replica has")
	reader.send(fetchOffsetRequest("g", "orders"), 7)
	reader.waits("a read of it")
	if a := ask[*kmsg.HeartbeatResponse](beater, beat, 3); a.ErrorCode != 0 {
		t.Errorf("a heartbeat: %s", wire.ErrorName(a.ErrorCode))
	}
	l.advance(5*time.Second - 1)
	c.waits("a commit before offsets.commit.timeout.ms")
	l.advance(1)
	if s := commitCodes(c.answer().(*kmsg.OffsetCommitResponse)); s != "orders-0 COORDINATOR_NOT_AVAILABLE;" {
		t.Errorf("a commit that is late: %s", s)
	}
	if s := fetchedOffset(reader.answer().(*kmsg.OffsetFetchResponse)); s != "COORDINATOR_NOT_AVAILABLE" {
		t.Errorf("a read that is late: %s", s)
	}
	for _, other := range l.others(n) {
		l.resume(other)
	}
	l.advance(time.Second)
	if s := c.fetched("g"); s != "2" {
		t.Errorf("then there is %s", s)
	}
}

// Below min.insync.replicas nothing is decided: what could not be appended was not.
func TestTooFewReplicas(t *testing.T) {
	l := newCoordinated(t, 3, 1, func(b *config.Broker) { b.MinInsyncReplicas = 2 })
	n, c := l.home("g")
	if s := c.commit("g", 1); s != committed {
		t.Fatal(s)
	}
	others := l.others(n)
	for _, other := range others {
		l.crash(other)
	}
	l.advance(45 * time.Second) // they are no longer in sync
	if s := c.commit("g", 2); s != "orders-0 COORDINATOR_NOT_AVAILABLE;" {
		t.Errorf("a commit: %s", s)
	}
	if s := c.fetched("g"); s != "1" {
		t.Errorf("it has %s", s)
	}
	l.start(others[0])
	l.advance(20 * time.Second)
	if s := c.fetched("g"); s != "1" {
		t.Errorf("with two replicas it has %s", s)
	}
	if s := c.commit("g", 3); s != committed {
		t.Errorf("with two replicas: %s", s)
	}
}

// Who waits for a coordinator that is none any more is told so, in the step in which it hears
// of that; what was asked for may be true.
func TestCoordinatorMovesMeanwhile(t *testing.T) {
	l := newCoordinated(t, 3, 1, func(b *config.Broker) { b.GroupInitialRebalanceDelay = 3 * time.Second })
	n, c := l.home("g")
	joiner := l.client(n)
	if s := c.commit("g", 1); s != committed {
		t.Fatal(s)
	}
	l.pause(n) // others lead soon
	l.advance(20 * time.Second)
	c.send(commitRequest("g", 2, "orders"), 8)
	joiner.send(joinRequest("h", ""), 1)
	l.resume(n)
	l.advance(time.Second)
	if s := commitCodes(c.answer().(*kmsg.OffsetCommitResponse)); s != "orders-0 NOT_COORDINATOR;" {
		t.Errorf("a commit: %s", s)
	}
	if a := joiner.answer().(*kmsg.JoinGroupResponse); a.ErrorCode != wire.NotCoordinator {
		t.Errorf("a join: %s", wire.ErrorName(a.ErrorCode))
	}
	if s := c.commit("g", 3); s != "orders-0 NOT_COORDINATOR;" {
		t.Errorf("a commit to who is none: %s", s)
	}
	if s := c.fetched("g"); s != "NOT_COORDINATOR" {
		t.Errorf("a fetch from who is none: %s", s)
	}
	_, c = l.home("g")
	if s := c.fetched("g"); s != "1" && s != "2" {
		t.Errorf("the next one has %s", s)
	}
}

// joinRequest is of a member that has one protocol and subscribes to nothing in particular.
func joinRequest(group, member string) *kmsg.JoinGroupRequest {
	req := kmsg.NewPtrJoinGroupRequest()
	req.Group, req.MemberID, req.ProtocolType = group, member, "consumer"
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 10_000, 60_000
	p := kmsg.NewJoinGroupRequestProtocol()
	p.Name, p.Metadata = "range", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	req.Protocols = append(req.Protocols, p)
	return req
}

// member has a client be the only member of a group, and returns the heartbeat of it.
func (c *labClient) member(group string) *kmsg.HeartbeatRequest {
	c.l.t.Helper()
	joined := ask[*kmsg.JoinGroupResponse](c, joinRequest(group, ""), 1)
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.Generation, sync.MemberID = group, joined.Generation, joined.MemberID
	sync.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: joined.MemberID, MemberAssignment: []byte("all")}}
	if a := ask[*kmsg.SyncGroupResponse](c, sync, 1); a.ErrorCode != 0 || string(a.MemberAssignment) != "all" {
		c.l.t.Fatalf("%s: %+v", group, a)
	}
	beat := kmsg.NewPtrHeartbeatRequest()
	beat.Group, beat.Generation, beat.MemberID = group, joined.Generation, joined.MemberID
	return beat
}

// A member that waits for the others holds its connection. When it hangs up, the group goes on
// without an answer to it.
func TestJoinerHangsUp(t *testing.T) {
	l := newCoordinated(t, 1, 1, func(b *config.Broker) { b.GroupInitialRebalanceDelay = 3 * time.Second })
	n, c := l.home("g")
	c.send(joinRequest("g", ""), 1)
	c.send(kmsg.NewPtrApiVersionsRequest(), 0)
	c.waits("a member, before the initial delay")
	other := l.client(n)
	other.send(joinRequest("g", ""), 1)
	c.hangUp()
	l.advance(7 * time.Second)
	a := other.answer().(*kmsg.JoinGroupResponse)
	if a.ErrorCode != 0 || len(l.broker(1).coordinators.inquiries) > 0 {
		t.Errorf("the other one: %+v; %d wait", a, len(l.broker(1).coordinators.inquiries))
	}
}

// A coordinator whose log cannot be read says so to an operator and is none; those of other
// partitions serve.
func TestDamagedCoordinator(t *testing.T) {
	for _, damage := range []string{"a byte", "a record of nobody"} {
		l := newCoordinated(t, 1, 5, nil)
		_, c := l.home("g")
		homes := map[int32]string{}
		for i := range 30 {
			group := fmt.Sprint("group-", i)
			if s := c.commit(group, int64(i)); s != committed {
				t.Fatal(s)
			}
			homes[coordinator.PartitionFor(group, 5)] = group
		}
		at := coordinator.PartitionFor("group-0", 5)
		if damage == "a record of nobody" {
			tool := l.client(l.brokers[0])
			tool.format = kmsg.NewRequestFormatter(kmsg.FormatterClientID(adminClient))
			b := wire.NewBuilder(-1, -1, -1)
			b.Append(1, []byte{0, 1, 0}, []byte("v"), nil)
			req := produceRequest(coordinator.Offsets, -1, time.Second, b.Bytes().Contiguous())
			req.Topics[0].Partitions[0].Partition = at
			ask[*kmsg.ProduceResponse](tool, req, 9)
		}
		l.stop(l.brokers[0]) // in good order: the next life believes what is on the disk
		l.crash(l.brokers[0])
		if damage == "a byte" {
			name := fmt.Sprintf("%s-%d/00000000000000000000.log", coordinator.Offsets, at)
			log := l.brokers[0].disk.Get(name)
			log[len(log)-3] ^= 1
			l.brokers[0].disk.Put(name, log)
		}
		l.start(l.brokers[0])
		l.advance(10 * time.Second)
		c = l.client(l.brokers[0])
		for n, group := range homes {
			want := fmt.Sprint(group[len("group-"):])
			if n == at {
				want = "NOT_COORDINATOR"
			}
			if s := c.fetched(group); s != want {
				t.Errorf("%s: %s has %s", damage, group, s)
			}
		}
		if found := l.broker(1).Found(); len(found) != 1 {
			t.Errorf("%s: an operator is told %q", damage, found)
		} else {
			t.Log(found[0])
		}
		if list := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 3); list.ErrorCode != 0 || len(list.Groups) >= 30 || len(list.Groups) == 0 {
			t.Errorf("%s: %d groups are listed: %s", damage, len(list.Groups), wire.ErrorName(list.ErrorCode))
		}
	}
}

// What is too large for a batch is not kept (CoordinatorOperationExceptionHelper).
func TestCommitTooLarge(t *testing.T) {
	l := newCoordinated(t, 1, 1, func(b *config.Broker) { b.MessageMaxBytes = 300; b.OffsetMetadataMaxBytes = 1000 })
	_, c := l.home("g")
	if s := c.commit("g", 1); s != committed {
		t.Fatal(s)
	}
	req := commitRequest("g", 2, "orders")
	long := fmt.Sprintf("%300d", 1)
	req.Topics[0].Partitions[0].Metadata = &long
	if s := commitCodes(ask[*kmsg.OffsetCommitResponse](c, req, 8)); s != "orders-0 UNKNOWN_SERVER_ERROR;" {
		t.Error(s)
	}
	if s := c.fetched("g"); s != "1" {
		t.Errorf("it has %s", s)
	}
}

// Of a request about several groups each coordinator has its part, and the answers come in the
// order of the request. Offsets of partitions that there are none of are refused beside those
// that are kept.
func TestSeveralGroups(t *testing.T) {
	l := newCoordinated(t, 1, 5, nil)
	_, c := l.home("g")
	var groups []string
	for i := range 10 {
		groups = append(groups, fmt.Sprint("group-", i))
		req := commitRequest(groups[i], int64(i), "nothing", "orders")
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset = 7, 1
		req.Topics[1].Partitions = append(req.Topics[1].Partitions, p)
		want := "nothing-0 UNKNOWN_TOPIC_OR_PARTITION;orders-7 UNKNOWN_TOPIC_OR_PARTITION;orders-0 NONE;"
		if s := commitCodes(ask[*kmsg.OffsetCommitResponse](c, req, 8)); s != want {
			t.Error(s)
		}
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	for _, group := range append(groups, groups[3]) {
		x := kmsg.NewOffsetFetchRequestGroup()
		x.Group = group
		fetch.Groups = append(fetch.Groups, x) // of all topics
	}
	for i, x := range ask[*kmsg.OffsetFetchResponse](c, fetch, 8).Groups {
		if want := (append(groups, groups[3]))[i]; x.Group != want || fmt.Sprint("group-", x.Topics[0].Partitions[0].Offset) != want {
			t.Errorf("offsets of %s: %+v", want, x)
		}
	}
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = groups
	for i, x := range ask[*kmsg.DescribeGroupsResponse](c, describe, 5).Groups {
		if x.Group != groups[i] {
			t.Errorf("%s is described as %+v", groups[i], x)
		}
	}
	if list := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 3); len(list.Groups) != 10 {
		t.Errorf("%d groups are listed", len(list.Groups))
	}
	del := kmsg.NewPtrDeleteGroupsRequest()
	del.Groups = append([]string{"nobody"}, append(groups[:5:5], groups[0])...)
	for i, x := range ask[*kmsg.DeleteGroupsResponse](c, del, 1).Groups {
		want := int16(0)
		if i == 0 {
			want = wire.GroupIDNotFound
		}
		if x.Group != del.Groups[i] || x.ErrorCode != want {
			t.Errorf("%s is deleted as %+v", del.Groups[i], x)
		}
	}
	if list := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 3); len(list.Groups) != 5 {
		t.Errorf("%d groups are left", len(list.Groups))
	}
	// A topic that is deleted takes its offsets with it.
	gone := kmsg.NewPtrDeleteTopicsRequest()
	gone.TimeoutMillis, gone.TopicNames = 1000, []string{"orders"}
	ask[*kmsg.DeleteTopicsResponse](c, gone, 1)
	l.advance(time.Second)
	if s := c.fetched(groups[7]); s != "-1" {
		t.Errorf("of a topic that is no more a group has %s", s)
	}
}

// The cleaner keeps the last commit of each group, and that is all that the next coordinator
// needs.
func TestCommitsOfACleanedLog(t *testing.T) {
	l := newCoordinated(t, 2, 1, func(b *config.Broker) {
		b.LogRollMillis, b.LogCleanerBackoff, b.OffsetsTopicCompressionCodec = 3000, time.Second, 4
	})
	n, c := l.home("g")
	for i := range 300 {
		if s := c.commit(fmt.Sprint("group-", i%7), int64(i)); s != committed {
			t.Fatal(s)
		}
		l.advance(100 * time.Millisecond)
	}
	for _, b := range l.brokers {
		r := b.machine.(*Broker).Replica(wire.TP{Topic: coordinator.Offsets})
		records := 0
		if err := r.Each(0, func(*wire.Batch, *wire.Record) error { records++; return nil }); err != nil {
			t.Fatal(err)
		}
		if end := r.LogEnd(); end != 300 || records > 60 || records < 7 {
			t.Errorf("%s: of %d records %d are left", b.name, end, records)
		}
	}
	l.crash(n)
	l.advance(20 * time.Second)
	_, c = l.home("g")
	for i := 293; i < 300; i++ {
		if s := c.fetched(fmt.Sprint("group-", i%7)); s != fmt.Sprint(i) {
			t.Errorf("group-%d has %s, and has committed %d last", i%7, s, i)
		}
	}
}
