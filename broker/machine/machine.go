package machine

import (
	"errors"
	"math"
	"time"
)

// Instant is a point in time, in nanoseconds since the run began.
type Instant int64

// Never is later than every other instant.
const Never Instant = math.MaxInt64

// Add returns t+d. It does not move Never, and saturates there.
func (t Instant) Add(d time.Duration) Instant {
	if t == Never || d > 0 && t > Never-Instant(d) {
		return Never
	}
	return t + Instant(d)
}

// Sub returns the time from u to t.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Millis is t in whole milliseconds, Kafka's unit for timestamps.
func (t Instant) Millis() int64 { return int64(t) / int64(time.Millisecond) }

// Now is what a node's own clocks show. Neither is the run's clock.
type Now struct {
	Mono Instant // never goes back, but may drift; deadlines are in this time
	Wall Instant // may be wrong, and may jump; only stamped into records
}

// A Machine is one node as a state machine.
type Machine interface {
	// Step tells the machine that in happened at now; what should follow is
	// added to out. Both are the caller's and valid only during the call; a
	// frame, being immutable, may be kept.
	//
	// Effects of one step are unordered among themselves, except that frames
	// of one connection leave in the order of their Sends. A machine that
	// needs "this after that" waits for the input that says that is done.
	Step(now Now, in *Input, out *Effects)

	// Deadline is when the machine next wants a Tick, in Mono time, or Never.
	// It is read after every Step and must be O(1). One that has passed asks
	// for a Tick at once.
	Deadline() Instant
}

// Kind says what happened to a machine, and which fields of its [Input] are set.
type Kind uint8

// The kinds of input.
const (
	Start    Kind = iota // the first input of every life: Files
	Accepted             // a peer connected: Conn, Listen
	Opened               // a Dial succeeded: Tag, Conn
	Received             // one whole frame arrived: Conn, Frame
	Drained              // less than DrainedBelow bytes wait on a connection that had more: Conn
	Closed               // a connection ended (Conn) or a Dial failed (Tag, no Conn): Err
	DiskDone             // answers a Sync or a Load: Tag, Err
	Tick                 // the deadline has come
	Stopping             // the node is asked to end its life in good order
)

// String returns the kind in lower case, as traces print it.
func (k Kind) String() string {
	names := [...]string{"start", "accepted", "opened", "received", "drained", "closed", "disk-done", "tick", "stopping"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// ConnID names one end of one connection. The runner chooses it; it is unique
// per node and life and never reused. Zero is no connection.
type ConnID uint64

// Listener is the index of one of the node's listeners, in the order in which
// they were declared to the runner.
type Listener uint8

// Tag ties an effect to its answer. It is the machine's own; the runner only
// carries it. Effects with tag zero get no answer.
type Tag uint64

// DrainedBelow is the number of unsent bytes below which a connection counts
// as drained. More may be sent at any time; nothing is ever discarded.
const DrainedBelow = 64 << 10

// Input is one thing that happens to a machine. It is one struct by pointer
// because an interface costs an allocation an event.
type Input struct {
	Kind   Kind
	Listen Listener
	From   string // of Accepted: the address that the peer has come from; empty where nobody knows
	Conn   ConnID
	Tag    Tag
	Frame  Bytes
	Files  Files
	Err    error
}

// Why a connection ended, or never began.
var (
	ErrRefused = errors.New("connection refused") // nobody listens there
	ErrReset   = errors.New("connection reset")   // frames under way, in either direction, may be lost
	ErrEOF     = errors.New("connection closed")  // the peer closed; everything that it sent has arrived
	ErrTimeout = errors.New("connection timed out")
)

// What a disk may answer.
var (
	ErrIO      = errors.New("input/output error")
	ErrNoSpace = errors.New("no space left on device")
)

// Ident names what a frame is about, for faults and for random draws: two runs
// that differ in one fault give all other frames the same fate because their
// identities are the same.
type Ident struct {
	// Class is the kind of frame, such as "produce request": what a fault
	// like "drop produce" matches.
	Class uint16
	// Key is a hash of what the frame is about (a producer and its sequence,
	// a replica and its fetch offset), never of a correlation id, connection,
	// time or payload.
	Key uint64
}

// Work is the processor time that a step costs, in what it did; the runner
// prices it.
type Work struct {
	// Requests that were sent or taken. The answer is a part of it, at both ends.
	Requests int64
	// Bytes of requests that a broker takes, of records that it appends, as a leader
	// or as a follower, and of records that it sends; of records that a client sends
	// or receives, each time.
	Bytes int64
	// Records that somebody looked at one by one: a leader that appends them, a
	// producer when it takes one from its application, a consumer when it hands one
	// over. Who copies a batch whole, as followers do, looks at none.
	Records int64
	// Partitions for which records came with a request or its answer. Idle ones of a
	// Fetch are free, as they are with Kafka's fetch sessions (KIP-227).
	Partitions int64
}

// Plus returns the sum of w and x.
func (w Work) Plus(x Work) Work {
	return Work{w.Requests + x.Requests, w.Bytes + x.Bytes, w.Records + x.Records, w.Partitions + x.Partitions}
}

// Files is a node's page cache: what its files hold as seen by the node itself.
// Every change is visible at once and durable only once a [Effects.Sync] of
// that file has been answered without error. At a power loss, what was not
// synced may be lost, torn, or kept, file by file; a crash of the process alone
// loses nothing.
//
// Names are slash-separated paths. A directory exists while a file in it does.
// The node owns its Files from Start until it dies.
type Files interface {
	// List returns the names of all files, sorted.
	List() []string
	// Size returns the length of a file, and whether it exists.
	Size(name string) (n int64, ok bool)
	// Append adds b at the end of a file and creates it if it does not exist.
	// On an error nothing was written.
	Append(name string, b Bytes) error
	// Truncate cuts a file to size bytes. It never makes a file longer.
	Truncate(name string, size int64) error
	// Rename gives a file another name, replacing what was there.
	Rename(from, to string) error
	// Remove deletes a file; one that does not exist is no error.
	Remove(name string) error
	// ReadAt returns up to n bytes from off: fewer at the end of the file,
	// none beyond it. The bytes must be resident, but Start and the cleaner
	// may read cold, which is charged to the step.
	ReadAt(name string, off, n int64) (Bytes, error)
	// Resident reports whether a read would be served from memory. If not,
	// [Effects.Load] brings the range in while the node goes on.
	Resident(name string, off, n int64) bool
}
