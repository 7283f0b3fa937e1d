package sim

// counter counts how often each identity was seen, for as long as the run
// lasts: 16 bytes an identity at a load of at most 3/4. It holds the hash of an
// identity instead of the identity; two that share all 64 bits would share a
// count, which costs a draw its independence and nothing else.
type counter struct {
	places []counted
	used   int
	zeros  uint32 // the count of key 0
}

// counted is a key, not 0 unless the place is free, and its count.
type counted struct {
	key uint64
	n   uint32
}

// next returns how often key was given to next before.
func (c *counter) next(key uint64) uint32 {
	if key == 0 {
		c.zeros++
		return c.zeros - 1
	}
	if c.used >= len(c.places)/4*3 {
		c.grow()
	}
	p := c.find(key)
	if p.key == 0 {
		p.key = key
		c.used++
	}
	p.n++
	return p.n - 1
}

// find returns the place of a key, or the free place for it.
func (c *counter) find(key uint64) *counted {
	mask := len(c.places) - 1
	for i := int(key>>33) & mask; ; i = (i + 1) & mask {
		if p := &c.places[i]; p.key == key || p.key == 0 {
			return p
		}
	}
}

func (c *counter) grow() {
	old := c.places
	c.places = make([]counted, max(16, 2*len(old)))
	for _, p := range old {
		if p.key != 0 {
			*c.find(p.key) = p
		}
	}
}
