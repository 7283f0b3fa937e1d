package roofline

import (
	"fmt"

	"brokersim/checker/result"
)

// Titles of the sources of the rules.
const (
	sourceAWS     = "AWS Big Data Blog: Best practices for right-sizing your Apache Kafka clusters to optimize performance and cost (2022)"
	sourceScript  = "AWS: msk_sizing.py, agent-toolkit-for-aws (2026)"
	sourceNetflix = "Netflix: service-capacity-modeling, kafka.py (2026)"
)

// Cloud is what the provider promises of one broker, bytes a second; a figure is 0
// where there is no such thing.
type Cloud struct {
	Storage int64 // of the volume
	EBS     int64 // of the network to the volume
	Net     int64 // of the network
}

// AWSEquation is what AWS's first equation allows a cluster to take in, and 80 % of
// it, which it recommends.
func AWSEquation(c Cloud, l Load) []result.Roof {
	brokers := whole(l.there())
	var least number
	how := ""
	consider := func(name string, each int64, divisor number, written string) {
		if each == 0 || divisor.Sign() <= 0 {
			return
		}
		bytes := over(times(whole(each), brokers), divisor)
		if least == nil || bytes.Cmp(least) < 0 {
			least = bytes
		}
		if how != "" {
			how += ", "
		}
		how += fmt.Sprintf("%s %s x %d / %s = %s", name, megabytes(whole(each)), l.there(), written, megabytes(bytes))
	}
	rf := whole(l.RF)
	consider("storage", c.Storage, rf, fmt.Sprint(l.RF))
	consider("network to it", c.EBS, rf, fmt.Sprint(l.RF))
	consider("network", c.Net, whole(l.Groups+l.RF-1), fmt.Sprintf("(%d + %d - 1)", l.Groups, l.RF))
	if least == nil {
		return nil
	}
	recommended := times(least, fraction(80, 100))
	rate, records := l.values(least)
	rate80, records80 := l.values(recommended)
	return []result.Roof{
		{What: "AWS Eq. 1", Rate: rate, How: "the least of " + how + "; " + records, Source: sourceAWS},
		{What: "AWS Eq. 1 at 80 %", Rate: rate80, How: "0.8 x " + megabytes(least) + "; " + records80, Source: sourceAWS},
	}
}

// AWSScript is what AWS's sizing script allows: it keeps room for rebalancing and
// for readers that lag, and half of that.
func AWSScript(c Cloud, l Load) *result.Roof {
	if c.Net == 0 {
		return nil
	}
	divisor := plus(fraction(57, 10), times(fraction(15, 10), whole(l.Groups)))
	each := over(whole(c.Net), divisor)
	how := fmt.Sprintf("network %s / (5.7 + 1.5 x %d) = %s", mebibytes(whole(c.Net)), l.Groups, mebibytes(each))
	if c.EBS > 0 {
		volume := over(whole(c.EBS), fraction(65, 10))
		how = fmt.Sprintf("the less of network to the volume %s / 6.5 = %s and %s", mebibytes(whole(c.EBS)), mebibytes(volume), how)
		each = lesser(each, volume)
	}
	half := times(each, fraction(1, 2))
	rate, records := l.values(times(half, whole(l.there())))
	return &result.Roof{
		What: "AWS sizing script", Rate: rate, Source: sourceScript,
		How: fmt.Sprintf("%s; x 0.5 = %s a broker; x %d: %s", how, mebibytes(half), l.there(), records),
	}
}

// Netflix's planner: traffic x 1.4 within the network, 30 ms of a core to write a
// MiB and 40 ms to read one.
func Netflix(b Broker, l Load) []result.Roof {
	var roofs []result.Roof
	if b.NICBits > 0 {
		in, out := l.RF, l.Groups+l.RF-1
		bytes := over(times(fraction(b.NICBits, 8), whole(l.there())), times(fraction(14, 10), whole(max(in, out))))
		rate, records := l.values(bytes)
		roofs = append(roofs, result.Roof{
			What: "Netflix, network", Rate: rate, Source: sourceNetflix,
			How: fmt.Sprintf("%s x %d / (1.4 x the larger of in %d and out %d) = %s", gigabits(b.NICBits), l.there(), in, out, records),
		})
	}
	if b.Cores > 0 {
		milliseconds := 30 + 40*l.Groups
		bytes := over(whole(b.Cores*l.there()*1000<<20), whole(milliseconds))
		rate, records := l.values(bytes)
		roofs = append(roofs, result.Roof{
			What: "Netflix, CPU", Rate: rate, Source: sourceNetflix,
			How: fmt.Sprintf("%s x %d / (30 ms + %d x 40 ms a MiB) = %s", plural(b.Cores, "core", "cores"), l.there(), l.Groups, records),
		})
	}
	return roofs
}

// values turns payload bytes a second into records a second: the rules speak of
// what the application sends.
func (l Load) values(bytes number) (rate int64, how string) {
	size := max(l.Value, 1)
	rate = floor(over(bytes, whole(size)))
	return rate, fmt.Sprintf("%s / %s B = %s records/s", megabytes(bytes), result.Count(size), result.Count(rate))
}
