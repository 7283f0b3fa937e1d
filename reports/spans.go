package reports

import (
	"cmp"
	"slices"

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
		what := map[string]string{"crash": "down", "power-loss": "down", "pause": "paused"}[t.verb(i)]
		if what == "" {
			continue
		}
		for _, node := range t.touched(&t.Rows[i]) {
			list = append(list, span{t.lane(node), i, t.backAt(i+1, node), what})
		}
	}
	return list
}

// backAt is the first row from i on in which a node is back: it is started, or
// acts, whatever the story leaves out.
func (t *told) backAt(i int, node string) int {
	for ; i < len(t.Rows); i++ {
		r := &t.Rows[i]
		switch r.Kind {
		case result.RowFault:
			if verb := t.verb(i); (verb == "restart" || verb == "resume") && slices.Contains(t.touched(r), node) {
				return i
			}
		case result.RowMessage, result.RowStep, result.RowDisk:
			if r.Node == node {
				return i
			}
		}
	}
	return i
}

// links are the times in which the network of a lane is not as it should be.
func (t *told) links() (list []span) {
	for i := range t.Rows {
		switch verb := t.verb(i); verb {
		case "cut", "cut-both", "clog", "slow", "throttle":
			nodes := t.touched(&t.Rows[i])
			to := t.healedAt(i+1, nodes)
			for _, node := range nodes {
				list = append(list, span{t.lane(node), i, to, verb})
			}
		}
	}
	return list
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

// healedAt is the first row from i on that heals the links between nodes.
func (t *told) healedAt(i int, nodes []string) int {
	for ; i < len(t.Rows); i++ {
		if verb := t.verb(i); verb != "heal" && verb != "heal-both" {
			continue
		}
		healed := t.touched(&t.Rows[i])
		if !slices.ContainsFunc(nodes, func(n string) bool { return !slices.Contains(healed, n) }) {
			return i
		}
	}
	return i
}

// verb is what the schedule does in a row, or nothing.
func (t *told) verb(i int) string {
	if t.Rows[i].Kind != result.RowFault {
		return ""
	}
	return faultVerb(&t.Rows[i])
}
