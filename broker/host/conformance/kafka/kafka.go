// Package kafka runs Apache Kafka itself: one node, broker and controller in one, on
// loopback. Its jars come from Maven Central when they are needed.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The versions of Apache Kafka: the last of 3, and one in which KIP-848 and version 2 of
// transactions are what a cluster begins with.
const (
	Version  = "3.9.1"
	Version4 = "4.1.1"
)

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>brokersim</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>VERSION</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>VERSION</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

// ErrNone is why Apache Kafka cannot be run here.
var ErrNone = errors.New("Apache Kafka cannot be run here")

// Jars fetches a version of Kafka with what it needs into a directory and returns its
// classpath.
func Jars(ctx context.Context, dir, version string) (classpath string, err error) {
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("%w: %v", ErrNone, err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(strings.ReplaceAll(pom, "VERSION", version)), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: mvn: %v: %s", ErrNone, err, out)
	}
	return filepath.Join(dir, "lib", "*"), nil
}

// Java is a command of a class of Kafka's.
func Java(ctx context.Context, classpath, class string, args ...string) *exec.Cmd {
	head := []string{"-Xmx512m", "-cp", classpath, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", class}
	cmd := exec.CommandContext(ctx, "java", append(head, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

// Node is a Kafka that runs.
type Node struct {
	Addr   string // of its PLAINTEXT listener
	LogDir string
	cmd    *exec.Cmd
	ended  chan struct{}
	output string // a file
}

// Start formats a log directory in dir and starts Kafka on it. Settings are lines of its
// server.properties beside what makes it a cluster of one; one that begins with -- is said
// when the directory is formatted.
func Start(ctx context.Context, classpath, dir string, settings ...string) (*Node, error) {
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	n := &Node{Addr: ports[0], LogDir: filepath.Join(dir, "logs"), ended: make(chan struct{}), output: filepath.Join(dir, "kafka.out")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lines := append([]string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + ports[1],
		"listeners=PLAINTEXT://" + ports[0] + ",CONTROLLER://" + ports[1], "advertised.listeners=PLAINTEXT://" + ports[0],
		"controller.listener.names=CONTROLLER", "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
		"log.dirs=" + n.LogDir,
	}, slices.DeleteFunc(slices.Clone(settings), forFormat)...)
	properties := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(properties, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	args := []string{"format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", properties, "--ignore-formatted"}
	for _, s := range settings {
		if forFormat(s) {
			args = append(args, strings.Fields(s)...)
		}
	}
	format := Java(ctx, classpath, "kafka.tools.StorageTool", args...)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("StorageTool format: %w: %s", err, out)
	}
	return n, n.start(ctx, classpath, properties)
}

func forFormat(setting string) bool { return strings.HasPrefix(setting, "--") }

func (n *Node) start(ctx context.Context, classpath, properties string) error {
	out, err := os.Create(n.output)
	if err != nil {
		return err
	}
	defer out.Close()
	n.cmd = Java(context.Background(), classpath, "kafka.Kafka", properties)
	n.cmd.Stdout, n.cmd.Stderr = out, out
	if err := n.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = n.cmd.Wait()
		close(n.ended)
	}()
	for {
		if c, err := net.DialTimeout("tcp", n.Addr, time.Second); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			n.Stop()
			return fmt.Errorf("Kafka does not listen: %w: %s", context.Cause(ctx), n.Output())
		case <-n.ended:
			return fmt.Errorf("Kafka has ended: %s", n.Output())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Output is the end of what Kafka has said.
func (n *Node) Output() string {
	b, err := os.ReadFile(n.output)
	if err != nil {
		return err.Error()
	}
	return string(b[max(len(b)-8<<10, 0):])
}

// Stop ends Kafka.
func (n *Node) Stop() {
	_ = n.cmd.Process.Signal(os.Interrupt)
	select {
	case <-n.ended:
	case <-time.After(15 * time.Second):
		_ = n.cmd.Process.Kill()
		<-n.ended
	}
}

// FreePorts are addresses on which nobody listens just now.
func FreePorts(n int) (list []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list, nil
}
