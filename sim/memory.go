package sim

// LimitMemory bounds the memory of a node: what its machine has sent and nobody has
// taken, over all of its connections. When that is more than so many bytes its process
// is killed, as an operating system does that is out of memory, once what it has just
// sent has left. It outlives the node's lives; 0 ends it.
//
// What frames that have arrived take is the peers' unsent bytes, and what a machine
// holds besides is its own matter.
func (s *Sim) LimitMemory(name string, bytes int64) {
	n := s.node(name)
	bytes = max(bytes, 0)
	if s.apply(n.memory != bytes) {
		n.memory = bytes
		s.watchMemory(n)
	}
}

// watchMemory has a node killed if it takes more memory than it may.
func (s *Sim) watchMemory(n *node) {
	if n.memory == 0 || n.machine == nil || n.unsent() <= n.memory {
		return
	}
	life := n.life
	s.At(s.now, func() {
		switch {
		case n.life != life: // it was killed for an earlier frame
		case s.OutOfMemory != nil:
			s.OutOfMemory(n.cfg.Name)
		default:
			s.Crash(n.cfg.Name)
		}
	})
}

// unsent is how many bytes wait to be taken from a node.
func (n *node) unsent() (bytes int64) {
	for _, e := range n.ends {
		if e != nil {
			bytes += e.unsent
		}
	}
	return bytes
}
