package faults

import (
	"slices"
	"strings"

	"brokersim/broker/near"
)

// target reads one target into t and returns its word.
func (p *parser) target(s *Step, t *Target) (word, error) {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return w, err
	}
	name, rest, called := strings.Cut(w.text, "(")
	if name == "all" {
		name = everyone
	}
	at := word{name, w.column}
	switch {
	case !called && (slices.Contains(p.vocabulary.Nodes, name) || strings.Contains(name, ",")):
		t.Nodes, err = p.nodes(at)
		return w, err
	case name != everyone && !slices.Contains(p.vocabulary.Roles, name):
		if slices.Contains(p.vocabulary.Nodes, name) {
			return w, p.fail(w, "%s is a node: only roles take (...)", name)
		}
		known := slices.Concat([]string{everyone}, p.vocabulary.Roles, p.vocabulary.Nodes)
		return w, p.fail(w, "unknown node or role %q%s", name, near.Suggest(name, known))
	}
	t.Role = name
	if !called {
		return w, nil
	}
	inside, closed := strings.CutSuffix(rest, ")")
	if !closed {
		return w, p.fail(w, `%q does not end with ")"`, w.text)
	}
	return w, p.inside(t, word{inside, w.column + strings.IndexByte(w.text, '(') + 1})
}

// inside reads what stands in the parentheses after a role: a partition, nodes,
// or partition=nodes.
func (p *parser) inside(t *Target, w word) error {
	partition, nodes, both := strings.Cut(w.text, "=")
	nodesAt := word{nodes, w.column + len(partition) + 1}
	if !both && !looksLikePartition(w.text) {
		partition, nodesAt = "", w
	}
	if partition != "" {
		if t.Role == everyone {
			return p.fail(w, "%s is every node: it takes no partition", everyone)
		}
		if !slices.Contains(p.vocabulary.Partitions, partition) {
			return p.fail(w, "unknown partition %q%s", partition, near.Suggest(partition, p.vocabulary.Partitions))
		}
		t.Partition = partition
		if !both {
			return nil
		}
	}
	var err error
	t.Nodes, err = p.nodes(nodesAt)
	return err
}

// nodes reads names of nodes joined by commas.
func (p *parser) nodes(w word) ([]string, error) {
	var nodes []string
	at := w
	for name := range strings.SplitSeq(w.text, ",") {
		at.text = name
		switch {
		case !slices.Contains(p.vocabulary.Nodes, name):
			return nil, p.fail(at, "unknown node %q%s", name, near.Suggest(name, p.vocabulary.Nodes))
		case slices.Contains(nodes, name):
			return nil, p.fail(at, "%s stands twice in %s", name, w.text)
		}
		nodes = append(nodes, name)
		at.column += len(name) + 1
	}
	return nodes, nil
}
