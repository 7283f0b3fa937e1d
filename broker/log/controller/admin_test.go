package controller

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// threeBrokers is a controller with a topic of two partitions.
func threeBrokers(t *testing.T) *Controller {
	t.Helper()
	return controllerOf(t,
		RegisterBroker{ID: 1, Epoch: 0, Host: "b1"}, RegisterBroker{ID: 2, Epoch: 1, Host: "b2"}, RegisterBroker{ID: 3, Epoch: 2, Host: "b3", Fenced: true},
		Topic{"orders", TopicID{1}}, Config{"orders", "retention.ms", "1000"}, Config{"orders", "cleanup.policy", "delete"},
		Partition{TopicID: TopicID{1}, Replicas: []int32{1, 2}, ISR: []int32{1, 2}, Leader: 1},
		Partition{TopicID: TopicID{1}, Partition: 1, Replicas: []int32{2, 1}, ISR: []int32{2, 1}, Leader: 2},
		Topic{"bills", TopicID{2}}, Partition{TopicID: TopicID{2}, Replicas: []int32{1}, ISR: []int32{1}, Leader: 1})
}

// carryOut decides and replays.
func carryOut(t *testing.T, c *Controller, cmd Command) ([]Record, kmsg.Response) {
	t.Helper()
	records, resp := c.Decide(machine.Now{}, cmd)
	for _, r := range records {
		if _, err := c.Replay(c.Image().Offset+1, r); err != nil {
			t.Fatalf("%#v: %v", r, err)
		}
	}
	return records, resp.Body
}

func TestDeleteTopics(t *testing.T) {
	orders, nowhere := "orders", "nowhere"
	both := kmsg.DeleteTopicsRequestTopic{Topic: &orders, TopicID: TopicID{1}}
	for _, x := range []struct {
		what string
		req  kmsg.DeleteTopicsRequest
		want string // codes
		left string
	}{
		{"by name", kmsg.DeleteTopicsRequest{TopicNames: []string{"orders"}}, "[0]", "[bills]"},
		{"by name, as from version 6 on", kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: &orders}}}, "[0]", "[bills]"},
		{"by id", kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: TopicID{2}}, {TopicID: TopicID{1}}}}, "[0 0]", "[]"},
		{"twice", kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: TopicID{1}}, {Topic: &orders}}}, "[42]", "[bills orders]"},
		{"a name twice", kmsg.DeleteTopicsRequest{TopicNames: []string{"orders", "bills", "orders"}}, "[42 0]", "[orders]"},
		{"an id twice", kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: TopicID{1}}, {TopicID: TopicID{1}}}}, "[42]", "[bills orders]"},
		{"unknown ones", kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: &nowhere}, {TopicID: TopicID{9}}, {}, both}}, "[3 100 42 42]", "[bills orders]"},
	} {
		c := threeBrokers(t)
		_, resp := carryOut(t, c, DeleteTopics{&x.req})
		var codes []int16
		for _, a := range resp.(*kmsg.DeleteTopicsResponse).Topics {
			codes = append(codes, a.ErrorCode)
		}
		if got, left := fmt.Sprint(codes), fmt.Sprint(c.Image().TopicNames()); got != x.want || left != x.left || len(c.Image().ByID) != len(c.Image().Topics) {
			t.Errorf("%s: %s, want %s; %s are left, want %s", x.what, got, x.want, left, x.left)
		}
	}
}

func TestCreatePartitions(t *testing.T) {
	assign := func(lists ...[]int32) []kmsg.CreatePartitionsRequestTopicAssignment {
		a := []kmsg.CreatePartitionsRequestTopicAssignment{}
		for _, l := range lists {
			a = append(a, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: l})
		}
		return a
	}
	for _, x := range []struct {
		what string
		want kmsg.CreatePartitionsRequestTopic
		code int16
		has  int
	}{
		{"more", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 5}, 0, 5},
		{"as many", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 2}, wire.InvalidPartitions, 2},
		{"fewer", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: -1}, wire.InvalidPartitions, 2},
		{"too many", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 1 << 30}, wire.PolicyViolation, 2},
		{"unknown topic", kmsg.CreatePartitionsRequestTopic{Topic: "nowhere", Count: 5}, wire.UnknownTopicOrPartition, 2},
		{"by hand", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 4, Assignment: assign([]int32{2, 3}, []int32{3, 1})}, 0, 4},
		{"by hand, too few", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 4, Assignment: assign([]int32{2, 3})}, wire.InvalidReplicaAssignment, 2},
		{"by hand, one replica", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 3, Assignment: assign([]int32{2})}, wire.InvalidReplicaAssignment, 2},
		{"by hand, a replica twice", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 3, Assignment: assign([]int32{2, 2})}, wire.InvalidReplicaAssignment, 2},
		{"by hand, nobody", kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 3, Assignment: assign([]int32{2, 7})}, wire.InvalidReplicaAssignment, 2},
	} {
		c := threeBrokers(t)
		_, resp := carryOut(t, c, CreatePartitions{&kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{x.want}}})
		a := resp.(*kmsg.CreatePartitionsResponse).Topics[0]
		if list := c.Image().Topics["orders"].Partitions; a.ErrorCode != x.code || len(list) != x.has {
			t.Errorf("%s: error %d, %d partitions; want %d, %d", x.what, a.ErrorCode, len(list), x.code, x.has)
		}
		for _, p := range c.Image().Topics["orders"].Partitions {
			if len(p.Replicas) != 2 || c.Image().Brokers[p.Leader].Fenced {
				t.Errorf("%s: %v", x.what, p)
			}
		}
	}
	c := threeBrokers(t)
	one := kmsg.CreatePartitionsRequestTopic{Topic: "orders", Count: 3}
	records, resp := carryOut(t, c, CreatePartitions{&kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{one, one}}})
	if a := resp.(*kmsg.CreatePartitionsResponse).Topics; len(a) != 1 || a[0].ErrorCode != wire.InvalidRequest || len(records) != 0 {
		t.Errorf("a topic twice: %+v", a)
	}
	records, _ = carryOut(t, c, CreatePartitions{&kmsg.CreatePartitionsRequest{ValidateOnly: true, Topics: []kmsg.CreatePartitionsRequestTopic{one}}})
	if len(records) != 0 {
		t.Error("validate_only has created partitions")
	}
}

func TestAlterConfigs(t *testing.T) {
	text := func(s string) *string { return &s }
	const topic, broker = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	type op = kmsg.IncrementalAlterConfigsRequestResourceConfig
	const set, remove, add, subtract = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract
	before := map[string]string{"retention.ms": "1000", "cleanup.policy": "delete"}
	for _, x := range []struct {
		what string
		kind kmsg.ConfigResourceType
		name string
		ops  []op
		code int16
		want map[string]string
	}{
		{"set and remove", topic, "orders", []op{{Name: "segment.ms", Op: set, Value: text(" 7 ")}, {Name: "retention.ms", Op: remove}}, 0, map[string]string{"segment.ms": "7", "cleanup.policy": "delete"}},
		{"append", topic, "orders", []op{{Name: "cleanup.policy", Op: add, Value: text("compact")}}, 0, map[string]string{"retention.ms": "1000", "cleanup.policy": "delete,compact"}},
		{"append what is there", topic, "orders", []op{{Name: "cleanup.policy", Op: add, Value: text("delete")}}, 0, before},
		{"subtract", topic, "orders", []op{{Name: "cleanup.policy", Op: subtract, Value: text("delete")}}, 0, map[string]string{"retention.ms": "1000", "cleanup.policy": ""}},
		{"append to a number", topic, "orders", []op{{Name: "retention.ms", Op: add, Value: text("1")}}, wire.InvalidConfig, before},
		{"a bad value after a good one", topic, "orders", []op{{Name: "segment.ms", Op: set, Value: text("7")}, {Name: "retention.ms", Op: set, Value: text("soon")}}, wire.InvalidConfig, before},
		{"a null", topic, "orders", []op{{Name: "segment.ms", Op: set}}, wire.InvalidRequest, before},
		{"an unknown name", topic, "orders", []op{{Name: "segment.milliseconds", Op: set, Value: text("1")}}, wire.InvalidConfig, before},
		{"the end of an unknown name", topic, "orders", []op{{Name: "segment.milliseconds", Op: remove}}, 0, before},
		{"lags that cannot be", topic, "orders", []op{{Name: "min.compaction.lag.ms", Op: set, Value: text("5")}, {Name: "max.compaction.lag.ms", Op: set, Value: text("4")}}, wire.InvalidConfig, before},
		{"no topic", topic, "", nil, wire.InvalidRequest, before},
		{"a name that no topic has", topic, "a b", nil, wire.InvalidTopicException, before},
		{"a name twice", topic, "orders", []op{{Name: "segment.ms", Op: remove}, {Name: "segment.ms", Op: remove}}, wire.InvalidRequest, before},
		{"an unknown operation", topic, "orders", []op{{Name: "segment.ms", Op: 9}}, wire.InvalidRequest, before},
		{"an unknown topic", topic, "nowhere", nil, wire.UnknownTopicOrPartition, before},
		{"an unknown broker", broker, "9", nil, wire.BrokerIDNotRegistered, before},
		{"no broker", broker, "-1", nil, wire.InvalidRequest, before},
		{"a broker", broker, "1", []op{{Name: "log.retention.ms", Op: set, Value: text("7")}, {Name: "somebody.elses", Op: set, Value: text("x")}}, 0, before},
		{"all brokers", broker, "", []op{{Name: "log.cleanup.policy", Op: add, Value: text("compact")}, {Name: "min.insync.replicas", Op: remove}}, 0, before},
		{"what cannot be changed", broker, "1", []op{{Name: "broker.session.timeout.ms", Op: set, Value: text("7")}}, wire.InvalidRequest, before},
		{"a bad value of a broker", broker, "1", []op{{Name: "log.retention.ms", Op: set, Value: text("soon")}}, wire.InvalidRequest, before},
		{"of all what is of one", broker, "", []op{{Name: "leader.replication.throttled.rate", Op: set, Value: text("7")}}, wire.InvalidRequest, before},
	} {
		c := threeBrokers(t)
		r := kmsg.IncrementalAlterConfigsRequestResource{ResourceType: x.kind, ResourceName: x.name, Configs: x.ops}
		_, resp := carryOut(t, c, IncrementalAlterConfigs{&kmsg.IncrementalAlterConfigsRequest{Resources: []kmsg.IncrementalAlterConfigsRequestResource{r}}})
		a := resp.(*kmsg.IncrementalAlterConfigsResponse).Resources[0]
		if got := c.Image().Topics["orders"].Configs; a.ErrorCode != x.code || !maps.Equal(got, x.want) {
			t.Errorf("%s: error %d, %v; want %d, %v", x.what, a.ErrorCode, got, x.code, x.want)
		}
	}
	c := threeBrokers(t)
	r := kmsg.AlterConfigsRequestResource{ResourceType: topic, ResourceName: "orders", Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "segment.ms", Value: text("7")}}}
	_, resp := carryOut(t, c, AlterConfigs{&kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{r, r}}})
	if a := resp.(*kmsg.AlterConfigsResponse).Resources; a[0].ErrorCode != wire.InvalidRequest || a[1].ErrorCode != wire.InvalidRequest {
		t.Errorf("a topic twice: %+v", a)
	}
	_, resp = carryOut(t, c, AlterConfigs{&kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{r}}})
	a := resp.(*kmsg.AlterConfigsResponse).Resources
	if got := c.Image().Topics["orders"].Configs; a[0].ErrorCode != 0 || !maps.Equal(got, map[string]string{"segment.ms": "7"}) {
		t.Errorf("the whole configuration: %+v, %v", a, got)
	}
	if s := c.Image().String(); !strings.Contains(s, "topic orders") || strings.Contains(s, "retention.ms") {
		t.Errorf("the image still has what was removed:\n%s", s)
	}
}
