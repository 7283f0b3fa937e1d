package failpoint

import "fmt"

// Value is what a term returns: an int, a string, a bool, or struct{}{} for
// "return()".
type Value = any

// Always is the threshold below which every draw falls.
const Always uint64 = 1 << 32

// Set decides at the sites of one node. It belongs to one run and is not safe
// for use by several goroutines.
type Set struct {
	sites [numSites]site
	key   uint64 // of (seed, node)
	terms registry
}

type site struct {
	threshold      uint64 // fires when a 32-bit draw is below; 0 = never
	key            uint64 // of (seed, node, site)
	reached, fired uint64
}

// New returns a set with everything off.
func New(seed uint64, node uint32) *Set {
	return &Set{key: mix(mix(seed+golden) + uint64(node)*odd + golden)}
}

// Arm lets a site fire for the keys whose draw falls below threshold, a
// probability in units of 2^-32, with the values of terms, such as
// "return(true)" or "2*return(5)->return(0)". Arming a site again replaces what
// was there; threshold 0 switches it off.
//
// An unknown site, a threshold above [Always] and terms that would leave the
// simulation are errors, and change nothing.
func (s *Set) Arm(site Site, threshold uint64, terms string) error {
	if site >= numSites {
		return fmt.Errorf("failpoint: arm %v: no such site", site)
	}
	if threshold > Always {
		return fmt.Errorf("failpoint: arm %v: threshold %d above %d (always)", site, threshold, Always)
	}
	chain, err := parseTerms(terms)
	if err != nil {
		return fmt.Errorf("failpoint: arm %v: %w", site, err)
	}
	if err := s.terms.enable(site, terms, chain); err != nil {
		return fmt.Errorf("failpoint: arm %v: %w", site, err)
	}
	at := &s.sites[site]
	at.threshold, at.key = threshold, hash(s.key, site.String())
	return nil
}

// Eval reports whether the site fires for key, and with which value. The key is
// the identity of what is being decided (a producer and its sequence, a replica
// and its fetch offset), never a counter of calls. A nil set never fires.
func (s *Set) Eval(site Site, key uint64) (value Value, fired bool) {
	if s != nil && s.sites[site].threshold != 0 {
		value, fired = s.eval(site, key)
	}
	return
}

// eval stays out of Eval, which is inlined, so that a site that is off costs a
// load and a comparison.
//
//go:noinline
func (s *Set) eval(site Site, key uint64) (Value, bool) {
	at := &s.sites[site]
	at.reached++
	if mix(at.key+key*odd)>>32 >= at.threshold {
		return nil, false
	}
	value, ok := s.terms.eval(site) // not ok: the counts of all terms are used up
	if ok {
		at.fired++
	}
	return value, ok
}

// OnAbout is [Set.On] with a key that is made of a name and two numbers, such as a
// partition and an offset. It is made only if the site is armed.
func (s *Set) OnAbout(site Site, name string, a, b uint64) bool {
	if s == nil || s.sites[site].threshold == 0 {
		return false
	}
	return s.On(site, mix(mix(hash(golden, name)+a*odd)+b*odd))
}

// On is [Set.Eval] without the value: for planted bugs.
func (s *Set) On(site Site, key uint64) bool {
	if s == nil || s.sites[site].threshold == 0 {
		return false
	}
	_, fired := s.eval(site, key)
	return fired
}

// Hit counts a situation that happened. On a nil set it does nothing.
func (s *Set) Hit(site Site) {
	if s != nil {
		s.sites[site].reached++
	}
}

// Reached returns how often a site was hit, or was asked while armed, fired or
// not. It only reports: nothing in a run may depend on it. It is 0 for a nil set.
func (s *Set) Reached(site Site) uint64 {
	if s == nil {
		return 0
	}
	return s.sites[site].reached
}

// Fired returns how often a site fired. A planted bug that never fired was not
// tested by the run, whatever its verdict. It is 0 for a nil set.
func (s *Set) Fired(site Site) uint64 {
	if s == nil {
		return 0
	}
	return s.sites[site].fired
}

const (
	golden = 0x9e3779b97f4a7c15
	odd    = 0xd1342543de82ef95
)

// hash folds a name into a key (FNV-1a, finished by mix).
func hash(key uint64, name string) uint64 {
	for i := range len(name) {
		key = (key ^ uint64(name[i])) * 0x100000001b3
	}
	return mix(key + golden)
}

// mix is the finalizer of splitmix64: every bit of the result depends on every
// bit of z.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
