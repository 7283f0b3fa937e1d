package gate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"brokersim/checker/result"
)

// A shard's file is lines of JSON: what it is a part of, then its runs in order,
// then its cases of the corpus, then the failures that it explains, then that it is
// at its end. A file without its last line was cut short: what it says counts, and
// what it does not say is unknown.

// fileFormat is the first thing in a shard's file.
const fileFormat = "brokersim-runs-1"

type fileHead struct {
	Format string `json:"format"`
	Plan   Plan   `json:"plan"`
	Shard  Shard  `json:"shard"`
}

type fileEnd struct {
	Runs    int64          `json:"runs"`
	Stopped string         `json:"stopped"`
	Canary  *result.Canary `json:"canary"`
}

// fileLine is any line but the first.
type fileLine struct {
	Run       *result.CheckRun  `json:"run,omitempty"`
	Case      *result.CheckCase `json:"case,omitempty"`
	Explained *result.Explained `json:"explained,omitempty"`
	End       *fileEnd          `json:"end,omitempty"`
}

// maxLine bounds a line of a shard's file, in bytes.
const maxLine = 16 << 20

// RunsWriter writes the runs of a check, one a line. It remembers its first error.
type RunsWriter struct {
	w    *bufio.Writer
	runs int64
	err  error
}

// NewRunsWriter begins the file of a check or of its shard.
func NewRunsWriter(w io.Writer, c *Config) *RunsWriter {
	r := &RunsWriter{w: bufio.NewWriterSize(w, 1<<16)}
	shard := c.Shard
	if shard.Count == 0 {
		shard = Shard{0, 1}
	}
	r.line(fileHead{fileFormat, c.Plan(), shard})
	return r
}

// Run writes a run; it is for [Config.Each].
func (w *RunsWriter) Run(r *result.CheckRun) {
	w.runs++
	w.line(fileLine{Run: r})
}

// End ends the file of a check that came to c, and says the first error.
func (w *RunsWriter) End(c *result.Check) error {
	for i := range c.Corpus {
		w.line(fileLine{Case: &c.Corpus[i]})
	}
	for i := range c.Explained {
		w.line(fileLine{Explained: &c.Explained[i]})
	}
	w.line(fileLine{End: &fileEnd{Runs: w.runs, Stopped: c.Stopped, Canary: c.Canary}})
	if err := w.w.Flush(); w.err == nil {
		w.err = err
	}
	return w.err
}

func (w *RunsWriter) line(v any) {
	if w.err != nil {
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if w.err = e.Encode(v); w.err == nil {
		_, w.err = w.w.Write(b.Bytes())
	}
}

// runsReader reads a shard's file run by run.
type runsReader struct {
	name  string
	lines *bufio.Scanner
	n     int // of the line that was read last

	head fileHead
	next *result.CheckRun // nil: there are no more
	end  *fileEnd         // nil while there are more, and of a file that was cut short
	row  result.Shard

	cases     []result.CheckCase
	explained []*result.Explained
}

func newRunsReader(name string, r io.Reader) (*runsReader, error) {
	f := &runsReader{name: name, lines: bufio.NewScanner(r)}
	f.lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	if !f.scan() {
		return nil, f.bad(errors.New("is empty"))
	}
	if err := json.Unmarshal(f.lines.Bytes(), &f.head); err != nil || f.head.Format != fileFormat {
		return nil, f.bad(fmt.Errorf("is no file of runs: want %q", fileFormat))
	}
	h := &f.head
	if len(h.Plan.Scenarios) == 0 || h.Shard.Count < 1 || h.Shard.Count > maxShards || h.Shard.Index >= h.Shard.Count || h.Plan.Seeds.N > MaxSeeds {
		return nil, f.bad(errors.New("has a plan that no check has"))
	}
	f.row = result.Shard{Shard: h.Shard.String()}
	return f, f.advance()
}

func (f *runsReader) scan() bool {
	f.n++
	return f.lines.Scan()
}

func (f *runsReader) bad(err error) error { return fmt.Errorf("%s:%d: %w", f.name, f.n, err) }

// advance reads the next run. A last line that is cut short is as none.
func (f *runsReader) advance() error {
	last := int64(-1)
	if f.next != nil {
		last = f.next.Index
	}
	f.next = nil
	h := &f.head
	l, err := f.line()
	switch {
	case err != nil || l == nil:
		return err
	case l.End != nil:
		f.end = l.End
		f.row.Complete = l.End.Stopped != "interrupted" && l.End.Runs == f.row.Runs && uint64(len(f.cases)) == h.Shard.of(uint64(len(h.Plan.Corpus)))
		return nil
	}
	if seed := l.Run.Index / int64(len(h.Plan.Scenarios)); l.Run.Index <= last || uint64(seed)%h.Shard.Count != h.Shard.Index || uint64(seed) >= h.Plan.Seeds.N {
		return f.bad(fmt.Errorf("run %d is out of order, or of another shard", l.Run.Index))
	}
	f.next = l.Run
	f.row.Runs++
	if l.Run.Violated() {
		f.row.Violations++
	}
	return nil
}

// line reads the next line that is of a run or the end, and keeps what stands
// before it; nil if there is none.
func (f *runsReader) line() (*fileLine, error) {
	for f.end == nil && f.scan() {
		var l fileLine
		text := bytes.Clone(f.lines.Bytes())
		if err := json.Unmarshal(text, &l); err != nil || l.Run == nil && l.End == nil && l.Case == nil && l.Explained == nil {
			if !f.scan() && f.lines.Err() == nil {
				return nil, nil
			}
			f.n--
			return nil, f.bad(errors.New("is no run"))
		}
		switch {
		case l.Case != nil:
			if err := f.addCase(l.Case); err != nil {
				return nil, err
			}
		case l.Explained == nil:
			return &l, nil
		case len(f.explained) == mostExplained:
			return nil, f.bad(errors.New("explains more than a check does"))
		default:
			f.explained = append(f.explained, l.Explained)
		}
	}
	return nil, f.fault()
}

func (f *runsReader) fault() error {
	if err := f.lines.Err(); err != nil {
		return f.bad(err)
	}
	return nil
}
