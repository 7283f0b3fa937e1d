package measure

import (
	"errors"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Log writes the intervals of a window as an HdrHistogram log: three histograms an
// interval, tagged ack, ack-sent and e2e, in microseconds.
type Log struct {
	w   *hdrhistogram.HistogramLogWriter
	err error
}

// NewLog begins a log.
func NewLog(w io.Writer) *Log {
	l := &Log{w: hdrhistogram.NewHistogramLogWriter(w)}
	l.err = errors.Join(l.w.OutputLogFormatVersion(), l.w.OutputLegend())
	return l
}

// Add writes an interval. Its times are those of the run.
func (l *Log) Add(i *Interval) {
	for _, x := range []struct {
		tag string
		h   *hdrhistogram.Histogram
	}{{"ack", i.Ack}, {"ack-sent", i.AckSent}, {"e2e", i.E2E}} {
		x.h.SetTag(x.tag)
		x.h.SetStartTimeMs(i.From / 1_000_000)
		x.h.SetEndTimeMs(i.Until / 1_000_000)
		l.err = errors.Join(l.err, l.w.OutputIntervalHistogram(x.h))
	}
}

// Err is what could not be written.
func (l *Log) Err() error { return l.err }

// WritePercentiles writes a distribution as HdrHistogram prints it (.hgrm), in
// microseconds.
func WritePercentiles(w io.Writer, h *hdrhistogram.Histogram) error {
	_, err := h.PercentilesPrint(w, 5, 1)
	return err
}
