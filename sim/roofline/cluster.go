package roofline

import (
	"fmt"
	"slices"

	"brokersim/checker/result"
)

// Broker is what one broker has. A roof whose figure is 0 (unknown) is left out.
type Broker struct {
	Cores int64
	// NICBits is what the network carries each way in steady state, bits a second:
	// the baseline, not a burst.
	NICBits int64
	// Payload of Frame bytes on the wire are ours; 0 and 0 mean Ethernet's 1460 of 1538.
	Payload, Frame int64
	// LogDirs disks of WriteBytes a second each.
	LogDirs    int64
	WriteBytes int64
	// FsyncUS is how long a disk takes to make what was written survive; Joined is
	// how many batches one fsync can cover (group commit), at least 1.
	FsyncUS int64
	Joined  int64
	// What a record costs a core where it is appended by its leader, copied (sent by
	// the leader and appended by a follower, together), and served to a reader.
	Append, Copy, Serve Cost
}

// Cost of CPU.
type Cost struct {
	RequestNS int64 // a request; only Append's counts, fetches may be large
	RecordNS  int64
	BytePS    int64 // a byte, in picoseconds
}

// Producers are the sending clients, all alike.
type Producers struct {
	Count int64
	// RecordNS is what a record costs one (one thread: hash, copy, checksum).
	RecordNS int64
	// NetBytes is what one gets onto the wire in a second; 0: any.
	NetBytes int64
}

// Load is what is asked of the cluster.
type Load struct {
	Brokers, Lost int64 // Lost of the Brokers are not there
	Partitions    int64 // 0: so many that they spread evenly
	RF            int64
	Groups        int64 // of readers, each reads everything
	Readers       int64 // of a group; 0: unknown
	ReadNS        int64 // what a record costs one of them
	// Value bytes of a record, and what it takes in log and on the wire with its
	// share of the batch's header.
	Value, Stored int64
	// BatchMilli is the mean number of records of a Produce batch, in thousandths.
	BatchMilli int64
	// SyncEvery says that a batch is acknowledged after an fsync of its own.
	SyncEvery bool
}

// Roofs are all that bound the simulation, the lowest first.
func Roofs(b Broker, p Producers, l Load) []result.Roof {
	var roofs []result.Roof
	for _, roof := range []*result.Roof{
		networkIn(b, l), networkOut(b, l), diskWrite(b, l), brokerCPU(b, l), fsync(b, l), producers(p, l), readers(l),
	} {
		if roof != nil {
			roofs = append(roofs, *roof)
		}
	}
	slices.SortStableFunc(roofs, func(a, b result.Roof) int {
		switch {
		case a.Rate < b.Rate:
			return -1
		case a.Rate > b.Rate:
			return 1
		}
		return 0
	})
	return roofs
}

func (b Broker) payload() number {
	if b.Payload == 0 || b.Frame == 0 {
		return fraction(1460, 1538)
	}
	return fraction(b.Payload, b.Frame)
}

// there is how many brokers are.
func (l Load) there() int64 { return l.Brokers - l.Lost }

// copies is the mean number of replicas of a record that are there.
func (l Load) copies() number { return fraction(l.RF*l.there(), l.Brokers) }

// leaders is how many brokers the leaders keep as busy as the busiest: 100
// partitions on 3 brokers are led 34, 33 and 33, as if there were 2.94.
func (l Load) leaders() (n number, why string) {
	return spread(l.Partitions, l.there(), "leads", "partitions")
}

// replicas is the same for everything that is stored. Replicas of lost brokers are
// not made anew elsewhere.
func (l Load) replicas() (n number, why string) {
	n, why = spread(l.Partitions*l.RF, l.Brokers, "holds", "replicas")
	if l.Lost > 0 {
		n = over(times(n, whole(l.there())), whole(l.Brokers))
	}
	return n, why
}

func spread(things, brokers int64, does, what string) (n number, why string) {
	if things == 0 || things%brokers == 0 {
		return whole(brokers), ""
	}
	most := ceiling(things, brokers)
	return fraction(things, most), fmt.Sprintf("; the busiest broker %s %d of %s", does, most, plural(things, "", what))
}

// brokersOf writes how many brokers share a load.
func brokersOf(n number) string {
	if n.Cmp(whole(1)) == 0 {
		return "1 broker"
	}
	return short(n) + " brokers"
}

// records turns bytes a second of the log into records a second, and says so.
func (l Load) records(bytes number) (rate int64, how string) {
	rate = floor(over(bytes, whole(l.Stored)))
	return rate, fmt.Sprintf("%s / %s B = %s records/s", megabytes(bytes), result.Count(l.Stored), result.Count(rate))
}
