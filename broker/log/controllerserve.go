package log

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// controllerTable is what a controller's listener serves, with what brokers pass on for
// operators, for their tools, and about users.
func controllerTable(t *wire.Table, admin, tools, security bool) *wire.Table {
	if admin {
		t = t.With(wire.ControllerAdmin())
	}
	if admin && tools {
		t = t.With(wire.ControllerTools())
	}
	if security {
		t = t.With(wire.ControllerSecurity())
	}
	return t
}

// serve handles a frame of a connection, and those that waited for it, until one
// has to wait for its answer.
func (n *ControllerNode) serve(now machine.Now, c *controllerConn, frame machine.Bytes, out *machine.Effects) {
	for {
		req, err := wire.DecodeRequest(frame, n.serves)
		if err != nil || req.Body == nil {
			n.hangUp(c, out)
			return
		}
		out.Work(machine.Work{Requests: 1, Bytes: frame.Len()})
		if answered := n.request(now, c, req, out); !answered || n.err != nil {
			return
		}
		var ok bool
		if frame, ok = c.Next(out); !ok {
			return
		}
	}
}

// next goes on with connections whose request has been answered.
func (n *ControllerNode) next(now machine.Now, answered []*controllerConn, out *machine.Effects) {
	for _, c := range answered {
		if n.conns[c.ID] != c {
			continue
		}
		if frame, ok := c.Next(out); ok {
			n.serve(now, c, frame, out)
		}
	}
}

// hangUp ends a connection on which something came that cannot be understood.
func (n *ControllerNode) hangUp(c *controllerConn, out *machine.Effects) {
	n.forget(c.ID)
	out.Close(c.ID)
}

// request does what a request asks for, and reports whether it has been answered:
// if not, the answer comes later, or never if the connection has ended.
func (n *ControllerNode) request(now machine.Now, c *controllerConn, req wire.Request, out *machine.Effects) bool {
	var cmd controller.Command
	switch body := req.Body.(type) {
	case *kmsg.ApiVersionsRequest:
		resp := n.serves.ApiVersions()
		if req.UnsupportedVersion {
			resp.ErrorCode = wire.UnsupportedVersion
		}
		n.answer(c, &req, resp, nil, out)
		return true
	case *kmsg.FetchRequest:
		return n.fetch(now, c, req, body, out)
	case *kmsg.FetchSnapshotRequest:
		n.answer(c, &req, n.quorum.FetchSnapshot(now, body), nil, out)
		return true
	case *kmsg.VoteRequest, *kmsg.BeginQuorumEpochRequest, *kmsg.EndQuorumEpochRequest:
		return n.election(now, c, req, out)
	case *kmsg.BrokerRegistrationRequest:
		cmd = controller.Register{BrokerRegistrationRequest: body}
	case *kmsg.BrokerHeartbeatRequest:
		cmd = controller.Heartbeat{BrokerHeartbeatRequest: body}
	case *kmsg.AlterPartitionRequest:
		cmd = controller.AlterPartition{AlterPartitionRequest: body}
	case *kmsg.CreateTopicsRequest:
		cmd = controller.CreateTopics{CreateTopicsRequest: body}
	case *kmsg.DeleteTopicsRequest:
		cmd = controller.DeleteTopics{DeleteTopicsRequest: body}
	case *kmsg.CreatePartitionsRequest:
		cmd = controller.CreatePartitions{CreatePartitionsRequest: body}
	case *kmsg.AlterConfigsRequest:
		cmd = controller.AlterConfigs{AlterConfigsRequest: body}
	case *kmsg.IncrementalAlterConfigsRequest:
		cmd = controller.IncrementalAlterConfigs{IncrementalAlterConfigsRequest: body}
	case *kmsg.AlterClientQuotasRequest:
		cmd = controller.AlterClientQuotas{AlterClientQuotasRequest: body}
	case *kmsg.CreateACLsRequest:
		cmd = controller.CreateACLs{CreateACLsRequest: body}
	case *kmsg.DeleteACLsRequest:
		cmd = controller.DeleteACLs{DeleteACLsRequest: body}
	case *kmsg.AlterUserSCRAMCredentialsRequest:
		cmd = controller.AlterUserScramCredentials{AlterUserSCRAMCredentialsRequest: body}
	case *kmsg.ElectLeadersRequest:
		cmd = controller.ElectLeaders{ElectLeadersRequest: body}
	case *kmsg.AlterPartitionAssignmentsRequest:
		cmd = controller.AlterPartitionReassignments{AlterPartitionAssignmentsRequest: body}
	case *kmsg.ListPartitionReassignmentsRequest:
		cmd = controller.ListPartitionReassignments{ListPartitionReassignmentsRequest: body}
	case *kmsg.AllocateProducerIDsRequest:
		cmd = controller.AllocateProducerIDs{AllocateProducerIDsRequest: body}
	default:
		panic(fmt.Sprintf("log: %T is served but not handled", body))
	}
	if !n.decides() {
		n.answer(c, &req, notController(req.Body), nil, out)
		return true
	}
	body, ok := n.do(now, cmd, out)
	if !ok {
		return false
	}
	// Whatever the answer says, it may rest on records that are not durable.
	if end := n.quorum.LogEnd(); end > n.quorum.HighWatermark() && !n.early(cmd, end) {
		n.pending = append(n.pending, pendingAnswer{end, c, req, body})
		return false
	}
	n.answer(c, &req, body, nil, out)
	return true
}

// early reports whether an answer leaves before the log is durable up to end: only a
// planted bug does so.
func (n *ControllerNode) early(cmd controller.Command, end int64) bool {
	if n.cfg.Failpoints.On(failpoint.C01AnswerBeforeDurable, uint64(end)) {
		return true
	}
	_, ids := cmd.(controller.AllocateProducerIDs)
	return ids && n.cfg.Failpoints.On(failpoint.T22IDsBeforeDurable, uint64(end))
}

// do decides about a command, appends what it comes to and replays it at once, so
// that the next decision sees it. If it returns false the controller has failed.
func (n *ControllerNode) do(now machine.Now, cmd controller.Command, out *machine.Effects) (kmsg.Response, bool) {
	records, resp := n.controller.Decide(now, cmd)
	if len(records) > 0 {
		values := make([][]byte, len(records))
		for i, r := range records {
			values[i] = controller.EncodeRecord(r)
		}
		base, err := n.quorum.Append(now, values, out)
		if err != nil {
			n.fail(err, out)
			return nil, false
		}
		n.cfg.Failpoints.Hit(failpoint.StepMetadataAppend)
		for i, r := range records {
			n.count(r)
			if _, err := n.controller.Replay(base+int64(i), r); err != nil {
				panic("log: the controller decided what cannot be replayed: " + err.Error())
			}
		}
		out.Work(machine.Work{Records: int64(len(records))})
	}
	if resp.Alive != nil {
		n.controller.Contacted(now, *resp.Alive)
	}
	return resp.Body, true
}

// count notes the situations that a run must have met; r is not replayed yet.
func (n *ControllerNode) count(r controller.Record) {
	if f, is := r.(controller.FenceBroker); is {
		n.countFenced(f.ID)
	}
	if reg, is := r.(controller.RegisterBroker); is && n.Image().Brokers[reg.ID] != nil && reg.Fenced {
		n.countFenced(reg.ID)
	}
	change, ok := r.(controller.PartitionChange)
	if !ok {
		return
	}
	was := n.Image().ByID[change.TopicID].Partitions[change.Partition]
	if change.Leader >= 0 && change.Leader != was.Leader {
		n.cfg.Failpoints.Hit(failpoint.LeaderChange)
	}
	if change.Replicas != nil && was.Reassigning() && len(change.Adding) == 0 && len(change.Removing) == 0 {
		if slices.ContainsFunc(was.Removing, func(id int32) bool { return slices.Contains(change.Replicas, id) }) {
			n.cfg.Failpoints.Hit(failpoint.ReassignmentCalledOff)
		} else {
			n.cfg.Failpoints.Hit(failpoint.Reassigned)
		}
	}
	switch {
	case change.ISR == nil:
	case len(change.ISR) < len(was.ISR):
		n.cfg.Failpoints.Hit(failpoint.ISRShrink)
	case len(change.ISR) > len(was.ISR):
		n.cfg.Failpoints.Hit(failpoint.ISRExpand)
	}
}

// countFenced counts a broker that is fenced while a partition is moved to it or from it.
func (n *ControllerNode) countFenced(id int32) {
	if b := n.Image().Brokers[id]; b == nil || b.Fenced {
		return
	}
	for p := range n.Image().Partitions() {
		if slices.Contains(p.Adding, id) || slices.Contains(p.Removing, id) {
			n.cfg.Failpoints.Hit(failpoint.LostInReassignment)
			return
		}
	}
}

// answer sends an answer, if there still is somebody to hear it.
func (n *ControllerNode) answer(c *controllerConn, req *wire.Request, body kmsg.Response, records []wire.Records, out *machine.Effects) {
	if n.conns[c.ID] == c {
		out.Send(c.ID, wire.EncodeResponse(req, body, records), wire.AnswerIdent(req.Ident))
	}
}

func (n *ControllerNode) fetch(now machine.Now, c *controllerConn, req wire.Request, body *kmsg.FetchRequest, out *machine.Effects) bool {
	n.quorum.Arrived(now, body)
	resp, records, wait := n.quorum.Fetch(body)
	if wait {
		until := now.Mono.Add(time.Duration(body.MaxWaitMillis) * time.Millisecond)
		n.fetches = append(n.fetches, metadataFetch{c, req, until})
		return false
	}
	n.answer(c, &req, resp, records, out)
	return true
}

// notController is the answer of a controller that is not, or not yet, active.
func notController(req kmsg.Request) kmsg.Response {
	switch resp := req.ResponseKind().(type) {
	case *kmsg.BrokerRegistrationResponse:
		resp.ErrorCode = wire.NotController
		return resp
	case *kmsg.BrokerHeartbeatResponse:
		resp.ErrorCode = wire.NotController
		return resp
	case *kmsg.AlterPartitionResponse:
		resp.ErrorCode = wire.NotController
		resp.Topics = []kmsg.AlterPartitionResponseTopic{}
		return resp
	case *kmsg.AllocateProducerIDsResponse:
		resp.ErrorCode = wire.NotController
		return resp
	}
	if resp := refused(req, wire.NotController); resp != nil {
		return resp
	}
	panic("log: no command of this kind")
}

func sortedConns(conns map[machine.ConnID]*controllerConn) []machine.ConnID {
	return slices.Sorted(maps.Keys(conns))
}
