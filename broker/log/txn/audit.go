package txn

import (
	"fmt"
	"strings"
)

// Durable is what the log says of transactional ids.
func (m *Machine) Durable() string {
	var b strings.Builder
	for _, t := range m.order {
		fmt.Fprintf(&b, "%q: %+v\n", t.id, t.record)
	}
	return b.String()
}
