package roofline

import (
	"strings"
	"testing"
)

// Readers are a roof like any other, whatever there is of partitions.
func TestReaders(t *testing.T) {
	for _, row := range []struct {
		readers, partitions, ns, want int64
		how                           string
	}{
		{4, 0, 1000, 4_000_000, "4 members of a group / (1 us a record) = 4,000,000 records/s"},
		{12, 12, 1_001_000, 11_988, "12 members of a group / (1,001 us a record) = 11,988 records/s"},
		{4, 10, 100_000, 33_333, "; the busiest of them reads 3 of 10 partitions"},
		{20, 10, 100_000, 100_000, "; the busiest of them reads 1 of 10 partitions"},
	} {
		got := roofOf(Roofs(Broker{}, Producers{}, Load{Brokers: 3, RF: 3, Groups: 2, Partitions: row.partitions, Readers: row.readers, ReadNS: row.ns, Stored: 1}), "readers")
		if got == nil || got.Rate != row.want || !strings.HasSuffix(got.How, row.how) || !got.Bound {
			t.Errorf("%+v: %+v", row, got)
		}
	}
	for _, l := range []Load{{Readers: 3, ReadNS: 1}, {Groups: 1, ReadNS: 1}, {Groups: 1, Readers: 3}} {
		l.Brokers, l.RF, l.Stored = 3, 3, 1
		if got := Roofs(Broker{}, Producers{}, l); got != nil {
			t.Errorf("%+v", got)
		}
	}
}
