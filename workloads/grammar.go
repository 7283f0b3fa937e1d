package workloads

import (
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/workloads/fields"
)

// The longest times that a file may give a load.
const (
	longest = 24 * time.Hour
	most    = 1 << 40
)

// processes are the words of files for processes.
var processes = []string{"constant", "poisson", "mmpp", "diurnal", "trace", "closed"}

// ReadArrivals reads a process by its name, or with what it needs:
//
//	poisson
//	{process: mmpp, burst: 4, on: 50ms, off: 200ms}
//	{process: diurnal, period: 24h, peak: 2.5}
//	{process: trace, trace: |...}, or {process: trace, file: NAME} if there is a place for it
//	{process: closed, outstanding: 16, think: 5ms, think_dist: exponential}
//
// All but the last two may have phases: [{from: 10s, for: 1m, factor: 5, to: 1}], and
// all but the last batch: {every: 500ms, most: 2048}. The rate is not among it.
func ReadArrivals(p *fields.Reader, a *Arrivals, file *string) fields.Take {
	return func(n ast.Node) {
		name := ""
		if !fields.IsMap(n) {
			p.Word(&name, processes...)(n)
			a.Process = Process(max(slices.Index(processes, name), 0))
			switch a.Process {
			case Constant, Poisson:
			default:
				p.Fail(n, "%s wants more than its name, such as {process: %s}", name, processExample[a.Process])
			}
			return
		}
		name = "constant"
		p.Pairs(n, "arrivals", func(key string, _, value ast.Node) {
			if key == "process" {
				p.Word(&name, processes...)(value)
			}
		})
		a.Process = Process(max(slices.Index(processes, name), 0))
		known := arrivalFields(p, a, file)
		known["process"] = func(ast.Node) {}
		p.Fields(n, "arrivals of process "+name, known)
		if why := a.incomplete(file); why != "" {
			p.Fail(n, "process %s: %s", name, why)
		}
	}
}

var processExample = [...]string{
	Bursty: "mmpp, burst: 4, on: 50ms, off: 200ms", Diurnal: "diurnal, period: 24h, peak: 2",
	Traced: "trace, trace: |...", Closed: "closed, outstanding: 16, think: 5ms",
}

// arrivalFields are the fields of a process.
func arrivalFields(p *fields.Reader, a *Arrivals, file *string) fields.Fields {
	known := fields.Fields{}
	switch a.Process {
	case Bursty:
		known["burst"] = permille(p, &a.Bursts.Factor, 1001, 1_000_000)
		known["on"] = p.Duration(&a.Bursts.On, MinStay, longest)
		known["off"] = p.Duration(&a.Bursts.Off, MinStay, longest)
	case Diurnal:
		known["period"] = p.Duration(&a.Day.Period, 24*MinStay, 7*longest)
		known["peak"] = permille(p, &a.Day.Peak, 1000, int64(MaxPeak))
	case Traced:
		known["trace"] = p.Block(func(text string, line int) {
			trace, at, err := parseTrace(text)
			if err != nil {
				p.FailAt(line+at, err)
			}
			a.Trace = trace
		}, "the lines of a trace: trace: |")
		if file != nil {
			known["file"] = p.Text(file)
		}
	case Closed:
		dist := ""
		known["outstanding"] = p.Number(func(n int64) { a.Loop.Outstanding = n }, 1, 100_000)
		known["think"] = p.Duration(&a.Loop.Think, 0, longest)
		known["think_dist"] = fields.Both(p.Word(&dist, "fixed", "exponential"), func(ast.Node) { a.Loop.Exponential = dist == "exponential" })
	}
	if a.Process < Traced {
		known["phases"] = p.Each(func(n ast.Node) { a.Envelope = append(a.Envelope, readPhase(p, n)) })
	}
	if a.Process != Closed {
		known["batch"] = func(n ast.Node) {
			p.Fields(n, "batch", fields.Fields{
				"every": p.Duration(&a.Batch.Every, time.Millisecond, longest),
				"most":  p.Number(func(n int64) { a.Batch.Most = n }, 1, most),
			})
			if a.Batch.Every == 0 {
				p.Fail(n, "batch: every is missing")
			}
		}
	}
	return known
}

func readPhase(p *fields.Reader, n ast.Node) Phase {
	x := Phase{Factor: 1000}
	p.Fields(n, "a phase", fields.Fields{
		"from":   p.Duration(&x.From, 0, longest),
		"for":    p.Duration(&x.For, time.Millisecond, longest),
		"factor": permille(p, &x.Factor, 0, 1_000_000),
		"to":     permille(p, &x.To, 1, 1_000_000),
	})
	if x.To > 0 && x.For == 0 {
		p.Fail(n, "a phase with to is a ramp: for is missing")
	}
	return x
}

// incomplete is what a process lacks, or "".
func (a *Arrivals) incomplete(file *string) string {
	b := a.Bursts
	switch {
	case a.Process == Bursty && (b.Factor == 0 || b.On == 0 || b.Off == 0):
		return "want burst, on and off"
	case a.Process == Bursty && int64(b.Factor)*b.On.Microseconds() > 1000*(b.On+b.Off).Microseconds():
		return fmt.Sprintf("bursts alone would be more than the mean: burst is at most (on+off)/on, here %v/%v", b.On+b.Off, b.On)
	case a.Process == Diurnal && (a.Day.Period == 0 || a.Day.Peak == 0):
		return "want period and peak"
	case a.Process == Traced && (a.Trace == nil) == (file == nil || *file == ""):
		if file != nil {
			return "want either trace or file"
		}
		return "want trace"
	case a.Process == Closed && a.Loop.Outstanding == 0:
		return "outstanding is missing"
	}
	return ""
}

func permille(p *fields.Reader, to *Permille, least, most int64) fields.Take {
	return p.Thousandths(func(n int64) { *to = Permille(n) }, least, most)
}

// keyDists are the words of files for distributions of keys.
var keyDists = []string{"none", "uniform", "zipf", "hotspot", "sequential", "lifecycle"}

// ReadKeys reads how many uniform keys there are, or a distribution with what it needs:
//
//	40
//	{dist: zipf, cardinality: 1_000_000, theta: 0.99}
//	{dist: hotspot, cardinality: 300, hot_keys: 0.05, hot_share: 0.5}
//	{dist: uniform, cardinality: 40, keyless: 0.25}
//	{dist: lifecycle, stages: 3, open: 8}
//
// Without dist what else is there says which it is.
func ReadKeys(p *fields.Reader, k *Keys) fields.Take {
	return func(n ast.Node) {
		if !fields.IsMap(n) {
			p.Number(func(n int64) { *k = UniformKeys(n) }, 0, MaxKeys)(n)
			return
		}
		dist := ""
		*k = Keys{}
		p.Fields(n, "keys", fields.Fields{
			"dist":        p.Word(&dist, keyDists...),
			"cardinality": p.Number(func(n int64) { k.Cardinality = n }, 1, MaxKeys),
			"theta":       permille(p, &k.Theta, 0, int64(MaxTheta)),
			"hot_keys":    permille(p, &k.HotKeys, 1, 1000),
			"hot_share":   permille(p, &k.HotShare, 0, 1000),
			"keyless":     permille(p, &k.Keyless, 0, 1000),
			"stages":      p.Number(func(n int64) { k.Stages = n }, 1, 1000),
			"open":        p.Number(func(n int64) { k.Open = n }, 1, 1_000_000),
		})
		if dist == "" {
			dist = k.likely()
		}
		k.Dist = KeyDist(max(slices.Index(keyDists, dist), 0))
		if why := k.unfit(dist); why != "" {
			p.Fail(n, "keys: %s", why)
		}
	}
}

// likely is the distribution that has the fields which are there.
func (k *Keys) likely() string {
	switch {
	case k.Theta > 0:
		return "zipf"
	case k.HotKeys > 0 || k.HotShare > 0:
		return "hotspot"
	case k.Stages > 0 || k.Open > 0:
		return "lifecycle"
	case k.Cardinality > 0:
		return "uniform"
	}
	return "none"
}

// UniformKeys are n keys, each as often as any other; none if n is 0.
func UniformKeys(n int64) Keys {
	if n == 0 {
		return Keys{}
	}
	return Keys{Dist: Uniform, Cardinality: n}
}

// unfit is what a distribution of keys lacks, or has that is nothing to it, or "".
func (k *Keys) unfit(dist string) string {
	for _, f := range []struct {
		name  string
		there bool
		of    []KeyDist // that must have it
	}{
		{"cardinality", k.Cardinality > 0, []KeyDist{Uniform, Zipf, Hotspot, Sequential}},
		{"theta", k.Theta > 0, []KeyDist{Zipf}},
		{"hot_keys", k.HotKeys > 0, []KeyDist{Hotspot}},
		{"hot_share", k.HotShare > 0, []KeyDist{Hotspot}},
		{"stages", k.Stages > 0, []KeyDist{Lifecycle}},
		{"open", k.Open > 0, []KeyDist{Lifecycle}},
	} {
		switch must := slices.Contains(f.of, k.Dist); {
		case f.there && !must:
			return fmt.Sprintf("%s is nothing to dist %s", f.name, dist)
		case must && !f.there:
			return fmt.Sprintf("dist %s wants %s", dist, f.name)
		}
	}
	return ""
}

// sizeDists are the words of files for distributions of sizes.
var sizeDists = []string{"fixed", "lognormal", "empirical"}

// ReadSizes reads a distribution of sizes, none of them above the largest:
//
//	{dist: fixed, bytes: 256}
//	{dist: lognormal, median: 400, p99: 4000, most: 100_000}
//	{dist: empirical, points: [{bytes: 100, weight: 9}, {bytes: 2000, weight: 1}]}
//
// dist may be left out.
func ReadSizes(p *fields.Reader, s *Sizes, largest int64) fields.Take {
	return func(n ast.Node) {
		dist := ""
		*s = Sizes{Most: largest}
		p.Fields(n, "sizes", fields.Fields{
			"dist":   p.Word(&dist, sizeDists...),
			"bytes":  p.Number(func(n int64) { s.Bytes = n }, 1, largest),
			"median": p.Number(func(n int64) { s.Median = n }, 1, largest),
			"p99":    p.Number(func(n int64) { s.P99 = n }, 1, largest),
			"most":   p.Number(func(n int64) { s.Most = n }, 1, largest),
			"points": p.Each(func(n ast.Node) { s.Points = append(s.Points, readPoint(p, n, largest)) }),
		})
		switch {
		case s.Median > 0 || s.P99 > 0:
			s.Dist = Lognormal
		case len(s.Points) > 0:
			s.Dist = Empirical
		}
		switch {
		case dist != "" && dist != sizeDists[s.Dist], (s.Bytes > 0) != (s.Dist == FixedSize), s.Dist != Empirical && len(s.Points) > 0:
			p.Fail(n, "sizes: want bytes for fixed, median and p99 for lognormal, or points for empirical")
		case s.Dist == Lognormal && (s.Median == 0 || s.P99 < s.Median):
			p.Fail(n, "sizes: want a median and a p99 that is no smaller")
		}
	}
}

func readPoint(p *fields.Reader, n ast.Node, largest int64) SizePoint {
	var x SizePoint
	p.Fields(n, "a point", fields.Fields{
		"bytes":  p.Number(func(n int64) { x.Bytes = n }, 1, largest),
		"weight": p.Number(func(n int64) { x.Weight = n }, 1, most),
	})
	if x.Bytes == 0 || x.Weight == 0 {
		p.Fail(n, "a point: want bytes and weight")
	}
	return x
}
