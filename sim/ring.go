package sim

// ring is a first-in first-out queue that keeps its memory.
type ring[T any] struct {
	buf  []T // its length is a power of two
	head int
	n    int
}

func (r *ring[T]) push(v T) {
	if r.n == len(r.buf) {
		grown := make([]T, max(4, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = *r.at(i)
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = v
	r.n++
}

// at is the i-th from the front.
func (r *ring[T]) at(i int) *T { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

func (r *ring[T]) pop() T {
	p := &r.buf[r.head]
	v := *p
	var zero T
	*p = zero // what it pointed to may go
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	return v
}

// cut keeps only the first n.
func (r *ring[T]) cut(n int) {
	var zero T
	for r.n > n {
		r.n--
		*r.at(r.n) = zero
	}
}
