package sim

import (
	"container/heap"
	"fmt"
	"slices"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// What most people write first: a container/heap of pointers to events that are
// closures. The benchmarks below run it beside ours, in one process, and report
// how many times faster ours is.
type closureEvent struct {
	at  machine.Instant
	seq uint64
	f   func()
}

type closureHeap []*closureEvent

func (h closureHeap) Len() int { return len(h) }
func (h closureHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h closureHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *closureHeap) Push(x any)   { *h = append(*h, x.(*closureEvent)) }
func (h *closureHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}

type closureLoop struct {
	h   closureHeap
	now machine.Instant
	seq uint64
}

func (l *closureLoop) at(t machine.Instant, f func()) {
	l.seq++
	heap.Push(&l.h, &closureEvent{t, l.seq, f})
}

func (l *closureLoop) step() {
	e := heap.Pop(&l.h).(*closureEvent)
	l.now = e.at
	e.f()
}

// inFlight is how many frames are under way in the benchmark of the kernel.
const inFlight = 2000

// later is a delay from 50 us to 5 ms.
func later(x *uint64) time.Duration {
	*x += 0x9e3779b97f4a7c15
	return time.Duration(50_000 + machine.Draw(*x).N(4_950_000))
}

// BenchmarkQueue takes the earliest of so many events and puts a later one in.
func BenchmarkQueue(b *testing.B) {
	for _, n := range []int{100, 2000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkQueue(b, n) })
	}
}

func benchmarkQueue(b *testing.B, pending int) {
	var q queue
	x := uint64(1)
	for range pending {
		q.push(event{at: machine.Instant(later(&x))})
	}
	var sum machine.Instant
	for range 200_000 { // its memory has grown to what it needs
		e, _ := q.pop(machine.Never)
		q.push(event{at: e.at.Add(later(&x))})
	}
	b.ReportAllocs()
	for b.Loop() {
		e, _ := q.pop(machine.Never)
		sum += e.at
		e.at = e.at.Add(later(&x))
		q.push(e)
	}
	compare(b, func(n int) time.Duration {
		var l closureLoop
		x := uint64(1)
		var again func()
		again = func() {
			at := l.now.Add(later(&x))
			l.at(at, func() { sum += at; again() })
		}
		for range pending {
			again()
		}
		return timed(func() {
			for range n {
				l.step()
			}
		})
	})
	if sum == 0 {
		b.Fatal("nothing was taken")
	}
}

// compare reports how many times longer the other takes for as many steps.
func compare(b *testing.B, other func(n int) time.Duration) {
	b.StopTimer()
	ours := float64(b.Elapsed()) / float64(b.N)
	n := max(min(b.N, 2_000_000), 100_000)
	theirs := float64(other(n)) / float64(n)
	b.ReportMetric(theirs, "closures-ns/op")
	b.ReportMetric(theirs/ours, "x")
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

const benchNodes = 16

// juggler keeps frames in the air: each one that comes goes on to somebody.
type juggler struct {
	peers  []string
	conns  []machine.ConnID
	frames []machine.Bytes
	state  uint64
	n      uint64
	id     uint64
}

func (j *juggler) Step(_ machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		for _, p := range j.peers {
			out.Dial(p, 1)
		}
	case machine.Opened, machine.Accepted:
		j.conns = append(j.conns, in.Conn)
	case machine.Tick:
		j.n = 1
		for range inFlight / benchNodes {
			j.throw(out)
		}
	case machine.Received:
		j.throw(out)
	}
}

func (j *juggler) throw(out *machine.Effects) {
	j.state = uint64(machine.Draw(j.state).With(j.n))
	j.n++
	out.Send(j.conns[j.state%uint64(len(j.conns))], j.frames[j.n%uint64(len(j.frames))], machine.Ident{Class: 1, Key: j.n % 256})
}

func (j *juggler) Deadline() machine.Instant {
	if j.n > 0 {
		return machine.Never
	}
	return 100 * ms
}

func newJuggler(i int) *juggler {
	j := &juggler{id: uint64(i), state: uint64(i)}
	for k := i + 1; k < benchNodes; k++ {
		j.peers = append(j.peers, nameOf(k)+":1")
	}
	for k := range 16 {
		j.frames = append(j.frames, frame(uint64(k), 64))
	}
	return j
}

func nameOf(i int) string { return string(rune('a' + i)) }

// BenchmarkKernel delivers a frame of 64 bytes to a machine that sends another:
// latency by identity, order of connections, trace hash and all. The other loop
// does the same with closures and maps.
func BenchmarkKernel(b *testing.B) {
	s := juggling(Hardware{})
	before := s.Frames()
	b.ReportAllocs()
	for b.Loop() {
		s.Step()
	}
	if got := s.Frames() - before; got < int64(b.N)*99/100 {
		b.Fatalf("%d frames in %d steps", got, b.N)
	}
	compare(b, closureKernel)
}

// BenchmarkKernelWithHardware is BenchmarkKernel on nodes with interfaces, prices and
// accounts, and reports how many times longer an event takes.
func BenchmarkKernelWithHardware(b *testing.B) {
	for _, row := range []struct {
		name string
		h    Hardware
	}{
		{"interfaces", Hardware{NIC: NIC{BytesPerSecond: 1 << 30}}},
		{"all", Hardware{
			NIC: NIC{BytesPerSecond: 1 << 30, Burst: 1 << 31, Credits: 1 << 30}, PageCache: 1 << 30,
			Disk: Disk{Write: 1 << 28}, GC: Interference{Every: 5 * time.Second, For: LogNormal(15*time.Millisecond, 60*time.Millisecond)},
		}},
	} {
		b.Run(row.name, func(b *testing.B) {
			s, plain := juggling(row.h), juggling(Hardware{})
			b.ReportAllocs()
			for b.Loop() {
				s.deliver(1)
			}
			b.StopTimer()
			ratios := make([]float64, 101) // in turns: what else the computer does hits both
			for i := range ratios {
				ours := timed(func() { s.deliver(10_000) })
				ratios[i] = float64(ours) / float64(timed(func() { plain.deliver(10_000) }))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "times-as-long")
		})
	}
}

// deliver runs a world until n more frames were taken.
func (s *Sim) deliver(n int64) {
	for until := s.Frames() + n; s.Frames() < until; {
		s.Step()
	}
}

// juggling is a world of jugglers that has warmed up.
func juggling(h Hardware) *Sim {
	s := New(Config{Seed: 1})
	for i := range benchNodes {
		s.Add(NodeConfig{Name: nameOf(i), ID: uint32(i + 1), Listeners: []string{nameOf(i) + ":1"}, Hardware: h, Boot: func() machine.Machine { return newJuggler(i) }})
	}
	s.Run(110 * ms)
	for range 500_000 {
		s.Step()
	}
	return s
}

// closureKernel delivers n frames to jugglers.
func closureKernel(n int) time.Duration {
	type pair struct{ from, to int }
	type identity struct {
		pair
		machine.Ident
	}
	var l closureLoop
	var hash uint64
	table := Datacenter()
	jugglers := make([]*juggler, benchNodes)
	seen := make(map[identity]uint32)
	last := make(map[pair]machine.Instant)
	var deliver func(to int, in *machine.Input)
	send := func(from int, x machine.Effect) {
		to := int(x.Conn) - 1
		p := pair{from, to}
		id := identity{p, x.Ident}
		d := machine.NewDraw(1, "latency").With(uint64(from)).With(uint64(to)).With(uint64(x.Ident.Class)).With(x.Ident.Key).With(uint64(seen[id]))
		seen[id]++
		at := max(last[p], l.now.Add(table.Of(d)))
		last[p] = at
		l.at(at, func() {
			deliver(to, &machine.Input{Kind: machine.Received, Conn: machine.ConnID(from + 1), Frame: x.Frame})
		})
	}
	deliver = func(to int, in *machine.Input) {
		hash = fold(hash, uint64(l.now))
		hash = fold(hash, uint64(in.Kind)<<56|uint64(to))
		hash = fold(hash, uint64(in.Conn))
		hash = fold(hash, uint64(in.Frame.Len()))
		hash = fold(hash, in.Frame.Digest())
		var out machine.Effects
		jugglers[to].Step(machine.Now{Mono: l.now, Wall: l.now}, in, &out)
		for _, x := range out.List {
			send(to, x)
		}
	}
	for i := range jugglers {
		jugglers[i] = newJuggler(i)
		for k := range benchNodes {
			if k != i {
				jugglers[i].conns = append(jugglers[i].conns, machine.ConnID(k+1))
			}
		}
	}
	for i := range jugglers {
		deliver(i, &machine.Input{Kind: machine.Tick})
	}
	for range 500_000 {
		l.step()
	}
	return timed(func() {
		for range n {
			l.step()
		}
	})
}
