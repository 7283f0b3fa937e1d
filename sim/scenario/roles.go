package scenario

import (
	"fmt"
	"strings"
)

// view answers what a schedule asks: who has a role now.
//
//   - leader and leader(orders-0) lead that partition, or partition 0 of the first
//     topic; nobody does between a failure that was noticed and the election.
//   - follower and follower2 are the first and the second replica of it that does
//     not lead, in the order of the assignment, whether they are up or not: as
//     long as the leader stays, the same name means the same node, so that
//     "restart follower" finds whom "crash follower" has hit.
//   - controller is the controller, or the active one of several: nobody between two. standby
//     and standby2 are the first and the second of those who are not active, up or not.
//   - coordinator leads the partition of the first group, txn-coordinator that of the first
//     transactional.id.
//   - a service is its client.
//   - leader is the broker where there is only one, of another kind; the others are nobody.
//   - * is every node that a schedule can name.
func (r *run) view(role string) (nodes string, ok bool) {
	word, rest, _ := strings.Cut(role, "(")
	switch word {
	case "*":
		var all []string
		for _, n := range r.Spec.nodes() {
			all = append(all, n.name)
		}
		return strings.Join(all, ","), true
	case "controller":
		return r.activeController()
	case "standby":
		return r.standby(0)
	case "standby2":
		return r.standby(1)
	case groupCoordinatorRole, txnCoordinatorRole:
		if tp, is := r.coordinates(word); is && r.solo == nil {
			return r.replicaOf("leader", tp.String())
		}
		return "", false
	case "leader", "follower", "follower2":
		if r.solo != nil {
			return r.solo.name, word == "leader"
		}
		return r.replicaOf(word, strings.TrimSuffix(rest, ")"))
	}
	for _, n := range r.Spec.nodes() {
		if n.role == word {
			return n.name, true
		}
	}
	return "", false
}

func (r *run) activeController() (node string, ok bool) {
	switch {
	case r.solo != nil:
		return "", false
	case len(r.cluster.controllers) == 1:
		return controllerName(firstController), true
	}
	n := r.cluster.controller()
	if n == nil {
		return "", false
	}
	return controllerName(n.ID()), true
}

// standby is one of the controllers that are not active, in the order of their ids.
func (r *run) standby(skip int) (node string, ok bool) {
	if r.solo != nil || len(r.cluster.controllers) == 1 {
		return "", false
	}
	active := r.cluster.controller()
	for _, v := range r.cluster.voters {
		if active != nil && active.ID() == v.ID {
			continue
		}
		if skip == 0 {
			return controllerName(v.ID), true
		}
		skip--
	}
	return "", false
}

func (r *run) replicaOf(role, partition string) (node string, ok bool) {
	tp := r.topology.tps[0]
	if partition != "" {
		if tp, ok = r.partition(partition); !ok {
			return "", false
		}
	}
	a, known := r.cluster.assignment(tp)
	if !known {
		return "", false
	}
	if role == "leader" {
		return brokerName(a.leader), a.leader >= 0
	}
	skip := 0
	if role == "follower2" {
		skip = 1
	}
	for _, id := range a.replicas {
		if id == a.leader {
			continue
		}
		if skip == 0 {
			return brokerName(id), true
		}
		skip--
	}
	return "", false
}

func brokerName(id int32) string { return fmt.Sprintf("b%d", id) }
