package log

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/group"
	"brokersim/broker/log/txn"
	"brokersim/broker/log/wire"
)

// guards are by key what each API asks of who may do what (KafkaApis, ControllerApis): every
// API that has a handler has one. What asks nothing is open.
var guards = [numAPIs]guard{
	wire.ApiVersions:      open,
	wire.SASLHandshake:    open,
	wire.SASLAuthenticate: open,
	wire.DescribeCluster:  open, // which tells what may be done, and no more
	wire.Metadata:         open, // topic by topic: see describeTopics

	wire.Produce:              guardProduce,
	wire.Fetch:                guardFetch,
	wire.ListOffsets:          guardListOffsets,
	wire.OffsetForLeaderEpoch: guardOffsetForLeaderEpoch,
	wire.InitProducerID:       guardInitProducerID,
	wire.CreateTopics:         guardCreateTopics,
	wire.DeleteTopics:         guardDeleteTopics,
	wire.DeleteRecords:        guardDeleteRecords,
	wire.CreatePartitions:     guardCreatePartitions,
	wire.DescribeProducers:    guardDescribeProducers,
	wire.DescribeConfigs:      guardDescribeConfigs,
	wire.AlterConfigs:         guardAlterConfigs,
	wire.IncrementalAlter:     guardIncrementalAlter,

	wire.ElectLeaders:                 onCluster(acl.Alter),
	wire.AlterReassignments:           onCluster(acl.Alter),
	wire.ListReassignments:            onCluster(acl.Describe),
	wire.DescribeLogDirs:              onCluster(acl.Describe),
	wire.DescribeClientQuotas:         onCluster(acl.DescribeConfigs),
	wire.AlterClientQuotas:            onCluster(acl.AlterConfigs),
	wire.UpdateFeatures:               onCluster(acl.Alter),
	wire.DescribeUserSCRAMCredentials: onCluster(acl.Describe),
	wire.AlterUserSCRAMCredentials:    onCluster(acl.Alter),
	wire.DescribeACLs:                 onCluster(acl.Describe),
	wire.CreateACLs:                   onCluster(acl.Alter),
	wire.DeleteACLs:                   onCluster(acl.Alter),
	wire.WriteTxnMarkers:              onCluster(acl.ClusterAction),

	wire.FindCoordinator:        guardFindCoordinator,
	wire.JoinGroup:              onGroup(acl.Read, func(r *kmsg.JoinGroupRequest) string { return r.Group }),
	wire.SyncGroup:              onGroup(acl.Read, func(r *kmsg.SyncGroupRequest) string { return r.Group }),
	wire.Heartbeat:              onGroup(acl.Read, func(r *kmsg.HeartbeatRequest) string { return r.Group }),
	wire.LeaveGroup:             onGroup(acl.Read, func(r *kmsg.LeaveGroupRequest) string { return r.Group }),
	wire.ConsumerGroupHeartbeat: onMember(func(r *kmsg.ConsumerGroupHeartbeatRequest) (string, []string) { return r.Group, r.SubscribedTopicNames }),
	wire.OffsetCommit:           guardOffsetCommit,
	wire.OffsetFetch:            guardOffsetFetch,
	wire.OffsetDelete:           guardOffsetDelete,
	wire.DescribeGroups:         classicGroups.guard,
	wire.ConsumerGroupDescribe:  consumerGroups.guard,
	wire.ListGroups:             guardListGroups,
	wire.DeleteGroups:           guardDeleteGroups,

	wire.ShareGroupHeartbeat:  onMember(func(r *kmsg.ShareGroupHeartbeatRequest) (string, []string) { return r.GroupID, r.SubscribedTopicNames }),
	wire.ShareGroupDescribe:   shareGroups.guard,
	wire.ShareFetch:           guardShareFetch,
	wire.ShareAcknowledge:     guardShareAcknowledge,
	wire.DescribeShareOffsets: guardDescribeShareOffsets,
	wire.AlterShareOffsets:    guardAlterShareOffsets,
	wire.DeleteShareOffsets:   guardDeleteShareOffsets,
	wire.InitializeShareState: guardShareState,
	wire.ReadShareState:       guardShareState,
	wire.WriteShareState:      guardShareState,
	wire.DeleteShareState:     guardShareState,
	wire.SummarizeShareState:  guardShareState,

	wire.AddPartitionsToTxn:   guardAddPartitionsToTxn,
	wire.AddOffsetsToTxn:      guardAddOffsetsToTxn,
	wire.EndTxn:               guardEndTxn,
	wire.TxnOffsetCommit:      guardTxnOffsetCommit,
	wire.DescribeTransactions: guardDescribeTransactions,
	wire.ListTransactions:     guardListTransactions,
}

func open(access, *conn, *wire.Request) kmsg.Response { return nil }

// onCluster refuses whoever may not do something to the cluster.
func onCluster(op acl.Operation) guard {
	return func(a access, _ *conn, req *wire.Request) kmsg.Response {
		if a.cluster(op) {
			return nil
		}
		return refusedWhole(req.Body, wire.ClusterAuthorizationFailed)
	}
}

// onGroup refuses whoever may not do something to a group.
func onGroup[T kmsg.Request](op acl.Operation, id func(T) string) guard {
	return func(a access, _ *conn, req *wire.Request) kmsg.Response {
		if a.group(op, id(req.Body.(T))) {
			return nil
		}
		return refusedWhole(req.Body, noGroup)
	}
}

// onMember refuses who may not read with a group, or describe what he subscribes to.
func onMember[T kmsg.Request](member func(T) (group string, topics []string)) guard {
	return func(a access, _ *conn, req *wire.Request) kmsg.Response {
		id, topics := member(req.Body.(T))
		switch {
		case !a.group(acl.Read, id):
			return refusedWhole(req.Body, noGroup)
		case slices.ContainsFunc(topics, func(t string) bool { return !a.topic(acl.Describe, t) }):
			return refusedWhole(req.Body, noTopic)
		}
		return nil
	}
}

// notAuthorized is what is said beside the errors that have room for words.
func notAuthorized(code int16) *string {
	why := map[int16]string{
		wire.ClusterAuthorizationFailed:         "Cluster authorization failed.",
		wire.TopicAuthorizationFailed:           "Topic authorization failed.",
		wire.GroupAuthorizationFailed:           "Group authorization failed.",
		wire.TransactionalIDAuthorizationFailed: "Transactional Id authorization failed.",
	}[code]
	return &why
}

// refusedWhole is the answer to a request of which nothing is done.
func refusedWhole(req kmsg.Request, code int16) kmsg.Response {
	if resp := cmp.Or(refused(req, code), txn.Refused(req, code)); resp != nil {
		return resp
	}
	why := notAuthorized(code)
	switch resp := group.Refuse(req, code).(type) {
	case nil:
	case *kmsg.JoinGroupResponse:
		resp.MemberID = "" // a coordinator tells the member its id, KafkaApis does not
		return resp
	case *kmsg.ConsumerGroupHeartbeatResponse:
		resp.ErrorMessage = why
		return resp
	case *kmsg.ShareGroupHeartbeatResponse:
		resp.ErrorMessage = why
		return resp
	case *kmsg.AlterShareGroupOffsetsResponse:
		resp.ErrorMessage = why
		return resp
	case *kmsg.DeleteShareGroupOffsetsResponse:
		resp.ErrorMessage = why
		return resp
	default:
		return resp
	}
	switch resp := req.ResponseKind().(type) {
	case *kmsg.DescribeLogDirsResponse:
		resp.ErrorCode, resp.Dirs = code, []kmsg.DescribeLogDirsResponseDir{}
		return resp
	case *kmsg.DescribeClientQuotasResponse:
		resp.ErrorCode, resp.ErrorMessage = code, why
		return resp
	case *kmsg.UpdateFeaturesResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Results = code, why, []kmsg.UpdateFeaturesResponseResult{}
		return resp
	case *kmsg.DescribeUserSCRAMCredentialsResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Results = code, why, []kmsg.DescribeUserSCRAMCredentialsResponseResult{}
		return resp
	case *kmsg.DescribeACLsResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Resources = code, why, []kmsg.DescribeACLsResponseResource{}
		return resp
	case *kmsg.ShareFetchResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Topics = code, why, []kmsg.ShareFetchResponseTopic{}
		resp.NodeEndpoints = []kmsg.ShareFetchResponseNodeEndpoint{}
		return resp
	case *kmsg.ShareAcknowledgeResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Topics = code, why, []kmsg.ShareAcknowledgeResponseTopic{}
		resp.NodeEndpoints = []kmsg.ShareAcknowledgeResponseNodeEndpoint{}
		return resp
	case *kmsg.WriteTxnMarkersResponse:
		for _, m := range req.(*kmsg.WriteTxnMarkersRequest).Markers {
			x := kmsg.NewWriteTxnMarkersResponseMarker()
			x.ProducerID = m.ProducerID
			x.Topics = each(m.Topics, func(t *kmsg.WriteTxnMarkersRequestMarkerTopic, y *kmsg.WriteTxnMarkersResponseMarkerTopic) {
				y.Topic = t.Topic
				y.Partitions = each(t.Partitions, func(n *int32, z *kmsg.WriteTxnMarkersResponseMarkerTopicPartition) {
					z.Partition, z.ErrorCode = *n, code
				})
			})
			resp.Markers = append(resp.Markers, x)
		}
		return resp
	}
	panic("log: " + kmsg.NameForKey(req.Key()) + " has no answer that refuses it")
}
