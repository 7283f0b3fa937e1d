package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"brokersim/sim/gate"
)

// printScores writes what bugs score has measured: a line for each bug, the smallest
// run that shows each, and what was found by difficulty.
func printScores(out io.Writer, s *gate.Scores) error {
	var b strings.Builder
	printBugs(&b, s.Bugs)
	printShrunk(&b, s.Bugs)
	b.WriteByte('\n')
	for _, l := range s.Found {
		fmt.Fprintf(&b, "difficulty %d: %d of %d found", l.Difficulty, l.Found, l.Of)
		if l.Any > l.Found {
			fmt.Fprintf(&b, ", and %d by anything", l.Any)
		}
		b.WriteByte('\n')
	}
	if x := s.Shrinks; x.Of > 0 {
		fmt.Fprintf(&b, "shrunk: %s in %s at the median of %d\n", counted(x.Faults, "fault"), counted(x.Replays, "replay"), x.Of)
	}
	printControls(&b, s.Controls)
	fmt.Fprintf(&b, "\nexit %d\n", s.Exit)
	_, err := io.WriteString(out, b.String())
	return err
}

func printBugs(b *strings.Builder, bugs []gate.BugScore) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "bug\tD\tfirst at\tmedian\truns\tfired\tany\tnamed\tby\tscenario")
	for i := range bugs {
		x := &bugs[i]
		at, median := x.FoundAt, strconv.FormatUint(x.MedianRuns, 10)
		if at == "" {
			at = "-"
		}
		if x.MedianRuns == 0 {
			median = "-"
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s",
			x.Bug, x.Difficulty, at, median, x.Runs, x.Fired, x.Any, x.Named, x.Property, x.Scenario, remark(x)), "\t"))
	}
	w.Flush() // into memory
}

// remark says why a bug does not count as found.
func remark(b *gate.BugScore) string {
	switch {
	case b.Found:
		return ""
	case b.FoundAt != "":
		return "without the bug too: " + strings.Join(b.Without, ", ")
	case b.Fired == 0:
		return "it never changed anything"
	case len(b.Others) > 0:
		return "only " + strings.Join(b.Others, ", ")
	}
	return ""
}

func printShrunk(b *strings.Builder, bugs []gate.BugScore) {
	for i := range bugs {
		x := bugs[i].Shrunk
		if x == nil {
			continue
		}
		fmt.Fprintf(b, "\n%s  shrunk %d -> %d events, %d -> %d faults, %d -> %d records (%s)\n", bugs[i].Bug,
			x.Original.Events, x.Final.Events, x.Original.Faults, x.Final.Faults, x.Original.Records, x.Final.Records, counted(x.Replays, "replay"))
		for _, line := range x.Faults {
			fmt.Fprintf(b, "  %s\n", line)
		}
		if len(x.Faults) == 0 {
			b.WriteString("  without a fault\n")
		}
	}
}

func printControls(b *strings.Builder, controls []gate.ControlScore) {
	if len(controls) == 0 {
		return
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "control\truns\tcame about in\treported\tscenario")
	for i := range controls {
		c := &controls[i]
		reported := "no"
		if len(c.Reported) > 0 {
			reported = strings.Join(c.Reported, ", ")
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", c.Control, c.Runs, c.Happened, reported, c.Scenario)
	}
	w.Flush() // into memory
}

// counted is a number of things, such as "1 fault" or "2 faults".
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
