package log

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// dropGone takes away what the broker has of topics that are no more, and, once in a
// life, what it finds of partitions that were taken away while it was down (Kafka's
// stray logs).
func (b *Broker) dropGone(out *machine.Effects) error {
	for _, t := range b.gone {
		for _, info := range t.Partitions {
			if p := b.partition(t.Name, info.Partition); p != nil && p.topicID == t.ID {
				if err := b.drop(p, out); err != nil {
					return err
				}
			}
		}
	}
	b.gone = nil
	if b.strays || b.cfg.Admin == nil {
		return nil
	}
	b.strays = true
	for _, p := range slices.Clone(b.partitions) {
		tp := p.TP()
		info := b.image.Partition(tp.Topic, tp.Partition)
		if info == nil || !slices.Contains(info.Replicas, b.cfg.ID) {
			if err := b.drop(p, out); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop deletes a replica with all its files. Who waits for it is told that it leads no
// more.
func (b *Broker) drop(p *partition, out *machine.Effects) error {
	if f := p.fetcher; f != nil {
		f.parts = slices.DeleteFunc(f.parts, func(x *fetching) bool { return x.p == p })
		p.fetcher = nil
	}
	p.Retire()
	b.partitions = slices.DeleteFunc(b.partitions, func(x *partition) bool { return x == p })
	delete(b.byTopic[p.TP().Topic].parts, p.TP().Partition)
	b.syncs = slices.DeleteFunc(b.syncs, func(s syncing) bool { return s.p == p })
	b.touch(p)
	last := ""
	for _, name := range b.files.List() {
		if !strings.HasPrefix(name, replica.Dir(p.TP())+"/") {
			continue
		}
		if err := b.files.Remove(name); err != nil {
			return fmt.Errorf("delete %s: %w", name, err)
		}
		last = name
	}
	if last != "" {
		out.Sync(last, 0)
	}
	return nil
}

// topicIDFile says, in Kafka's format, of which topic a directory has the partition: a
// topic that was deleted may have had the same name (KIP-516).
const topicIDFile = "partition.metadata"

func topicIDName(tp wire.TP) string { return replica.Dir(tp) + "/" + topicIDFile }

// topicNamed is the id of the topic that a directory has a partition of; zero if it does
// not say.
func (b *Broker) topicNamed(tp wire.TP) (id controller.TopicID) {
	name := topicIDName(tp)
	size, ok := b.files.Size(name)
	if b.cfg.Admin == nil || !ok {
		return id
	}
	text, err := b.files.ReadAt(name, 0, min(size, 1024))
	if err != nil {
		return id
	}
	for line := range strings.Lines(string(text.Contiguous())) {
		if word, ok := strings.CutPrefix(strings.TrimSpace(line), "topic_id: "); ok {
			if raw, err := base64.RawURLEncoding.DecodeString(word); err == nil && len(raw) == len(id) {
				copy(id[:], raw)
			}
		}
	}
	return id
}

// nameTopic notes the topic of a partition, and has its directory say so.
func (b *Broker) nameTopic(p *partition, id controller.TopicID, out *machine.Effects) error {
	if b.cfg.Admin == nil || p.topicID == id {
		p.topicID = id
		return nil
	}
	p.topicID = id
	name := topicIDName(p.TP())
	if err := b.files.Remove(name); err != nil {
		return err
	}
	text := "version: 0\ntopic_id: " + base64.RawURLEncoding.EncodeToString(id[:]) + "\n"
	if err := b.files.Append(name, machine.Literal([]byte(text))); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	out.Sync(name, 0)
	return nil
}
