package gate

import (
	"runtime"
	"sync"
)

// window is how many jobs a worker may be ahead of the slowest one: results wait
// for their turn in memory.
const window = 32

// inOrder does jobs on several goroutines and hands what they came to to each, in
// the order in which next gave them, from the caller's goroutine. It ends when
// next has no more, or when each wants no more; what is under way then is waited
// for and dropped.
func inOrder[J, R any](workers int, next func() (J, bool), do func(J) R, each func(R) bool) {
	type work struct {
		job J
		out chan<- R
	}
	jobs := make(chan work)
	turns := make(chan (<-chan R), workers*window)
	enough := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	for range workers {
		wg.Go(func() {
			for w := range jobs {
				w.out <- do(w.job)
			}
		})
	}
	wg.Go(func() {
		defer close(jobs)
		defer close(turns)
		for {
			job, more := next()
			if !more {
				return
			}
			out := make(chan R, 1) // whoever drops it must not hold a worker up
			select {
			case turns <- out:
			case <-enough:
				return
			}
			select {
			case jobs <- work{job, out}:
			case <-enough:
				return
			}
		}
	})
	for out := range turns {
		if !each(<-out) {
			close(enough)
			return
		}
	}
}

// Each does jobs on so many goroutines, 0 is as many as there are cores, and hands
// what they came to to each, in their order, from the caller's goroutine. It ends
// early when each wants no more.
func Each[J, R any](workers int, jobs []J, do func(J) R, each func(R) bool) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	next := func() (job J, more bool) {
		if len(jobs) == 0 {
			return job, false
		}
		job, jobs = jobs[0], jobs[1:]
		return job, true
	}
	inOrder(min(workers, max(len(jobs), 1)), next, do, each)
}
