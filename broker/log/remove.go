package log

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// dropGone takes away what the broker has of topics that are no more, and, once in a
// life, what it finds of partitions that were taken away while it was down (Kafka's
// stray logs).
func (b *Broker) dropGone(out *machine.Effects) error {
	for _, t := range b.gone {
		for _, info := range t.Partitions {
			if p := b.partition(t.Name, info.Partition); p != nil && p.topicID == t.ID && !b.goesByName(p) {
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
	for _, tp := range directoriesOn(b.files) {
		if info := b.image.Partition(tp.Topic, tp.Partition); info != nil && slices.Contains(info.Replicas, b.cfg.ID) {
			continue
		}
		err := b.removeFiles(tp, out) // a log without a record has no file of its own
		if p := b.partition(tp.Topic, tp.Partition); p != nil {
			err = b.drop(p, out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goesByName reports whether a replica is taken for one of the topic that has the name by
// now, whichever that is: only a planted bug does so.
func (b *Broker) goesByName(p *partition) bool {
	tp := p.TP()
	return b.image.Partition(tp.Topic, tp.Partition) != nil && b.cfg.Failpoints.OnAbout(failpoint.R25GoByName, tp.Topic, uint64(tp.Partition), 0)
}

// directoriesOn are the partitions of which there are files, in order.
func directoriesOn(files machine.Files) (list []wire.TP) {
	for _, name := range files.List() {
		dir, _, ok := strings.Cut(name, "/")
		if tp, is := replica.ParseDir(dir); ok && is && !slices.Contains(list, tp) {
			list = append(list, tp)
		}
	}
	slices.SortFunc(list, wire.TP.Compare) // total: each is there once
	return list
}

// drop deletes a replica with all its files. Who waits for it is told that it leads no
// more.
func (b *Broker) drop(p *partition, out *machine.Effects) error {
	if f := p.fetcher; f != nil {
		f.parts = slices.DeleteFunc(f.parts, func(x *fetching) bool { return x.p == p })
		p.fetcher = nil
	}
	b.forgetCleaning(p)
	p.Retire()
	b.partitions = slices.DeleteFunc(b.partitions, func(x *partition) bool { return x == p })
	b.byTopic[p.TP().Topic].set(p.TP().Partition, nil)
	b.syncs = slices.DeleteFunc(b.syncs, func(s syncing) bool { return s.p == p })
	b.touch(p)
	for _, c := range b.checkpoints() {
		delete(c.known, p.TP()) // it may come back, and begin anew
	}
	return b.removeFiles(p.TP(), out)
}

func (b *Broker) removeFiles(tp wire.TP, out *machine.Effects) error {
	last := ""
	for _, name := range b.files.List() {
		if !strings.HasPrefix(name, replica.Dir(tp)+"/") {
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
