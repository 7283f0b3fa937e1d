package log

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// metadataWait is how long a broker lets the controller wait for more metadata
// (KafkaRaftClient's MAX_FETCH_WAIT_MS).
const metadataWait = 500 * time.Millisecond

// lateMetadata is for how long a broker may not ask for metadata, when a run has it
// be late.
const lateMetadata = 100 * time.Millisecond

// stepMetadata takes what comes on the connection on which the broker fetches the
// metadata log.
func (b *Broker) stepMetadata(now machine.Instant, in *machine.Input, out *machine.Effects) (mine bool) {
	a, mine, answered, lost := b.metadata.step(now, in, out)
	switch {
	case lost:
		b.askNext(now, out)
	case answered:
		if err := b.fetchedMetadata(now, a, out); err != nil {
			b.fail(err, out)
		}
	}
	return mine
}

// fetchMetadata asks for the records after those that were replayed. The
// controller gives out only what is committed.
func (b *Broker) fetchMetadata(now machine.Instant, out *machine.Effects) {
	if now < b.metadataAt || !b.metadata.ready(now, b, out) {
		return
	}
	if b.snapshot != nil {
		b.metadata.send(now, b.snapshot.request(b.cfg.ID), nil, b.cfg.Settings.ControllerQuorumFetchTimeout, out)
		return
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = b.image.Offset+1, 8<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = quorum.Topic, []kmsg.FetchRequestTopicPartition{p}
	req := kmsg.NewPtrFetchRequest()
	wait := min(metadataWait, b.cfg.Settings.ControllerQuorumFetchTimeout/2)
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = b.cfg.ID, int32(wait/time.Millisecond), 1, 8<<20
	req.Topics = []kmsg.FetchRequestTopic{t}
	req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{}
	b.metadata.send(now, req, nil, b.cfg.Settings.ControllerQuorumFetchTimeout, out)
}

func (b *Broker) fetchedMetadata(now machine.Instant, a wire.Answer, out *machine.Effects) error {
	b.metadataAt = now
	if part, ok := a.Body.(*kmsg.FetchSnapshotResponse); ok {
		return b.fetchedPart(now, part)
	}
	resp, ok := a.Body.(*kmsg.FetchResponse)
	if !ok || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || len(a.Records) != 1 {
		b.metadataAt = now.Add(reconnectBackoff)
		return nil
	}
	p := &resp.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		b.metadataAt = now.Add(reconnectBackoff) // nobody leads there, or not yet
		b.askOther(now, p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch, out)
		return nil
	}
	b.leads(now, p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch, out)
	if id := p.SnapshotID; id.EndOffset > b.image.Offset+1 {
		b.snapshot = &fetchedSnapshot{endOffset: id.EndOffset, epoch: id.Epoch}
		return nil
	}
	if a.Records[0].Len() == 0 {
		return nil
	}
	for h, batch := range wire.SplitBatches(a.Records[0]) {
		if _, err := wire.CheckBatch(batch); err != nil {
			b.metadataAt = now.Add(reconnectBackoff) // damaged on its way
			break
		}
		if err := b.replay(&h, batch); err != nil {
			return fmt.Errorf("replay the metadata log: %w", err)
		}
	}
	if b.cfg.Failpoints.On(failpoint.LateMetadata, uint64(b.image.Offset)) {
		b.metadataAt = now.Add(lateMetadata)
	}
	b.catchUp(now)
	return nil
}

// replay replays one batch of the metadata log and notes what it changes.
func (b *Broker) replay(h *wire.Batch, batch machine.Bytes) error {
	return wire.EachRecord(batch, func(rec *wire.Record) error {
		offset := h.BaseOffset + int64(rec.OffsetDelta)
		if offset <= b.image.Offset {
			return nil
		}
		if h.IsControl() {
			return b.image.Skip(offset)
		}
		record, err := controller.DecodeRecord(rec.Value)
		if err != nil {
			return fmt.Errorf("offset %d: %w", offset, err)
		}
		change, err := b.image.Replay(offset, record)
		if err != nil {
			return err
		}
		b.coordinators.topics.note(change)
		switch {
		case change.Settings:
			b.reconfigured = true
		case change.Removed != nil:
			b.gone = append(b.gone, change.Removed)
		case change.Partition != nil:
			b.changed(change.Partition)
		case change.Topic != nil:
			for _, p := range change.Topic.Partitions {
				b.changed(p)
			}
		}
		return nil
	})
}

func (b *Broker) changed(p *controller.PartitionInfo) {
	if n := len(b.delta); n == 0 || b.delta[n-1] != p {
		b.delta = append(b.delta, p)
	}
}

// applyMetadata brings the replicas in line with the metadata, once for all that
// came in one answer. What is from before the broker's own registration is about
// an earlier life: until that is replayed nobody leads or follows here (Kafka
// installs its BrokerMetadataPublisher then).
func (b *Broker) applyMetadata(now machine.Instant, out *machine.Effects) {
	if b.err != nil || !b.caughtUp() {
		return
	}
	err := b.dropGone(out)
	if err == nil {
		err = b.reconfigure(now, out)
	}
	if err != nil {
		b.fail(fmt.Errorf("apply the metadata: %w", err), out)
		return
	}
	for _, info := range b.delta {
		if b.image.ByID[info.TopicID] == nil {
			continue // it was removed since
		}
		if err := b.applyPartition(now, info, out); err != nil {
			b.fail(fmt.Errorf("apply the metadata: %w", err), out)
			return
		}
	}
	clear(b.delta)
	b.delta = b.delta[:0]
}

func (b *Broker) applyPartition(now machine.Instant, info *controller.PartitionInfo, out *machine.Effects) error {
	tp := wire.TP{Topic: info.Topic, Partition: info.Partition}
	p := b.partition(tp.Topic, tp.Partition)
	if p != nil && p.topicID != info.TopicID && p.topicID != (controller.TopicID{}) && !b.goesByName(p) {
		b.release(p) // of a topic that had the name before
		if err := b.setAside(tp, p.topicID, out); err != nil {
			return err
		}
		p = nil
	}
	if !slices.Contains(info.Replicas, b.cfg.ID) {
		if p == nil {
			return nil
		}
		return b.drop(p, out) // a reassignment has moved it elsewhere
	}
	if p == nil {
		var err error
		if p, err = b.open(tp, false); err != nil {
			return err
		}
	}
	p.topicID = info.TopicID
	p.SetTopic(b.cfg.Settings.Override(b.image.Topics[info.Topic].Configs))
	if p.Compacted() {
		b.cleaning.wake(now)
	}
	newEpoch, err := p.Apply(now, replica.State{
		Replicas: info.Replicas, ISR: info.ISR, Leader: info.Leader, LeaderEpoch: info.LeaderEpoch,
		PartitionEpoch: info.PartitionEpoch, Recovering: info.Recovery == controller.Recovering,
	})
	if err != nil {
		return err
	}
	if err := p.KeepTopicID(info.TopicID); err != nil {
		return err
	}
	b.flush(p, out) // what was found at the start, by an interval that was not known then
	b.touch(p)
	if newEpoch {
		p.epochs = p.epochs[:0]
		return b.assignFetcher(p)
	}
	return nil
}
