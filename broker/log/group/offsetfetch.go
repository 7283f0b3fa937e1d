package group

import (
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetFetch is OffsetFetch. A group that nobody knows has committed nothing, which is no
// error: consumers that assign partitions themselves begin so.
func (m *Machine) offsetFetch(from coordinator.Caller, req *kmsg.OffsetFetchRequest) {
	r := kmsg.NewPtrOffsetFetchResponse()
	r.Version = req.Version
	r.Topics, r.Groups = []kmsg.OffsetFetchResponseTopic{}, []kmsg.OffsetFetchResponseGroup{}
	if req.Version >= 8 {
		for i := range req.Groups {
			x := &req.Groups[i]
			if req.Version < 9 {
				x = &kmsg.OffsetFetchRequestGroup{Group: x.Group, Topics: x.Topics, MemberEpoch: -1}
			}
			r.Groups = append(r.Groups, m.fetchGroup(x, req.RequireStable))
		}
		m.answer(from.Token, r)
		return
	}
	one := kmsg.NewOffsetFetchRequestGroup()
	one.Group, one.MemberEpoch = req.Group, -1
	if req.Topics != nil {
		one.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, 0, len(req.Topics))
		for i := range req.Topics {
			one.Topics = append(one.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: req.Topics[i].Topic, Partitions: req.Topics[i].Partitions})
		}
	} else if req.Version < 2 {
		one.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	got := m.fetchGroup(&one, req.RequireStable && req.Version >= 7)
	r.ErrorCode = got.ErrorCode
	for i := range got.Topics {
		t := kmsg.NewOffsetFetchResponseTopic()
		t.Topic = got.Topics[i].Topic
		for _, p := range got.Topics[i].Partitions {
			x := kmsg.NewOffsetFetchResponseTopicPartition()
			x.Partition, x.Offset, x.LeaderEpoch, x.Metadata, x.ErrorCode = p.Partition, p.Offset, p.LeaderEpoch, p.Metadata, p.ErrorCode
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	m.answer(from.Token, r)
}

// fetchGroup is what one group has committed: for the partitions asked for, or for all.
func (m *Machine) fetchGroup(req *kmsg.OffsetFetchRequestGroup, stable bool) kmsg.OffsetFetchResponseGroup {
	r := kmsg.NewOffsetFetchResponseGroup()
	r.Group, r.Topics = req.Group, []kmsg.OffsetFetchResponseGroupTopic{}
	g := m.groups[req.Group]
	if g == nil { // or it is a share group, which commits nothing
		g = &group{}
	}
	if code := g.mayFetch(req.MemberID, req.MemberEpoch); code != wire.None {
		r.ErrorCode = code
		return r
	}
	if req.Topics == nil {
		for _, p := range partitions(g.offsets) {
			if n := len(r.Topics); n == 0 || r.Topics[n-1].Topic != p.topic {
				r.Topics = append(r.Topics, kmsg.OffsetFetchResponseGroupTopic{Topic: p.topic})
			}
			t := &r.Topics[len(r.Topics)-1]
			t.Partitions = append(t.Partitions, m.fetchOffset(g, p, stable))
		}
		return r
	}
	for i := range req.Topics {
		t := kmsg.NewOffsetFetchResponseGroupTopic()
		t.Topic, t.TopicID = req.Topics[i].Topic, req.Topics[i].TopicID
		t.Partitions = make([]kmsg.OffsetFetchResponseGroupTopicPartition, 0, len(req.Topics[i].Partitions))
		for _, index := range req.Topics[i].Partitions {
			t.Partitions = append(t.Partitions, m.fetchOffset(g, partition{t.Topic, index}, stable))
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// mayFetch holds members of consumer groups to their epochs. Who says nothing may.
func (g *group) mayFetch(memberID *string, epoch int32) int16 {
	if g.consumer == nil || memberID == nil && epoch < 0 {
		return wire.None
	}
	mem := g.consumer.members[deref(memberID)]
	switch {
	case mem == nil:
		return wire.UnknownMemberID
	case mem.epoch == epoch:
		return wire.None
	case mem.classic != nil:
		return wire.IllegalGeneration
	}
	return wire.StaleMemberEpoch
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (m *Machine) fetchOffset(g *group, p partition, stable bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	x := kmsg.NewOffsetFetchResponseGroupTopicPartition()
	metadata := ""
	x.Partition, x.Offset, x.LeaderEpoch, x.Metadata = p.index, -1, -1, &metadata
	if stable && m.unstable(g, p) {
		x.ErrorCode = wire.UnstableOffsetCommit
		return x
	}
	if c := g.offsets[p]; c != nil {
		metadata = c.metadata
		x.Offset, x.LeaderEpoch = c.offset, c.leaderEpoch
	}
	return x
}
