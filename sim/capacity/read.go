package capacity

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/log/config"
	"brokersim/sim/profile"
	"brokersim/workloads"
	"brokersim/workloads/fields"
)

//go:embed studies/*.yaml
var studies embed.FS

// Names are the studies that come with the program, sorted.
func Names() (names []string) {
	entries, err := studies.ReadDir("studies")
	if err != nil {
		panic(err) // it is part of the program
	}
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Source is the file of a study that comes with the program.
func Source(name string) ([]byte, bool) {
	b, err := studies.ReadFile("studies/" + name + ".yaml")
	return b, err == nil
}

// Read reads a study: a workload of OpenMessaging Benchmark as it is, with what it has
// to meet and what shall carry it. An error is one line with its place and, for a word
// that is not known, the nearest one that is.
func Read(file string, src []byte) (*Study, error) {
	r := &reader{Reader: fields.New(file), s: &Study{
		Name: strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".yml"), File: file, Seeds: []uint64{1, 2, 3, 4, 5},
		Load:    Load{Topics: 1, Partitions: 1, Sizes: workloads.Sizes{Bytes: 1024}, Producers: 1, Groups: 1, Members: 1, Arrivals: workloads.Arrivals{Process: workloads.Poisson}},
		Cluster: Cluster{Brokers: 3, RF: 3, MinISR: 2, Acks: "all", Linger: 5 * time.Millisecond, BatchSize: 16384},
		Explore: 20 * time.Second, Measure: 60 * time.Second, Warm: 5 * time.Second,
	}}
	body := r.Document(src, "the study")
	if body == nil {
		return nil, r.Err()
	}
	r.Fields(body, "the study", r.known())
	r.Later(func() { r.complete(body) })
	if err := r.Done(); err != nil {
		return nil, err
	}
	if err := r.s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r.s, nil
}

// reader reads the fields of a study.
type reader struct {
	*fields.Reader
	s    *Study
	slo  bool
	dist string
}

// known are all fields: those of the benchmark, and ours.
func (r *reader) known() fields.Fields {
	s, l := r.s, &r.s.Load
	known := fields.Fields{
		"name":                      r.Name(&s.Name),
		"topics":                    r.count(&l.Topics, 1, 100),
		"partitionsPerTopic":        r.count(&l.Partitions, 1, 1000),
		"messageSize":               r.count(&l.Sizes.Bytes, 1, 1<<20),
		"sizes":                     workloads.ReadSizes(r.Reader, &l.Sizes, 1<<20),
		"keyDistributor":            r.Word(&r.dist, "NO_KEY", "KEY_ROUND_ROBIN", "RANDOM_NANO", "ZIPF", "HOTSPOT", "SEQUENTIAL"),
		"keys":                      workloads.ReadKeys(r.Reader, &l.Keys),
		"producersPerTopic":         r.count(&l.Producers, 1, 1000),
		"subscriptionsPerTopic":     r.count(&l.Groups, 0, 100),
		"consumerPerSubscription":   r.count(&l.Members, 1, 1000),
		"producerRate":              r.count(&l.Rate, 0, 100_000_000),
		"arrivals":                  workloads.ReadArrivals(r.Reader, &l.Arrivals, nil),
		"work":                      r.Duration(&l.Work, 0, time.Minute),
		"consumerBacklogSizeGB":     r.not("a backlog from before the run", "0"),
		"useRandomizedPayloads":     r.without(), // without compression, what is in a payload changes nothing
		"randomBytesRatio":          r.without(),
		"randomizedPayloadPoolSize": r.without(),
		"payloadFile":               r.without(),
		"warmupDurationMinutes":     r.minutes(&s.Warm),
		"testDurationMinutes":       r.minutes(&s.Measure),
		"warm":                      r.Duration(&s.Warm, time.Second, time.Hour),
		"explore":                   r.Duration(&s.Explore, 3*time.Second, time.Hour),
		"measure":                   r.Duration(&s.Measure, 3*time.Second, time.Hour),
		"slo":                       r.readSLO,
		"cluster":                   r.readCluster,
		"client":                    r.readClient,
		"shapes":                    r.List(&s.Shapes, r.profileName),
		"retention":                 r.Duration(&s.Retention, 0, 10*365*24*time.Hour),
		"disk_GB":                   r.Number(func(n int64) { s.DiskBytes = n * 1_000_000_000 }, 1, 1_000_000),
		"interference":              r.interference,
		"faults":                    r.faults(),
		"promise":                   r.List(&s.Promise, r.promised),
		"set":                       r.settings,
		"seeds":                     r.seeds,
	}
	r.driverFields(known)
	return known
}

func (r *reader) count(to *int64, least, most int64) fields.Take {
	return r.Number(func(n int64) { *to = n }, least, most)
}

// minutes reads the benchmark's time.
func (r *reader) minutes(to *time.Duration) fields.Take {
	return r.Number(func(n int64) { *to = max(time.Duration(n)*time.Minute, time.Second) }, 0, 60)
}

func (r *reader) interference(n ast.Node) {
	word := ""
	r.Word(&word, "on", "off")(n)
	r.s.NoInterference = word == "off"
}

// without takes a field that changes nothing here.
func (r *reader) without() fields.Take { return func(n ast.Node) { r.Scalar(n) } }

// not refuses a field that would change something which is not modelled, unless it has
// the value that says so.
func (r *reader) not(what, none string) fields.Take {
	return func(n ast.Node) {
		if v, ok := r.Scalar(n); ok && v != none {
			r.Fail(n, "%s is not modelled: want %s", what, none)
		}
	}
}

func (r *reader) readSLO(n ast.Node) {
	s := &r.s.SLO
	r.slo = true
	r.Fields(n, "slo", fields.Fields{
		"ack_p99_ms": r.Thousandths(func(x int64) { s.AckP99US = x }, 1, 3_600_000_000),
		"e2e_p99_ms": r.Thousandths(func(x int64) { s.E2EP99US = x }, 1, 3_600_000_000),
		"max_loss":   r.count(&s.MaxLoss, 0, 1<<40),
	})
}

func (r *reader) readCluster(n ast.Node) {
	c := &r.s.Cluster
	fsync := fsyncNever
	r.Fields(n, "cluster", fields.Fields{
		"profile": fields.Both(r.Text(&c.Profile), func(n ast.Node) { r.profileName(c.Profile, n) }),
		"brokers": r.count(&c.Brokers, 1, 50),
		"rf":      r.count(&c.RF, 1, 50),
		"min_isr": r.count(&c.MinISR, 1, 50),
		"acks":    r.Word(&c.Acks, "all", "1", "0"),
		"fsync":   r.Word(&fsync, fsyncNever, fsyncBatch),
		"zones":   r.count(&c.Zones, 1, 50),
	})
	c.SyncEvery = fsync == fsyncBatch
}

func (r *reader) readClient(n ast.Node) {
	c := &r.s.Cluster
	r.Fields(n, "client", fields.Fields{
		"linger_ms":   r.Number(func(n int64) { c.Linger = time.Duration(n) * time.Millisecond }, 0, 60_000),
		"batch_size":  r.count(&c.BatchSize, 0, 1<<30),
		"partitioner": r.not("a partitioner but Kafka's own", "sticky"),
		"compression": r.not("compression", "none"),
	})
}

// profileName checks the name of a hardware profile.
func (r *reader) profileName(name string, at ast.Node) {
	if _, err := profile.Hardware(name); err != nil {
		r.Fail(at, "%v", err)
	}
}

func (r *reader) settings(n ast.Node) {
	r.Pairs(n, "set", func(key string, at, value ast.Node) {
		if v, ok := r.Scalar(value); ok {
			r.s.Set = append(r.s.Set, config.Entry{Key: key, Value: v, Line: fields.Line(at)})
		}
	})
}

func (r *reader) seeds(n ast.Node) {
	r.s.Seeds = nil
	r.Each(func(item ast.Node) {
		r.Number(func(n int64) {
			if slices.Contains(r.s.Seeds, uint64(n)) {
				r.Fail(item, "seeds: %d is there twice: its runs are the same", n)
			}
			r.s.Seeds = append(r.s.Seeds, uint64(n))
		}, 0, 1<<62)(item)
	})(n)
}

// complete looks at what one field alone does not show, and fetches the sheets.
func (r *reader) complete(body ast.Node) {
	s := r.s
	switch {
	case !r.slo:
		r.Fail(body, "slo is missing: what has a rate to meet? such as slo: {e2e_p99_ms: 50}")
	case s.Cluster.Profile == "":
		r.Fail(body, "cluster: profile is missing; there are %s", strings.Join(profile.HardwareNames(), ", "))
	case s.Load.Arrivals.Process == workloads.Closed:
		r.Fail(body, "arrivals: a closed loop offers no rate that could be searched")
	case s.Explore <= s.Warm+2*time.Second:
		r.Fail(body, "explore %v: want at least two seconds more than the %v that do not count", s.Explore, s.Warm)
	}
	r.keyDistributor(body)
	var err error
	if s.Hardware, err = profile.Hardware(s.Cluster.Profile); err != nil {
		r.Fail(body, "%v", err)
		return
	}
	if s.Costs, err = profile.Costs("kafka"); err != nil {
		r.Fail(body, "%v", err)
	}
	s.Measure = max(s.Measure, s.Explore)
}

// keyDistributor joins the benchmark's word with our numbers.
func (r *reader) keyDistributor(body ast.Node) {
	k := &r.s.Load.Keys
	if k.Cardinality == 0 {
		k.Cardinality = 10_000 // the benchmark's own keys
	}
	switch r.dist {
	case "NO_KEY":
		*k = workloads.Keys{}
	case "KEY_ROUND_ROBIN", "SEQUENTIAL":
		k.Dist = workloads.Sequential
	case "RANDOM_NANO":
		k.Dist = workloads.Uniform
	case "ZIPF":
		if k.Dist = workloads.Zipf; k.Theta == 0 {
			k.Theta = 990
		}
	case "HOTSPOT":
		if k.Dist != workloads.Hotspot {
			r.Fail(body, "keyDistributor HOTSPOT: want keys: {dist: hotspot, cardinality: 300, hot_keys: 0.05, hot_share: 0.5}")
		}
	}
}
