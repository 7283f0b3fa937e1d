package reports

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"brokersim/checker/result"
)

// Details go with a result into a text and are no part of it.
type Details struct {
	// Subject is what was judged where that is no scenario: a file.
	Subject string
	// About says in a line what the scenario is.
	About string
	// Kind is the kind of broker, if it is not a log.
	Kind string
	// Changed are the settings that differ from Kafka's defaults, or from those of Kind.
	Changed []Setting
	// Repeat is the command that repeats the run.
	Repeat string
}

// Setting is one setting of a run that differs from Kafka's default.
type Setting struct{ Key, Value, Default, From string }

// Style says how a text may look.
type Style struct {
	Color bool
	// Columns are those of the terminal, to which lessons and explanations are wrapped; 0 is
	// unknown. Commands, and tables of results, keep their own width.
	Columns int
}

// Text writes a result for people.
func Text(w io.Writer, r result.Result, d Details, s Style) error {
	t := &text{r: &r, d: &d, style: s}
	t.answer()
	t.promise()
	t.findings()
	t.ledger()
	t.latencies()
	if d.Subject == "" || len(r.Faults) > 0 {
		t.faults()
	}
	if d.Subject == "" {
		t.reached()
		t.settings()
	}
	t.end()
	_, err := w.Write(t.b.Bytes())
	return err
}

type text struct {
	b     bytes.Buffer
	r     *result.Result
	d     *Details
	style Style
}

const (
	bold   = "1"
	red    = "1;31"
	green  = "1;32"
	yellow = "1;33"
)

func (t *text) paint(code, s string) string {
	if !t.style.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func color(v result.Verdict) string {
	switch v {
	case result.Kept:
		return green
	case result.Broken:
		return red
	}
	return yellow
}

func (t *text) f(format string, args ...any) { fmt.Fprintf(&t.b, format, args...) }

// clean keeps what a history or a file says from speaking to the terminal.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// head begins a section.
func (t *text) head(title, about string) {
	t.f("\n%s", t.paint(bold, title))
	if about != "" {
		t.f("  %s", about)
	}
	t.f("\n")
}

// table writes rows of tab separated cells, indented and aligned.
func (t *text) table(rows ...string) {
	var plain bytes.Buffer
	w := tabwriter.NewWriter(&plain, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "  %s\n", row)
	}
	if err := w.Flush(); err != nil {
		panic(err) // a buffer takes everything
	}
	for line := range strings.Lines(plain.String()) {
		t.f("%s\n", strings.TrimRight(line, " \n"))
	}
}

// numbers writes a row of titles over a row of numbers, aligned to the right.
func (t *text) numbers(name string, width int, cells ...cell) {
	titles, values := fmt.Sprintf("  %-*s", width, name), fmt.Sprintf("  %*s", width, "")
	for _, c := range cells {
		w := max(len(c.title), len(c.value))
		titles += fmt.Sprintf("  %*s", w, c.title)
		values += fmt.Sprintf("  %*s", w, c.value)
	}
	t.f("%s\n%s\n", titles, values)
}

type cell struct{ title, value string }

func count(title string, n int64) cell { return cell{title, fmt.Sprint(n)} }

// answer says what came out, in a sentence.
func (t *text) answer() {
	r := t.r
	subject := t.d.Subject
	if subject == "" {
		subject = "scenario " + r.Scenario
	}
	t.f("%s   %s   seed %s\n", t.paint(color(t.verdict()), string(t.verdict())), clean(subject), r.Seed)
	t.f("  %s\n", clean(t.sentence()))
	if t.d.About != "" {
		t.f("  %s: %s.\n", clean(r.Scenario), clean(t.d.About))
	}
}

// verdict is that of the run: an invariant of the brokers that did not hold is
// no better than a broken promise.
func (t *text) verdict() result.Verdict {
	if len(t.r.Audits) > 0 {
		return result.Broken
	}
	return t.r.Verdict
}

func (t *text) sentence() string {
	r := t.r
	var broken, unknown, vacuous []string
	var first string
	kept := 0
	for _, f := range r.Findings {
		switch f.Outcome {
		case result.Broken:
			broken = append(broken, f.Property)
			if first == "" && len(f.Violations) > 0 {
				first = f.Violations[0].What
			}
		case result.Unknown:
			unknown = append(unknown, f.Property)
		case result.Vacuous:
			vacuous = append(vacuous, f.Property)
		default:
			kept++
		}
	}
	switch {
	case len(broken) > 0:
		return fmt.Sprintf("%s %s broken: %s", strings.Join(broken, ", "), are(len(broken)), first)
	case len(r.Audits) > 0:
		return "An invariant of the brokers did not hold: " + r.Audits[0]
	case r.Verdict == result.Unknown:
		return fmt.Sprintf("Nobody can tell whether %s held.", strings.Join(unknown, ", "))
	case r.Verdict == result.Vacuous:
		return "Nothing was looked at, so nothing was shown."
	}
	l := &r.Ledger
	s := fmt.Sprintf("%s held: %d of %d records were acknowledged", plural(kept, "promised property", "promised properties"), l.Acked, l.Sent)
	if l.Rejected+l.Unknown > 0 {
		s += fmt.Sprintf(" (%d rejected, %d unknown)", l.Rejected, l.Unknown)
	}
	switch {
	case !slices.ContainsFunc(r.Findings, func(f result.Finding) bool { return f.Property == "no-acked-loss" && f.Outcome == result.Kept }):
		s += "."
	case l.LostAllowed > 0:
		s += fmt.Sprintf("; %d of them were lost, which this configuration allows.", l.LostAllowed)
	default:
		s += ", and none of them was lost."
	}
	if len(vacuous) > 0 {
		s += fmt.Sprintf(" There was nothing to look at for %s.", strings.Join(vacuous, ", "))
	}
	if r.Exit == result.ExitInconclusive {
		s += " The run still proves too little: see below."
	}
	return s
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func plural(n int, one, many string) string {
	switch {
	case n == 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// promise says what the run was held to, and how much was looked at.
func (t *text) promise() {
	about := map[string]string{
		"derived": "what this configuration promises",
		"stated":  "stated by the scenario or the command line, beside what the configuration promises",
	}[t.r.Promise.From]
	t.head("Held to", about)
	if len(t.r.Findings) == 0 {
		t.f("  nothing\n")
	}
	width := 0
	for _, f := range t.r.Findings {
		width = max(width, len(f.Property))
	}
	for _, f := range t.r.Findings {
		t.f("  %-*s  %s%*s  looked at %d", width, clean(f.Property), t.paint(color(f.Outcome), string(f.Outcome)), len("vacuous")-len(f.Outcome), "", f.Looked)
		if n := int64(len(f.Violations)) + f.More; n > 0 {
			t.f(", violations %d", n)
		}
		if f.Folded > 0 {
			t.f(", folded %d that follow from lost records", f.Folded)
		}
		t.f("\n")
	}
	for _, a := range t.r.Audits {
		t.f("  %s  %s\n", t.paint(red, "audit"), clean(a))
	}
}

// findings shows each violation with the lines of the history that prove it.
func (t *text) findings() {
	for _, f := range t.r.Findings {
		if len(f.Violations) == 0 {
			continue
		}
		t.head("Evidence", t.paint(color(f.Outcome), f.Property))
		for i, v := range f.Violations {
			t.f("  %d. %s\n", i+1, clean(v.What))
			t.witnesses(v.Witness)
		}
		if f.More > 0 {
			t.f("  and %d more\n", f.More)
		}
	}
}

func (t *text) ledger() {
	l := &t.r.Ledger
	t.head("Ledger", "")
	const width = len("records x readers")
	t.numbers("records", width, count("sent", l.Sent), count("acked", l.Acked), count("rejected", l.Rejected), count("unknown", l.Unknown), count("in log", l.InLog))
	t.numbers("records x readers", width, count("delivered", l.Delivered), count("processed", l.Processed), count("effected", l.Effected),
		count("readers", l.Readers), count("expected", l.InLog*l.Readers), count("of each reader", l.InLog))
	t.numbers("anomalies", width, count("lost acked", l.LostAcked), count("lost unacked", l.LostUnacked), count("lost allowed", l.LostAllowed),
		count("dup log", l.DupLog), count("dup processed", l.DupProcessed), count("reordered", l.Reordered), count("skipped", l.Skipped))
	t.numbers("", width, count("resurrected", l.Resurrected), count("aborted visible", l.AbortedVisible), count("zombie write", l.ZombieWrite), count("stale reads", l.StaleReads))
	t.numbers("costs", width, cell{"unavailable", result.Micros(l.UnavailableUS)})
	if slices.ContainsFunc(t.r.Faults, producerStops.MatchString) {
		t.f("  %*s  (a producer was down or paused: what it did not send waited for nobody)\n", width, "")
	}
}

// producerStops matches a fault, as applied, that keeps a producer from sending:
// "1.700s crash order-service(p1001)". One that was not applied begins with "#".
var producerStops = regexp.MustCompile(`^[0-9.]+s (crash|power-loss|pause) [^ ]*\bp[0-9]+([,)]|$)`)

func (t *text) latencies() {
	t.head("Latency", "from when an operation was due")
	rows := []string{"\tp50\tp99\tp99.9\tsamples"}
	for _, x := range []struct {
		name string
		l    result.Latency
	}{{"acknowledged", t.r.LatencyUS.Ack}, {"end to end", t.r.LatencyUS.E2E}} {
		if x.l.N == 0 {
			rows = append(rows, x.name+"\t-\t-\t-\t0")
			continue
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%d", x.name, result.Micros(x.l.P50), result.Micros(x.l.P99), result.Micros(x.l.P999), x.l.N))
	}
	t.table(rows...)
}

func (t *text) faults() {
	t.head("Faults", "as applied")
	if len(t.r.Faults) == 0 {
		t.f("  none\n")
	}
	for _, f := range t.r.Faults {
		t.f("  %s\n", clean(f))
	}
}

func (t *text) reached() {
	t.head("Reached", "situations, and how often")
	if len(t.r.Reached) == 0 {
		t.f("  none\n")
	}
	var rows []string
	for _, name := range slices.Sorted(maps.Keys(t.r.Reached)) {
		rows = append(rows, fmt.Sprintf("%s\t%d", name, t.r.Reached[name]))
	}
	t.table(rows...)
}

func (t *text) settings() {
	defaults := "Kafka's defaults"
	if t.d.Kind != "" {
		defaults = "the defaults"
	}
	t.head("Configuration", "what differs from "+defaults)
	if len(t.d.Changed) == 0 {
		t.f("  nothing\n")
	}
	var rows []string
	for _, s := range t.d.Changed {
		rows = append(rows, fmt.Sprintf("%s=%s\tnot %s\t%s", clean(s.Key), clean(s.Value), clean(s.Default), clean(s.From)))
	}
	t.table(rows...)
}

// end says what a reader does next: the last line repeats the run.
func (t *text) end() {
	t.f("\n")
	if t.r.TraceHash != "" {
		t.f("%s  %s of virtual time, %d events, trace hash %s\n", t.paint(bold, "Run   "), moment(t.r.VirtualNS), t.r.Events, t.r.TraceHash)
	}
	t.f("%s  %d\n", t.paint(bold, "Exit  "), t.r.Exit)
	if t.d.Repeat != "" {
		t.f("%s  %s\n", t.paint(bold, "Repeat"), t.d.Repeat)
	}
}

// moment is a time of the run in seconds.
func moment(ns int64) string { return fmt.Sprintf("%d.%03d s", ns/1e9, ns/1e6%1000) }

// Warnings are the warnings of a run, with the settings that are not modelled in
// one line: a file that a Kafka broker starts with has dozens of them.
func Warnings(warnings []string) []string {
	const not = "not modelled: "
	var list []string
	at := -1
	for _, w := range warnings {
		name, ok := strings.CutPrefix(w, not)
		switch {
		case !ok:
			list = append(list, w)
		case at < 0:
			at = len(list)
			list = append(list, w)
		default:
			list[at] += ", " + name
		}
	}
	return list
}
