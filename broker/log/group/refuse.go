package group

import (
	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// refuse makes an answer one that nothing has come of.
func refuse(body kmsg.Response, code int16) {
	switch r := body.(type) {
	case *kmsg.JoinGroupResponse:
		*r = kmsg.JoinGroupResponse{Version: r.Version, ErrorCode: code, Generation: -1, Members: []kmsg.JoinGroupResponseMember{}}
	case *kmsg.SyncGroupResponse:
		*r = kmsg.SyncGroupResponse{Version: r.Version, ErrorCode: code}
	case *kmsg.HeartbeatResponse:
		r.ErrorCode = code
	case *kmsg.LeaveGroupResponse:
		r.ErrorCode, r.Members = code, []kmsg.LeaveGroupResponseMember{}
	case *kmsg.OffsetCommitResponse:
		r.Topics = overTopics[kmsg.OffsetCommitResponseTopic](r.Topics, func(_ string, p *kmsg.OffsetCommitResponseTopicPartition) kmsg.OffsetCommitResponseTopicPartition {
			return kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
		})
	case *kmsg.TxnOffsetCommitResponse:
		r.Topics = overTopics[kmsg.TxnOffsetCommitResponseTopic](r.Topics, func(_ string, p *kmsg.TxnOffsetCommitResponseTopicPartition) kmsg.TxnOffsetCommitResponseTopicPartition {
			return kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
		})
	case *kmsg.OffsetDeleteResponse:
		r.ErrorCode, r.Topics = code, []kmsg.OffsetDeleteResponseTopic{}
	case *kmsg.ConsumerGroupHeartbeatResponse:
		*r = kmsg.ConsumerGroupHeartbeatResponse{Version: r.Version, ErrorCode: code}
	case *kmsg.ShareGroupHeartbeatResponse:
		*r = kmsg.ShareGroupHeartbeatResponse{Version: r.Version, ErrorCode: code}
	case *kmsg.AlterShareGroupOffsetsResponse:
		r.ErrorCode, r.Topics = code, []kmsg.AlterShareGroupOffsetsResponseTopic{}
	case *kmsg.DeleteShareGroupOffsetsResponse:
		r.ErrorCode, r.Topics = code, []kmsg.DeleteShareGroupOffsetsResponseTopic{}
	case *kmsg.DeleteGroupsResponse:
		for i := range r.Groups {
			r.Groups[i].ErrorCode = code
		}
	}
}

// Refuse implements [coordinator.Machine].
func (m *Machine) Refuse(command any, code int16) kmsg.Response { return Refuse(command, code) }

// Refuse is the answer to a command about groups that is not let in. nil for a command that
// has no answer.
func Refuse(command any, code int16) kmsg.Response {
	switch req := command.(type) {
	case *kmsg.JoinGroupRequest:
		r := newJoinResponse(req.Version)
		r.ErrorCode, r.MemberID = code, req.MemberID
		return r
	case *kmsg.SyncGroupRequest:
		r := kmsg.NewPtrSyncGroupResponse()
		r.Version, r.ErrorCode = req.Version, code
		return r
	case *kmsg.HeartbeatRequest:
		r := kmsg.NewPtrHeartbeatResponse()
		r.Version = req.Version
		if code != wire.CoordinatorLoadInProgress { // a session is given anew: all is well
			r.ErrorCode = code
		}
		return r
	case *kmsg.LeaveGroupRequest:
		r := kmsg.NewPtrLeaveGroupResponse()
		r.Version, r.ErrorCode, r.Members = req.Version, code, []kmsg.LeaveGroupResponseMember{}
		return r
	case *kmsg.OffsetCommitRequest:
		r := kmsg.NewPtrOffsetCommitResponse()
		r.Version, r.Topics = req.Version, overTopics[kmsg.OffsetCommitResponseTopic](req.Topics, func(_ string, p *kmsg.OffsetCommitRequestTopicPartition) kmsg.OffsetCommitResponseTopicPartition {
			return kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
		})
		return r
	case *kmsg.TxnOffsetCommitRequest:
		r := kmsg.NewPtrTxnOffsetCommitResponse()
		r.Version, r.Topics = req.Version, overTopics[kmsg.TxnOffsetCommitResponseTopic](req.Topics, func(_ string, p *kmsg.TxnOffsetCommitRequestTopicPartition) kmsg.TxnOffsetCommitResponseTopicPartition {
			return kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code}
		})
		return r
	case *kmsg.OffsetFetchRequest:
		return refuseFetch(req, code)
	case *kmsg.OffsetDeleteRequest:
		r := kmsg.NewPtrOffsetDeleteResponse()
		r.Version, r.ErrorCode, r.Topics = req.Version, code, []kmsg.OffsetDeleteResponseTopic{}
		return r
	case *kmsg.DescribeGroupsRequest:
		r := kmsg.NewPtrDescribeGroupsResponse()
		r.Version, r.Groups = req.Version, make([]kmsg.DescribeGroupsResponseGroup, 0, len(req.Groups))
		for _, id := range req.Groups {
			x := kmsg.NewDescribeGroupsResponseGroup()
			x.Group, x.ErrorCode, x.Members = id, code, []kmsg.DescribeGroupsResponseGroupMember{}
			r.Groups = append(r.Groups, x)
		}
		return r
	case *kmsg.ListGroupsRequest:
		r := kmsg.NewPtrListGroupsResponse()
		r.Version, r.ErrorCode, r.Groups = req.Version, code, []kmsg.ListGroupsResponseGroup{}
		return r
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r := kmsg.NewPtrConsumerGroupHeartbeatResponse()
		r.Version, r.ErrorCode = req.Version, code
		return r
	case *kmsg.ConsumerGroupDescribeRequest:
		r := kmsg.NewPtrConsumerGroupDescribeResponse()
		r.Version, r.Groups = req.Version, make([]kmsg.ConsumerGroupDescribeResponseGroup, 0, len(req.Groups))
		for _, id := range req.Groups {
			x := kmsg.NewConsumerGroupDescribeResponseGroup()
			x.Group, x.ErrorCode, x.Members = id, code, []kmsg.ConsumerGroupDescribeResponseGroupMember{}
			r.Groups = append(r.Groups, x)
		}
		return r
	case *kmsg.ShareGroupHeartbeatRequest:
		r := kmsg.NewPtrShareGroupHeartbeatResponse()
		r.Version, r.ErrorCode = req.Version, code
		return r
	case *kmsg.ShareGroupDescribeRequest:
		r := kmsg.NewPtrShareGroupDescribeResponse()
		r.Version, r.Groups = req.Version, make([]kmsg.ShareGroupDescribeResponseGroup, 0, len(req.GroupIDs))
		for _, id := range req.GroupIDs {
			x := kmsg.NewShareGroupDescribeResponseGroup()
			x.GroupID, x.ErrorCode, x.Members = id, code, []kmsg.ShareGroupDescribeResponseGroupMember{}
			r.Groups = append(r.Groups, x)
		}
		return r
	case *kmsg.AlterShareGroupOffsetsRequest:
		r := kmsg.NewPtrAlterShareGroupOffsetsResponse()
		r.Version, r.ErrorCode, r.Topics = req.Version, code, []kmsg.AlterShareGroupOffsetsResponseTopic{}
		return r
	case *kmsg.DeleteShareGroupOffsetsRequest:
		r := kmsg.NewPtrDeleteShareGroupOffsetsResponse()
		r.Version, r.ErrorCode, r.Topics = req.Version, code, []kmsg.DeleteShareGroupOffsetsResponseTopic{}
		return r
	case *kmsg.DeleteGroupsRequest:
		r := kmsg.NewPtrDeleteGroupsResponse()
		r.Version, r.Groups = req.Version, make([]kmsg.DeleteGroupsResponseGroup, 0, len(req.Groups))
		for _, id := range req.Groups {
			r.Groups = append(r.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: code})
		}
		return r
	}
	return nil
}

func refuseFetch(req *kmsg.OffsetFetchRequest, code int16) *kmsg.OffsetFetchResponse {
	r := kmsg.NewPtrOffsetFetchResponse()
	r.Version, r.ErrorCode = req.Version, code
	r.Topics, r.Groups = []kmsg.OffsetFetchResponseTopic{}, []kmsg.OffsetFetchResponseGroup{}
	for i := range req.Groups {
		r.Groups = append(r.Groups, kmsg.OffsetFetchResponseGroup{Group: req.Groups[i].Group, ErrorCode: code, Topics: []kmsg.OffsetFetchResponseGroupTopic{}})
	}
	if req.Version > 1 {
		return r
	}
	// Version 1 has no room for an error but in each partition.
	for i := range req.Topics {
		t := kmsg.NewOffsetFetchResponseTopic()
		t.Topic = req.Topics[i].Topic
		for _, p := range req.Topics[i].Partitions {
			x := kmsg.NewOffsetFetchResponseTopicPartition()
			metadata := ""
			x.Partition, x.Offset, x.Metadata, x.ErrorCode = p, -1, &metadata, code
			t.Partitions = append(t.Partitions, x)
		}
		r.Topics = append(r.Topics, t)
	}
	return r
}

// isShared says whether a command about one group, of another kind, is about a share group.
func (m *Machine) isShared(command any) bool {
	id := ""
	switch req := command.(type) {
	case *kmsg.JoinGroupRequest:
		id = req.Group
	case *kmsg.SyncGroupRequest:
		id = req.Group
	case *kmsg.HeartbeatRequest:
		id = req.Group
	case *kmsg.ConsumerGroupHeartbeatRequest:
		id = req.Group
	case *kmsg.OffsetCommitRequest:
		id = req.Group
	case *kmsg.TxnOffsetCommitRequest:
		id = req.Group
	case *kmsg.OffsetDeleteRequest:
		id = req.Group
	}
	return m.shares[id] != nil
}

// refuseShared is the answer to that. To LeaveGroup and OffsetFetch a share group is one that nobody
// knows: no member of theirs is in it, and nothing is committed.
func refuseShared(command any) kmsg.Response {
	switch req := command.(type) {
	case *kmsg.JoinGroupRequest:
		return Refuse(command, wire.InconsistentGroupProtocol)
	case *kmsg.SyncGroupRequest, *kmsg.HeartbeatRequest:
		return Refuse(command, wire.UnknownMemberID)
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r := Refuse(command, wire.GroupIDNotFound).(*kmsg.ConsumerGroupHeartbeatResponse)
		text := "Group " + req.Group + " is not a consumer group."
		r.ErrorMessage = &text
		return r
	}
	return Refuse(command, wire.GroupIDNotFound)
}
