package capacity

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/near"
	"brokersim/sim/profile"
	"brokersim/workloads"
)

// What a study's own settings may be; every other key is one of Kafka's.
const (
	setProfile    = "cluster.profile"
	setBrokers    = "cluster.brokers"
	setRF         = "cluster.rf"
	setMinISR     = "cluster.min_isr"
	setAcks       = "cluster.acks"
	setFsync      = "cluster.fsync"
	setLinger     = "client.linger_ms"
	setBatch      = "client.batch_size"
	setPartitions = "load.partitions"
	setValue      = "load.value_bytes"
	setProducers  = "load.producers"
	setGroups     = "load.groups"
	setMembers    = "load.members"
)

func ownSettings() []string {
	return []string{setProfile, setBrokers, setRF, setMinISR, setAcks, setFsync, setLinger, setBatch, setPartitions, setValue, setProducers, setGroups, setMembers}
}

// With is the study with settings above its own, each as --set has it: one of its own
// names (cluster.brokers=4), a field of its hardware or of its costs
// (disk.write_MBps=250, broker.request_us=10), or Kafka's (producer.linger.ms=5).
func (s *Study) With(sets ...string) (*Study, error) {
	if len(sets) == 0 {
		return s, nil
	}
	c := *s
	c.Set, c.Hardware, c.Costs = slices.Clone(s.Set), s.Hardware.Clone(), s.Costs.Clone()
	for _, set := range sets {
		key, value, ok := strings.Cut(set, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: want key=value, such as cluster.brokers=4", set)
		}
		if err := c.set(strings.TrimSpace(key), value); err != nil {
			return nil, fmt.Errorf("--set %s: %w", set, err)
		}
	}
	return &c, c.check()
}

func (s *Study) set(key, value string) error {
	if number := s.number(key); number != nil {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || n > 1<<40 {
			return fmt.Errorf("%q: want a whole number", value)
		}
		*number = n
		if key == setValue {
			s.Load.Sizes.Dist = workloads.FixedSize
		}
		return nil
	}
	switch key {
	case setProfile:
		sheet, err := profile.Hardware(value)
		if err != nil {
			return err
		}
		s.Cluster.Profile, s.Hardware = value, sheet
	case setAcks:
		if !slices.Contains([]string{"all", "1", "0"}, value) {
			return fmt.Errorf("%q: want all, 1 or 0", value)
		}
		s.Cluster.Acks = value
	case setFsync:
		if value != fsyncNever && value != fsyncBatch {
			return fmt.Errorf("%q: want %s or %q", value, fsyncNever, fsyncBatch)
		}
		s.Cluster.SyncEvery = value == fsyncBatch
	case setLinger, "producer.linger.ms":
		ms, err := strconv.ParseInt(value, 10, 32)
		if err != nil || ms < 0 {
			return fmt.Errorf("%q: want milliseconds", value)
		}
		s.Cluster.Linger = time.Duration(ms) * time.Millisecond
	default:
		return s.setField(key, value)
	}
	return nil
}

// How often a broker makes what it has written survive a loss of power.
const (
	fsyncNever = "never"
	fsyncBatch = "every batch"
)

// number is where a setting that is a whole number lies; nil if it is none.
func (s *Study) number(key string) *int64 {
	return map[string]*int64{
		setBrokers: &s.Cluster.Brokers, setRF: &s.Cluster.RF, setMinISR: &s.Cluster.MinISR, setBatch: &s.Cluster.BatchSize, "producer.batch.size": &s.Cluster.BatchSize,
		setPartitions: &s.Load.Partitions, setValue: &s.Load.Sizes.Bytes, setProducers: &s.Load.Producers, setGroups: &s.Load.Groups, setMembers: &s.Load.Members,
	}[key]
}

// setField sets a field of a sheet or, if neither has it, one of Kafka's.
func (s *Study) setField(key, value string) error {
	for _, sheet := range []*profile.Sheet{s.Hardware, s.Costs} {
		if slices.Contains(sheet.Fields(), profile.Field(key)) {
			return sheet.Set(key, value)
		}
	}
	scope, _, _ := strings.Cut(key, ".")
	if !slices.Contains([]string{"broker", "topic", "producer", "consumer"}, scope) {
		var known []string
		for _, sheet := range []*profile.Sheet{s.Hardware, s.Costs} {
			for _, f := range sheet.Fields() {
				known = append(known, string(f))
			}
		}
		return fmt.Errorf("unknown setting%s", near.Suggest(key, append(ownSettings(), known...)))
	}
	s.Set = append(s.Set, config.Entry{Key: key, Value: value})
	return nil
}

// check says what keeps a study from being run.
func (s *Study) check() error {
	c, l := &s.Cluster, &s.Load
	for _, x := range []struct {
		name            string
		is, least, most int64
	}{
		{setBrokers, c.Brokers, 1, 50}, {setRF, c.RF, 1, c.Brokers}, {setMinISR, c.MinISR, 1, c.RF}, {setBatch, c.BatchSize, 0, 1 << 30},
		{"topics", l.Topics, 1, 100}, {setPartitions, l.Partitions, 1, 1000}, {setValue, l.value(), 1, 1 << 20}, {setProducers, l.Producers, 1, 1000},
		{setGroups, l.Groups, 0, 100}, {setMembers, l.Members, 1, 1000}, {"seeds", int64(len(s.Seeds)), 1, 1000},
	} {
		if x.is < x.least || x.is > x.most {
			return fmt.Errorf("%s: %d: want from %d to %d", x.name, x.is, x.least, x.most)
		}
	}
	switch {
	case s.SLO.AckP99US == 0 && s.SLO.E2EP99US == 0:
		return fmt.Errorf("slo: want ack_p99_ms or e2e_p99_ms: without, every rate meets it")
	case s.SLO.E2EP99US > 0 && l.Groups == 0:
		return fmt.Errorf("slo: e2e_p99_ms: nobody reads; want subscriptionsPerTopic of 1 or more")
	}
	return s.checkSheets()
}
