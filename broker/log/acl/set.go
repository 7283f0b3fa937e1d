package acl

import "slices"

// Set is entries by what they are about. No entry is in it twice.
type Set struct {
	literal  map[place][]Entry
	prefixed map[place][]Entry
	all      map[Entry]struct{}
	// lengths are those of the prefixes, ascending, and how many entries have one of each. What
	// a name is asked about may be as long as a request: not each of its prefixes is looked for.
	lengths []length
}

type length struct{ bytes, entries int }

// place is what entries are about.
type place struct {
	resource Resource
	name     string
}

// Len is how many entries there are.
func (s *Set) Len() int { return len(s.all) }

func (s *Set) of(p Pattern) *map[place][]Entry {
	if p == Prefixed {
		return &s.prefixed
	}
	return &s.literal
}

// Has reports whether an entry is in the set.
func (s *Set) Has(e Entry) bool {
	_, has := s.all[e]
	return has
}

// Add adds an entry that is not in the set.
func (s *Set) Add(e Entry) {
	m := s.of(e.Pattern)
	if *m == nil {
		*m = make(map[place][]Entry)
	}
	at := place{e.Resource, e.Name}
	(*m)[at] = append((*m)[at], e)
	if s.all == nil {
		s.all = make(map[Entry]struct{})
	}
	s.all[e] = struct{}{}
	if e.Pattern != Prefixed {
		return
	}
	i, has := s.length(len(e.Name))
	if !has {
		s.lengths = slices.Insert(s.lengths, i, length{bytes: len(e.Name)})
	}
	s.lengths[i].entries++
}

// length is the place of a length of prefixes.
func (s *Set) length(bytes int) (int, bool) {
	return slices.BinarySearchFunc(s.lengths, bytes, func(l length, n int) int { return l.bytes - n })
}

// Remove removes an entry that is in the set.
func (s *Set) Remove(e Entry) {
	m, at := *s.of(e.Pattern), place{e.Resource, e.Name}
	list := m[at]
	for i, x := range list {
		if x != e {
			continue
		}
		delete(s.all, e)
		if m[at] = append(append([]Entry{}, list[:i]...), list[i+1:]...); len(m[at]) == 0 {
			delete(m, at)
		}
		if i, has := s.length(len(e.Name)); has && e.Pattern == Prefixed {
			if s.lengths[i].entries--; s.lengths[i].entries == 0 {
				s.lengths = slices.Delete(s.lengths, i, i+1)
			}
		}
		return
	}
}

// about yields the entries that are about a resource, those of all among them.
func (s *Set) about(r Resource, name string, yield func(Entry) bool) {
	each := func(list []Entry) bool {
		for _, e := range list {
			if !yield(e) {
				return false
			}
		}
		return true
	}
	if !each(s.literal[place{r, name}]) || name != Wildcard && !each(s.literal[place{r, Wildcard}]) {
		return
	}
	for _, l := range s.lengths {
		if l.bytes > len(name) || !each(s.prefixed[place{r, name[:l.bytes]}]) {
			return
		}
	}
}
