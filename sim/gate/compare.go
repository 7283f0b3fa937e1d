package gate

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// Comparison is a comparison to be made: the same services, arrivals and faults on brokers
// of several kinds.
type Comparison struct {
	Spec  *scenario.Spec
	Kinds []string // of [scenario.Kinds]; none: all
	Seeds int64    // of each cell: 1 to Seeds

	// Machines, by kind, are what brokers run on when they are offered more than they can
	// take, and MachinesAbout says it in words. Without any nobody asks how much that is.
	Machines      map[string]*scenario.Machines
	MachinesAbout string

	Workers  int // 0: as many as there are cores
	Progress func(Progress)
	Stop     <-chan struct{} // when closed, interrupts: what is under way is finished
}

// CompareSeeds is how many seeds a cell has if nobody says otherwise: enough that what was
// never seen happens in fewer than 2 % of all runs.
const CompareSeeds = 200

// partition is for how long the leading broker can be reached by nobody, and
// leastCompared how long a load must be to go on before and after it.
const (
	comparedPartition = 5 * time.Second
	leastCompared     = 8 * time.Second
)

// column is a kind of broker in one configuration.
type column struct {
	kind, like, config string
	set                []string
}

// columns are the configurations that are compared. The default of the queue is what client
// libraries do when they are told nothing, that of the log has enable.auto.commit; the safe
// ones settle what they have worked on, the fast ones settle first and wait for nobody.
var columns = []column{
	{scenario.KindLog, "Kafka", "default", []string{"log.commit=auto"}},
	{scenario.KindLog, "Kafka", "safe", []string{"producer.acks=all", "producer.enable.idempotence=true", "topic.min.insync.replicas=2", "log.commit=after"}},
	{scenario.KindLog, "Kafka", "fast", []string{"producer.acks=0", "producer.enable.idempotence=false", "producer.linger.ms=5", "log.commit=before"}},
	{scenario.KindQueue, "RabbitMQ", "default", []string{"queue.confirms=false", "queue.durable=false", "queue.auto-ack=false", "queue.prefetch=0"}},
	{scenario.KindQueue, "RabbitMQ", "safe", []string{"queue.confirms=true", "queue.durable=true", "queue.auto-ack=false", "queue.prefetch=10", "queue.republish=true"}},
	{scenario.KindQueue, "RabbitMQ", "fast", []string{"queue.confirms=false", "queue.durable=false", "queue.auto-ack=true"}},
	{scenario.KindPubSub, "Redis", "default", nil},
}

// Names of the faults of a comparison.
const (
	noFault       = "none"
	brokerCrash   = "broker crash"
	consumerCrash = "consumer crash"
	partition5s   = "5 s partition"
	saturation    = "saturation"
)

// What brokers are offered to see how much they can take: so much a second, for so long that
// the second half is steady, on so few seeds because each is as much work as an hour of the
// usual load.
const (
	saturatedRate  = 150_000
	saturatedFor   = 300 * time.Millisecond
	saturatedSeeds = 10
)

// compared is a comparison under way.
type compared struct {
	*Comparison
	columns []column
	faults  []result.CompareFault
	services
	out  result.Compare
	jobs [][][]outcome // by column, by fault: a run's outcomes by seed
}

// outcome is what one run came to.
type outcome struct {
	result.Result
	fates    fates
	internal string
}

// Groups is how many groups of readers the scenario has: so many queues there are.
func (c *Comparison) Groups() int { return servicesOf(c.Spec).n }

// Check says what is wrong with a comparison: one line.
func (c *Comparison) Check() error {
	_, err := c.prepare()
	return err
}

func (c *Comparison) prepare() (*compared, error) {
	switch {
	case c.Spec == nil:
		return nil, fmt.Errorf("there is no scenario")
	case c.Seeds < 1:
		return nil, fmt.Errorf("%d seeds: want 1 or more", c.Seeds)
	case len(c.Spec.Producers) == 0 || len(c.Spec.Readers) == 0:
		return nil, fmt.Errorf("%s: to compare, somebody must produce and somebody read", c.Spec.Name)
	}
	p := &compared{Comparison: c, services: servicesOf(c.Spec)}
	for _, x := range columns {
		if len(c.Kinds) == 0 || slices.Contains(c.Kinds, x.kind) {
			p.columns = append(p.columns, x)
		}
	}
	p.faults = comparedFaults(c.Spec)
	if len(c.Machines) > 0 {
		p.faults = append(p.faults, result.CompareFault{Name: saturation, Schedule: "# nothing goes wrong",
			About: fmt.Sprintf("%d records a second for %v, of which the second half counts, and readers whose work takes no time, on %d seeds: %s. No verdict is asked of it; compare itself repeats it.",
				saturatedRate, saturatedFor, min(saturatedSeeds, c.Seeds), c.MachinesAbout)})
	}
	for i := range p.columns {
		for j := range p.faults {
			x, err := p.caseOf(job{i, j, 1})
			if err == nil {
				_, err = scenario.Check(x)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

// comparedFaults are the schedules: what befalls the broker that leads, a reader that is
// alone, and one that shares its work, if there are such.
func comparedFaults(s *scenario.Spec) []result.CompareFault {
	readers := []string{s.Readers[0].Name}
	if i := slices.IndexFunc(s.Readers, func(r scenario.Reader) bool { return r.Group != "" }); i > 0 {
		readers = append(readers, s.Readers[i].Name)
	}
	var crashes []string
	for _, name := range readers {
		crashes = append(crashes, "2s..5s for 500ms crash "+name)
	}
	return []result.CompareFault{
		{Name: noFault, Schedule: "# nothing goes wrong"},
		{Name: brokerCrash, Schedule: "2s..5s for 500ms crash leader"},
		{Name: consumerCrash, Schedule: strings.Join(crashes, "\n")},
		{Name: partition5s, Schedule: fmt.Sprintf("1500ms..2s for %v cut-both leader *", comparedPartition)},
	}
}

// name is a column's, and settings are what it sets, each as --set has it.
func (x *column) name() string { return x.kind + " " + x.config }

func (x *column) settings() []string {
	return append([]string{scenario.EditKind + "=" + x.kind}, x.set...)
}

// CompareCell are the settings and the schedule of the runs behind one cell of a comparison
// of a scenario: its column, such as "log safe", and its fault, such as "broker crash". An
// error names those that there are.
func CompareCell(s *scenario.Spec, columnName, faultName string) (settings []string, schedule string, err error) {
	i := slices.IndexFunc(columns, func(x column) bool { return x.name() == columnName })
	if i < 0 {
		var names []string
		for j := range columns {
			names = append(names, columns[j].name())
		}
		return nil, "", fmt.Errorf("unknown column %q; there are %s", columnName, strings.Join(names, ", "))
	}
	var names []string
	for _, f := range comparedFaults(s) {
		if f.Name == faultName {
			return columns[i].settings(), f.Schedule, nil
		}
		names = append(names, f.Name)
	}
	return nil, "", fmt.Errorf("unknown fault %q; there are %s", faultName, strings.Join(names, ", "))
}

// job is one run: which column, which fault, which seed.
type job struct {
	column, fault int
	seed          int64
}

func (p *compared) caseOf(j job) (scenario.Case, error) {
	x := &p.columns[j.column]
	c := scenario.Case{Spec: p.Spec, Seed: uint64(j.seed), Faults: &p.faults[j.fault].Schedule}
	if p.saturated(j.fault) {
		c.Spec, c.Until = p.saturate(x.kind), saturatedFor
	} else if p.Spec.For < leastCompared {
		c.Edits = append(c.Edits, scenario.Edit{Key: scenario.EditFor, Value: leastCompared.String()})
	}
	return c.With(x.kind, x.settings()...)
}

func (p *compared) saturated(fault int) bool { return p.faults[fault].Name == saturation }

// saturate is the scenario with more to do than a broker can.
func (p *compared) saturate(kind string) *scenario.Spec {
	s := *p.Spec
	s.For, s.Machines = saturatedFor, p.Machines[kind]
	s.Producers, s.Readers = slices.Clone(s.Producers), slices.Clone(s.Readers)
	for i := range s.Producers {
		s.Producers[i].RatePerSecond = saturatedRate / int64(len(s.Producers))
	}
	for i := range s.Readers {
		r := &s.Readers[i]
		r.Work, r.Settle, r.From, r.Replay, r.Pause = 0, 0, 0, 0, struct{ From, For time.Duration }{}
	}
	return &s
}

// Compare makes a comparison. What it comes to does not depend on the number of workers.
func Compare(c Comparison) (result.Compare, error) {
	p, err := c.prepare()
	if err != nil {
		return result.Compare{}, err
	}
	p.jobs = make([][][]outcome, len(p.columns))
	for i := range p.jobs {
		p.jobs[i] = make([][]outcome, len(p.faults))
	}
	workers := c.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	inOrder(workers, p.next(), p.run, p.collect)
	p.fold()
	return p.out, nil
}

// next yields all runs of a seed before those of the next, so that one that is interrupted
// has as many in every cell, or one more.
func (p *compared) next() func() (job, bool) {
	at := job{seed: 1}
	return func() (j job, more bool) {
		select {
		case <-p.Stop:
			p.out.Stopped = "interrupted"
			return j, false
		default:
		}
		if at.seed > p.Seeds {
			return j, false
		}
		j = at
		if at.fault++; at.fault < len(p.faults) && at.seed > saturatedSeeds && p.saturated(at.fault) {
			at.fault++
		}
		if at.fault == len(p.faults) {
			at.fault = 0
			if at.column++; at.column == len(p.columns) {
				at.column = 0
				at.seed++
			}
		}
		return j, true
	}
}

// total is how many runs there are to make.
func (p *compared) total() (n int64) {
	for i := range p.faults {
		if p.saturated(i) {
			n += min(p.Seeds, saturatedSeeds)
		} else {
			n += p.Seeds
		}
	}
	return n * int64(len(p.columns))
}

// ran is a run with its place.
type ran struct {
	job
	outcome
}

func (p *compared) run(j job) (r ran) {
	r.job = j
	defer func() {
		if v := recover(); v != nil {
			r.internal = fmt.Sprintf("%s %s, %s, seed %d: panic: %v", p.columns[j.column].kind, p.columns[j.column].config, p.faults[j.fault].Name, j.seed, v)
		}
	}()
	c, err := p.caseOf(j)
	if err != nil {
		panic(err) // it was checked
	}
	t := newTallier(p.services)
	c.History = func(*history.Header) history.Sink { return t }
	r.Result = scenario.Run(c)
	r.fates = t.finish()
	if p.saturated(j.fault) {
		r.Repro = "" // it does not say what the broker ran on
	}
	return r
}

func (p *compared) collect(r ran) (more bool) {
	list := &p.jobs[r.column][r.fault]
	*list = append(*list, r.outcome)
	p.out.Runs++
	if p.Progress != nil {
		p.Progress(Progress{Done: p.out.Runs, Of: p.total()})
	}
	return true
}
