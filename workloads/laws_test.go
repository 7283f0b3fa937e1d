package workloads

import (
	"math"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// chiSquare fails if what was counted is not what a law says. With a correct draw the
// statistic is around the number of bins less one, with the variance twice that; five
// standard deviations above are reached by about one seed in a million, and the seed is
// fixed: a failure is a change of the law, or of a draw.
func chiSquare(t *testing.T, what string, counted []int64, law []float64) {
	t.Helper()
	total, sum := int64(0), 0.0
	for _, n := range counted {
		total += n
	}
	for _, p := range law {
		sum += p
	}
	statistic := 0.0
	for i, n := range counted {
		want := law[i] / sum * float64(total)
		if want < 8 {
			t.Fatalf("%s: bin %d expects %.1f: too few to say anything", what, i, want)
		}
		statistic += (float64(n) - want) * (float64(n) - want) / want
	}
	free := float64(len(counted) - 1)
	if limit := free + 5*math.Sqrt(2*free) + 5; statistic > limit {
		t.Errorf("%s: chi-square %.1f with %d bins, want below %.1f\ncounted %v", what, statistic, len(counted), limit, counted)
	}
}

func TestPowersAreExact(t *testing.T) {
	for _, x := range []uint64{1, 2, 3, 5, 255, 256, 257, 1000, 65_537, 999_999_937, 1<<40 + 12345, math.MaxUint64} {
		if got, want := float64(log2(x))/logUnit, math.Log2(float64(x)); math.Abs(got-want) > 1e-13*max(1, want) {
			t.Errorf("log2(%d) is %.15f, want %.15f", x, got, want)
		}
	}
	for _, y := range []float64{0, 1e-12, 1e-6, 0.001, 0.25, 0.5, 0.999999, 1, 1.5, 7.123, 31} {
		if got, want := float64(exp2(-int64(y*logUnit)))/expUnit, math.Exp2(-y); math.Abs(got-want) > 1e-13*want {
			t.Errorf("2^-%v is %.15g, want %.15g", y, got, want)
		}
	}
	for _, x := range []uint64{0, 1, 2, 3, 4, 15, 16, 17, 1<<40 - 1, 1 << 40, 1 << 62, 1<<63 - 1} {
		if r := root(x); r*r > x || (r+1)*(r+1) <= x {
			t.Errorf("the root of %d is not %d", x, r)
		}
	}
}

// Whatever the number of keys and theta, key k is there in proportion to k^-theta: the
// first keys one by one, those behind in bins of equal ratio.
func TestZipfLaw(t *testing.T) {
	for _, row := range []struct {
		n     int64
		theta Permille
	}{{7, 1000}, {1000, 990}, {1000, 0}, {1023, 500}, {1024, 500}, {1025, 500}, {100_000, 990}, {1_000_000, 990}, {1_000_000, 1200}, {3000, 2000}} {
		var upTo []int64 // of each bin
		for k := int64(1); k <= row.n; k += max(1, k/4) {
			upTo = append(upTo, min(k+max(1, k/4), row.n+1)-1)
		}
		law := make([]float64, len(upTo))
		bin := func(k int64) int {
			for i, end := range upTo {
				if k <= end {
					return i
				}
			}
			panic("no such key")
		}
		i := 0
		for k := int64(1); k <= row.n; k++ {
			if k > upTo[i] {
				i++
			}
			law[i] += math.Pow(float64(k), -float64(row.theta)/1000)
		}
		draw := NewKeyDraw(Keys{Dist: Zipf, Cardinality: row.n, Theta: row.theta}, machine.NewDraw(1, "zipf").With(uint64(row.n)))
		counted := make([]int64, len(upTo))
		for i := range uint64(150_000) {
			counted[bin(draw.Draw(i)+1)]++
		}
		merged, laws := coarse(counted, law)
		chiSquare(t, "zipf", merged, laws)
	}
}

// coarse joins bins until each expects enough.
func coarse(counted []int64, law []float64) ([]int64, []float64) {
	total, sum := int64(0), 0.0
	for i := range law {
		total += counted[i]
		sum += law[i]
	}
	var c []int64
	var l []float64
	full := true
	for i := range law {
		if full {
			c, l = append(c, 0), append(l, 0)
		}
		c[len(c)-1] += counted[i]
		l[len(l)-1] += law[i]
		full = l[len(l)-1]/sum*float64(total) >= 20
	}
	if !full {
		c[len(c)-2], l[len(l)-2] = c[len(c)-2]+c[len(c)-1], l[len(l)-2]+l[len(l)-1]
		c, l = c[:len(c)-1], l[:len(l)-1]
	}
	return c, l
}

func TestKeyLaws(t *testing.T) {
	const n = 40_000
	uniform := make([]int64, 40)
	hot := make([]int64, 40)
	keyless := int64(0)
	d := NewKeyDraw(Keys{Dist: Uniform, Cardinality: 40}, machine.NewDraw(1, "uniform"))
	h := NewKeyDraw(Keys{Dist: Hotspot, Cardinality: 40, HotKeys: 50, HotShare: 500}, machine.NewDraw(1, "hotspot"))
	some := NewKeyDraw(Keys{Dist: Zipf, Cardinality: 40, Theta: 990, Keyless: 250}, machine.NewDraw(1, "some"))
	for i := range uint64(n) {
		uniform[d.Draw(i)]++
		hot[h.Draw(i)]++
		if some.Draw(i) == noKey {
			keyless++
		}
	}
	even, two := make([]float64, 40), make([]float64, 40)
	for i := range 40 {
		even[i], two[i] = 1, 0.5/38
		if i < 2 { // one in twenty keys is hot
			two[i] = 0.25
		}
	}
	chiSquare(t, "uniform", uniform, even)
	chiSquare(t, "hotspot", hot, two)
	chiSquare(t, "keyless", []int64{keyless, n - keyless}, []float64{0.25, 0.75})

	all := NewKeyDraw(Keys{Dist: Hotspot, Cardinality: 1, HotKeys: 1000, HotShare: 500}, 1)
	if all.Draw(3) != 0 {
		t.Error("the only key is not drawn")
	}
	if k := NewKeyDraw(Keys{}, 1).Draw(3); k != noKey {
		t.Errorf("a record of no key has key %d", k)
	}
	round := NewKeyDraw(Keys{Dist: Sequential, Cardinality: 3}, 1)
	for i := range uint64(9) {
		if got := round.Draw(i); got != int64(i%3) {
			t.Errorf("record %d has key %d", i, got)
		}
	}
}

// Every key comes up as often as there are stages, two of them at most open / apart.
func TestLifecycleKeys(t *testing.T) {
	d := NewKeyDraw(Keys{Dist: Lifecycle, Stages: 3, Open: 4}, 1)
	seen, under, most := map[int64]int{}, 0, 0
	for i := range uint64(120) {
		k := d.Draw(i)
		seen[k]++
		switch seen[k] {
		case 1:
			under++
		case 3:
			under--
		case 4:
			t.Fatalf("key %d comes up a fourth time", k)
		}
		most = max(most, under)
	}
	if len(seen) != 40 || under != 0 || most != 4 {
		t.Errorf("%d keys, %d of them unfinished, up to %d at a time: want 40, 0, 4", len(seen), under, most)
	}
}

func TestSizeLaws(t *testing.T) {
	const n = 60_000
	// Large, so that bytes are fine enough for the quantiles to be those of the law.
	d := NewSizeDraw(Sizes{Dist: Lognormal, Median: 1_000_000, P99: 10_000_000}, machine.NewDraw(1, "sizes"))
	quantiles := []float64{0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999}
	counted, law := make([]int64, len(quantiles)+1), make([]float64, len(quantiles)+1)
	for i := range uint64(n) {
		x := math.Log(float64(d.Draw(i))/1e6) / math.Log(10) * 2.3263478740408408 // a standard normal
		cdf := math.Erfc(-x/math.Sqrt2) / 2
		bin := 0
		for bin < len(quantiles) && cdf > quantiles[bin] {
			bin++
		}
		counted[bin]++
	}
	for i := range law {
		from, to := 0.0, 1.0
		if i > 0 {
			from = quantiles[i-1]
		}
		if i < len(quantiles) {
			to = quantiles[i]
		}
		law[i] = to - from
	}
	chiSquare(t, "lognormal", counted, law)

	e := NewSizeDraw(Sizes{Dist: Empirical, Points: []SizePoint{{100, 5}, {0, 0}, {900, 3}, {10, 2}}}, machine.NewDraw(1, "points"))
	by := map[int64]int64{}
	for i := range uint64(n) {
		by[e.Draw(i)]++
	}
	chiSquare(t, "empirical", []int64{by[100], by[900], by[10]}, []float64{5, 3, 2})
	if len(by) != 3 {
		t.Errorf("sizes %v", by)
	}
}

func TestSizesAtTheirBounds(t *testing.T) {
	for _, row := range []struct {
		sizes       Sizes
		least, most int64
	}{
		{Sizes{Bytes: 77}, 77, 77},
		{Sizes{Dist: Lognormal, Median: 200, P99: 200}, 200, 200},
		{Sizes{Dist: Lognormal, Median: 200, P99: 2000, Most: 4000}, 1, 4000},
		{Sizes{Dist: Lognormal, Median: -1, P99: -1}, 1, 1},
		{Sizes{Dist: Lognormal, Median: 1, P99: MaxSize}, 1, MaxSize},
		{Sizes{Dist: Empirical, Bytes: 9}, 9, 9},
	} {
		d := NewSizeDraw(row.sizes, 1)
		for i := range uint64(20_000) {
			if got := d.Draw(i); got < row.least || got > row.most {
				t.Fatalf("%+v: a size of %d", row.sizes, got)
			}
		}
	}
}

// dues are the arrivals of some time.
func dues(a Arrivals, until time.Duration, seed uint64) (list []time.Duration) {
	d := a.Start(0, machine.NewDraw(seed, "arrivals"))
	for d.Peek() < machine.Instant(until) {
		list = append(list, time.Duration(d.Next()))
	}
	return list
}

// bins counts arrivals in equal parts of some time.
func bins(list []time.Duration, whole time.Duration, parts int) []int64 {
	n := make([]int64, parts)
	for _, at := range list {
		n[int(at)*parts/int(whole)]++
	}
	return n
}

// A day's load follows its shape, and its mean is the rate.
func TestDiurnalLaw(t *testing.T) {
	sum, peak, least := Permille(0), Permille(0), Permille(1000)
	for _, m := range dayShape {
		sum, peak, least = sum+m, max(peak, m), min(least, m)
	}
	if sum != 24_000 || peak != MaxPeak || least < 0 {
		t.Fatalf("the shape of the day has the sum %d, the peak %d, and least %d", sum, peak, least)
	}
	for _, most := range []Permille{1000, 1400, 2500, 3000} {
		day := Day{Period: 24 * time.Second, Peak: most}
		list := dues(Arrivals{Process: Diurnal, PerSecond: 1000, Day: day}, 48*time.Second, uint64(most))
		law := make([]float64, 48)
		for i := range law {
			law[i] = 1 + (float64(dayShape[i%24])/1000-1)*(float64(most)/1000-1)/2
		}
		chiSquare(t, "diurnal", bins(list, 48*time.Second, 48), law)
		if n := len(list); n < 47_000 || n > 49_000 {
			t.Errorf("peak %d: %d arrivals, want about 48000", most, n)
		}
	}
}

// Counts of a Markov-modulated Poisson process have the mean of the rate, and vary as
// its law says (Fischer and Meier-Hellstern 1993): over a window of length t their
// variance is mean * (1 + 2 p q (r1-r2)^2 / (r c) * (1 - (1-e^-ct)/(ct))), where p and q
// are the shares of the states with the rates r1 and r2, r is the mean rate, and c is
// the sum of the rates at which states are left.
func TestBurstyLaw(t *testing.T) {
	const window, n, perSecond = 100 * time.Millisecond, 40_000, 500
	for _, b := range []Bursts{
		{Factor: 4000, On: 50 * time.Millisecond, Off: 200 * time.Millisecond},
		{Factor: 5000, On: 50 * time.Millisecond, Off: 200 * time.Millisecond}, // on and off
	} {
		counts := bins(dues(Arrivals{Process: Bursty, PerSecond: perSecond, Bursts: b}, n*window, 1), n*window, n)
		mean, square := 0.0, 0.0
		for _, c := range counts {
			mean += float64(c) / n
			square += float64(c) * float64(c) / n
		}
		variance := square - mean*mean
		on, off, w := b.On.Seconds(), b.Off.Seconds(), window.Seconds()
		p, c := on/(on+off), 1/on+1/off
		r1 := float64(b.Factor) / 1000 * perSecond
		r2 := (perSecond - p*r1) / (1 - p)
		want := perSecond * w * (1 + 2*p*(1-p)*(r1-r2)*(r1-r2)/(perSecond*c)*(1-(1-math.Exp(-c*w))/(c*w)))
		// Windows are independent beyond a few: the mean has a standard error below
		// 1 %, the variance one below 2 %.
		if math.Abs(mean-perSecond*w) > 0.03*perSecond*w || math.Abs(variance-want) > 0.06*want {
			t.Errorf("%+v: mean %.2f and variance %.1f, want %.2f and %.1f", b, mean, variance, perSecond*w, want)
		}
	}
}

// Phases scale the rate of every process: that of an even one exactly.
func TestEnvelopes(t *testing.T) {
	phases := []Phase{
		{From: 2 * time.Second, For: time.Second, Factor: 5000},           // a peak
		{From: 4 * time.Second, For: 4 * time.Second, Factor: 1, To: 999}, // a ramp
		{From: 6 * time.Second, For: 2 * time.Second, Factor: 2000},       // on top of it
		{From: 8 * time.Second, For: time.Second, Factor: 0},              // silence
	}
	want := []float64{1, 1, 5, 1, 0.125, 0.375, 2 * 0.625, 2 * 0.875, 0, 1}
	even := bins(dues(Arrivals{PerSecond: 1000, Envelope: phases}, 10*time.Second, 1), 10*time.Second, 10)
	for i, n := range even {
		// One more or less at each end, and a ramp's factors are cut to thousandths.
		if off := float64(n) - 1000*want[i]; math.Abs(off) > 2.5 {
			t.Errorf("second %d has %d evenly spaced arrivals, want %.0f", i, n, 1000*want[i])
		}
	}
	poisson := bins(dues(Arrivals{Process: Poisson, PerSecond: 5000, Envelope: phases}, 10*time.Second, 1), 10*time.Second, 10)
	if poisson[8] != 0 {
		t.Errorf("%d arrivals at a rate of nothing", poisson[8])
	}
	chiSquare(t, "phases", append(poisson[:8:8], poisson[9]), append(want[:8:8], want[9]))
	if list := dues(Arrivals{PerSecond: 1000, Envelope: []Phase{{From: time.Second, Factor: 0}}}, 10*time.Second, 1); len(list) != 1000 {
		t.Errorf("%d arrivals before the rate is nothing for ever, want 1000", len(list))
	}
}

// A batch holds what came since the last, up to its most, and nothing comes early.
func TestBatches(t *testing.T) {
	a := Arrivals{Process: Poisson, PerSecond: 600}
	came := dues(a, 20*time.Second, 1)
	a.Batch = Batch{Every: 500 * time.Millisecond, Most: 320}
	var of = map[time.Duration]int{}
	for i, at := range dues(a, 20*time.Second, 1) {
		if at < came[i] || at%a.Batch.Every != 0 {
			t.Fatalf("record %d comes at %v and is due at %v", i, came[i], at)
		}
		of[at]++
		if of[at] > 320 {
			t.Fatalf("more than 320 are due at %v", at)
		}
		if at-came[i] >= a.Batch.Every && of[at-a.Batch.Every] != 320 {
			t.Fatalf("record %d waits from %v to %v although there was room", i, came[i], at)
		}
	}
	full := 0
	for _, n := range of {
		if n == 320 {
			full++
		}
	}
	if full == 0 {
		t.Error("no batch was full: nothing has waited for the next")
	}
}

// A closed loop has so many under way, never more, and sends as many a second as
// callers get round: outstanding / (time of an operation + think time).
func TestClosedLoop(t *testing.T) {
	for _, exponential := range []bool{false, true} {
		d := Arrivals{Process: Closed, Loop: Loop{Outstanding: 4, Think: 30 * time.Millisecond, Exponential: exponential}}.Start(0, machine.NewDraw(1, "loop"))
		const service = machine.Instant(10 * time.Millisecond)
		var ends []machine.Instant // of those under way, in order
		sent := 0
		for now := machine.Instant(0); now < machine.Instant(100*time.Second); {
			if len(ends) > 0 && ends[0] <= d.Peek() {
				now, ends = ends[0], ends[1:]
				d.Ended(now)
				continue
			}
			at := d.Next()
			if at < now {
				t.Fatalf("due at %v, it is %v already", at, now)
			}
			now, ends = at, append(ends, at+service)
			sent++
			if len(ends) > 4 {
				t.Fatalf("%d are under way", len(ends))
			}
		}
		if want := 10_000; sent < want*98/100 || sent > want*102/100 || !exponential && sent > want+4 {
			t.Errorf("exponential %v: %d records in 100 s, want about %d", exponential, sent, want)
		}
	}
}

func TestTraces(t *testing.T) {
	for _, row := range []struct {
		text string
		want []time.Duration
	}{
		{"counts 1s\n2\n0\n3 # a comment\n", []time.Duration{0, 500e6, 2e9, 2e9 + 333333333, 2e9 + 666666666}},
		{"\n# recorded\ntimes\n0s\n1.5ms\n\n1.5ms\n1m", []time.Duration{0, 1500e3, 1500e3, 60e9}},
	} {
		trace, err := ParseTrace("load.txt", row.text)
		if err != nil {
			t.Fatal(err)
		}
		got := dues(Arrivals{Process: Traced, Trace: trace}, time.Hour, 1)
		if len(got) != len(row.want) {
			t.Fatalf("%q: due at %v, want %v", row.text, got, row.want)
		}
		for i := range got {
			if got[i] != row.want[i] {
				t.Errorf("%q: due at %v, want %v", row.text, got, row.want)
			}
		}
	}
	long := &Trace{Every: 24 * time.Hour, Counts: make([]int64, 1000)}
	long.Counts[6], long.Counts[7] = 1, 1
	if got := dues(Arrivals{Process: Traced, Trace: long}, 1<<62, 1); len(got) != 1 {
		t.Errorf("a trace of many days is due at %v, want once, on the seventh", got)
	}
	for _, row := range []struct{ text, want string }{
		{"", `load.txt:1: a trace begins with a line "times" or "counts 1s"`},
		{"# nothing\n12\n", `load.txt:2: "12": a trace begins with a line "times" or "counts 1s"`},
		{"counts\n", `load.txt:1: "counts": a trace begins with a line "times" or "counts 1s"`},
		{"counts 1\n", `load.txt:1: "1": want the length of an interval, from 1ms to 24h`},
		{"counts 1s\n", `load.txt:1: the trace has no lines behind its first`},
		{"counts 1s\n5\n-1\n", `load.txt:3: "-1": want how many records, from 0 to 1000000000`},
		{"counts 1s\n5 6\n", `load.txt:2: "5 6": want one value a line`},
		{"times\n5\n", `load.txt:2: "5": want a time since the start with its unit, such as 12.5ms, up to 168h0m0s`},
		{"times\n169h\n", `load.txt:2: "169h": want a time since the start with its unit, such as 12.5ms, up to 168h0m0s`},
		{"times\n5s\n\n4s\n", `load.txt:4: 4s is before 5s, which stands above it`},
	} {
		if _, err := ParseTrace("load.txt", row.text); err == nil || err.Error() != row.want {
			t.Errorf("%q:\n got %v\nwant %s", row.text, err, row.want)
		}
	}
}

// Peek says what Next will, however often, and a record's key and size hang on its
// number alone.
func TestDrawsByNumber(t *testing.T) {
	for _, process := range []Process{Constant, Poisson, Bursty, Diurnal} {
		a := Arrivals{Process: process, PerSecond: 100, Bursts: Bursts{Factor: 2000, On: time.Second, Off: time.Second}, Day: Day{Period: time.Minute, Peak: 2000}}
		one, other := a.Start(7, 1), a.Start(7, 1)
		for range 1000 {
			_ = one.Peek()
			at := one.Peek()
			if one.Next() != at || other.Next() != at {
				t.Fatalf("process %d: Peek and Next differ", process)
			}
		}
	}
	keys := NewKeyDraw(Keys{Dist: Zipf, Cardinality: 100, Theta: 990}, 1)
	sizes := NewSizeDraw(Sizes{Dist: Lognormal, Median: 100, P99: 1000}, 1)
	k, s := keys.Draw(500), sizes.Draw(500)
	for i := range uint64(100) {
		keys.Draw(i)
		sizes.Draw(i)
	}
	if keys.Draw(500) != k || sizes.Draw(500) != s {
		t.Error("a record's key or size hangs on what was drawn before")
	}
}

func BenchmarkDraws(b *testing.B) {
	due := Arrivals{Process: Bursty, PerSecond: 50_000, Bursts: Bursts{Factor: 2000, On: time.Second, Off: time.Second}}.Start(0, 1)
	keys := NewKeyDraw(Keys{Dist: Zipf, Cardinality: 1_000_000, Theta: 990}, 1)
	sizes := NewSizeDraw(Sizes{Dist: Lognormal, Median: 400, P99: 4000}, 1)
	b.Run("arrival", func(b *testing.B) {
		for b.Loop() {
			due.Next()
		}
	})
	b.Run("key", func(b *testing.B) {
		for n := uint64(0); b.Loop(); n++ {
			keys.Draw(n)
		}
	})
	b.Run("size", func(b *testing.B) {
		for n := uint64(0); b.Loop(); n++ {
			sizes.Draw(n)
		}
	})
}
