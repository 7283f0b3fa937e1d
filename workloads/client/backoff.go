package client

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// backoff is how long to wait before attempt number attempts, from 0: base
// doubled for each, at most limit, give or take 20 % (KIP-144, KIP-580,
// KIP-601). The jitter is a draw of whoever waits and for what, so that it is
// the same whatever else went wrong.
func backoff(base, limit time.Duration, attempts uint32, jitter machine.Draw) time.Duration {
	if base <= 0 {
		return 0
	}
	d := max(limit, base)
	if attempts < 62 && uint64(base) < uint64(d)>>attempts {
		d = base << attempts
	}
	// 0.8 d to 1.2 d. The product may pass 64 bits for absurd settings.
	hi, lo := bits.Mul64(uint64(d), 800_000+jitter.N(400_001))
	if hi >= 1_000_000 {
		return max(limit, base)
	}
	q, _ := bits.Div64(hi, lo, 1_000_000)
	return time.Duration(min(q, uint64(max(limit, base))))
}
