package roofline

import (
	"fmt"

	"brokersim/checker/result"
)

// readers: each group reads everything, each of its members is one thread that works on
// one record after the other. The one with most partitions is what the group waits for:
// 10 partitions keep 4 members as busy as if there were 3.33, and no more than 10.
func readers(l Load) *result.Roof {
	if l.Groups == 0 || l.Readers == 0 || l.ReadNS == 0 {
		return nil
	}
	busy, why := whole(l.Readers), ""
	if l.Partitions > 0 && l.Partitions%l.Readers != 0 {
		most := ceiling(l.Partitions, l.Readers)
		busy, why = fraction(l.Partitions, most), fmt.Sprintf("; the busiest of them reads %d of %s", most, plural(l.Partitions, "partition", "partitions"))
	}
	rate := floor(over(times(busy, whole(1e9)), whole(l.ReadNS)))
	return &result.Roof{
		What: "readers", Rate: rate, Bound: true,
		How:    fmt.Sprintf("%s of a group / (%s a record) = %s records/s%s", plural(l.Readers, "member", "members"), microseconds(whole(l.ReadNS)), result.Count(rate), why),
		Source: "arithmetic, with the work of the load and the costs of the profile",
	}
}
