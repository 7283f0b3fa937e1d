package reports

import (
	"cmp"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// span is a fault that lasts: on a lane from one row to before another.
type span struct {
	lane     int
	from, to int // rows; to is their number if it lasts
	what     string
}

// downs are the times in which a node is down or paused.
func (t *told) downs() (list []span) {
	for i := range t.Rows {
		for _, f := range t.faults(&t.Rows[i]) {
			what := stands(f.verb)
			if what == "" {
				continue
			}
			for _, node := range f.nodes {
				list = append(list, span{t.lane(node), i, t.backAt(i+1, node), what})
			}
		}
	}
	return list
}

// stands says how a node is after a verb that ends it, or has it stand still.
func stands(verb string) string {
	switch {
	case verb == "crash", verb == "power-loss", strings.HasPrefix(verb, "crash-at-"), strings.HasPrefix(verb, "power-loss-at-"):
		return "down"
	case verb == "pause":
		return "paused"
	}
	return ""
}

// backAt is the first row from i on in which a node is back: it is started, or
// acts, whatever the story leaves out.
func (t *told) backAt(i int, node string) int {
	for ; i < len(t.Rows); i++ {
		r := &t.Rows[i]
		switch r.Kind {
		case result.RowMessage, result.RowStep, result.RowDisk:
			if r.Node == node {
				return i
			}
		case result.RowFault:
			if slices.ContainsFunc(t.faults(r), func(f fault) bool {
				return (f.verb == "restart" || f.verb == "resume") && slices.Contains(f.nodes, node)
			}) {
				return i
			}
		}
	}
	return i
}

// links are the times in which the network of a lane is not as it should be.
func (t *told) links() (list []span) {
	for i := range t.Rows {
		for _, f := range t.faults(&t.Rows[i]) {
			switch f.verb {
			case "cut", "cut-both", "clog", "slow", "throttle":
				to := t.healedAt(i+1, f.nodes)
				for _, node := range f.nodes {
					list = append(list, span{t.lane(node), i, to, f.verb})
				}
			}
		}
	}
	return joined(list)
}

// healedAt is the first row from i on that heals the links between nodes.
func (t *told) healedAt(i int, nodes []string) int {
	for ; i < len(t.Rows); i++ {
		for _, f := range t.faults(&t.Rows[i]) {
			missing := func(n string) bool { return !slices.Contains(f.nodes, n) }
			if (f.verb == "heal" || f.verb == "heal-both") && !slices.ContainsFunc(nodes, missing) {
				return i
			}
		}
	}
	return i
}

// joined are the spans of each lane with those that overlap as one.
func joined(list []span) (all []span) {
	slices.SortStableFunc(list, func(a, b span) int { return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.from, b.from)) })
	for _, x := range list {
		if n := len(all) - 1; n >= 0 && all[n].lane == x.lane && x.from <= all[n].to {
			all[n].to = max(all[n].to, x.to)
			continue
		}
		all = append(all, x)
	}
	return all
}
