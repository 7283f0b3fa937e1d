package history

// Recorder numbers and stamps the events of one run and hands them to its
// sinks. One recorder serves all processes of a run, so that the numbers are
// the real-time order.
type Recorder struct {
	clock func() int64
	sinks []Sink
	op    int64
	next  int64
}

// NewRecorder returns a recorder that stamps with clock: the run's own time in
// ns, never that of a node.
func NewRecorder(clock func() int64, sinks ...Sink) *Recorder {
	return &Recorder{clock: clock, sinks: sinks}
}

// Op returns the next operation id, from 1. Invocation and completion carry
// the same.
func (r *Recorder) Op() int64 {
	r.op++
	return r.op
}

// Event sets e.I and e.T and passes e on. The caller may change e afterwards.
func (r *Recorder) Event(e *Event) {
	e.I, e.T = r.next, r.clock()
	r.next++
	for _, s := range r.sinks {
		s.Event(e)
	}
}

// Events is how many events have been recorded.
func (r *Recorder) Events() int64 { return r.next }
