package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"brokersim/broker/host/conformance/kafka"
)

// java runs a class of Apache Kafka's tools against the cluster.
func java(ctx context.Context, e *env, class string, args ...string) (string, error) {
	cmd := kafka.Java(ctx, e.values["jars"], class, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w: %s", class, err, oneLine(string(out)))
	}
	return string(out), nil
}

// has is nil if all words are in what a tool has printed.
func has(out string, err error, words ...string) error {
	for _, w := range words {
		if err == nil && !strings.Contains(out, w) {
			err = fmt.Errorf("no %q in: %s", w, oneLine(out))
		}
	}
	return err
}

// javaTests are Apache Kafka's producer and consumer in Java, by way of its tools: what they
// have sent is where they were told.
func javaTests(*env) ([]test, error) {
	list := []test{{"create-topic", func(ctx context.Context, e *env) error {
		out, err := java(ctx, e, "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", e.bootstrap(), "--create", "--topic", "java", "--partitions", "5", "--replication-factor", "3")
		return has(out, err, "Created topic java.")
	}}}
	for _, codec := range codecs {
		list = append(list, test{"producer-performance-" + codec, func(ctx context.Context, e *env) error {
			out, err := java(ctx, e, "org.apache.kafka.tools.ProducerPerformance", "--topic", "java", "--num-records", "50000", "--record-size", "512", "--throughput", "-1",
				"--producer-props", "bootstrap.servers="+e.bootstrap(), "acks=all", "compression.type="+codec)
			return has(out, err, "50000 records sent")
		}})
	}
	return append(list,
		test{"verifiable-producer", func(ctx context.Context, e *env) error {
			out, err := java(ctx, e, "org.apache.kafka.tools.VerifiableProducer", "--bootstrap-server", e.bootstrap(), "--topic", "java", "--max-messages", "20000", "--acks", "-1", "--value-prefix", "7")
			if err != nil {
				return err
			}
			sent := make(map[string]bool) // partition and offset
			for line := range strings.Lines(out) {
				var x struct {
					Name      string `json:"name"`
					Partition int    `json:"partition"`
					Offset    int64  `json:"offset"`
				}
				if json.Unmarshal([]byte(line), &x) == nil && x.Name == "producer_send_success" {
					sent[fmt.Sprint(x.Partition, " ", x.Offset)] = true
				}
			}
			return want("places in the log", len(sent), 20_000)
		}},
		test{"offsets", func(ctx context.Context, e *env) error {
			out, err := java(ctx, e, "org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", e.bootstrap(), "--topic", "java", "--time", "-1")
			if err != nil {
				return err
			}
			total := 0
			for _, f := range strings.Fields(out) {
				var n int
				if _, err := fmt.Sscanf(f[strings.LastIndexByte(f, ':')+1:], "%d", &n); err == nil && strings.HasPrefix(f, "java:") {
					total += n
				}
			}
			return want("records", total, len(codecs)*50_000+20_000)
		}},
		test{"console-consumer", func(ctx context.Context, e *env) error {
			out, err := java(ctx, e, "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", e.bootstrap(), "--topic", "java", "--partition", "0", "--offset", "earliest", "--max-messages", "1000", "--timeout-ms", "30000")
			return has(out, err, "Processed a total of 1000 messages")
		}}), nil
}
