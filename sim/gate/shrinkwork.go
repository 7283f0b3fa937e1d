package gate

import (
	"fmt"
	"strconv"
	"time"

	"brokersim/faults"
	"brokersim/sim/scenario"
)

// removeWork takes away what the finding does not need of time, clients, topics,
// partitions and brokers, and then most of the records.
func (s *shrink) removeWork() {
	s.endSooner()
	s.removeClients()
	s.removeTopics()
	s.removeBrokers()
	s.sendLess()
}

// spec is the scenario as the best case has it.
func (s *shrink) spec() *scenario.Spec {
	spec, err := s.best.Scenario()
	if err != nil {
		panic(err) // it was run
	}
	return spec
}

// try makes one more edit if the finding stays, and notes what was then not needed.
func (s *shrink) try(what, key, value string) bool {
	if s.first(s.edit(key, value)) < 0 {
		return false
	}
	s.notNeeded = append(s.notNeeded, what)
	return true
}

// endSooner ends the load soon after the last fault: everything is healed then,
// so what needs more time to go wrong needs the load to last.
func (s *shrink) endSooner() {
	var last time.Duration
	for i := range s.schedule {
		last = max(last, s.schedule[i].To)
	}
	before := s.spec().For
	var cases []scenario.Case
	for _, more := range []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second} {
		if end := (last + more).Truncate(100 * time.Millisecond); end > last && end < before {
			cases = append(cases, s.edit(scenario.EditFor, end.String()))
		}
	}
	if s.first(cases...) >= 0 {
		s.notNeeded = append(s.notNeeded, fmt.Sprintf("load after %v", s.spec().For))
	}
}

// removeClients tries to do without all readers at once, and else without one
// client after the other.
func (s *shrink) removeClients() {
	spec := s.spec()
	none := s.best
	for _, r := range spec.Readers {
		none.Edits = append(none.Edits[:len(none.Edits):len(none.Edits)], scenario.Edit{Key: scenario.EditWithout, Value: r.Name})
	}
	if len(spec.Readers) > 1 && s.first(none) == 0 {
		s.notNeeded = append(s.notNeeded, fmt.Sprintf("all %d readers", len(spec.Readers)))
	} else {
		for _, r := range spec.Readers {
			s.try("reader "+r.Name, scenario.EditWithout, r.Name)
		}
	}
	for _, p := range spec.Producers {
		if len(s.spec().Producers) > 1 {
			s.try("producer "+p.Name, scenario.EditWithout, p.Name)
		}
	}
}

// removeTopics takes away topics that nobody uses, and all partitions but one.
func (s *shrink) removeTopics() {
	for _, t := range s.spec().Topics {
		if len(s.spec().Topics) > 1 && s.try("topic "+t.Name, scenario.EditWithoutTopic, t.Name) {
			continue
		}
		if t.Partitions == 1 {
			continue
		}
		c := s.edit(scenario.EditPartitions+t.Name, "1")
		c.Faults = s.with(withoutPartitions(s.schedule)).Faults
		if s.first(c) == 0 {
			s.notNeeded = append(s.notNeeded, fmt.Sprintf("%d of %d partitions of %s", t.Partitions-1, t.Partitions, t.Name))
		}
	}
}

// withoutPartitions forgets of which partition somebody was the leader, where it
// is known who that was.
func withoutPartitions(schedule faults.Schedule) faults.Schedule {
	list := append(faults.Schedule(nil), schedule...)
	for i := range list {
		for _, t := range []*faults.Target{&list[i].A, &list[i].B} {
			if len(t.Nodes) > 0 {
				t.Partition = ""
			}
		}
	}
	return list
}

// removeBrokers leaves as many as the most replicated topic needs.
func (s *shrink) removeBrokers() {
	spec, need := s.spec(), 1
	for _, t := range spec.Topics {
		need = max(need, int(t.Replication))
	}
	if need < spec.Brokers {
		s.try(fmt.Sprintf("%d of %d brokers", spec.Brokers-need, spec.Brokers), scenario.EditBrokers, strconv.Itoa(need))
	}
}

// sendLess lets each producer send as few records as will do.
func (s *shrink) sendLess() {
	for _, p := range s.spec().Producers {
		var cases []scenario.Case
		for _, part := range []int64{100, 25, 10, 4, 2} {
			if rate := p.RatePerSecond / part; rate > 0 {
				cases = append(cases, s.edit(scenario.EditRate+p.Name, strconv.FormatInt(rate, 10)))
			}
		}
		if i := s.first(cases...); i >= 0 {
			for _, left := range s.spec().Producers {
				if left.Name == p.Name {
					s.notNeeded = append(s.notNeeded, fmt.Sprintf("%d of the %d records a second of %s", p.RatePerSecond-left.RatePerSecond, p.RatePerSecond, p.Name))
				}
			}
		}
	}
}

// soften makes what is left of the faults as mild, as short and as round as will
// do.
func (s *shrink) soften() {
	for i := range s.schedule {
		s.alter(i, s.milder(i)...)
	}
	var cases []scenario.Case
	for _, unit := range []time.Duration{100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond} {
		cases = append(cases, s.with(rounded(s.schedule, unit)))
	}
	s.first(cases...)
}

// alter puts one of some steps, the first that will do, in the place of step i.
func (s *shrink) alter(i int, steps ...faults.Step) {
	var cases []scenario.Case
	for _, step := range steps {
		list := append(faults.Schedule(nil), s.schedule...)
		list[i] = step
		cases = append(cases, s.with(list))
	}
	s.first(cases...)
}

// milder are the milder forms of a step, the mildest first. A fault that lasts
// until everything is healed needs no end of its own.
func (s *shrink) milder(i int) (list []faults.Step) {
	step := s.schedule[i]
	if step.For > 0 && step.From+step.For >= s.spec().For {
		step.For = 0
		list = append(list, step)
	}
	if step.N > 1 {
		m := step
		m.N = 1
		list = append(list, m)
	}
	for _, part := range []time.Duration{8, 4, 2} {
		m := step
		m.For = (step.For / part).Truncate(time.Millisecond)
		m.By = (step.By / part).Truncate(time.Millisecond)
		if vanished := (m.For == 0) != (step.For == 0) || (m.By == 0) != (step.By == 0); !vanished && m.For+m.By != step.For+step.By {
			list = append(list, m)
		}
	}
	return list
}

// rounded is a schedule with its times and durations rounded to a unit; what
// would be nothing stays.
func rounded(schedule faults.Schedule, unit time.Duration) faults.Schedule {
	list := append(faults.Schedule(nil), schedule...)
	for i := range list {
		step := &list[i]
		step.From, step.To = step.From.Round(unit), step.To.Round(unit)
		for _, d := range []*time.Duration{&step.For, &step.By} {
			if r := d.Round(unit); r != 0 {
				*d = r
			}
		}
	}
	return list
}
