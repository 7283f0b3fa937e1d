package group

import (
	"fmt"
	"strings"

	"brokersim/broker/log/wire"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func showShare(topics []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic) string {
	var out []string
	for _, t := range topics {
		for _, p := range t.Partitions {
			out = append(out, fmt.Sprintf("%s-%d", strings.TrimRight(string(t.TopicID[:]), "\x00"), p))
		}
	}
	return "[" + strings.Join(out, " ") + "]"
}

func code(c int16) string {
	if c == 0 {
		return ""
	}
	return " " + wire.ErrorName(c)
}

func (s *story) show(body kmsg.Response) string {
	switch r := body.(type) {
	case *kmsg.JoinGroupResponse:
		if r.ErrorCode != 0 {
			return fmt.Sprintf("JoinGroup%s member=%s", code(r.ErrorCode), s.name(r.MemberID))
		}
		text := fmt.Sprintf("JoinGroup generation=%d protocol=%s/%s leader=%s member=%s", r.Generation, str(r.ProtocolType), str(r.Protocol), s.name(r.LeaderID), s.name(r.MemberID))
		if r.SkipAssignment {
			text += " skip"
		}
		var all []string
		for _, m := range r.Members {
			all = append(all, s.name(m.MemberID))
		}
		if len(all) > 0 {
			text += " members=" + strings.Join(all, ",")
		}
		return text
	case *kmsg.SyncGroupResponse:
		var a kmsg.ConsumerMemberAssignment
		if len(r.MemberAssignment) > 6 && r.MemberAssignment[0] == 0 && a.ReadFrom(r.MemberAssignment) == nil {
			text := "SyncGroup"
			for _, t := range a.Topics {
				text += fmt.Sprintf(" %s%v", t.Topic, t.Partitions)
			}
			return text
		}
		return fmt.Sprintf("SyncGroup%s %q", code(r.ErrorCode), r.MemberAssignment)
	case *kmsg.HeartbeatResponse:
		return "Heartbeat" + code(r.ErrorCode)
	case *kmsg.LeaveGroupResponse:
		text := "LeaveGroup" + code(r.ErrorCode)
		for _, m := range r.Members {
			text += fmt.Sprintf(" [%s %s%s]", s.name(m.MemberID), str(m.InstanceID), code(m.ErrorCode))
		}
		return text
	case *kmsg.OffsetCommitResponse:
		text := "OffsetCommit"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s-%d%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return text
	case *kmsg.TxnOffsetCommitResponse:
		text := "TxnOffsetCommit"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s-%d%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return text
	case *kmsg.OffsetFetchResponse:
		text := "OffsetFetch" + code(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s-%d=%d%s", t.Topic, p.Partition, p.Offset, code(p.ErrorCode))
			}
		}
		for _, g := range r.Groups {
			text += " " + g.Group + code(g.ErrorCode) + ":"
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					text += fmt.Sprintf(" %s-%d=%d%s", t.Topic, p.Partition, p.Offset, code(p.ErrorCode))
					if *p.Metadata != "" {
						text += fmt.Sprintf(" %q", *p.Metadata)
					}
				}
			}
		}
		return text
	case *kmsg.OffsetDeleteResponse:
		text := "OffsetDelete" + code(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s-%d%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return text
	case *kmsg.DescribeGroupsResponse:
		text := "DescribeGroups"
		for _, g := range r.Groups {
			text += fmt.Sprintf("\n  %s%s %s %s/%s", g.Group, code(g.ErrorCode), g.State, g.ProtocolType, g.Protocol)
			for _, m := range g.Members {
				text += fmt.Sprintf("\n    %s instance=%s client=%s host=%s assigned=%q", s.name(m.MemberID), str(m.InstanceID), m.ClientID, m.ClientHost, m.MemberAssignment)
			}
		}
		return text
	case *kmsg.ConsumerGroupHeartbeatResponse:
		if r.ErrorCode != 0 {
			text := code(r.ErrorCode)
			if r.ErrorMessage != nil {
				text += ": " + *r.ErrorMessage
			}
			return "ConsumerGroupHeartbeat" + text
		}
		text := fmt.Sprintf("ConsumerGroupHeartbeat member=%s epoch=%d", s.name(*r.MemberID), r.MemberEpoch)
		if r.Assignment != nil {
			text += " " + showShare(r.Assignment.Topics)
		}
		return text
	case *kmsg.ConsumerGroupDescribeResponse:
		text := "ConsumerGroupDescribe"
		for _, g := range r.Groups {
			text += fmt.Sprintf("\n  %s%s %s epoch=%d target=%d %s", g.Group, code(g.ErrorCode), g.State, g.Epoch, g.AssignmentEpoch, g.AssignorName)
			for _, m := range g.Members {
				text += fmt.Sprintf("\n    %s type=%d instance=%s epoch=%d topics=%s regex=%s has %s of %s", s.name(m.MemberID), m.MemberType, str(m.InstanceID), m.MemberEpoch,
					strings.Join(m.SubscribedTopics, ","), str(m.SubscribedTopicRegex), showAssignment(m.Assignment), showAssignment(m.TargetAssignment))
			}
		}
		return text
	case *kmsg.ListGroupsResponse:
		text := "ListGroups" + code(r.ErrorCode)
		for _, g := range r.Groups {
			text += fmt.Sprintf(" [%s %s %s %s]", g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
		return text
	case *kmsg.DeleteGroupsResponse:
		text := "DeleteGroups"
		for _, g := range r.Groups {
			text += fmt.Sprintf(" %s%s", g.Group, code(g.ErrorCode))
		}
		return text
	}
	return s.showShared(body)
}

func showAssignment(a kmsg.Assignment) string {
	var out []string
	for _, t := range a.TopicPartitions {
		for _, p := range t.Partitions {
			out = append(out, fmt.Sprintf("%s-%d", t.Topic, p))
		}
	}
	return "[" + strings.Join(out, " ") + "]"
}

func (s *story) showRecord(e entry) string {
	if e.marker {
		return fmt.Sprintf("marker pid=%d commit=%v", e.at.ProducerID, e.commit)
	}
	txn := ""
	if e.at.ProducerID >= 0 {
		txn = fmt.Sprintf(" pid=%d", e.at.ProducerID)
	}
	switch kind := int16(e.key[1]); kind {
	case offsetCommitV1:
		var k kmsg.OffsetCommitKey
		_ = k.ReadFrom(e.key)
		if e.value == nil {
			return fmt.Sprintf("offset %s %s-%d: tombstone%s", k.Group, k.Topic, k.Partition, txn)
		}
		var v kmsg.OffsetCommitValue
		_ = v.ReadFrom(e.value)
		return fmt.Sprintf("offset v%d %s %s-%d: %d epoch=%d %q%s", v.Version, k.Group, k.Topic, k.Partition, v.Offset, v.LeaderEpoch, v.Metadata, txn)
	case groupMetadata:
		if e.value == nil {
			return fmt.Sprintf("group %s: tombstone", groupOf(e.key))
		}
		var v kmsg.GroupMetadataValue
		_ = v.ReadFrom(e.value)
		text := fmt.Sprintf("group v%d %s: generation=%d %s/%s leader=%s", v.Version, groupOf(e.key), v.Generation, v.ProtocolType, str(v.Protocol), s.name(deref(v.Leader)))
		for _, m := range v.Members {
			text += fmt.Sprintf(" [%s instance=%s session=%d rebalance=%d %q]", s.name(m.MemberID), str(m.InstanceID), m.SessionTimeoutMillis, m.RebalanceTimeoutMillis, m.Assignment)
		}
		return text
	}
	return s.showConsumerRecord(e)
}

func (s *story) showConsumerRecord(e entry) string {
	kind := int16(e.key[1])
	k := decoder{b: e.key[2:]}
	text := fmt.Sprintf("type %d %s", kind, k.plain())
	if len(k.b) > 0 {
		text += " " + s.name(k.plain())
	}
	if e.value == nil {
		return text + ": tombstone"
	}
	d := decoder{b: e.value[2:]}
	mem := &consumerMember{}
	switch kind {
	case consumerMetadata, targetMetadata:
		text += fmt.Sprintf(": epoch=%d", d.int32())
	case partitionMetadata:
		text += ":"
		for _, t := range decodeTopics(&d) {
			text += fmt.Sprintf(" %s=%d", t.Name, t.Partitions)
		}
	case memberMetadata:
		decodeMember(&d, mem)
		text += fmt.Sprintf(": instance=%s topics=%v regex=%s classic=%v", str(mem.instance), mem.names, str(mem.regex), mem.classic != nil)
	case targetMember:
		text += ": " + showPlain(d.share())
	case currentAssignment:
		decodeCurrent(&d, mem)
		text += fmt.Sprintf(": epoch=%d previous=%d state=%d %s revoking %s", mem.epoch, mem.previous, mem.state, showPlain(mem.assigned), showPlain(mem.revoking))
	case resolvedExpression:
		text += fmt.Sprintf(": %v", decodeExpression(&d).topics)
	}
	return text
}

func showPlain(s share) string {
	var topics []kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic
	for _, t := range s {
		topics = append(topics, kmsg.ConsumerGroupHeartbeatResponseAssignmentTopic{TopicID: t.id, Partitions: t.partitions})
	}
	return showShare(topics)
}
