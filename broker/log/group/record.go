package group

import (
	"fmt"

	"brokersim/broker/log/coordinator"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The types of records: the first two bytes of a key (Kafka's CoordinatorRecordType).
const (
	offsetCommitV0     int16 = 0
	offsetCommitV1     int16 = 1
	groupMetadata      int16 = 2
	groupMetadataValue int16 = 3 // the version of its value that is written
	offsetValue        int16 = 3 // and of an offset's value
	offsetValueExpires int16 = 1 // with retention_time_ms of OffsetCommit 2-4
)

// metadataRecord is the record of a group as it is, with what each member is assigned.
func (m *Machine) metadataRecord(g *group, assigned func(*member) []byte) coordinator.Record {
	v := kmsg.GroupMetadataValue{
		Version:      groupMetadataValue,
		ProtocolType: g.protocolType, Generation: g.generation, Protocol: g.protocol,
		CurrentStateTimestamp: g.stateAt,
	}
	if g.leader != "" {
		v.Leader = &g.leader
	}
	if assigned != nil {
		v.Members = make([]kmsg.GroupMetadataValueMember, 0, len(g.members))
		for _, mem := range g.members {
			x := kmsg.NewGroupMetadataValueMember()
			x.MemberID, x.InstanceID, x.ClientID, x.ClientHost = mem.id, mem.instance, mem.clientID, mem.host
			x.RebalanceTimeoutMillis = int32(mem.rebalanceTimeout.Milliseconds())
			x.SessionTimeoutMillis = int32(mem.sessionTimeout.Milliseconds())
			x.Subscription, x.Assignment = mem.metadata(g.protocol), assigned(mem)
			v.Members = append(v.Members, x)
		}
	}
	return coordinator.Record{Key: metadataKey(g.id), Value: v.AppendTo(nil)}
}

func metadataKey(id string) []byte {
	k := kmsg.GroupMetadataKey{Version: groupMetadata, Group: id}
	return k.AppendTo(nil)
}

func assignments(*group) func(*member) []byte {
	return func(mem *member) []byte { return mem.assignment }
}

func (m *Machine) offsetKey(id string, p partition) []byte {
	k := kmsg.OffsetCommitKey{Version: offsetCommitV1, Group: id, Topic: p.topic, Partition: p.index}
	return k.AppendTo(m.room(2 + 2 + len(id) + 2 + len(p.topic) + 4))
}

// room is an empty slice for n bytes of a record. Many share an allocation, as a commit has two
// for each partition.
func (m *Machine) room(n int) []byte {
	const chunk = 2 << 10
	if len(m.spare) < n {
		m.spare = make([]byte, max(n, chunk))
	}
	b := m.spare[:0:n]
	m.spare = m.spare[n:]
	return b
}

func (m *Machine) offsetRecord(id string, p partition, c committed) coordinator.Record {
	v := kmsg.OffsetCommitValue{
		Version: offsetValue,
		Offset:  c.offset, LeaderEpoch: c.leaderEpoch, Metadata: c.metadata, CommitTimestamp: c.committedAt,
	}
	if c.expiresAt >= 0 {
		v.Version, v.ExpireTimestamp = offsetValueExpires, c.expiresAt
	}
	const fixed = 2 + 8 + 4 + 2 + 8 + 8
	return coordinator.Record{Key: m.offsetKey(id, p), Value: v.AppendTo(m.room(fixed + len(c.metadata)))}
}

// RecordError is a record in the log that no coordinator has written.
type RecordError struct {
	Offset int64
	Reason string
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("group record at offset %d: %s", e.Offset, e.Reason)
}

func bad(at coordinator.Position, format string, args ...any) error {
	return &RecordError{Offset: at.Offset, Reason: fmt.Sprintf(format, args...)}
}
