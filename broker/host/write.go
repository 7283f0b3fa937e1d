package host

import "brokersim/broker/machine"

// write hands what is sent to the kernel until the connection ends.
func (c *conn) write() {
	defer c.node.work.Done()
	for {
		c.mu.Lock()
		for len(c.pending) == 0 && !c.closing && !c.dead {
			c.filled.Wait()
		}
		list := c.pending
		c.pending = nil
		done := c.dead || len(list) == 0
		c.mu.Unlock()
		if done {
			c.kill()
			c.node.remove(c)
			return
		}
		if !c.out.pass(c.over) {
			continue // it is dead
		}
		n, err := list.WriteTo(c.nc)
		c.node.clock.written.Add(n)
		if err != nil {
			c.lost(endOf(err))
			return
		}
		c.wrote(n)
	}
}

// wrote notes that bytes have left.
func (c *conn) wrote(n int64) {
	c.mu.Lock()
	c.unsent = max(c.unsent-n, 0) // 0 if it was killed
	drained := c.owed && c.unsent < machine.DrainedBelow
	if drained {
		c.owed = false
	}
	if c.unsent == 0 {
		c.emptied.Broadcast()
	}
	c.gate.Signal()
	c.mu.Unlock()
	if drained {
		c.node.inbox.put(event{kind: machine.Drained, conn: c})
	}
}
