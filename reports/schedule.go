package reports

import (
	"regexp"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// whom names the nodes that a step of the schedule names.
func (t *told) whom(r *result.Row) string {
	var nodes []string
	for _, f := range t.faults(r) {
		for _, n := range f.nodes {
			if !f.all && !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	if len(nodes) == 0 && len(t.touched(r)) > 0 {
		return "all"
	}
	return strings.Join(nodes, ", ")
}

// fault is one thing that the schedule does: a verb and the lanes that it is
// about, in their order.
type fault struct {
	verb  string
	nodes []string
	all   bool // they are all there are
}

// faults are what the schedule does in a row, such as "crash leader(b1)", or "the
// load ends: heal *, restart b1".
func (t *told) faults(r *result.Row) (list []fault) {
	for _, step := range steps(r) {
		verb, _, _ := strings.Cut(step, " ")
		all := slices.Contains(strings.Fields(step), "*")
		list = append(list, fault{verb, t.named(step, r.Node, all), all})
	}
	return list
}

// steps are those of the schedule in a row, without their time.
func steps(r *result.Row) (list []string) {
	if r.Kind != result.RowFault {
		return nil
	}
	text := clean(r.What)
	if _, after, ok := strings.Cut(text, ": "); ok {
		text = after
	}
	for step := range strings.SplitSeq(text, ", ") {
		if first, rest, ok := strings.Cut(step, " "); ok && first != "" && '0' <= first[0] && first[0] <= '9' {
			step = rest
		}
		list = append(list, step)
	}
	return list
}

// mends reports whether all that the schedule does in a row makes things right
// again.
func mends(r *result.Row) bool {
	list := steps(r)
	for _, step := range list {
		switch verb, _, _ := strings.Cut(step, " "); verb {
		case "heal", "heal-both", "restart", "resume", "mend":
		default:
			if !strings.HasSuffix(step, " off") {
				return false
			}
		}
	}
	return len(list) > 0
}

// nodeWord matches what may be a node in the text of a fault: "b1" in "crash
// leader(b1)" and not in "topic-b1".
var nodeWord = regexp.MustCompile(`(^|[\s(=,])([a-z]+[0-9]*)([\s),]|$)`)

// named are the lanes of the nodes that a step of a schedule names, and of one
// more; or all.
func (t *told) named(step, also string, all bool) (nodes []string) {
	is := map[string]bool{also: true}
	for rest := step; ; {
		at := nodeWord.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		is[rest[at[4]:at[5]]] = true
		rest = rest[at[5]:] // what ends one word may begin the next
	}
	for _, l := range t.lanes {
		if is[l.Node] || all {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes
}

// touched are the lanes that the faults of a row are about, in their order.
func (t *told) touched(r *result.Row) (nodes []string) {
	is := make(map[string]bool)
	for _, f := range t.faults(r) {
		for _, n := range f.nodes {
			is[n] = true
		}
	}
	for _, l := range t.lanes {
		if is[l.Node] {
			nodes = append(nodes, l.Node)
		}
	}
	return nodes
}
