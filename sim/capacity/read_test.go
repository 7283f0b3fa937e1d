package capacity

import (
	"fmt"
	"strings"
	"testing"

	"brokersim/workloads"
)

func TestStudiesOfTheProgramCanBeRun(t *testing.T) {
	for _, name := range Names() {
		src, _ := Source(name)
		s, err := Read(name, src)
		if err == nil {
			err = s.Try()
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// TestABenchmarkFile reads a workload of OpenMessaging Benchmark as it is.
func TestABenchmarkFile(t *testing.T) {
	s, err := Read("one.yaml", []byte(`
name: 1 topic / 100 partitions / 1Kb
topics: 1
partitionsPerTopic: 100
keyDistributor: "KEY_ROUND_ROBIN"
messageSize: 1024
payloadFile: "payload/payload-1Kb.data"
subscriptionsPerTopic: 1
consumerPerSubscription: 4
producersPerTopic: 4
producerRate: 200000
consumerBacklogSizeGB: 0
testDurationMinutes: 15
slo: {e2e_p99_ms: 20.5}
interference: off
cluster: {profile: aws-i3en.2xlarge}
`))
	if err != nil {
		t.Fatal(err)
	}
	l := &s.Load
	if l.Partitions != 100 || l.Producers != 4 || l.Members != 4 || l.Rate != 200_000 || l.Keys.Dist != workloads.Sequential || s.SLO.E2EP99US != 20_500 || s.Measure.Minutes() != 15 || !s.NoInterference {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsWrongWithAStudy(t *testing.T) {
	const good = "slo: {e2e_p99_ms: 50}\ncluster: {profile: aws-i3en.2xlarge}\n"
	for text, want := range map[string]string{
		good + "producerRat: 5":                                              `x.yaml:3: unknown field producerRat of the study; did you mean "producerRate"?`,
		"cluster: {profile: aws-i3en.2xlarge}":                               "x.yaml:1: slo is missing",
		"slo: {e2e_p99_ms: 50}":                                              "x.yaml:1: cluster: profile is missing; there are ",
		"slo: {}\ncluster: {profile: aws-i3en.2xlarge}":                      "x.yaml: slo: want ack_p99_ms or e2e_p99_ms",
		"slo: {e2e_p99_ms: 1}\ncluster: {profile: aws-i3en.2xlarg}":          `x.yaml:2: there is no hardware profile "aws-i3en.2xlarg"; did you mean "aws-i3en.2xlarge"?`,
		good + "name: ''":                                                    "x.yaml:3: name: is empty; leave it out to go without",
		good + "seeds: [1,\n 2, 1]":                                          "x.yaml:4: seeds: 1 is there twice: its runs are the same",
		good + "consumerBacklogSizeGB: 4":                                    "x.yaml:3: a backlog from before the run is not modelled: want 0",
		good + "client: {compression: lz4}":                                  "x.yaml:3: compression is not modelled: want none",
		good + "subscriptionsPerTopic: 0":                                    "x.yaml: slo: e2e_p99_ms: nobody reads",
		good + "arrivals: {process: closed, outstanding: 4}":                 "x.yaml:1: arrivals: a closed loop offers no rate",
		"slo: {e2e_p99_ms: 50}\ncluster: {profile: aws-i3en.2xlarge, rf: 5}": "x.yaml: cluster.rf: 5: want from 1 to 3",
		"slo: {e2e_p99_ms: 50}\ncluster: {profile: disk-gp3}":                `x.yaml: hardware profile "disk-gp3" has no cpu.cores`,
	} {
		if _, err := Read("x.yaml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s\n gives  %v\n not    %s", text, err, want)
		}
	}
}

func TestSettings(t *testing.T) {
	s, err := small().With("cluster.brokers=4", "disk.write_MBps=250", "broker.request_us=10", "producer.linger.ms=7", "topic.retention.ms=1000")
	if err != nil {
		t.Fatal(err)
	}
	if s.Cluster.Brokers != 4 || s.Hardware.Times("disk.write_MBps", 1) != 250 || s.Costs.Times("broker.request_us", 1) != 10 || s.Cluster.Linger.Milliseconds() != 7 || len(s.Set) != 1 {
		t.Errorf("%+v", s)
	}
	if was := small(); was.Hardware.Times("disk.write_MBps", 1) == 250 {
		t.Error("the study itself was changed")
	}
	for set, want := range map[string]string{
		"disk.write_MBps=0":      "disk.write_MBps: 0 is nothing: want more than 0, or null if it is not known",
		"cluster.broker=4":       `did you mean "cluster.brokers"?`,
		"disk.write_MBps=fast":   "disk.write_MBps",
		"cluster.rf=4":           "cluster.rf: 4: want from 1 to 3",
		"cluster.acks=most":      `"most": want all, 1 or 0`,
		"disk.write_MBps=null":   "has no disk.write_MBps",
		"cluster.brokers":        "want key=value",
		"cluster.profile=tandem": `there is no hardware profile "tandem"`,
	} {
		if _, err := small().With(set); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", set, err)
		}
	}
}
