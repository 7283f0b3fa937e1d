package quorum

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
	"brokersim/faults/failpoint"
)

// SnapshotID names a snapshot: it holds what the records below EndOffset come to, the
// last of which is of Epoch (KIP-630). The zero value is that of nothing.
type SnapshotID struct {
	EndOffset int64
	Epoch     int32
}

// file is where Kafka has the snapshot of that name.
func (id SnapshotID) file() string {
	return fmt.Sprintf("%s/%020d-%010d%s", Dir, id.EndOffset, id.Epoch, snapshotSuffix)
}

const (
	snapshotSuffix = ".checkpoint"
	partSuffix     = ".part" // of one that is not whole
)

func parseSnapshotFile(name string) (id SnapshotID, ok bool) {
	text, ours := strings.CutPrefix(strings.TrimSuffix(name, snapshotSuffix), Dir+"/")
	offset, epoch, both := strings.Cut(text, "-")
	n, err := strconv.ParseInt(offset, 10, 64)
	e, err2 := strconv.ParseInt(epoch, 10, 32)
	id = SnapshotID{n, int32(e)}
	return id, ours && both && err == nil && err2 == nil && id.file() == name
}

// making is a snapshot on its way to the disk: written under another name, synced, named
// right, and synced again. Only then is there a snapshot.
type making struct {
	id      SnapshotID
	step    makingStep
	fetched bool // from the leader
	size    int64
	at      int64 // of a fetched one: what has come
}

type makingStep uint8

const (
	notMaking makingStep = iota
	fetchingPart
	syncingPart
	syncingName
	waitingForLog // a sync of which is under way
)

// replacing reports whether a leader's snapshot has come that is about to take the log's
// place: until then the voter neither asks for what is behind the log nor stands for
// election with it.
func (q *Quorum) replacing() bool { return q.making.fetched && q.making.step > fetchingPart }

// openSnapshots returns the snapshots that are whole, the oldest first, and removes what
// is not: a loss of power may leave a name and not all that it stands for.
func (q *Quorum) openSnapshots() (whole []SnapshotID, err error) {
	var rest []string
	for _, name := range q.files.List() { // sorted, and so by offset and epoch
		id, ok := parseSnapshotFile(name)
		switch {
		case ok && q.isWhole(name):
			whole = append(whole, id)
		case ok:
			q.found = append(q.found, name+": removed, since it is not whole")
			rest = append(rest, name)
		case strings.HasPrefix(name, Dir+"/") && strings.HasSuffix(name, snapshotSuffix+partSuffix):
			rest = append(rest, name)
		}
	}
	return whole, q.removeAll(rest)
}

// isWhole reports whether a file is batches of which the last is the footer.
func (q *Quorum) isWhole(name string) bool {
	size, _ := q.files.Size(name)
	b, err := q.files.ReadAt(name, 0, size)
	footer := false
	for h, batch := range wire.SplitBatches(b) {
		if _, bad := wire.CheckBatch(batch); bad != nil {
			return false
		}
		footer = false
		if h.IsControl() {
			wire.EachRecord(batch, func(r *wire.Record) error {
				footer = string(r.Key) == string(snapshotFooterKey)
				return nil
			})
		}
	}
	return err == nil && footer
}

func (q *Quorum) removeAll(names []string) error {
	for _, name := range names {
		if err := q.files.Remove(name); err != nil {
			return fmt.Errorf("remove %s: %w", name, err)
		}
	}
	return nil
}

// Snapshot is the newest snapshot, of everything that is before it in the log; zero if
// there is none.
func (q *Quorum) Snapshot() SnapshotID { return q.snapshot }

// SnapshotRecords calls f with every record of the newest snapshot until it returns an
// error.
func (q *Quorum) SnapshotRecords(f func(value []byte) error) error {
	name := q.snapshot.file()
	size, _ := q.files.Size(name)
	b, err := q.files.ReadAt(name, 0, size)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for h, batch := range wire.SplitBatches(b) {
		if _, err := wire.CheckBatch(batch); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h.IsControl() {
			continue
		}
		if err := wire.EachRecord(batch, func(r *wire.Record) error { return f(r.Value) }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// WantsSnapshot reports whether more bytes than that were appended in this life, or were
// found at its start, since the last snapshot.
func (q *Quorum) WantsSnapshot(bytes int64) bool {
	return !q.alone() && q.role != failed && q.making.step == notMaking && q.grown > bytes
}

// MakeSnapshot begins to write down what the records below an offset come to, which must
// be committed. When that is durable the log starts there.
func (q *Quorum) MakeSnapshot(now machine.Now, endOffset int64, values [][]byte, out *machine.Effects) {
	if endOffset > q.highWatermark || endOffset <= q.log.Start() || q.making.step != notMaking {
		panic(fmt.Sprintf("quorum: snapshot at offset %d of a log from %d with high watermark %d", endOffset, q.log.Start(), q.highWatermark))
	}
	q.grown = 0
	q.making = making{id: SnapshotID{endOffset, q.epochAt(endOffset - 1)}, step: syncingPart}
	var text []byte
	write := func(control bool, key []byte, values ...[]byte) {
		b := wire.NewBuilder(-1, -1, -1)
		if control {
			b.Control()
		}
		for _, v := range values {
			b.Append(now.Wall.Millis(), key, v, nil)
		}
		text = wire.Stamp(b.Bytes(), 0, q.making.id.Epoch).AppendTo(text)
	}
	write(true, snapshotHeaderKey, append(make([]byte, 10), 0)) // version 0, no timestamp, no tags
	if len(values) > 0 {
		write(false, nil, values...)
	}
	write(true, snapshotFooterKey, make([]byte, 3))
	if err := q.writePart(machine.Literal(text)); err != nil {
		q.fail(err)
		return
	}
	out.Sync(q.making.id.file()+partSuffix, TagSnapshot)
}

// Keys of control records: version 0, types 3 and 4.
var (
	snapshotHeaderKey = []byte{0, 0, 0, 3}
	snapshotFooterKey = []byte{0, 0, 0, 4}
)

func (q *Quorum) writePart(b machine.Bytes) error {
	name := q.making.id.file() + partSuffix
	if q.making.at == 0 {
		if _, ok := q.files.Size(name); ok {
			if err := q.files.Truncate(name, 0); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
		}
	}
	if err := q.files.Append(name, b); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// epochAt is the epoch of the batch that holds an offset.
func (q *Quorum) epochAt(offset int64) int32 {
	epoch := q.snapshot.Epoch
	for _, e := range q.epochs {
		if e.start <= offset {
			epoch = e.epoch
		}
	}
	return epoch
}

// snapshotSynced takes the answer to a sync of a snapshot, or of its name.
func (q *Quorum) snapshotSynced(out *machine.Effects) {
	m, name := &q.making, q.making.id.file()
	switch m.step {
	case syncingPart:
		if err := q.files.Rename(name+partSuffix, name); err != nil {
			q.fail(fmt.Errorf("write %s: %w", name, err))
			return
		}
		m.step = syncingName
		out.Sync(name, TagSnapshot)
	case syncingName:
		m.step = waitingForLog
		q.place(out)
	}
}

// place adopts a snapshot that is durable, unless that would take the files of the log
// from under a sync.
func (q *Quorum) place(out *machine.Effects) {
	m := &q.making
	if m.step != waitingForLog || m.fetched && q.syncing != none {
		return
	}
	if err := q.adopt(m.id, m.fetched); err != nil {
		q.fail(err)
	}
	*m = making{}
	q.syncLog(out)
}

// adopt has the log start at a snapshot that is durable.
func (q *Quorum) adopt(id SnapshotID, fetched bool) error {
	old := q.snapshot
	q.snapshot, q.kept = id, true
	if fetched {
		q.cfg.Failpoints.Hit(failpoint.SnapshotFetched)
		if err := q.log.StartAt(id.EndOffset); err != nil {
			return err
		}
		q.epochs, q.grown, q.unrolled = nil, 0, false
		q.highWatermark = max(q.highWatermark, id.EndOffset)
		q.synced, q.syncing = id.EndOffset, none
	} else {
		q.cfg.Failpoints.Hit(failpoint.MetadataSnapshot)
		q.unrolled = true
		q.startAt(id)
	}
	if old.EndOffset > 0 && old != id {
		return q.removeAll([]string{old.file()})
	}
	return nil
}

// startAt moves the log start to a snapshot.
func (q *Quorum) startAt(id SnapshotID) {
	q.log.AdvanceStart(id.EndOffset)
	i := 0
	for i+1 < len(q.epochs) && q.epochs[i+1].start <= id.EndOffset {
		i++
	}
	q.epochs = slices.Delete(q.epochs, 0, i)
	if len(q.epochs) > 0 {
		q.epochs[0].start = max(q.epochs[0].start, id.EndOffset)
	}
}

// roll begins a segment of the log for a batch after a snapshot was made, so that what is
// before it can be deleted.
func (q *Quorum) roll(batch machine.Bytes) error {
	if !q.unrolled {
		return nil
	}
	h, err := wire.ReadBatch(batch)
	if err != nil {
		return err
	}
	q.unrolled = false
	_, err = q.log.Roll(storage.Header(h), storage.Limits{})
	return err
}

// trim deletes the segments that are wholly before the log start, when what comes next is
// durable.
func (q *Quorum) trim() error {
	for {
		o, ok := q.log.Oldest()
		if !ok || !q.kept || o.Next > q.snapshot.EndOffset || q.synced <= o.Next {
			break
		}
		if err := q.log.DeleteOldest(); err != nil {
			return err
		}
	}
	return q.removeAll(q.log.Doomed())
}

// FetchSnapshot answers a request for a part of the newest snapshot.
func (q *Quorum) FetchSnapshot(now machine.Now, req *kmsg.FetchSnapshotRequest) *kmsg.FetchSnapshotResponse {
	resp := kmsg.NewPtrFetchSnapshotResponse()
	resp.Topics = []kmsg.FetchSnapshotResponseTopic{}
	if len(req.Topics) != 1 || len(req.Topics[0].Partitions) != 1 || req.Topics[0].Topic != Topic {
		resp.ErrorCode = wire.InvalidRequest
		return resp
	}
	want := &req.Topics[0].Partitions[0]
	p := kmsg.NewFetchSnapshotResponseTopicPartition()
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch, p.Position = want.SnapshotID.EndOffset, want.SnapshotID.Epoch, want.Position
	p.Bytes = []byte{}
	p.ErrorCode = q.partOf(want, req.MaxBytes, &p)
	p.CurrentLeader.LeaderID, p.CurrentLeader.LeaderEpoch = q.known()
	if voter := q.peer(req.ReplicaID); voter != nil && q.role == leading && p.ErrorCode == 0 {
		voter.fetched = now.Mono
	}
	t := kmsg.NewFetchSnapshotResponseTopic()
	t.Topic, t.Partitions = Topic, []kmsg.FetchSnapshotResponseTopicPartition{p}
	resp.Topics = append(resp.Topics, t)
	return resp
}

func (q *Quorum) partOf(want *kmsg.FetchSnapshotRequestTopicPartition, most int32, p *kmsg.FetchSnapshotResponseTopicPartition) int16 {
	id := SnapshotID{want.SnapshotID.EndOffset, want.SnapshotID.Epoch}
	size, ok := q.files.Size(id.file())
	switch {
	case q.role != leading:
		return wire.NotLeaderOrFollower
	case want.CurrentLeaderEpoch >= 0 && want.CurrentLeaderEpoch < q.epoch:
		return wire.FencedLeaderEpoch
	case want.CurrentLeaderEpoch > q.epoch:
		return wire.UnknownLeaderEpoch
	case id != q.snapshot || !ok:
		return wire.SnapshotNotFound
	case want.Position < 0 || want.Position >= size:
		return wire.PositionOutOfRange
	}
	b, err := q.files.ReadAt(id.file(), want.Position, min(size-want.Position, int64(min(max(most, 1), maxFetchBytes))))
	if err != nil {
		return wire.KafkaStorageError
	}
	p.Size, p.Bytes = size, b.Contiguous()
	return 0
}

// askSnapshot is the next request for the snapshot that is being fetched.
func (q *Quorum) askSnapshot() kmsg.Request {
	p := kmsg.NewFetchSnapshotRequestTopicPartition()
	p.CurrentLeaderEpoch, p.Position = q.epoch, q.making.at
	p.SnapshotID.EndOffset, p.SnapshotID.Epoch = q.making.id.EndOffset, q.making.id.Epoch
	t := kmsg.NewFetchSnapshotRequestTopic()
	t.Topic, t.Partitions = Topic, []kmsg.FetchSnapshotRequestTopicPartition{p}
	req := kmsg.NewPtrFetchSnapshotRequest()
	req.ReplicaID, req.MaxBytes = q.cfg.ID, maxFetchBytes
	req.Topics = []kmsg.FetchSnapshotRequestTopic{t}
	return req
}

// SnapshotFetched takes the answer to a FetchSnapshot.
func (q *Quorum) SnapshotFetched(now machine.Now, req *kmsg.FetchSnapshotRequest, resp *kmsg.FetchSnapshotResponse, out *machine.Effects) {
	q.FetchLost(now) // unless it is good
	if q.role == failed || resp.ErrorCode != 0 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return
	}
	p, m := &resp.Topics[0].Partitions[0], &q.making
	q.learn(now, p.CurrentLeader.LeaderEpoch, p.CurrentLeader.LeaderID, out)
	asked := &req.Topics[0].Partitions[0]
	if q.role != following || m.step != fetchingPart || asked.CurrentLeaderEpoch != q.epoch || asked.Position != m.at || p.Position != m.at ||
		p.SnapshotID.EndOffset != m.id.EndOffset || p.SnapshotID.Epoch != m.id.Epoch {
		return
	}
	if p.ErrorCode != 0 || len(p.Bytes) == 0 { // it has a newer one by now
		*m = making{}
		return
	}
	q.heard, q.timer, q.fetch.retryAt = true, now.Mono.Add(q.cfg.FetchTimeout), now.Mono
	if err := q.writePart(machine.Literal(p.Bytes)); err != nil {
		q.fail(err)
		return
	}
	if m.at += int64(len(p.Bytes)); m.at >= p.Size {
		m.step = syncingPart
		out.Sync(m.id.file()+partSuffix, TagSnapshot)
	}
}
