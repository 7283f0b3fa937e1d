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
		topic := [16]byte{}
		if p := b.partition(tp.Topic, tp.Partition); p != nil {
			topic = p.topicID
			b.release(p)
		}
		if err := b.setAside(tp, topic, out); err != nil {
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

// drop deletes a replica with all its files.
func (b *Broker) drop(p *partition, out *machine.Effects) error {
	b.release(p)
	return b.removeFiles(p.TP(), out)
}

// release has the broker not have a replica. Who waits for it is told that it leads no more.
func (b *Broker) release(p *partition) {
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
}

// setAside renames the directory of a log with which a life has begun, and of which the
// metadata tell nothing. It is not deleted, since it may be the metadata that are lost
// (LogManager.isStrayKraftReplica); without a record there is nothing to keep.
func (b *Broker) setAside(tp wire.TP, topic [16]byte, out *machine.Effects) error {
	var names []string
	records := false
	for _, name := range b.files.List() {
		if strings.HasPrefix(name, replica.Dir(tp)+"/") {
			names = append(names, name)
			size, _ := b.files.Size(name)
			records = records || strings.HasSuffix(name, ".log") && size > 0
		}
	}
	if !records {
		return b.removeFiles(tp, out)
	}
	dir := strayDir(tp, topic)
	b.found = append(b.found, fmt.Sprintf("%v: the metadata have no such replica here; it is kept as %s", tp, dir))
	last := ""
	for _, name := range names {
		last = dir + strings.TrimPrefix(name, replica.Dir(tp))
		if err := b.files.Rename(name, last); err != nil {
			return fmt.Errorf("rename %s: %w", name, err)
		}
	}
	out.Sync(last, 0)
	return nil
}

// strayDir is the directory of a stray log, named as Kafka names it
// (UnifiedLog.logStrayDirName), but for the unique part, which is the topic's id.
func strayDir(tp wire.TP, topic [16]byte) string {
	suffix := fmt.Sprintf("-%d.%x-stray", tp.Partition, topic)
	return tp.Topic[:min(len(tp.Topic), maxFileName-len(suffix))] + suffix
}

// maxFileName is how long a name of a file may be, in bytes.
const maxFileName = 255

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
