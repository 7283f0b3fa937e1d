package client

import (
	"math/bits"
	"time"

	"brokersim/broker/machine"
)

// backoff is how long to wait before attempt number attempts, from 0: base
// doubled for each, give or take 20 %, at most limit (KIP-144, KIP-580,
// KIP-601). A base that is not below its limit does not grow and is not
// jittered: it is the limit. The jitter is a draw of whoever waits and for what,
// so that it is the same whatever else went wrong.
func backoff(base, limit time.Duration, attempts uint32, jitter machine.Draw) time.Duration {
	if base <= 0 || limit <= 0 {
		return 0
	}
	if base >= limit {
		return limit
	}
	d := limit
	if attempts < 62 && base < limit>>attempts {
		d = base << attempts
	}
	// 0.8 d to 1.2 d, of which hi < 1_000_000 is left for any d.
	hi, lo := bits.Mul64(uint64(d), 800_000+jitter.N(400_001))
	q, _ := bits.Div64(hi, lo, 1_000_000)
	return time.Duration(min(q, uint64(limit)))
}
