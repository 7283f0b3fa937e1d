package main

import (
	"fmt"
	"strings"

	"brokersim/faults"
	"brokersim/faults/failpoint"
)

// scheduleHelp says how a schedule is written: for most users this is the only
// place that does.
func scheduleHelp() string {
	var b strings.Builder
	b.WriteString(`
--faults replaces the scenario's schedule. It takes a preset, a file, the text itself with
";" or a new line between two steps, or none. An empty one is refused; a file in which
nothing shall go wrong says so in a comment, from # to the end of the line.
  1s crash leader; 2s restart *                   times count from the start
  900ms..1400ms for 1s cut-both follower leader   a window is drawn by the seed
`)
	fmt.Fprintf(&b, "  %-34s  %s\n", "may have a \"for DURATION\":", "may not:")
	undoable, others := faults.Usages(true), faults.Usages(false)
	for i := range max(len(undoable), len(others)) {
		row := "    "
		if i < len(undoable) {
			row += undoable[i]
		}
		if i < len(others) {
			row = fmt.Sprintf("%-36s    %s", row, others[i])
		}
		b.WriteString(row + "\n")
	}
	b.WriteString(`A node is a role, looked up when the step is applied: leader, follower, follower2 (of the
first topic's partition 0, or leader(orders-2)), controller, the name of a producer or
reader; or b1, c101 as traces print it; or *. CLASS is a request such as produce, or its
answer: produce-response. A STEP is what a node ends after, before anything of it leaves:
` + stepNames() + `.
Presets: ` + strings.Join(faults.Presets(), " ") + "\n")
	return b.String()
}

func stepNames() string {
	var names []string
	for _, step := range failpoint.Steps() {
		names = append(names, step.String())
	}
	return inLines(names)
}

// helpWidth is how many columns the help has, but for what flags are for.
const helpWidth = 100

// inLines are names with spaces between them, in lines that fit the help.
func inLines(names []string) string {
	var b strings.Builder
	column := 0
	for i, name := range names {
		between := " "
		if column += 1 + len(name); column > helpWidth {
			between, column = "\n", len(name)
		}
		if i > 0 {
			b.WriteString(between)
		}
		b.WriteString(name)
	}
	return b.String()
}

// shownBy has, for a planted bug, a scenario that comes with the program and shows
// it under some of the first ten seeds.
var shownBy = map[failpoint.Site]string{
	failpoint.R24AckBeforeISR:            "followers-cut",
	failpoint.T01ForgetSequence:          "lost-answers",
	failpoint.R01TruncateToHighWatermark: "fast-failover",
}

func plantHelp() string {
	var b strings.Builder
	b.WriteString(`
--plant arms a bug that the checks must find. It shows where its situation comes up, under
some seeds; elsewhere a run may well be kept, bug and all. A wrong name lists all bugs.
`)
	for _, bug := range failpoint.Bugs() {
		if name, ok := shownBy[bug]; ok {
			fmt.Fprintf(&b, "  %-30s  in %s\n", bug, name)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}
