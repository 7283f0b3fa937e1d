package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// How often a long run says how far it is.
const (
	liveEvery = time.Second      // on a terminal, in one line that changes
	lineEvery = 30 * time.Second // in a log
)

// ended is how a run ended: with a result, or in a panic of ours.
type ended struct {
	result result.Result
	panic  any
	stack  []byte
}

// watch makes the run, shows how far it is, and stops watching when interrupted.
func (a *app) watch(c scenario.Case, out *outputs, repeat string) (result.Result, error) {
	done := make(chan ended, 1)
	go func() {
		var e ended
		defer func() {
			if e.panic = recover(); e.panic != nil {
				e.stack = debug.Stack()
			}
			done <- e
		}()
		e.result = scenario.Run(c)
	}()
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupt)
	show, every := a.progress(c)
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer show(-1)
	for {
		select {
		case e := <-done:
			if e.panic != nil {
				// There is worse to say than that these cannot be written.
				_ = errors.Join(out.close(), out.bundle.partial(c, fmt.Sprintf("internal error: %v", e.panic), repeat))
				fmt.Fprintf(a.stderr, "%s", e.stack)
				return result.Result{}, &failure{result.ExitInternal, fmt.Errorf("internal error: %v; it comes again with: %s", e.panic, repeat)}
			}
			return e.result, nil
		case <-tick.C:
			show(out.virtual())
		case <-interrupt:
			err := fmt.Errorf("interrupted at %s of virtual time", seconds(out.virtual()))
			unwritten := errors.Join(out.close(), out.bundle.partial(c, err.Error(), repeat))
			return result.Result{}, &failure{result.ExitInterrupted, errors.Join(err, unwritten)}
		}
	}
}

// progress returns what shows how far a run is, and how often to call it; a
// negative time takes the line back.
func (a *app) progress(c scenario.Case) (show func(virtual int64), every time.Duration) {
	text := func(virtual int64) string {
		return fmt.Sprintf("%s: %s of virtual time; the load ends at %v", c.Spec.Name, seconds(virtual), c.Spec.At(c.Seed).For)
	}
	if !isTerminal(a.stderr) {
		return func(virtual int64) {
			if virtual >= 0 {
				fmt.Fprintln(a.stderr, text(virtual))
			}
		}, lineEvery
	}
	shown := false
	return func(virtual int64) {
		switch {
		case virtual >= 0:
			fmt.Fprintf(a.stderr, "\r\x1b[K%s", text(virtual))
			shown = true
		case shown:
			fmt.Fprint(a.stderr, "\r\x1b[K")
		}
	}, liveEvery
}

func seconds(ns int64) string { return fmt.Sprintf("%d.%03d s", ns/1e9, ns/1e6%1000) }
