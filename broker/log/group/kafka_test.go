package group

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"brokersim/broker/log/kafkatest"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// Apache Kafka's own tool decodes each record, and reads from it what was meant.
func TestKafkaReadsOurRecords(t *testing.T) {
	// Kafka 4.1 knows all records of consumer groups, also those of regular expressions.
	jars := kafkatest.Jars(t, "4.1.1")
	var log []machine.Bytes
	n := 0
	for _, e := range script(newLab(t.Fatalf)) {
		if e.marker || e.at.ProducerID >= 0 {
			continue
		}
		b := wire.NewBuilder(-1, -1, -1)
		b.Append(1_700_000_000_000, e.key, e.value, nil)
		batch := b.Bytes()
		batch = wire.Stamp(batch, int64(n), 0)
		log = append(log, batch)
		n++
	}
	file := filepath.Join(t.TempDir(), "00000000000000000000.log")
	if err := os.WriteFile(file, machine.Concat(log...).Contiguous(), 0o666); err != nil {
		t.Fatal(err)
	}
	b, err := exec.Command("java", "-Xmx256m", "-cp", jars, "kafka.tools.DumpLogSegments", "--offsets-decoder", "--files", file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	out := string(b)
	if os.Getenv(kafkatest.Variable) == "show" {
		t.Log(out)
	}
	if got := strings.Count(out, "| offset: "); got != n {
		t.Errorf("%d of %d records were read\n%s", got, n, out)
	}
	for _, bad := range regexp.MustCompile(`(?i).*(unknown record|exception|corrupt|isvalid: false|could not).*`).FindAllString(out, 10) {
		t.Error(bad)
	}
	for _, want := range []string{
		`{"type":"1","data":{"group":"h","topic":"a","partition":0}}`,
		`"data":{"group":"g"}`,
		`"protocolType":"consumer","generation":1,"protocol":"range"`,
		`"assignment":{"assignedPartitions":[{"topic":"a","partitions":[0,1,2,3]}]`,
		`"offset":5,"metadata":"","commitTimestamp":`,
		`"subscribedTopicRegex":"a|b"`,
		`"serverAssignor":"range"`,
		`"supportedProtocols":[{"name":"range"`,
		`"memberEpoch":1,"previousMemberEpoch":0,"state":0,"assignedPartitions":[{"topicId":`,
		`"partitionsPendingRevocation":[]`,
		`"topicName":"a","numPartitions":4`,
		`"assignmentEpoch":1`,
		`"topics":["a","b"]`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("Kafka does not read %s", want)
		}
	}
}
