package roofline

import (
	"fmt"
	"math/big"

	"brokersim/checker/result"
)

// combined is what a record costs a producer whose thread takes cpu and whose
// network takes net nanoseconds for it: (cpu^4 + net^4)^(1/4). Neither waits for
// the other all the time nor never; with this rule one pair of figures fits the
// sizes of Kreps' benchmark of 2014, where the larger one of both is 26 % off and
// their sum 34 %.
func combined(cpu, net number) number {
	const places = 1 << 20 // of a nanosecond
	fourth := func(x number) number { return times(x, x, x, x) }
	sum := times(plus(fourth(cpu), fourth(net)), fourth(whole(places)))
	n := new(big.Int).Quo(sum.Num(), sum.Denom())
	root := n.Sqrt(n.Sqrt(n))
	return new(big.Rat).SetFrac(root, big.NewInt(places))
}

// producers: each is one thread before one network connection.
func producers(p Producers, l Load) *result.Roof {
	if p.Count == 0 || p.RecordNS == 0 {
		return nil
	}
	cost, how := whole(p.RecordNS), microseconds(whole(p.RecordNS))+" CPU"
	if p.NetBytes > 0 {
		net := fraction(l.Stored*1e9, p.NetBytes)
		cost = combined(cost, net)
		how = fmt.Sprintf("(%s CPU)^4 + (%s B / %s = %s)^4, fourth root: %s", microseconds(whole(p.RecordNS)), result.Count(l.Stored), megabytes(whole(p.NetBytes)),
			microseconds(net), microseconds(cost))
	}
	rate := floor(over(whole(p.Count*1e9), cost))
	return &result.Roof{
		What: "producer CPU", Rate: rate, Bound: true,
		How:    fmt.Sprintf("%s / (%s a record) = %s records/s", plural(p.Count, "producer", "producers"), how, result.Count(rate)),
		Source: "costs of the profile; the way they combine is fitted to Kreps, Benchmarking Apache Kafka (2014)",
	}
}

// ProducerRate is how many records of so many bytes in the log one producer sends
// in a second.
func ProducerRate(p Producers, stored int64) int64 {
	p.Count = 1
	return producers(p, Load{Stored: stored}).Rate
}
