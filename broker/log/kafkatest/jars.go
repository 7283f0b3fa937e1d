// Package kafkatest has Apache Kafka itself for tests that have it read what is written here.
package kafkatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Variable is set where Apache Kafka is to read; to "show", what it reads is shown.
const Variable = "BROKERSIM_KAFKA"

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>brokersim</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

// Jars fetches a version of Apache Kafka from Maven Central and returns its classpath, or skips the
// test.
func Jars(t *testing.T, version string) (classpath string) {
	t.Helper()
	if os.Getenv(Variable) == "" {
		t.Skipf("set %s=1 to have Apache Kafka read what is written (a JDK and Maven are needed)", Variable)
	}
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("Apache Kafka cannot be run here: %v", err)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(strings.ReplaceAll(pom, "VERSION", version)), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("Apache Kafka cannot be had from Maven Central: %v\n%s", err, out)
	}
	return filepath.Join(dir, "lib", "*")
}
