package cleaner

import (
	"errors"
	"fmt"
	"math"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage"
)

// Rules are what one pass over a log goes by. Kafka's properties are named.
type Rules struct {
	First int64 // the first offset that no pass has looked at
	Until int64 // nothing is cleaned from there on
	Now   int64 // ms, by the wall clock

	DeleteRetention int64 // delete.retention.ms
	SegmentBytes    int64 // segment.bytes
	IndexBytes      int64 // segment.index.bytes
	MapBytes        int64 // log.cleaner.dedupe.buffer.size
	MapLoad         int64 // log.cleaner.io.buffer.load.factor, in millionths

	// Last are the last offsets of the producers that the log knows of: what is left of
	// those batches tells of their sequences. Epochs are the epochs of those that have no
	// batch in theirs: their last marker tells of it.
	Last   map[int64]int64
	Epochs map[int64]int16

	Flaws Flaws
}

// Flaws are ways to be wrong; planted bugs have them.
type Flaws struct {
	KeepOldest bool // the first record of a key stays, not the last
	OldHorizon bool // tombstones may go by their own age, not by that of the first pass
	MarkerKeys bool // the keys of markers are a user's
	PerGroup   bool // what is known of transactions is forgotten from group to group
}

// What keeps a log from being cleaned.
var (
	// ErrCorrupt is a batch that is not as it was written, or not of records with keys.
	ErrCorrupt = errors.New("not to be cleaned")
	// ErrMapFull is a batch with more keys than the map has room for.
	ErrMapFull = errors.New("log.cleaner.dedupe.buffer.size is too small for one batch")
)

// Pass is one cleaning of one log, in slices. It ends when [Pass.Done] says so, or with an
// error, or because the log has given up what was being written.
type Pass struct {
	log     *storage.Log
	rules   Rules
	latest  *offsetMap
	phase   phase
	at      int64         // the walk goes on with what has this offset
	until   int64         // the first offset that this pass has not looked at
	txns    *transactions // that the walk is in
	groups  []group
	rewrite *storage.Rewrite // nil: of the first group it has not begun
	cuts    int
	stats   Stats
	keep    []bool // of the records of a batch
}

// Stats are what a pass has done so far.
type Stats struct {
	BytesRead, BytesWritten       int64
	Records, Dropped              int64
	Tombstones, TombstonesDropped int64
	MarkersDropped                int64
	Aborted                       int64 // records of transactions that were aborted
}

type phase uint8

const (
	mapping phase = iota
	writing
	syncing  // the .cleaned files
	swapping // the names of the .swap files
	placing  // the names of what was there and of what is there now
	done
)

// group is some neighbouring segments that become one: their offsets.
type group struct{ base, next int64 }

// Begin begins a pass.
func Begin(log *storage.Log, r Rules) *Pass {
	return &Pass{
		log: log, rules: r, latest: newOffsetMap(r.MapBytes, r.MapLoad), at: r.First, cuts: log.Cuts(),
		txns: newTransactions(log, r.First, r.Until),
	}
}

// Done reports whether the pass is over, and from which offset on the next one has to
// look.
func (p *Pass) Done() (first int64, over bool) { return p.until, p.phase == done }

// Stats are what the pass has done so far.
func (p *Pass) Stats() Stats { return p.stats }

// Abandoned reports whether the log has been cut or deleted from since the pass began:
// what the pass knows of it may not be so any more.
func (p *Pass) Abandoned() bool { return p.log.Cuts() != p.cuts }

// GiveUp ends a pass before its end.
func (p *Pass) GiveUp() error {
	if p.rewrite == nil {
		return nil
	}
	return p.rewrite.GiveUp()
}

// Slice goes on for about so many bytes of the log, and returns how many it has read and
// written, and the files that must be synced before the next.
func (p *Pass) Slice(bytes int64) (n int64, sync []string, err error) {
	before := p.stats.BytesRead + p.stats.BytesWritten
	switch p.phase {
	case mapping:
		err = p.mapSome(bytes)
	case writing:
		sync, err = p.writeSome(bytes)
	}
	return p.stats.BytesRead + p.stats.BytesWritten - before, sync, err
}

// Synced says that what Slice, or Synced, has asked for is durable. swapped says that a
// new segment has taken the place of old ones.
func (p *Pass) Synced() (sync []string, swapped bool, err error) {
	switch p.phase {
	case syncing:
		p.phase = swapping
		sync, err = p.rewrite.Ready()
		return sync, false, err
	case swapping:
		p.phase = placing
		sync, err = p.rewrite.Replace()
		p.rewrite = nil
		return sync, true, err
	case placing:
		p.groups = p.groups[1:]
		p.nextGroup()
	}
	return nil, false, nil
}

// nextGroup goes on with the first of the groups that are left, if there is one.
func (p *Pass) nextGroup() {
	if len(p.groups) == 0 {
		p.phase, p.latest = done, nil
		return
	}
	p.phase, p.at = writing, p.groups[0].base
	if p.txns == nil || p.rules.Flaws.PerGroup {
		p.txns = newTransactions(p.log, p.at, p.groups[len(p.groups)-1].next)
	}
}

// corrupt says that the log cannot be cleaned because of what stands at an offset.
func corrupt(offset int64, err error) error {
	return fmt.Errorf("offset %d: %w: %w", offset, ErrCorrupt, err)
}

// eachBatch calls f for the batches of some bytes of the log, in order, until it says that
// it has enough. Each must be as it was written.
func eachBatch(b machine.Bytes, at int64, f func(h *wire.Batch, batch machine.Bytes) (enough bool, err error)) error {
	for b.Len() > 0 {
		h, err := wire.ReadBatch(b)
		if err != nil {
			return corrupt(at, err)
		}
		batch := b.Slice(0, h.Size())
		if _, err = wire.CheckStored(batch); err != nil {
			return corrupt(h.BaseOffset, err)
		}
		enough, err := f(&h, batch)
		if err != nil || enough {
			return err
		}
		b, at = b.Slice(h.Size(), b.Len()), h.NextOffset()
	}
	return nil
}

// mapSome takes the next of what is dirty into the map (Cleaner.buildOffsetMap).
func (p *Pass) mapSome(bytes int64) error {
	b, err := p.log.ReadStored(p.at, p.rules.Until, bytes)
	if err != nil {
		return corrupt(p.at, err)
	}
	if b.Len() == 0 && p.at < p.rules.Until {
		err = p.straddles()
	}
	if err != nil {
		return err
	}
	p.stats.BytesRead += b.Len()
	full := false
	err = eachBatch(b, p.at, func(h *wire.Batch, batch machine.Bytes) (bool, error) {
		err := p.mapBatch(h, batch)
		if full = errors.Is(err, errFull); full {
			return true, nil
		}
		p.at = h.NextOffset()
		return false, err
	})
	switch {
	case err != nil:
		return err
	case full && p.latest.latest < 0:
		return fmt.Errorf("offset %d: %w", p.at, ErrMapFull)
	case b.Len() == 0 || full || p.at >= p.rules.Until:
		p.group()
	}
	return nil
}

// straddles checks that the next batch is one which only seems to be too long: it ends
// behind where may be cleaned.
func (p *Pass) straddles() error {
	b, err := p.log.ReadStored(p.at, storage.All, 1)
	if err == nil {
		_, err = wire.CheckStored(b)
	}
	if err != nil {
		return corrupt(p.at, err)
	}
	return nil
}

var errFull = errors.New("the map is full")

func (p *Pass) mapBatch(h *wire.Batch, batch machine.Bytes) error {
	skip := false // markers have keys that are not a user's, and what was aborted never was
	if h.IsControl() {
		p.txns.control(h, batch)
		skip = !p.rules.Flaws.MarkerKeys
	} else {
		skip = p.txns.data(h)
	}
	if !skip {
		err := wire.EachRecord(batch, func(r *wire.Record) error {
			offset := h.BaseOffset + int64(r.OffsetDelta)
			if r.Key == nil || offset < p.rules.First || p.rules.Flaws.KeepOldest && p.latest.get(r.Key) >= 0 {
				return nil
			}
			if !p.latest.put(r.Key, offset) {
				return errFull
			}
			return nil
		})
		if errors.Is(err, errFull) {
			return err
		}
		if err != nil {
			return corrupt(h.BaseOffset, err)
		}
	}
	p.latest.latest = h.LastOffset()
	return nil
}

// group decides which segments become one, of all that have anything below where the map
// ends (Cleaner.groupSegmentsBySize).
func (p *Pass) group() {
	p.until, p.txns = max(p.latest.latest+1, p.rules.First), nil
	var size, index int64
	for _, s := range p.log.Inactive() {
		if s.Base >= p.until || p.latest.latest < 0 {
			break
		}
		n := len(p.groups) - 1
		if n < 0 || size+s.Bytes > p.rules.SegmentBytes || index+s.IndexBytes > p.rules.IndexBytes || s.Next-1-p.groups[n].base > math.MaxInt32 {
			p.groups = append(p.groups, group{base: s.Base})
			size, index, n = 0, 0, n+1
		}
		p.groups[n].next = s.Next
		size, index = size+s.Bytes, index+s.IndexBytes
	}
	p.nextGroup()
}

// writeSome writes what is left of the next batches of the group (Cleaner.cleanInto).
func (p *Pass) writeSome(bytes int64) (sync []string, err error) {
	g := p.groups[0]
	if p.rewrite == nil {
		p.rewrite = p.log.Rewrite(g.base, g.next)
	}
	b, err := p.log.ReadStored(p.at, g.next, bytes)
	if err != nil {
		return nil, corrupt(p.at, err)
	}
	p.stats.BytesRead += b.Len()
	err = eachBatch(b, p.at, func(h *wire.Batch, batch machine.Bytes) (bool, error) {
		left, err := p.clean(h, batch)
		if err != nil {
			return false, err
		}
		if left.Len() > 0 {
			err := p.rewrite.Append(left)
			if errors.Is(err, storage.ErrOffset) {
				err = corrupt(h.BaseOffset, err)
			}
			if err != nil {
				return false, err
			}
			p.stats.BytesWritten += left.Len()
		}
		p.at = h.NextOffset()
		return false, nil
	})
	switch {
	case err != nil:
		return nil, err
	case p.at < g.next && b.Len() == 0:
		return nil, corrupt(p.at, storage.ErrShort)
	case p.at < g.next:
		return nil, nil
	}
	p.phase = syncing
	return p.rewrite.Finish()
}

// cleanControl is what is left of a control batch. A marker stays while anything is left of
// its transaction, and for delete.retention.ms after the pass that has first met nothing: a
// reader may be behind (KIP-534).
func (p *Pass) cleanControl(h *wire.Batch, batch machine.Bytes) (left machine.Bytes, err error) {
	empty, ended := p.txns.control(h, batch)
	if ended != nil {
		p.rewrite.Abort(*ended)
	}
	horizon, has := h.DeleteHorizon()
	switch {
	case h.NextOffset() > p.until || !empty:
		return batch, nil
	case h.Count == 0:
		if p.mustStay(h) {
			left = batch
		}
		return left, nil
	case !has:
		left, err = wire.Retain(batch, p.horizon(), func(*wire.Record) bool { return true })
	case p.rules.Now < horizon:
		return batch, nil
	case p.mustStay(h):
		left, err = wire.Retain(batch, wire.NoHorizon, func(*wire.Record) bool { return false })
		p.stats.MarkersDropped++
	default:
		p.stats.MarkersDropped++
	}
	if err != nil {
		return left, corrupt(h.BaseOffset, err)
	}
	return left, nil
}

// clean is what is left of a batch; nothing, if all of it goes.
func (p *Pass) clean(h *wire.Batch, batch machine.Bytes) (left machine.Bytes, err error) {
	if h.IsControl() && !p.rules.Flaws.MarkerKeys {
		return p.cleanControl(h, batch)
	}
	// What is not looked at yet stays, though it may be known already that it was aborted: the
	// marker may not be committed.
	aborted := !h.IsControl() && p.txns.data(h) && h.NextOffset() <= p.until
	p.keep = p.keep[:0]
	kept, tombstones := 0, 0
	err = wire.EachRecord(batch, func(r *wire.Record) error {
		keep := !aborted && p.keeps(h, r)
		if aborted {
			p.stats.Aborted++
		}
		p.keep = append(p.keep, keep)
		if keep {
			kept++
		}
		if r.Value == nil {
			p.stats.Tombstones++
			if keep {
				tombstones++
			} else if !aborted && p.latest.get(r.Key) <= h.BaseOffset+int64(r.OffsetDelta) {
				p.stats.TombstonesDropped++
			}
		}
		return nil
	})
	if err != nil {
		return left, corrupt(h.BaseOffset, err)
	}
	p.stats.Records += int64(len(p.keep))
	p.stats.Dropped += int64(len(p.keep) - kept)
	// Of what is not looked at yet the time of no tombstone begins: this pass has not taken out
	// what it deletes. Kafka's does begin (MemoryRecords.filterTo), as far as the last segment goes.
	horizon := wire.NoHorizon
	if _, has := h.DeleteHorizon(); tombstones > 0 && !has && h.NextOffset() <= p.until {
		horizon = p.horizon()
	}
	switch {
	case kept == 0 && !p.mustStay(h):
		return left, nil
	case kept == len(p.keep) && horizon == wire.NoHorizon:
		return batch, nil
	}
	i := -1
	left, err = wire.Retain(batch, horizon, func(*wire.Record) bool { i++; return p.keep[i] })
	if err != nil {
		return left, corrupt(h.BaseOffset, err)
	}
	return left, nil
}

// horizon is when the tombstones of a batch may go that this pass is the first to have
// kept.
func (p *Pass) horizon() int64 {
	return later(p.rules.Now, p.rules.DeleteRetention)
}

// later is some ms after a time, or the last there is.
func later(since, millis int64) int64 {
	if since > math.MaxInt64-millis {
		return math.MaxInt64
	}
	return since + millis
}

// keeps reports whether a record stays: the last of its key, as far as the pass has looked,
// and if it is a tombstone until its time is over (Cleaner.shouldRetainRecord).
func (p *Pass) keeps(h *wire.Batch, r *wire.Record) bool {
	offset := h.BaseOffset + int64(r.OffsetDelta)
	if offset > p.latest.latest {
		return true
	}
	if r.Key == nil {
		return false // of a time when the topic was not compacted
	}
	latest := p.latest.get(r.Key)
	if p.rules.Flaws.KeepOldest && latest >= 0 {
		return offset <= latest
	}
	if latest > offset {
		return false
	}
	horizon, has := h.DeleteHorizon()
	if p.rules.Flaws.OldHorizon {
		horizon, has = later(h.MaxTimestamp, p.rules.DeleteRetention), true
	}
	return r.Value != nil || !has || p.rules.Now < horizon
}

// mustStay reports whether a batch of which no record is left stays nevertheless: it is the
// last of a producer, whose sequence or epoch it tells, or the last of its group, and so where
// the new segment ends.
func (p *Pass) mustStay(h *wire.Batch) bool {
	if last, known := p.rules.Last[h.ProducerID]; known && h.ProducerID >= 0 && h.LastOffset() == last {
		return true
	}
	if epoch, known := p.rules.Epochs[h.ProducerID]; known && h.IsControl() && h.ProducerEpoch == epoch {
		return true
	}
	return h.NextOffset() == p.groups[0].next
}
