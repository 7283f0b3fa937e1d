package roofline

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
)

// writeAmplification is how much more than the log a disk takes: indexes and
// segment ends. Measured as 1.05 by S3 of the published rows.
var writeAmplification = fraction(105, 100)

// networkIn: every replica takes every byte once.
func networkIn(b Broker, l Load) *result.Roof {
	if b.NICBits == 0 {
		return nil
	}
	n, why := l.replicas()
	bytes := over(times(fraction(b.NICBits, 8), b.payload(), n), l.copies())
	rate, records := l.records(bytes)
	return &result.Roof{
		What: "network in", Rate: rate, Bound: true,
		How:    fmt.Sprintf("%s x %s x %s / %s = %s%s", gigabits(b.NICBits), decimal(b.payload(), 3), brokersOf(n), copiesOf(l), records, why),
		Source: "arithmetic: X in makes X x RF of network in",
	}
}

// networkOut: leaders send every byte to each group of readers and to each follower.
func networkOut(b Broker, l Load) *result.Roof {
	fan := plus(whole(l.Groups), plus(l.copies(), whole(-1)))
	if b.NICBits == 0 || fan.Sign() <= 0 {
		return nil
	}
	n, why := l.leaders()
	bytes := over(times(fraction(b.NICBits, 8), b.payload(), n), fan)
	rate, records := l.records(bytes)
	return &result.Roof{
		What: "network out", Rate: rate, Bound: true,
		How: fmt.Sprintf("%s x %s x %s / (%s + %s - 1) = %s%s", gigabits(b.NICBits), decimal(b.payload(), 3), brokersOf(n),
			plural(l.Groups, "group", "groups"), short(l.copies()), records, why),
		Source: "arithmetic: X in makes X x (groups + RF - 1) of network out",
	}
}

// diskWrite: what stays written is written by every replica.
func diskWrite(b Broker, l Load) *result.Roof {
	if b.WriteBytes == 0 || b.LogDirs == 0 {
		return nil
	}
	n, why := l.replicas()
	bytes := over(times(whole(b.WriteBytes), whole(b.LogDirs), n), times(l.copies(), writeAmplification))
	rate, records := l.records(bytes)
	return &result.Roof{
		What: "disk write", Rate: rate, Bound: true,
		How: fmt.Sprintf("%s x %s x %s / (%s x %s) = %s%s", plural(b.LogDirs, "disk", "disks"), megabytes(whole(b.WriteBytes)), brokersOf(n),
			copiesOf(l), decimal(writeAmplification, 2), records, why),
		Source: "arithmetic, with the log write amplification 1.05 that Vanlightly measured (Kafka vs Redpanda performance, 2023)",
	}
}

func copiesOf(l Load) string {
	if l.copies().Cmp(whole(1)) == 0 {
		return "1 copy"
	}
	return short(l.copies()) + " copies"
}

// brokerCPU: a record is appended once, copied to the followers and served to each group.
func brokerCPU(b Broker, l Load) *result.Roof {
	if b.Cores == 0 {
		return nil
	}
	parts := []struct {
		what  string
		cost  Cost
		times number
	}{
		{"append", b.Append, whole(1)},
		{"copy", b.Copy, plus(l.copies(), whole(-1))},
		{"serve", b.Serve, whole(l.Groups)},
	}
	total, terms := whole(0), []string{}
	for _, p := range parts {
		each := p.cost.each(l, p.what == "append")
		if each.Sign() == 0 || p.times.Sign() <= 0 {
			continue
		}
		total = plus(total, times(each, p.times))
		terms = append(terms, fmt.Sprintf("%s %s x %s", p.what, short(p.times), microseconds(each)))
	}
	if total.Sign() == 0 {
		return nil
	}
	n, why := l.leaders()
	rate := floor(over(times(whole(b.Cores), whole(1e9), n), total))
	return &result.Roof{
		What: "broker CPU", Rate: rate, Bound: true,
		How: fmt.Sprintf("%s x %s / (%s = %s a record) = %s records/s%s", plural(b.Cores, "core", "cores"), brokersOf(n),
			strings.Join(terms, " + "), microseconds(total), result.Count(rate), why),
		Source: "costs of the profile, by request, record and byte",
	}
}

// each is what one record costs, in nanoseconds: its share of the request, itself,
// its bytes.
func (c Cost) each(l Load, request bool) number {
	ns := plus(whole(c.RecordNS), fraction(c.BytePS*l.Stored, 1000))
	if request && l.BatchMilli > 0 {
		ns = plus(ns, fraction(c.RequestNS*1000, l.BatchMilli))
	}
	return ns
}

// fsync: every replica waits for its disk once for a batch, or for as many as one
// fsync covers.
func fsync(b Broker, l Load) *result.Roof {
	if !l.SyncEvery || b.FsyncUS == 0 || b.LogDirs == 0 || l.BatchMilli == 0 {
		return nil
	}
	n, why := l.replicas()
	joined := max(b.Joined, 1)
	batches := over(times(fraction(1e6, b.FsyncUS), whole(b.LogDirs), n, whole(joined)), l.copies())
	rate := floor(times(batches, fraction(l.BatchMilli, 1000)))
	covers := ""
	if joined > 1 {
		covers = fmt.Sprintf(" x %d batches an fsync", joined)
	}
	return &result.Roof{
		What: "fsync", Rate: rate, Bound: true,
		How: fmt.Sprintf("1 s / %s x %s x %s%s / %s = %s batches/s x %s records = %s records/s%s", microseconds(whole(b.FsyncUS*1000)),
			plural(b.LogDirs, "disk", "disks"), brokersOf(n), covers, copiesOf(l), short(batches), short(fraction(l.BatchMilli, 1000)), result.Count(rate), why),
		Source: "arithmetic: one fsync at a time on each disk",
	}
}
