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
		c.pending, c.writing = nil, true
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
	c.unsent, c.writing = max(c.unsent-n, 0), false // 0 if it was killed
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

// sendNow hands a small frame to the kernel at once, if nothing is before it and the
// kernel has room: so most answers need no word to the writer. What did not fit is left
// to that.
func (c *conn) sendNow(f machine.Bytes) bool {
	if c.raw == nil || c.out != nil || c.writing || len(c.pending) > 0 || f.Len() > smallFrame {
		return false
	}
	b := f.Contiguous()
	n := tryWrite(c.raw, b)
	c.node.clock.written.Add(int64(n))
	if n < len(b) && n > 0 {
		c.pending = append(c.pending, b[n:])
		c.unsent += int64(len(b) - n)
		c.filled.Signal()
	}
	return n > 0
}

// smallFrame is the size up to which a frame is copied into one piece to be sent at once.
const smallFrame = 4 << 10
