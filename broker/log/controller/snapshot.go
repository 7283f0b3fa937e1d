package controller

import (
	"fmt"
	"maps"
	"slices"
)

// ShutDownSince says, in a snapshot alone, at which offset a broker's controlled shutdown
// began.
type ShutDownSince struct {
	ID     int32
	Epoch  int64
	Offset int64
}

// Records are a snapshot of the image: what [LoadImage] makes the same image of
// (KIP-630). Two images that are equal have the same.
func (im *Image) Records() (list []Record) {
	for _, id := range im.BrokerIDs() {
		b := im.Brokers[id]
		list = append(list, RegisterBroker{
			ID: b.ID, Incarnation: b.Incarnation, Epoch: b.Epoch, Host: b.Host, Port: b.Port, Rack: b.Rack, Fenced: b.Fenced, Others: b.Others,
		})
		if b.ShutDownOffset >= 0 {
			list = append(list, ShutDownSince{b.ID, b.Epoch, b.ShutDownOffset})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(im.BrokerConfigs)) {
		for _, key := range slices.Sorted(maps.Keys(im.BrokerConfigs[id])) {
			list = append(list, BrokerConfig{Broker: id, Name: key, Value: im.BrokerConfigs[id][key]})
		}
	}
	for _, group := range slices.Sorted(maps.Keys(im.GroupConfigs)) {
		for _, key := range slices.Sorted(maps.Keys(im.GroupConfigs[group])) {
			list = append(list, GroupConfig{Group: group, Name: key, Value: im.GroupConfigs[group][key]})
		}
	}
	for q := range im.EachQuota {
		list = append(list, q.records()...)
	}
	for id, e := range im.EachACL {
		list = append(list, AccessControlEntry{id, e})
	}
	for user, c := range im.EachScram {
		list = append(list, ScramCredential{user.Name, user.Mechanism, c})
	}
	for _, name := range im.TopicNames() {
		t := im.Topics[name]
		list = append(list, Topic{Name: t.Name, ID: t.ID})
		for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
			list = append(list, Config{Topic: t.Name, Name: key, Value: t.Configs[key]})
		}
		for _, p := range t.Partitions {
			list = append(list, p.records()...)
		}
	}
	if im.NextProducerID > 0 {
		list = append(list, ProducerIDs{Broker: nobody, BrokerEpoch: -1, Next: im.NextProducerID})
	}
	return list
}

// records are a partition as it is. That a leader is still recovering only a change can
// say, which counts as one of the partition's epochs.
func (p *PartitionInfo) records() []Record {
	r := Partition{
		TopicID: p.TopicID, Partition: p.Partition, Replicas: p.Replicas, ISR: p.ISR,
		Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch,
		Adding: p.Adding, Removing: p.Removing,
	}
	if p.Recovery == Recovered {
		return []Record{r}
	}
	r.PartitionEpoch--
	return []Record{r, PartitionChange{TopicID: p.TopicID, Partition: p.Partition, Leader: NoLeaderChange, Recovery: p.Recovery}}
}

// LoadImage is the image at an offset of which a snapshot is. An error says that no
// controller made it.
func LoadImage(offset int64, snapshot []Record) (*Image, error) {
	im := NewImage()
	for i, r := range snapshot {
		if _, err := im.apply(offset, r); err != nil {
			return nil, fmt.Errorf("record %d of the snapshot at offset %d: %w", i, offset, err)
		}
	}
	im.Offset = offset
	return im, nil
}

// Load has the controller go on from an image.
func (c *Controller) Load(im *Image) { c.image = im }
