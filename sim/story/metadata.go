package story

import (
	"slices"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// metadata is what the controller has decided so far.
type metadata struct {
	partitions []controller.PartitionInfo // as they were seen last, in the image's order
	dead       []int32
	topics     map[[16]byte]string
}

// learn notes the names of topics.
func (m *metadata) learn(im *controller.Image) {
	for p := range im.Partitions() {
		if p.Partition == 0 {
			m.topics[p.TopicID] = p.Topic
		}
	}
}

// changes compares the controller's image with what it was.
func (m *metadata) changes(im *controller.Image) (list []change) {
	m.learn(im)
	var dead []int32
	for _, id := range im.BrokerIDs() {
		if im.Alive(id) {
			if slices.Contains(m.dead, id) {
				list = append(list, change{kind: unfenced, leader: id})
			}
			continue
		}
		dead = append(dead, id)
		if !slices.Contains(m.dead, id) {
			list = append(list, change{kind: fenced, leader: id})
		}
	}
	m.dead = dead
	var now []controller.PartitionInfo
	for p := range im.Partitions() {
		is := *p
		is.ISR = slices.Clone(p.ISR)
		now = append(now, is)
		list = append(list, m.partition(&is)...)
	}
	m.partitions = now
	return list
}

func (m *metadata) partition(is *controller.PartitionInfo) (list []change) {
	was := controller.PartitionInfo{Leader: controller.NoLeader, LeaderEpoch: -1}
	for i := range m.partitions {
		if p := &m.partitions[i]; p.Topic == is.Topic && p.Partition == is.Partition {
			was = *p
		}
	}
	c := change{tp: wire.TP{Topic: is.Topic, Partition: is.Partition}, leader: is.Leader, epoch: is.LeaderEpoch, isr: is.ISR}
	switch {
	case was.LeaderEpoch != is.LeaderEpoch:
		c.kind = elected
		list = append(list, c)
	case !slices.Equal(was.ISR, is.ISR):
		c.kind = inSync
		list = append(list, c)
	}
	return list
}
