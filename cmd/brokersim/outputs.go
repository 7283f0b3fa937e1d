package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"brokersim/checker/history"
	"brokersim/checker/measure"
	"brokersim/sim/scenario"
)

// traceToLog is the --trace that means stderr.
const traceToLog = "log"

// outputs are the files of a run, and how far it is. The run writes the history
// and the trace from its own goroutine while it goes on; whoever watches may
// close them at any time, and what the run writes after that is dropped.
type outputs struct {
	mu      sync.Mutex
	now     int64 // virtual ns
	closed  bool
	history *history.Writer
	trace   *bufio.Writer

	historyFile, traceFile *output
	stderr                 io.Writer // of --trace log, otherwise nil
	bundle                 *bundle   // of --out, otherwise nil
	latency                *measure.Measure
}

// output is a file to write.
type output struct {
	flag, path string
	file       *os.File
	created    bool
}

// openOutputs opens all files or none. An existing file keeps what it has until
// all are open.
func (a *app) openOutputs(historyPath, tracePath, dir string) (*outputs, error) {
	o := &outputs{}
	var wanted []*output
	want := func(flag, path string) *output {
		w := &output{flag: flag, path: path}
		wanted = append(wanted, w)
		return w
	}
	if dir != "" {
		o.bundle = wantBundle(dir, want)
	}
	switch {
	case historyPath != "":
		o.historyFile = want("--history", historyPath)
	case dir != "":
		o.historyFile = want("--out", filepath.Join(dir, "history.jsonl"))
	}
	switch tracePath {
	case "":
	case traceToLog:
		o.stderr = a.stderr
	default:
		o.traceFile = want("--trace", tracePath)
	}
	made, err := makeDirectory("--out", dir)
	if err != nil {
		return nil, err
	}
	if err := a.openAll(wanted); err != nil {
		if made {
			_ = os.Remove(dir)
		}
		return nil, err
	}
	return o, nil
}

func (a *app) openAll(wanted []*output) error {
	for i, w := range wanted {
		err := a.free(w, wanted[:i])
		if err == nil {
			err = w.open()
		}
		if err != nil {
			for _, opened := range wanted[:i] {
				opened.discard()
			}
			return err
		}
	}
	for _, w := range wanted {
		if err := w.truncate(); err != nil {
			return err
		}
	}
	return nil
}

// free refuses to write over stdout, over what the run reads, and over another
// output.
func (a *app) free(w *output, others []*output) error {
	if w.path == "-" {
		return fmt.Errorf("%s -: stdout is for the result; name a file", w.flag)
	}
	info, err := os.Stat(w.path)
	for _, o := range others {
		same := filepath.Clean(o.path) == filepath.Clean(w.path)
		if at, statErr := o.file.Stat(); err == nil && statErr == nil {
			same = info.Mode().IsRegular() && os.SameFile(info, at)
		}
		if same {
			return fmt.Errorf("%s %s: %s is the same file", w.flag, w.path, o.flag)
		}
	}
	for _, in := range a.inputs {
		if err == nil && info.Mode().IsRegular() && os.SameFile(info, in) {
			return fmt.Errorf("%s %s: the run reads this file, and would write over it", w.flag, w.path)
		}
	}
	return nil
}

func (w *output) open() error {
	_, missing := os.Stat(w.path)
	f, err := os.OpenFile(w.path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("%s %w", w.flag, plainPathError(err))
	}
	w.file, w.created = f, errors.Is(missing, os.ErrNotExist)
	return nil
}

// truncate empties a regular file; a pipe or a device has nothing to lose.
func (w *output) truncate() error {
	info, err := w.file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = w.file.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("%s %w", w.flag, plainPathError(err))
	}
	return nil
}

func (w *output) discard() {
	_ = w.file.Close() // nothing was written
	if w.created {
		_ = os.Remove(w.path)
	}
}

// attach makes the case write.
func (o *outputs) attach(c *scenario.Case) {
	if o.bundle != nil {
		o.latency = measure.New(0)
	}
	c.History = func(h *history.Header) history.Sink {
		if o.historyFile != nil {
			o.start(h)
		}
		return o
	}
	switch {
	case o.stderr != nil:
		o.trace = bufio.NewWriter(o.stderr)
	case o.traceFile != nil:
		o.trace = bufio.NewWriterSize(o.traceFile.file, 1<<16)
	}
	if o.trace != nil {
		c.Trace = (*traceWriter)(o)
	}
}

func (o *outputs) start(h *history.Header) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.history = history.NewWriter(o.historyFile.file, h)
	}
}

// Event takes an event of the history.
func (o *outputs) Event(e *history.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = e.T
	if o.closed {
		return
	}
	if o.history != nil {
		o.history.Event(e)
	}
	if o.latency != nil {
		o.latency.Event(e)
	}
}

// traceWriter is outputs as the writer of the trace. It never fails: what went
// wrong is said at the end, and the run is the same with and without.
type traceWriter outputs

func (t *traceWriter) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		_, _ = t.trace.Write(b) // kept by the writer until Flush
	}
	return len(b), nil
}

// virtual is how far the run is, in ns.
func (o *outputs) virtual() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// close writes what is buffered, and says the first error of all that was
// written.
func (o *outputs) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	var historyErr, traceErr error
	if o.history != nil {
		historyErr = o.history.Close()
	}
	if o.trace != nil {
		traceErr = o.trace.Flush()
	}
	return errors.Join(o.historyFile.close(historyErr), o.traceFile.close(traceErr))
}

// close closes the file after what was written into it came to err.
func (w *output) close(err error) error {
	if w == nil {
		return err
	}
	if closeErr := w.file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s %w", w.flag, plainPathError(err))
	}
	return nil
}
