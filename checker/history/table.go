package history

import (
	"maps"
	"slices"
)

// Table maps values, offsets or ids to T. Where they are dense it is an array,
// elsewhere pages of neighbours, so that a history with absurd numbers costs no more
// memory than a small multiple of one of its length. The zero T stands for nothing.
type Table[T comparable] struct {
	dense []T
	far   map[int64]*page[T] // by the number of the page
	n     int64              // how often Set was called with a key beyond dense

	last   *page[T] // of far, looked up last; nil: none was
	lastAt int64    // its number
}

// page holds neighbours: the values of a process follow each other.
type page[T comparable] [pageSize]T

const (
	pageBits = 6
	pageSize = 1 << pageBits
)

// Get returns what was set for k, or the zero T.
func (t *Table[T]) Get(k int64) T {
	if k >= 0 && k < int64(len(t.dense)) {
		return t.dense[k]
	}
	if p := t.page(k >> pageBits); p != nil {
		return p[k&(pageSize-1)]
	}
	var zero T
	return zero
}

// page is the page of a number, or nil.
func (t *Table[T]) page(number int64) *page[T] {
	if t.last != nil && t.lastAt == number {
		return t.last
	}
	p := t.far[number]
	if p != nil {
		t.last, t.lastAt = p, number
	}
	return p
}

// Set sets k to v.
func (t *Table[T]) Set(k int64, v T) {
	if k >= 0 && k < int64(len(t.dense)) {
		t.dense[k] = v
		return
	}
	t.n++
	if k >= 0 && k < 1024+4*t.n {
		t.grow(k)
		t.dense[k] = v
		return
	}
	p := t.page(k >> pageBits)
	if p == nil {
		if t.far == nil {
			t.far = map[int64]*page[T]{}
		}
		p = new(page[T])
		t.far[k>>pageBits] = p
		t.last, t.lastAt = p, k>>pageBits
	}
	p[k&(pageSize-1)] = v
}

// grow makes the array reach k and moves what lay there from the pages. What is left of a
// page that it reaches into is of keys beyond.
func (t *Table[T]) grow(k int64) {
	from := int64(len(t.dense))
	t.dense = slices.Grow(t.dense, int(k+1-from))[:k+1]
	clear(t.dense[from:])
	if len(t.far) == 0 {
		return
	}
	for number := from >> pageBits; number <= k>>pageBits; number++ {
		p := t.page(number)
		if p == nil {
			continue
		}
		var zero T
		for i := max(from, number<<pageBits); i <= min(k, number<<pageBits+pageSize-1); i++ {
			t.dense[i], p[i&(pageSize-1)] = p[i&(pageSize-1)], zero
		}
		if k >= number<<pageBits+pageSize-1 {
			delete(t.far, number)
			t.last = nil
		}
	}
}

// All calls f for every key that holds something, in ascending order.
func (t *Table[T]) All(f func(k int64, v T)) {
	var zero T
	each := func(first int64, list []T) {
		for i, v := range list {
			if v != zero {
				f(first+int64(i), v)
			}
		}
	}
	far := slices.Sorted(maps.Keys(t.far))
	for len(far) > 0 && far[0] < 0 {
		each(far[0]<<pageBits, t.far[far[0]][:])
		far = far[1:]
	}
	each(0, t.dense)
	for _, number := range far {
		each(number<<pageBits, t.far[number][:])
	}
}
