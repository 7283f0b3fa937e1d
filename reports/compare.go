package reports

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// CompareJSON writes a comparison as one line of JSON.
func CompareJSON(w io.Writer, c result.Compare) error { return encode(w, &c) }

// CompareText writes a comparison for people: what was run, the ledger with what tutorials
// say beside it, where the two differ, and what each column was held to. Quote makes one
// word of a repro string for the shell.
func CompareText(w io.Writer, c result.Compare, quote func(string) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s: the same arrivals and the same faults, %d runs, %s a cell\n", c.Scenario, inWords(kindsOf(&c)), c.Runs, seedsText(c.Seeds))
	if c.Stopped != "" {
		fmt.Fprintf(&b, "%s: some cells have fewer\n", c.Stopped)
	}
	b.WriteString("In brackets the 95 % interval. A share is of records, and in \"runs\" of runs.\n")
	compareDifferences(&b, &c)
	for i := range c.Rows {
		compareRow(&b, &c, &c.Rows[i])
	}
	compareColumns(&b, &c)
	b.WriteString("\nFaults\n")
	for _, f := range c.Faults {
		fmt.Fprintf(&b, "  %-16s %s\n", f.Name, strings.ReplaceAll(f.Schedule, "\n", "; "))
		if f.About == "" {
			continue
		}
		for _, line := range wrap(f.About, pageWidth-19) {
			fmt.Fprintf(&b, "  %-16s %s\n", "", line)
		}
	}
	compareRepeats(&b, &c, quote)
	for _, s := range c.Internal {
		fmt.Fprintf(&b, "internal error: %s\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func seedsText(n int64) string {
	if n == 1 {
		return "1 seed"
	}
	return fmt.Sprintf("%d seeds", n)
}

func inWords(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// kindsOf are the kinds of a comparison with whose semantics they have, in their order.
func kindsOf(c *result.Compare) (list []string) {
	for i := range c.Columns {
		if name := kindText(&c.Columns[i]); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

func kindText(x *result.CompareColumn) string { return x.Kind + " (" + x.Like + ")" }

// compareRow writes a question, and a line for each kind: its cells, and what is said of it.
func compareRow(b *strings.Builder, c *result.Compare, r *result.CompareRow) {
	fmt.Fprintf(b, "\n%s: %s\n", rowTitle(r), r.Question)
	for i := 0; i < len(c.Columns); {
		kind := c.Columns[i].Kind
		fmt.Fprintf(b, "  %-7s", kind)
		for ; i < len(c.Columns) && c.Columns[i].Kind == kind; i++ {
			fmt.Fprintf(b, "  %-32s", c.Columns[i].Config+" "+cellText(r.Unit, &r.Cells[i]))
		}
		trimRight(b)
		b.WriteByte('\n')
		for k := range r.Claims {
			if x := &r.Claims[k]; x.Kind == kind {
				fmt.Fprintf(b, "           tutorial: %s%s\n", x.Says, differsText(x))
			}
		}
	}
}

func trimRight(b *strings.Builder) {
	text := strings.TrimRight(b.String(), " ")
	b.Reset()
	b.WriteString(text)
}

func differsText(x *result.CompareClaim) string {
	if x.Differs == "" {
		return ""
	}
	return "  <- " + x.Differs
}

// cellText is a value with its interval.
func cellText(unit string, c *result.CompareCell) string {
	value, interval := cellParts(unit, c)
	return strings.TrimSpace(value + " " + interval)
}

// cellParts are the value and the interval.
func cellParts(unit string, c *result.CompareCell) (value, interval string) {
	if c.Runs == 0 {
		return "-", ""
	}
	switch unit {
	case "us":
		return millis(c.Value), fmt.Sprintf("[%s, %s]", millis(c.Low), millis(c.High))
	case "per-second":
		return perSecondText(c.Value), fmt.Sprintf("[%d, %d]", c.Low/1000, c.High/1000)
	}
	what := ""
	if unit == "runs" {
		what = " runs"
	}
	return fmt.Sprintf("%s %%%s", sharePercent(c.Value), what), fmt.Sprintf("[%s, %s]", sharePercent(c.Low), sharePercent(c.High))
}

// sharePercent is a number of millionths, to three digits at most.
func sharePercent(ppm int64) string {
	if ppm > 0 && ppm < 1000 {
		return fmt.Sprintf("0.%03d", (ppm+5)/10)
	}
	text := fmt.Sprintf("%d.%d", ppm/10_000, ppm/1000%10)
	return strings.TrimSuffix(text, ".0")
}

// perSecondText writes thousandths of records a second.
func perSecondText(thousandths int64) string {
	return fmt.Sprintf("%d.%d/s", thousandths/1000, thousandths/100%10)
}

func millis(us int64) string {
	if us < 10_000 {
		return fmt.Sprintf("%d.%d ms", us/1000, us/100%10)
	}
	return fmt.Sprintf("%d ms", us/1000)
}

// worstText says what the worst run came to, where that is worth a look.
func worstText(unit string, c *result.CompareCell) string {
	switch {
	case c.Runs == 0 || c.WorstSeed == "":
		return ""
	case unit == "per-second":
		return perSecondText(c.Most)
	case unit == "runs" && c.Most > 0:
		return fmt.Sprintf("%d records", c.Most)
	case unit == "share" && c.Total > 0 && c.Most < 1_000_000:
		return sharePercent(c.Most) + " %"
	}
	return ""
}

// compareDifferences lists where tutorials and measurements part.
func compareDifferences(b *strings.Builder, c *result.Compare) {
	b.WriteString("\nWhere the measurement is not what tutorials say\n")
	none := true
	for i := range c.Rows {
		r := &c.Rows[i]
		for k := range r.Claims {
			x := &r.Claims[k]
			if x.Differs == "" {
				continue
			}
			none = false
			fmt.Fprintf(b, "  %-7s %s: \"%s\": %s\n", x.Kind, rowTitle(r), x.Says, x.Differs)
			if x.Why != "" {
				fmt.Fprintf(b, "          %s\n", x.Why)
			}
		}
	}
	if none {
		b.WriteString("  nowhere\n")
	}
}

// keptText says whether the runs of a column kept their promise.
func keptText(x *result.CompareColumn) string {
	if x.Broken > 0 || x.Unknown > 0 {
		return fmt.Sprintf("BROKEN in %d runs, undecided in %d", x.Broken, x.Unknown)
	}
	return "kept in every run"
}

// compareColumns says what each column is and was held to.
func compareColumns(b *strings.Builder, c *result.Compare) {
	b.WriteString("\nHeld to\n")
	for _, line := range wrap(heldToAbout, pageWidth-2) {
		fmt.Fprintf(b, "  %s\n", line)
	}
	for i := range c.Columns {
		x := &c.Columns[i]
		fmt.Fprintf(b, "  %-7s %-8s %s: %s\n", x.Kind, x.Config, keptText(x), strings.Join(x.HeldTo, " "))
		settings := make([]string, len(x.Set))
		for k, set := range x.Set {
			settings[k] = "--set " + set
		}
		for _, line := range pack(settings, " ", pageWidth-len("           ")) {
			fmt.Fprintf(b, "           %s\n", line)
		}
	}
}

// heldToAbout tells a promise from the measurement of nearly the same name.
const heldToAbout = "\"duplicates\" above are records that a reader finished with twice, for whatever reason. The promise no-duplicate is another thing: " +
	"no record at two offsets of a log, and from a queue or pub/sub none twice but one that is marked as delivered again. At least once has the first, and keeps the second."

// compareRepeats are the commands that repeat what was worst, cell by cell, and what broke
// a promise. They come last: each is as long as it is.
func compareRepeats(b *strings.Builder, c *result.Compare, quote func(string) string) {
	b.WriteString("\nRepeat\n  " + compareCommand(c) + "\n")
	for i := range c.Columns {
		if x := &c.Columns[i]; x.Repro != "" {
			fmt.Fprintf(b, "  %s %s, the first broken promise:\n    brokersim repro %s\n", x.Kind, x.Config, quote(x.Repro))
		}
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		for j := range r.Cells {
			x, col := &r.Cells[j], &c.Columns[j]
			if w := worstText(r.Unit, x); w != "" {
				fmt.Fprintf(b, "  %s: %s %s, the worst with %s, seed %s:\n    %s\n", rowTitle(r), col.Kind, col.Config, w, x.WorstSeed, repeatText(c, x, col.Kind, quote))
			}
		}
	}
}

// rowTitle is a row's name with its fault.
func rowTitle(r *result.CompareRow) string {
	if r.Fault == "none" {
		return r.Name
	}
	return r.Name + ", " + r.Fault
}

// repeatText is the command that repeats a cell's worst run or, where a run by itself does
// not say what it ran on, all of its kind.
func repeatText(c *result.Compare, x *result.CompareCell, kind string, quote func(string) string) string {
	if x.Repro == "" {
		return fmt.Sprintf("brokersim compare %s %s --seeds %d", kind, quote(c.Scenario), x.Runs)
	}
	return "brokersim repro " + quote(x.Repro)
}
