package machine

import "math/bits"

// Draw is a random number that is decided by the identity of what it decides,
// not by how many were drawn before: one fault more or less leaves every other
// draw as it was.
//
//	jitter := machine.NewDraw(seed, "latency").With(from).With(to).With(ident.Key).N(1000)
type Draw uint64

// NewDraw begins the draws of one seed for one purpose.
func NewDraw(seed uint64, purpose string) Draw {
	return Draw(mix(seed + 0x9e3779b97f4a7c15)).Of(purpose)
}

// With returns the draw for a part of the identity.
func (d Draw) With(x uint64) Draw {
	return Draw(mix(uint64(d)*0xd1342543de82ef95 + x + 0x9e3779b97f4a7c15))
}

// Of returns the draw for a part of the identity that is a name.
func (d Draw) Of(name string) Draw {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return d.With(h)
}

// Uint64 is the draw itself, uniform over all 64-bit numbers.
func (d Draw) Uint64() uint64 { return mix(uint64(d)) }

// N is uniform over [0, n); it is 0 for n = 0. The bias is below n/2^64.
func (d Draw) N(n uint64) uint64 {
	hi, _ := bits.Mul64(mix(uint64(d)), n)
	return hi
}

// Threshold is a probability in units of 2^-32, so that no float decides.
type Threshold uint64

// Always is the threshold below which every draw falls.
const Always Threshold = 1 << 32

// Below reports whether the draw falls below t.
func (d Draw) Below(t Threshold) bool { return mix(uint64(d))>>32 < uint64(t) }

// mix is the finalizer of splitmix64: every bit of the result depends on every
// bit of z.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
