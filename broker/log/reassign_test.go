package log

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// newAdministered is a cluster whose operators are served.
func newAdministered(t testing.TB, n int, set func(*config.Broker)) *lab {
	l := newLab(t)
	l.auditor = NewAuditor(1)
	settings := config.DefaultBroker()
	settings.AutoCreateTopics = false
	settings.OffsetsTopicNumPartitions, settings.OffsetsTopicReplicationFactor = 5, int16(min(n, 3))
	settings.TransactionLogNumPartitions, settings.TransactionLogReplicationFactor = 5, int16(min(n, 3))
	settings.TransactionLogMinISR = int32(min(n, 2))
	settings.ShareStateTopicNumPartitions, settings.ShareStateTopicReplicationFactor, settings.ShareStateTopicMinISR = 5, int16(min(n, 3)), int16(min(n, 2))
	if set != nil {
		set(&settings)
	}
	l.controller = l.node("c101", "c101:9093", func() machine.Machine {
		return NewController(ControllerConfig{ID: 101, Settings: settings, Seed: 7, Admin: true, Tools: true})
	})
	for i := range int32(n) {
		b := l.addBroker(i+1, settings)
		boot := b.boot
		b.boot = func() machine.Machine {
			cfg := boot().(*Broker).cfg
			cfg.Admin = &Admin{LogDir: "/data/" + b.name, Set: map[string]string{}}
			cfg.Coordinators, cfg.ShareVersion = true, 1
			return NewBroker(cfg)
		}
	}
	l.start(l.controller)
	for _, b := range l.brokers {
		l.start(b)
	}
	l.advance(time.Second)
	return l
}

// moveTo is a request to move partition 0 of a topic; without replicas that is called off.
func moveTo(topic string, replicas ...int32) *kmsg.AlterPartitionAssignmentsRequest {
	x := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	x.Replicas = replicas
	t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, x)
	req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, t)
	return req
}

// underWay are the reassignments that are listed.
func underWay(c *labClient) string {
	req := kmsg.NewPtrListPartitionReassignmentsRequest()
	req.TimeoutMillis = 10_000
	var list []string
	for _, t := range ask[*kmsg.ListPartitionReassignmentsResponse](c, req, 0).Topics {
		for _, p := range t.Partitions {
			list = append(list, fmt.Sprint(t.Topic, p.Partition, p.Replicas, p.AddingReplicas, p.RemovingReplicas))
		}
	}
	return strings.Join(list, "; ")
}

func (l *lab) info(topic string) string {
	return l.controller.machine.(*ControllerNode).Image().Partition(topic, 0).String()
}

// A partition moves to two other brokers while a producer goes on: nothing of what was
// acknowledged is lost, the old replicas are deleted, and they can come back.
func TestReassignment(t *testing.T) {
	l := newAdministered(t, 4, nil)
	l.create("orders", map[string]string{"min.insync.replicas": "2"}, 1, 2)
	admin := l.client(l.brokers[3])
	sent := 0
	produce := func(to int32, n int) {
		c := l.client(l.brokers[to-1])
		defer c.hangUp()
		for range n {
			c.send(produceRequest("orders", -1, time.Second, batch(fmt.Sprint("v", sent))), 9)
			l.advance(100 * time.Millisecond)
			if code := c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
				t.Fatalf("produce %d: %s", sent, wire.ErrorName(code))
			}
			sent++
		}
	}
	produce(1, 10)

	// Broker 3 is down: the move waits for it, as long as it takes.
	l.crash(l.brokers[2])
	if code := ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders", 3, 4), 0).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	produce(1, 10)
	l.advance(30 * time.Second)
	if got, want := underWay(admin), "orders0 [3 4 1 2] [3 4] [1 2]"; got != want {
		t.Errorf("under way: %s, want %s", got, want)
	}
	if l.broker(4).Replica(wire.TP{Topic: "orders"}).LogEnd() != 20 {
		t.Error("broker 4 has not fetched")
	}
	produce(1, 10)
	l.start(l.brokers[2])
	l.advance(20 * time.Second)
	if got := underWay(admin); got != "" {
		t.Errorf("under way at the end: %s", got)
	}
	if got, want := l.info("orders"), "orders-0 leader 3 epoch 1 replicas [3 4] isr ["; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	for _, id := range []int32{1, 2} {
		files := slices.DeleteFunc(l.brokers[id-1].disk.List(), func(name string) bool { return !strings.HasPrefix(name, "orders-0") })
		if l.broker(id).Replica(wire.TP{Topic: "orders"}) != nil || len(files) > 0 {
			t.Errorf("broker %d still has %q", id, files)
		}
	}
	produce(3, 10)

	// Back to where it was, on disks that have nothing of it.
	ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders", 1, 2), 0)
	l.advance(5 * time.Second)
	produce(1, 10)
	c := l.client(l.brokers[0])
	p := ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, time.Second), 11).Topics[0].Partitions[0]
	if got := values(t, p.RecordBatches); len(got) != sent || got[0] != "v0" || got[sent-1] != fmt.Sprint("v", sent-1) {
		t.Errorf("%d of %d values: %q", len(got), sent, got)
	}
	if code := ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders"), 0).Topics[0].Partitions[0].ErrorCode; code != wire.NoReassignmentInProgress {
		t.Errorf("calling off what is done: %s", wire.ErrorName(code))
	}
}

// What is called off leaves again, and who leads goes on with the same epoch or a later one.
func TestReassignmentCalledOff(t *testing.T) {
	l := newAdministered(t, 4, nil)
	l.create("orders", nil, 1, 2)
	admin := l.client(l.brokers[0])
	l.crash(l.brokers[3])
	ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders", 3, 4), 0)
	l.advance(20 * time.Second)
	if got := l.info("orders"); !strings.Contains(got, "isr [1 2 3]") || l.broker(3).Replica(wire.TP{Topic: "orders"}) == nil {
		t.Fatalf("broker 3 has not joined: %s", got)
	}
	if code := ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders"), 0).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	l.advance(time.Second)
	if got, want := l.info("orders"), "orders-0 leader 1 epoch 1 replicas [1 2] isr [1 2] partition epoch 3"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if l.broker(3).Replica(wire.TP{Topic: "orders"}) != nil {
		t.Error("broker 3 has kept its replica")
	}
	// A replica that was taken away while its broker was down is found and deleted.
	l.start(l.brokers[3])
	l.advance(10 * time.Second)
	ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders", 4, 2), 0)
	l.advance(5 * time.Second)
	if got, want := l.info("orders"), "orders-0 leader 4"; !strings.HasPrefix(got, want) {
		t.Fatalf("%s, want %s", got, want)
	}
	l.crash(l.brokers[3])
	l.advance(20 * time.Second)
	ask[*kmsg.AlterPartitionAssignmentsResponse](admin, moveTo("orders", 1, 2), 0)
	l.advance(5 * time.Second)
	l.start(l.brokers[3])
	l.advance(10 * time.Second)
	if files := l.brokers[3].disk.List(); slices.ContainsFunc(files, func(name string) bool { return strings.HasPrefix(name, "orders-0") }) {
		t.Errorf("broker 4 still has %q", files)
	}
}

// Leadership goes back to the preferred leader when somebody asks for it, and by itself.
func TestPreferredLeaders(t *testing.T) {
	elect := func(kind int8, partitions ...int32) *kmsg.ElectLeadersRequest {
		req := kmsg.NewPtrElectLeadersRequest()
		req.ElectionType, req.TimeoutMillis = kind, 10_000
		if partitions != nil {
			t := kmsg.NewElectLeadersRequestTopic()
			t.Topic, t.Partitions = "orders", partitions
			req.Topics = append(req.Topics, t)
		}
		return req
	}
	for _, auto := range []bool{false, true} {
		l := newAdministered(t, 2, func(b *config.Broker) { b.AutoLeaderRebalance = auto })
		l.create("orders", nil, 1, 2)
		l.crash(l.brokers[0])
		l.advance(20 * time.Second)
		c := l.client(l.brokers[1])
		if got := ask[*kmsg.ElectLeadersResponse](c, elect(0, 0), 2).Topics[0].Partitions[0].ErrorCode; got != wire.PreferredLeaderNotAvailable {
			t.Errorf("a leader that is down: %s", wire.ErrorName(got))
		}
		l.start(l.brokers[0])
		l.advance(10 * time.Second)
		if got := l.info("orders"); !strings.Contains(got, "leader 2 epoch 1 replicas [1 2] isr [2 1]") {
			t.Fatal(got)
		}
		if auto {
			l.advance(300 * time.Second)
		} else {
			l.advance(700 * time.Second)
			got := ask[*kmsg.ElectLeadersResponse](c, elect(0), 0)
			if len(got.Topics) != 1 || got.Topics[0].Partitions[0].ErrorCode != 0 {
				t.Errorf("all: %+v", got)
			}
		}
		if got := l.info("orders"); !strings.Contains(got, "leader 1 epoch 2") {
			t.Errorf("auto.leader.rebalance.enable=%t: %s", auto, got)
		}
		if got := ask[*kmsg.ElectLeadersResponse](c, elect(0), 2); len(got.Topics) != 0 || got.ErrorCode != 0 {
			t.Errorf("all, when none is needed: %+v", got)
		}
		got := ask[*kmsg.ElectLeadersResponse](c, elect(1, 0, 7, 0), 2).Topics[0].Partitions
		if len(got) != 2 || got[0].ErrorCode != wire.ElectionNotNeeded || got[1].ErrorCode != wire.UnknownTopicOrPartition {
			t.Errorf("some: %+v", got)
		}
		if got := ask[*kmsg.ElectLeadersResponse](c, elect(2, 0), 2).ErrorCode; got != wire.InvalidRequest {
			t.Errorf("an unknown election: %s", wire.ErrorName(got))
		}
	}
}

// An unclean election is had for the asking, whatever unclean.leader.election.enable says.
func TestUncleanElectionAsked(t *testing.T) {
	l := newAdministered(t, 3, nil)
	l.create("orders", nil, 1, 2)
	l.crash(l.brokers[1])
	l.advance(20 * time.Second)
	c := l.client(l.brokers[0])
	c.send(produceRequest("orders", -1, time.Second, batch("lost")), 9)
	l.advance(time.Second)
	l.crash(l.brokers[0])
	l.start(l.brokers[1])
	l.advance(20 * time.Second)
	if got := l.info("orders"); !strings.Contains(got, "leader -1") || !strings.Contains(got, "isr [1]") {
		t.Fatal(got)
	}
	l.auditor = nil // what is lost by it was committed
	req := kmsg.NewPtrElectLeadersRequest()
	req.ElectionType, req.TimeoutMillis = 1, 10_000
	if got := ask[*kmsg.ElectLeadersResponse](l.client(l.brokers[2]), req, 1).Topics[0].Partitions[0]; got.ErrorCode != 0 {
		t.Errorf("%+v", got)
	}
	l.advance(time.Second)
	if got := l.info("orders"); !strings.Contains(got, "leader 2") || !strings.Contains(got, "isr [2]") {
		t.Error(got)
	}
}

// Where an unclean election is allowed only when the last leader has been gone for long, it
// comes about with the next look, without anybody's asking.
func TestUncleanElectionAllowedLater(t *testing.T) {
	for _, of := range []string{"topic", "brokers"} {
		l := newAdministered(t, 3, nil)
		l.auditor = nil // what is lost by it was committed
		l.create("orders", nil, 1, 2)
		l.crash(l.brokers[1])
		l.advance(20 * time.Second)
		l.crash(l.brokers[0])
		l.start(l.brokers[1])
		l.advance(20 * time.Second)
		req := brokerConfigs("", "unclean.leader.election.enable=true")
		if r := &req.Resources[0]; of == "topic" {
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, "orders"
		}
		if code := ask[*kmsg.IncrementalAlterConfigsResponse](l.client(l.brokers[2]), req, 1).Resources[0].ErrorCode; code != 0 {
			t.Fatal(wire.ErrorName(code))
		}
		l.advance(time.Second)
		if got := l.info("orders"); !strings.Contains(got, "leader -1") {
			t.Errorf("of the %s, at once: %s", of, got)
		}
		l.advance(5 * time.Minute)
		if got := l.info("orders"); !strings.Contains(got, "leader 2") || !strings.Contains(got, "isr [2]") {
			t.Errorf("of the %s: %s", of, got)
		}
	}
}
