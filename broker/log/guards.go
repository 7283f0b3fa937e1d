package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
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
	wire.ConsumerGroupHeartbeat: guardConsumerGroupHeartbeat,
	wire.OffsetCommit:           guardOffsetCommit,
	wire.OffsetFetch:            guardOffsetFetch,
	wire.OffsetDelete:           guardOffsetDelete,
	wire.DescribeGroups:         guardDescribeGroups,
	wire.ConsumerGroupDescribe:  guardConsumerGroupDescribe,
	wire.ListGroups:             guardListGroups,
	wire.DeleteGroups:           guardDeleteGroups,

	wire.ShareGroupHeartbeat:  guardShareHeartbeat,
	wire.ShareGroupDescribe:   guardShareGroupDescribe,
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
func onGroup[T kmsg.Request](op acl.Operation, group func(T) string) guard {
	return func(a access, _ *conn, req *wire.Request) kmsg.Response {
		if a.group(op, group(req.Body.(T))) {
			return nil
		}
		return refusedWhole(req.Body, wire.GroupAuthorizationFailed)
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
	if resp := refused(req, code); resp != nil {
		return resp
	}
	switch resp := req.ResponseKind().(type) {
	case *kmsg.InitProducerIDResponse:
		resp.ErrorCode, resp.ProducerID, resp.ProducerEpoch = code, -1, -1
		return resp
	case *kmsg.DescribeLogDirsResponse:
		resp.ErrorCode, resp.Dirs = code, []kmsg.DescribeLogDirsResponseDir{}
		return resp
	case *kmsg.DescribeClientQuotasResponse:
		resp.ErrorCode, resp.ErrorMessage = code, notAuthorized(code)
		return resp
	case *kmsg.UpdateFeaturesResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Results = code, notAuthorized(code), []kmsg.UpdateFeaturesResponseResult{}
		return resp
	case *kmsg.DescribeUserSCRAMCredentialsResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Results = code, notAuthorized(code), []kmsg.DescribeUserSCRAMCredentialsResponseResult{}
		return resp
	case *kmsg.DescribeACLsResponse:
		resp.ErrorCode, resp.ErrorMessage, resp.Resources = code, notAuthorized(code), []kmsg.DescribeACLsResponseResource{}
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
	case *kmsg.JoinGroupResponse:
		resp.ErrorCode, resp.Generation, resp.Members = code, -1, []kmsg.JoinGroupResponseMember{}
		none := ""
		if resp.Protocol = &none; req.GetVersion() >= 7 {
			resp.Protocol = nil
		}
		return resp
	case *kmsg.SyncGroupResponse:
		resp.ErrorCode, resp.MemberAssignment = code, []byte{}
		return resp
	case *kmsg.HeartbeatResponse:
		resp.ErrorCode = code
		return resp
	case *kmsg.LeaveGroupResponse:
		resp.ErrorCode, resp.Members = code, []kmsg.LeaveGroupResponseMember{}
		return resp
	case *kmsg.ConsumerGroupHeartbeatResponse:
		resp.ErrorCode, resp.ErrorMessage = code, notAuthorized(code)
		return resp
	case *kmsg.ShareGroupHeartbeatResponse:
		resp.ErrorCode, resp.ErrorMessage = code, notAuthorized(code)
		return resp
	case *kmsg.AddOffsetsToTxnResponse:
		resp.ErrorCode = code
		return resp
	case *kmsg.EndTxnResponse:
		resp.ErrorCode = code
		return resp
	case *kmsg.OffsetDeleteResponse:
		resp.ErrorCode, resp.Topics = code, []kmsg.OffsetDeleteResponseTopic{}
		return resp
	}
	panic("log: " + kmsg.NameForKey(req.Key()) + " has no answer that refuses it")
}
