package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// describeTopics answers a Metadata request from what the broker has replayed: it
// may be behind, and so say an older leader epoch than another broker.
func (b *Broker) describeTopics(now machine.Instant, c *conn, version int16, body *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	may := b.access(c)
	id := ClusterID
	resp.ClusterID, resp.ControllerID = &id, -1
	resp.Brokers = make([]kmsg.MetadataResponseBroker, 0, len(b.image.Brokers))
	for _, id := range b.image.BrokerIDs() {
		info := b.image.Brokers[id]
		host, port, ok := info.Endpoint(c.listener)
		if info.Fenced || !ok {
			continue
		}
		x := kmsg.NewMetadataResponseBroker()
		x.NodeID, x.Host, x.Port = id, host, port
		if info.Rack != "" {
			x.Rack = &info.Rack
		}
		resp.Brokers = append(resp.Brokers, x)
	}
	resp.ControllerID = b.namedController()
	if body.IncludeClusterAuthorizedOperations {
		resp.AuthorizedOperations = may.of(clusterOperations, acl.Cluster, acl.ClusterName)
	}
	resp.Topics = []kmsg.MetadataResponseTopic{}
	describe := func(t *controller.TopicInfo) {
		x := b.describeTopic(c, t)
		if body.IncludeTopicAuthorizedOperations {
			x.AuthorizedOperations = may.of(topicOperations, acl.Topic, t.Name)
		}
		resp.Topics = append(resp.Topics, x)
	}
	if body.Topics == nil || version == 0 && len(body.Topics) == 0 {
		for _, name := range b.image.TopicNames() {
			if may.topic(acl.Describe, name) {
				describe(b.image.Topics[name])
			}
		}
		return resp
	}
	if why := unaskable(version, body); why != 0 {
		return refusedMetadata(body, why)
	}
	create := (version < 4 || body.AllowAutoTopicCreation) && b.cfg.Settings.AutoCreateTopics
	byID := slices.ContainsFunc(body.Topics, func(t kmsg.MetadataRequestTopic) bool { return t.TopicID != [16]byte{} })
	asked := make(map[string]bool, len(body.Topics))
	for i := range body.Topics {
		want := &body.Topics[i]
		key := string(want.TopicID[:])
		if byID && want.TopicID == [16]byte{} {
			continue // Kafka looks at the ids alone, if there is one
		} else if !byID && want.Topic != nil {
			key = *want.Topic
		}
		if asked[key] {
			continue
		}
		asked[key] = true
		var t *controller.TopicInfo
		if byID {
			t = b.image.ByID[want.TopicID]
		} else if want.Topic != nil {
			t = b.image.Topics[*want.Topic]
		}
		name := want.Topic
		if t != nil {
			name = &t.Name
		}
		allowed := name == nil || may.topic(acl.Describe, *name)
		if t != nil && allowed {
			describe(t)
			continue
		}
		x := kmsg.NewMetadataResponseTopic()
		x.Topic, x.TopicID, x.Partitions = want.Topic, want.TopicID, []kmsg.MetadataResponseTopicPartition{}
		x.IsInternal = want.Topic != nil && isInternal(*want.Topic)
		switch {
		case !allowed:
			x.ErrorCode = noTopic
		case byID || want.Topic == nil:
			x.ErrorCode = wire.UnknownTopicID
		case controller.CheckTopicName(*want.Topic) != "":
			x.ErrorCode = wire.InvalidTopicException
		case create && !may.creates(*want.Topic):
			x.ErrorCode = noTopic
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

// What clients may do where nobody is refused anything, as bits of AclOperation (KIP-430).
const (
	topicOperations   = 1<<3 | 1<<4 | 1<<5 | 1<<6 | 1<<7 | 1<<8 | 1<<10 | 1<<11
	clusterOperations = 1<<5 | 1<<7 | 1<<8 | 1<<9 | 1<<10 | 1<<11 | 1<<12
)

// unaskable is the error for a Metadata request that names topics as its version cannot: by
// id, or not at all (MetadataRequest.parse and KafkaApis.handleTopicMetadataRequest).
func unaskable(version int16, body *kmsg.MetadataRequest) int16 {
	const byID, namedOrNot = 12, 10
	if version < namedOrNot || version >= byID {
		return 0
	}
	for i := range body.Topics {
		if t := &body.Topics[i]; t.TopicID != [16]byte{} || t.Topic == nil {
			return wire.InvalidRequest
		}
	}
	return 0
}

// refusedMetadata says an error of each topic, and nothing of the cluster.
func refusedMetadata(body *kmsg.MetadataRequest, code int16) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	for i := range body.Topics {
		x := kmsg.NewMetadataResponseTopic()
		name := ""
		if body.Topics[i].Topic != nil {
			name = *body.Topics[i].Topic
		}
		x.Topic, x.TopicID, x.ErrorCode = &name, body.Topics[i].TopicID, code
		x.Partitions = []kmsg.MetadataResponseTopicPartition{}
		resp.Topics = append(resp.Topics, x)
	}
	return resp
}

func (b *Broker) describeTopic(c *conn, t *controller.TopicInfo) kmsg.MetadataResponseTopic {
	x := kmsg.NewMetadataResponseTopic()
	x.Topic, x.TopicID, x.IsInternal = &t.Name, t.ID, isInternal(t.Name)
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
		} else if _, _, ok := leader.Endpoint(c.listener); !ok {
			p.ErrorCode, p.Leader = wire.ListenerNotFound, replica.NoLeader
		}
		x.Partitions = append(x.Partitions, p)
	}
	return x
}
