// Package storagetest has a disk for the tests of what keeps its state in files:
// [machine.Files] in memory, of which a power loss leaves what was synced and as
// much more as the test says.
package storagetest

import (
	"io/fs"
	"maps"
	"slices"

	"brokersim/broker/machine"
)

// Disk is a node's files. It is not for concurrent use.
type Disk struct {
	// Err is the answer to every Append, Truncate, Rename and Remove, which then
	// change nothing; nil: they succeed. Reads always do.
	Err error

	now     map[string][]byte // as the node sees it
	durable map[string][]byte
	was     map[string][]string // by name: those that the file had before
}

// New returns an empty disk.
func New() *Disk {
	return &Disk{now: map[string][]byte{}, durable: map[string][]byte{}, was: map[string][]string{}}
}

// Put makes b all that a file holds, durably.
func (d *Disk) Put(name string, b []byte) {
	d.now[name] = slices.Clone(b)
	d.Sync(name)
}

// Get returns a copy of what a file holds; nil if there is none.
func (d *Disk) Get(name string) []byte { return slices.Clone(d.now[name]) }

// Sync makes durable what a file holds now, and that it has no other name any more, or
// that there is none.
func (d *Disk) Sync(name string) {
	if b, ok := d.now[name]; ok {
		d.durable[name] = slices.Clone(b)
		for _, old := range d.was[name] {
			if _, used := d.now[old]; !used {
				delete(d.durable, old)
			}
		}
	} else {
		delete(d.durable, name)
	}
}

// PowerLoss forgets what was not synced, but for the first torn bytes that each
// file has beyond its durable length. What is left is durable.
func (d *Disk) PowerLoss(torn int) {
	after := maps.Clone(d.durable)
	for name, b := range d.now { // unordered: file by file
		if kept := len(d.durable[name]); len(b) > kept && (kept > 0 || torn > 0) {
			after[name] = slices.Clone(b[:min(len(b), kept+torn)])
		}
	}
	d.now, d.durable = after, map[string][]byte{}
	for name := range after { // unordered: file by file
		d.Sync(name)
	}
}

// List is that of [machine.Files].
func (d *Disk) List() []string { return slices.Sorted(maps.Keys(d.now)) }

// Size is that of [machine.Files].
func (d *Disk) Size(name string) (int64, bool) {
	b, ok := d.now[name]
	return int64(len(b)), ok
}

// Append is that of [machine.Files].
func (d *Disk) Append(name string, b machine.Bytes) error {
	if d.Err != nil {
		return d.Err
	}
	// In place where there is room: no reader looks beyond what was there.
	d.now[name] = b.AppendTo(d.now[name])
	return nil
}

// Truncate is that of [machine.Files].
func (d *Disk) Truncate(name string, size int64) error {
	b, ok := d.now[name]
	switch {
	case d.Err != nil:
		return d.Err
	case !ok:
		return fs.ErrNotExist
	}
	size = min(size, int64(len(b)))
	d.now[name] = b[:size:size] // what was behind may be a reader's
	return nil
}

// Rename is that of [machine.Files].
func (d *Disk) Rename(from, to string) error {
	b, ok := d.now[from]
	switch {
	case d.Err != nil:
		return d.Err
	case !ok:
		return fs.ErrNotExist
	}
	delete(d.now, from)
	d.now[to] = b
	d.was[to] = append(d.was[from], from)
	delete(d.was, from)
	return nil
}

// Remove is that of [machine.Files].
func (d *Disk) Remove(name string) error {
	if d.Err == nil {
		delete(d.now, name)
	}
	return d.Err
}

// ReadAt is that of [machine.Files].
func (d *Disk) ReadAt(name string, off, n int64) (machine.Bytes, error) {
	b, ok := d.now[name]
	if !ok {
		return machine.Bytes{}, fs.ErrNotExist
	}
	off = min(off, int64(len(b)))
	return machine.Literal(b[off:min(off+n, int64(len(b)))]), nil
}

// Resident is that of [machine.Files]: everything is.
func (d *Disk) Resident(string, int64, int64) bool { return true }
