package roofline

import (
	"fmt"

	"brokersim/checker/result"
)

// fullAt is how full a disk may become: MSK's alarm is at 85 %.
var fullAt = fraction(85, 100)

// Retention is the disk that bytesPerSecond into the cluster take for so long, with
// 20 % for segments that are not yet deleted. disk is what one broker has; 0 is unknown.
func Retention(bytesPerSecond, seconds, disk int64, l Load) *result.Retention {
	all := times(whole(bytesPerSecond), whole(seconds), whole(l.RF), fraction(12, 10))
	each := over(all, whole(l.Brokers))
	r := &result.Retention{
		BytesPerSecond: bytesPerSecond, Seconds: seconds, RF: l.RF, Bytes: floor(all), PerNode: floor(each), Disk: disk,
		How: fmt.Sprintf("%s x %s x %d copies x 1.2 = %s, on %s %s each", megabytes(whole(bytesPerSecond)), duration(seconds), l.RF, terabytes(all),
			plural(l.Brokers, "broker", "brokers"), terabytes(each)),
	}
	if disk > 0 {
		r.Used = nearest(over(times(each, whole(1000)), whole(disk)))
		if bytesPerSecond > 0 {
			perNode := fraction(bytesPerSecond*l.RF, l.Brokers)
			r.FullAfter = floor(over(times(whole(disk), fullAt), perNode))
			r.How += fmt.Sprintf(": %s %% of %s; without deletion it is at 85 %% after %s", decimal(fraction(r.Used, 10), 1), terabytes(whole(disk)), duration(r.FullAfter))
		}
	}
	return r
}

// CacheSeconds is for how long what was written stays in memory that is free for
// the page cache: M / (W x R), with M over all brokers.
func CacheSeconds(memory, bytesPerSecond int64, l Load) (seconds int64, how string) {
	if bytesPerSecond == 0 {
		return 0, "nothing is written"
	}
	seconds = floor(over(times(whole(memory), whole(l.there())), times(whole(bytesPerSecond), l.copies())))
	return seconds, fmt.Sprintf("%s x %s / (%s x %s) = %s", terabytes(whole(memory)), plural(l.there(), "broker", "brokers"), megabytes(whole(bytesPerSecond)), copiesOf(l), duration(seconds))
}

// Partitions is how many a topic needs for its rate, when one takes produce and
// gives consume records a second: max(t/p, t/c), rounded up (Rao 2015).
func Partitions(rate, produce, consume int64) (n int64, how string) {
	n = max(ceiling(rate, produce), ceiling(rate, consume))
	return n, fmt.Sprintf("the larger of %s / %s and %s / %s records/s, rounded up = %d", result.Count(rate), result.Count(produce), result.Count(rate), result.Count(consume), n)
}

func terabytes(bytes number) string {
	switch {
	case bytes.Cmp(whole(1e12)) >= 0:
		return short(over(bytes, whole(1e12))) + " TB"
	case bytes.Cmp(whole(1e9)) >= 0:
		return short(over(bytes, whole(1e9))) + " GB"
	}
	return short(over(bytes, whole(1e6))) + " MB"
}

// duration writes seconds in the unit that people use for so many.
func duration(seconds int64) string {
	switch {
	case seconds >= 48*3600:
		return short(fraction(seconds, 24*3600)) + " d"
	case seconds >= 2*3600:
		return short(fraction(seconds, 3600)) + " h"
	case seconds >= 120:
		return short(fraction(seconds, 60)) + " min"
	}
	return fmt.Sprintf("%d s", seconds)
}
