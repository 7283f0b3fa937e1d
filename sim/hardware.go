package sim

import (
	"fmt"
	"time"
)

// Hardware is what a node is made of. The zero value of a part has no bound and
// costs nothing; of a whole, it is a node that only the world's configuration
// slows down.
type Hardware struct {
	// Prices of the work that the node's machines do; those of [Config.Prices] if
	// all are zero.
	Prices Prices
	// NIC is what the node has towards all others together.
	NIC NIC
	// Disk is what its files are on.
	Disk Disk
	// PageCache is how many bytes of its files are kept in memory: the RAM less
	// what processes take. The oldest pages that have been written back go first,
	// and reading them again takes the disk. 0 is without bound.
	PageCache int64
	// GC has the node stand still as in a collection of garbage: inputs wait, what
	// a core works on is late, clocks go on.
	GC Interference
}

// NIC is a network interface: two servers of bytes, one for each direction, that all
// connections of the node share evenly.
type NIC struct {
	// BytesPerSecond of each direction, with the overhead of packets; 0 is without
	// bound, and then nothing below counts.
	BytesPerSecond int64
	// Burst is the rate while there are credits, and Credits how many bytes a full
	// bucket of those holds; it is full at time 0, or empty if Drained. What is sent
	// takes credits, and they come back at BytesPerSecond. With either at 0 there is
	// no burst.
	Burst, Credits int64
	Drained        bool
	// A packet carries at most Payload bytes of a frame and takes Overhead bytes
	// more. 0 are 1460 and 78: Ethernet, with preamble and gap, and TCP over IPv4.
	Payload, Overhead int64
}

// Disk is one or more equal drives under one page cache.
type Disk struct {
	// Drives is how many there are; 0 is 1. A directory goes to the drive that has
	// fewest when its first file is written, as Kafka chooses among log directories;
	// files outside of all directories are on the first.
	Drives int
	// Write and Read are the bytes a second of each drive in sequence. With Write
	// at 0 there is no model of a disk: a Sync takes Config.SyncFor, a block that is
	// not in memory Config.ColdRead, and writing nothing.
	Write, Read int64
	// Seek is what a read takes before its bytes come; nil is nothing.
	Seek *Latency
	// Flush is what a sync takes when its file's pages have been written; nil is
	// Config.SyncFor.
	Flush *Latency

	// Dirty pages are those that are written and not on the disk. With more than
	// Background bytes of them they are written back, oldest file first, until there
	// are fewer, and those older than Expire in any case; with more than Limit,
	// whoever writes waits for the drive. Both are of all drives together, each of
	// which has an equal share. 0 is without bound; for Expire it is 30 s, as Linux
	// has it.
	Background, Limit int64
	Expire            time.Duration
	// Dirty is how many bytes are dirty at time 0, of files that nobody sees: see
	// [Disk.SteadyDirty].
	Dirty int64

	// Stalls has every drive stand still for a while, as for the collection of a
	// drive's own garbage or a neighbour's work.
	Stalls Interference
}

// Interference is a Poisson process of times at which something stands still. The
// zero value is none. Its draws are keyed by the node and their number; a seed has
// the same ones whatever else happens.
type Interference struct {
	Every time.Duration // on average, from one beginning to the next
	For   *Latency
}

func (i *Interference) on() bool { return i.Every > 0 && i.For != nil }

// check panics if the hardware makes no sense.
func (h *Hardware) check(node string) {
	for _, x := range []int64{
		h.NIC.BytesPerSecond, h.NIC.Burst, h.NIC.Credits, h.NIC.Payload, h.NIC.Overhead, h.PageCache,
		int64(h.Disk.Drives), h.Disk.Write, h.Disk.Read, h.Disk.Background, h.Disk.Limit, int64(h.Disk.Expire), h.Disk.Dirty,
		int64(h.GC.Every), int64(h.Disk.Stalls.Every),
	} {
		if x < 0 {
			panic(fmt.Sprintf("sim: node %q has hardware with %d of something: %+v", node, x, *h))
		}
	}
	if n := &h.NIC; n.Burst > 0 && n.Burst < n.BytesPerSecond {
		panic(fmt.Sprintf("sim: node %q: a burst of %d bytes a second is below the %d that it always has", node, n.Burst, n.BytesPerSecond))
	}
	if d := &h.Disk; d.Limit > 0 && d.Limit < d.Background {
		panic(fmt.Sprintf("sim: node %q: the limit of %d dirty bytes is below the %d at which they are written back", node, d.Limit, d.Background))
	}
}

// SteadyDirty is how many bytes are dirty in the long run when so many are written
// a second, so that a run may begin there: as many as come within Expire, the
// background if that is less, the limit if more come than the drives can write.
func (d *Disk) SteadyDirty(bytesPerSecond int64) int64 {
	switch {
	case bytesPerSecond <= 0 || d.Write == 0:
		return 0
	case bytesPerSecond >= d.Write*int64(max(d.Drives, 1)) && d.Limit > 0:
		return d.Limit
	}
	within := int64(price(bytesPerSecond, d.expire(), uint64(time.Second)))
	if d.Background > 0 {
		within = min(within, d.Background)
	}
	return within
}

func (d *Disk) expire() time.Duration {
	if d.Expire == 0 {
		return 30 * time.Second
	}
	return d.Expire
}
