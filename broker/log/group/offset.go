package group

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf16"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// committed is an offset that a group has committed for a partition.
type committed struct {
	offset      int64
	leaderEpoch int32 // -1: not known
	metadata    string
	committedAt int64 // ms of the wall clock
	expiresAt   int64 // ms, as OffsetCommit 2-4 may say; -1: as the broker's retention
	at          int64 // the offset of its record
}

// partitions are those of some offsets, sorted.
func partitions(offsets map[partition]*committed) []partition {
	all := make([]partition, 0, len(offsets))
	// unordered: sorted below
	for p := range offsets {
		all = append(all, p)
	}
	// total: partitions are distinct
	slices.SortFunc(all, func(a, b partition) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.index, b.index))
	})
	return all
}

// validateCommit says whether a member may commit. A group without members is everybody's.
func (m *Machine) validateCommit(g *group, memberID string, instance *string, generation int32, transactional bool) (*member, int16) {
	if m.cfg.Failpoints.OnAbout(failpoint.G01ZombieCommit, g.id, 0, 0) {
		return g.byID[memberID], wire.None
	}
	if generation < 0 && g.state == empty {
		return nil, wire.None
	}
	var mem *member
	switch {
	case generation >= 0 || memberID != "" || instance != nil:
		var code int16
		if mem, code = m.validate(g, memberID, instance); code != wire.None {
			return nil, code
		}
		if generation != g.generation {
			return nil, wire.IllegalGeneration
		}
	case !transactional:
		return nil, wire.UnknownMemberID
	}
	if !transactional && g.state == completing {
		return nil, wire.RebalanceInProgress
	}
	return mem, wire.None
}

// offsetCommit is OffsetCommit.
func (m *Machine) offsetCommit(from coordinator.Caller, req *kmsg.OffsetCommitRequest) {
	r := kmsg.NewPtrOffsetCommitResponse()
	generation := req.Generation
	if req.Version == 0 {
		generation = -1
	}
	may := m.mayCommit(req.Group, req.MemberID, req.InstanceID, generation, req.Version)
	n := 0
	for i := range req.Topics {
		n += len(req.Topics[i].Partitions)
	}
	m.out.Records = slices.Grow(m.out.Records, n)
	r.Version, r.Topics = req.Version, overTopics[kmsg.OffsetCommitResponseTopic](req.Topics, func(topic string, p *kmsg.OffsetCommitRequestTopicPartition) kmsg.OffsetCommitResponseTopicPartition {
		c := committed{offset: p.Offset, leaderEpoch: p.LeaderEpoch, committedAt: m.wall(), expiresAt: -1}
		if req.Version < 6 {
			c.leaderEpoch = -1
		}
		if req.Version == 1 && p.Timestamp != -1 {
			c.committedAt = p.Timestamp
		}
		if req.Version >= 2 && req.Version <= 4 && req.RetentionTimeMillis >= 0 {
			c.expiresAt = m.wall() + min(req.RetentionTimeMillis, 1<<52)
		}
		return kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: m.commit(req.Group, partition{topic, p.Partition}, c, p.Metadata, may)}
	})
	m.answer(from.Token, r)
}

// mayCommit is the whole of what is said of a commit, as against of one partition of it. A
// member that commits is alive.
func (m *Machine) mayCommit(id, memberID string, instance *string, generation int32, version int16) permit {
	g := m.groups[id]
	switch {
	case g != nil && g.consumer != nil:
		return m.mayCommitConsumer(g, memberID, generation, version < 9)
	case g != nil:
	case generation < 0:
		return permit{} // begins a group without members
	case version >= 9:
		return permit{code: wire.GroupIDNotFound}
	default:
		return permit{code: wire.IllegalGeneration}
	}
	mem, code := m.validateCommit(g, memberID, instance, generation, false)
	if mem != nil && (g.state == stable || g.state == preparing) {
		m.heard(mem)
	}
	return permit{code: code}
}

// permit says whether offsets may be committed.
type permit struct {
	code int16
	// late, unless nil, is a member whose epoch has been raised: of what it still has, or has to
	// give back, it may yet say in the epoch before how far it has come. Otherwise what it has
	// read last would be read again (KIP-1251).
	late *consumerMember
}

// mayCommitConsumer is mayCommit for a consumer group.
func (m *Machine) mayCommitConsumer(g *group, memberID string, epoch int32, old bool) permit {
	c := g.consumer
	mem := c.members[memberID]
	switch {
	case m.cfg.Failpoints.OnAbout(failpoint.G01ZombieCommit, g.id, 0, 0):
		return permit{}
	case epoch < 0 && len(c.members) == 0:
		return permit{}
	case mem == nil:
		return permit{code: wire.UnknownMemberID}
	case old && mem.classic == nil:
		return permit{code: wire.UnsupportedVersion}
	case epoch == mem.epoch:
		return permit{}
	case mem.classic != nil:
		return permit{code: wire.IllegalGeneration}
	case epoch == mem.previous && epoch > 0 && !m.cfg.Failpoints.OnAbout(failpoint.G13StrictEpoch, g.id, 0, 0):
		return permit{code: wire.StaleMemberEpoch, late: mem}
	}
	return permit{code: wire.StaleMemberEpoch}
}

func (m *Machine) covers(may permit, topic string, index int32) bool {
	t, ok := m.topic(topic)
	return ok && may.late != nil && (may.late.assigned.has(t.ID, index) || may.late.revoking.has(t.ID, index))
}

// commit puts an offset into a record, or says why not.
func (m *Machine) commit(id string, p partition, c committed, metadata *string, may permit) int16 {
	if metadata != nil {
		c.metadata = *metadata
	}
	switch {
	case may.code != wire.None && !m.covers(may, p.topic, p.index):
		return may.code
	case !m.has(p):
		return wire.UnknownTopicOrPartition
	case len(c.metadata) > min(longest, int(m.cfg.Broker.OffsetMetadataMaxBytes)) && m.isLong(c.metadata):
		return wire.OffsetMetadataTooLarge
	}
	if may.late != nil {
		m.cfg.Failpoints.Hit(failpoint.StaleCommit)
	}
	m.record(m.offsetRecord(id, p, c))
	return wire.None
}

// isLong counts as Java's length() does.
func (m *Machine) isLong(metadata string) bool {
	return len(metadata) > longest || len(utf16.Encode([]rune(metadata))) > int(m.cfg.Broker.OffsetMetadataMaxBytes)
}

func (m *Machine) has(p partition) bool {
	if m.cfg.Topics == nil {
		return true
	}
	t, ok := m.cfg.Topics.Topic(p.topic)
	return ok && p.index >= 0 && p.index < t.Partitions
}

// txnOffsetCommit is TxnOffsetCommit: offsets that count when the transaction is committed
// (KIP-98, KIP-447).
func (m *Machine) txnOffsetCommit(from coordinator.Caller, req *kmsg.TxnOffsetCommitRequest) {
	r := kmsg.NewPtrTxnOffsetCommitResponse()
	may := m.mayCommitTransaction(req)
	r.Version, r.Topics = req.Version, overTopics[kmsg.TxnOffsetCommitResponseTopic](req.Topics, func(topic string, p *kmsg.TxnOffsetCommitRequestTopicPartition) kmsg.TxnOffsetCommitResponseTopicPartition {
		c := committed{offset: p.Offset, leaderEpoch: p.LeaderEpoch, committedAt: m.wall(), expiresAt: -1}
		if req.Version < 2 {
			c.leaderEpoch = -1
		}
		return kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: m.commit(req.Group, partition{topic, p.Partition}, c, p.Metadata, may)}
	})
	if len(m.out.Records) > 0 {
		m.out.Producer = &coordinator.Producer{TransactionalID: req.TransactionalID, ID: req.ProducerID, Epoch: req.ProducerEpoch}
	}
	m.answer(from.Token, r)
}

func (m *Machine) mayCommitTransaction(req *kmsg.TxnOffsetCommitRequest) permit {
	generation, memberID, instance := req.Generation, req.MemberID, req.InstanceID
	if req.Version < 3 {
		generation, memberID, instance = -1, "", nil
	}
	g := m.groups[req.Group]
	switch {
	case req.Group == "":
		return permit{code: wire.InvalidGroupID}
	case g == nil && generation < 0:
		return permit{}
	case g == nil:
		return permit{code: wire.IllegalGeneration}
	case g.consumer != nil && generation < 0 && memberID == "":
		return permit{}
	case g.consumer != nil:
		may := m.mayCommitConsumer(g, memberID, generation, false)
		if may.code == wire.StaleMemberEpoch {
			may.code = wire.IllegalGeneration
		}
		return may
	}
	_, code := m.validateCommit(g, memberID, instance, generation, true)
	return permit{code: code}
}

// unstable says whether a transaction that is open has an offset for a partition: it may yet
// be another (KIP-447).
func (m *Machine) unstable(g *group, p partition) bool {
	if m.cfg.Failpoints.OnAbout(failpoint.T16IgnorePending, g.id, 0, 0) || !g.isPending(p) {
		return false
	}
	m.cfg.Failpoints.Hit(failpoint.OffsetsPending)
	return true
}

func (g *group) isPending(p partition) bool {
	// unordered: whether there is one
	for _, offsets := range g.transactional {
		if offsets[p] != nil {
			return true
		}
	}
	return false
}

// offsetDelete is OffsetDelete (KIP-496).
func (m *Machine) offsetDelete(from coordinator.Caller, req *kmsg.OffsetDeleteRequest) {
	r := kmsg.NewPtrOffsetDeleteResponse()
	r.Version, r.Topics = req.Version, []kmsg.OffsetDeleteResponseTopic{}
	g := m.groups[req.Group]
	switch {
	case req.Group == "":
		r.ErrorCode = wire.InvalidGroupID
	case g == nil:
		r.ErrorCode = wire.GroupIDNotFound
	case g.consumer == nil && g.state != empty && g.protocolType != consumerProtocol:
		r.ErrorCode = wire.NonEmptyGroup
	}
	if r.ErrorCode != wire.None {
		m.answer(from.Token, r)
		return
	}
	seen := map[partition]bool{}
	for i := range req.Topics {
		t := &req.Topics[i]
		rt := kmsg.NewOffsetDeleteResponseTopic()
		rt.Topic, rt.Partitions = t.Topic, []kmsg.OffsetDeleteResponseTopicPartition{}
		for j := range t.Partitions {
			rp := kmsg.NewOffsetDeleteResponseTopicPartition()
			rp.Partition = t.Partitions[j].Partition
			p := partition{t.Topic, rp.Partition}
			switch {
			case !m.has(p):
				rp.ErrorCode = wire.UnknownTopicOrPartition
			case g.isSubscribed(t.Topic):
				rp.ErrorCode = wire.GroupSubscribedToTopic
			case !seen[p] && (g.offsets[p] != nil || g.isPending(p)):
				seen[p] = true
				m.record(coordinator.Record{Key: m.offsetKey(g.id, p)})
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		r.Topics = append(r.Topics, rt)
	}
	m.answer(from.Token, r)
}
