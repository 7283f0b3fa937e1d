package controller

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// story plays the commands of a file against one controller.
type story struct {
	c   *Controller
	now machine.Now
	log []Record
}

func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		s := &story{c: New(settings(false))}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.play(t, d) })
	})
}

func (s *story) play(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "register":
		return s.do(Register{s.register(d)})
	case "heartbeat":
		return s.do(Heartbeat{s.heartbeat(d)})
	case "alter":
		return s.do(AlterPartition{s.alter(t, d)})
	case "reassign":
		return s.do(AlterPartitionReassignments{reassign(t, d)})
	case "reassignments":
		return s.do(ListPartitionReassignments{kmsg.NewPtrListPartitionReassignmentsRequest()})
	case "elect":
		req := kmsg.NewPtrElectLeadersRequest()
		if d.HasArg("unclean") {
			req.ElectionType = electUnclean
		}
		if d.HasArg("partition") {
			t := kmsg.NewElectLeadersRequestTopic()
			t.Topic, t.Partitions = text(d, "topic", "orders"), []int32{int32(number(d, "partition", 0))}
			req.Topics = append(req.Topics, t)
		}
		return s.do(ElectLeaders{req})
	case "rebalance":
		return s.do(Rebalance{})
	case "create":
		return s.do(CreateTopics{create(t, d)})
	case "producer-ids":
		req := kmsg.NewPtrAllocateProducerIDsRequest()
		req.BrokerID = int32(number(d, "broker", 0))
		req.BrokerEpoch = number(d, "epoch", s.epoch(req.BrokerID))
		return s.do(AllocateProducerIDs{req})
	case "expire":
		var b strings.Builder
		if d.HasArg("broker") {
			return s.do(Expire{int32(number(d, "broker", 0))})
		}
		for _, id := range s.c.Expired(s.now) {
			fmt.Fprintf(&b, "broker %d\n%s", id, s.do(Expire{id}))
		}
		return b.String()
	case "advance":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.now.Mono = s.now.Mono.Add(by)
		next := "never"
		if at := s.c.NextExpiry(); at != machine.Never {
			next = time.Duration(at).String()
		}
		return fmt.Sprintf("now %v, next expiry %s\n", time.Duration(s.now.Mono), next)
	case "restart":
		s.c = New(s.c.settings)
		for offset, r := range s.log {
			if _, err := s.c.Replay(int64(offset), r); err != nil {
				d.Fatalf(t, "%v", err)
			}
		}
		s.c.Activate(s.now)
		return s.c.image.String()
	case "image":
		return s.c.image.String()
	}
	d.Fatalf(t, "unknown command %s", d.Cmd)
	return ""
}

func (s *story) do(cmd Command) string {
	var b strings.Builder
	records, resp := s.c.Decide(s.now, cmd)
	for _, r := range records {
		if _, err := s.c.Replay(int64(len(s.log)), r); err != nil {
			return err.Error()
		}
		fmt.Fprintf(&b, "%d: %s\n", len(s.log), describeRecord(r))
		s.log = append(s.log, r)
	}
	if resp.Alive != nil {
		s.c.Contacted(s.now, *resp.Alive)
	}
	if resp.Body != nil {
		fmt.Fprintf(&b, "-> %s\n", describeResponse(resp.Body))
	}
	return b.String()
}

// describeRecord is a record as its kind and fields, ids cut short.
func describeRecord(r Record) string {
	var fields map[string]any
	b, _ := json.Marshal(r)
	_ = json.Unmarshal(b, &fields)
	for _, long := range []string{"Incarnation", "ID", "TopicID"} {
		if v, ok := fields[long].([]any); ok {
			fields[long] = fmt.Sprintf("%02x..", int(v[0].(float64)))
		}
	}
	for _, rare := range []string{"Replicas", "Adding", "Removing"} { // of a reassignment
		if fields[rare] == nil {
			delete(fields, rare)
		}
	}
	short, _ := json.Marshal(fields)
	return fmt.Sprintf("%T %s", r, short)[len("controller."):]
}

func describeResponse(body kmsg.Response) string {
	ok := func(code int16) string {
		if code == 0 {
			return "ok"
		}
		return wire.ErrorName(code)
	}
	switch r := body.(type) {
	case *kmsg.BrokerRegistrationResponse:
		return fmt.Sprintf("%s epoch=%d", ok(r.ErrorCode), r.BrokerEpoch)
	case *kmsg.BrokerHeartbeatResponse:
		return fmt.Sprintf("%s caught-up=%t fenced=%t shut-down=%t", ok(r.ErrorCode), r.IsCaughtUp, r.IsFenced, r.ShouldShutdown)
	case *kmsg.AllocateProducerIDsResponse:
		return fmt.Sprintf("%s first=%d count=%d", ok(r.ErrorCode), r.ProducerIDStart, r.ProducerIDLen)
	case *kmsg.AlterPartitionResponse:
		if r.ErrorCode != 0 {
			return ok(r.ErrorCode)
		}
		p := r.Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			return ok(p.ErrorCode)
		}
		return fmt.Sprintf("ok leader=%d leader-epoch=%d isr=%d partition-epoch=%d recovery=%d", p.LeaderID, p.LeaderEpoch, p.ISR, p.PartitionEpoch, p.LeaderRecoveryState)
	case *kmsg.AlterPartitionAssignmentsResponse:
		p := r.Topics[0].Partitions[0]
		if p.ErrorMessage != nil {
			return ok(p.ErrorCode) + ": " + *p.ErrorMessage
		}
		return ok(p.ErrorCode)
	case *kmsg.ListPartitionReassignmentsResponse:
		s := "none"
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				s = fmt.Sprintf("%s-%d replicas=%d adding=%d removing=%d", t.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas)
			}
		}
		return s
	case *kmsg.ElectLeadersResponse:
		s := "nobody"
		for _, t := range r.Topics {
			for i, p := range t.Partitions {
				if i == 0 {
					s = ""
				}
				s += fmt.Sprintf("%s-%d %s ", t.Topic, p.Partition, ok(p.ErrorCode))
			}
		}
		return strings.TrimSpace(s)
	case *kmsg.CreateTopicsResponse:
		var all []string
		for _, t := range r.Topics {
			s := fmt.Sprintf("%q %s partitions=%d replicas=%d", t.Topic, ok(t.ErrorCode), t.NumPartitions, t.ReplicationFactor)
			if t.ErrorMessage != nil {
				s += ": " + *t.ErrorMessage
			}
			all = append(all, s)
		}
		return strings.Join(all, "\n-> ")
	}
	return fmt.Sprintf("%T", body)
}

func (s *story) epoch(id int32) int64 {
	if b := s.c.image.Brokers[id]; b != nil {
		return b.Epoch
	}
	return -1
}

func (s *story) register(d *datadriven.TestData) *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.BrokerID = int32(number(d, "broker", 0))
	copy(req.IncarnationID[:], text(d, "incarnation", ""))
	if rack := text(d, "rack", ""); rack != "" {
		req.Rack = &rack
	}
	if !d.HasArg("no-listener") {
		l := kmsg.NewBrokerRegistrationRequestListener()
		l.Host, l.Port = fmt.Sprintf("b%d", req.BrokerID), 9092
		req.Listeners = append(req.Listeners, l)
	}
	return req
}

func (s *story) heartbeat(d *datadriven.TestData) *kmsg.BrokerHeartbeatRequest {
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID = int32(number(d, "broker", 0))
	req.BrokerEpoch = number(d, "epoch", s.epoch(req.BrokerID))
	req.CurrentMetadataOffset = number(d, "offset", s.c.image.Offset)
	req.WantFence, req.WantShutdown = d.HasArg("fence"), d.HasArg("shut-down")
	return req
}

func (s *story) alter(t *testing.T, d *datadriven.TestData) *kmsg.AlterPartitionRequest {
	topic := text(d, "topic", "orders")
	want := kmsg.NewAlterPartitionRequestTopicPartition()
	want.Partition = int32(number(d, "partition", 0))
	a := kmsg.NewAlterPartitionRequestTopic()
	if info := s.c.image.Topics[topic]; info != nil {
		a.TopicID = info.ID
	}
	req := kmsg.NewPtrAlterPartitionRequest()
	if p := s.c.image.Partition(topic, want.Partition); p != nil {
		want.LeaderEpoch, want.PartitionEpoch, want.LeaderRecoveryState = p.LeaderEpoch, p.PartitionEpoch, int8(p.Recovery)
		req.BrokerID = p.Leader
	}
	want.LeaderEpoch = int32(number(d, "leader-epoch", int64(want.LeaderEpoch)))
	want.PartitionEpoch = int32(number(d, "partition-epoch", int64(want.PartitionEpoch)))
	want.LeaderRecoveryState = int8(number(d, "recovery", int64(want.LeaderRecoveryState)))
	req.BrokerID = int32(number(d, "broker", int64(req.BrokerID)))
	req.BrokerEpoch = number(d, "epoch", s.epoch(req.BrokerID))
	// isr=(1,2@7): broker 2 as the leader knew it in broker epoch 7.
	for _, member := range list(d, "isr") {
		if member == "" {
			continue
		}
		id, epoch, _ := strings.Cut(member, "@")
		r := kmsg.NewAlterPartitionRequestTopicPartitionNewEpochISR()
		r.BrokerID = int32(atoi(t, d, id))
		r.BrokerEpoch = s.epoch(r.BrokerID)
		if epoch != "" {
			r.BrokerEpoch = atoi(t, d, epoch)
		}
		want.NewEpochISR = append(want.NewEpochISR, r)
		want.NewISR = append(want.NewISR, r.BrokerID)
	}
	if d.HasArg("v2") {
		want.NewEpochISR = nil
	} else {
		want.NewISR = nil
	}
	a.Partitions = append(a.Partitions, want)
	req.Topics = append(req.Topics, a)
	return req
}

// create reads one topic from the arguments, and more from the input, a line each.
func create(t *testing.T, d *datadriven.TestData) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.ValidateOnly = d.HasArg("validate-only")
	for _, name := range append(list(d, "topic"), strings.Fields(d.Input)...) {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic = name
		topic.NumPartitions = int32(number(d, "partitions", -1))
		topic.ReplicationFactor = int16(number(d, "replicas", -1))
		for _, kv := range list(d, "config") {
			k, v, ok := strings.Cut(kv, "~")
			x := kmsg.NewCreateTopicsRequestTopicConfig()
			if x.Name = k; ok {
				x.Value = &v
			}
			topic.Configs = append(topic.Configs, x)
		}
		// assign=(0:1/2/3,1:2/3/1)
		for _, a := range list(d, "assign") {
			partition, brokers, _ := strings.Cut(a, ":")
			x := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			x.Partition = int32(atoi(t, d, partition))
			for b := range strings.SplitSeq(brokers, "/") {
				if b != "" {
					x.Replicas = append(x.Replicas, int32(atoi(t, d, b)))
				}
			}
			topic.ReplicaAssignment = append(topic.ReplicaAssignment, x)
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// reassign reads to=(4,2); without it the reassignment is called off.
func reassign(t *testing.T, d *datadriven.TestData) *kmsg.AlterPartitionAssignmentsRequest {
	x := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	x.Partition = int32(number(d, "partition", 0))
	if d.HasArg("to") {
		x.Replicas = []int32{}
	}
	for _, id := range list(d, "to") {
		if id != "" {
			x.Replicas = append(x.Replicas, int32(atoi(t, d, id)))
		}
	}
	a := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	a.Topic, a.Partitions = text(d, "topic", "orders"), append(a.Partitions, x)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.Topics = append(req.Topics, a)
	return req
}

func list(d *datadriven.TestData, key string) []string {
	for _, a := range d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

func text(d *datadriven.TestData, key, otherwise string) string {
	if v := list(d, key); len(v) == 1 {
		return v[0]
	}
	return otherwise
}

func number(d *datadriven.TestData, key string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(text(d, key, ""), 10, 64); err == nil {
		return n
	}
	return otherwise
}

func atoi(t *testing.T, d *datadriven.TestData, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return n
}
