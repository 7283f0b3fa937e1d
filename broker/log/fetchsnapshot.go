package log

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// fetchedSnapshot is a snapshot of the metadata that a broker fetches, since the log of
// the controllers does not go back as far as it needs (KIP-630).
type fetchedSnapshot struct {
	endOffset int64
	epoch     int32
	got       []byte
}

// maxSnapshotPart is how much of a snapshot one answer may hold (KafkaRaftClient).
const maxSnapshotPart = 8 << 20

func (s *fetchedSnapshot) request(broker int32) kmsg.Request {
	p := kmsg.NewFetchSnapshotRequestTopicPartition()
	p.CurrentLeaderEpoch, p.Position = -1, int64(len(s.got))
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch = s.endOffset, s.epoch
	t := kmsg.NewFetchSnapshotRequestTopic()
	t.Topic, t.Partitions = quorum.Topic, []kmsg.FetchSnapshotRequestTopicPartition{p}
	req := kmsg.NewPtrFetchSnapshotRequest()
	req.ReplicaID, req.MaxBytes = broker, maxSnapshotPart
	req.Topics = []kmsg.FetchSnapshotRequestTopic{t}
	return req
}

// fetchedPart takes a part of the snapshot. One that the controller has no more is not
// asked for again: it will name a newer one.
func (b *Broker) fetchedPart(now machine.Instant, resp *kmsg.FetchSnapshotResponse) error {
	s := b.snapshot
	if s == nil {
		return nil
	}
	if resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		b.snapshot, b.metadataAt = nil, now.Add(reconnectBackoff)
		return nil
	}
	p := &resp.Topics[0].Partitions[0]
	if p.ErrorCode != 0 || len(p.Bytes) == 0 || p.Position != int64(len(s.got)) || p.SnapshotID.EndOffset != s.endOffset || p.SnapshotID.Epoch != s.epoch {
		b.snapshot, b.metadataAt = nil, now.Add(reconnectBackoff)
		return nil
	}
	if s.got = append(s.got, p.Bytes...); int64(len(s.got)) < p.Size {
		return nil
	}
	b.snapshot = nil
	im, err := s.image()
	if err != nil {
		b.metadataAt = now.Add(reconnectBackoff) // damaged on its way
		return nil
	}
	b.cfg.Failpoints.Hit(failpoint.SnapshotFetched)
	b.goOnFrom(im)
	b.catchUp(now)
	return nil
}

// image is what the snapshot comes to.
func (s *fetchedSnapshot) image() (*controller.Image, error) {
	var records []controller.Record
	for h, batch := range wire.SplitBatches(machine.Literal(s.got)) {
		if _, err := wire.CheckBatch(batch); err != nil {
			return nil, err
		}
		if h.IsControl() {
			continue
		}
		err := wire.EachRecord(batch, func(rec *wire.Record) error {
			r, err := controller.DecodeRecord(rec.Value)
			records = append(records, r)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("snapshot at offset %d: %w", s.endOffset, err)
		}
	}
	return controller.LoadImage(s.endOffset-1, records)
}

// goOnFrom takes an image for the one that was replayed so far, and notes everything in
// it as changed.
func (b *Broker) goOnFrom(im *controller.Image) {
	for _, name := range b.image.TopicNames() {
		if t := b.image.Topics[name]; im.ByID[t.ID] == nil {
			b.gone = append(b.gone, t)
			b.coordinators.topics.deleted = append(b.coordinators.topics.deleted, name)
			b.coordinators.topics.gone = append(b.coordinators.topics.gone, t.ID)
		}
	}
	b.reconfigured = b.reconfigured || len(b.image.BrokerConfigs) > 0 || len(im.BrokerConfigs) > 0
	b.image, b.coordinators.topics.some = im, true
	b.delta = slices.Collect(im.Partitions())
}
