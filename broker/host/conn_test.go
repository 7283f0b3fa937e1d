package host

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// Frames of any size come back whole and in order on many connections at once, however
// TCP has cut them.
func TestManyConnections(t *testing.T) {
	_, addr := start(t, newToy(echo))
	var all sync.WaitGroup
	for i := range 50 {
		c := dial(t, addr)
		rnd := rand.New(rand.NewSource(int64(i)))
		var sent [][]byte
		var stream []byte
		for k := range 40 {
			size := rnd.Intn(2000)
			if k == 20 {
				size = 1<<20 + rnd.Intn(1<<20)
			}
			body := make([]byte, size)
			rnd.Read(body)
			sent = append(sent, body)
			stream = append(stream, frame(body)...)
		}
		all.Add(2)
		go func() {
			defer all.Done()
			for len(stream) > 0 {
				n := min(1+rnd.Intn(1+rnd.Intn(100_000)), len(stream))
				if _, err := c.Write(stream[:n]); err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				stream = stream[n:]
			}
		}()
		go func() {
			defer all.Done()
			for k, want := range sent {
				if got, err := readFrame(c); err != nil || !bytes.Equal(got, want) {
					t.Errorf("connection %d, frame %d: %d bytes, %v; want %d", i, k, len(got), err, len(want))
					return
				}
			}
		}()
	}
	all.Wait()
}

// A peer that asks and does not read is held back: the machine is not told of more than
// what its answers still fit for, and goes on serving others. When the peer reads, it
// gets all, and the machine hears that it has drained.
func TestSlowReader(t *testing.T) {
	var took, drained atomic.Int64
	big := machine.Literal(frame(make([]byte, 512<<10)))
	_, addr := start(t, newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Received:
			if in.Frame.Len() == 4 {
				out.Send(in.Conn, in.Frame, machine.Ident{})
				return
			}
			took.Add(1)
			out.Send(in.Conn, big, machine.Ident{})
		case machine.Drained:
			drained.Add(1)
			if out.Unsent(in.Conn) >= machine.DrainedBelow {
				t.Error("drained with as much unsent")
			}
		}
	}))
	slow, other := dial(t, addr), dial(t, addr)
	const asked = 200
	for range asked {
		write(t, slow, []byte{1})
	}
	before := int64(-1)
	for before != took.Load() { // until it is held back
		before = took.Load()
		for range 200 {
			write(t, other, nil)
			read(t, other)
		}
		time.Sleep(20 * time.Millisecond)
	}
	// The kernels take some MiB at both ends.
	if n := took.Load(); n >= asked/2 {
		t.Errorf("the machine has taken %d of %d frames of a peer that reads nothing", n, asked)
	}
	for range asked {
		if got := read(t, slow); len(got) != 512<<10 {
			t.Fatalf("%d bytes", len(got))
		}
	}
	if took.Load() != asked || drained.Load() == 0 {
		t.Errorf("took %d of %d, drained %d times", took.Load(), asked, drained.Load())
	}
}

// What is no frame ends its connection and nothing else.
func TestGarbage(t *testing.T) {
	closed := make(chan error, 100)
	_, addr := start(t, newToy(func(now machine.Now, in *machine.Input, out *machine.Effects) {
		if in.Kind == machine.Closed {
			closed <- in.Err
		}
		echo(now, in, out)
	}))
	good := dial(t, addr)
	for i, garbage := range [][]byte{
		{0xff, 0xff, 0xff, 0xff},
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		append(frame([]byte("fine")), 0x7f, 0, 0, 0),
	} {
		c := dial(t, addr)
		if _, err := c.Write(garbage); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if got, err := readFrame(c); err == nil && string(got) != "fine" {
				t.Errorf("%q", got)
			}
		}
		if b, err := io.ReadAll(c); err == nil && len(b) > 0 {
			t.Errorf("%q answered with %q", garbage, b)
		}
		if err := await(t, closed); err != machine.ErrReset {
			t.Errorf("%q: closed with %v", garbage, err)
		}
		write(t, good, []byte("hello"))
		if got := read(t, good); string(got) != "hello" {
			t.Errorf("%q", got)
		}
	}
}

// Whatever bytes come, cut as they may be, the machine gets the frames that they begin
// with, and the host survives. A frame that claims to be long takes no memory.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 7, 0, 0, 0, 0}, uint8(3))
	f.Add([]byte{0, 0xff, 0xff, 0xff, 1}, uint8(1))
	f.Add([]byte{0xff, 0, 0, 0}, uint8(2))
	var got []byte
	over := make(chan struct{})
	l := listen(f)
	n, err := Start(Config{Name: "toy", Dir: f.TempDir(), Listeners: []Listener{l}, Machine: newToy(func(_ machine.Now, in *machine.Input, _ *machine.Effects) {
		switch in.Kind {
		case machine.Received:
			got = in.Frame.AppendTo(got)
		case machine.Closed:
			over <- struct{}{}
		}
	})})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(n.Kill)
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		got = nil
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for rest := stream; len(rest) > 0; {
			k := min(int(cut)+1, len(rest))
			if _, err := c.Write(rest[:k]); err != nil {
				break // it has been refused
			}
			rest = rest[k:]
		}
		_ = c.(*net.TCPConn).CloseWrite()
		await(t, over)
		c.Close()
		var want []byte
		for rest := stream; ; {
			k, err := split(rest)
			if err != nil || k == 0 {
				break
			}
			want, rest = append(want, rest[:k]...), rest[k:]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the machine got %x of %x, want %x", got, stream, want)
		}
	})
}

// Between StopReading and Read no frame comes, but for those that were under way.
func TestStopReading(t *testing.T) {
	var m *toy
	var conn machine.ConnID
	got := make(chan byte, 100)
	m = newToy(func(now machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Received:
			b := in.Frame.Contiguous()[4]
			got <- b
			if b == 0 {
				conn = in.Conn
				out.StopReading(conn)
				m.deadline = now.Mono.Add(200 * time.Millisecond)
			}
		case machine.Tick:
			m.deadline = machine.Never
			got <- 255
			out.Read(conn)
		}
	})
	_, addr := start(t, m)
	c := dial(t, addr)
	for i := range 20 {
		write(t, c, []byte{byte(i)})
	}
	var order []byte
	for range 21 {
		order = append(order, await(t, got))
	}
	at := bytes.IndexByte(order, 255)
	if at < 1 || at > maxUnderWay {
		t.Errorf("the tick came after %d frames, want 1 to %d: %v", at, maxUnderWay, order)
	}
	if rest := append(append([]byte{}, order[:at]...), order[at+1:]...); !bytes.Equal(rest, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}) {
		t.Errorf("%v", order)
	}
}

// Close ends a connection after all that was sent, however much that is.
func TestCloseAfterSend(t *testing.T) {
	_, addr := start(t, newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		if in.Kind == machine.Received {
			for i := range 100 {
				out.Send(in.Conn, machine.Literal(frame(bytes.Repeat([]byte{byte(i)}, 100_000))), machine.Ident{})
			}
			out.Close(in.Conn)
		}
	}))
	c := dial(t, addr)
	write(t, c, nil)
	time.Sleep(50 * time.Millisecond)
	for i := range 100 {
		if got := read(t, c); len(got) != 100_000 || got[0] != byte(i) {
			t.Fatalf("frame %d: %d bytes of %d", i, len(got), got[0])
		}
	}
	if _, err := readFrame(c); err != io.EOF {
		t.Errorf("after the last: %v", err)
	}
}

// dialer dials what it is told, sends a frame on what opens, and tells what it hears.
func dialer(addr string, heard chan<- string) machine.Machine {
	return newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			out.Dial(addr, 7)
			return
		case machine.Opened:
			out.Send(in.Conn, machine.Literal(frame([]byte("ping"))), machine.Ident{})
		}
		heard <- fmt.Sprintf("%v tag=%d conn=%v frame=%d err=%v", in.Kind, in.Tag, in.Conn != 0, in.Frame.Len(), in.Err)
	})
}

func TestDial(t *testing.T) {
	_, addr := start(t, newToy(echo))
	heard := make(chan string, 10)
	n, _ := start(t, dialer(addr, heard))
	for _, want := range []string{"opened tag=7 conn=true frame=0 err=<nil>", "received tag=0 conn=true frame=8 err=<nil>"} {
		if got := await(t, heard); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	n.Reset(addr)
	if got, want := await(t, heard), "closed tag=0 conn=true frame=0 err=connection reset"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDialRefused(t *testing.T) {
	l := listen(t)
	addr := l.Addr().String()
	l.Close()
	heard := make(chan string, 10)
	start(t, dialer(addr, heard))
	if got, want := await(t, heard), "closed tag=7 conn=false frame=0 err=connection refused"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A cut way holds what is sent, and a heal lets it go on.
func TestCutAndHeal(t *testing.T) {
	_, addr := start(t, newToy(echo))
	var out, in Way
	heard := make(chan string, 10)
	l := listen(t)
	out.Cut()
	n, err := Start(Config{Name: "dialer", Machine: dialer(addr, heard), Dir: t.TempDir(), Listeners: []Listener{l}, Split: split,
		Route: func(string) Route { return Route{Out: &out, In: &in} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	quiet(t, heard) // not even the dial passes
	in.Cut()
	out.Heal()
	in.Heal()
	await(t, heard) // opened
	await(t, heard) // received
	in.Cut()
	if !n.Do(func() {
		for _, c := range n.conns {
			c.send(machine.Literal(frame([]byte("again"))))
		}
	}) {
		t.Fatal("not called")
	}
	quiet(t, heard) // the answer waits
	in.Heal()
	if got, want := await(t, heard), "received tag=0 conn=true frame=9 err=<nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func quiet(t *testing.T, heard <-chan string) {
	t.Helper()
	select {
	case got := <-heard:
		t.Errorf("heard %s through a cut way", got)
	case <-time.After(50 * time.Millisecond):
	}
}

// A paused machine is told nothing, and then everything.
func TestPause(t *testing.T) {
	n, addr := start(t, newToy(echo))
	c := dial(t, addr)
	write(t, c, []byte{1})
	read(t, c)
	n.Pause()
	write(t, c, []byte{2})
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := readFrame(c); err == nil {
		t.Error("a paused node has answered")
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	n.Resume()
	if got := read(t, c); !bytes.Equal(got, []byte{2}) {
		t.Errorf("%v", got)
	}
}

// Kill has peers see a reset; Stop lets what was asked be answered.
func TestStopAnswersWhatCame(t *testing.T) {
	n, addr := start(t, newToy(echo))
	c := dial(t, addr)
	for i := range 100 {
		write(t, c, binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	read(t, c) // it is being served
	if err := n.Stop(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	for i := uint32(1); ; i++ {
		b, err := readFrame(c)
		if err != nil {
			break
		}
		if binary.BigEndian.Uint32(b) != i {
			t.Errorf("%v is the answer to %d", b, i)
		}
	}
	if n.Do(func() {}) {
		t.Error("a call after the end was made")
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a node that was stopped accepts")
	}
}

// ending is a machine that takes its time to stop.
type ending struct {
	*toy
	stopped bool
}

func (m *ending) Stopped() bool { return m.stopped }

// Stop tells the machine, and waits until that has stopped.
func TestStopIsHeard(t *testing.T) {
	var files machine.Files
	m := &ending{}
	m.toy = newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			files = in.Files
		case machine.Stopping:
			if err := files.Append("last", text("word")); err != nil {
				t.Error(err)
			}
			out.Sync("last", 1)
		case machine.DiskDone:
			m.stopped = true
		}
	})
	dir := t.TempDir()
	n, _ := startIn(t, m, dir)
	if err := n.Stop(10 * time.Second); err != nil || !m.stopped {
		t.Errorf("stopped %t, %v", m.stopped, err)
	}
	holds(t, open(t, dir), map[string]string{"last": "word"})
}

// A machine hears from where a peer comes, and on which listener.
func TestAcceptedFrom(t *testing.T) {
	type accepted struct {
		from   string
		listen machine.Listener
	}
	heard := make(chan accepted, 2)
	m := newToy(func(_ machine.Now, in *machine.Input, _ *machine.Effects) {
		if in.Kind == machine.Accepted {
			heard <- accepted{in.From, in.Listen}
		}
	})
	first, second := listen(t), listen(t)
	n, err := Start(Config{Name: "toy", Machine: m, Dir: t.TempDir(), Listeners: []Listener{first, second}, Split: split})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Kill)
	for i, l := range []Listener{first, second} {
		dial(t, l.Addr().String())
		if got, want := await(t, heard), (accepted{"127.0.0.1", machine.Listener(i)}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}
