package capacity

import (
	"errors"
	"slices"
	"time"

	"brokersim/broker/log/config"
	"brokersim/workloads/fields"
)

// driverFields are the fields of the benchmark's Kafka driver, which may stand beside
// those of its workload as they are: Kafka's settings in the syntax of properties.
func (r *reader) driverFields(known fields.Fields) {
	known["driverClass"] = r.without()
	known["reset"] = r.without()
	known["replicationFactor"] = r.count(&r.s.Cluster.RF, 1, 50)
	known["topicConfig"] = r.driverConfig("topicConfig", config.TopicScope)
	known["commonConfig"] = r.driverConfig("commonConfig", config.ProducerScope, config.ConsumerScope)
	known["producerConfig"] = r.driverConfig("producerConfig", config.ProducerScope)
	known["consumerConfig"] = r.driverConfig("consumerConfig", config.ConsumerScope)
}

// passedOver say where brokers are, who asks, and how bytes are made: nothing here.
var passedOver = []string{"bootstrap.servers", "client.id", "group.id", "key.serializer", "value.serializer", "key.deserializer", "value.deserializer"}

func (r *reader) driverConfig(field string, scopes ...config.Scope) fields.Take {
	return r.Block(func(text string, line int) {
		for _, scope := range scopes {
			layer, err := config.Properties(scope, field, []byte(text))
			var at *config.Error
			switch {
			case errors.As(err, &at):
				r.FailAt(line, errors.New(at.Msg))
				return
			case err != nil:
				r.FailAt(line, err)
				return
			}
			for _, e := range layer.Entries {
				e.Line += line
				r.driverSetting(scope, e)
			}
		}
	}, "properties as text: "+field+": |")
}

// driverSetting takes one setting. Those that a study has itself become its own, so that
// what it says of itself is true.
func (r *reader) driverSetting(scope config.Scope, e config.Entry) {
	name, c := e.Key[len(scope.String())+1:], &r.s.Cluster
	if slices.Contains(passedOver, name) {
		return
	}
	set, err := config.Resolve(config.Targets{}, config.Layer{Source: r.s.File, Entries: []config.Entry{e}})
	if err != nil {
		r.FailAt(e.Line, errors.New(messageOf(err)))
		return
	}
	switch p := set.Producer(""); e.Key {
	case "producer.acks":
		c.Acks = map[int16]string{-1: "all", 0: "0", 1: "1"}[int16(p.Acks)]
	case "producer.linger.ms":
		c.Linger = max(p.Linger, 0) / time.Millisecond * time.Millisecond
	case "producer.batch.size":
		c.BatchSize = int64(p.BatchSize)
	case "topic.min.insync.replicas":
		c.MinISR = int64(set.Topic("").MinInsyncReplicas)
	default:
		r.s.Set = append(r.s.Set, e)
	}
}

// messageOf is an error without the place that it gives itself.
func messageOf(err error) string {
	var at *config.Error
	if errors.As(err, &at) {
		return at.Msg
	}
	return err.Error()
}
