package client

import (
	"cmp"
	"slices"
	"strings"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// assignor is one of partition.assignment.strategy: how the leader of a classic group
// divides the partitions. It is pure: what it gives hangs on the members and the
// partitions alone, in whatever order they come.
type assignor struct {
	class       string // Java's
	name        string // as the protocol of a JoinGroup
	cooperative bool   // it can leave members what they own while others join (KIP-429)
	assign      func(members []subscriber, parts partitionCounts) [][]wire.TP
}

// subscriber is a member as the leader of its group sees it.
type subscriber struct {
	id, instance string // instance is empty of a dynamic member
	topics       []string
	owned        []wire.TP // what it says to own, or to have owned
	generation   int32     // of that; -1 if it does not say
}

// partitionCounts is how many partitions each topic has; one that nobody knows has none.
type partitionCounts map[string]int32

// assignors are all that there are.
func assignors() []*assignor {
	return []*assignor{
		{config.AssignorRange, "range", false, assignRange},
		{config.AssignorRoundRobin, "roundrobin", false, assignRoundRobin},
		{config.AssignorSticky, "sticky", false, assignSticky},
		{config.AssignorCooperativeSticky, "cooperative-sticky", true, assignSticky},
	}
}

// assignorsOf are those of some classes.
func assignorsOf(classes []string) (list []*assignor) {
	for _, class := range classes {
		for _, a := range assignors() {
			if a.class == class {
				list = append(list, a)
			}
		}
	}
	return list
}

// topicsOf are the topics of all members, sorted, each once.
func topicsOf(members []subscriber) (list []string) {
	for i := range members {
		list = append(list, members[i].topics...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// bySeniority is the order of members: static ones first, by what does not change when they
// come again (AbstractPartitionAssignor.MemberInfo).
func bySeniority(members []subscriber) []int {
	order := make([]int, len(members))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { // total: ids differ
		a, b := &members[i], &members[j]
		switch {
		case a.instance != "" && b.instance != "":
			return strings.Compare(a.instance, b.instance)
		case a.instance != "":
			return -1
		case b.instance != "":
			return 1
		}
		return strings.Compare(a.id, b.id)
	})
	return order
}

// assignRange gives each member of a topic one range of its partitions, the first ones a
// partition more (RangeAssignor).
func assignRange(members []subscriber, parts partitionCounts) [][]wire.TP {
	out := make([][]wire.TP, len(members))
	order := bySeniority(members)
	for _, topic := range topicsOf(members) {
		var of []int
		for _, m := range order {
			if slices.Contains(members[m].topics, topic) {
				of = append(of, m)
			}
		}
		n, k := int(parts[topic]), len(of)
		for i, m := range of {
			from, to := i*(n/k)+min(i, n%k), (i+1)*(n/k)+min(i+1, n%k)
			for p := from; p < to; p++ {
				out[m] = append(out[m], wire.TP{Topic: topic, Partition: int32(p)})
			}
		}
	}
	return out
}

// assignRoundRobin deals out the partitions of all topics one after the other, each to the
// next member that wants its topic (RoundRobinAssignor).
func assignRoundRobin(members []subscriber, parts partitionCounts) [][]wire.TP {
	out := make([][]wire.TP, len(members))
	order, at := bySeniority(members), 0
	for _, topic := range topicsOf(members) {
		for p := range parts[topic] {
			for !slices.Contains(members[order[at]].topics, topic) {
				at = (at + 1) % len(order)
			}
			out[order[at]] = append(out[order[at]], wire.TP{Topic: topic, Partition: p})
			at = (at + 1) % len(order)
		}
	}
	return out
}

// handOver takes from each member what another one still owns: that one gives it up first,
// and the next rebalance, which it asks for, gives it to its new owner
// (CooperativeStickyAssignor.adjustAssignment).
func handOver(members []subscriber, assigned [][]wire.TP) {
	owner := owners(members)
	for i := range assigned {
		assigned[i] = slices.DeleteFunc(assigned[i], func(tp wire.TP) bool {
			m, owned := owner[tp]
			return owned && m != i
		})
	}
}

// noOwner is who owns what two members of one generation claim.
const noOwner = -1

// owners is who owns which partition, by what the members say: of two who claim one that of
// the later generation, and nobody if it is the same, in which case neither may keep it
// without giving it up first.
func owners(members []subscriber) map[wire.TP]int {
	owner, generation := map[wire.TP]int{}, map[wire.TP]int32{}
	for i := range members {
		m := &members[i]
		for _, tp := range m.owned {
			j, claimed := owner[tp]
			switch {
			case !claimed || m.generation > generation[tp]:
				owner[tp], generation[tp] = i, m.generation
			case m.generation == generation[tp] && j != i:
				owner[tp] = noOwner
			}
		}
	}
	return owner
}

func compareTPs(a, b wire.TP) int { return a.Compare(b) }

// byPartition is the order in which owned partitions are kept when there are too many.
func byPartition(a, b wire.TP) int {
	return cmp.Or(cmp.Compare(a.Partition, b.Partition), strings.Compare(a.Topic, b.Topic))
}
