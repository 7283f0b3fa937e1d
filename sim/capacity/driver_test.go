package capacity

import (
	"strings"
	"testing"
	"time"
)

const driven = `name: two-topics
topics: 2
partitionsPerTopic: 16
messageSize: 512
useRandomizedPayloads: true
randomBytesRatio: 0.5
randomizedPayloadPoolSize: 1000
subscriptionsPerTopic: 1
consumerPerSubscription: 2
producersPerTopic: 2
producerRate: 10000
consumerBacklogSizeGB: 0
testDurationMinutes: 5
driverClass: io.openmessaging.benchmark.driver.kafka.KafkaBenchmarkDriver
replicationFactor: 3
reset: true
topicConfig: |
  min.insync.replicas=2
  flush.messages=1
commonConfig: |
  bootstrap.servers=localhost:9092
  request.timeout.ms=120000
producerConfig: |
  acks=1
  linger.ms=10
  # a comment
  batch.size=65536
consumerConfig: |
  auto.offset.reset=earliest
  max.poll.records=1000
slo: {e2e_p99_ms: 50}
cluster: {profile: aws-i3en.2xlarge}
`

// The fields of a driver stand beside those of a workload as they are.
func TestDriverFields(t *testing.T) {
	s, err := Read("f.yaml", []byte(driven))
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Cluster; c.RF != 3 || c.MinISR != 2 || c.Acks != "1" || c.Linger != 10*time.Millisecond || c.BatchSize != 65536 {
		t.Errorf("%+v", c)
	}
	var set []string
	for _, e := range s.Set {
		set = append(set, e.Key+"="+e.Value)
	}
	const want = "topic.flush.messages=1 producer.request.timeout.ms=120000 consumer.request.timeout.ms=120000 consumer.auto.offset.reset=earliest consumer.max.poll.records=1000"
	if got := strings.Join(set, " "); got != want {
		t.Errorf("settings\n %s, want\n %s", got, want)
	}
	for _, row := range []struct{ old, new, want string }{
		{"linger.ms=10", "lingr.ms=10", "f.yaml:25: "},
		{"batch.size=65536", "batch.size=big", "f.yaml:27: "},
		{"replicationFactor: 3", "replicationFacter: 3", `f.yaml:15: unknown field replicationFacter of the study; did you mean "replicationFactor"?`},
		{"topicConfig: |\n  min.insync.replicas=2\n  flush.messages=1", "topicConfig: {a: 1}", "f.yaml:17: want properties as text: topicConfig: |"},
	} {
		if _, err := Read("f.yaml", []byte(strings.Replace(driven, row.old, row.new, 1))); err == nil || !strings.HasPrefix(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", row.new, err, row.want)
		}
	}
}
