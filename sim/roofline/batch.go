package roofline

import "math/big"

// Batch is what lingering comes to.
type Batch struct {
	RecordsMilli int64 // mean records of a batch, thousandths
	WaitUS       int64 // mean wait of a record until its batch closes
}

// Batching is the batch of an accumulator (one producer, one partition) that gets
// perSecond/1000 records a second by a Poisson process: it closes lingerUS after
// its first record, or with its most-th. With most 0 only time closes it.
//
//	E[B] = 1 + sum over k = 1 .. most-1 of P(Poisson(rate x linger) >= k)
//
// and the mean wait is the integral of the batch's size over its life, divided by
// E[B]: 1/rate x sum of k P(Poisson >= k) / E[B]; for most = 0 it is
// T (1 + m/2) / (1 + m) with m = rate x linger.
func Batching(perSecondMilli, lingerUS, most int64) Batch {
	mean := fraction(perSecondMilli*lingerUS, 1e9) // records while it lingers
	if most == 1 || mean.Sign() == 0 {
		return Batch{RecordsMilli: 1000, WaitUS: waitAlone(lingerUS, most)}
	}
	records, area := plus(whole(1), mean), plus(mean, over(times(mean, mean), whole(2)))
	if most > 0 {
		records, area = truncated(mean, most)
	}
	wait := over(times(area, whole(1e9)), times(whole(perSecondMilli), records))
	return Batch{RecordsMilli: nearest(times(records, whole(1000))), WaitUS: nearest(wait)}
}

// waitAlone is the wait of a record that no other joins.
func waitAlone(lingerUS, most int64) int64 {
	if most == 1 {
		return 0
	}
	return lingerUS
}

// truncated are E[B] and the sum of k P(Poisson(mean) >= k), for k below most.
func truncated(mean number, most int64) (records, area number) {
	weights, total := poisson(mean)
	records, area = whole(1), whole(0)
	tail := new(big.Int).Set(total)
	for k := int64(1); k < most && k <= int64(len(weights)); k++ {
		tail.Sub(tail, weights[k-1])
		p := new(big.Rat).SetFrac(new(big.Int).Set(tail), total)
		records, area = rounded(plus(records, p)), rounded(plus(area, times(whole(k), p)))
	}
	return records, area
}

// poisson are the weights of 0, 1, ... arrivals, without the common factor e^-mean,
// and their sum. They stop where they are below 2^-128 of the first.
func poisson(mean number) (weights []*big.Int, total *big.Int) {
	weight := new(big.Int).Lsh(big.NewInt(1), 128)
	total = new(big.Int)
	for k := int64(1); weight.Sign() > 0; k++ {
		weights = append(weights, weight)
		total.Add(total, weight)
		next := new(big.Int).Mul(weight, mean.Num())
		weight = next.Quo(next, new(big.Int).Mul(mean.Denom(), big.NewInt(k)))
	}
	return weights, total
}

// rounded keeps 64 places after the binary point: a sum of many fractions would
// grow without end.
func rounded(a number) number {
	shifted := new(big.Int).Lsh(a.Num(), 64)
	return new(big.Rat).SetFrac(shifted.Quo(shifted, a.Denom()), new(big.Int).Lsh(big.NewInt(1), 64))
}
