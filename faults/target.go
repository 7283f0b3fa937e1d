package faults

import (
	"slices"
	"strings"
)

// Target is whom a step is about: a role, nodes, or a role with the nodes that
// had it when the step was applied.
//
//	leader               whoever leads, asked when the step is applied
//	leader(orders-0)     whoever leads that partition
//	b1  b1,b2            these nodes
//	leader(b1)           these nodes, which were the leader
//	leader(orders-0=b1)  the same of a partition
//	*                    every node
type Target struct {
	Role      string // empty for plain nodes
	Partition string // of the role, such as "orders-0"; may be empty
	Nodes     []string
}

// everyone is the role of every node there is.
const everyone = "*"

func (t Target) none() bool { return t.Role == "" && len(t.Nodes) == 0 }

// String returns the target as schedules write it.
func (t Target) String() string {
	nodes := strings.Join(t.Nodes, ",")
	switch {
	case t.Role == "":
		return nodes
	case t.Partition == "" && nodes == "":
		return t.Role
	case nodes == "":
		return t.Role + "(" + t.Partition + ")"
	case t.Partition == "" && !looksLikePartition(nodes):
		return t.Role + "(" + nodes + ")"
	}
	return t.Role + "(" + t.Partition + "=" + nodes + ")"
}

// ask is what a [View] is asked.
func (t Target) ask() string { return Target{Role: t.Role, Partition: t.Partition}.String() }

func (t Target) equal(u Target) bool {
	return t.Role == u.Role && t.Partition == u.Partition && slices.Equal(t.Nodes, u.Nodes)
}

// looksLikePartition reports whether s ends like a partition's name, in -N.
func looksLikePartition(s string) bool {
	dash := strings.LastIndexByte(s, '-')
	if dash <= 0 || dash == len(s)-1 {
		return false
	}
	return strings.Trim(s[dash+1:], "0123456789") == ""
}
