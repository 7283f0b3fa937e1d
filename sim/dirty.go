package sim

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// pages are the pages of one file of a node whose disk is modelled. Those that are
// dirty are the last bytes of the file: it is written at its end and written back
// from its beginning.
type pages struct {
	drive  *drive
	dirty  int64
	oldest ring[stretch] // of the dirty bytes
	listed uint64        // the number of its place in drive.files, if it is dirty

	older time.Duration // by how much its pages are older than they say, from before the run

	cached int // blocks in memory, if the page cache has a bound
}

// stretch is bytes that became dirty one after the other.
type stretch struct {
	bytes int64
	since machine.Instant // the first of them
	later int64           // by how many nanoseconds later each other one, summed
}

// listing is a file in the order in which files became dirty. It counts only while
// it has the file's number.
type listing struct {
	file   *pages
	number uint64
	since  machine.Instant
}

// A stretch ends when it has so many bytes, or goes back so long.
const (
	longStretch = 256 << 10
	oldStretch  = time.Second
)

// soil makes the next n bytes of a file dirty.
func (d *drive) soil(p *pages, n int64, now machine.Instant) {
	if k := p.oldest.n; k > 0 && p.oldest.at(k-1).bytes < longStretch && now.Sub(p.oldest.at(k-1).since) < oldStretch {
		last := p.oldest.at(k - 1)
		last.bytes += n
		last.later += n * int64(now-last.since)
	} else {
		p.oldest.push(stretch{bytes: n, since: now})
	}
	if p.dirty == 0 {
		d.list(p)
	}
	p.dirty += n
	d.dirty.arrive(now, n)
}

// list puts a file where it belongs among those that are dirty.
func (d *drive) list(p *pages) {
	d.listings++
	p.listed = d.listings
	d.files.push(listing{p, p.listed, p.oldest.at(0).since - machine.Instant(p.older)})
	for k := d.files.n - 1; k > 0 && d.files.at(k-1).since > d.files.at(k).since; k-- {
		a, b := d.files.at(k-1), d.files.at(k)
		*a, *b = *b, *a
	}
}

// first is the file that has been dirty for longest, nil if all are clean.
func (d *drive) first() *listing {
	for d.files.n > 0 {
		l := d.files.at(0)
		if l.file.dirty > 0 && l.file.listed == l.number {
			return l
		}
		d.files.pop()
	}
	return nil
}

// clean has the first n dirty bytes of a file, or all if there are fewer, be on the
// disk.
func (d *drive) clean(p *pages, n int64, now machine.Instant) {
	n = min(n, p.dirty)
	for n > 0 {
		first := p.oldest.at(0)
		k := min(n, first.bytes)
		later := share(first.later, k, first.bytes)
		d.dirty.depart(now, k, first.since, later)
		first.bytes -= k
		first.later -= later
		if first.bytes == 0 {
			p.oldest.pop()
		}
		p.dirty -= k
		n -= k
	}
	if p.dirty > 0 {
		d.list(p)
	}
}

// cut has the last n dirty bytes of a file, or all if there are fewer, be no more.
func (d *drive) cut(p *pages, n int64, now machine.Instant) {
	n = min(n, p.dirty)
	for n > 0 {
		last := p.oldest.at(p.oldest.n - 1)
		k := min(n, last.bytes)
		later := share(last.later, k, last.bytes)
		d.dirty.drop(now, k, last.since, later)
		last.bytes -= k
		last.later -= later
		if last.bytes == 0 {
			p.oldest.cut(p.oldest.n - 1)
		}
		p.dirty -= k
		n -= k
	}
}

// share is x*part/whole.
func share(x, part, whole int64) int64 {
	if part == whole {
		return x
	}
	hi, lo := bits.Mul64(uint64(x), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

// pool keeps the account of dirty bytes.
type pool struct {
	Pool
	at           machine.Instant // until when held is right
	held, stayed byteTime
}

// byteTime is a sum of bytes times nanoseconds: whole byte-milliseconds and a rest.
type byteTime struct{ millis, rest int64 }

func (t *byteTime) add(bytes int64, d time.Duration) {
	t.millis += bytes * int64(d/time.Millisecond)
	t.more(bytes * int64(d%time.Millisecond))
}

// more adds byte-nanoseconds, which may be negative.
func (t *byteTime) more(n int64) {
	t.rest += n % million
	t.millis += n / million
	if t.rest >= million {
		t.rest, t.millis = t.rest-million, t.millis+1
	} else if t.rest < 0 {
		t.rest, t.millis = t.rest+million, t.millis-1
	}
}

func (q *pool) advance(now machine.Instant) {
	if d := now.Sub(q.at); d > 0 {
		q.held.add(q.Present, d)
		q.at = now
	}
}

func (q *pool) arrive(now machine.Instant, n int64) {
	q.advance(now)
	q.Arrivals += n
	q.Present += n
	q.Peak = max(q.Peak, q.Present)
}

// depart has bytes leave of which the first came at since, and the others later.
func (q *pool) depart(now machine.Instant, n int64, since machine.Instant, later int64) {
	q.leave(now, n, since, later)
	q.Departures += n
}

func (q *pool) drop(now machine.Instant, n int64, since machine.Instant, later int64) {
	q.leave(now, n, since, later)
	q.Dropped += n
}

func (q *pool) leave(now machine.Instant, n int64, since machine.Instant, later int64) {
	q.advance(now)
	q.Present -= n
	q.stayed.add(n, now.Sub(since))
	q.stayed.more(-later)
}

func (q *pool) read(now machine.Instant) Pool {
	q.advance(now)
	q.Held, q.Stayed = q.held.millis, q.stayed.millis
	return q.Pool
}
