package sim

import (
	"fmt"
	"math"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// The queues of the hardware against the closed forms of queueing theory: toy
// machines with Poisson arrivals, means of batches, and a tolerance of four standard
// errors of those. A standard error above a tenth of the mean fails, too: it would
// let anything pass.

// source sends frames with exponential gaps, over its connections in turns, so that
// none of them waits for another on the same one.
type source struct {
	gap      *Latency
	draw     machine.Draw
	conns    int
	frame    func(n uint64) machine.Bytes
	to       string
	open     []machine.ConnID
	n        uint64
	deadline machine.Instant
}

func (p *source) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		p.deadline = machine.Never
		for range p.conns {
			out.Dial(p.to, 1)
		}
	case machine.Opened:
		if p.open = append(p.open, in.Conn); len(p.open) == p.conns {
			p.deadline = 1000 * ms
		}
	case machine.Tick:
		out.Send(p.open[p.n%uint64(len(p.open))], p.frame(p.n), machine.Ident{Key: p.n})
		p.n++
		p.deadline = p.deadline.Add(p.gap.Of(p.draw.With(p.n)))
	}
}

func (p *source) Deadline() machine.Instant { return p.deadline }

// server works on each frame for a time, of which the work's records are the
// nanoseconds.
type server struct{ works func(n uint64) time.Duration }

func (m *server) Step(_ machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Received {
		out.Work(machine.Work{Records: int64(m.works(numberOf(in.Frame)))})
	}
}

func (m *server) Deadline() machine.Instant { return machine.Never }

// moments are the mean of a distribution and of its square, of the table itself.
func (l *Latency) moments() (mean, square float64) {
	if len(l.table) == 1 {
		d := float64(l.table[0])
		return d, d * d
	}
	weight := 0.5 / octaveSteps
	for octave := range octaves {
		for step := range octaveSteps {
			a, b := float64(l.table[octave*octaveSteps+step]), float64(l.table[octave*octaveSteps+step+1])
			mean += weight * (a + b) / 2
			square += weight * (a*a + a*b + b*b) / 3
		}
		weight /= 2
	}
	last := float64(l.table[len(l.table)-1])
	rest := math.Ldexp(1, -octaves)
	return mean + rest*last, square + rest*last*last
}

// erlangC is the probability that somebody waits in M/M/c with a load of a servers.
func erlangC(c int, a float64) float64 {
	term, sum := 1.0, 1.0
	for k := 1; k < c; k++ {
		term *= a / float64(k)
		sum += term
	}
	term *= a / float64(c) / (1 - a/float64(c))
	return term / (sum + term)
}

// batches are means of a run, one a batch.
type batches []float64

// against fails unless the mean of all is the theory's within four standard errors.
func (b batches) against(t *testing.T, what string, theory float64) {
	t.Helper()
	var sum, squares float64
	for _, x := range b {
		sum += x
	}
	mean := sum / float64(len(b))
	for _, x := range b {
		squares += (x - mean) * (x - mean)
	}
	err := math.Sqrt(squares / float64(len(b)-1) / float64(len(b)))
	t.Logf("%-44s measured %10.2f  theory %10.2f  %+6.2f %%  (%+.1f standard errors of %.2f)", what, mean, theory, 100*(mean/theory-1), (mean-theory)/err, err)
	if err > theory/10 {
		t.Errorf("%s: a standard error of %.2f says nothing about %.2f", what, err, theory)
	}
	if math.Abs(mean-theory) > 4*err+theory/1000 {
		t.Errorf("%s: measured %.2f, theory says %.2f", what, mean, theory)
	}
}

// measure runs a world for so many batches and returns what each of them gives.
func measure(s *Sim, node string, n int, batch time.Duration, of func(u Usage) float64) (out batches) {
	s.Run(1500 * ms) // it begins at 1 s, and warms up
	before := s.Usage(node)
	for range n {
		s.Run(s.Now().Add(batch))
		u := s.Usage(node)
		out = append(out, of(u.Since(before)))
		before = u
	}
	return out
}

const (
	oracleBatches = 40
	oracleConns   = 512
	oracleMean    = 10 * time.Microsecond // of service
)

func micros(ns float64) float64 { return ns / 1000 }

func waitOf(q Queue) float64 { return micros(float64(q.Waited) / float64(q.Departures)) }

// queueOf is a world of one source and one server of which load is in use.
func queueOf(cores int, load float64, works *Latency) (s *Sim, gap time.Duration) {
	mean, _ := works.moments()
	gap = time.Duration(mean / load / float64(cores))
	s = New(Config{Latency: Fixed(time.Microsecond)})
	s.Add(NodeConfig{Name: "server", ID: 1, Listeners: []string{"server:1"}, Cores: cores,
		Hardware: Hardware{Prices: Prices{Record: 1}},
		Boot: func() machine.Machine {
			draw := machine.NewDraw(7, "service")
			return &server{func(n uint64) time.Duration { return works.Of(draw.With(n)) }}
		}})
	s.Add(NodeConfig{Name: "source", ID: 2, Boot: func() machine.Machine {
		return &source{gap: Exponential(gap), draw: machine.NewDraw(7, "gap"), conns: oracleConns, to: "server:1",
			frame: func(n uint64) machine.Bytes { return frame(n, 8) }}
	}})
	return s, gap
}

// twoPoints is 5 us, and 55 us for one in ten: a service of mean 10 us whose square
// is three and a quarter times that of a fixed one.
func twoPoints() *Latency {
	table := make([]int64, octaves*octaveSteps+1)
	for i := range table {
		table[i] = 5_000
		if i > 3*octaveSteps+octaveSteps*3/4 { // about a tenth
			table[i] = 55_000
		}
	}
	return &Latency{table}
}

// Cores are a queue as theory has it: Poisson arrivals, any service, c servers.
func TestCoreQueueOracles(t *testing.T) {
	for _, row := range []struct {
		what  string
		cores int
		load  float64
		works *Latency
	}{
		{"M/M/1", 1, 0.5, Exponential(oracleMean)},
		{"M/M/1", 1, 0.8, Exponential(oracleMean)},
		{"M/D/1", 1, 0.5, Fixed(oracleMean)},
		{"M/D/1", 1, 0.8, Fixed(oracleMean)},
		{"M/M/3 (Erlang C)", 3, 0.8, Exponential(oracleMean)},
		{"M/M/8 (Erlang C)", 8, 0.7, Exponential(oracleMean)},
		{"M/G/1 log-normal (Pollaczek-Khinchine)", 1, 0.7, LogNormal(5*time.Microsecond, 50*time.Microsecond)},
		{"M/G/1 two points (Pollaczek-Khinchine)", 1, 0.7, twoPoints()},
	} {
		mean, square := row.works.moments()
		s, gap := queueOf(row.cores, row.load, row.works)
		lambda := 1 / float64(gap)
		load := lambda * mean
		theory := lambda * square / 2 / (1 - load)
		if row.cores > 1 {
			theory = erlangC(row.cores, load) * mean / (float64(row.cores) - load)
		}
		waits := measure(s, "server", oracleBatches, 8000*gap, func(u Usage) float64 { return waitOf(u.Cores) })
		waits.against(t, fmt.Sprintf("%s at %.2f: wait in us", row.what, row.load), micros(theory))
		if u := s.Usage("server"); u.Cores.Dropped != 0 || u.Cores.Departures < 300_000 {
			t.Errorf("%s: %d were served and %d dropped", row.what, u.Cores.Departures, u.Cores.Dropped)
		}
	}
}

// Both directions of an interface are M/D/1 with the server shared for frames of one
// length on many connections: a frame stays E[S]/(1-rho), whatever the lengths.
func TestNICQueueOracles(t *testing.T) {
	const (
		rate  = 100_000_000
		bytes = 1000 // and 78 on the wire: 10.78 us
		load  = 0.8
	)
	takes := float64(bytes+78) * 1e9 / rate
	gap := time.Duration(takes / load)
	theory := load * takes / (1 - load)
	for _, out := range []bool{true, false} {
		s := New(Config{Latency: Fixed(time.Microsecond)})
		sends, receives := Hardware{NIC: NIC{BytesPerSecond: rate}}, Hardware{}
		if !out {
			sends, receives = receives, sends
		}
		s.Add(NodeConfig{Name: "server", ID: 1, Listeners: []string{"server:1"}, Hardware: receives,
			Boot: func() machine.Machine { return &server{func(uint64) time.Duration { return 0 }} }})
		s.Add(NodeConfig{Name: "source", ID: 2, Hardware: sends, Boot: func() machine.Machine {
			f := frame(1, bytes)
			return &source{gap: Exponential(gap), draw: machine.NewDraw(9, "gap"), conns: oracleConns, to: "server:1",
				frame: func(uint64) machine.Bytes { return f }}
		}})
		node, what := "source", "NIC out"
		if !out {
			node, what = "server", "NIC in"
		}
		of := func(u Usage) Queue {
			if out {
				return u.NICOut
			}
			return u.NICIn
		}
		waits := measure(s, node, oracleBatches, 8000*gap, func(u Usage) float64 { return waitOf(of(u)) })
		waits.against(t, fmt.Sprintf("M/D/1-PS on %s at %.2f: wait in us", what, load), micros(theory))
		u := of(s.Usage(node))
		if busy := u.BusyPerMillion(s.Now().Sub(1000 * ms)); busy < 790_000 || busy > 810_000 {
			t.Errorf("%s is busy %d millionths of the time, want about %.0f", what, busy, load*1e6)
		}
	}
}
