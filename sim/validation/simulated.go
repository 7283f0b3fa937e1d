package validation

import (
	"fmt"
	"math/big"
	"time"

	"brokersim/broker/log/config"
	"brokersim/checker/result"
	"brokersim/sim/capacity"
	"brokersim/sim/profile"
	"brokersim/workloads"
)

// run is a point of a study that stands for a published row.
type run struct {
	study   capacity.Study // its name is the row's
	rate    int64
	warm    time.Duration
	length  time.Duration // with warm
	figures []simulated
}

// simulated is a figure that a run gives.
type simulated struct {
	figure
	of func(*result.Point) *big.Rat
}

const seed = 1

// do makes the run.
func (r *run) do() (*result.Point, error) {
	s := r.study
	var err error
	if s.Hardware == nil {
		if s.Hardware, err = profile.Hardware(s.Cluster.Profile); err != nil {
			return nil, err
		}
	}
	if s.Costs == nil {
		if s.Costs, err = profile.Costs("kafka"); err != nil {
			return nil, err
		}
	}
	o := capacity.Run(&s, capacity.Probe{Rate: r.rate, Seed: seed, Warm: r.warm, For: r.length, Rows: true}) // watched to its end, whatever waits
	if o.Err != "" {
		return nil, fmt.Errorf("%s: %s", s.Name, o.Err)
	}
	return &o.Point, nil
}

func achieved(p *result.Point) *big.Rat { return big.NewRat(p.Achieved, 1) }

// ms is a percentile in milliseconds.
func ms(of func(*result.Point) int64) func(*result.Point) *big.Rat {
	return func(p *result.Point) *big.Rat { return big.NewRat(of(p), 1000) }
}

func ackP50(p *result.Point) int64 { return p.Ack.P50 }
func ackP99(p *result.Point) int64 { return p.Ack.P99 }
func e2eP50(p *result.Point) int64 { return p.E2E.P50 }
func e2eP99(p *result.Point) int64 { return p.E2E.P99 }

// cases are the runs, with what the row's source says of load and hardware. A load
// that was without bound is one above what the row reached.
func cases() []run {
	return []run{
		kreps("S1-1p-rf1", 100, 1, 8196, 1_200_000),
		kreps("S1-size-10", 10, 3, 128_000, 1_300_000),
		kreps("S1-size-100000", 100_000, 3, 128_000, 1_600),
		krepsReader(),
		confluent("S2-kafka-200k", 200_000, time.Millisecond, 131_072, 10*time.Second,
			simulated{figure{"S2-kafka-200k", "rec_s", "records a second", calibrated}, achieved},
			simulated{figure{"S2-kafka-200k", "publish_ms.p50", "publish p50, ms", median}, ms(ackP50)},
			simulated{figure{"S2-kafka-200k", "e2e_ms.p50", "end-to-end p50, ms", median}, ms(e2eP50)},
			simulated{figure{"S2-kafka-200k", "publish_ms.p99", "publish p99, ms", tail}, ms(ackP99)},
			simulated{figure{"S2-kafka-200k", "e2e_ms.p99", "end-to-end p99, ms", tail}, ms(e2eP99)}),
		confluent("S2-kafka-peak", 1_000_000, 10*time.Millisecond, 1_048_576, 6*time.Second,
			simulated{figure{"S2-kafka-peak", "rec_s", "records a second", calibrated}, achieved}),
		aws(8, tail), aws(48, tail), aws(96, reported),
	}
}

// sheet is one that comes with the program.
func sheet(s *profile.Sheet, err error) *profile.Sheet {
	if err != nil {
		panic(err)
	}
	return s
}

// set are Kafka's settings, each with its value.
func set(pairs ...string) (list []config.Entry) {
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, config.Entry{Key: pairs[i], Value: pairs[i+1]})
	}
	return list
}

// kreps is one sender without bound on three servers of 2014.
func kreps(id string, size, rf, batch, rate int64) run {
	return run{
		study: capacity.Study{
			Name: id, Load: capacity.Load{Topics: 1, Partitions: 6, Sizes: workloads.Sizes{Bytes: size}, Producers: 1},
			Cluster: capacity.Cluster{Profile: "commodity-2014-hdd", Brokers: 3, RF: rf, MinISR: 1, Acks: "1", BatchSize: batch},
			Clients: sheet(profile.Hardware("commodity-2014-hdd")),
			Set:     set("producer.partitioner.class", config.PartitionerRoundRobin), // of its time
		},
		rate: rate, warm: 2 * time.Second, length: 6 * time.Second,
		figures: []simulated{{figure{id, "rec_s", "records a second", calibrated}, achieved}},
	}
}

// krepsReader is one reader of a full log. It was written before, to three copies;
// here three senders write it meanwhile, to one, faster than it can be read: a reader
// asks the leader alone, and finds the log in memory.
func krepsReader() run {
	r := kreps("S1-1c", 100, 1, 64_000, 1_300_000)
	r.warm, r.length = time.Second, 3*time.Second
	r.study.Load.Producers, r.study.Load.Groups, r.study.Load.Members = 3, 1, 1
	r.study.Cluster.Linger = 10 * time.Millisecond // so that batches are full
	r.figures = []simulated{{figure{"S1-1c", "rec_s", "records read a second", calibrated}, func(p *result.Point) *big.Rat { return big.NewRat(p.Read, 1) }}}
	return r
}

// confluent is the test of 2020: four senders, four readers, 100 partitions.
func confluent(id string, rate int64, linger time.Duration, batch int64, measured time.Duration, figures ...simulated) run {
	return run{
		study: capacity.Study{
			Name: id, Load: capacity.Load{Topics: 1, Partitions: 100, Sizes: workloads.Sizes{Bytes: 1024}, Producers: 4, Groups: 1, Members: 4},
			Cluster: capacity.Cluster{Profile: "aws-i3en.2xlarge", Brokers: 3, RF: 3, MinISR: 2, Acks: "all", Linger: linger, BatchSize: batch},
			Set:     set("producer.partitioner.class", config.PartitionerSticky, "broker.num.replica.fetchers", "8"),
		},
		rate: rate, warm: 2 * time.Second, length: 2*time.Second + measured, figures: figures,
	}
}

// aws is a point of the curve of three m5.xlarge, at so many MB/s.
func aws(megabytes int64, of99 gate) run {
	const id = "S4-curve-m5.xlarge"
	at := fmt.Sprint(megabytes)
	r := run{
		study: capacity.Study{
			Name: id, Load: capacity.Load{Topics: 1, Partitions: 72, Sizes: workloads.Sizes{Bytes: 1024}, Producers: 6, Groups: 2, Members: 3},
			Cluster: capacity.Cluster{Profile: "msk-m5.xlarge", Brokers: 3, RF: 3, MinISR: 2, Acks: "all", Linger: 5 * time.Millisecond, BatchSize: 262_114, Zones: 3},
			Set:     set("producer.partitioner.class", config.PartitionerSticky), // of Kafka 2.8
		},
		rate: megabytes * 1_000_000 / 1024, warm: 2 * time.Second, length: 8 * time.Second,
		figures: []simulated{{figure{id, "publish_p99_ms." + at, "publish p99 at " + at + " MB/s, ms", of99}, ms(ackP99)}},
	}
	if megabytes == 8 || megabytes == 96 {
		r.figures = append(r.figures, simulated{figure{id, "publish_p50_ms." + at, "publish p50 at " + at + " MB/s, ms", median}, ms(ackP50)})
	}
	return r
}
