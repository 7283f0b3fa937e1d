package sim

// counter counts how often each identity was seen, for as long as the run
// lasts: 12 bytes an identity at a load of at most 3/4. It holds the hash of an
// identity instead of the identity; two that share all 64 bits would share a
// count, which costs a draw its independence and nothing else.
type counter struct {
	keys   []uint64 // 0 is a free place
	counts []uint32
	used   int
	zeros  uint32 // the count of key 0
}

// next returns how often key was given to next before.
func (c *counter) next(key uint64) uint32 {
	if key == 0 {
		c.zeros++
		return c.zeros - 1
	}
	if c.used >= len(c.keys)/4*3 {
		c.grow()
	}
	i := c.find(key)
	if c.keys[i] == 0 {
		c.keys[i] = key
		c.used++
	}
	c.counts[i]++
	return c.counts[i] - 1
}

func (c *counter) find(key uint64) int {
	mask := len(c.keys) - 1
	i := int(key>>33) & mask
	for c.keys[i] != 0 && c.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

func (c *counter) grow() {
	keys, counts := c.keys, c.counts
	size := max(16, 2*len(keys))
	c.keys, c.counts = make([]uint64, size), make([]uint32, size)
	for i, key := range keys {
		if key != 0 {
			j := c.find(key)
			c.keys[j], c.counts[j] = key, counts[i]
		}
	}
}
