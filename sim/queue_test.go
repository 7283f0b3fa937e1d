package sim

import (
	"slices"
	"testing"

	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// The queue against a list that is sorted stably, with pops that are limited and
// with pushes between the limit and the next event.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var model []event
		now := machine.Instant(0)
		n := uint32(0)
		span := rapid.SampledFrom([]int64{3, 1000, 1 << 40}).Draw(t, "span")
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				n++
				at := now + machine.Instant(rapid.Int64Range(0, span).Draw(t, "after"))
				if rapid.IntRange(0, 50).Draw(t, "never") == 0 {
					at = machine.Never
				}
				e := event{at: at, gen: n}
				q.push(e)
				model = append(model, e)
			},
			"pop": func(t *rapid.T) {
				limit := now + machine.Instant(rapid.Int64Range(-2, span).Draw(t, "limit"))
				slices.SortStableFunc(model, func(a, b event) int { return int(min(max(a.at-b.at, -1), 1)) })
				e, ok := q.pop(limit)
				if want := len(model) > 0 && model[0].at <= limit; ok != want {
					t.Fatalf("popped %v at limit %d, want %t", e, limit, want)
				}
				now = max(now, limit) // as Run does: the next push may be right here
				if ok {
					if e != model[0] {
						t.Fatalf("popped %v, want %v", e, model[0])
					}
					now, model = e.at, model[1:]
				}
			},
			"": func(t *rapid.T) {
				if q.n != len(model) {
					t.Fatalf("%d events, want %d", q.n, len(model))
				}
			},
		})
	})
}

func TestQueueRefusesThePast(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	var q queue
	q.push(event{at: 10})
	q.pop(20)
	q.push(event{at: 9})
}

func TestCounter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c counter
		model := map[uint64]uint32{}
		// Few keys, and some that fall into one place.
		keys := append(rapid.SliceOfN(rapid.Uint64(), 1, 100).Draw(t, "keys"), 0, 1<<33, 1<<33+1)
		for range 300 {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			if got := c.next(k); got != model[k] {
				t.Fatalf("key %#x was counted %d times, want %d", k, got, model[k])
			}
			model[k]++
		}
	})
}

func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring[int]
		var model []int
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				v := rapid.Int().Draw(t, "value")
				r.push(v)
				model = append(model, v)
			},
			"pop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("empty")
				}
				if got := r.pop(); got != model[0] {
					t.Fatalf("popped %d, want %d", got, model[0])
				}
				model = model[1:]
			},
			"cut": func(t *rapid.T) {
				n := rapid.IntRange(0, len(model)).Draw(t, "keep")
				r.cut(n)
				model = model[:n]
			},
			"": func(t *rapid.T) {
				for i := range model {
					if *r.at(i) != model[i] {
						t.Fatalf("%d at %d, want %d", *r.at(i), i, model[i])
					}
				}
				if r.n != len(model) {
					t.Fatalf("%d values, want %d", r.n, len(model))
				}
			},
		})
	})
}
