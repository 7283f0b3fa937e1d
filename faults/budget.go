package faults

import (
	"slices"
	"time"
)

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

	// ApartOfLoss is the same of a trouble that takes from a disk what was synced;
	// 0 is no bound. Durable says that the promise bears none: it is in the only
	// copy.
	ApartOfLoss time.Duration
	Durable     bool
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
	Loses      bool // and what it had, of one disk
	Controller bool // the controller is away
}

// admit keeps of the troubles, the most important first, those that fit in
// beside the ones kept before them, and beside others.
func (b Budget) admit(troubles, others []Trouble) []Trouble {
	kept := slices.Clone(others)
	for _, t := range troubles {
		if b.fits(t, kept) {
			kept = append(kept, t)
		}
	}
	return kept[len(others):]
}

func (b Budget) fits(t Trouble, beside []Trouble) bool {
	if t.Loses && b.Durable {
		return false
	}
	for _, o := range beside {
		if calm := max(b.calm(t), b.calm(o)); calm > 0 && t.Brokers && o.Brokers && t.overlaps(o, calm) {
			return false
		}
		if b.Dark > 0 && t.Controller && o.Controller && t.overlaps(o, 0) {
			return false
		}
	}
	return b.Dark == 0 || mostDark(t, beside) <= b.Dark
}

// calm is how long nothing else may be wrong before and after a trouble; 0 if
// others may be at the same time.
func (b Budget) calm(t Trouble) (calm time.Duration) {
	if t.Power {
		calm = b.Apart
	}
	if t.Loses {
		calm = max(calm, b.ApartOfLoss)
	}
	return calm
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
