package history

import (
	"maps"
	"slices"
)

// Table maps values, offsets or ids to T. Where they are dense it is an array,
// elsewhere a map, so that a history with absurd numbers costs no more memory
// than one of its length. The zero T stands for nothing.
type Table[T comparable] struct {
	dense []T
	far   map[int64]T
	n     int64 // how often Set was called with a key beyond dense
}

// Get returns what was set for k, or the zero T.
func (t *Table[T]) Get(k int64) T {
	if k >= 0 && k < int64(len(t.dense)) {
		return t.dense[k]
	}
	return t.far[k]
}

// Set sets k to v.
func (t *Table[T]) Set(k int64, v T) {
	if k >= 0 && k < int64(len(t.dense)) {
		t.dense[k] = v
		return
	}
	t.n++
	if _, far := t.far[k]; !far && k >= 0 && k < 1024+4*t.n {
		t.grow(k)
		t.dense[k] = v
		return
	}
	if t.far == nil {
		t.far = map[int64]T{}
	}
	t.far[k] = v
}

// grow makes the array reach k and moves what lay there from the map.
func (t *Table[T]) grow(k int64) {
	from := int64(len(t.dense))
	t.dense = slices.Grow(t.dense, int(k+1-from))[:k+1]
	clear(t.dense[from:])
	if len(t.far) == 0 {
		return
	}
	for i := from; i <= k; i++ {
		if v, ok := t.far[i]; ok {
			t.dense[i] = v
			delete(t.far, i)
		}
	}
}

// All calls f for every key that holds something, in ascending order.
func (t *Table[T]) All(f func(k int64, v T)) {
	var zero T
	far := slices.Sorted(maps.Keys(t.far))
	for len(far) > 0 && far[0] < 0 {
		f(far[0], t.far[far[0]])
		far = far[1:]
	}
	for i, v := range t.dense {
		if v != zero {
			f(int64(i), v)
		}
	}
	for _, k := range far {
		f(k, t.far[k])
	}
}
