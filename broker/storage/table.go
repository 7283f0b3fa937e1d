package storage

import (
	"slices"
	"sort"

	"brokersim/broker/machine"
)

// table knows where batches stand, from one of them to the last.
type table struct {
	origin  placed // what comes before the first of them
	batches []placed
	tail    placed // the last of them
}

// placed says where a batch ends, in offsets and in bytes; the one before it
// says where it begins.
type placed struct {
	next   int64  // the offset after the batch
	end    int64  // the position after the batch, counted over all segments
	digest uint64 // of this batch and all before it in the table
	epoch  int32
}

// begin makes the table empty, and has it begin at a place.
func (t *table) begin(at placed) {
	t.origin = at
	t.keep(0)
}

// keep drops all batches but the first n.
func (t *table) keep(n int) {
	t.batches = t.batches[:n]
	t.tail = t.before(n)
}

// keepTo drops all batches behind a place.
func (t *table) keepTo(at placed) {
	if at.next < t.origin.next {
		t.begin(at)
		return
	}
	t.keep(t.holding(at.next))
}

// push notes a batch that follows the last.
func (t *table) push(h Header, raw *headerBytes) {
	if len(t.batches) == cap(t.batches) {
		t.batches = slices.Grow(t.batches, len(t.batches)+16) // append alone grows by a quarter
	}
	t.tail = placed{
		next:   h.NextOffset(),
		end:    t.tail.end + h.Size(),
		digest: t.tail.digest + hash(raw),
		epoch:  h.LeaderEpoch,
	}
	t.batches = append(t.batches, t.tail)
}

// before is the batch before the i-th.
func (t *table) before(i int) placed {
	if i == 0 {
		return t.origin
	}
	return t.batches[i-1]
}

// holding is the index of the batch that holds an offset: the number of batches
// that end at or below it.
func (t *table) holding(offset int64) int {
	if offset >= t.tail.next {
		return len(t.batches)
	}
	return sort.Search(len(t.batches), func(i int) bool { return t.batches[i].next > offset })
}

// dropFirst forgets the first n batches.
func (t *table) dropFirst(n int) {
	t.origin = t.before(n)
	t.batches = slices.Delete(t.batches, 0, n)
	if len(t.batches) == 0 {
		t.tail = t.origin
	}
}

// forget drops what need not be remembered: half of the table at a time.
func (l *Log) forget() {
	if n := l.opt.Remember; n > 0 && len(l.batches) >= 2*n {
		l.dropFirst(len(l.batches) - n)
	}
}

// Digest is a hash of all batches that lie wholly below an offset. It costs a binary
// search: each batch is taken into it once, when it is appended or checked, by its
// header, where the CRC-32C stands for the records. What a log had before it was opened,
// and has no more or did not have to read again, is not in it: two logs are compared by
// [Log.Same].
func (l *Log) Digest(upTo int64) uint64 { return l.before(l.holding(upTo)).digest }

// Same reports whether two logs hold the same batches below an offset, as far back as
// both know them.
func (l *Log) Same(other *Log, upTo int64) bool {
	from := max(l.known(), other.known())
	if from >= upTo { // one of them has nothing there any more
		return true
	}
	return l.Digest(upTo)-l.Digest(from) == other.Digest(upTo)-other.Digest(from)
}

// known is the offset from which on Digest tells.
func (l *Log) known() int64 { return l.origin.next }

// Common is the offset below which two logs hold the same batches, as far back as both
// know them: the end of the last batch up to which their digests agree, which is where
// the later of them begins to know if already the first differs. Like Digest it goes by
// headers and costs a binary search.
func (l *Log) Common(other *Log) int64 {
	from := max(l.known(), other.known())
	i, j := l.holding(from), other.holding(from)
	di, dj := l.before(i).digest, other.before(j).digest
	n := min(len(l.batches)-i, len(other.batches)-j)
	// Digests are sums: where two agree, all before them agree as well.
	same := sort.Search(n, func(k int) bool { return l.batches[i+k].digest-di != other.batches[j+k].digest-dj })
	return max(l.before(i+same).next, from)
}

// hash is that of one batch, by its header, which has its offset in it.
func hash(raw *headerBytes) uint64 {
	return uint64(machine.Draw(batchHash).With(machine.Literal(raw[:]).Digest()))
}

const batchHash = 0x9e3779b97f4a7c15
