package replica

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Config is what a replica is opened with.
type Config struct {
	TP         wire.TP
	Self       int32 // the broker that has it
	Topic      config.Topic
	LagTimeMax time.Duration // replica.lag.time.max.ms
	// Eligible reports whether a broker may be in sync as far as the metadata
	// tells: it is neither fenced nor in controlled shutdown (KIP-841).
	Eligible   func(broker int32) bool
	Failpoints *failpoint.Set // nil: off
}

// Replica is one replica of one partition. After an error of a method that
// writes, what is on the disk is not known and the replica must not be used.
type Replica struct {
	cfg       Config
	log       *storage.Log
	epochs    epochs
	producers producers
	flush     flush

	state         State
	role          role
	highWatermark int64

	// Of a leader.
	epochStart int64 // the log end offset when the epoch began
	followers  []follower
	asked      question
}

// quirk reports whether the replica does what is rare and legal about n.
func (r *Replica) quirk(site failpoint.Site, n uint64) bool {
	return r.cfg.Failpoints.OnAbout(site, r.cfg.TP.Topic, uint64(r.cfg.TP.Partition), n)
}

type role uint8

const (
	idle role = iota // nothing was said yet, or there is no leader
	leading
	following
)

// Dir is the directory of a replica's log, as Kafka names it: "orders-0".
func Dir(tp wire.TP) string { return tp.String() }

// ParseDir returns the partition whose log is in a directory.
func ParseDir(dir string) (tp wire.TP, ok bool) {
	dash := strings.LastIndexByte(dir, '-')
	if dash <= 0 {
		return wire.TP{}, false
	}
	n, err := strconv.ParseInt(dir[dash+1:], 10, 32)
	if err != nil || n < 0 || dir[dash+1:] != strconv.FormatInt(n, 10) {
		return wire.TP{}, false
	}
	return wire.TP{Topic: dir[:dash], Partition: int32(n)}, true
}

// Open opens the log of a replica, or begins one. checkpoint is the high
// watermark that an earlier life has written down; 0 is a safe guess.
func Open(files machine.Files, cfg Config, checkpoint int64) (*Replica, storage.Recovery, error) {
	log, recovery, err := storage.OpenWith(files, Dir(cfg.TP), cfg.storage())
	if err != nil {
		return nil, recovery, err
	}
	r := &Replica{cfg: cfg, log: log, state: State{Leader: NoLeader, LeaderEpoch: -1, PartitionEpoch: -1}}
	r.highWatermark = max(min(checkpoint, log.End()), log.Start())
	r.flush.begin(cfg.Topic.FlushMessages, log.End())
	return r, recovery, r.rebuild()
}

// storage is how the log is opened.
func (c *Config) storage() storage.Options {
	return storage.Options{
		IndexInterval: c.Topic.IndexIntervalBytes,
		IndexBytes:    c.Topic.SegmentIndexBytes,
		Flaws:         storage.Flaws{SkipChecksums: c.Failpoints.On(failpoint.S01SkipChecksums, uint64(c.TP.Partition))},
	}
}

// rebuild learns from the log what is known about it beside its batches.
func (r *Replica) rebuild() error {
	r.epochs.list = r.epochs.list[:0]
	r.producers.clear()
	for h, err := range r.log.Batches(r.log.Start()) {
		if err != nil {
			return fmt.Errorf("rebuild the state of %v: %w", r.cfg.TP, err)
		}
		b := wire.Batch(h)
		r.epochs.begin(b.LeaderEpoch, b.BaseOffset)
		if !r.cfg.Failpoints.On(failpoint.S18ForgetAtStart, uint64(b.BaseOffset)) {
			r.producers.appended(&b)
		}
	}
	return nil
}

// TP is the partition.
func (r *Replica) TP() wire.TP { return r.cfg.TP }

// LogStart is the offset of the first record that is kept.
func (r *Replica) LogStart() int64 { return r.log.Start() }

// LogEnd is the log end offset: that of the next record.
func (r *Replica) LogEnd() int64 { return r.log.End() }

// LogSize is how many bytes the log has.
func (r *Replica) LogSize() int64 { return r.log.Size() }

// HighWatermark is the offset below which every record is committed, as far as
// this replica knows.
func (r *Replica) HighWatermark() int64 { return r.highWatermark }

// Digest is a hash of all batches wholly below an offset that this replica has had since
// it was opened.
func (r *Replica) Digest(upTo int64) uint64 { return r.log.Digest(upTo) }

// Same reports whether two replicas hold the same batches below an offset, as far back
// as both go.
func (r *Replica) Same(other *Replica, upTo int64) bool { return r.log.Same(other.log, upTo) }

// Common is the offset below which two replicas hold the same batches.
func (r *Replica) Common(other *Replica) int64 { return r.log.Common(other.log) }

// SetTopic takes over a changed configuration of the topic.
func (r *Replica) SetTopic(t config.Topic) {
	r.cfg.Topic = t
	r.log.SetIndexes(t.IndexIntervalBytes, t.SegmentIndexBytes)
	r.flush.setInterval(t.FlushMessages)
}

// check panics about what no input can cause.
func (r *Replica) check() {
	if r.highWatermark > r.log.End() {
		panic(fmt.Sprintf("replica %v of broker %d: high watermark %d above log end offset %d", r.cfg.TP, r.cfg.Self, r.highWatermark, r.log.End()))
	}
}
