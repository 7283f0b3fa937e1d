package checker

import (
	"errors"
	"fmt"
	"io"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// Judge reads a history from anywhere and returns what it came to. stated
// names properties that it is held to beyond its own promise. The sinks in
// also see every event: a checker/measure fills in what Judge leaves out, the
// latencies and unavailability.
//
// A history of no events, or no history at all, is vacuous. Text that is no
// history is an error with its line.
func Judge(src io.Reader, stated []string, also ...history.Sink) (result.Result, error) {
	res := result.Result{V: result.Version, Seed: "0x0", Faults: []string{}, Reached: map[string]int64{}}
	h := &history.Header{}
	rd, err := history.NewReader(src)
	switch {
	case err == nil:
		h = rd.Header
	case !errors.Is(err, io.EOF):
		return res, err
	}
	if len(stated) > 0 {
		if h.Promise.From != Stated {
			// What the settings promise is added in any case.
			h.Promise = history.Promise{From: Stated}
		}
		h.Promise.Properties = append(h.Promise.Properties, stated...)
	}
	c := New(h)
	if rd != nil {
		seen := &scenery{res: &res}
		if err := rd.Each(append([]history.Sink{c, seen}, also...)...); err != nil {
			return res, err
		}
		res.Seed = fmt.Sprintf("0x%x", h.Seed)
	}
	v := c.Finish()
	v.Fill(&res)
	res.Events = v.Events
	return res, nil
}

// scenery is what a result says of a run beside the verdict.
type scenery struct{ res *result.Result }

func (s *scenery) Event(e *history.Event) {
	s.res.VirtualNS = e.T
	if e.E == history.Note && e.F == history.Fault {
		s.res.Faults = append(s.res.Faults, e.Why)
	}
}
