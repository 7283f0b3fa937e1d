package client

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadata is what a client knows of the cluster. Partitions are only ever
// replaced by news of the same or a later leader epoch (KIP-320), so an answer
// of a broker that lags behind cannot send a client back to a deposed leader.
type metadata struct {
	topics  []*topicMeta // by name: those that the client is interested in
	version uint64       // counts the answers that were taken
	asks    uint64       // counts the requests

	asking  bool
	wrong   uint64 // counts who found it wrong; at the request: askedAt
	askedAt uint64
	stale   bool            // somebody has found it wrong: ask again once retryAt has come
	retryAt machine.Instant // the back-off after the last answer
	fails   uint32          // answers in a row that left it stale
	expires machine.Instant // metadata.max.age.ms after the last good answer
	due     machine.Instant
}

type topicMeta struct {
	name  string
	id    [16]byte // all zeros until known, and of brokers that know no ids (KIP-516)
	err   int16
	parts []*partMeta // by partition; empty until known
}

type partMeta struct {
	tp     wire.TP
	leader int32 // -1 while there is none
	epoch  int32 // of the leader; -1 if the broker did not say
}

func (m *metadata) init() { m.stale, m.due = true, machine.Never }

// invalidate asks for new metadata as soon as the back-off allows.
func (m *metadata) invalidate() {
	m.stale = true
	m.wrong++
}

// add makes a topic one that is asked for.
func (m *metadata) add(name string) *topicMeta {
	i, known := slices.BinarySearchFunc(m.topics, name, func(t *topicMeta, name string) int { return strings.Compare(t.name, name) })
	if !known {
		m.topics = slices.Insert(m.topics, i, &topicMeta{name: name})
		m.invalidate()
		m.retryAt = 0 // a new topic does not wait (Metadata.requestUpdateForNewTopics)
	}
	return m.topics[i]
}

func (m *metadata) topic(name string) *topicMeta {
	i, known := slices.BinarySearchFunc(m.topics, name, func(t *topicMeta, name string) int { return strings.Compare(t.name, name) })
	if !known {
		return nil
	}
	return m.topics[i]
}

// partition is what is known of a partition, or nil.
func (m *metadata) partition(tp wire.TP) *partMeta {
	t := m.topic(tp.Topic)
	if t == nil || tp.Partition < 0 || int(tp.Partition) >= len(t.parts) {
		return nil
	}
	return t.parts[tp.Partition]
}

// request asks for the client's topics. It never lets a broker create them: in
// a simulation topics are created on purpose, and a topic that springs up with
// the defaults because a producer was early would be another experiment.
func (m *metadata) request() *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = make([]kmsg.MetadataRequestTopic, len(m.topics))
	for i, t := range m.topics {
		req.Topics[i] = kmsg.NewMetadataRequestTopic()
		req.Topics[i].Topic = kmsg.StringPtr(t.name)
	}
	req.AllowAutoTopicCreation = false
	return req
}

// metadataAnswered takes the answer to a metadata request, or that it was lost.
func (n *network) metadataAnswered(now machine.Instant, o outcome) {
	m := &n.meta
	m.asking = false
	resp, is := o.body.(*kmsg.MetadataResponse)
	again := true
	if is {
		again = n.takeMetadata(resp)
		m.version++
		m.expires = now.Add(n.cfg.metadataMaxAge)
	}
	if again {
		m.fails++
	} else {
		m.fails = 0
	}
	// What was found wrong while the request was under way may be answered
	// with what was wrong.
	m.stale = again || m.wrong != m.askedAt
	wait := backoff(n.cfg.retry, n.cfg.retryMax, max(m.fails, 1)-1, n.cfg.seed.Of("metadata").With(m.asks))
	m.retryAt = now.Add(wait)
}

// takeMetadata reports whether something that the client needs is still missing.
func (n *network) takeMetadata(resp *kmsg.MetadataResponse) (again bool) {
	n.takeBrokers(resp.Brokers)
	for i := range resp.Topics {
		from := &resp.Topics[i]
		if from.Topic == nil {
			continue
		}
		t := n.meta.topic(*from.Topic)
		if t == nil {
			continue
		}
		t.err = from.ErrorCode
		if from.ErrorCode != 0 {
			again = true
			continue
		}
		t.id = from.TopicID
		again = t.take(from.Partitions) || again
	}
	return again
}

// maxPartitions bounds what an answer may make a client allocate.
const maxPartitions = 1 << 16

func (t *topicMeta) take(from []kmsg.MetadataResponseTopicPartition) (again bool) {
	for i := range from {
		f := &from[i]
		if f.Partition < 0 || f.Partition >= maxPartitions {
			continue
		}
		for int(f.Partition) >= len(t.parts) {
			tp := wire.TP{Topic: t.name, Partition: int32(len(t.parts))}
			t.parts = append(t.parts, &partMeta{tp: tp, leader: -1, epoch: -1})
		}
		p := t.parts[f.Partition]
		if f.LeaderEpoch >= 0 && f.LeaderEpoch < p.epoch {
			again = true // stale: keep what is known, ask again
			continue
		}
		p.leader, p.epoch = f.Leader, f.LeaderEpoch
		if f.ErrorCode != 0 || f.Leader < 0 {
			p.leader = -1
			again = true
		}
	}
	return again
}

// takeBrokers makes the links those of the cluster. A broker that has left is
// not used any more; its connection ends by itself.
func (n *network) takeBrokers(from []kmsg.MetadataResponseBroker) {
	if len(from) == 0 {
		return
	}
	boot := n.fixed()
	for _, l := range n.links[boot:] {
		l.gone = true
	}
	for i := range from {
		f := &from[i]
		if f.NodeID < 0 {
			continue
		}
		addr := fmt.Sprintf("%s:%d", f.Host, f.Port)
		at, known := slices.BinarySearchFunc(n.links[boot:], f.NodeID, func(l *link, id int32) int { return cmp.Compare(l.id, id) })
		if !known {
			n.links = slices.Insert(n.links, boot+at, &link{id: f.NodeID, addr: addr})
		}
		l := n.links[boot+at]
		l.gone, l.addr = false, addr // an open connection stays where it is
	}
}
