package sim

import (
	"fmt"
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// Latency is a distribution of delays, as a table of quantiles in nanoseconds
// that is interpolated with integers, so that a draw is the same delay on every
// architecture.
//
// The quantiles are spaced by how rare they are: an octave holds the delays that
// are exceeded with a probability from 2^-(i+1) to 2^-i, in 32 steps.
type Latency struct{ table []int64 }

const (
	octaveSteps = 32
	octaves     = 20 // one delay in 2^20 is the greatest
)

// Datacenter is the time of a frame from host to host: 150 us and a log-normal
// part; median 250 us, p99 793 us, p99.9 1.33 ms, at most 4.6 ms.
func Datacenter() *Latency { return &Latency{datacenter[:]} }

// Flush is the time of a flush of a disk without a capacitor: 200 us and a
// log-normal part; median 500 us, p99 3.3 ms, p99.9 6.8 ms, at most 35 ms.
func Flush() *Latency { return &Latency{flush[:]} }

// Fixed is always d.
func Fixed(d time.Duration) *Latency {
	if d < 0 {
		panic(fmt.Sprintf("sim: a latency of %v", d))
	}
	return &Latency{[]int64{int64(d)}}
}

// Of is the delay of a draw.
func (l *Latency) Of(d machine.Draw) time.Duration { return l.at(d.Uint64()) }

// Median is the delay that half of all draws exceed.
func (l *Latency) Median() time.Duration { return l.at(1 << 63) }

// at is the delay that is exceeded with probability v/2^64.
func (l *Latency) at(v uint64) time.Duration {
	last := len(l.table) - 1
	octave := bits.LeadingZeros64(v)
	if last == 0 || octave >= octaves {
		return time.Duration(l.table[last])
	}
	v <<= octave
	step, part := int(v>>58)&(octaveSteps-1), v>>26&(1<<32-1)
	rarer := l.table[octave*octaveSteps+octaveSteps-step]
	commoner := l.table[octave*octaveSteps+octaveSteps-step-1]
	return time.Duration(rarer - int64(scale(uint64(rarer-commoner), part)))
}
