package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"brokersim/sim/gate"
)

// untilInterrupted returns what is closed when somebody interrupts the program, who is told
// at once what that does, and what ends the waiting for that. A second interrupt ends the
// program.
func (a *app) untilInterrupted() (stop <-chan struct{}, end func()) {
	closed, done := make(chan struct{}), make(chan struct{})
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-interrupt:
			clear := ""
			if isTerminal(a.stderr) {
				clear = "\r\x1b[K"
			}
			fmt.Fprintln(a.stderr, clear+"interrupted: the runs under way are finished first; a second interrupt ends them too")
			close(closed)
		case <-done:
		}
		signal.Stop(interrupt)
	}()
	return closed, func() { close(done) }
}

// checkProgress returns what shows how far a check is, and what takes the line back.
func (a *app) checkProgress() (show func(gate.Progress), clear func()) {
	live := isTerminal(a.stderr)
	every, begin, end := lineEvery, "", "\n"
	if live {
		every, begin, end = liveEvery/4, "\r\x1b[K", ""
	}
	began := time.Now()
	last, shown := began, false
	show = func(p gate.Progress) {
		now := time.Now()
		if now.Sub(last) < every {
			return
		}
		last, shown = now, true
		fmt.Fprintf(a.stderr, "%s%s%s", begin, progressText(p, now.Sub(began)), end)
	}
	return show, func() {
		if live && shown {
			fmt.Fprint(a.stderr, begin)
		}
	}
}

func progressText(p gate.Progress, after time.Duration) string {
	var b strings.Builder
	b.WriteString(counted(int(p.Done), "run"))
	if p.Of > 0 {
		fmt.Fprintf(&b, " of %d", p.Of)
	}
	if p.Failures > 0 {
		fmt.Fprintf(&b, ", %d failed", p.Failures)
	}
	if ms := after.Milliseconds(); ms > 0 && p.Done > 0 {
		fmt.Fprintf(&b, "; %d a second", p.Done*1000/ms)
		if p.Of > p.Done {
			left := after / time.Duration(p.Done) * time.Duration(p.Of-p.Done)
			fmt.Fprintf(&b, "; about %v left", left.Round(time.Second))
		}
	}
	return b.String()
}
