package replica

import (
	"errors"
	"fmt"
	"math"
	"slices"
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
	// CheckRecords has the leader look into all records that producers send. Simulated
	// clients are honest.
	CheckRecords bool
	// VerifyTransactions is transaction.partition.verification.enable (KIP-890).
	VerifyTransactions bool
	// Remember is how many of the last batches are known without an index, 0 for all:
	// what audits compare.
	Remember int
}

// Replica is one replica of one partition. After an error of a method that
// writes, what is on the disk is not known and the replica must not be used.
type Replica struct {
	cfg       Config
	log       *storage.Log
	epochs    epochs
	producers producers
	aborted   []storage.AbortedTxn // what Read has found last
	flush     flush
	topicID   [16]byte // as it is written down

	wantsHoles    bool  // the leader's log has a hole that this one may not have yet
	recoveryPoint int64 // all below is durable, and what is known beside the log
	savedPoint    int64 // the recovery point that is written down

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

// Saved is what an earlier life has written down of a replica. The zero value, and any lower
// offset, is as true.
type Saved struct {
	HighWatermark int64
	RecoveryPoint int64 // all below is durable
	LogStart      int64
	Clean         bool // the broker was shut down cleanly
	Holes         bool // compaction may have left holes in the log
}

// Open opens the log of a replica, or begins one. The recovery says what was cut off, and
// what was made again.
func Open(files machine.Files, cfg Config, saved Saved) (*Replica, storage.Recovery, error) {
	log, recovery, err := storage.OpenWith(files, Dir(cfg.TP), cfg.storage(&saved))
	if err != nil {
		return nil, recovery, err
	}
	r := &Replica{cfg: cfg, log: log, state: State{Leader: NoLeader, LeaderEpoch: -1, PartitionEpoch: -1}}
	if r.topicID, err = log.TopicID(); err != nil && !errors.Is(err, storage.ErrAbsent) {
		recovery.Repaired = append(recovery.Repaired, "made again: "+err.Error()) // by KeepTopicID
	}
	r.highWatermark = max(min(saved.HighWatermark, log.End()), log.Start())
	durable := min(saved.RecoveryPoint, log.End())
	if saved.Clean {
		durable = log.End()
	}
	r.flush.begin(cfg.Topic.FlushMessages, log.End(), durable)
	r.recoveryPoint, r.savedPoint = durable, saved.RecoveryPoint
	r.log.HoldRoll(r.RecoveryPointFell())
	if log.Active().Bytes == 0 && log.End() > 0 {
		r.flush.wanted = math.MaxInt64 // its file tells where the log goes on
	}
	err = r.learn(saved.Clean, &recovery)
	return r, recovery, err
}

// storage is how the log is opened.
func (c *Config) storage(saved *Saved) storage.Options {
	return storage.Options{
		IndexInterval: c.Topic.IndexIntervalBytes,
		IndexBytes:    c.Topic.SegmentIndexBytes,
		Start:         saved.LogStart,
		RecoveryPoint: saved.RecoveryPoint,
		Clean:         saved.Clean,
		Holes:         saved.Holes,
		Remember:      c.Remember,
		Flaws: storage.Flaws{
			SkipChecksums: c.Failpoints.On(failpoint.S01SkipChecksums, uint64(c.TP.Partition)),
			EndAfterIndex: c.Failpoints.On(failpoint.S04EndAfterIndex, uint64(c.TP.Partition)),
			TrustIndex:    c.Failpoints.On(failpoint.S05TrustIndex, uint64(c.TP.Partition)),
			RawStamps:     c.Failpoints.On(failpoint.S17RawStamps, uint64(c.TP.Partition)),
		},
	}
}

// learn learns what is known about the log beside its batches: where leader epochs begin, from
// the checkpoint as far as the log was not read again, what producers have sent, from
// the last snapshot on, and which transactions were aborted in what was read again.
func (r *Replica) learn(clean bool, recovery *storage.Recovery) error {
	from := recovery.Scanned
	list, err := r.log.Epochs()
	if err != nil && from > r.log.Base() {
		recovery.Repaired = append(recovery.Repaired, "made again: "+err.Error())
		list, from = nil, r.log.Base()
	}
	r.epochs = epochs{list: list}
	r.epochs.endAt(from)
	if err := r.log.TrimSnapshots(); err != nil {
		return err
	}
	if !clean && !r.markersThere() {
		r.log.DoubtAborted(recovery)
	}
	return r.relearn(from, recovery)
}

// relearn learns what the log says from an offset on of leader epochs, from the last snapshot
// on of producers, and of transactions from where it must.
func (r *Replica) relearn(from int64, recovery *storage.Recovery) error {
	since, entries, dropped, err := r.log.Snapshot()
	if err != nil {
		return err
	}
	// Producers must be learnt from further back if there are transactions in what was read
	// again, or above the high watermark: a snapshot does not tell of what is not decided for
	// all, and one of what was read again may be of another log.
	certain := min(recovery.Reread, r.highWatermark)
	apart := (certain < since || !r.log.Begins(since) && since < r.log.End()) && slices.ContainsFunc(entries, func(e storage.ProducerEntry) bool { return e.CoordinatorEpoch >= 0 || e.TxnFirstOffset >= 0 })
	recovery.Repaired = append(recovery.Repaired, dropped...)
	r.producers.restore(entries)
	for h, err := range r.log.Batches(min(from, since, recovery.Reread)) {
		if err != nil {
			return fmt.Errorf("learn the state of %v: %w", r.cfg.TP, err)
		}
		b := wire.Batch(h)
		apart = apart || b.IsControl() || b.IsTransactional() && b.BaseOffset < since
		if b.BaseOffset >= from {
			r.epochs.begin(b.LeaderEpoch, b.BaseOffset)
		}
		if b.BaseOffset >= since && !r.cfg.Failpoints.On(failpoint.S18ForgetAtStart, uint64(b.BaseOffset)) {
			if _, _, err := r.producers.replay(r.log, &b); err != nil {
				return fmt.Errorf("learn the state of %v: %w", r.cfg.TP, err)
			}
		}
	}
	if apart {
		err = r.relearnTransactions(certain, recovery)
	} else {
		err = r.log.PutAborted(nil, recovery)
	}
	if err != nil {
		return fmt.Errorf("learn the transactions of %v: %w", r.cfg.TP, err)
	}
	r.producers.txns.settle(r.highWatermark)
	return r.save()
}

// save writes down where leader epochs begin, if that has changed. What there is no room
// for is written when there is; until then [Replica.RecoveryPoint] stays.
func (r *Replica) save() error {
	if !r.epochs.dirty {
		return nil
	}
	err := r.log.PutEpochs(r.epochs.list)
	r.epochs.dirty = err != nil
	if errors.Is(err, machine.ErrNoSpace) {
		return nil
	}
	return err
}

// KeepTopicID writes down of which topic the log is, if that is not written down yet
// (KIP-516). What there is no room for is written with the next metadata.
func (r *Replica) KeepTopicID(id [16]byte) error {
	if id == r.topicID {
		return nil
	}
	switch err := r.log.PutTopicID(id); {
	case errors.Is(err, machine.ErrNoSpace):
		return nil
	case err != nil:
		return err
	}
	r.topicID = id
	return nil
}

// TopicID is the topic that was written down last; zero if none was, or it cannot be read.
func (r *Replica) TopicID() [16]byte { return r.topicID }

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
