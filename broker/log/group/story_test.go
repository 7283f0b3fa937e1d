package group

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/faults/failpoint"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// story plays the commands of a file against one machine. Members go by short names: c1 is a
// client, c1#2 the second member id that it was given.
type story struct {
	t      *testing.T
	d      *datadriven.TestData
	l      *lab
	ids    map[string][]string // member ids by client
	names  map[string]string   // and back
	waits  map[coordinator.Token]string
	gen    map[string]int32
	lines  strings.Builder
	logged int
}

func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := newStory(t, nil)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t, s.d = t, d
			s.lines.Reset()
			for line := range strings.SplitSeq(strings.TrimSpace(d.Input), "\n") {
				s.play(line)
			}
			return s.lines.String()
		})
	})
}

func newStory(t *testing.T, bugs *failpoint.Set) *story {
	s := &story{t: t, ids: map[string][]string{}, names: map[string]string{}, waits: map[coordinator.Token]string{}, gen: map[string]int32{}}
	s.l = newLab(func(format string, args ...any) {
		s.t.Helper()
		s.t.Errorf("%s: %s", s.d.Pos, fmt.Sprintf(format, args...))
	})
	if bugs != nil {
		s.l.bugs = bugs
		s.l.start()
	}
	return s
}

// line is a command: words, and key=value.
type line struct {
	cmd    string
	words  []string
	values map[string]string
}

func parseLine(text string) line {
	l := line{values: map[string]string{}}
	for i, f := range strings.Fields(text) {
		if k, v, ok := strings.Cut(f, "="); ok {
			l.values[k] = v
		} else if i == 0 {
			l.cmd = f
		} else {
			l.words = append(l.words, f)
		}
	}
	return l
}

func (l line) word(i int) string {
	if i < len(l.words) {
		return l.words[i]
	}
	return ""
}

func (l line) text(key, preset string) string {
	if v, ok := l.values[key]; ok {
		return v
	}
	return preset
}

func (l line) n(key string, preset int) int {
	n, err := strconv.Atoi(l.text(key, strconv.Itoa(preset)))
	if err != nil {
		panic(err)
	}
	return n
}

func (l line) ms(key, preset string) int32 {
	d, err := time.ParseDuration(l.text(key, preset))
	if err != nil {
		panic(err)
	}
	return int32(d.Milliseconds())
}

func (l line) ptr(key string) *string {
	if v, ok := l.values[key]; ok {
		return &v
	}
	return nil
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// offsets are the arguments topic-partition=offset.
func (l line) offsets() (out []struct {
	p partition
	n int64
}) {
	var keys []string
	for k := range l.values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		topic, index, ok := strings.Cut(k, "-")
		i, err := strconv.Atoi(index)
		if !ok || err != nil {
			continue
		}
		n, _ := strconv.ParseInt(l.values[k], 10, 64)
		out = append(out, struct {
			p partition
			n int64
		}{partition{topic, int32(i)}, n})
	}
	return out
}

// id is the member id of a name: the client's last, or c1#1.
func (s *story) id(name string) string {
	client, which, numbered := strings.Cut(name, "#")
	ids := s.ids[client]
	if numbered {
		n, _ := strconv.Atoi(which)
		return ids[n-1]
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

func (s *story) learn(client, id string) {
	if id == "" || s.names[id] != "" {
		return
	}
	s.ids[client] = append(s.ids[client], id)
	s.names[id] = client
	if n := len(s.ids[client]); n > 1 {
		s.names[id] = fmt.Sprintf("%s#%d", client, n)
	}
}

func (s *story) name(id string) string {
	switch {
	case id == "":
		return "nobody"
	case s.names[id] == "":
		return id
	}
	return s.names[id]
}

func (s *story) say(format string, args ...any) { fmt.Fprintf(&s.lines, format+"\n", args...) }

func (s *story) ask(who string, req any) {
	s.waits[s.l.token+1] = who
	s.l.ask(who, req)
	s.hear()
}

func (s *story) hear() {
	answers := s.l.answers
	s.l.answers = nil
	for _, a := range answers {
		who := s.waits[a.To]
		if r, ok := a.Body.(*kmsg.JoinGroupResponse); ok {
			s.learn(who, r.MemberID)
			if r.ErrorCode == 0 {
				s.gen[who] = r.Generation
			}
		}
		if r, ok := a.Body.(*kmsg.ShareGroupHeartbeatResponse); ok && r.ErrorCode == 0 {
			s.gen[who] = r.MemberEpoch
		}
		if r, ok := a.Body.(*kmsg.ConsumerGroupHeartbeatResponse); ok && r.ErrorCode == 0 {
			s.learn(who, *r.MemberID)
			s.gen[who] = r.MemberEpoch
		}
	}
	for _, a := range answers {
		at := ""
		if a.AtOnce {
			at = " (at once)"
		}
		text := s.show(a.Body)
		if who := s.waits[a.To]; who != "" {
			text = who + ": " + text
		}
		s.say("%s%s", text, at)
	}
}

func (s *story) play(text string) {
	l := parseLine(text)
	s.say("> %s", text)
	group := l.text("group", "g")
	switch l.cmd {
	case "join":
		s.join(l, group)
	case "sync":
		s.sync(l, group)
	case "heartbeat":
		r := kmsg.NewPtrHeartbeatRequest()
		who := l.word(0)
		r.Version, r.Group, r.Generation, r.MemberID, r.InstanceID = 4, group, int32(l.n("gen", int(s.gen[strings.Split(who, "#")[0]]))), s.id(who), l.ptr("instance")
		s.ask(who, r)
	case "leave":
		s.leave(l, group)
	case "commit":
		s.commit(l, group)
	case "txncommit":
		s.txnCommit(l, group)
	case "marker":
		s.l.mark(int64(l.n("pid", 0)), l.word(0) == "commit")
	case "fetch":
		s.fetch(l, group)
	case "delete-offsets":
		r := kmsg.NewPtrOffsetDeleteRequest()
		r.Group = group
		for _, o := range l.words {
			topic, index, _ := strings.Cut(o, "-")
			n, _ := strconv.Atoi(index)
			r.Topics = append(r.Topics, kmsg.OffsetDeleteRequestTopic{Topic: topic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: int32(n)}}})
		}
		s.ask("", r)
	case "cjoin", "cbeat", "cleave":
		s.consumer(l, group)
	case "cdescribe":
		r := kmsg.NewPtrConsumerGroupDescribeRequest()
		r.Version, r.Groups = 1, append([]string{}, l.words...)
		if len(r.Groups) == 0 {
			r.Groups = []string{group}
		}
		s.ask("", r)
	case "describe":
		r := kmsg.NewPtrDescribeGroupsRequest()
		r.Version, r.Groups = int16(l.n("v", 6)), append([]string{}, l.words...)
		if len(r.Groups) == 0 {
			r.Groups = []string{group}
		}
		s.ask("", r)
	case "list":
		r := kmsg.NewPtrListGroupsRequest()
		r.Version, r.StatesFilter, r.TypesFilter = 5, list(l.text("states", "")), list(l.text("types", ""))
		s.ask("", r)
	case "delete-groups":
		r := kmsg.NewPtrDeleteGroupsRequest()
		r.Version, r.Groups = 2, l.words
		s.ask("", r)
	case "advance":
		d, err := time.ParseDuration(l.word(0))
		if err != nil {
			s.t.Fatal(err)
		}
		start := s.l.now.Mono
		s.l.advance(d, func(a coordinator.Answer) {
			s.lines.WriteString(fmt.Sprintf("after %v ", time.Duration(s.l.now.Mono-start)))
			s.l.answers = []coordinator.Answer{a}
			s.hear()
		})
	case "beat": // a member that sends a heartbeat every minute
		d, err := time.ParseDuration(l.word(1))
		if err != nil {
			s.t.Fatal(err)
		}
		for ; d > 0; d -= time.Minute {
			r := kmsg.NewPtrHeartbeatRequest()
			r.Version, r.Group, r.Generation, r.MemberID = 4, group, s.gen[l.word(0)], s.id(l.word(0))
			for _, a := range s.l.ask(l.word(0), r) {
				if code := a.Body.(*kmsg.HeartbeatResponse).ErrorCode; code != 0 {
					s.say("%s", s.show(a.Body))
				}
			}
			s.l.answers = nil
			s.l.advance(time.Minute, func(coordinator.Answer) {})
		}
	case "cbeats": // and one of a consumer group
		d, err := time.ParseDuration(l.word(1))
		if err != nil {
			s.t.Fatal(err)
		}
		for ; d > 0; d -= 40 * time.Second {
			r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			r.Version, r.Group, r.MemberEpoch, r.MemberID = 1, group, s.gen[l.word(0)], l.word(0)
			s.l.ask(l.word(0), r)
			s.l.answers = nil
			s.l.advance(40*time.Second, func(coordinator.Answer) {})
		}
	case "failover":
		s.l.start()
		s.hear()
	case "drop":
		n, _ := strconv.Atoi(l.word(0))
		s.l.drop = int16(n)
	case "gone":
		for t, who := range s.l.sent {
			if who == l.word(0) {
				s.l.m.Gone(t)
				delete(s.l.sent, t)
			}
		}
	case "topic":
		for k := range l.values {
			s.l.topics.set(k, int32(l.n(k, 0)))
		}
		s.ask("", MetadataChanged{})
	case "delete-topic":
		delete(s.l.topics, l.word(0))
		s.ask("", MetadataChanged{Deleted: l.words})
	case "config":
		s.config(l)
	case "log":
		for ; s.logged < len(s.l.log); s.logged++ {
			s.say("%d %s", s.logged, s.showRecord(s.l.log[s.logged]))
		}
	default:
		if !s.playShare(l, group) {
			s.t.Fatalf("%s: unknown command %q", s.d.Pos, l.cmd)
		}
	}
}

func (s *story) config(l line) {
	b := &s.l.broker
	if _, ok := l.values["delay"]; ok {
		b.GroupInitialRebalanceDelay = time.Duration(l.ms("delay", "")) * time.Millisecond
	}
	b.GroupConsumerMigrationPolicy = l.text("migration", b.GroupConsumerMigrationPolicy)
	b.GroupMaxSize = int32(l.n("max-size", int(b.GroupMaxSize)))
	b.OffsetMetadataMaxBytes = int32(l.n("metadata", int(b.OffsetMetadataMaxBytes)))
}

func subscription(topics ...string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	return m.AppendTo(nil)
}

func (s *story) join(l line, group string) {
	who := l.word(0)
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group = int16(l.n("v", 9)), group
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = l.ms("session", "10s"), l.ms("rebalance", "60s")
	r.MemberID, r.InstanceID, r.ProtocolType = s.id(who), l.ptr("instance"), l.text("type", "consumer")
	if _, ok := l.values["as"]; ok {
		r.MemberID = strings.Replace(l.values["as"], "none", "", 1)
		if id := s.id(r.MemberID); id != "" {
			r.MemberID = id
		}
	}
	for _, p := range list(l.text("protocols", "range")) {
		m := kmsg.NewConsumerMemberMetadata()
		m.Topics = list(l.text("topics", "a"))
		if has := list(l.text("has", "")); has != nil {
			m.Version = 1
			for _, tp := range has {
				topic, index, _ := strings.Cut(tp, "-")
				n, _ := strconv.Atoi(index)
				m.OwnedPartitions = append(m.OwnedPartitions, kmsg.ConsumerMemberMetadataOwnedPartition{Topic: topic, Partitions: []int32{int32(n)}})
			}
		}
		r.Protocols = append(r.Protocols, kmsg.JoinGroupRequestProtocol{Name: p, Metadata: m.AppendTo(nil)})
	}
	s.ask(strings.Split(who, "#")[0], r)
}

func (s *story) sync(l line, group string) {
	who := l.word(0)
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.InstanceID = 5, group, s.id(who), l.ptr("instance")
	r.Generation = int32(l.n("gen", int(s.gen[strings.Split(who, "#")[0]])))
	r.ProtocolType, r.Protocol = l.ptr("type"), l.ptr("protocol")
	if name, what, ok := strings.Cut(l.text("assign", ""), ":@"); ok { // as the consumer protocol writes it
		a := kmsg.NewConsumerMemberAssignment()
		for _, tp := range list(what) {
			topic, index, _ := strings.Cut(tp, "-")
			n, _ := strconv.Atoi(index)
			a.Topics = append(a.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: topic, Partitions: []int32{int32(n)}})
		}
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: s.id(name), MemberAssignment: a.AppendTo(nil)})
		s.ask(strings.Split(who, "#")[0], r)
		return
	}
	for _, a := range list(l.text("assign", "")) {
		name, what, _ := strings.Cut(a, ":")
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: s.id(name), MemberAssignment: []byte(what)})
	}
	s.ask(strings.Split(who, "#")[0], r)
}

func (s *story) leave(l line, group string) {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group = int16(l.n("v", 5)), group
	for _, name := range l.words {
		r.MemberID = s.id(name)
		r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{MemberID: s.id(name), InstanceID: l.ptr("instance")})
	}
	if len(l.words) == 0 {
		r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{InstanceID: l.ptr("instance")})
	}
	s.ask(l.word(0), r)
}

func (s *story) commit(l line, group string) {
	r := kmsg.NewPtrOffsetCommitRequest()
	who := strings.TrimPrefix(l.word(0), "-")
	r.Version, r.Group, r.Generation, r.RetentionTimeMillis = int16(l.n("v", 9)), group, -1, -1
	if who != "" {
		r.MemberID, r.Generation = s.id(who), s.gen[strings.Split(who, "#")[0]]
	}
	r.Generation, r.InstanceID = int32(l.n("gen", int(r.Generation))), l.ptr("instance")
	if _, ok := l.values["retention"]; ok {
		r.RetentionTimeMillis = int64(l.ms("retention", ""))
	}
	for _, o := range l.offsets() {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.Timestamp = o.p.index, o.n, int32(l.n("epoch", -1)), l.ptr("metadata"), -1
		r.Topics = append(r.Topics, kmsg.OffsetCommitRequestTopic{Topic: o.p.topic, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}})
	}
	s.ask(who, r)
}

func (s *story) txnCommit(l line, group string) {
	r := kmsg.NewPtrTxnOffsetCommitRequest()
	who := strings.TrimPrefix(l.word(0), "-")
	r.Version, r.Group, r.Generation, r.TransactionalID = 3, group, -1, "t"
	r.ProducerID, r.ProducerEpoch = int64(l.n("pid", 0)), int16(l.n("pepoch", 0))
	if who != "" {
		r.MemberID, r.Generation = s.id(who), s.gen[strings.Split(who, "#")[0]]
	}
	r.Generation, r.InstanceID = int32(l.n("gen", int(r.Generation))), l.ptr("instance")
	for _, o := range l.offsets() {
		p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = o.p.index, o.n, -1
		r.Topics = append(r.Topics, kmsg.TxnOffsetCommitRequestTopic{Topic: o.p.topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}})
	}
	s.ask(who, r)
}

func (s *story) fetch(l line, group string) {
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Version, r.RequireStable = int16(l.n("v", 9)), l.values["stable"] == "yes"
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group, r.Group = group, group
	if as := l.ptr("as"); as != nil {
		id := s.id(*as)
		one.MemberID, one.MemberEpoch = &id, int32(l.n("epoch", int(s.gen[*as])))
	}
	for _, w := range l.words {
		topic, index, _ := strings.Cut(w, "-")
		n, _ := strconv.Atoi(index)
		one.Topics = append(one.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: topic, Partitions: []int32{int32(n)}})
		r.Topics = append(r.Topics, kmsg.OffsetFetchRequestTopic{Topic: topic, Partitions: []int32{int32(n)}})
	}
	r.Groups = append(r.Groups, one)
	s.ask("", r)
}

// consumer is a ConsumerGroupHeartbeat. Members make their ids: their names.
func (s *story) consumer(l line, group string) {
	who := l.word(0)
	r := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.InstanceID = int16(l.n("v", 1)), group, strings.Replace(l.text("as", who), "none", "", 1), l.ptr("instance")
	r.SubscribedTopicRegex, r.ServerAssignor, r.RackID = l.ptr("regex"), l.ptr("assignor"), l.ptr("rack")
	if topics, ok := l.values["topics"]; ok {
		r.SubscribedTopicNames = append([]string{}, list(topics)...)
	}
	r.MemberEpoch = int32(l.n("epoch", int(s.gen[who])))
	if o, ok := l.values["owned"]; ok {
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		for _, tp := range list(strings.Replace(o, "none", "", 1)) {
			topic, index, _ := strings.Cut(tp, "-")
			n, _ := strconv.Atoi(index)
			r.Topics = append(r.Topics, kmsg.ConsumerGroupHeartbeatRequestTopic{TopicID: nameID(topic), Partitions: []int32{int32(n)}})
		}
	}
	switch l.cmd {
	case "cjoin":
		r.MemberEpoch, r.RebalanceTimeoutMillis = int32(l.n("epoch", 0)), l.ms("rebalance", "30s")
		if r.Topics == nil {
			r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		}
	case "cleave":
		r.MemberEpoch = leaves
		if l.word(1) == "away" {
			r.MemberEpoch = leavesBack
		}
	}
	s.ask(who, r)
}

func nameID(topic string) (id TopicID) {
	copy(id[:], topic)
	return id
}
