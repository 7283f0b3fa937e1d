package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playConfigs is DescribeConfigs.
func playConfigs(d *dialogue) {
	d.topic("configs", 1, "retention.ms", "12345", "cleanup.policy", "compact,delete")
	type resource = kmsg.DescribeConfigsRequestResource
	of := func(kind kmsg.ConfigResourceType, name string, names ...string) resource {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName, r.ConfigNames = kind, name, names
		return r
	}
	ask := func(name string, change func(*kmsg.DescribeConfigsRequest), list ...resource) {
		d.each(kmsg.DescribeConfigs, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			req.Resources = list
			change(req)
			return req
		})
	}
	plain := func(*kmsg.DescribeConfigsRequest) {}
	full := func(r *kmsg.DescribeConfigsRequest) { r.IncludeSynonyms, r.IncludeDocumentation = true, true }
	const topic, broker, logger = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger
	ask("topic", plain, of(topic, "configs"))
	ask("topic with synonyms", func(r *kmsg.DescribeConfigsRequest) { r.IncludeSynonyms = true }, of(topic, "configs"))
	ask("topic, some", full, of(topic, "configs", "retention.ms", "segment.bytes", "cleanup.policy", "no.such"))
	ask("topic, none", plain, func() resource { r := of(topic, "configs"); r.ConfigNames = []string{}; return r }())
	ask("topic twice", plain, of(topic, "configs", "retention.ms"), of(topic, "configs", "segment.bytes"))
	ask("unknown topic", plain, of(topic, "no-such"))
	ask("odd topic", plain, of(topic, "no such!"))
	ask("no topic", plain, of(topic, ""))
	ask("broker", plain, of(broker, "1"))
	ask("broker with synonyms", func(r *kmsg.DescribeConfigsRequest) { r.IncludeSynonyms = true }, of(broker, "1"))
	ask("broker, some", full, of(broker, "1", "num.io.threads", "log.retention.ms", "advertised.listeners", "node.id", "no.such"))
	ask("all brokers", plain, of(broker, ""))
	ask("unknown broker", plain, of(broker, "77"))
	ask("odd broker", plain, of(broker, "x"))
	ask("loggers", plain, of(logger, "1", "no-such"))
	ask("loggers of an unknown broker", plain, of(logger, "77"))
	ask("loggers of nobody", plain, of(logger, ""))
	for _, kind := range []int8{0, 1, 3, 16, 99, -1} {
		ask(fmt.Sprintf("type %d", kind), plain, of(kmsg.ConfigResourceType(kind), "x"))
	}
	ask("nothing", plain)
	ask("topic and broker", plain, of(topic, "configs", "retention.ms"), of(broker, "1", "num.io.threads"), of(topic, "no-such"))
}

// playAlter is AlterConfigs and IncrementalAlterConfigs.
func playAlter(d *dialogue) {
	const topic, broker = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	d.topic("altered", 1, "retention.ms", "12345")
	show := func() {
		d.latest(kmsg.DescribeConfigs, "altered", func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrDescribeConfigsRequest()
			r := kmsg.NewDescribeConfigsRequestResource()
			r.ResourceType, r.ResourceName = topic, "altered"
			r.ConfigNames = []string{"retention.ms", "cleanup.policy", "max.message.bytes", "segment.bytes"}
			req.Resources = append(req.Resources, r)
			return req
		})
	}
	type resource = kmsg.AlterConfigsRequestResource
	of := func(kind kmsg.ConfigResourceType, name string, pairs ...string) resource {
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		for i := 0; i+1 < len(pairs); i += 2 {
			c := kmsg.NewAlterConfigsRequestResourceConfig()
			if c.Name = pairs[i]; pairs[i+1] != "NULL" {
				c.Value = &pairs[i+1]
			}
			r.Configs = append(r.Configs, c)
		}
		return r
	}
	alter := func(name string, validate bool, list ...resource) {
		d.each(kmsg.AlterConfigs, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrAlterConfigsRequest()
			req.Resources, req.ValidateOnly = list, validate
			return req
		})
	}
	alter("set", false, of(topic, "altered", "cleanup.policy", "compact"))
	show()
	alter("validate only", true, of(topic, "altered", "cleanup.policy", "delete"))
	show()
	alter("nothing of a topic", false, of(topic, "altered"))
	show()
	alter("nothing", false)
	alter("wrong value", false, of(topic, "altered", "retention.ms", "x"))
	alter("unknown name", false, of(topic, "altered", "no.such", "x"))
	alter("null", false, of(topic, "altered", "retention.ms", "NULL"))
	alter("a name twice", false, of(topic, "altered", "retention.ms", "1000", "retention.ms", "2000"))
	d.latest(kmsg.AlterConfigs, "twice", func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrAlterConfigsRequest()
		req.Resources = []resource{of(topic, "altered", "retention.ms", "1000"), of(topic, "altered", "retention.ms", "2000")}
		return req
	})
	alter("one is wrong", false, of(topic, "altered", "retention.ms", "777"), of(topic, "no-such", "retention.ms", "2000"))
	alter("unknown topic", false, of(topic, "no-such", "retention.ms", "1000"))
	alter("no topic", false, of(topic, "", "retention.ms", "1000"))
	alter("odd topic", false, of(topic, "no such!", "retention.ms", "1000"))
	alter("unknown broker", false, of(broker, "77", "log.retention.ms", "1000"))
	alter("odd broker", false, of(broker, "x", "log.retention.ms", "1000"))
	alter("what a broker cannot change", false, of(broker, "1", "node.id", "5"))
	for _, kind := range []int8{0, 8, 16, 99} {
		alter(fmt.Sprintf("type %d", kind), false, of(kmsg.ConfigResourceType(kind), "x", "retention.ms", "5"))
	}
	show()

	type change = kmsg.IncrementalAlterConfigsRequestResource
	op := func(kind kmsg.ConfigResourceType, name string, ops ...string) change {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kind, name
		for i := 0; i+2 < len(ops); i += 3 {
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			c.Name = ops[i+1]
			c.Op = map[string]kmsg.IncrementalAlterConfigOp{"set": 0, "delete": 1, "append": 2, "subtract": 3, "what": 9}[ops[i]]
			if ops[i+2] != "NULL" {
				c.Value = &ops[i+2]
			}
			r.Configs = append(r.Configs, c)
		}
		return r
	}
	incremental := func(name string, validate bool, list ...change) {
		d.each(kmsg.IncrementalAlterConfigs, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrIncrementalAlterConfigsRequest()
			req.Resources, req.ValidateOnly = list, validate
			return req
		})
	}
	incremental("set", false, op(topic, "altered", "set", "max.message.bytes", "5000"))
	show()
	incremental("set and delete", false, op(topic, "altered", "delete", "max.message.bytes", "NULL", "set", "retention.ms", "8"))
	show()
	incremental("delete what is not set", false, op(topic, "altered", "delete", "segment.bytes", "NULL"))
	incremental("delete with a value", false, op(topic, "altered", "delete", "segment.bytes", "5"))
	incremental("delete what is unknown", false, op(topic, "altered", "delete", "no.such", "NULL"))
	incremental("append", false, op(topic, "altered", "append", "cleanup.policy", "compact"))
	show()
	incremental("append again", false, op(topic, "altered", "append", "cleanup.policy", "compact"))
	incremental("append a wrong one", false, op(topic, "altered", "append", "cleanup.policy", "none"))
	incremental("subtract", false, op(topic, "altered", "subtract", "cleanup.policy", "compact"))
	show()
	incremental("subtract the last", false, op(topic, "altered", "subtract", "cleanup.policy", "delete"))
	show()
	incremental("subtract what is not there", false, op(topic, "altered", "subtract", "cleanup.policy", "compact"))
	incremental("append to no list", false, op(topic, "altered", "append", "retention.ms", "5"))
	incremental("subtract from no list", false, op(topic, "altered", "subtract", "retention.ms", "5"))
	incremental("append to what is unknown", false, op(topic, "altered", "append", "no.such", "5"))
	incremental("append null", false, op(topic, "altered", "append", "cleanup.policy", "NULL"))
	incremental("set null", false, op(topic, "altered", "set", "retention.ms", "NULL"))
	incremental("set wrong", false, op(topic, "altered", "set", "retention.ms", "x"))
	incremental("set unknown", false, op(topic, "altered", "set", "no.such", "x"))
	incremental("unknown operation", false, op(topic, "altered", "what", "retention.ms", "5"))
	incremental("a name twice", false, op(topic, "altered", "set", "retention.ms", "5", "delete", "retention.ms", "NULL"))
	incremental("twice", false, op(topic, "altered", "set", "retention.ms", "5"), op(topic, "altered", "set", "segment.ms", "5"))
	incremental("validate only", true, op(topic, "altered", "set", "retention.ms", "99"))
	incremental("validate only, wrong", true, op(topic, "altered", "set", "retention.ms", "x"))
	incremental("nothing of a topic", false, op(topic, "altered"))
	incremental("nothing", false)
	incremental("unknown topic", false, op(topic, "no-such", "set", "retention.ms", "5"))
	incremental("no topic", false, op(topic, "", "set", "retention.ms", "5"))
	incremental("odd topic", false, op(topic, "no such!", "set", "retention.ms", "5"))
	incremental("unknown broker", false, op(broker, "77", "set", "log.retention.ms", "5"))
	incremental("odd broker", false, op(broker, "x", "set", "log.retention.ms", "5"))
	incremental("what a broker cannot change", false, op(broker, "1", "set", "node.id", "5"))
	for _, kind := range []int8{0, 99} {
		incremental(fmt.Sprintf("type %d", kind), false, op(kmsg.ConfigResourceType(kind), "x", "set", "retention.ms", "5"))
	}
	incremental("one is wrong", false, op(topic, "altered", "set", "segment.bytes", "1048577"), op(topic, "no-such", "set", "retention.ms", "5"))
	show()
	// What min.insync.replicas, a config of a topic that the controller must know, does.
	incremental("several", false, op(topic, "altered", "set", "min.insync.replicas", "1", "set", "segment.bytes", "1048576", "delete", "cleanup.policy", "NULL"))
	show()
}
