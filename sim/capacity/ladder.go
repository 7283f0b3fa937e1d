package capacity

import "slices"

// ladder asks each of several seeds for its own answer, on rungs that lie evenly around
// that of the search. Each climbs, or descends, in steps that double, until the answer
// lies between two rungs, and halves what is between them.
type ladder struct {
	probe Probe
	base  int64
	step  int64 // thousandths of base
	most  int   // how far a seed may be from it, in steps
	hint  int   // where the answer is thought to be
	seeds []uint64
	left  *purse // of runs beyond two a seed; nil: any number
	found []Outcome
	tried []map[int]bool // by seed: whether a rung was met
	now   []int          // by seed: the rung under way
}

// purse is how many runs may still be made.
type purse int

func newLadder(probe Probe, base, step int64, most int, seeds []uint64) *ladder {
	l := &ladder{probe: probe, base: base, step: step, most: most, seeds: seeds, now: make([]int, len(seeds))}
	for range seeds {
		l.tried = append(l.tried, make(map[int]bool))
	}
	return l
}

func (l *ladder) rate(rung int) int64 { return round(l.base * (1000 + l.step*int64(rung)) / 1000) }

// bracket is between which rungs a seed's answer lies: met, and missed. Where nothing
// was met, or missed, it is just beyond the last rung.
func (l *ladder) bracket(seed int) (met, missed int) {
	met, missed = -l.most-1, l.most+1
	for rung := -l.most; rung < missed; rung++ {
		switch was, tried := l.tried[seed][rung]; {
		case tried && was:
			met = rung
		case tried:
			missed = rung
		}
	}
	return met, missed
}

// rung is the next one for a seed to try: its base, then what it is thought to be, then
// whatever narrows it.
func (l *ladder) rung(seed int) (rung int, more bool) {
	met, missed := l.bracket(seed)
	inside := func(rung int) bool { return met < rung && rung < missed }
	switch {
	case len(l.tried[seed]) == 0:
		return 0, true
	case missed-met <= 1:
		return 0, false
	case l.hint != 0 && inside(l.hint):
		return l.hint, true
	case met == l.hint || met == 0:
		return met + 1, true
	case missed == l.hint || missed == 0:
		return missed - 1, true
	case missed > l.most: // twice as far as the last
		return min(met+max(met, met-l.hint, 1), l.most), true
	case met < -l.most:
		return max(missed-max(-missed, l.hint-missed, 1), -l.most), true
	}
	return met + (missed-met)/2, true
}

func (l *ladder) next() (list []Probe) {
	for i, seed := range l.seeds {
		rung, more := l.rung(i)
		if !more || !l.afford(i) {
			continue
		}
		l.now[i] = rung
		p := l.probe
		p.Seed, p.Rate = seed, l.rate(rung)
		list = append(list, p)
	}
	return list
}

// afford reports whether a seed may have one more run, and pays for it.
func (l *ladder) afford(seed int) bool {
	if l.left == nil || len(l.tried[seed]) < needed {
		return true
	}
	*l.left--
	return *l.left >= 0
}

// needed is how many runs a seed needs at least to say anything: one that is met and one
// that is not.
const needed = 2

func (l *ladder) take(list []Outcome) {
	for _, o := range list {
		i := slices.Index(l.seeds, o.Probe.Seed)
		l.tried[i][l.now[i]] = o.Point.Passed
	}
	l.found = append(l.found, list...)
}

// answers are the largest rates that each seed met or, if it met none, at most the lowest
// that it missed.
func (l *ladder) answers() (list []bounded) {
	for i := range l.seeds {
		met, missed := l.bracket(i)
		if met < -l.most {
			met = missed
		}
		list = append(list, bounded{l.rate(met), l.open(i)})
	}
	return list
}

// open says how a seed's answer is not known to a step: "at least", "at most", or empty.
func (l *ladder) open(seed int) string {
	switch met, missed := l.bracket(seed); {
	case met < -l.most:
		return "at most"
	case missed-met > 1 || missed > l.most:
		return "at least"
	}
	return ""
}
