package sim

import (
	"strings"
	"time"

	"brokersim/broker/machine"
)

// drive is one drive of a [Disk]: it does one thing at a time. Reads and syncs wait in
// order; write-back takes turns with them, a piece each, so that neither starves.
//
// Syncs that wait when the drive begins with one become one flush, as a journal
// commits for all that ask: the dirty pages of all their files are written, and then
// the flush takes the time that they have drawn. Meanwhile the drive writes the pages of
// those who ask next: a flush keeps it from flushing, not from writing.
type drive struct {
	s     *Sim
	files ring[listing] // the longest dirty first

	node     *node
	index    int   // of the node's drives
	place    int32 // in Sim.drives
	listings uint64
	dirs     int // directories that are on it
	dirty    pool
	account  station // what the drive does
	syncs    station

	does  doing
	began machine.Instant
	ends  machine.Instant // of what it does
	due   machine.Instant // of the event that counts; any other is stale
	until machine.Instant // reads by call take it until then
	still machine.Instant // it stands still until then

	queue   ring[diskOp]    // reads and syncs that wait
	waiting int             // of them are syncs
	since   machine.Instant // the first of those came
	came    machine.Instant // and of those of the flush that it does
	written machine.Instant // when the pages of the last flush were on the drive
	flushed machine.Instant // when it ended
	wrote   bool            // last: now it is the turn of the queue

	file  *pages // that is written back
	piece int64
	ops   []diskOp // a read, or the syncs of a flush
	bytes []int64  // of their files, that a flush has written
}

type doing uint8

const (
	idle doing = iota
	writing
	reading
	flushing
)

// writePiece is how much write-back writes of a file at a time, as Linux does.
const writePiece = 4 << 20

// disks is what a node's files know of its drives.
type disks struct {
	spec   *Disk
	drives []*drive
	dirs   map[string]*drive
}

func (s *Sim) newDisks(n *node) disks {
	spec := &n.cfg.Hardware.Disk
	if spec.Write == 0 {
		return disks{}
	}
	count := max(spec.Drives, 1)
	ds := disks{spec: spec, dirs: make(map[string]*drive)}
	for i := range count {
		d := &drive{s: s, node: n, index: i, place: int32(len(s.drives)), due: machine.Never}
		s.drives, ds.drives = append(s.drives, d), append(ds.drives, d)
		d.soilAtFirst(spec.Dirty/int64(count), spec.expire())
	}
	return ds
}

// soilAtFirst has n bytes be dirty as if they had come evenly over the last while.
func (d *drive) soilAtFirst(n int64, while time.Duration) {
	const parts = 64
	for k := range time.Duration(parts) {
		if part := n / parts; part > 0 {
			d.soil(&pages{drive: d, older: while * (parts - k) / parts}, part, d.s.now)
		}
	}
}

// of is the drive that a file is on.
func (ds *disks) of(name string) *drive {
	slash := strings.LastIndexByte(name, '/')
	if slash < 0 {
		return ds.drives[0]
	}
	dir := name[:slash]
	if d := ds.dirs[dir]; d != nil {
		return d
	}
	least := ds.drives[0]
	for _, d := range ds.drives {
		if d.dirs < least.dirs {
			least = d
		}
	}
	least.dirs++
	ds.dirs[dir] = least
	return least
}

// takes is what bytes take at a rate, on a drive that may have been slowed down.
func (d *drive) takes(bytes, rate int64) time.Duration {
	return d.node.files.faults.slowed(price(bytes, time.Second, uint64(rate)))
}

func (d *drive) spec() *Disk { return d.node.files.disks.spec }

// share is the drive's part of what is said of all drives together.
func (d *drive) share(total int64) int64 { return total / int64(len(d.node.files.disks.drives)) }

// readTakes is what a read takes.
func (d *drive) readTakes(bytes int64, draw machine.Draw) time.Duration {
	spec := d.spec()
	rate := spec.Read
	if rate == 0 {
		rate = spec.Write
	}
	takes := d.takes(bytes, rate)
	if spec.Seek != nil {
		takes += d.node.files.faults.slowed(spec.Seek.Of(d.s.drawn(draw)))
	}
	return takes
}

// seekDraw is for the time of a read, by node, file, place and how often that was
// read before.
func (f *files) seekDraw(name string, off int64) machine.Draw {
	d := machine.NewDraw(f.s.cfg.Seed, "seek").With(uint64(f.node.cfg.ID)).Of(name).With(uint64(off))
	return d.With(uint64(f.syncs.next(d.Uint64())))
}

// ask has a read or a sync wait for the drive.
func (s *Sim) ask(d *drive, op diskOp) {
	op.asked = s.now
	if op.snap == nil {
		d.account.arrive(s.now)
	} else {
		d.syncs.arrive(s.now)
		if d.waiting++; d.waiting == 1 {
			d.account.arrive(s.now)
			d.since = s.now
		}
	}
	d.queue.push(op)
	s.startDrive(d)
}

// startDrive has a drive that is idle do what comes next.
func (s *Sim) startDrive(d *drive) {
	switch {
	case d.does != idle, d.node.files.faults.stalled:
		return
	case max(d.until, d.still) > s.now:
		s.wakeDrive(d, max(d.until, d.still))
		return
	}
	next := d.first()
	background := d.share(d.spec().Background)
	writes := next != nil && (background > 0 && d.dirty.Present > background || next.since.Add(d.spec().expire()) <= s.now)
	switch {
	case d.queue.n > 0 && (d.wrote || !writes):
		d.wrote = false
		s.serveDrive(d)
	case writes:
		d.wrote = true
		d.file, d.piece = next.file, min(next.file.dirty, writePiece)
		d.files.pop() // clean lists it again
		d.account.arrive(s.now)
		s.occupyDrive(d, writing, d.takes(d.piece, d.spec().Write))
	case next != nil:
		s.wakeDrive(d, next.since.Add(d.spec().expire()))
	}
}

// serveDrive has a drive take the first of its queue, and with a sync all syncs. Those
// that one step asked for are made one after the other, as a thread makes them (Kafka's
// UnifiedLog.append flushes each log before the next is appended to); of several steps
// the flush serves all.
func (s *Sim) serveDrive(d *drive) {
	d.ops, d.bytes = d.ops[:0], d.bytes[:0]
	if op := d.queue.at(0); op.snap == nil {
		d.ops = append(d.ops, d.queue.pop())
		s.occupyDrive(d, reading, d.loadTakes(&d.ops[0]))
		return
	}
	var takes, own time.Duration
	var cause int64
	all := int64(0)
	for range d.queue.n {
		op := d.queue.pop()
		if op.snap == nil {
			d.queue.push(op)
			continue
		}
		op.began = s.now
		d.syncs.begin(s.now)
		if op.cause != cause {
			cause, own = op.cause, 0
		}
		own += op.takes
		takes = max(takes, own)
		n := d.flushes(&op)
		all += n
		d.ops, d.bytes = append(d.ops, op), append(d.bytes, n)
	}
	write := d.takes(all, d.spec().Write)
	if d.flushed == s.now { // while the last flush took its time, the drive wrote for who came meanwhile
		write -= min(write, s.now.Sub(max(d.written, d.since)))
	}
	d.waiting, d.came, d.written = 0, d.since, s.now.Add(write)
	s.occupyDrive(d, flushing, write+d.node.files.faults.slowed(takes))
}

// flushes is how many bytes of a sync's file are dirty that no other sync of the
// flush writes.
func (d *drive) flushes(op *diskOp) int64 {
	if op.file == nil || op.file.pages == nil {
		return 0
	}
	for i := range d.ops {
		if d.ops[i].file == op.file {
			return 0
		}
	}
	return op.file.pages.dirty
}

// loadTakes is what the blocks take that are not in memory.
func (d *drive) loadTakes(op *diskOp) time.Duration {
	if op.file == nil {
		return 0
	}
	bytes := op.file.coldBytes(op.file.blocks(op.off, op.n))
	if bytes == 0 {
		return 0
	}
	return d.readTakes(bytes, d.node.files.seekDraw(op.name, op.off))
}

func (s *Sim) occupyDrive(d *drive, does doing, takes time.Duration) {
	d.account.begin(s.now)
	d.does, d.began, d.ends = does, s.now, s.now.Add(takes)
	s.wakeDrive(d, d.ends)
}

func (s *Sim) wakeDrive(d *drive, at machine.Instant) {
	if d.due != at {
		d.due = at
		s.queue.push(event{at: at, kind: evDrive, idx: d.place})
	}
}

// driveDue is the event of a drive: what it does is done, or it may begin.
func (s *Sim) driveDue(d *drive) {
	if s.now != d.due {
		return
	}
	d.due = machine.Never
	if d.does != idle {
		if d.still > s.now {
			s.wakeDrive(d, d.still)
			return
		}
		s.driveDone(d)
	}
	s.startDrive(d)
}

// driveDone ends what a drive does.
func (s *Sim) driveDone(d *drive) {
	does := d.does
	d.does = idle
	switch does {
	case writing:
		d.account.depart(s.now, d.began, d.began)
		d.clean(d.file, d.piece, s.now)
		d.file = nil
	case reading:
		op := d.ops[0]
		d.account.depart(s.now, op.asked, d.began)
		s.diskDone(op)
	case flushing:
		d.flushed = s.now
		d.account.depart(s.now, d.came, d.began)
		for i := range d.ops {
			op := &d.ops[i]
			d.syncs.depart(s.now, op.asked, op.began)
			if d.bytes[i] > 0 {
				d.clean(op.file.pages, d.bytes[i], s.now)
			}
			if s.Synced != nil {
				s.Synced(&SyncTimes{Node: d.node.cfg.Name, File: op.name, Cause: op.cause, Asked: op.asked, Began: op.began, Done: s.now, Together: len(d.ops)})
			}
			s.diskDone(*op)
		}
	}
}

// readNow has a drive read for a step that waits: it comes next after what the drive
// does. It returns when it is done.
func (d *drive) readNow(from machine.Instant, takes time.Duration) machine.Instant {
	s := d.s
	began := max(from, d.until, d.still)
	if d.does != idle {
		began = max(began, d.ends)
	}
	d.until = began.Add(takes)
	a := &d.account
	a.advance(s.now)
	a.Arrivals++
	a.Departures++
	a.Busy += int64(takes)
	a.InSystem += int64(d.until - from)
	a.Stayed += int64(d.until - from)
	a.Waited += int64(began - from)
	if d.does == idle {
		s.wakeDrive(d, d.until)
	}
	return d.until
}

// losePower has the drives do nothing more, and nothing be dirty.
func (ds *disks) losePower(now machine.Instant) {
	for _, d := range ds.drives {
		switch d.does {
		case writing:
			d.account.abort(now, d.began)
		case reading:
			d.account.abort(now, d.ops[0].asked)
		case flushing:
			d.account.abort(now, d.came)
			for i := range d.ops {
				d.syncs.abort(now, d.ops[i].asked)
			}
		}
		for d.queue.n > 0 {
			if op := d.queue.pop(); op.snap == nil {
				d.account.drop(now, op.asked)
			} else {
				d.syncs.drop(now, op.asked)
			}
		}
		if d.waiting > 0 {
			d.account.drop(now, d.since)
		}
		for d.files.n > 0 {
			p := d.files.pop().file
			d.cut(p, p.dirty, now)
		}
		if d.file != nil {
			d.cut(d.file, d.file.dirty, now)
		}
		d.does, d.due, d.waiting, d.file = idle, machine.Never, 0, nil
		d.until, d.still = now, min(d.still, now)
	}
}
