package group

import (
	"strconv"
	"time"

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
	case *kmsg.ShareGroupHeartbeatRequest:
		return long(req.GroupID, req.MemberID)
	case *kmsg.AlterShareGroupOffsetsRequest:
		return long(req.GroupID)
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

// setting is a setting of a group in ms: its own, or the broker's.
func (m *Machine) setting(id, name string, preset time.Duration) time.Duration {
	if m.cfg.Group == nil {
		return preset
	}
	if n, err := strconv.ParseInt(m.cfg.Group(id)[name], 10, 32); err == nil {
		return time.Duration(n) * time.Millisecond
	}
	return preset
}
