package log

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// brokerConfigs is a change of settings of a broker, or of all if it has no name: "name=value",
// or "name" alone to take it back.
func brokerConfigs(broker string, changes ...string) *kmsg.IncrementalAlterConfigsRequest {
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeBroker, broker
	for _, s := range changes {
		x := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		x.Op = kmsg.IncrementalAlterConfigOpDelete
		name, value, set := strings.Cut(s, "=")
		if x.Name = name; set {
			x.Op, x.Value = kmsg.IncrementalAlterConfigOpSet, &value
		}
		r.Configs = append(r.Configs, x)
	}
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Resources = append(req.Resources, r)
	return req
}

// Settings of brokers change while they run: those of one above those of all, and both above
// those that it was started with; also for a broker that starts again.
func TestBrokerSettingsWhileItRuns(t *testing.T) {
	l := newAdministered(t, 2, nil)
	l.create("orders", nil, 1, 2)
	l.create("bills", map[string]string{"max.message.bytes": "5000"}, 1)
	c := l.client(l.brokers[0])
	alter := func(to *labClient, broker string, changes ...string) int16 {
		t.Helper()
		code := ask[*kmsg.IncrementalAlterConfigsResponse](to, brokerConfigs(broker, changes...), 1).Resources[0].ErrorCode
		l.advance(time.Second)
		return code
	}
	produce := func(topic string, bytes int) int16 {
		c.send(produceRequest(topic, -1, time.Second, batch(strings.Repeat("x", bytes))), 9)
		l.advance(2 * time.Second)
		return c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
	}
	expect := func(what, topic string, bytes int, want int16) {
		t.Helper()
		if got := produce(topic, bytes); got != want {
			t.Errorf("%s: %s, want %s", what, wire.ErrorName(got), wire.ErrorName(want))
		}
	}
	expect("as it was started", "orders", 2000, 0)
	if code := alter(c, "", "message.max.bytes=1000", "num.replica.fetchers=3"); code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	expect("above that of all", "orders", 2000, wire.MessageTooLarge)
	expect("a topic with its own", "bills", 2000, 0)
	if code := alter(c, "1", "message.max.bytes=3000"); code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	expect("below its own", "orders", 2000, 0) // replicated by another fetcher by now
	l.crash(l.brokers[0])
	l.start(l.brokers[0])
	l.advance(20 * time.Second)
	for _, leader := range []int32{1, 2} {
		if got := l.broker(leader).cfg.Settings; got.MessageMaxBytes != map[int32]int32{1: 3000, 2: 1000}[leader] || got.NumReplicaFetchers != 3 {
			t.Errorf("broker %d has %d and %d", leader, got.MessageMaxBytes, got.NumReplicaFetchers)
		}
	}
	c = l.client(l.brokers[1])
	if code := alter(c, "", "message.max.bytes", "min.insync.replicas=2"); code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	expect("as it was started, on two", "orders", 2000, 0)
	l.crash(l.brokers[0])
	l.advance(20 * time.Second)
	expect("one of two", "orders", 10, wire.NotEnoughReplicas)

	for what, x := range map[string]struct { // unordered: none of them changes anything
		broker, change string
		code           int16
	}{
		"by way of another broker": {"1", "message.max.bytes=7", wire.InvalidRequest},
		"of no broker":             {"nobody", "message.max.bytes=7", wire.InvalidRequest},
		"what is set at the start": {"2", "broker.session.timeout.ms=7", wire.InvalidRequest},
		"no number":                {"2", "message.max.bytes=many", wire.InvalidRequest},
		"below the least":          {"", "message.max.bytes=-1", wire.InvalidRequest},
	} {
		if got := alter(c, x.broker, x.change); got != x.code {
			t.Errorf("%s: %s, want %s", what, wire.ErrorName(got), wire.ErrorName(x.code))
		}
	}
}

// DescribeConfigs says where a value comes from.
func TestDescribeChangedSettings(t *testing.T) {
	l := newAdministered(t, 1, nil)
	l.create("orders", nil, 1)
	c := l.client(l.brokers[0])
	describe := func(kind kmsg.ConfigResourceType, name string, settings ...string) string {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName, r.ConfigNames = kind, name, settings
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.IncludeSynonyms, req.Resources = true, append(req.Resources, r)
		var list []string
		for _, x := range ask[*kmsg.DescribeConfigsResponse](c, req, 4).Resources[0].Configs {
			s := fmt.Sprintf("%s=%s %v", x.Name, *x.Value, x.Source)
			if x.ReadOnly {
				s += " read-only"
			}
			for _, y := range x.ConfigSynonyms {
				s += fmt.Sprintf(" [%s %v]", *y.Value, y.Source)
			}
			list = append(list, s)
		}
		return strings.Join(list, "\n")
	}
	ask[*kmsg.IncrementalAlterConfigsResponse](c, brokerConfigs("", "log.retention.ms=1000", "min.insync.replicas=2"), 0)
	ask[*kmsg.IncrementalAlterConfigsResponse](c, brokerConfigs("1", "log.retention.ms=2000"), 0)
	l.advance(time.Second)
	for _, x := range []struct {
		kind     kmsg.ConfigResourceType
		name     string
		settings []string
		want     string
	}{
		{kmsg.ConfigResourceTypeBroker, "", nil, "log.retention.ms=1000 DYNAMIC_DEFAULT_BROKER_CONFIG [1000 DYNAMIC_DEFAULT_BROKER_CONFIG]\n" +
			"min.insync.replicas=2 DYNAMIC_DEFAULT_BROKER_CONFIG [2 DYNAMIC_DEFAULT_BROKER_CONFIG]"},
		{kmsg.ConfigResourceTypeBroker, "1", []string{"log.retention.ms", "min.insync.replicas", "broker.session.timeout.ms"},
			"broker.session.timeout.ms=9000 DEFAULT_CONFIG read-only [9000 DEFAULT_CONFIG]\n" +
				"log.retention.ms=2000 DYNAMIC_BROKER_CONFIG [2000 DYNAMIC_BROKER_CONFIG] [1000 DYNAMIC_DEFAULT_BROKER_CONFIG]\n" +
				"min.insync.replicas=2 DYNAMIC_DEFAULT_BROKER_CONFIG [2 DYNAMIC_DEFAULT_BROKER_CONFIG] [1 DEFAULT_CONFIG]"},
		{kmsg.ConfigResourceTypeTopic, "orders", []string{"retention.ms", "min.insync.replicas"},
			"min.insync.replicas=2 DYNAMIC_DEFAULT_BROKER_CONFIG [2 DYNAMIC_DEFAULT_BROKER_CONFIG] [1 DEFAULT_CONFIG]\n" +
				"retention.ms=2000 DYNAMIC_BROKER_CONFIG [2000 DYNAMIC_BROKER_CONFIG] [1000 DYNAMIC_DEFAULT_BROKER_CONFIG]"},
	} {
		if got := describe(x.kind, x.name, x.settings...); got != x.want {
			t.Errorf("%v %q:\n%s\nwant\n%s", x.kind, x.name, got, x.want)
		}
	}
}
