package group

import (
	"slices"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a share group has read of a partition is kept by the partition's share coordinator. The
// runner has it initialize, alter and delete that for a group, and tells the group's machine.

// ShareTopic are partitions of a topic of which a share coordinator keeps what a group has read.
type ShareTopic struct {
	ID         TopicID
	Name       string
	Partitions []int32
}

// ShareInitialized is the command that says that share coordinators know of partitions. It has no
// answer.
type ShareInitialized struct {
	Group  string
	Topics []ShareTopic
}

// ShareDeleted is the command that says that share coordinators do not know of topics any more. It
// has no answer.
type ShareDeleted struct {
	Group string
	IDs   []TopicID
}

// initializeAgain is when share coordinators are asked again to initialize what nobody knows to be
// (GroupCoordinatorService: offsets.commit.timeout.ms).
const initializeAgain = 5 * time.Second

// ShareUninitialized are the partitions of a group that share coordinators are to be told of, and
// the epoch of their state. It says so once in a while.
func (m *Machine) ShareUninitialized(now machine.Instant, id string) (epoch int32, topics []ShareTopic) {
	g := m.shares[id]
	if g == nil || len(g.initializing) == 0 || g.asked != 0 && now < g.asked.Add(initializeAgain) {
		return 0, nil
	}
	g.asked = now
	return g.epoch, g.topics(g.initializing)
}

// ShareState is what a group has at share coordinators. ok is false if it is no share group.
func (m *Machine) ShareState(id string) (members int, epoch int32, topics []ShareTopic, ok bool) {
	g := m.shares[id]
	if g == nil {
		return 0, 0, nil, false
	}
	return len(g.members), g.epoch, g.topics(g.initialized), true
}

func (g *shareGroup) topics(s share) (list []ShareTopic) {
	for i := range s {
		list = append(list, ShareTopic{s[i].id, g.names[s[i].id], s[i].partitions})
	}
	return list
}

func shareOf(topics []ShareTopic) share {
	of := map[TopicID][]int32{}
	for i := range topics {
		of[topics[i].ID] = append(of[topics[i].ID], topics[i].Partitions...)
	}
	return makeShare(of)
}

func (m *Machine) shareInitialized(c ShareInitialized) {
	g := m.shares[c.Group]
	if g == nil {
		return
	}
	g.asked = 0
	done := shareOf(c.Topics).and(g.initializing)
	if len(done) == 0 {
		return
	}
	x := sharePartitionsOf(g)
	x.initializing, x.initialized = x.initializing.without(done), x.initialized.plus(done)
	m.record(sharePartitionsRecord(g.id, x))
}

func (m *Machine) shareDeleted(c ShareDeleted) {
	g := m.shares[c.Group]
	if g == nil {
		return
	}
	x := sharePartitionsOf(g)
	x.deleting = slices.DeleteFunc(slices.Clone(x.deleting), func(id TopicID) bool { return slices.Contains(c.IDs, id) })
	if len(x.deleting) < len(g.deleting) {
		m.record(sharePartitionsRecord(g.id, x))
	}
}

// emptyShareGroup is the share group of an id if nobody is in it, or why it is none.
func (m *Machine) emptyShareGroup(id string, create bool) (*shareGroup, int16, string) {
	g, code, text := m.shareGroup(id, create)
	switch {
	case id == "":
		return nil, wire.InvalidGroupID, "The group id is invalid."
	case code == 0 && len(g.members) > 0:
		return nil, wire.NonEmptyGroup, "The group is not empty."
	}
	return g, code, text
}

// shareAlter is AlterShareGroupOffsets, as far as it is the group's: the answer has no error for
// partitions that share coordinators are to be told of, with the epoch that the group has then.
func (m *Machine) shareAlter(from coordinator.Caller, req *kmsg.AlterShareGroupOffsetsRequest) {
	r := kmsg.NewPtrAlterShareGroupOffsetsResponse()
	r.Version, r.Topics = req.Version, []kmsg.AlterShareGroupOffsetsResponseTopic{}
	g, code, text := m.emptyShareGroup(req.GroupID, true)
	if code != 0 {
		r.ErrorCode, r.ErrorMessage = code, &text
		m.answer(from.Token, r)
		return
	}
	of := map[TopicID][]int32{}
	for i := range req.Topics {
		t := kmsg.NewAlterShareGroupOffsetsResponseTopic()
		known, _ := m.topic(req.Topics[i].Topic)
		t.Topic, t.TopicID, t.Partitions = req.Topics[i].Topic, known.ID, []kmsg.AlterShareGroupOffsetsResponseTopicPartition{}
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewAlterShareGroupOffsetsResponseTopicPartition()
			if x.Partition = p.Partition; p.Partition < 0 || p.Partition >= known.Partitions {
				why := "This server does not host this topic-partition."
				x.ErrorCode, x.ErrorMessage = wire.UnknownTopicOrPartition, &why
			} else {
				of[known.ID] = append(of[known.ID], p.Partition)
			}
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	if altered := makeShare(of); len(altered) > 0 {
		x := sharePartitionsOf(g)
		x.initializing, x.names = x.initializing.plus(altered.without(x.initialized)), m.namesOf(g, altered)
		x.deleting = slices.DeleteFunc(slices.Clone(x.deleting), func(id TopicID) bool { return len(altered.partitionsOf(id)) > 0 })
		m.record(shareEpochRecord(g.id, g.epoch+1, g.hash))
		m.record(sharePartitionsRecord(g.id, x))
	}
	m.answer(from.Token, r)
}

// shareDelete is DeleteShareGroupOffsets, as far as it is the group's: the answer has no error for
// topics that share coordinators are to forget.
func (m *Machine) shareDelete(from coordinator.Caller, req *kmsg.DeleteShareGroupOffsetsRequest) {
	r := kmsg.NewPtrDeleteShareGroupOffsetsResponse()
	r.Version, r.Topics = req.Version, []kmsg.DeleteShareGroupOffsetsResponseTopic{}
	if len(req.Topics) == 0 { // nobody looks for the group then (KafkaApis.handleDeleteShareGroupOffsetsRequest)
		m.answer(from.Token, r)
		return
	}
	g, code, text := m.emptyShareGroup(req.GroupID, false)
	if code != 0 {
		r.ErrorCode, r.ErrorMessage = code, &text
		m.answer(from.Token, r)
		return
	}
	x := sharePartitionsOf(g)
	x.deleting = slices.Clone(x.deleting)
	for i := range req.Topics {
		t := kmsg.NewDeleteShareGroupOffsetsResponseTopic()
		known, ok := m.topic(req.Topics[i].Topic)
		t.Topic = req.Topics[i].Topic
		switch {
		case !ok:
			why := "This server does not host this topic-partition."
			t.ErrorCode, t.ErrorMessage = wire.UnknownTopicOrPartition, &why
		case len(x.initialized.partitionsOf(known.ID)) == 0 && !slices.Contains(x.deleting, known.ID):
			why := "There is no offset information to delete."
			t.ErrorCode, t.ErrorMessage = wire.UnknownTopicOrPartition, &why
		default:
			t.TopicID = known.ID
			not := func(id TopicID, _ int32) bool { return id != known.ID }
			x.initialized, x.initializing = x.initialized.filter(not), x.initializing.filter(not)
			if !slices.Contains(x.deleting, known.ID) {
				x.deleting = append(x.deleting, known.ID)
			}
		}
		r.Topics = append(r.Topics, t)
	}
	if len(x.deleting) > len(g.deleting) {
		m.record(sharePartitionsRecord(g.id, x))
	}
	m.answer(from.Token, r)
}
