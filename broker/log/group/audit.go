package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Durable is what the log says of groups: their offsets, and those of open transactions. Who is
// in a classic group may be ahead of the log, and is left out.
func (m *Machine) Durable() string {
	var b strings.Builder
	for _, g := range m.sorted() {
		for _, p := range partitions(g.offsets) {
			fmt.Fprintf(&b, "%q: %s-%d %+v\n", g.id, p.topic, p.index, *g.offsets[p])
		}
		for _, id := range slices.Sorted(maps.Keys(g.transactional)) {
			for _, p := range partitions(g.transactional[id]) {
				fmt.Fprintf(&b, "%q: %s-%d %+v once producer %d commits\n", g.id, p.topic, p.index, *g.transactional[id][p], id)
			}
		}
	}
	return b.String()
}
