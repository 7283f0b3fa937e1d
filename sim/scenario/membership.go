package scenario

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/near"
	"brokersim/sim"
	"brokersim/workloads"
	"brokersim/workloads/client"
)

// memberCommits are the ways in which members of groups commit, by name.
func memberCommits() map[string]workloads.MemberCommit {
	return map[string]workloads.MemberCommit{
		"auto": workloads.MemberCommitAuto, "after": workloads.MemberCommitAfter, "before": workloads.MemberCommitBefore,
		"async": workloads.MemberCommitAsync, "async-only": workloads.MemberCommitAsyncOnly, "never": workloads.MemberCommitNever,
	}
}

// MemberCommits are the names of the ways in which members of groups commit.
func MemberCommits() []string {
	return []string{"auto", "after", "before", "async", "async-only", "never"}
}

// consumerGroup is the members that have one group.id, and how far they have come together.
type consumerGroup struct {
	id       string
	readers  []int // of the spec
	topics   []string
	progress *workloads.Progress
}

// groupID is the group that a reader is a member of, or empty.
func (p *plan) groupID(reader int) string {
	if !p.Spec.log() || p.Spec.Bulk != nil {
		return ""
	}
	return p.readers[reader].GroupID
}

// consumerGroups are the groups of the run, in the order of their first members.
func (p *plan) consumerGroups() (list []*consumerGroup) {
	for i := range p.Spec.Readers {
		id := p.groupID(i)
		if id == "" {
			continue
		}
		at := slices.IndexFunc(list, func(g *consumerGroup) bool { return g.id == id })
		if at < 0 {
			at = len(list)
			list = append(list, &consumerGroup{id: id, progress: workloads.NewProgress()})
		}
		g := list[at]
		g.readers = append(g.readers, i)
		for _, t := range p.Spec.Readers[i].Topics {
			if !slices.Contains(g.topics, t) {
				g.topics = append(g.topics, t)
			}
		}
	}
	return list
}

// coordinated reports whether the run needs coordinators.
func (p *plan) coordinated() bool {
	if p.Spec.transactional() {
		return true
	}
	for i := range p.Spec.Readers {
		if p.groupID(i) != "" {
			return true
		}
	}
	return false
}

// memberCommit is when a member commits: what its scenario says, or else Kafka's setting.
func (p *plan) memberCommit(reader int) workloads.MemberCommit {
	spec := &p.Spec.Readers[reader]
	if c := spec.Commit; c != "" {
		return memberCommits()[c]
	}
	if p.readers[reader].EnableAutoCommit {
		return workloads.MemberCommitAuto
	}
	return workloads.MemberCommitAfter
}

// checkMembers finds what is wrong with who is a member of a group, and with who says what
// only members can do.
func (p *plan) checkMembers() error {
	for i := range p.Spec.Readers {
		r := &p.Spec.Readers[i]
		set := &p.readers[i]
		switch member := p.groupID(i) != ""; {
		case !member && (r.Commit != "" || r.Workers > 0 || r.Until > 0):
			return fmt.Errorf("reader %s: commit, workers and until are for members of a consumer group: set: {group.id: %s}", r.Name, r.Name)
		case !member:
		case p.Spec.Log.Commit != "":
			return fmt.Errorf("reader %s: log.commit is for readers that keep their own position; of a member of a group it is commit: %s", r.Name, strings.Join(MemberCommits(), ", "))
		case r.Replay > 0:
			return fmt.Errorf("reader %s: replay: the position of a member of a group is the group's", r.Name)
		case r.Commit != "" && set.EnableAutoCommit != (r.Commit == "auto"):
			return fmt.Errorf("reader %s: commit: %s, but enable.auto.commit=%v", r.Name, r.Commit, set.EnableAutoCommit)
		case r.Workers > 0 && p.memberCommit(i) != workloads.MemberCommitAuto && p.memberCommit(i) != workloads.MemberCommitNever:
			return fmt.Errorf("reader %s: workers: want commit: auto or never: nobody commits what workers have done", r.Name)
		case r.Until > 0 && r.Until <= r.From:
			return fmt.Errorf("reader %s: until %v is not after from %v", r.Name, r.Until, r.From)
		case r.Commit != "" && !slices.Contains(MemberCommits(), r.Commit):
			return fmt.Errorf("reader %s: commit: %s: unknown%s", r.Name, r.Commit, near.Suggest(r.Commit, MemberCommits()))
		}
	}
	return nil
}

// addMember adds a reader that is a member of a group.
func (c *clients) addMember(r *run, i int, node nodeName) {
	spec := &r.Spec.Readers[i]
	group := c.groupOf(i)
	cfg := workloads.MemberConfig{
		ID: int32(node.id), Name: node.name, Seed: r.Seed, Bootstrap: r.cluster.bootstrap(), Settings: r.readers[i],
		Topics: spec.Topics, Partitions: r.topology.of(spec.Topics), Work: spec.Work, Settle: spec.Settle,
		Commit: r.memberCommit(i), Workers: spec.Workers,
		From: max(machine.Instant(spec.From), r.Spec.readFrom()), Until: machine.Instant(spec.Until),
		Recorder: r.rec, TPs: r.topology.number, Failpoints: r.cluster.set(node.id), Progress: group.progress,
	}
	cfg.Stuck.From, cfg.Stuck.Until = machine.Instant(spec.Pause.From), machine.Instant(spec.Pause.From+spec.Pause.For)
	c.addNode(r, node, &Machine{}, func(life uint32) machine.Machine {
		cfg.Life = life
		c.members[i] = workloads.NewMember(cfg)
		return c.members[i]
	})
}

// groupOf is the group of a reader, or nil.
func (c *clients) groupOf(reader int) *consumerGroup {
	for _, g := range c.groups {
		if slices.Contains(g.readers, reader) {
			return g
		}
	}
	return nil
}

// unfinished is what the groups have still to do: members that are in the middle of a
// rebalance, partitions that nobody has, and what is not processed. A group whose members have all
// left has nothing to do.
func (r *run) unfinished() (list []string) {
	nodes := r.Spec.clientNodes()[len(r.Spec.Producers):]
	for _, g := range r.clients.groups {
		var owned []wire.TP
		living := 0
		for _, i := range g.readers {
			m := r.clients.members[i]
			if m == nil || m.Over() {
				continue
			}
			living++
			if !m.Settled() {
				list = append(list, fmt.Sprintf("%s of group %s is in the middle of something", &nodes[i], g.id))
			}
			owned = append(owned, m.Owned()...)
		}
		if living == 0 {
			continue
		}
		for _, tp := range r.topology.of(g.topics) {
			end, at := r.goal(r.Spec.Readers[g.readers[0]].Name, tp), g.progress.Worked(tp)
			through := at >= end || slices.ContainsFunc(g.readers, func(i int) bool {
				m := r.clients.members[i]
				return m != nil && m.Through(tp, end)
			})
			switch {
			case !slices.Contains(owned, tp):
				list = append(list, fmt.Sprintf("nobody of group %s has %v", g.id, tp))
			case !through:
				list = append(list, fmt.Sprintf("group %s has processed %v up to offset %d of %d", g.id, tp, at, end))
			}
		}
	}
	return list
}

// offsetReaderID is the number of the node that reads in the end what groups have committed.
const offsetReaderID = 900_007

// addOffsetReader adds it, if there are groups.
func (c *clients) addOffsetReader(r *run) {
	list := r.processorGroups()
	for _, g := range c.groups {
		list = append(list, client.GroupErrand{Group: g.id, Read: r.topology.of(g.topics)})
	}
	if len(list) == 0 {
		return
	}
	c.offsets = workloads.NewGroupOperator(client.NewGroupOperator(r.operator("offset-reader"), list), offsetReaderID, r.rec, r.topology.number, true)
	r.sim.Add(sim.NodeConfig{Name: "offset-reader", ID: offsetReaderID, Boot: func() machine.Machine { return c.offsets }})
}

// protocolOf is how the groups of a run rebalance, for the head of the history: the least
// that any member is careful.
func protocolOf(set config.Consumer) string {
	if set.GroupProtocol == "consumer" {
		return "consumer"
	}
	for _, a := range set.Assignors() {
		if a != config.AssignorCooperativeSticky {
			return "eager"
		}
	}
	return "cooperative"
}
