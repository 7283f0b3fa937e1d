package acl

// Set is entries by what they are about. No entry is in it twice.
type Set struct {
	literal  map[place][]Entry
	prefixed map[place][]Entry
	n        int
}

// place is what entries are about.
type place struct {
	resource Resource
	name     string
}

// Len is how many entries there are.
func (s *Set) Len() int { return s.n }

func (s *Set) of(p Pattern) *map[place][]Entry {
	if p == Prefixed {
		return &s.prefixed
	}
	return &s.literal
}

// Has reports whether an entry is in the set.
func (s *Set) Has(e Entry) bool {
	for _, x := range (*s.of(e.Pattern))[place{e.Resource, e.Name}] {
		if x == e {
			return true
		}
	}
	return false
}

// Add adds an entry that is not in the set.
func (s *Set) Add(e Entry) {
	m := s.of(e.Pattern)
	if *m == nil {
		*m = make(map[place][]Entry)
	}
	at := place{e.Resource, e.Name}
	(*m)[at] = append((*m)[at], e)
	s.n++
}

// Remove removes an entry that is in the set.
func (s *Set) Remove(e Entry) {
	m, at := *s.of(e.Pattern), place{e.Resource, e.Name}
	list := m[at]
	for i, x := range list {
		if x != e {
			continue
		}
		s.n--
		if m[at] = append(append([]Entry{}, list[:i]...), list[i+1:]...); len(m[at]) == 0 {
			delete(m, at)
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
	for n := 0; n <= len(name) && len(s.prefixed) > 0; n++ {
		if !each(s.prefixed[place{r, name[:n]}]) {
			return
		}
	}
}
