package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// describeTopics answers a Metadata request from what the broker has replayed: it
// may be behind, and so say an older leader epoch than another broker.
func (b *Broker) describeTopics(now machine.Instant, version int16, body *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	id := clusterID
	resp.ClusterID, resp.ControllerID = &id, -1
	resp.Brokers = make([]kmsg.MetadataResponseBroker, 0, len(b.image.Brokers))
	for _, id := range b.image.BrokerIDs() {
		info := b.image.Brokers[id]
		if info.Fenced {
			continue
		}
		x := kmsg.NewMetadataResponseBroker()
		x.NodeID, x.Host, x.Port = id, info.Host, info.Port
		if info.Rack != "" {
			x.Rack = &info.Rack
		}
		resp.Brokers = append(resp.Brokers, x)
	}
	resp.ControllerID = b.namedController()
	resp.Topics = []kmsg.MetadataResponseTopic{}
	if body.Topics == nil || version == 0 && len(body.Topics) == 0 {
		for _, name := range b.image.TopicNames() {
			resp.Topics = append(resp.Topics, b.describeTopic(b.image.Topics[name]))
		}
		return resp
	}
	create := (version < 4 || body.AllowAutoTopicCreation) && b.cfg.Settings.AutoCreateTopics
	for i := range body.Topics {
		want := &body.Topics[i]
		var t *controller.TopicInfo
		if want.Topic != nil {
			t = b.image.Topics[*want.Topic]
		} else {
			t = b.image.ByID[want.TopicID]
		}
		if t != nil {
			resp.Topics = append(resp.Topics, b.describeTopic(t))
			continue
		}
		x := kmsg.NewMetadataResponseTopic()
		x.Topic, x.TopicID, x.Partitions = want.Topic, want.TopicID, []kmsg.MetadataResponseTopicPartition{}
		switch {
		case want.Topic == nil:
			x.ErrorCode = wire.UnknownTopicID
		case controller.CheckTopicName(*want.Topic) != "":
			x.ErrorCode = wire.InvalidTopicException
		default:
			x.ErrorCode = wire.UnknownTopicOrPartition
			if create {
				b.createTopic(now, *want.Topic)
			}
		}
		resp.Topics = append(resp.Topics, x)
	}
	return resp
}

func (b *Broker) describeTopic(t *controller.TopicInfo) kmsg.MetadataResponseTopic {
	x := kmsg.NewMetadataResponseTopic()
	x.Topic, x.TopicID = &t.Name, t.ID
	x.Partitions = make([]kmsg.MetadataResponseTopicPartition, 0, len(t.Partitions))
	for _, info := range t.Partitions {
		p := kmsg.NewMetadataResponseTopicPartition()
		p.Partition, p.Leader, p.LeaderEpoch = info.Partition, info.Leader, info.LeaderEpoch
		p.Replicas, p.ISR = info.Replicas, info.ISR
		p.OfflineReplicas = slices.DeleteFunc(slices.Clone(info.Replicas), func(id int32) bool {
			r := b.image.Brokers[id]
			return r != nil && !r.Fenced
		})
		if leader := b.image.Brokers[info.Leader]; leader == nil || leader.Fenced {
			p.ErrorCode, p.Leader = wire.LeaderNotAvailable, replica.NoLeader
		}
		x.Partitions = append(x.Partitions, p)
	}
	return x
}
