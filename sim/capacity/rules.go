package capacity

import (
	"fmt"

	"brokersim/checker/result"
	"brokersim/sim/profile"
	"brokersim/sim/roofline"
)

// Sources of the rules.
const (
	byMSK     = "Amazon MSK best practices"
	byDropbox = "Dropbox: Finding Kafka's throughput limit (2019)"
	byNetflix = "Netflix: service-capacity-modeling, kafka.py"
	byUs      = "our own: a plan has to survive a broker"
)

// rules are what people plan by, and how the rate to plan on stands to them.
func (p *Plan) rules(c *result.Capacity) (list []result.Rule) {
	add := func(rule, source string, holds bool, format string, args ...any) {
		list = append(list, result.Rule{Rule: rule, Now: fmt.Sprintf(format, args...), Holds: holds, Source: source})
	}
	s, rate := p.study, p.rated()
	healthy, lost := first(p.plans[0]), first(p.plans[1])
	if u := resource(healthy, cpu); u != nil {
		add("CPU of a broker <= 60 %", byMSK, u.Busy <= 600, "%s of %s", percent(u.Busy), u.Node)
	}
	if u := resource(lost, cpu); u != nil {
		add("CPU idle >= 30 % with one broker lost", byMSK+" (request handlers)", u.Busy <= 700, "%s of %s is idle", percent(1000-u.Busy), u.Node)
	}
	if u := resource(healthy, diskWrite); u != nil {
		add("disk throughput <= 80 %", "AWS Big Data Blog: right-sizing (2022)", u.Busy <= 800, "%s of %s", percent(u.Busy), u.Node)
	}
	add("80 % of what all brokers sustain", "AWS Big Data Blog: right-sizing (2022)", rate*10 <= p.rate(0).Median*8, "%s of %s records/s", result.Count(rate), result.Count(p.rate(0).Median))
	if lost != nil {
		add("the SLO is met with one broker lost", byUs, lost.Passed, "%s", orYes(lost.Why))
	}
	cores, replicas := s.Hardware.Times(profile.Cores, 1), ceil(s.Load.Topics*s.Load.Partitions*s.Cluster.RF, s.Cluster.Brokers)
	most := int64(1000)
	switch {
	case cores >= 16:
		most = 4000
	case cores >= 8:
		most = 2000
	}
	add(fmt.Sprintf("replicas of partitions on a broker <= %s (with %d cores)", result.Count(most), cores), byMSK, replicas <= most, "%s", result.Count(replicas))
	leaders := s.Load.Topics * s.Load.Partitions / s.Cluster.Brokers
	add("leaders on a broker >= 10", byDropbox, leaders >= 10, "%s", result.Count(leaders))
	ram := s.Hardware.Times(profile.RAM, gibi) - s.Costs.Times(profile.BrokerHeap, gibi)
	cache, how := roofline.CacheSeconds(ram, rate*s.stored(), s.roofLoad(0))
	add("page cache >= 10 min of writes", byNetflix, cache >= 600, "%s", how)
	if r := c.Retention; r != nil {
		hours := s.refill(r.PerNode)
		add("a lost broker is refilled in 60 min", byNetflix, hours <= 3600, "%s min at the slower of network and disk", result.Count(hours/60))
		if r.Disk > 0 {
			add("disk used <= 85 %", byMSK, r.Used <= 850, "%s", percent(r.Used))
		}
	}
	return list
}

// refill is how many seconds it takes to copy what a broker holds.
func (s *Study) refill(bytes int64) int64 {
	rate := min(s.Hardware.Times(profile.NICBaseline, mega), s.Hardware.Times(profile.DiskWrite, mega)*s.Hardware.Times(profile.Disks, 1))
	return bytes / max(rate, 1)
}

// first is the point of the first seed.
func first(f *fixed) *result.Point {
	if f == nil || len(f.found) == 0 {
		return nil
	}
	return &f.found[0].Point
}

func resource(p *result.Point, name string) *result.Utilisation {
	if p == nil {
		return nil
	}
	for i := range p.Utilisation {
		if p.Utilisation[i].Resource == name {
			return &p.Utilisation[i]
		}
	}
	return nil
}

func orYes(why string) string {
	if why == "" {
		return "yes"
	}
	return why
}

func ceil(n, of int64) int64 { return (n + of - 1) / of }

// retention is the disk that the rate to plan on takes.
func (p *Plan) retention() *result.Retention {
	s := p.study
	if s.Retention == 0 {
		return nil
	}
	return roofline.Retention(p.rated()*s.stored(), int64(s.Retention.Seconds()), s.DiskBytes, s.roofLoad(0))
}
