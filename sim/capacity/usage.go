package capacity

import (
	"cmp"
	"slices"
	"time"

	"brokersim/checker/result"
	"brokersim/sim"
	"brokersim/sim/scenario"
)

// The resources of a node, as results name them.
const (
	cpu        = "cpu"
	networkIn  = "network in"
	networkOut = "network out"
	diskWrite  = "disk write"
	fsync      = "fsync"
	clientCPU  = "client cpu"
	readerCPU  = "reader cpu"
)

// resources are those of each role, with the account of each.
var resources = []struct {
	name  string
	role  scenario.Role
	queue func(*sim.Usage) *sim.Queue
}{
	{cpu, scenario.ABroker, func(u *sim.Usage) *sim.Queue { return &u.Cores }},
	{networkIn, scenario.ABroker, func(u *sim.Usage) *sim.Queue { return &u.NICIn }},
	{networkOut, scenario.ABroker, func(u *sim.Usage) *sim.Queue { return &u.NICOut }},
	{diskWrite, scenario.ABroker, func(u *sim.Usage) *sim.Queue { return &u.Drives }},
	{fsync, scenario.ABroker, func(u *sim.Usage) *sim.Queue { return &u.Syncs }},
	{clientCPU, scenario.AProducer, func(u *sim.Usage) *sim.Queue { return &u.Cores }},
	{readerCPU, scenario.AReader, func(u *sim.Usage) *sim.Queue { return &u.Cores }},
}

// utilisation is what was used of each resource in the window: by the node that was
// busiest, and on average over those that were there.
func utilisation(usage []scenario.Usage) (list []result.Utilisation) {
	for _, r := range resources {
		var most *result.Utilisation
		sum, nodes := int64(0), int64(0)
		for i := range usage {
			u := &usage[i]
			q := r.queue(&u.Usage)
			if u.Role != r.role || q.Servers == 0 || q.Arrivals == 0 {
				continue
			}
			x := used(r.name, u.Node, q, int64(u.At))
			sum, nodes = sum+x.Busy, nodes+1
			if most == nil || x.Busy > most.Busy {
				most = &x
			}
		}
		if most != nil {
			most.Mean = sum / nodes
			list = append(list, *most)
		}
	}
	return list
}

func used(name, node string, q *sim.Queue, window int64) result.Utilisation {
	x := result.Utilisation{Resource: name, Node: node, Busy: q.BusyPerMillion(time.Duration(window)) / 1000, WaitUS: int64(q.MeanWait()) / 1000}
	if ms := window / 1_000_000; ms > 0 {
		x.Queue = q.InSystem / 1000 / ms
	}
	return x
}

// parts are those of a way, in the order of its stations.
var parts = []struct {
	name string
	of   func(*scenario.Way) time.Duration
}{
	{"linger", func(w *scenario.Way) time.Duration { return w.Batch }},
	{"client queue", func(w *scenario.Way) time.Duration { return w.Client }},
	{"network", func(w *scenario.Way) time.Duration { return w.Network }},
	{"broker queue", func(w *scenario.Way) time.Duration { return w.Queue }},
	{"append", func(w *scenario.Way) time.Duration { return w.Append }},
	{"fsync", func(w *scenario.Way) time.Duration { return w.Disk }},
	{"replicate", func(w *scenario.Way) time.Duration { return w.Replicate }},
	{"fetch wait", func(w *scenario.Way) time.Duration { return w.Fetch }},
}

// budget is where the time of the records around the median and the 99th percentile
// went: the mean of each part over the one per cent of all records whose time is
// nearest to it. A record that waits longer for its batch than linger.ms waits for the
// client: for requests in flight, for buffer.memory, for its own thread.
func budget(curve string, ways []scenario.Way, linger time.Duration) (list []result.Budget) {
	for i := range ways {
		if w := &ways[i]; w.Batch > linger {
			w.Client, w.Batch = w.Client+w.Batch-linger, linger
		}
	}
	slices.SortStableFunc(ways, func(a, b scenario.Way) int { return cmp.Compare(a.Ack, b.Ack) })
	for _, at := range []struct {
		name     string
		per10000 int
	}{{"p50", 5000}, {"p99", 9900}} {
		n := len(ways)
		from, until := n*(at.per10000-50)/10000, n*(at.per10000+50)/10000
		if until <= from {
			continue // too few
		}
		b := result.Budget{Curve: curve, At: at.name}
		for _, p := range parts {
			var sum time.Duration
			for i := from; i < until; i++ {
				sum += p.of(&ways[i])
			}
			b.Parts = append(b.Parts, result.Amount{Name: p.name, US: int64(sum) / int64(until-from) / 1000})
		}
		list = append(list, b)
	}
	return list
}
