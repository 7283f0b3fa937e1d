package host

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// toy is a machine whose step is a function.
type toy struct {
	step     func(now machine.Now, in *machine.Input, out *machine.Effects)
	deadline machine.Instant
}

func newToy(step func(now machine.Now, in *machine.Input, out *machine.Effects)) *toy {
	return &toy{step, machine.Never}
}

func (m *toy) Step(now machine.Now, in *machine.Input, out *machine.Effects) { m.step(now, in, out) }
func (m *toy) Deadline() machine.Instant                                     { return m.deadline }

// echo answers every frame with itself.
func echo(_ machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Received {
		out.Send(in.Conn, in.Frame, machine.Ident{})
	}
}

var errGarbage = errors.New("garbage")

// split is that of frames with four bytes of size before them, 16 MiB at most.
func split(buf []byte) (int, error) {
	if len(buf) < 4 {
		return 0, nil
	}
	n := binary.BigEndian.Uint32(buf)
	switch {
	case n > 16<<20:
		return 0, errGarbage
	case uint32(len(buf)-4) < n:
		return 0, nil
	}
	return 4 + int(n), nil
}

func frame(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func listen(t testing.TB) Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Listener{l, split}
}

// start runs a machine on a listener and a fresh directory until the test ends.
func start(t testing.TB, m machine.Machine) (*Node, string) {
	t.Helper()
	return startIn(t, m, t.TempDir())
}

func startIn(t testing.TB, m machine.Machine, dir string) (*Node, string) {
	t.Helper()
	l := listen(t)
	n, err := Start(Config{Name: "toy", Machine: m, Dir: dir, Listeners: []Listener{l}, Split: split})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	return n, l.Addr().String()
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	t.Cleanup(func() { c.Close() })
	return c
}

func write(t testing.TB, c net.Conn, body []byte) {
	t.Helper()
	if _, err := c.Write(frame(body)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, c net.Conn) []byte {
	t.Helper()
	b, err := readFrame(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readFrame(c io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// await is the next value of a channel.
func await[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
