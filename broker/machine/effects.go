package machine

import (
	"fmt"
	"strings"
)

// EffectKind says what an [Effect] does.
type EffectKind uint8

// The kinds of effect.
const (
	DoDial EffectKind = iota
	DoSend
	DoClose
	DoStopReading
	DoRead
	DoSync
	DoLoad
)

// Effect is one thing that a machine wants done. Which fields are set follows
// from Kind: see the methods of [Effects].
type Effect struct {
	Kind  EffectKind
	Conn  ConnID
	Tag   Tag
	Name  string // the address of a Dial, the file of a Sync or Load
	Off   int64
	N     int64
	Frame Bytes
	Ident Ident
}

// Effects collects what a step wants done. The runner owns and reuses it.
type Effects struct {
	List []Effect // in the order asked for
	Done Work     // the processor work of the step

	// Kernel, which the runner sets before each step, tells how many bytes of a
	// connection have left the machine and were not taken by the peer. What this
	// step and others that are still at work send is not among them yet. See Unsent.
	Kernel func(ConnID) int64
}

// Unsent is how many bytes of a connection wait in the node's kernel or on the way: what
// a program learns of when its socket takes no more. Once it was [DrainedBelow] or more,
// Drained will come. It is 0 where no runner has said.
func (e *Effects) Unsent(c ConnID) int64 {
	if e.Kernel == nil {
		return 0
	}
	return e.Kernel(c)
}

// Dial asks for a connection to addr, such as "b2:9092". The answer is Opened
// with the tag and the connection, or Closed with the tag and why not. There is
// no taking back: a machine that has lost interest closes what opens.
func (e *Effects) Dial(addr string, tag Tag) {
	e.List = append(e.List, Effect{Kind: DoDial, Name: addr, Tag: tag})
}

// Send sends one whole frame, size prefix included. It never blocks and gives
// no answer; Drained tells when a connection has little left to send. Sending
// on a connection that has ended does nothing.
func (e *Effects) Send(c ConnID, f Bytes, id Ident) {
	e.List = append(e.List, Effect{Kind: DoSend, Conn: c, Frame: f, Ident: id})
}

// Close ends a connection after what was sent; the peer gets Closed with
// [ErrEOF], the machine itself hears no more of it.
func (e *Effects) Close(c ConnID) { e.List = append(e.List, Effect{Kind: DoClose, Conn: c}) }

// StopReading holds back further frames of a connection until Read: the peer's
// sends wait, as they would in TCP.
func (e *Effects) StopReading(c ConnID) {
	e.List = append(e.List, Effect{Kind: DoStopReading, Conn: c})
}

// Read takes back a StopReading.
func (e *Effects) Read(c ConnID) { e.List = append(e.List, Effect{Kind: DoRead, Conn: c}) }

// Sync makes what a file holds now durable, with its name. The answer is
// DiskDone. After an error the file is poisoned: what it holds on the disk is
// unknown and a later Sync must not be believed.
func (e *Effects) Sync(file string, tag Tag) {
	e.List = append(e.List, Effect{Kind: DoSync, Name: file, Tag: tag})
}

// Load brings n bytes of a file from off into memory. The answer is DiskDone.
func (e *Effects) Load(file string, off, n int64, tag Tag) {
	e.List = append(e.List, Effect{Kind: DoLoad, Name: file, Off: off, N: n, Tag: tag})
}

// Work adds w to what the step has cost.
func (e *Effects) Work(w Work) { e.Done = e.Done.Plus(w) }

// Reset empties e and keeps its memory, not what it pointed to.
func (e *Effects) Reset() {
	clear(e.List)
	e.List, e.Done = e.List[:0], Work{}
}

// String lists the effects, one a line, without the frames' contents.
func (e *Effects) String() string {
	var b strings.Builder
	for _, x := range e.List {
		fmt.Fprintln(&b, x)
	}
	return b.String()
}

// String is one effect in words.
func (x Effect) String() string {
	switch x.Kind {
	case DoDial:
		return fmt.Sprintf("dial %s tag=%d", x.Name, x.Tag)
	case DoSend:
		return fmt.Sprintf("send conn=%d class=%d bytes=%d", x.Conn, x.Ident.Class, x.Frame.Len())
	case DoClose:
		return fmt.Sprintf("close conn=%d", x.Conn)
	case DoStopReading:
		return fmt.Sprintf("stop-reading conn=%d", x.Conn)
	case DoRead:
		return fmt.Sprintf("read conn=%d", x.Conn)
	case DoSync:
		return fmt.Sprintf("sync %s tag=%d", x.Name, x.Tag)
	case DoLoad:
		return fmt.Sprintf("load %s off=%d n=%d tag=%d", x.Name, x.Off, x.N, x.Tag)
	}
	return fmt.Sprintf("effect kind=%d", x.Kind)
}
