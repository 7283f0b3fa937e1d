package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const kafkaGoModule = "github.com/segmentio/kafka-go@v0.4.51"

// authorizes has an authorizer decide, which lets everybody do everything to what no ACL is
// about, as Kafka's clients have it in their own tests.
var authorizes = []string{"--set", "broker.authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
	"--set", "broker.allow.everyone.if.no.acl.found=true"}

// kafkaGoServe is one broker where kafka-go's own tests look for it.
var kafkaGoServe = append([]string{"--brokers", "1", "--listen", "127.0.0.1:9092", "--advertise", "localhost", "--set", "broker.message.max.bytes=200000000",
	"--set", "broker.group.initial.rebalance.delay.ms=0", "--sasl-listen", "127.0.0.1:9093", "--sasl-user", "adminplain:admin-secret"}, authorizes...)

// kafkaGoPrepare builds kafka-go's tests out of a copy of the module.
func kafkaGoPrepare(e *env) error {
	l, err := net.Listen("tcp", "127.0.0.1:9092")
	if err != nil {
		return skipf("its tests want a broker at localhost:9092: %v", err)
	}
	l.Close()
	e.values["binary"] = filepath.Join(e.dir, "kafka-go.test")
	e.values["source"] = filepath.Join(e.dir, "module")
	return buildTests(e, kafkaGoModule)
}

// buildTests builds the tests of a module's package at its top out of a copy of it, unless
// they are kept.
func buildTests(e *env, module string, flags ...string) error {
	if _, err := os.Stat(e.values["binary"]); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, 15*time.Minute)
	defer cancel()
	source, err := moduleDir(ctx, e.dir, module)
	if err != nil {
		return err
	}
	dir := e.values["source"]
	if err := first(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(source))); err != nil {
		return err
	}
	// The copy is as read-only as the cache is, and the go command may add to go.sum.
	if err := os.Chmod(filepath.Join(dir, "go.sum"), 0o644); err != nil {
		return err
	}
	if _, err := goCommand(ctx, dir, "mod", "download"); err != nil {
		return skipf("what the tests of %s need cannot be had: %v", module, err)
	}
	if module == kafkaGoModule {
		if err := kafkaGoWaits(dir); err != nil {
			return err
		}
	}
	_, err = goCommand(ctx, dir, append(append([]string{"test", "-c", "-o", e.values["binary"]}, flags...), ".")...)
	return err
}

// kafkaGoAsks are where kafka-go's tests describe what they have just altered or deleted.
var kafkaGoAsks = []struct{ file, asks string }{
	{"describeuserscramcredentials_test.go", "\tdescribeDeletionRes, err := client."},
	{"alterconfigs_test.go", "\tdescribeResp, err := client.DescribeConfigs("},
	{"incrementalalterconfigs_test.go", "\tdResp, err := client.DescribeConfigs("},
}

// kafkaGoWaits has them wait before: a broker hears of it after the controller has answered (see
// confluentWaits).
func kafkaGoWaits(dir string) error {
	for _, x := range kafkaGoAsks {
		name := filepath.Join(dir, x.file)
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if n := strings.Count(string(source), x.asks); n != 1 {
			return fmt.Errorf("%s has %q %d times, want 1", name, x.asks, n)
		}
		text := strings.Replace(string(source), x.asks, "\ttime.Sleep(time.Second)\n"+x.asks, 1)
		if !strings.Contains(text, "\t\"time\"\n") {
			text = strings.Replace(text, "\t\"testing\"\n", "\t\"testing\"\n\t\"time\"\n", 1)
		}
		if err := first(os.Remove(name), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// kafkaGoOwnTests are kafka-go's own tests, those that need no broker among them.
func kafkaGoOwnTests(e *env) (list []test, err error) {
	names, err := command(e.r.ctx, "", e.values["binary"], "-test.list", "^Test")
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(names) {
		list = append(list, test{name, goTest(name, "KAFKA_VERSION=3.7.0", "KAFKA_SKIP_NETTEST=1")})
	}
	return list, nil
}

// goTest runs one test of a binary that was built by buildTests.
func goTest(name string, variables ...string) func(context.Context, *env) error {
	return func(ctx context.Context, e *env) error {
		at, _ := ctx.Deadline()
		cmd := exec.CommandContext(ctx, e.values["binary"], "-test.run", "^"+name+"$", "-test.v", "-test.timeout", time.Until(at).Truncate(time.Second).String())
		cmd.Dir = e.values["source"]
		cmd.Env = append(os.Environ(), variables...)
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		text := string(out)
		e.r.keepOutput(e, name, text, err)
		switch {
		case strings.Contains(text, "--- SKIP: "+name+" "):
			return skipf("%s", kgoReason(text, name))
		case err != nil:
			return fmt.Errorf("%w: %s", err, kgoWhy(text))
		}
		return nil
	}
}
