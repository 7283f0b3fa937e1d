package capacity

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

// notModelled are what a plan must know that the simulation leaves out.
var notModelled = []string{
	"compression: records are as large on the wire and on the disk as their values",
	"TLS: it costs between nothing and half of the throughput, the sources disagree",
	"the threads of a broker's network and request handlers apart from its cores",
	"fetch sessions, fetching from followers, tiered storage, quotas",
	"network and disks of client machines",
	"operations a second of a disk, beside its bytes",
}

// assumptions are the inputs that somebody may doubt.
func (s *Study) assumptions() (list []result.Assumption) {
	add := func(name, value, source, asOf string) {
		list = append(list, result.Assumption{Name: name, Value: value, Source: source, AsOf: asOf})
	}
	for _, sheet := range []*profile.Sheet{s.Hardware, s.Costs} {
		for _, f := range sheet.Fields() {
			if !plays(f) && f != s.rtt() {
				continue
			}
			switch v := sheet.Get(f); {
			case v.Known && v.Unverified:
				add(string(f), v.Number.String(), source(v)+", unverified", v.AsOf)
			case v.Known:
				add(string(f), v.Number.String(), source(v), v.AsOf)
			default:
				add(string(f), "unknown: taken as none", sheet.Name, "")
			}
		}
	}
	add("runs of the search", fmt.Sprintf("%v, of which the first %v do not count", s.Explore, s.Warm), "the study", "")
	add("runs at the answer", fmt.Sprintf("%v, of which the first %v do not count", s.Measure, s.Warm), "the study", "")
	add("dirty pages", "begin in their steady state", "computed from the rate, the disk and the limits", "")
	add("one broker lost", fmt.Sprintf("%s, killed before the load and fenced by then", s.victim()), "the study", "")
	return list
}

func source(v profile.Value) string {
	if v.Note == "" {
		return v.Source
	}
	return v.Source + " (" + v.Note + ")"
}

// plays reports whether a field plays a part in a run of brokers.
func plays(f profile.Field) bool {
	group, _, _ := strings.Cut(string(f), ".")
	switch group {
	case "queue", "flow", "pubsub", "buffer", "compression":
		return false
	}
	switch f {
	case profile.Clock, profile.DiskWriteOps, profile.DiskReadOps, profile.FsyncMean, profile.BrokerWrite, profile.BrokerRead, profile.BrokerIngressLow,
		profile.ZoneRTT, profile.CrossZoneRTT, profile.StreamShare, profile.ProducerOrder:
		return false
	}
	return true
}
