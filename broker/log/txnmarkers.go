package log

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/txn"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// txnMarkers are the markers that coordinators on this broker want to have written
// (TransactionMarkerChannelManager): on this broker itself, and by WriteTxnMarkers on others.
type txnMarkers struct {
	outboxes[markersPart]
	again   []markersPart // when it is time
	againAt machine.Instant
}

// finishing is a transaction whose markers are being written.
type finishing struct {
	shard  *shard
	marker coordinator.Marker
	left   int // partitions that have none yet
}

// markersPart is a part of that, for the partitions that one broker leads.
type markersPart struct {
	of         *finishing
	partitions []coordinator.TopicPartitions
}

// markersBackoff is how long a coordinator waits before it has a marker written again, to
// whoever leads the partition then. Kafka does so at once, and once more.
const markersBackoff = 100 * time.Millisecond

func newTxnMarkers() txnMarkers {
	return txnMarkers{
		outboxes: outboxes[markersPart]{purpose: "markers", key: wire.WriteTxnMarkers, speaks: wire.NewTable(wire.API{Key: wire.WriteTxnMarkers, Min: 1, Max: 2})},
		againAt:  machine.Never,
	}
}

// writeMarker has a marker written for a coordinator on this broker.
func (b *Broker) writeMarker(now machine.Now, s *shard, m coordinator.Marker, out *machine.Effects) {
	b.finish(now, &finishing{shard: s, marker: m}, out)
}

func (b *Broker) finish(now machine.Now, f *finishing, out *machine.Effects) {
	for i := range f.marker.Partitions {
		f.left += len(f.marker.Partitions[i].Partitions)
	}
	if f.left == 0 { // nothing was written that anybody knows of
		b.finished(now, f, out)
		return
	}
	b.writeMarkers(now, markersPart{f, f.marker.Partitions}, out)
}

// writeMarkers has a marker written by those who lead the partitions. One that is no more
// needs none.
func (b *Broker) writeMarkers(now machine.Now, part markersPart, out *machine.Effects) {
	b.cfg.Failpoints.Hit(failpoint.StepMarkers)
	var parts []markersPart
	var leaders []int32
	var homeless []coordinator.TopicPartitions
	gone := 0
	for i := range part.partitions {
		topic := part.partitions[i].Topic
		for _, n := range part.partitions[i].Partitions {
			info := b.image.Partition(topic, n)
			switch {
			case info == nil:
				gone++
				continue
			case !b.alive(info.Leader):
				homeless = withPartition(homeless, topic, n)
				continue
			}
			j := slices.Index(leaders, info.Leader)
			if j < 0 {
				j = len(leaders)
				leaders, parts = append(leaders, info.Leader), append(parts, markersPart{of: part.of})
			}
			parts[j].partitions = withPartition(parts[j].partitions, topic, n)
		}
	}
	if len(homeless) > 0 {
		b.writeAgain(now.Mono, markersPart{part.of, homeless})
	}
	for j := range parts {
		if leaders[j] != b.cfg.ID {
			x := b.markers.to(b, leaders[j])
			x.queue = append(x.queue, parts[j])
			continue
		}
		part := parts[j]
		b.takeMarkers(now, &parkedMarkers{then: func(now machine.Now, resp *kmsg.WriteTxnMarkersResponse, out *machine.Effects) {
			b.marksWritten(now, part, &resp.Markers[0], out)
		}}, markersRequest(parts[j:j+1]), out)
	}
	b.partsWritten(now, part.of, gone, out)
}

// alive reports whether a broker is registered and not fenced.
func (b *Broker) alive(id int32) bool {
	info := b.image.Brokers[id]
	return info != nil && !info.Fenced
}

// withPartition is a list with one more partition, of which the topic is the last or new.
func withPartition(list []coordinator.TopicPartitions, topic string, n int32) []coordinator.TopicPartitions {
	if k := len(list); k == 0 || list[k-1].Topic != topic {
		list = append(list, coordinator.TopicPartitions{Topic: topic})
	}
	t := &list[len(list)-1]
	t.Partitions = append(t.Partitions, n)
	return list
}

// markersRequest asks for the markers of some transactions, in their order.
func markersRequest(parts []markersPart) *kmsg.WriteTxnMarkersRequest {
	req := kmsg.NewPtrWriteTxnMarkersRequest()
	req.Markers = make([]kmsg.WriteTxnMarkersRequestMarker, len(parts))
	for i := range parts {
		m, x := &parts[i].of.marker, &req.Markers[i]
		x.ProducerID, x.ProducerEpoch, x.Committed, x.CoordinatorEpoch, x.TransactionVersion = m.ID, m.Epoch, m.Commit, m.CoordinatorEpoch, int8(m.Version)
		x.Topics = make([]kmsg.WriteTxnMarkersRequestMarkerTopic, len(parts[i].partitions))
		for j := range parts[i].partitions {
			x.Topics[j].Topic, x.Topics[j].Partitions = parts[i].partitions[j].Topic, parts[i].partitions[j].Partitions
		}
	}
	return req
}

// sendMarkers sends what other brokers are to write.
func (b *Broker) sendMarkers(now machine.Instant, out *machine.Effects) {
	for _, x := range b.markers.ready(now, b, out) {
		x.under = slices.DeleteFunc(x.under, func(p markersPart) bool { return !p.of.wanted() })
		if len(x.under) > 0 {
			x.send(now, markersRequest(x.under), nil, peerTimeout, out)
		}
	}
}

// wanted reports whether the coordinator that wants a transaction finished is that still.
// Whoever has taken over wants it, too.
func (f *finishing) wanted() bool { return f.shard.p.shard == f.shard }

func (b *Broker) stepMarkers(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	took, a, mine, lost := b.markers.step(now.Mono, in, out)
	if lost {
		b.markersLost(now.Mono, took)
		return mine
	}
	resp, ok := a.Body.(*kmsg.WriteTxnMarkersResponse)
	for i := range took {
		if ok && i < len(resp.Markers) && resp.Markers[i].ProducerID == took[i].of.marker.ID {
			b.marksWritten(now, took[i], &resp.Markers[i], out)
		} else { // no answer to what was asked
			b.writeAgain(now.Mono, took[i])
		}
	}
	return mine
}

// markersLost has markers written again of which nobody knows whether they are: a second one
// ends nothing.
func (b *Broker) markersLost(now machine.Instant, parts []markersPart) {
	for _, part := range parts {
		b.writeAgain(now, part)
	}
}

func (m *txnMarkers) due(now machine.Instant) machine.Instant {
	return min(m.againAt, m.outboxes.due(now))
}

func (b *Broker) writeAgain(now machine.Instant, part markersPart) {
	if len(b.markers.again) == 0 {
		b.markers.againAt = now.Add(markersBackoff)
	}
	b.markers.again = append(b.markers.again, part)
}

// expireMarkersSent gives up on brokers that do not answer, and goes on with what is to be
// written again.
func (b *Broker) expireMarkersSent(now machine.Now, out *machine.Effects) {
	m := &b.markers
	b.markersLost(now.Mono, m.expire(now.Mono, out))
	if now.Mono < m.againAt {
		return
	}
	again := m.again
	m.again, m.againAt = nil, machine.Never
	for _, part := range again {
		if part.of.wanted() {
			b.writeMarkers(now, part, out)
		}
	}
}

// marksWritten takes an answer to WriteTxnMarkers about one marker
// (TransactionMarkerRequestCompletionHandler).
func (b *Broker) marksWritten(now machine.Now, part markersPart, a *kmsg.WriteTxnMarkersResponseMarker, out *machine.Effects) {
	var again []coordinator.TopicPartitions
	asked, written := 0, 0
	for i := range part.partitions {
		asked += len(part.partitions[i].Partitions)
	}
	for i := range a.Topics {
		for _, x := range a.Topics[i].Partitions {
			switch x.ErrorCode {
			case wire.None, wire.UnsupportedForMessageFormat:
				written++
			case wire.InvalidProducerEpoch, wire.TransactionCoordinatorFenced:
				return // another coordinator has taken over, as this one will hear
			default:
				again = withPartition(again, a.Topics[i].Topic, x.Partition)
			}
		}
	}
	if left := asked - written; left > 0 && count(again) != left {
		again, written = part.partitions, 0 // no answer to what was asked
	}
	if len(again) > 0 {
		b.writeAgain(now.Mono, markersPart{part.of, again})
	}
	b.partsWritten(now, part.of, written, out)
}

func count(list []coordinator.TopicPartitions) (n int) {
	for i := range list {
		n += len(list[i].Partitions)
	}
	return n
}

// partsWritten notes that some partitions of a transaction have their marker.
func (b *Broker) partsWritten(now machine.Now, f *finishing, n int, out *machine.Effects) {
	if n > 0 {
		if f.left -= n; f.left == 0 {
			b.finished(now, f, out)
		}
	}
}

// finished has the coordinator complete a transaction.
func (b *Broker) finished(now machine.Now, f *finishing, out *machine.Effects) {
	if !f.wanted() {
		return
	}
	b.tell(now, f.shard, txn.MarkersWritten{Producer: f.marker.Producer}, out)
	if b.cfg.Failpoints.On(failpoint.T24CompleteTwice, uint64(f.marker.ID)) {
		again := &finishing{shard: f.shard, marker: f.marker, left: -1} // it never comes to its end
		b.writeAgain(now.Mono, markersPart{again, f.marker.Partitions})
	}
}
