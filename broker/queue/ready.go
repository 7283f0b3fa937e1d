package queue

import "slices"

// held is a message in one queue.
type held struct {
	msg         *message
	seq         uint64 // its place in the order in which the queue got its messages
	expires     instant
	deliveries  int64 // given back so far; quorum queues count them
	redelivered bool
	written     bool // stands in the journal for this queue
}

// ready are the messages of a queue that wait for a consumer, in the order in which
// they leave: by place, but for those that a quorum queue got back, which are in front.
type ready struct {
	items []held
	head  int // items before it are gone
	bytes int64
}

func (r *ready) len() int { return len(r.items) - r.head }

func (r *ready) first() *held { return &r.items[r.head] }

func (r *ready) push(h held) {
	r.items = append(r.items, h)
	r.bytes += h.msg.body.Len()
}

func (r *ready) pop() held {
	h := r.items[r.head]
	r.items[r.head] = held{}
	r.head++
	r.bytes -= h.msg.body.Len()
	switch {
	case r.head == len(r.items):
		r.items, r.head = r.items[:0], 0
	case r.head >= 64 && r.head*2 >= len(r.items):
		r.items, r.head = slices.Delete(r.items, 0, r.head), 0
	}
	return h
}

// insert puts a message back at its place.
func (r *ready) insert(h held) {
	at, _ := slices.BinarySearchFunc(r.items[r.head:], h.seq, func(a held, seq uint64) int {
		if a.seq < seq {
			return -1
		}
		return 1
	})
	r.insertAt(at, h)
}

// insertAt puts a message before the at-th. What comes back is mostly near the head:
// those before it move, if there is room.
func (r *ready) insertAt(at int, h held) {
	r.bytes += h.msg.body.Len()
	i := r.head + at
	if r.head > 0 && at <= r.len()/2 {
		copy(r.items[r.head-1:i-1], r.items[r.head:i])
		r.head--
		r.items[i-1] = h
		return
	}
	r.items = slices.Insert(r.items, i, h)
}
