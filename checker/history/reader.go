package history

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
)

// MaxLine is the longest line that a Reader accepts, in bytes.
const MaxLine = 256 << 20

// Error is what is wrong with a history on disk.
type Error struct {
	Line int // from 1
	Col  int // in bytes, from 1; 0 when it is about the line as a whole
	Msg  string
}

func (e *Error) Error() string {
	if e.Col == 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("line %d:%d: %s", e.Line, e.Col, e.Msg)
}

// Reader reads JSON lines. It keeps one event and what was asked by the
// operations that are under way, whatever the length of the history.
type Reader struct {
	// Header is the first line. Its TPs and Names grow while reading.
	Header *Header

	r     *bufio.Reader
	line  int
	long  []byte // a line longer than the buffer
	s     scan
	ev    Event
	recs  []Record // of all runs of ev
	runs  []int    // where each run of ev ends in recs
	seqs  []int64  // "seq", one a send
	keys  []int64  // "k", one a send
	ofs   []int64  // "of", one a send
	tps   map[string]TP
	names map[string]int64
	next  int64
	last  TP // a run of the same partition needs no look-up

	sim    bool // a simulation wrote it, so that it can be held to more
	under  underWay
	at     places
	sentAt []int // where each record of "m" stands

	brokers    []string
	lastBroker string
}

// NewReader reads the header. The error is io.EOF when there is nothing at
// all, an [*Error] when the text is no history, and otherwise what r said.
func NewReader(r io.Reader) (*Reader, error) {
	rd := &Reader{
		Header: &Header{},
		r:      bufio.NewReaderSize(r, 1<<16),
		tps:    map[string]TP{},
		names:  map[string]int64{},
		under:  newUnderWay(),
	}
	line, err := rd.readLine()
	if err != nil {
		return nil, err
	}
	rd.s = scan{b: line}
	rd.header()
	if err := rd.finish(); err != nil {
		return nil, err
	}
	return rd, nil
}

// Next returns the next event, which is good until the call after; io.EOF at
// the end of the history. After an error it must not be called again.
func (rd *Reader) Next() (*Event, error) {
	for {
		line, err := rd.readLine()
		if err != nil {
			return nil, err
		}
		rd.s = scan{b: line, buf: rd.s.buf}
		known := rd.event()
		if err := rd.finish(); err != nil {
			return nil, err
		}
		if err := rd.order(known); err != nil {
			return nil, err
		}
		if known {
			return &rd.ev, nil
		}
	}
}

// Each hands every event to the sinks in turn.
func (rd *Reader) Each(sinks ...Sink) error {
	for {
		e, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, s := range sinks {
			s.Event(e)
		}
	}
}

// readLine returns the next line that is not blank, without its end.
func (rd *Reader) readLine() ([]byte, error) {
	for {
		line, err := rd.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			rd.long = append(rd.long[:0], line...)
			for errors.Is(err, bufio.ErrBufferFull) && len(rd.long) <= MaxLine {
				line, err = rd.r.ReadSlice('\n')
				rd.long = append(rd.long, line...)
			}
			line = rd.long
		}
		rd.line++
		switch {
		case len(line) > MaxLine:
			return nil, &Error{rd.line, 0, fmt.Sprintf("longer than %d bytes", MaxLine)}
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("line %d: %w", rd.line, err)
		}
		for len(line) > 0 && line[len(line)-1] <= ' ' {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, io.EOF
		}
	}
}

// finish turns the scanner's error into one with a position.
func (rd *Reader) finish() error {
	s := &rd.s
	if s.err == nil && s.peek() != 0 || s.err == nil && s.i < len(s.b) {
		s.fail(s.i, "something follows the object")
	}
	if s.err == nil {
		return nil
	}
	var p *problem
	if errors.As(s.err, &p) {
		return &Error{rd.line, p.at + 1, p.text}
	}
	return nil
}

// event reads one line and reports whether its operation is one that the
// checkers know. Names may stand in any order; unknown ones are passed over.
func (rd *Reader) event() bool {
	s, e := &rd.s, &rd.ev
	*e = Event{Sends: e.Sends[:0], Runs: e.Runs[:0], At: e.At[:0], TPs: e.TPs[:0], Offs: e.Offs[:0], Batches: e.Batches[:0]}
	rd.recs, rd.runs, rd.seqs, rd.keys, rd.ofs, rd.sentAt = rd.recs[:0], rd.runs[:0], rd.seqs[:0], rd.keys[:0], rd.ofs[:0], rd.sentAt[:0]
	rd.at = places{}
	var has struct{ i, e, f bool }
	known := true
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		name := s.name()
		switch string(name) {
		case "i":
			has.i, e.I = true, s.int(0, math.MaxInt64)
		case "t":
			rd.at.t = s.i
			e.T = s.int(math.MinInt64, math.MaxInt64)
		case "e":
			rd.at.e = s.i
			has.e, e.E = true, Kind(rd.oneOf("event", kindNames[:]))
		case "f":
			has.f = true
			e.F, known = rd.function()
		case "id":
			rd.at.id = s.i
			e.ID = s.int(math.MinInt64, math.MaxInt64)
		case "p":
			rd.at.p = s.i
			e.P = int32(s.int(math.MinInt32, math.MaxInt32))
		case "m":
			rd.at.m = s.i
			rd.micro()
		case "at":
			rd.at.claims = s.i
			rd.claims()
		case "tps":
			s.expect('[')
			for first := true; s.next(']', first); first = false {
				e.TPs = append(e.TPs, rd.tp())
			}
		case "seq":
			s.expect('[')
			for first := true; s.next(']', first); first = false {
				rd.seqs = append(rd.seqs, rd.orNone(None, math.MaxInt32))
			}
		case "k":
			rd.at.k = s.i
			s.expect('[')
			for first := true; s.next(']', first); first = false {
				rd.keys = append(rd.keys, rd.key())
			}
		case "of":
			s.expect('[')
			for first := true; s.next(']', first); first = false {
				rd.ofs = append(rd.ofs, rd.of())
			}
		default:
			rd.rest(name)
		}
	}
	if s.err == nil {
		switch {
		case !has.i:
			s.fail(0, `no "i": an event needs its number`)
		case !has.e:
			s.fail(0, `no "e": an event is inv, ok, fail, info or ev`)
		case !has.f:
			s.fail(0, `no "f": an event says what it is about`)
		}
	}
	rd.perSend()
	start := 0
	for i, end := range rd.runs {
		e.Runs[i].Records = rd.recs[start:end:end]
		start = end
	}
	return known
}
