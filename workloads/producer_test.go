package workloads

import (
	"slices"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"

	"pgregory.net/rapid"
)

func (d *double) newProducer(life int, a Arrivals, until time.Duration, s config.Producer) *Producer {
	return NewProducer(ProducerConfig{ID: 1001, Name: "p1", Life: uint32(life), Seed: 1, Bootstrap: []string{"b1:9092"}, Settings: s,
		Topic: "t", Parts: int32(len(d.logs)), Arrivals: a, Keys: Keys{Dist: Uniform, Cardinality: 10}, Sizes: Sizes{Bytes: 40}, From: machine.Instant(10 * time.Millisecond),
		Until: machine.Instant(until), Recorder: d.rec, TPs: d.tps})
}

// sendsOf are the invocations and the completions of records, by id.
func sendsOf(t *testing.T, d *double) (invs []history.Event, ends map[int64]history.Event) {
	ends = map[int64]history.Event{}
	for _, e := range d.events {
		if e.F != history.Send {
			continue
		}
		if e.E == history.Inv {
			invs = append(invs, e)
			continue
		}
		if _, twice := ends[e.ID]; twice {
			t.Fatalf("record %d ended twice", e.ID)
		}
		ends[e.ID] = e
	}
	return invs, ends
}

// Records are due when they are due. While no broker takes them they wait, in their
// order, and their latency counts from there.
func TestProducerIsOpenLoop(t *testing.T) {
	d := newDouble(t, 2)
	d.down = true
	p := d.newProducer(0, Arrivals{PerSecond: 1000}, 100*time.Millisecond, config.DefaultProducer())
	d.start(p)
	d.run(machine.Instant(60*time.Millisecond), func() bool { return false })
	if p.Pending() != 51 || p.Done() {
		t.Fatalf("%d records are pending after 50 ms", p.Pending())
	}
	d.down = false
	d.run(machine.Instant(10*time.Second), p.Done)
	invs, ends := sendsOf(t, d)
	if len(invs) != 90 || len(ends) != 90 || p.Pending() != 0 {
		t.Fatalf("%d records were sent, %d have ended; want 90", len(invs), len(ends))
	}
	for i, e := range invs {
		if want := int64(10+i) * int64(time.Millisecond); e.Due != want || e.T < want {
			t.Fatalf("record %d is due at %d and sent at %d, want %d", i, e.Due, e.T, want)
		}
		end := ends[e.ID]
		if end.E != history.OK || end.Sends[0].Offset < 0 || end.Sends[0].Value != e.Sends[0].Value || end.Sends[0].TP != e.Sends[0].TP || end.PID != 1 {
			t.Fatalf("%+v ended as %+v", e, end)
		}
		if e.Sends[0].Value != 1001*valuesOfProcess+int64(i) || e.Sends[0].Key < 0 || e.Sends[0].Key >= 10 {
			t.Fatalf("record %d is %+v", i, e.Sends[0])
		}
	}
	if late := invs[0].T - invs[0].Due; late < int64(40*time.Millisecond) {
		t.Errorf("the first record left %d ns after it was due, though no broker was there", late)
	}
	// What the log holds is what was sent, where it was said to be.
	opOf := map[int64]int64{}
	for _, e := range invs {
		opOf[e.Sends[0].Value] = e.ID
	}
	for n, log := range d.logs {
		for _, b := range log {
			h, _ := wire.ReadBatch(b)
			err := wire.EachRecord(b, func(r *wire.Record) error {
				id, key, err := readValue(r.Value, r.Key)
				s := ends[opOf[id]].Sends[0]
				if err != nil || s.Key != key || s.TP != history.TP(n) || s.Offset != h.BaseOffset+int64(r.OffsetDelta) || s.Seq != h.BaseSequence+r.OffsetDelta {
					t.Errorf("record %d, key %d, at %d of partition %d: %v; ended as %+v", id, key, h.BaseOffset+int64(r.OffsetDelta), n, err, s)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Poisson arrivals come at their own times, whatever becomes of those before, and
// differ from life to life.
func TestProducerPoissonArrivals(t *testing.T) {
	var dues [3][]int64
	for i := range dues {
		d := newDouble(t, 1)
		d.down = i == 1 // for good
		life := i / 2
		s := config.DefaultProducer()
		s.DeliveryTimeout, s.RequestTimeout = 100*time.Millisecond, 50*time.Millisecond
		p := d.newProducer(life, Arrivals{PerSecond: 1000, Process: Poisson}, time.Second, s)
		d.start(p)
		d.run(machine.Instant(20*time.Second), p.Done)
		invs, ends := sendsOf(t, d)
		for _, e := range invs {
			dues[i] = append(dues[i], e.Due)
			end := ends[e.ID]
			if i == 1 && (end.E != history.Fail || end.T-e.Due != int64(100*time.Millisecond) || end.Why == "" || end.Sends[0].Err == "" || end.Sends[0].Offset != history.None) {
				t.Fatalf("%+v ended as %+v", e, end)
			}
		}
		first := d.events[0]
		if life == 1 && (first.F != history.Crash || first.P != 1001 || invs[0].P != 11001) {
			t.Errorf("the second life begins with %+v and is process %d", first, invs[0].P)
		}
	}
	if !slices.Equal(dues[0], dues[1]) {
		t.Error("arrivals depend on what becomes of the records")
	}
	if slices.Equal(dues[0], dues[2]) {
		t.Error("the second life repeats the arrivals of the first")
	}
	if n := len(dues[0]); n < 850 || n > 1130 || !slices.IsSorted(dues[0]) {
		t.Errorf("%d records were due in 990 ms, want about 990", n)
	}
}

// What was sent and never answered may be in the log, and here it is: its end is
// unknown, never a failure.
func TestProducerUnknown(t *testing.T) {
	d := newDouble(t, 1)
	d.mute = true
	s := config.DefaultProducer()
	s.DeliveryTimeout, s.RequestTimeout = 200*time.Millisecond, 100*time.Millisecond
	p := d.newProducer(0, Arrivals{PerSecond: 100}, 50*time.Millisecond, s)
	d.start(p)
	d.run(machine.Instant(5*time.Second), p.Done)
	invs, ends := sendsOf(t, d)
	if len(invs) != 4 || !p.Done() || d.ends[0] == 0 {
		t.Fatalf("%d records were sent, %d are in the log", len(invs), d.ends[0])
	}
	unknown := 0
	for _, e := range invs {
		end := ends[e.ID]
		if end.E == history.Info {
			unknown++
		}
		if end.E == history.OK || end.E == history.Info && (end.Sends[0].Err == "" || end.Sends[0].Offset != history.None) {
			t.Fatalf("%+v ended as %+v", e, end)
		}
	}
	if unknown == 0 {
		t.Error("nothing is unknown though nothing was answered")
	}
}

// What a client never takes ends as a failure, and holds nobody up.
func TestProducerTooLarge(t *testing.T) {
	d := newDouble(t, 1)
	s := config.DefaultProducer()
	s.MaxRequestSize = 100
	p := d.newProducer(0, Arrivals{PerSecond: 100}, 100*time.Millisecond, s)
	d.start(p)
	d.run(machine.Instant(time.Second), p.Done)
	invs, ends := sendsOf(t, d)
	if len(invs) != 9 || !p.Done() {
		t.Fatalf("%d records were sent", len(invs))
	}
	for _, e := range invs {
		if end := ends[e.ID]; end.E != history.Fail || end.Sends[0].TP != e.Sends[0].TP || end.T != e.Due {
			t.Fatalf("%+v ended as %+v", e, end)
		}
	}
}

// The queue of due times is first in, first out.
func TestWaiting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w waiting
		var want []machine.Instant
		for i := range rapid.IntRange(0, 200).Draw(t, "steps") {
			if len(want) > 0 && rapid.Bool().Draw(t, "drop") {
				w.drop()
				want = want[1:]
			} else {
				w.add(machine.Instant(i))
				want = append(want, machine.Instant(i))
			}
			due, some := w.first()
			if w.len() != len(want) || some != (len(want) > 0) || some && due != want[0] {
				t.Fatalf("%d wait, first %d; want %v", w.len(), due, want)
			}
		}
	})
}

// Rates beyond the clock's resolution do not stop it.
func TestArrivalsAbsurdRates(t *testing.T) {
	for _, perSecond := range []int64{-1, 0, 1 << 40, 1<<63 - 1} {
		for _, process := range []Process{Constant, Poisson, Bursty, Diurnal, Traced, Closed} {
			due := Arrivals{PerSecond: perSecond, Process: process}.Start(0, 1)
			for range 100 {
				due.Next()
			}
			if perSecond > 1 && process < Traced && due.last > 1000 {
				t.Errorf("at %d a second the hundredth record of process %d is due at %d", perSecond, process, due.last)
			}
		}
	}
}
