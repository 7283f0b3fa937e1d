package validation

import (
	"fmt"
	"math/big"

	"brokersim/sim/profile"
	"brokersim/sim/roofline"
)

// formula is a figure that a published formula gives.
type formula struct {
	figure
	value func() *big.Rat
}

// msk are what AWS's article promises of a broker, bytes a second.
func msk(ebs, net int64) roofline.Cloud {
	return roofline.Cloud{Storage: 262_100_000, EBS: ebs, Net: net}
}

func formulas() (list []formula) {
	for _, x := range []struct {
		row      string
		ebs, net int64
	}{
		{"S4-eq1-m5.large", 81_250_000, 93_750_000},
		{"S4-eq1-m5.xlarge", 143_750_000, 156_250_000},
		{"S4-eq1-m5.2xlarge", 287_500_000, 312_500_000},
	} {
		at := func(i int) func() *big.Rat {
			return func() *big.Rat {
				return big.NewRat(roofline.AWSEquation(msk(x.ebs, x.net), roofline.Load{Brokers: 3, RF: 3, Groups: 2, Value: 1})[i].Rate, 1_000_000)
			}
		}
		list = append(list,
			formula{figure{x.row, "limit_MB_s", "Eq. 1, MB/s", exact}, at(0)},
			formula{figure{x.row, "recommended_80pct", "80 % of Eq. 1, MB/s", exact}, at(1)})
	}
	for i, inFlight := range []int64{200, 1000, 10_000} {
		at, what := fmt.Sprint(i+3), fmt.Sprintf("with %d in flight", inFlight)
		list = append(list,
			formula{figure{"S14-2020-quorum", "rec_s." + at, "messages a second " + what, calibrated}, func() *big.Rat { return big.NewRat(1_000_000_000, queueMessage()) }},
			formula{figure{"S14-2020-quorum", "p50_ms." + at, "p50 " + what + ", ms", median}, func() *big.Rat { return big.NewRat(inFlight*queueMessage(), 1_000_000) }})
	}
	return append(list,
		formula{figure{"S4b-example", "brokers", "brokers of m7g.xlarge", exact}, func() *big.Rat { return scriptBrokers("msk-m7g.xlarge") }},
		formula{figure{"S4b-example", "m5_large_brokers", "brokers of m5.large", exact}, func() *big.Rat { return scriptBrokers("msk-m5.large") }},
		formula{figure{"S20-cache", "example_minutes", "minutes of writes in the page cache", gate{Mil: 100}}, func() *big.Rat {
			seconds, _ := roofline.CacheSeconds(32_000_000_000, 50_000_000, roofline.Load{Brokers: 1, RF: 1})
			return big.NewRat(seconds, 60)
		}})
}

// queueMessage is what a message costs the process of a quorum queue, in nanoseconds.
// With enough messages in flight for it never to rest, its rate is the inverse, and by
// Little's law each is there for as long as all of them cost.
func queueMessage() int64 { return sheet(profile.Costs("rabbitmq")).Times(profile.QuorumQueue, 1000) }

// scriptBrokers is how many brokers AWS's script asks for 500 MiB/s in and 1000 out
// in three zones.
func scriptBrokers(name string) *big.Rat {
	h, err := profile.Hardware(name)
	if err != nil {
		panic(err)
	}
	cloud := roofline.Cloud{EBS: h.Times(profile.DiskWrite, 1_000_000), Net: h.Times(profile.NICBaseline, 1_000_000)}
	each := roofline.AWSScript(cloud, roofline.Load{Brokers: 1, RF: 3, Groups: 2, Value: 1}).Rate
	const zones, asked = 3, 500 << 20
	brokers := (asked + each - 1) / each
	return big.NewRat((brokers+zones-1)/zones*zones, 1)
}
