package quorum

import (
	"cmp"
	"fmt"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// Topic is the name of the metadata log as a topic of one partition, 0.
const Topic = "__cluster_metadata"

// TopicID is the id that Kafka has set aside for that topic.
var topicID = [16]byte{15: 1}

// Dir is the directory of the metadata log and of quorum-state.
const Dir = Topic + "-0"

// The tags of the syncs that a Quorum asks for; the machine around it uses
// others for its own.
const (
	TagState machine.Tag = 1
	TagLog   machine.Tag = 2
	// TagSnapshot is of the files of snapshots.
	TagSnapshot machine.Tag = 3
	TagKept     machine.Tag = 4
	// FirstFreeTag is the first that the machine may use.
	FirstFreeTag machine.Tag = 16
)

// Quorum is one voter's part of the metadata quorum.
type Quorum struct {
	cfg   Config
	files machine.Files
	log   *storage.Log

	found  []string // see Found
	role   role
	err    error // why it failed
	epoch  int32
	leader int32 // of this epoch, as far as is known; nobody
	voted  int32 // for whom, in this epoch; nobody
	state  state

	began   int64           // leading: the offset of the first record of its epoch
	timer   machine.Instant // when the role has lasted long enough; Never: it may last
	elected uint64          // elections of this epoch that this life has begun and lost
	heard   bool            // the leader of this epoch has answered a Fetch
	peers   []peer          // the other voters, by id
	fetch   fetching        // from the leader
	ending  bool            // the process is about to end: the voter does not stand for election
	handing bool            // and has led until then

	epochs        []epochStart // of the batches in the log, ascending
	snapshot      SnapshotID   // of what is before the log; zero: nothing is
	making        making       // a snapshot that is on its way
	kept          bool         // the newest snapshot is durable
	grown         int64        // bytes of the log since the last one
	unrolled      bool         // the next batch begins a segment
	synced        int64        // the log end that is durable, as far as is known
	syncing       int64        // the log end that the sync under way covers, or none
	syncs         int          // files that it has still to cover
	highWatermark int64
}

// nobody is the id of a leader that is not known, and of a vote that was not given.
const nobody int32 = -1

const none int64 = -1

// Open reads what an earlier life has left: its epoch and its log, cut where a
// crash tore it. Nothing of it is above the high watermark, which is not known.
func Open(files machine.Files, cfg Config) (*Quorum, error) {
	last, cut, err := readState(files)
	if err != nil {
		return nil, err
	}
	q := &Quorum{
		cfg: cfg, files: files,
		epoch: last.LeaderEpoch, leader: last.LeaderID, voted: last.VotedID,
		state: state{last: last, durable: last}, timer: machine.Never, syncing: none,
	}
	if cut > 0 {
		q.found = append(q.found, fmt.Sprintf("%s: cut %d bytes that were not written whole", stateFile, cut))
	}
	if cfg.Failpoints.On(failpoint.C10ForgetVote, uint64(last.LeaderEpoch)) {
		q.voted = nobody
	}
	for _, id := range slices.Sorted(slices.Values(cfg.Voters)) {
		if id != cfg.ID {
			q.peers = append(q.peers, peer{id: id})
		}
	}
	if err := q.openLog(); err != nil {
		return nil, err
	}
	log := q.log
	q.grown = log.Size()
	err = q.batches(log.Start(), log.End(), func(h wire.Batch, _ machine.Bytes) error {
		if n := len(q.epochs); n > 0 && h.LeaderEpoch < q.epochs[n-1].epoch {
			return fmt.Errorf("leader epoch %d at offset %d follows %d", h.LeaderEpoch, h.BaseOffset, q.epochs[n-1].epoch)
		}
		q.note(h.LeaderEpoch, h.BaseOffset)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("scan the metadata log: %w", err)
	}
	if n := len(q.epochs); n > 0 && q.epochs[n-1].epoch > q.epoch {
		return nil, fmt.Errorf("the metadata log has leader epoch %d, above %d in %s", q.epochs[n-1].epoch, q.epoch, stateFile)
	}
	return q, nil
}

// Found is what was not as it should be on the disk when this life began, and what was
// done about it: a line each.
func (q *Quorum) Found() []string { return q.found }

// openLog opens the log behind the newest snapshot that it comes up to. One that is newer
// than all of the log came from a leader, and takes the log's place when it is certain to
// be durable: a longer log of earlier epochs has gone another way than what is committed
// (KafkaMetadataLog.truncateToLatestSnapshot).
func (q *Quorum) openLog() error {
	whole, err := q.openSnapshots()
	if err != nil {
		return err
	}
	log, recovery, err := storage.Open(q.files, Dir)
	if err != nil {
		return fmt.Errorf("open the metadata log: %w", err)
	}
	if text := recovery.String(); text != "" {
		q.found = append(q.found, Dir+": "+text)
	}
	q.log = log
	for _, id := range whole {
		last := q.log.LastEpoch()
		if id.EndOffset <= q.log.End() && (last < 0 || id.Epoch <= last) {
			q.snapshot = id
		} else {
			q.making = making{id: id, step: syncingName, fetched: true}
		}
	}
	if start := q.log.Start(); start > q.snapshot.EndOffset && q.making.step == notMaking {
		q.found = append(q.found, fmt.Sprintf("%s: it begins at offset %d, and no snapshot tells what is before; only another controller's can", Dir, start))
	}
	q.log.AdvanceStart(q.snapshot.EndOffset)
	return nil
}

// Begin begins a life: it is called once, after Open. The only voter there is elects
// itself and asks for the next epoch to be made durable. One of several follows whom it
// has known to lead, or waits for one who does. It never stands again in an epoch in
// which an earlier life may have led.
func (q *Quorum) Begin(now machine.Now, out *machine.Effects) {
	if q.alone() {
		q.epoch++
		q.role, q.leader, q.voted = starting, q.cfg.ID, q.cfg.ID
		q.remember(out)
		return
	}
	q.suspect(out)
	switch {
	case q.making.step == syncingName:
		out.Sync(q.making.id.file(), TagSnapshot)
	case q.snapshot.EndOffset > 0:
		out.Sync(q.snapshot.file(), TagKept)
	}
	switch {
	case q.leader != nobody && q.leader != q.cfg.ID:
		q.follow(now, q.leader, out)
	default:
		q.leader = nobody
		q.role = unattached
		q.timer = now.Mono.Add(q.jittered(q.cfg.ElectionTimeout))
	}
	q.syncLog(out)
}

// Disk takes the answer to a sync with one of this package's tags. Afterwards
// the quorum may lead, the high watermark may have moved, or it may have failed.
func (q *Quorum) Disk(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch {
	case q.role == failed:
	case in.Err != nil:
		q.fail(fmt.Errorf("sync the metadata: %w", in.Err))
	case in.Tag == TagState && q.state.syncing > 0:
		q.stateSynced(out)
		if q.role == starting {
			q.lead(now, out)
		}
	case in.Tag == TagKept:
		q.kept = true
	case in.Tag == TagSnapshot:
		q.snapshotSynced(out)
	case in.Tag == TagLog && q.syncing != none:
		q.logSynced(now, out)
	}
}

// Tick does what is due by the clock.
func (q *Quorum) Tick(now machine.Now, out *machine.Effects) {
	if q.role == leading {
		q.timer = q.Deadline()
	}
	if q.role != failed && now.Mono >= q.timer {
		q.timedOut(now, out)
	}
}

// Deadline is when Tick is due next.
func (q *Quorum) Deadline() machine.Instant {
	switch {
	case q.role != leading:
		return q.timer
	case q.cfg.Failpoints.On(failpoint.C04NeverResign, uint64(q.epoch)):
		return machine.Never
	}
	return q.checkQuorumAt()
}

func (q *Quorum) fail(err error) { q.role, q.err, q.timer = failed, err, machine.Never }

// Err is why the quorum has failed; nil if it has not. It stays failed: what is
// on the disk is not known.
func (q *Quorum) Err() error { return q.err }

// Leading reports whether this voter leads and has committed that it does: what was
// committed in earlier epochs is below its high watermark then.
func (q *Quorum) Leading() bool {
	return q.role == leading && q.highWatermark > q.began
}

// Leads reports whether this voter leads, be it that nobody has agreed yet.
func (q *Quorum) Leads() bool { return q.role == leading }

// Leader is who leads in the epoch, as far as this voter knows; -1 is nobody.
func (q *Quorum) Leader() int32 { return q.leader }

// Epoch is the controller epoch: that of the last election that this voter knows
// of, though it may still be under way. It rises with each of them.
func (q *Quorum) Epoch() int32 { return q.epoch }

// HighWatermark is the offset below which everything is committed, as far as this
// voter knows in this life; 0 until it has heard of it.
func (q *Quorum) HighWatermark() int64 { return q.highWatermark }

// LogStart is the offset of the first record that is still in the log.
func (q *Quorum) LogStart() int64 { return q.log.Start() }

// LogEnd is the offset of the next record.
func (q *Quorum) LogEnd() int64 { return q.log.End() }

// Log is the metadata log, to be looked at only.
func (q *Quorum) Log() *storage.Log { return q.log }

// peer is another voter, and what is to be had from it.
type peer struct {
	id      int32
	asked   bool            // a request to it is under way
	retryAt machine.Instant // not before
	done    bool            // it has answered what is asked in this role

	granted bool            // its vote, or what it would vote
	end     int64           // leading: up to where it has the log durably; none: not known
	fetched machine.Instant // leading: when it has fetched last
}

func (q *Quorum) peer(id int32) *peer {
	i, ok := slices.BinarySearchFunc(q.peers, id, func(p peer, id int32) int { return cmp.Compare(p.id, id) })
	if !ok {
		return nil
	}
	return &q.peers[i]
}
