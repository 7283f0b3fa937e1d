package log

import (
	"errors"
	"fmt"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// checkpoint is an offset of each partition as they are written down now and then, in
// Kafka's file and format, for the broker that starts again. Any lower offset is as true.
type checkpoint struct {
	file     string
	interval time.Duration
	at       machine.Instant
	known    map[wire.TP]int64 // as an earlier life has left them
	written  string
	offsets  []storage.PartitionOffset // that are being written
	renamed  bool                      // the new file has taken the place of the old one
	tag      machine.Tag               // of a sync; 0: none is under way
}

const (
	checkpointFile    = storage.HighWatermarkFile
	newCheckpointFile = checkpointFile + newFile
	newFile           = ".tmp"
)

// start reads what an earlier life has left. A file that is not whole tells nothing; the
// error says why.
func (c *checkpoint) start(now machine.Instant, files machine.Files, file string, interval time.Duration) error {
	c.file, c.interval, c.at = file, interval, now.Add(interval)
	size, ok := files.Size(file)
	if !ok {
		return nil
	}
	b, err := files.ReadAt(file, 0, size)
	var list []storage.PartitionOffset
	if err == nil {
		list, err = storage.ParseOffsets(b.Contiguous())
	}
	if err != nil {
		return fmt.Errorf("%s is passed over: %w", file, err)
	}
	c.known = make(map[wire.TP]int64, len(list))
	for _, e := range list {
		c.known[wire.TP{Topic: e.Topic, Partition: e.Partition}] = e.Offset
	}
	c.written = string(b.Contiguous())
	return nil
}

// has reports whether an earlier life has written anything down of a partition.
func (c *checkpoint) has(tp wire.TP) bool {
	_, ok := c.known[tp]
	return ok
}

func (c *checkpoint) due() machine.Instant {
	if c.tag != 0 {
		return machine.Never
	}
	return c.at
}

// checkpoints are all of a broker.
func (b *Broker) checkpoints() [4]*checkpoint {
	return [...]*checkpoint{&b.checkpoint, &b.recovery, &b.logStart, &b.cleaned}
}

func (b *Broker) checkpointsDue() machine.Instant {
	return min(b.checkpoint.due(), b.recovery.due(), b.logStart.due(), b.cleaned.due())
}

// saveCheckpoints begins to write new files when it is time.
func (b *Broker) saveCheckpoints(now machine.Instant, out *machine.Effects) {
	for _, c := range b.checkpoints() {
		if now >= c.due() {
			c.at = now.Add(c.interval)
			b.saveCheckpoint(c, out)
		}
	}
}

// saveCheckpoint begins to write a new file, if there is anything new. It takes the place
// of the old one when it is durable. Where there is no room it is for the next time.
func (b *Broker) saveCheckpoint(c *checkpoint, out *machine.Effects) {
	list := b.offsetsFor(c)
	text := string(storage.FormatOffsets(list))
	if text == c.written || len(list) == 0 && c.written == "" {
		return
	}
	if c == &b.checkpoint && b.cfg.Failpoints.OnAbout(failpoint.SkipCheckpoint, text, 0, 0) {
		return
	}
	err := b.files.Remove(c.file + newFile)
	if err == nil {
		err = b.files.Append(c.file+newFile, machine.Literal([]byte(text)))
	}
	if errors.Is(err, machine.ErrNoSpace) {
		return
	}
	if err != nil {
		b.fail(fmt.Errorf("write %s: %w", c.file+newFile, err), out)
		return
	}
	if c == &b.checkpoint {
		b.cfg.Failpoints.Hit(failpoint.StepCheckpoint)
	}
	c.written, c.offsets, c.renamed = text, list, false
	c.sync(b, c.file+newFile, out)
}

func (c *checkpoint) sync(b *Broker, file string, out *machine.Effects) {
	c.tag = b.tag()
	out.Sync(file, c.tag)
}

// offsetsFor are the offsets that belong into a checkpoint now, by topic and partition. Of
// recovery points and log starts those are left out that tell nothing.
func (b *Broker) offsetsFor(c *checkpoint) []storage.PartitionOffset {
	list := make([]storage.PartitionOffset, 0, len(b.partitions))
	for _, p := range b.partitions {
		if c == &b.cleaned {
			if p.Log().Holes() || p.WantsHoles() {
				list = append(list, storage.PartitionOffset{Topic: p.TP().Topic, Partition: p.TP().Partition, Offset: b.cleaning.looked[p.TP()]})
			}
			continue
		}
		offset := p.HighWatermark()
		switch c {
		case &b.recovery:
			offset = p.RecoveryPoint()
		case &b.logStart:
			offset = p.StartToSave()
		}
		if offset > 0 || c == &b.checkpoint {
			list = append(list, storage.PartitionOffset{Topic: p.TP().Topic, Partition: p.TP().Partition, Offset: offset})
		}
	}
	return list
}

// checkpointSynced takes the answer to a sync, if it is one of a checkpoint.
func (b *Broker) checkpointSynced(now machine.Instant, tag machine.Tag, err error, out *machine.Effects) (mine bool) {
	for _, c := range b.checkpoints() {
		if c.tag == 0 || tag != c.tag {
			continue
		}
		c.tag = 0
		switch {
		case err != nil:
		case c.renamed:
			b.saved(now, c)
		default:
			if err = b.files.Rename(c.file+newFile, c.file); err == nil && (c != &b.checkpoint || b.stopping.begun) {
				c.renamed = true
				c.sync(b, c.file, out)
			}
		}
		if err != nil {
			b.fail(fmt.Errorf("write %s: %w", c.file, err), out)
		}
		return true
	}
	return false
}

// saved tells the replicas which of their recovery points is on the disk now, or that it is
// that they may have holes.
func (b *Broker) saved(now machine.Instant, c *checkpoint) {
	if c == &b.cleaned {
		b.allowHoles(now)
	}
	if c != &b.recovery {
		return
	}
	offsets := make(map[wire.TP]int64, len(c.offsets))
	for _, e := range c.offsets {
		offsets[wire.TP{Topic: e.Topic, Partition: e.Partition}] = e.Offset
	}
	for _, p := range b.partitions {
		p.RecoveryPointSaved(offsets[p.TP()])
	}
}

// lowered has the recovery points be written down at once if one of them is below what is on
// the disk: what follows a truncation may not be durable. So it is with the cleaner's if
// a log must be allowed to have holes.
func (b *Broker) lowered(now machine.Instant) {
	for _, p := range b.moved {
		if p.RecoveryPointFell() {
			b.recovery.at = now
		}
		if p.WantsHoles() {
			b.cleaned.at = now
		}
		b.cleaning.cut(p)
	}
}
