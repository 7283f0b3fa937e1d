package workloads

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/machine"
)

// Trace is a load as it was recorded: when each record was due, or how many were in
// each interval. It ends with its last.
type Trace struct {
	Every  time.Duration   // of an interval of Counts; 0: there are Times
	Counts []int64         // evenly spaced in their intervals
	Times  []time.Duration // since the start, ascending
}

// The bounds of a trace: how many lines it may have, and when it ends at the latest.
const (
	MaxTrace     = 10_000_000
	MaxTraceTime = 7 * 24 * time.Hour
)

// ParseTrace reads a trace. Its first line says what it has, "times" or "counts" and
// the length of an interval; each further line has one time since the start, or one
// count. Empty lines and what follows a # say nothing.
//
//	counts 500ms      times
//	120               0s
//	4000              12.5ms
//
// An error is one line that begins with the name and the line.
func ParseTrace(name, text string) (*Trace, error) {
	t, line, err := parseTrace(text)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, line, err)
	}
	return t, nil
}

// parseTrace is [ParseTrace] with the line of an error apart.
func parseTrace(text string) (t *Trace, no int, err error) {
	for line := range strings.Lines(text) {
		no++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
			continue
		case t == nil:
			t, err = traceHead(words)
		default:
			err = t.add(words)
		}
		if err != nil {
			return nil, no, err
		}
	}
	switch {
	case t == nil:
		return nil, 1, errTraceHead
	case len(t.Times)+len(t.Counts) == 0:
		return nil, no, errors.New("the trace has no lines behind its first")
	}
	return t, no, nil
}

var errTraceHead = errors.New(`a trace begins with a line "times" or "counts 1s"`)

func traceHead(words []string) (*Trace, error) {
	if len(words) == 1 && words[0] == "times" {
		return &Trace{}, nil
	}
	if len(words) != 2 || words[0] != "counts" {
		return nil, fmt.Errorf("%q: %w", strings.Join(words, " "), errTraceHead)
	}
	every, err := time.ParseDuration(words[1])
	if err != nil || every < time.Millisecond || every > 24*time.Hour {
		return nil, fmt.Errorf("%q: want the length of an interval, from 1ms to 24h", words[1])
	}
	return &Trace{Every: every}, nil
}

func (t *Trace) add(words []string) error {
	switch {
	case len(words) > 1:
		return fmt.Errorf("%q: want one value a line", strings.Join(words, " "))
	case len(t.Counts)+len(t.Times) == MaxTrace:
		return fmt.Errorf("a trace has at most %d lines", MaxTrace)
	case t.Every > 0:
		n, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil || n < 0 || n > second {
			return fmt.Errorf("%q: want how many records, from 0 to %d", words[0], second)
		}
		t.Counts = append(t.Counts, n)
		return nil
	}
	at, err := time.ParseDuration(words[0])
	if err != nil || at < 0 || at > MaxTraceTime {
		return fmt.Errorf("%q: want a time since the start with its unit, such as 12.5ms, up to %v", words[0], MaxTraceTime)
	}
	if n := len(t.Times); n > 0 && t.Times[n-1] > at {
		return fmt.Errorf("%s is before %v, which stands above it", words[0], t.Times[n-1])
	}
	t.Times = append(t.Times, at)
	return nil
}

// trace is where the arrivals of a [Trace] are.
type trace struct {
	i int
	k int64 // records of interval i so far
}

func (x *trace) next(t *Trace, from machine.Instant) machine.Instant {
	if t == nil {
		return machine.Never
	}
	if t.Every == 0 {
		if x.i == len(t.Times) {
			return machine.Never
		}
		x.i++
		return from.Add(t.Times[x.i-1])
	}
	for x.i < len(t.Counts) && x.k == t.Counts[x.i] {
		x.i, x.k = x.i+1, 0
	}
	if x.i == len(t.Counts) || x.i >= int(MaxTraceTime/t.Every) {
		return machine.Never
	}
	at := time.Duration(x.i)*t.Every + time.Duration(mulDiv(uint64(t.Every), uint64(x.k), uint64(t.Counts[x.i])))
	x.k++
	return from.Add(at)
}
