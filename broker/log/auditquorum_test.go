package log

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// quorumAuditLab is an auditor of two controllers that has seen the first, which is active
// and has a few records.
func quorumAuditLab(t *testing.T) (*Auditor, *ControllerNode) {
	a, n := NewAuditor(2), labWithBroker(t, 1)
	if s := a.Quorum(0, []*ControllerNode{n, nil}); s != nil {
		t.Fatalf("%q", s)
	}
	return a, n
}

// labWithBroker is an active controller with whom one broker has registered.
func labWithBroker(t *testing.T, incarnation byte) *ControllerNode {
	l := newActiveLab(t)
	b := l.dial()
	b.send(labRegister(1, incarnation))
	l.syncAll()
	return l.node
}

// What is wrong with a step of a controller is said in one sentence.
func TestAuditQuorum(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, a *Auditor, n *ControllerNode)
		want  string
	}{
		{"nothing is wrong", func(*testing.T, *Auditor, *ControllerNode) {}, ""},
		{"the epoch", func(_ *testing.T, a *Auditor, _ *ControllerNode) { a.quorum.voters[0].epoch = 9 }, "controller 101: the epoch fell from 9 to 1"},
		{"the epoch of another life", func(_ *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.voters[0].life, a.quorum.voters[0].epoch = nil, 9
		}, "controller 101: the epoch fell from 9 to 1"},
		{"two leaders", func(_ *testing.T, a *Auditor, _ *ControllerNode) { a.quorum.leaders[1] = 102 }, "controller epoch 1 is led by controller 101, and was by controller 102"},
		{"a leader without what is committed", func(t *testing.T, a *Auditor, _ *ControllerNode) {
			clear(a.quorum.leaders)
			a.quorum.committed = labWithBroker(t, 2).quorum.Log()
		}, "controller 101 leads epoch 1 without the metadata that are committed up to offset 2: its log differs from offset 1 on"},
		{"the high watermark", func(_ *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.voters[0].highWatermark = 9
		}, "controller 101: the high watermark fell from 9 to 2"},
		{"the high watermark of another life", func(_ *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.voters[0].life, a.quorum.voters[0].highWatermark = nil, 9
		}, ""},
		{"a log that ends too early", func(t *testing.T, _ *Auditor, n *ControllerNode) {
			if err := n.quorum.Log().TruncateTo(1); err != nil {
				t.Fatal(err)
			}
		}, "controller 101: the metadata log ends at offset 1, below the high watermark 2"},
		{"another log", func(t *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.committed, a.quorum.voters[0].logEnd = labWithBroker(t, 2).quorum.Log(), 1
		}, "controller 101: of the metadata below the high watermark 2 what is from offset 1 on is not what was committed"},
		{"no majority", func(_ *testing.T, _ *Auditor, n *ControllerNode) { n.overdue = true }, "controller 101 leads epoch 1 and reaches no majority"},
		{"another image", func(_ *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.voters[0].imageAt = 0
			a.quorum.images[1]++
		}, "controller 101: the metadata at offset 1 are not those that others have there"},
		{"one that is alone", func(_ *testing.T, a *Auditor, _ *ControllerNode) {
			a.quorum.voters[0].epoch = 9
			a.quorum.voters = a.quorum.voters[:1]
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, n := quorumAuditLab(t)
			tt.spoil(t, a, n)
			if got := strings.Join(a.Quorum(0, []*ControllerNode{n, nil}), "\n"); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if s := NewAuditor(2).Quorum(0, []*ControllerNode{nil, nil}); s != nil {
		t.Errorf("of one that is down: %q", s)
	}
}

// What a broker has replayed is held against what controllers have, too.
func TestAuditImage(t *testing.T) {
	a, _ := quorumAuditLab(t)
	same, other := labWithBroker(t, 1), labWithBroker(t, 2)
	if s := a.Image("broker 1", same.Image()); s != nil {
		t.Errorf("%q", s)
	}
	if s := a.Image("broker 1", other.Image()); !slices.Equal(s, []string{"broker 1: the metadata at offset 1 are not those that others have there"}) {
		t.Errorf("%q", s)
	}
}

// What keeps a quorum from being at rest is said in one sentence.
func TestAuditSettledQuorum(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, nodes []*ControllerNode)
		want  []string
	}{
		{"at rest", func(*testing.T, []*ControllerNode) {}, nil},
		{"nobody is active", func(_ *testing.T, nodes []*ControllerNode) { nodes[0].active, nodes[1].active = false, false }, []string{"no controller is active"}},
		{"down", func(_ *testing.T, nodes []*ControllerNode) { nodes[1] = nil }, []string{"controller at place 1 is down"}},
		{"given up", func(_ *testing.T, nodes []*ControllerNode) { nodes[0].err = errors.New("bad disk") }, []string{"controller 101 has given up: bad disk"}},
		{"behind", func(_ *testing.T, nodes []*ControllerNode) { nodes[0].Image().Offset = 0 }, []string{"controller 101 has replayed the metadata to offset 0 of 1"}},
		{"a shorter log", func(t *testing.T, nodes []*ControllerNode) {
			if err := nodes[0].quorum.Log().TruncateTo(1); err != nil {
				t.Fatal(err)
			}
		}, []string{"controller 101 has replayed the metadata to offset 1 of 1"}},
		{"another leader", func(_ *testing.T, nodes []*ControllerNode) { nodes[1].cfg.ID = 102 }, []string{
			"controller 101 does not follow controller 102", "controller 102 does not follow controller 102",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := []*ControllerNode{labWithBroker(t, 1), labWithBroker(t, 1)}
			tt.spoil(t, nodes)
			if got := NewAuditor(2).SettledQuorum(nodes); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if got := NewAuditor(1).SettledQuorum([]*ControllerNode{nil}); got != nil {
		t.Errorf("of one that is alone: %q", got)
	}
}
