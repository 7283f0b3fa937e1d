package host

import "brokersim/broker/machine"

const (
	minChunk = 4 << 10
	maxChunk = 16 << 20
)

// read splits what comes into frames until the connection ends. A frame's memory is
// never used again. What is allocated at a time follows what the frames before have
// been like, and for a longer one doubles as it comes.
func (c *conn) read() {
	defer c.node.work.Done()
	buf := make([]byte, 0, minChunk)
	size := minChunk
	for {
		n, err := c.split(buf)
		if err != nil || n < 0 || n > len(buf) {
			c.lost(machine.ErrReset)
			return
		}
		if n > 0 {
			if !c.deliver(buf[:n:n]) {
				return // the connection is over, or about to be
			}
			if buf = buf[n:]; n > size || n < size/8 {
				size = min(max(n+n/8, minChunk), maxChunk)
			}
			continue
		}
		switch {
		case len(buf) == 0 && cap(buf) < size: // what would begin here had to be moved
			buf = make([]byte, 0, size)
		case cap(buf)-len(buf) < min(len(buf)+1, minChunk):
			buf = append(make([]byte, 0, max(2*len(buf), size)), buf...)
		}
		m, err := c.nc.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		c.node.clock.read.Add(int64(m))
		if err != nil && m == 0 {
			c.lost(endOf(err))
			return
		}
	}
}

// deliver passes a frame on when the gate and the faults on the way let it.
func (c *conn) deliver(frame []byte) bool {
	return c.in.pass(c.over) && c.pass() && c.node.received(c, frame)
}
