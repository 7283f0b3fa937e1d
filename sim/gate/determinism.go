package gate

import (
	"bytes"
	"errors"
	"io"
	"reflect"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Runner makes one run; [scenario.Run] is one.
type Runner func(scenario.Case) result.Result

// lockstepTries is how often two fresh runs are stepped side by side: what
// differs by chance may be alike once.
const lockstepTries = 8

// compare says how two runs of one case differ, or nil. Where in the run it is
// that they part is found with fresh runs, since a difference that comes from an
// order of a map is another one every time.
func compare(run Runner, c scenario.Case, a, b *result.Result) *result.Difference {
	if reflect.DeepEqual(a, b) {
		return nil
	}
	d := &result.Difference{Scenario: a.Scenario, Seed: a.Seed, Hashes: [2]string{a.TraceHash, b.TraceHash}}
	for range lockstepTries {
		if line, lines, found := lockstep(run, c); found {
			d.Line, d.Lines = line, lines
			break
		}
	}
	return d
}

// lockstep makes two fresh runs of a case side by side and returns the first line
// in which their traces differ. Neither gets further ahead than [stride] lines.
func lockstep(run Runner, c scenario.Case) (line int64, lines [2]string, found bool) {
	enough := make(chan struct{})
	x, y := startTrace(run, c, enough), startTrace(run, c, enough)
	defer func() {
		close(enough)
		drain(x)
		drain(y)
	}()
	for line = 1; ; line++ {
		a, moreA := <-x
		b, moreB := <-y
		switch {
		case !moreA && !moreB:
			return 0, lines, false
		case !moreA:
			a = ended
		case !moreB:
			b = ended
		}
		if a != b {
			return line, [2]string{a, b}, true
		}
	}
}

const (
	stride = 64
	ended  = "(the run has ended)"
)

func drain(lines <-chan string) {
	for range lines { // until its run has ended: nothing of it may outlive the check
	}
}

// startTrace starts a run that sends each line of its trace. A panic of the run
// ends it.
func startTrace(run Runner, c scenario.Case, enough <-chan struct{}) <-chan string {
	lines := make(chan string, stride)
	go func() {
		defer close(lines)
		defer func() { _ = recover() }() // the run before has told of it
		t := &traceLines{lines: lines, enough: enough}
		c.History, c.Trace = nil, t
		run(c)
	}()
	return lines
}

// traceLines is a writer that sends whole lines.
type traceLines struct {
	lines  chan<- string
	enough <-chan struct{}
	rest   []byte
}

var _ io.Writer = (*traceLines)(nil)

var errEnough = errors.New("nobody reads on")

func (t *traceLines) Write(b []byte) (int, error) {
	t.rest = append(t.rest, b...)
	for {
		line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		select {
		case t.lines <- string(line):
		case <-t.enough:
			return 0, errEnough
		}
		t.rest = rest
	}
}
