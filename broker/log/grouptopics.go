package log

import (
	"encoding/binary"
	"hash/fnv"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/group"
	"brokersim/broker/log/share"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// newGroups is a coordinator of groups.
func newGroups(b *Broker, partition, epoch int32, bugs *failpoint.Set) coordinator.Machine {
	life := fnv.New64a()
	life.Write(b.cfg.Incarnation[:])
	life.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(partition)), uint32(epoch)))
	return group.New(group.Config{Seed: life.Sum64(), Broker: &b.cfg.Settings, Topics: (*groupTopics)(b), Group: b.groupConfig, Failpoints: bugs})
}

// groupConfig are the settings that a group has of its own.
func (b *Broker) groupConfig(group string) map[string]string { return b.image.GroupConfigs[group] }

// groupTopics are the topics that coordinators of groups know of: those of the metadata as the
// broker has replayed them.
type groupTopics Broker

func (g *groupTopics) Topic(name string) (group.Topic, bool) {
	return groupTopic(g.image.Topics[name])
}

func (g *groupTopics) TopicWithID(id group.TopicID) (group.Topic, bool) {
	return groupTopic(g.image.ByID[id])
}

func (g *groupTopics) Names() []string { return g.image.TopicNames() }

func groupTopic(t *controller.TopicInfo) (group.Topic, bool) {
	if t == nil {
		return group.Topic{}, false
	}
	return group.Topic{ID: t.ID, Name: t.Name, Partitions: int32(len(t.Partitions))}, true
}

// topicsChanged is what has changed of the topics since coordinators were told of them.
type topicsChanged struct {
	some    bool
	deleted []string
	gone    [][16]byte // the same, by their ids
}

// note takes a change of the metadata.
func (t *topicsChanged) note(c controller.Change) {
	switch {
	case c.Removed != nil:
		t.some, t.deleted, t.gone = true, append(t.deleted, c.Removed.Name), append(t.gone, c.Removed.ID)
	case c.Topic != nil, c.Partition != nil && c.Partition.PartitionEpoch == 0:
		t.some = true
	}
}

// tellTopics tells coordinators of groups that there are other topics, or other partitions.
func (b *Broker) tellTopics(now machine.Now, out *machine.Effects) {
	t := &b.coordinators.topics
	if !t.some || b.err != nil {
		return
	}
	changed, gone := group.MetadataChanged{Deleted: t.deleted}, share.TopicsDeleted{IDs: t.gone}
	*t = topicsChanged{}
	for _, s := range b.coordinators.shards {
		switch {
		case s.kind == &b.coordinators.shares && len(gone.IDs) == 0:
		case s.kind == &b.coordinators.shares && s.stage == serves:
			b.tell(now, s, gone, out)
		case s.kind == &b.coordinators.shares:
			s.gone = append(s.gone, gone.IDs...)
		case s.kind != &b.coordinators.groups:
		case s.stage == serves:
			b.tell(now, s, changed, out)
		default:
			s.deleted = append(s.deleted, changed.Deleted...)
		}
	}
}
