package measure

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

const ms = int64(time.Millisecond)

type run struct {
	m  *Measure
	id int64
}

func (r *run) send(t, due int64, tp history.TP, value int64) int64 {
	r.id++
	r.m.Event(&history.Event{T: t, Due: due, E: history.Inv, F: history.Send, ID: r.id,
		Sends: []history.Sent{{TP: tp, Value: value, Offset: history.None}}})
	return r.id
}

func (r *run) end(t int64, e history.Kind, id int64, tp history.TP, value, off int64) {
	r.m.Event(&history.Event{T: t, E: e, F: history.Send, ID: id,
		Sends: []history.Sent{{TP: tp, Value: value, Offset: off}}})
}

func (r *run) read(t int64, f history.Func, p int32, off, value int64) {
	r.m.Event(&history.Event{T: t, E: history.OK, F: f, P: p,
		Runs: []history.Run{{TP: 0, Records: []history.Record{{Offset: off, Value: value}}}}})
}

func TestLatencyCountsFromDue(t *testing.T) {
	r := &run{m: New(0)}
	id := r.send(50*ms, 10*ms, 0, 1) // 40 ms late already
	r.end(60*ms, history.OK, id, 0, 1, 0)
	r.read(80*ms, history.Poll, 7, 0, 1)
	r.read(110*ms, history.Process, 7, 0, 1)
	r.read(210*ms, history.Process, 7, 0, 1) // again: no second sample
	s := r.m.Finish()
	near := func(what string, got, want int64) {
		if got < want || got > want+want/500 {
			t.Errorf("%s is %d µs, want %d and at most 0.2 %% more", what, got, want)
		}
	}
	near("ack", s.Latencies.Ack.P50, 50_000)
	near("end to end", s.Latencies.E2E.P999, 100_000)
	if s.Latencies.E2E.N != 1 || s.Processed != 2 || s.Polled != 1 {
		t.Errorf("%+v", s)
	}
}

func TestEndToEndIsToPollWithoutProcessing(t *testing.T) {
	r := &run{m: New(0)}
	r.end(1, history.OK, r.send(0, 0, 0, 1), 0, 1, 0)
	r.read(3*ms, history.Poll, 7, 0, 1)
	r.read(5*ms, history.Poll, 8, 0, 1)
	if s := r.m.Finish(); s.Latencies.E2E.N != 2 || s.Latencies.E2E.P50 < 3000 || s.Latencies.E2E.P99 < 5000 {
		t.Errorf("%+v", s.Latencies.E2E)
	}
}

func TestUnavailable(t *testing.T) {
	for name, x := range map[string]struct { // unordered: each case stands alone
		run  func(r *run)
		want int64 // ms
	}{
		"healthy": {func(r *run) {
			for i := range int64(50) {
				r.end((10*i+5)*ms, history.OK, r.send(10*i*ms, 10*i*ms, 0, i), 0, i, i)
			}
		}, 0},
		"idle is not unavailable": {func(r *run) {
			r.end(1*ms, history.OK, r.send(0, 0, 0, 1), 0, 1, 0)
			r.end(901*ms, history.OK, r.send(900*ms, 0, 0, 2), 0, 2, 1)
		}, 0},
		"a stall counts whole": {func(r *run) {
			r.end(410*ms, history.OK, r.send(10*ms, 10*ms, 0, 1), 0, 1, 0)
		}, 400},
		"from the last ack when others wait": {func(r *run) {
			a, b := r.send(0, 0, 0, 1), r.send(1*ms, 1*ms, 0, 2)
			r.end(50*ms, history.OK, a, 0, 1, 0)
			r.end(350*ms, history.OK, b, 0, 2, 1)
		}, 300},
		"failures do not end it": {func(r *run) {
			r.end(90*ms, history.Info, r.send(0, 0, 0, 1), 0, 1, history.None)
			r.end(180*ms, history.Fail, r.send(95*ms, 95*ms, 0, 2), 0, 2, history.None)
			r.end(200*ms, history.OK, r.send(190*ms, 190*ms, 0, 3), 0, 3, 0)
		}, 200},
		"never acknowledged": {func(r *run) {
			r.send(0, 0, 0, 1)
			r.end(700*ms, history.OK, r.send(699*ms, 699*ms, 1, 2), 1, 2, 0)
		}, 700},
		"given up at the end": {func(r *run) {
			r.end(300*ms, history.Info, r.send(0, 0, 0, 1), 0, 1, history.None)
			r.end(900*ms, history.OK, r.send(899*ms, 899*ms, 1, 2), 1, 2, 0)
		}, 300},
		"partitions overlap": {func(r *run) {
			a, b := r.send(0, 0, 0, 1), r.send(100*ms, 100*ms, 1, 2)
			r.end(300*ms, history.OK, a, 0, 1, 0)
			r.end(400*ms, history.OK, b, 1, 2, 0)
		}, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{m: New(0)}
			x.run(r)
			s := r.m.Finish()
			var res result.Result
			s.Fill(&res)
			if got := res.Ledger.UnavailableUS; got != x.want*1000 {
				t.Errorf("unavailable for %d µs, want %d", got, x.want*1000)
			}
		})
	}
}

// The quantiles are those of a sorted list, within the histogram's 0.1 %.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.SliceOfN(rapid.Int64Range(1, 3_000_000), 1, 300).Draw(t, "us")
		r := &run{m: New(0)}
		for i, x := range us {
			r.end(x*1000, history.OK, r.send(0, 0, 0, int64(i)), 0, int64(i), int64(i))
		}
		got := r.m.Finish().Latencies.Ack
		sorted := append([]int64(nil), us...)
		for i := range sorted {
			for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
				sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
			}
		}
		n := int64(len(sorted))
		for _, q := range []struct{ mille, got int64 }{{500, got.P50}, {990, got.P99}, {999, got.P999}} {
			want := sorted[(n*q.mille+999)/1000-1]
			if q.got < want || q.got > want+want/500+1 {
				t.Fatalf("quantile %d/1000 of %v is %d, want %d", q.mille, sorted, q.got, want)
			}
		}
		if got.N != n {
			t.Fatalf("n = %d of %d", got.N, n)
		}
	})
}

func TestThroughput(t *testing.T) {
	r := &run{m: New(0)}
	for i := range int64(101) {
		r.end((10*i)*ms, history.OK, r.send(10*i*ms, 0, 0, i), 0, i, i)
	}
	s := r.m.Finish()
	if got := s.AckedPerSecond(); got != 101 {
		t.Errorf("%d a second, want 101 in one second", got)
	}
}
