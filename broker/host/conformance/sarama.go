package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"brokersim/broker/host/conformance/kafka"
)

const (
	saramaModule    = "github.com/IBM/sarama@v1.61.1"
	toxiproxyModule = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
	saramaSays      = "4.1.0" // what sarama's tests take the broker for
)

// The brokers listen on another address of the loopback than the one they advertise,
// where toxiproxy stands between: sarama's tests cut it.
var (
	saramaListen = []string{"127.0.0.2:29091", "127.0.0.2:29092", "127.0.0.2:29093", "127.0.0.2:29094", "127.0.0.2:29095"}
	saramaServe  = []string{"--advertise", "127.0.0.1", "--set", "broker.default.replication.factor=2", "--set", "broker.auto.create.topics.enable=false",
		"--set", "broker.offsets.topic.replication.factor=2", "--set", "broker.transaction.state.log.replication.factor=2",
		"--set", "broker.transaction.state.log.min.isr=1", "--set", "broker.group.initial.rebalance.delay.ms=0"}
)

// saramaPrepare builds sarama's functional tests out of a copy of the module, and
// toxiproxy.
func saramaPrepare(e *env) error {
	e.values["binary"] = filepath.Join(e.dir, "sarama.test")
	e.values["source"] = filepath.Join(e.dir, "module")
	e.values["toxiproxy"] = filepath.Join(e.dir, "bin", "server")
	if _, err := os.Stat(e.values["toxiproxy"]); err != nil {
		install := exec.CommandContext(e.r.ctx, "go", "install", toxiproxyModule)
		install.Env = append(os.Environ(), "GOBIN="+filepath.Join(e.dir, "bin"), "GOFLAGS=")
		if out, err := install.CombinedOutput(); err != nil {
			return skipf("toxiproxy cannot be had: %v: %s", err, lastLines(string(out), 5))
		}
	}
	return buildTests(e, saramaModule, "-tags", "functional")
}

// saramaTests are sarama's functional tests.
func saramaTests(e *env) ([]test, error) {
	ctx, cancel := context.WithTimeout(e.r.ctx, time.Minute)
	defer cancel()
	if err := startToxiproxy(ctx, e); err != nil {
		return nil, err
	}
	if e.nodes != nil {
		if err := startDocker(e); err != nil {
			return nil, err
		}
	}
	cmd := exec.CommandContext(ctx, e.values["binary"], "-test.list", "^Test")
	cmd.Env = append(os.Environ(), saramaEnv(e)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, lastLines(string(out), 10))
	}
	functional, err := saramaFunctional(e.values["source"])
	if err != nil {
		return nil, err
	}
	var list []test
	for _, name := range strings.Fields(string(out)) {
		if functional[name] {
			list = append(list, test{name, saramaTest(name, saramaEnv(e))})
		}
	}
	if len(list) < 50 {
		return nil, fmt.Errorf("there are only %d tests", len(list))
	}
	return list, nil
}

// saramaFunctional are the names of the tests that need brokers.
func saramaFunctional(dir string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(dir, "functional*_test.go"))
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
	}
	return names, nil
}

func saramaEnv(e *env) []string {
	return []string{"TOXIPROXY_ADDR=" + e.values["toxiproxy.addr"], "KAFKA_VERSION=" + saramaSays, "PATH=" + filepath.Join(e.dir, "docker") + ":" + os.Getenv("PATH")}
}

// saramaTest runs a test, and leaves all brokers running.
func saramaTest(name string, variables []string) func(context.Context, *env) error {
	run := goTest(name, variables...)
	return func(ctx context.Context, e *env) error {
		err := run(ctx, e)
		for i := range saramaListen {
			if e.nodes != nil && e.nodes.broker(i).p.dead() {
				err = first(err, e.nodes.launch(i).await(e.r.ctx, "bootstrap.servers="))
			}
		}
		return err
	}
}

// startToxiproxy starts it with a proxy for each broker.
func startToxiproxy(ctx context.Context, e *env) error {
	ports, err := kafka.FreePorts(1)
	if err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(ports[0])
	cmd := exec.Command(e.values["toxiproxy"], "-host", host, "-port", port)
	if err := cmd.Start(); err != nil {
		return err
	}
	e.atEnd(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	e.values["toxiproxy.addr"] = "http://" + ports[0]
	for {
		c, err := net.DialTimeout("tcp", ports[0], time.Second)
		if err == nil {
			c.Close()
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("toxiproxy does not listen: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	for i, upstream := range saramaListen {
		_, port, _ := net.SplitHostPort(upstream)
		body, err := json.Marshal(map[string]any{"name": fmt.Sprintf("kafka%d", i+1), "listen": "127.0.0.1:" + port, "upstream": upstream, "enabled": true})
		if err != nil {
			return err
		}
		resp, err := http.Post(e.values["toxiproxy.addr"]+"/proxies", "application/json", bytes.NewReader(body))
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated {
			return fmt.Errorf("toxiproxy: proxy %s: %s", body, resp.Status)
		}
	}
	return nil
}

// dockerVariable has this program be the docker that sarama's tests stop and start brokers
// with; its value is where to say so.
const dockerVariable = "CONFORMANCE_DOCKER"

var dockerBroker = regexp.MustCompile(`^kafka-([1-5])$`)

// beDocker passes "compose stop kafka-1" on.
func beDocker(addr string, args []string) int {
	if len(args) < 3 || args[0] != "compose" {
		fmt.Fprintf(os.Stderr, "docker %s: there is no Docker\n", strings.Join(args, " "))
		return 1
	}
	resp, err := http.Get("http://" + addr + "/" + args[1] + "/" + args[len(args)-1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, resp.Status)
		return 1
	}
	return 0
}

// startDocker puts a docker into the tests' path that stops and starts our brokers.
func startDocker(e *env) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		what, who, _ := strings.Cut(strings.Trim(req.URL.Path, "/"), "/")
		m := dockerBroker.FindStringSubmatch(who)
		if m == nil {
			http.Error(w, "no such broker: "+who, http.StatusNotFound)
			return
		}
		i := int(m[1][0] - '1')
		switch what {
		case "stop":
			e.nodes.broker(i).p.stop()
		case "start":
			if !e.nodes.broker(i).p.dead() {
				return
			}
			if err := e.nodes.launch(i).await(e.r.ctx, "bootstrap.servers="); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		case "logs": // a broker here says nothing of what clients do
		default:
			http.Error(w, what, http.StatusNotImplemented)
		}
	})}
	go func() { _ = server.Serve(l) }()
	e.atEnd(func() { _ = server.Close() })
	dir := filepath.Join(e.dir, "docker")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=%s exec %q \"$@\"\n", dockerVariable, l.Addr(), self)
	return os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755)
}
