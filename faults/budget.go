package faults

import "time"

// Budget bounds what may be wrong with a cluster at the same time, so that what
// its configuration promises can still be kept. The zero Budget allows anything.
type Budget struct {
	// Dark is how many brokers may be down, stopped or out of somebody's reach at
	// once; 0 is as many as there are.
	Dark int

	// Apart is how long before a power loss of a broker, and after its return,
	// nothing else may be wrong between brokers; 0 is no bound. It has to be the
	// time in which every replica is in sync again.
	Apart time.Duration
}

// Trouble is one thing that goes wrong, for a while: steps of a schedule that
// belong together, such as those of a rolling restart.
type Trouble struct {
	Kind     string
	From, To time.Duration // all is well before, and from To on
	Steps    []string      // lines of a schedule

	Dark       int  // brokers that are down, stopped or out of reach
	Brokers    bool // brokers or the controller are touched, not clients alone
	Power      bool // a broker loses what it had not synced
	Controller bool // the controller is away
}

// admit keeps of the troubles, the most important first, those that fit in
// beside the ones kept before them.
func (b Budget) admit(troubles []Trouble) (kept []Trouble) {
	for _, t := range troubles {
		if b.fits(t, kept) {
			kept = append(kept, t)
		}
	}
	return kept
}

func (b Budget) fits(t Trouble, beside []Trouble) bool {
	for _, o := range beside {
		if b.Apart > 0 && t.Brokers && o.Brokers && (t.Power || o.Power) && t.overlaps(o, b.Apart) {
			return false
		}
		if b.Dark > 0 && t.Controller && o.Controller && t.overlaps(o, 0) {
			return false
		}
	}
	return b.Dark == 0 || mostDark(t, beside) <= b.Dark
}

func (t *Trouble) overlaps(o Trouble, margin time.Duration) bool {
	return t.From < o.To+margin && o.From < t.To+margin
}

// mostDark is the largest number of brokers that are dark at once while t lasts.
// It changes for the worse only where something begins.
func mostDark(t Trouble, beside []Trouble) int {
	at := func(when time.Duration) (n int) {
		for _, o := range beside {
			if o.From <= when && when < o.To {
				n += o.Dark
			}
		}
		return n + t.Dark
	}
	most := at(t.From)
	for _, o := range beside {
		if t.From < o.From && o.From < t.To {
			most = max(most, at(o.From))
		}
	}
	return most
}
