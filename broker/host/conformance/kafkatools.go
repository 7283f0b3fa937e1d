package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"brokersim/broker/host/conformance/kafka"
)

// The classes behind Apache Kafka's scripts.
const (
	kafkaTopics      = "org.apache.kafka.tools.TopicCommand"
	kafkaConfigs     = "kafka.admin.ConfigCommand"
	kafkaReassign    = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
	kafkaElect       = "org.apache.kafka.tools.LeaderElectionCommand"
	kafkaDelete      = "org.apache.kafka.tools.DeleteRecordsCommand"
	kafkaOffsets     = "org.apache.kafka.tools.GetOffsetShell"
	kafkaLogDirs     = "org.apache.kafka.tools.LogDirsCommand"
	kafkaVersions    = "kafka.admin.BrokerApiVersionsCommand"
	kafkaPerformance = "org.apache.kafka.tools.ProducerPerformance"
	kafkaProducer    = "kafka.tools.ConsoleProducer"
	kafkaConsumer    = "org.apache.kafka.tools.consumer.ConsoleConsumer"
	kafkaDump        = "kafka.tools.DumpLogSegments"
)

// kafkaToolsTests are Apache Kafka's command line tools, each on topics of its own.
func kafkaToolsTests(*env) ([]test, error) {
	return []test{
		{"topics", kafkaTopicsTest}, {"configs", kafkaConfigsTest}, {"records", kafkaRecordsTest},
		{"performance", kafkaPerformanceTest}, {"reassign", kafkaReassignTest}, {"delete-records", kafkaDeleteTest},
		{"log-dirs", kafkaLogDirsTest}, {"api-versions", kafkaVersionsTest}, {"dump-log", kafkaDumpTest},
	}, nil
}

// tooling runs tools one after the other, until one prints something else.
type tooling struct {
	ctx context.Context
	e   *env
	err error
}

// run runs a tool against the cluster. It prints a match of want; "" is nothing at all.
// The exit code tells nothing that the text does not.
func (t *tooling) run(want, class string, args ...string) {
	t.feed("", want, class, args...)
}

func (t *tooling) feed(stdin, want, class string, args ...string) {
	t.command(stdin, want, class, append([]string{"--bootstrap-server", t.e.bootstrap()}, args...)...)
}

func (t *tooling) command(stdin, want, class string, args ...string) {
	if t.err != nil {
		return
	}
	cmd := kafka.Java(t.ctx, t.e.values["jars"], class, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, _ := cmd.CombinedOutput()
	text := strings.TrimSpace(logging.ReplaceAllString(string(out), ""))
	if want == "" && text != "" || !regexp.MustCompile("(?s)"+want).MatchString(text) {
		t.err = fmt.Errorf("%s %s prints %q, want %q", class, strings.Join(args, " "), text, want)
	}
}

// logging is what two libraries say about each other.
var logging = regexp.MustCompile(`(?m)^(SLF4J|log4j):.*\n?`)

// file is a file that holds text, for a tool to read.
func (t *tooling) file(name, text string) string {
	path := filepath.Join(t.e.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil && t.err == nil {
		t.err = err
	}
	return path
}

func kafkaTopicsTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created topic topics\.`, kafkaTopics, "--create", "--topic", "topics", "--partitions", "2", "--replication-factor", "2", "--config", "retention.ms=3600000")
	t.run(`Topic 'topics' already exists`, kafkaTopics, "--create", "--topic", "topics")
	t.run(`Unable to replicate the partition 9 time\(s\)`, kafkaTopics, "--create", "--topic", "nine", "--replication-factor", "9")
	t.run(`PartitionCount: 2\s+ReplicationFactor: 2\s+Configs: retention.ms=3600000\s.*Partition: 1\s+Leader: \d\s+Replicas: \d,\d\s+Isr: \d,\d`, kafkaTopics, "--describe", "--topic", "topics")
	t.run(``, kafkaTopics, "--alter", "--topic", "topics", "--partitions", "3")
	t.run(`currently has 3 partition\(s\); 2 would not be an increase`, kafkaTopics, "--alter", "--topic", "topics", "--partitions", "2")
	t.run(``, kafkaTopics, "--describe", "--under-replicated-partitions")
	t.run(`^topics$`, kafkaTopics, "--list")
	t.run(``, kafkaTopics, "--delete", "--topic", "topics")
	t.run(``, kafkaTopics, "--list")
	return t.err
}

func kafkaConfigsTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "configs")
	topic := []string{"--entity-type", "topics", "--entity-name", "configs"}
	alter := func(entity []string, args ...string) []string {
		return append(append([]string{}, entity...), append([]string{"--alter"}, args...)...)
	}
	t.run(`Completed updating config for topic configs`, kafkaConfigs, alter(topic, "--add-config", "retention.bytes=100000,cleanup.policy=[compact,delete]")...)
	t.run(`cleanup\.policy=compact,delete .*retention\.bytes=100000 `, kafkaConfigs, append(topic, "--describe")...)
	t.run(`Completed`, kafkaConfigs, alter(topic, "--delete-config", "retention.bytes,cleanup.policy")...)
	t.run(`^Dynamic configs for topic configs are:$`, kafkaConfigs, append(topic, "--describe")...)
	t.run(`Invalid value xyz for configuration retention\.bytes`, kafkaConfigs, alter(topic, "--add-config", "retention.bytes=xyz")...)
	broker := []string{"--entity-type", "brokers", "--entity-name", "1"}
	t.run(`Completed updating config for broker 1`, kafkaConfigs, alter(broker, "--add-config", "log.retention.ms=7200000")...)
	t.run(`DYNAMIC_BROKER_CONFIG:log\.retention\.ms=7200000`, kafkaConfigs, append(broker, "--describe")...)
	t.run(`Cannot update these configs dynamically`, kafkaConfigs, alter(broker, "--add-config", "broker.id=7")...)
	brokers := []string{"--entity-type", "brokers", "--entity-default"}
	t.run(`Completed updating default config for brokers`, kafkaConfigs, alter(brokers, "--add-config", "log.cleaner.threads=2")...)
	t.run(`DYNAMIC_DEFAULT_BROKER_CONFIG:log\.cleaner\.threads=2`, kafkaConfigs, append(brokers, "--describe")...)
	return t.err
}

func kafkaRecordsTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "records", "--replication-factor", "3")
	t.feed("one\ntwo\nthree\n", `^>*$`, kafkaProducer, "--topic", "records")
	t.run(`^records:0:3$`, kafkaOffsets, "--topic", "records")
	t.run(`^records:0:0$`, kafkaOffsets, "--topic", "records", "--time", "-2")
	t.run(`^records:0:\d$`, kafkaOffsets, "--topic", "records", "--time", "-3")
	t.run(`^records:0:0$`, kafkaOffsets, "--topic", "records", "--time", "1000")
	t.run(`Offset:1\ttwo\n.*Offset:2\tthree\n.*Processed a total of 2 messages`, kafkaConsumer, "--topic", "records", "--partition", "0", "--offset", "1",
		"--max-messages", "2", "--property", "print.offset=true")
	return t.err
}

func kafkaPerformanceTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "performance", "--partitions", "3", "--replication-factor", "3")
	for _, codec := range codecs {
		t.command("", `20000 records sent, `, kafkaPerformance, "--topic", "performance", "--num-records", "20000", "--record-size", "200", "--throughput", "-1",
			"--producer-props", "bootstrap.servers="+e.bootstrap(), "acks=all", "compression.type="+codec)
	}
	t.run(`^performance:0:\d+\s+performance:1:\d+\s+performance:2:\d+$`, kafkaOffsets, "--topic", "performance")
	return t.err
}

// kafkaReassignTest moves a partition, and has the one lead that comes first then.
func kafkaReassignTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "moved", "--replica-assignment", "1:2")
	topics := t.file("topics.json", `{"topics":[{"topic":"moved"}],"version":1}`)
	move := t.file("move.json", `{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[3,1]}]}`)
	nowhere := t.file("nowhere.json", `{"version":1,"partitions":[{"topic":"moved","partition":0,"replicas":[1,9]}]}`)
	t.run(`Current partition replica assignment.*"replicas":\[1,2\].*Proposed`, kafkaReassign, "--topics-to-move-json-file", topics, "--broker-list", "1,3", "--generate")
	t.run(`Unknown broker id 9`, kafkaReassign, "--reassignment-json-file", nowhere, "--execute")
	t.run(`Successfully started partition reassignment for moved-0`, kafkaReassign, "--reassignment-json-file", move, "--execute")
	for range 10 {
		if t.run(`moved-0 is completed`, kafkaReassign, "--reassignment-json-file", move, "--verify"); t.err == nil || ctx.Err() != nil {
			break
		}
		if strings.Contains(t.err.Error(), "still in progress") {
			t.err = nil
		}
	}
	t.run(`No partition reassignments found`, kafkaReassign, "--list")
	t.run(`None of the specified partition reassignments are active`, kafkaReassign, "--reassignment-json-file", move, "--cancel")
	t.run(`(Successfully completed leader election \(PREFERRED\)|Valid replica already elected) for partitions moved-0`, kafkaElect, "--election-type", "preferred", "--topic", "moved", "--partition", "0")
	t.run(`Leader: 3\s+Replicas: 3,1\s+Isr: [13],[13]\s`, kafkaTopics, "--describe", "--topic", "moved")
	t.run(`UnknownTopicOrPartitionException`, kafkaElect, "--election-type", "preferred", "--topic", "nowhere", "--partition", "0")
	return t.err
}

func kafkaDeleteTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "deleted", "--replication-factor", "2")
	t.feed("one\ntwo\nthree\n", `^>*$`, kafkaProducer, "--topic", "deleted")
	below := func(offset int) string {
		return t.file("below.json", fmt.Sprintf(`{"partitions":[{"topic":"deleted","partition":0,"offset":%d}],"version":1}`, offset))
	}
	t.run(`partition: deleted-0\s+low_watermark: 2`, kafkaDelete, "--offset-json-file", below(2))
	t.run(`^deleted:0:2$`, kafkaOffsets, "--topic", "deleted", "--time", "-2")
	t.run(`OffsetOutOfRangeException`, kafkaDelete, "--offset-json-file", below(9))
	t.run(`^three\s+Processed a total of 1 messages`, kafkaConsumer, "--topic", "deleted", "--partition", "0", "--offset", "earliest", "--max-messages", "1")
	return t.err
}

func kafkaLogDirsTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "dirs", "--replication-factor", "3")
	t.feed("one\n", `^>*$`, kafkaProducer, "--topic", "dirs")
	t.run(`"partition":"dirs-0","size":[1-9]\d*,"offsetLag":0,"isFuture":false.*"logDir":"`+regexp.QuoteMeta(filepath.Join(e.dir, "data"))+`/b2"`,
		kafkaLogDirs, "--describe", "--topic-list", "dirs", "--broker-list", "2")
	return t.err
}

func kafkaVersionsTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`\(id: \d rack: null\) -> \(\s+Produce\(0\): .*Fetch\(1\): .* \[usable: 1\d\].*DescribeCluster\(60\): 0 to \d \[usable`, kafkaVersions)
	return t.err
}

// kafkaDumpTest reads what is stored, and checks the indexes.
func kafkaDumpTest(ctx context.Context, e *env) error {
	t := tooling{ctx: ctx, e: e}
	t.run(`Created`, kafkaTopics, "--create", "--topic", "dumped", "--replica-assignment", "1")
	t.command("", `20000 records sent, `, kafkaPerformance, "--topic", "dumped", "--num-records", "20000", "--record-size", "200", "--throughput", "-1",
		"--producer-props", "bootstrap.servers="+e.bootstrap(), "acks=all")
	dir := filepath.Join(e.dir, "data", "b1", "dumped-0", "00000000000000000000")
	t.command("", `lastOffset: 19999 .* isvalid: true.*\.index passed sanity check\.\s.*\.timeindex passed sanity check\.$`, kafkaDump,
		"--files", dir+".log,"+dir+".index,"+dir+".timeindex", "--index-sanity-check")
	return t.err
}
