package wire

import (
	"strings"
	"unicode"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Class is the class of a frame: the API key, and whether it is the request or
// the response. Faults like "drop produce-response" match it.
func Class(key int16, response bool) uint16 {
	c := uint16(key) * 2
	if response {
		c++
	}
	return c
}

// ClassName is the class as schedules and traces write it: the API's name in
// lower case with dashes, and "-response" for responses.
func ClassName(class uint16) string {
	var b strings.Builder
	for i, r := range kmsg.NameForKey(int16(class / 2)) {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	name := strings.ReplaceAll(b.String(), "-i-d", "-id")
	if class%2 == 1 {
		name += "-response"
	}
	return name
}

// Classes are the classes of all APIs that are spoken here, by name.
func Classes() map[string]uint16 {
	names := make(map[string]uint16)
	for _, t := range []*Table{BrokerTable(), VoterTable()} {
		for _, a := range t.apis {
			for _, response := range []bool{false, true} {
				c := Class(a.Key, response)
				names[ClassName(c)] = c
			}
		}
	}
	for _, key := range coordinated {
		for _, response := range []bool{false, true} {
			c := Class(key, response)
			names[ClassName(c)] = c
		}
	}
	return names
}

// AnswerIdent is what the answer to a request is about: the same.
func AnswerIdent(id machine.Ident) machine.Ident {
	return machine.Ident{Class: id.Class | 1, Key: id.Key}
}

// RequestKey is a hash of what a request is about, so that the same request has
// the same fate in two runs that differ elsewhere: the producer and the
// sequence of its batches, the replica and the offsets that it fetches from,
// the broker that registers. It never depends on correlation ids, time or
// payload.
func RequestKey(req kmsg.Request, records []Records) uint64 {
	d := machine.Draw(uint64(req.Key()) + 1)
	switch r := req.(type) {
	case *kmsg.ProduceRequest:
		i := 0
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition))
				if i < len(records) {
					if b, err := ReadBatch(records[i]); err == nil {
						d = d.With(uint64(b.ProducerID)).With(uint64(b.ProducerEpoch)).With(uint64(uint32(b.BaseSequence)))
					}
				}
				i++
			}
		}
	case *kmsg.FetchRequest:
		id, _ := FetchReplica(r)
		d = d.With(uint64(id))
		for _, t := range r.Topics {
			if r.Version >= 13 {
				d = d.Of(string(t.TopicID[:]))
			} else {
				d = d.Of(t.Topic)
			}
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.FetchOffset)).With(uint64(p.CurrentLeaderEpoch))
			}
		}
	case *kmsg.ListOffsetsRequest:
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.Timestamp)).With(uint64(p.CurrentLeaderEpoch))
			}
		}
	case *kmsg.OffsetForLeaderEpochRequest:
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.LeaderEpoch)).With(uint64(p.CurrentLeaderEpoch))
			}
		}
	case *kmsg.MetadataRequest:
		for _, t := range r.Topics {
			if t.Topic != nil {
				d = d.Of(*t.Topic)
			}
		}
	case *kmsg.CreateTopicsRequest:
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
		}
	case *kmsg.FindCoordinatorRequest:
		d = d.With(uint64(r.CoordinatorType)).Of(r.CoordinatorKey)
		for _, key := range r.CoordinatorKeys {
			d = d.Of(key)
		}
	case *kmsg.InitProducerIDRequest:
		if r.TransactionalID != nil {
			d = d.Of(*r.TransactionalID).With(uint64(r.ProducerID)).With(uint64(r.ProducerEpoch))
		}
	case *kmsg.AddPartitionsToTxnRequest:
		d = d.With(uint64(r.ProducerID)).With(uint64(r.ProducerEpoch))
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p))
			}
		}
		for _, x := range r.Transactions {
			d = d.With(uint64(x.ProducerID)).With(uint64(x.ProducerEpoch))
			for _, t := range x.Topics {
				d = d.Of(t.Topic)
				for _, p := range t.Partitions {
					d = d.With(uint64(p))
				}
			}
		}
	case *kmsg.AddOffsetsToTxnRequest:
		d = d.With(uint64(r.ProducerID)).With(uint64(r.ProducerEpoch)).Of(r.Group)
	case *kmsg.TxnOffsetCommitRequest:
		d = d.With(uint64(r.ProducerID)).With(uint64(r.ProducerEpoch)).Of(r.Group)
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.Offset))
			}
		}
	case *kmsg.EndTxnRequest:
		d = d.With(uint64(r.ProducerID)).With(uint64(r.ProducerEpoch))
		if r.Commit {
			d = d.With(1)
		}
	case *kmsg.WriteTxnMarkersRequest:
		for _, m := range r.Markers {
			d = d.With(uint64(m.ProducerID)).With(uint64(m.ProducerEpoch)).With(uint64(m.CoordinatorEpoch))
			for _, t := range m.Topics {
				d = d.Of(t.Topic)
				for _, p := range t.Partitions {
					d = d.With(uint64(p))
				}
			}
		}
	case *kmsg.OffsetCommitRequest:
		d = d.Of(r.Group).Of(r.MemberID).With(uint64(r.Generation))
		for _, t := range r.Topics {
			d = d.Of(t.Topic)
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.Offset))
			}
		}
	case *kmsg.OffsetFetchRequest:
		d = d.Of(r.Group)
		for i := range r.Groups {
			d = d.Of(r.Groups[i].Group)
		}
	case *kmsg.JoinGroupRequest:
		d = d.Of(r.Group).Of(r.MemberID)
	case *kmsg.SyncGroupRequest:
		d = d.Of(r.Group).Of(r.MemberID).With(uint64(r.Generation))
	case *kmsg.HeartbeatRequest:
		d = d.Of(r.Group).Of(r.MemberID).With(uint64(r.Generation))
	case *kmsg.ConsumerGroupHeartbeatRequest:
		d = d.Of(r.Group).Of(r.MemberID).With(uint64(r.MemberEpoch))
	case *kmsg.LeaveGroupRequest:
		d = d.Of(r.Group).Of(r.MemberID)
		for i := range r.Members {
			d = d.Of(r.Members[i].MemberID)
		}
	case *kmsg.AlterPartitionRequest:
		d = d.With(uint64(r.BrokerID))
		for _, t := range r.Topics {
			d = d.Of(string(t.TopicID[:]))
			for _, p := range t.Partitions {
				d = d.With(uint64(p.Partition)).With(uint64(p.LeaderEpoch)).With(uint64(p.PartitionEpoch))
			}
		}
	case *kmsg.BrokerRegistrationRequest:
		d = d.With(uint64(r.BrokerID))
	case *kmsg.BrokerHeartbeatRequest:
		d = d.With(uint64(r.BrokerID)).With(uint64(r.BrokerEpoch))
	case *kmsg.AllocateProducerIDsRequest:
		d = d.With(uint64(r.BrokerID))
	case *kmsg.VoteRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				d = d.With(uint64(p.CandidateID)).With(uint64(p.CandidateEpoch))
				if p.PreVote {
					d = d.With(1)
				}
			}
		}
	case *kmsg.BeginQuorumEpochRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				d = d.With(uint64(p.LeaderID)).With(uint64(p.LeaderEpoch))
			}
		}
	case *kmsg.EndQuorumEpochRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				d = d.With(uint64(p.LeaderID)).With(uint64(p.LeaderEpoch))
			}
		}
	case *kmsg.FetchSnapshotRequest:
		d = d.With(uint64(r.ReplicaID))
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				d = d.With(uint64(p.SnapshotID.EndOffset)).With(uint64(p.SnapshotID.Epoch)).With(uint64(p.Position))
			}
		}
	}
	return d.Uint64()
}
