package quorum

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
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
)

type role uint8

const (
	starting role = iota // epoch not yet durable
	leading
	failed
)

// Quorum is one voter's part of the metadata quorum, the only one as yet.
type Quorum struct {
	id    int32
	files machine.Files
	log   *storage.Log

	role  role
	err   error // why it failed
	epoch int32

	epochs        []epochStart // of the batches in the log, ascending
	synced        int64        // the log end that is durable, as far as is known
	syncing       int64        // the log end that the sync under way covers, or none
	highWatermark int64
}

type epochStart struct {
	epoch int32
	start int64
}

const none int64 = -1

// Open reads what an earlier life has left: its epoch and its log, cut where a
// crash tore it. Nothing of it is above the high watermark, which is not known.
func Open(files machine.Files, id int32) (*Quorum, error) {
	state, err := readState(files)
	if err != nil {
		return nil, err
	}
	log, _, err := storage.Open(files, Dir)
	if err != nil {
		return nil, fmt.Errorf("open the metadata log: %w", err)
	}
	q := &Quorum{id: id, files: files, log: log, epoch: state.LeaderEpoch, syncing: none}
	err = q.batches(log.Start(), func(h wire.Batch, _ machine.Bytes) error {
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

// note records that a batch of an epoch stands at an offset.
func (q *Quorum) note(epoch int32, offset int64) {
	if n := len(q.epochs); n == 0 || q.epochs[n-1].epoch < epoch {
		q.epochs = append(q.epochs, epochStart{epoch, offset})
	}
}

// batches calls f with all batches from an offset to the log end.
func (q *Quorum) batches(from int64, f func(wire.Batch, machine.Bytes) error) error {
	for from < q.log.End() {
		b, err := q.log.Read(from, q.log.End(), maxFetchBytes, true)
		if err != nil {
			return err
		}
		before := from
		for h, batch := range wire.SplitBatches(b) {
			if err := f(h, batch); err != nil {
				return err
			}
			from = h.NextOffset()
		}
		if from == before {
			return fmt.Errorf("no batch at offset %d below the log end %d", from, q.log.End())
		}
	}
	return nil
}

// Records calls f with every record from an offset to the log end, durable or
// not, until f returns an error. A control record is the quorum's own and says
// nothing about the metadata.
func (q *Quorum) Records(from int64, f func(offset int64, value []byte, control bool) error) error {
	return q.batches(from, func(h wire.Batch, b machine.Bytes) error {
		return wire.EachRecord(b, func(r *wire.Record) error {
			if offset := h.BaseOffset + int64(r.OffsetDelta); offset >= from {
				return f(offset, r.Value, h.IsControl())
			}
			return nil
		})
	})
}

// Begin starts the election of the only voter there is: it takes the next epoch
// and asks for it to be made durable. It is called once, after Open.
func (q *Quorum) Begin(out *machine.Effects) {
	q.epoch++
	state := electionState{LeaderID: q.id, LeaderEpoch: q.epoch, VotedID: q.id}
	if err := q.files.Append(stateFile, machine.Literal(state.line())); err != nil {
		q.fail(fmt.Errorf("write %s: %w", stateFile, err))
		return
	}
	out.Sync(stateFile, TagState)
}

// Disk takes the answer to a sync with one of this package's tags. Afterwards
// the quorum may lead, the high watermark may have moved, or it may have failed.
func (q *Quorum) Disk(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch {
	case q.role == failed:
	case in.Err != nil:
		q.fail(fmt.Errorf("sync the metadata: %w", in.Err))
	case in.Tag == TagState && q.role == starting:
		q.lead(now, out)
	case in.Tag == TagLog && q.syncing != none:
		q.synced, q.syncing = q.syncing, none
		q.advance()
		q.sync(out)
	}
}

// lead begins the epoch with a batch that says so.
func (q *Quorum) lead(now machine.Now, out *machine.Effects) {
	q.role = leading
	change := kmsg.NewLeaderChangeMessage()
	change.LeaderID = q.id
	voter := kmsg.NewLeaderChangeMessageVoter()
	voter.VoterID = q.id
	change.Voters = append(change.Voters, voter)
	change.GrantingVoters = append(change.GrantingVoters, voter)
	b := wire.NewBuilder(-1, -1, -1)
	b.Control()
	b.Append(now.Wall.Millis(), leaderChangeKey, change.AppendTo(nil), nil)
	q.append(b.Bytes(), out)
}

// leaderChangeKey is the key of a control record: version 0, type 2.
var leaderChangeKey = []byte{0, 0, 0, 2}

// Append appends one batch of records with these values and returns the offset of
// the first. Nothing that depends on it may leave before the high watermark is
// above its last. It is an error of the caller's to append nothing, or when not
// Leading. On an error nothing was appended, and the quorum has failed.
func (q *Quorum) Append(now machine.Now, values [][]byte, out *machine.Effects) (int64, error) {
	if q.role != leading || len(values) == 0 {
		panic(fmt.Sprintf("quorum: append of %d records in role %d", len(values), q.role))
	}
	base := q.log.End()
	b := wire.NewBuilder(-1, -1, -1)
	for _, v := range values {
		b.Append(now.Wall.Millis(), nil, v, nil)
	}
	q.append(b.Bytes(), out)
	return base, q.err
}

func (q *Quorum) append(batch machine.Bytes, out *machine.Effects) {
	base := q.log.End()
	if err := q.log.Append(wire.Stamp(batch, base, q.epoch)); err != nil {
		q.fail(fmt.Errorf("append to the metadata log: %w", err))
		return
	}
	q.note(q.epoch, base)
	q.sync(out)
}

// sync asks for a sync if something needs one and none is under way: what is
// appended meanwhile goes together with the next.
func (q *Quorum) sync(out *machine.Effects) {
	if q.syncing == none && q.synced < q.log.End() {
		q.syncing = q.log.End()
		out.Sync(q.log.File(), TagLog)
	}
}

// advance moves the high watermark to what a majority has made durable.
func (q *Quorum) advance() {
	began := q.epochs[len(q.epochs)-1]
	if began.epoch != q.epoch || q.synced <= began.start {
		return // nothing of its own epoch is durable
	}
	if q.synced < q.highWatermark || q.synced > q.log.End() {
		panic(fmt.Sprintf("quorum: synced to %d with high watermark %d, log end %d", q.synced, q.highWatermark, q.log.End()))
	}
	q.highWatermark = q.synced
}

func (q *Quorum) fail(err error) { q.role, q.err = failed, err }

// Err is why the quorum has failed; nil if it has not. It stays failed: what is
// on the disk is not known.
func (q *Quorum) Err() error { return q.err }

// Leading reports whether this voter leads and has committed that it does.
func (q *Quorum) Leading() bool { return q.role == leading && q.highWatermark > 0 }

// Epoch is the controller epoch: that of the last election that this voter knows
// of, though it may still be under way. It rises with each start.
func (q *Quorum) Epoch() int32 { return q.epoch }

// HighWatermark is the offset below which everything is durable; 0 until the
// leader has committed a batch of its epoch.
func (q *Quorum) HighWatermark() int64 { return q.highWatermark }

// LogEnd is the offset of the next record.
func (q *Quorum) LogEnd() int64 { return q.log.End() }
