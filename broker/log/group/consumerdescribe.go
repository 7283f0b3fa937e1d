package group

import (
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// consumerDescribe is ConsumerGroupDescribe.
func (m *Machine) consumerDescribe(from coordinator.Caller, req *kmsg.ConsumerGroupDescribeRequest) {
	r := kmsg.NewPtrConsumerGroupDescribeResponse()
	r.Version, r.Groups = req.Version, make([]kmsg.ConsumerGroupDescribeResponseGroup, 0, len(req.Groups))
	for _, id := range req.Groups {
		x := kmsg.NewConsumerGroupDescribeResponseGroup()
		x.Group, x.Members = id, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
		g := m.groups[id]
		switch {
		case !m.cfg.Broker.GroupConsumerProtocol:
			x.ErrorCode = wire.UnsupportedVersion
		case id == "":
			x.ErrorCode = wire.InvalidGroupID
		case g == nil && m.shares[id] == nil:
			text := "Group " + id + " not found."
			x.ErrorCode, x.ErrorMessage = wire.GroupIDNotFound, &text
		case g == nil || g.consumer == nil:
			text := "Group " + id + " is not a consumer group."
			x.ErrorCode, x.ErrorMessage = wire.GroupIDNotFound, &text
		default:
			m.describeConsumer(g.consumer, req.Version, &x)
		}
		r.Groups = append(r.Groups, x)
	}
	m.answer(from.Token, r)
}

func (m *Machine) describeConsumer(c *consumer, version int16, x *kmsg.ConsumerGroupDescribeResponseGroup) {
	x.State, x.Epoch, x.AssignmentEpoch = c.describe(), c.epoch, c.targetEpoch
	x.AssignorName = preferred(c.assignors, m.assignorNames()[0])
	for _, id := range c.ids {
		mem := c.members[id]
		y := kmsg.NewConsumerGroupDescribeResponseGroupMember()
		y.MemberID, y.InstanceID, y.RackID, y.MemberEpoch = id, mem.instance, mem.rack, mem.epoch
		y.ClientID, y.ClientHost = mem.clientID, mem.host
		y.SubscribedTopics, y.SubscribedTopicRegex = append([]string{}, mem.names...), kmsg.StringPtr(deref(mem.regex))
		y.Assignment, y.TargetAssignment = m.describeShare(mem.assigned), m.describeShare(c.target[id])
		if version >= 1 {
			y.MemberType = 1
			if mem.classic != nil {
				y.MemberType = 0
			}
		}
		x.Members = append(x.Members, y)
	}
}

func (m *Machine) describeShare(s share) kmsg.Assignment {
	a := kmsg.NewAssignment()
	a.TopicPartitions = []kmsg.AssignmentTopicPartition{}
	for i := range s {
		if t, ok := m.topicWithID(s[i].id); ok { // not what is of a topic that is deleted
			a.TopicPartitions = append(a.TopicPartitions, kmsg.AssignmentTopicPartition{TopicID: t.ID, Topic: t.Name, Partitions: s[i].partitions})
		}
	}
	return a
}
