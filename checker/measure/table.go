package measure

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// Table writes the intervals of a window as CSV, a row each; times are those of the
// run, latencies in microseconds and 0 where there was none.
type Table struct {
	w   *csv.Writer
	err error
}

// NewTable begins a table.
func NewTable(w io.Writer) *Table {
	t := &Table{w: csv.NewWriter(w)}
	t.row("from_us", "until_us", "due", "acked", "read", "ack_p50_us", "ack_p99_us", "ack_max_us", "ack_from_send_p99_us", "e2e_p50_us", "e2e_p99_us", "e2e_max_us", "overdue", "behind", "under_replicated")
	return t
}

// Add writes an interval.
func (t *Table) Add(i *Interval) {
	ack, e2e := quantiles(i.Ack, shown[:]), quantiles(i.E2E, shown[:])
	t.row(i.From/1000, i.Until/1000, i.Due, i.Acked, i.Read, ack[0], ack[1], ack[2], QuantileOf(i.AckSent, 990_000), e2e[0], e2e[1], e2e[2], i.Overdue, i.Behind, i.UnderReplica)
}

// shown are the quantiles of a table, in millionths.
var shown = [...]int64{500_000, 990_000, 1_000_000}

func (t *Table) row(cells ...any) {
	var texts []string
	for _, c := range cells {
		texts = append(texts, fmt.Sprint(c))
	}
	t.err = errors.Join(t.err, t.w.Write(texts))
}

// Err writes what is left, and is what could not be written.
func (t *Table) Err() error {
	t.w.Flush()
	return errors.Join(t.err, t.w.Error())
}
