package log

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/log/config"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// start recovers what an earlier life has left on the node's files, and begins to
// look for the controller.
func (b *Broker) start(now machine.Now, files machine.Files, out *machine.Effects) {
	b.files = files
	b.isrAt = now.Mono.Add(b.cfg.Settings.ReplicaLagTimeMax / 2)
	b.expireAt = now.Mono.Add(b.cfg.Settings.ProducerIDExpirationCheckInterval)
	b.retention.at = now.Mono.Add(firstRetention)
	b.startCheckpoints(now.Mono)
	clean, err := b.unmark(out)
	if err != nil {
		b.fail(err, out)
		return
	}
	for _, tp := range partitionsOn(files) {
		p, err := b.open(tp, clean)
		if err != nil {
			b.fail(err, out)
			return
		}
		b.flush(p, out)
	}
	b.life.nextAt, b.metadataAt = now.Mono, now.Mono
}

// startCheckpoints reads what an earlier life has written down.
func (b *Broker) startCheckpoints(now machine.Instant) {
	s := &b.cfg.Settings
	b.note(b.checkpoint.start(now, b.files, storage.HighWatermarkFile, s.ReplicaHighWatermarkCheckpointInterval))
	b.note(b.recovery.start(now, b.files, storage.RecoveryPointFile, s.LogFlushOffsetCheckpointInterval))
	b.note(b.logStart.start(now, b.files, storage.LogStartFile, s.LogFlushStartOffsetCheckpointInterval))
	b.note(b.cleaned.start(now, b.files, storage.CleanerOffsetFile, s.LogCleanerBackoff))
	b.startCleaner()
	if b.flushAt = flushLater(now, s.LogFlushSchedulerMillis); b.flushAt != machine.Never {
		b.flushAt = now.Add(firstFlush)
	}
}

// note keeps a line for an operator about what was found on the disk.
func (b *Broker) note(err error) {
	if err != nil {
		b.found = append(b.found, err.Error())
	}
}

// Found is what was not as it should be on the disk when this life began, and what was
// done about it, and what an operator should know that came later: a line each.
func (b *Broker) Found() []string { return b.found }

// partitionsOn are the partitions of which the files hold a log, in order.
func partitionsOn(files machine.Files) []wire.TP {
	var list []wire.TP
	for _, name := range files.List() {
		dir, file, ok := strings.Cut(name, "/")
		if !ok || !strings.HasSuffix(file, ".log") {
			continue
		}
		if tp, ok := replica.ParseDir(dir); ok && !slices.Contains(list, tp) {
			list = append(list, tp)
		}
	}
	slices.SortFunc(list, wire.TP.Compare) // total: each is there once
	return list
}

// open opens the replica of a partition, whose configuration the metadata will
// tell.
func (b *Broker) open(tp wire.TP, clean bool) (*partition, error) {
	r, recovery, err := replica.Open(b.files, replica.Config{
		TP:           tp,
		Self:         b.cfg.ID,
		Topic:        b.topicConfig(tp.Topic),
		LagTimeMax:   b.cfg.Settings.ReplicaLagTimeMax,
		Eligible:     func(id int32) bool { return b.image.Alive(id) }, // a snapshot brings another image
		Failpoints:   b.cfg.Failpoints,
		Remember:     b.cfg.Remember,
		CheckRecords: b.cfg.CheckRecords,

		VerifyTransactions: b.cfg.Settings.TransactionPartitionVerification,
	}, replica.Saved{
		HighWatermark: b.checkpoint.known[tp],
		RecoveryPoint: b.recovery.known[tp],
		LogStart:      b.logStart.known[tp],
		Clean:         clean,
		Holes:         b.cleaned.has(tp),
	})
	if err != nil {
		return nil, err
	}
	if text := recovery.String(); text != "" {
		b.found = append(b.found, tp.String()+": "+text)
	}
	if point, end := b.recovery.known[tp], r.LogEnd(); point > end {
		b.found = append(b.found, fmt.Sprintf("%v: it ends at offset %d, below its recovery point %d: records that were durable are not there", tp, end, point))
	}
	if recovery.IndexesMade > 0 {
		b.cfg.Failpoints.Hit(failpoint.IndexRebuild)
	}
	if recovery.TornBytes > 0 {
		b.cfg.Failpoints.Hit(failpoint.UncleanRestart)
	}
	if recovery.Cleaned {
		b.cfg.Failpoints.Hit(failpoint.CleaningCutShort)
	}
	if recovery.Swapped {
		b.cfg.Failpoints.Hit(failpoint.SwapFinished)
	}
	p := &partition{Replica: r}
	if b.cfg.Admin != nil { // only then are topics deleted
		p.topicID = r.TopicID()
	}
	b.addPartition(tp, p)
	return p, nil
}

func (b *Broker) topicConfig(topic string) config.Topic {
	if t := b.image.Topics[topic]; t != nil {
		return b.cfg.Settings.Override(t.Configs)
	}
	return b.cfg.Settings.Override(nil)
}

// flush has the disk make a replica's log durable, if its configuration asks for
// that now.
func (b *Broker) flush(p *partition, out *machine.Effects) {
	for _, file := range p.Flush() {
		tag := b.tag()
		b.syncs = append(b.syncs, syncing{tag, p})
		out.Sync(file, tag)
	}
	b.retention.needed = b.retention.needed || p.Rolled() || p.Ages()
}

// diskDone takes the answer to a sync. After a failed one nobody knows what is on
// the disk: the broker gives up, and a later life recovers what is there.
func (b *Broker) diskDone(now machine.Now, in *machine.Input, out *machine.Effects) {
	if b.checkpointSynced(now.Mono, in.Tag, in.Err, out) || b.passSynced(now, in.Tag, in.Err, out) || b.markSynced(now.Mono, in.Tag, in.Err, out) {
		return
	}
	i := slices.IndexFunc(b.syncs, func(s syncing) bool { return s.tag == in.Tag })
	if i < 0 {
		return
	}
	p := b.syncs[i].p
	b.syncs = slices.Delete(b.syncs, i, i+1)
	if in.Err != nil && !b.cfg.Failpoints.On(failpoint.S03IgnoreSyncError, uint64(in.Tag)) {
		b.fail(in.Err, out)
		return
	}
	p.Flushed(now.Mono)
	b.expire(now, p, out)
	b.flush(p, out)
	b.touch(p)
}

func address(host string, port int32) string { return host + ":" + strconv.Itoa(int(port)) }
