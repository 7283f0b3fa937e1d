package capacity

import (
	"fmt"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim/profile"
	"brokersim/sim/scenario"
	"brokersim/workloads"
)

// Study is a question about capacity: a load, what it has to meet, and the cluster
// that has to carry it.
type Study struct {
	Name string
	File string // as it was named, for errors and the command that repeats it

	Load    Load
	Cluster Cluster
	SLO     result.SLO
	Seeds   []uint64
	// Hardware is that of a broker, Costs what work costs on it.
	Hardware, Costs *profile.Sheet
	Clients         *profile.Sheet // of the machine of each client; nil: its network has no bound
	NoInterference  bool           // no collections of garbage
	clean           bool           // no dirty pages at first: of a test
	Set             []config.Entry // Kafka's settings, above those that Cluster implies

	// Faults is a schedule that every run goes through but those that show what becomes of a
	// fault of their own; its times count from when the load begins. FaultsLine is the
	// line of the file before it.
	Faults     string
	FaultsLine int
	Promise    []string // what runs are held to beyond what their settings imply

	Shapes    []string      // other profiles to consider
	Retention time.Duration // how long records are kept; 0: not said
	DiskBytes int64         // of a broker, for that; 0: unknown

	Explore time.Duration // how long a run of the search is, with its warm-up
	Measure time.Duration // and one at the answer
	Warm    time.Duration // how much at the start of either does not count
}

// Load is what clients do, at any rate.
type Load struct {
	Topics, Partitions int64           // Partitions of each topic
	Producers          int64           // of each topic
	Groups, Members    int64           // groups of readers of each topic, and members of each group
	Sizes              workloads.Sizes // of values
	Keys               workloads.Keys
	Arrivals           workloads.Arrivals // at the rate
	Work               time.Duration      // of a reader, for a record
	Rate               int64              // records a second that are asked for; 0: as many as it can
}

// Cluster is a shape and how it is configured.
type Cluster struct {
	Profile    string
	Brokers    int64
	RF, MinISR int64
	Acks       string // all, 1 or 0
	SyncEvery  bool   // every batch is on the disk before it is acknowledged
	// Zones is over how many zones brokers and clients are spread: with more than one,
	// all ways are those from zone to zone, also of the clients that have a broker in
	// their own.
	Zones     int64
	Linger    time.Duration
	BatchSize int64
}

// Where the load begins: late enough for the topics to be there and, on one broker
// less, for the broker to have been fenced (its session of 9 s).
const (
	loadFrom     = time.Second
	lostAt       = time.Second
	loadFromLost = 12 * time.Second
)

// scenario is a run of the study as a scenario.
func (s *Study) scenario(p *Probe) scenario.Case {
	from := loadFrom
	faults := p.Faults
	if p.Lost {
		from = loadFromLost
		faults = fmt.Sprintf("%v crash %s\n", lostAt, s.victim()) + faults
	}
	spec := &scenario.Spec{
		Name: s.Name, File: s.File, Brokers: int(s.Cluster.Brokers),
		For: from + p.For, Settle: drain,
		Bulk: &scenario.Bulk{From: from, Warm: from + p.Warm, Limits: measure.Limits{Ack: s.SLO.AckP99US * 1000, E2E: s.SLO.E2EP99US * 1000}, Hopeless: s.hopeless(p)},
		Set:  append(s.settings(), s.Set...), Promise: s.Promise,
	}
	if s.Hardware != nil {
		spec.Bulk.Machines = s.machines(s.intoLog(p.Rate))
	}
	for t := range s.Load.Topics {
		name := fmt.Sprintf("topic-%d", t+1)
		spec.Topics = append(spec.Topics, scenario.Topic{Name: name, Partitions: int32(s.Load.Partitions), Replication: int16(s.Cluster.RF)})
		for i := range s.Load.Producers {
			x := scenario.Producer{
				Name: fmt.Sprintf("producer-%d", t*s.Load.Producers+i+1), Topic: name,
				RatePerSecond: max(share(p.Rate, s.Load.Topics*s.Load.Producers, t*s.Load.Producers+i), 1),
				Arrivals:      s.Load.Arrivals, Keys: s.Load.Keys, Sizes: s.Load.Sizes,
			}
			spec.Producers = append(spec.Producers, x)
		}
	}
	for g := range s.Load.Groups {
		for t := range s.Load.Topics {
			for m := range s.Load.Members {
				spec.Readers = append(spec.Readers, scenario.Reader{
					Name:   fmt.Sprintf("reader-%d-%d", g+1, t*s.Load.Members+m+1),
					Group:  groupName(g),
					Topics: []string{fmt.Sprintf("topic-%d", t+1)}, Work: s.readCost(),
					Wake: duration(s.Costs, profile.ConsumerWake, nanoUS),
				})
			}
		}
	}
	if p.Faults == "" {
		faults += s.faultsFrom(spec, from)
	}
	c := scenario.Case{Spec: spec, Seed: p.Seed}
	if faults != "" {
		c.Faults = &faults
	}
	return c
}

// stored is how many bytes a record takes in a log, without its share of the batch's
// header.
func (s *Study) stored() int64 { return s.Load.value() + s.Costs.Times(profile.RecordHeader, 1) }

// value is the mean size of a value: of a distribution, that of some thousand draws.
func (l *Load) value() int64 {
	if l.Sizes.Dist == workloads.FixedSize {
		return l.Sizes.Bytes
	}
	const n = 4096
	draw, sum := workloads.NewSizeDraw(l.Sizes, machine.NewDraw(0, "mean size")), int64(0)
	for i := range uint64(n) {
		sum += draw.Draw(i)
	}
	return sum / n
}

// most is the highest rate that the load can offer: of what comes in batches no more is
// due than they hold, whatever the rate. 0 is without bound.
func (l *Load) most() int64 {
	b := &l.Arrivals.Batch
	if b.Every <= 0 {
		return 0
	}
	return l.Topics * l.Producers * b.Most * int64(time.Second) / int64(b.Every)
}

// peak is how many thousandths of its mean a load may come to.
func (l *Load) peak() int64 {
	peak, highest := int64(1000), int64(1000)
	switch a := &l.Arrivals; a.Process {
	case workloads.Bursty:
		peak = int64(a.Bursts.Factor)
	case workloads.Diurnal:
		peak = int64(a.Day.Peak)
	case workloads.Traced:
		peak = tracedPeak
	}
	for _, x := range l.Arrivals.Envelope {
		highest = max(highest, int64(x.Factor), int64(x.To))
	}
	return max(peak, 1000) * highest / 1000
}

// tracedPeak is what is thought of a trace, which may be anything.
const tracedPeak = 10_000

// intoLog is how many bytes a second a rate writes into the log of each broker.
func (s *Study) intoLog(rate int64) int64 {
	return rate * s.stored() * s.Cluster.RF / s.Cluster.Brokers
}

func groupName(g int64) string { return fmt.Sprintf("group-%d", g+1) }

// share is the i-th part of a number that is divided as evenly as it can be.
func share(n, parts, i int64) int64 {
	x := n / parts
	if i < n%parts {
		x++
	}
	return x
}

// victim is the broker that is lost: the last, as good as any other.
func (s *Study) victim() string { return fmt.Sprintf("b%d", s.Cluster.Brokers) }

// drain bounds how long readers may take for what is left when the load ends.
const drain = 10 * time.Second

// settings are Kafka's names for what the study says of its cluster and clients.
func (s *Study) settings() []config.Entry {
	c := &s.Cluster
	set := []config.Entry{
		{Key: "topic.min.insync.replicas", Value: fmt.Sprint(c.MinISR)},
		{Key: "producer.acks", Value: c.Acks},
		{Key: "producer.linger.ms", Value: fmt.Sprint(c.Linger.Milliseconds())},
		{Key: "producer.batch.size", Value: fmt.Sprint(c.BatchSize)},
		{Key: "consumer.auto.offset.reset", Value: "earliest"},
	}
	if c.SyncEvery {
		set = append(set, config.Entry{Key: "topic.flush.messages", Value: "1"})
	}
	return set
}
