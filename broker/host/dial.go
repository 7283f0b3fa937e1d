package host

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"brokersim/broker/machine"
)

// dialWithin is how long a dial may take.
const dialWithin = 10 * time.Second

// dial connects to an address, and tells the machine.
func (n *Node) dial(addr string, tag machine.Tag) {
	n.work.Add(1)
	go func() {
		defer n.work.Done()
		c, err := n.connect(addr)
		if err != nil {
			n.inbox.put(event{kind: machine.Closed, tag: tag, err: err})
			return
		}
		n.open(c, event{kind: machine.Opened, tag: tag})
	}()
}

func (n *Node) connect(addr string) (*conn, error) {
	var r Route
	if n.cfg.Route != nil {
		r = n.cfg.Route(addr)
	}
	if r.Addr == "" {
		r.Addr = addr
	}
	until := time.Now().Add(dialWithin)
	if !r.Out.opens(n.ctx.Done(), until) || !r.In.opens(n.ctx.Done(), until) {
		return nil, machine.ErrTimeout
	}
	d := net.Dialer{Deadline: until}
	nc, err := d.DialContext(n.ctx, "tcp", r.Addr)
	if err != nil {
		return nil, whyNot(err)
	}
	c := newConn(n, nc, n.cfg.Split)
	c.addr, c.out, c.in = addr, r.Out, r.In
	return c, nil
}

// whyNot is what a failed dial means to a machine.
func whyNot(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return machine.ErrTimeout
	}
	return machine.ErrRefused // or there is no such host
}

// endOf is what the end of a connection means to a machine.
func endOf(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return machine.ErrEOF
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return machine.ErrTimeout
	}
	return machine.ErrReset
}
