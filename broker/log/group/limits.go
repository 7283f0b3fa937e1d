package group

import (
	"brokersim/broker/log/coordinator"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// longest is how long a string may be that is put into a record: those that are not flexible
// have lengths of 15 bits, and a member id is longer by a UUID than what the client is called.
const longest = 1<<15 - 1 - 37

// tooLong says whether a command has a string that no record can hold. In requests that are
// flexible there may be such; Kafka finds out when it writes the record.
func tooLong(from coordinator.Caller, command any) bool {
	long := func(all ...string) bool {
		for _, s := range all {
			if len(s) > longest {
				return true
			}
		}
		return false
	}
	switch req := command.(type) {
	case *kmsg.JoinGroupRequest:
		for i := range req.Protocols {
			if long(req.Protocols[i].Name) {
				return true
			}
		}
		return long(req.Group, req.MemberID, deref(req.InstanceID), req.ProtocolType, from.ClientID, from.Host)
	case *kmsg.ConsumerGroupHeartbeatRequest:
		return long(req.Group, req.MemberID, deref(req.SubscribedTopicRegex))
	case *kmsg.OffsetCommitRequest:
		for i := range req.Topics {
			if long(req.Topics[i].Topic) {
				return true
			}
		}
		return long(req.Group)
	case *kmsg.TxnOffsetCommitRequest:
		for i := range req.Topics {
			if long(req.Topics[i].Topic) {
				return true
			}
		}
		return long(req.Group)
	}
	return false
}
