package sim

import (
	"fmt"
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// Config says how the world behaves when nothing is wrong. The zero value of a
// field means the default that it names.
type Config struct {
	Seed uint64

	// Latency is the time that a frame takes on any link; nil is [Datacenter].
	Latency *Latency
	// SyncFor is the time that a Sync takes; nil is [Flush].
	SyncFor *Latency
	// BytesPerSecond is what one direction between two nodes carries; 0 is
	// without bound.
	BytesPerSecond int64

	// DialTimeout is when a dial that nobody answers fails; 0 is 1 s.
	DialTimeout time.Duration
	// RetransmitTimeout is how long both ends of a connection on which a frame
	// was lost still believe in it; 0 is 1 s.
	RetransmitTimeout time.Duration

	// Prices of the work that machines do on nodes whose Hardware has none; the zero
	// value is free.
	Prices Prices
	// ColdRead is what reading a block of 1 MiB from the disk takes; 0 is 500 us.
	ColdRead time.Duration

	// At a power loss, each file that has un-synced bytes has so much of a chance
	// that its last sectors reached the disk in any order: each one of them, or
	// what was there before. 0 is never.
	ReorderedSectors machine.Threshold
	// And each node such a chance that an un-synced sector was written to another
	// place of the disk, over whatever is there, synced or not.
	MisdirectedWrites machine.Threshold
}

func (c *Config) setDefaults() {
	if c.Latency == nil {
		c.Latency = Datacenter()
	}
	if c.SyncFor == nil {
		c.SyncFor = Flush()
	}
	orDefault(&c.DialTimeout, time.Second)
	orDefault(&c.RetransmitTimeout, time.Second)
	orDefault(&c.ColdRead, 500*time.Microsecond)
	if c.BytesPerSecond < 0 {
		panic(fmt.Sprintf("sim: %d bytes a second", c.BytesPerSecond))
	}
}

func orDefault(d *time.Duration, value time.Duration) {
	if *d < 0 {
		panic(fmt.Sprintf("sim: a configured time is %v", *d))
	}
	if *d == 0 {
		*d = value
	}
}

// Prices say what the work of a step costs a core. Zero is free.
type Prices struct {
	Request, KiB, Record, Partition time.Duration // each, of machine.Work; KiB of its Bytes
}

// of is the price of w.
func (p *Prices) of(w machine.Work) time.Duration {
	return price(w.Requests, p.Request, 1) + price(w.Bytes, p.KiB, 1<<10) + price(w.Records, p.Record, 1) + price(w.Partitions, p.Partition, 1)
}

// price is n*each/per, rounded down.
func price(n int64, each time.Duration, per uint64) time.Duration {
	if n == 0 || each == 0 {
		return 0
	}
	if n < 0 || each < 0 {
		panic(fmt.Sprintf("sim: work of %d at %v", n, each))
	}
	hi, lo := bits.Mul64(uint64(n), uint64(each))
	q, _ := bits.Div64(hi, lo, per)
	return time.Duration(q)
}

// NodeConfig is a node of the world.
type NodeConfig struct {
	Name string
	// ID is what draws about the node are keyed by: no two nodes may share one.
	ID uint32
	// Listeners are the addresses that others dial, such as "b1:9092".
	Listeners []string
	// Cores is how many inputs the node works on at a time; 0 is 1.
	Cores int
	// DiskBytes is what the node's files may hold together: what would be more
	// fails with machine.ErrNoSpace. 0 is without bound.
	DiskBytes int64
	// Hardware is what the node is made of; the zero value bounds nothing.
	Hardware Hardware
	// Boot makes the machine of a life. It is called by Add and at each restart.
	Boot func() machine.Machine
}
