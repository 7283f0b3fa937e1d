package lesson

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/near"
	"brokersim/checker/result"
)

// unit is how a number is written and read.
type unit uint8

const (
	count  unit = iota
	micros      // written as a duration
	share       // thousandths, written in percent
)

// metric is a number of one run.
type metric struct {
	name, label string
	unit        unit
	of          func(*run) int64
}

// metrics are what a lesson may measure. Situations come on top: reached.leader_change.
var metrics = []metric{
	{"sent", "sent", count, func(r *run) int64 { return r.Ledger.Sent }},
	{"acked", "acked", count, func(r *run) int64 { return r.Ledger.Acked }},
	{"rejected", "rejected", count, func(r *run) int64 { return r.Ledger.Rejected }},
	{"unknown", "unknown", count, func(r *run) int64 { return r.Ledger.Unknown }},
	{"in_log", "in log", count, func(r *run) int64 { return r.Ledger.InLog }},
	{"delivered", "delivered", count, func(r *run) int64 { return r.Ledger.Delivered }},
	{"processed", "processed", count, func(r *run) int64 { return r.Ledger.Processed }},
	{"redelivered", "given again", count, func(r *run) int64 { return r.Ledger.Delivered - r.Ledger.Processed }},
	{"lost_acked", "lost acked", count, func(r *run) int64 { return r.Ledger.LostAcked }},
	{"lost_unacked", "lost unacked", count, func(r *run) int64 { return r.Ledger.LostUnacked }},
	{"lost_allowed", "lost allowed", count, func(r *run) int64 { return r.Ledger.LostAllowed }},
	{"dup_log", "dup log", count, func(r *run) int64 { return r.Ledger.DupLog }},
	{"dup_processed", "dup processed", count, func(r *run) int64 { return r.Ledger.DupProcessed }},
	{"reordered", "reordered", count, func(r *run) int64 { return r.Ledger.Reordered }},
	{"skipped", "skipped (expired)", count, func(r *run) int64 { return r.Ledger.Skipped }},
	{inverted, "processed out of order", count, func(r *run) int64 { return r.inverted }},
	{firstSkip, "first skipped at", micros, func(r *run) int64 { return r.firstSkip }},
	{"unavailable", "unavailable", micros, func(r *run) int64 { return r.Ledger.UnavailableUS }},
	{"ack_p50", "ack p50", micros, func(r *run) int64 { return r.LatencyUS.Ack.P50 }},
	{"ack_p99", "ack p99", micros, func(r *run) int64 { return r.LatencyUS.Ack.P99 }},
	{"e2e_p50", "end to end p50", micros, func(r *run) int64 { return r.LatencyUS.E2E.P50 }},
	{"e2e_p99", "end to end p99", micros, func(r *run) int64 { return r.LatencyUS.E2E.P99 }},
}

// run is one run, and what was seen of it beside its result.
type run struct {
	result.Result
	inverted, firstSkip int64
}

// situations begins the names of what a run has reached.
const situations = "reached."

// findMetric finds a metric by name; the error names the nearest.
func findMetric(name string) (metric, error) {
	for _, m := range metrics {
		if m.name == name {
			return m, nil
		}
	}
	if what, ok := strings.CutPrefix(name, situations); ok {
		what = strings.ReplaceAll(what, "_", "-")
		return metric{name, what, count, func(r *run) int64 { return r.Reached[what] }}, nil
	}
	var names []string
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return metric{}, fmt.Errorf("unknown number %q%s", name, near.Suggest(name, names))
}

// say writes a number with its unit.
func (u unit) say(v int64) string {
	switch {
	case u == share:
		return fmt.Sprintf("%d.%d %%", v/10, v%10)
	case u == micros && v < 0:
		return "-" + result.Micros(-v)
	case u == micros:
		return result.Micros(v)
	}
	return strconv.FormatInt(v, 10)
}

// read reads a number as a lesson's file has it: 12, 3ms or 20%.
func (u unit) read(s string) (int64, error) {
	switch u {
	case micros:
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%q: want a duration with its unit, such as 5ms", s)
		}
		return d.Microseconds(), nil
	case share:
		n, err := strconv.ParseInt(strings.TrimSuffix(s, "%"), 10, 64)
		if err != nil || n < 0 || n > 100 || !strings.HasSuffix(s, "%") {
			return 0, fmt.Errorf("%q: want whole percent, such as 20%%", s)
		}
		return n * 10, nil
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: want a whole number", s)
	}
	return n, nil
}
