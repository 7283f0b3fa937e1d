package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving is a process of brokersim serve.
type serving struct {
	*exec.Cmd
	addresses string
	stderr    *bufio.Scanner
}

func startServing(t *testing.T, args ...string) *serving {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Args[0] = "brokersim" // TestMain is it under this name
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addresses, ok := strings.CutPrefix(strings.TrimSpace(line), "bootstrap.servers=")
	if err != nil || !ok {
		rest, _ := io.ReadAll(stderr)
		t.Fatalf("%q, %v\n%s", line, err, rest)
	}
	return &serving{cmd, addresses, bufio.NewScanner(stderr)}
}

// awaitLine is the first line of stderr from here on that contains a text.
func (s *serving) awaitLine(t *testing.T, text string) string {
	t.Helper()
	for s.stderr.Scan() {
		if strings.Contains(s.stderr.Text(), text) {
			return s.stderr.Text()
		}
	}
	t.Fatalf("stderr has no line with %q", text)
	return ""
}

func (s *serving) stop(t *testing.T, by os.Signal) {
	t.Helper()
	if err := s.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("after %v: %v", by, err)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%v does not end it", by)
	}
}

// serve says where it serves, shows metrics, applies a schedule, and stops with exit
// code 0 at a signal; a second one on its directory goes on.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	s := startServing(t, "--data", dir, "--brokers", "2", "--faults", "1ms for 1ms pause b2; 10ms crash b1; 20ms restart *")
	if n := len(strings.Split(s.addresses, ",")); n != 2 {
		t.Errorf("%d addresses: %s", n, s.addresses)
	}
	_, url, _ := strings.Cut(s.awaitLine(t, "metrics: "), "metrics: ")
	for _, want := range []string{"pause b2", "resume b2", "crash b1", "restart *"} {
		s.awaitLine(t, want)
	}
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.HasSuffix(string(text), "# EOF\n") || !strings.Contains(string(text), `brokersim_up{node="b1"} 1`) {
		t.Errorf("%v\n%s", err, text)
	}
	other := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--data", dir)
	other.Args[0] = "brokersim"
	if out, err := other.CombinedOutput(); err == nil || !strings.Contains(string(out), "in use by another process") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("a second one on the directory: %v\n%s", err, out)
	}
	s.stop(t, os.Interrupt)
	startServing(t, "--data", dir, "--brokers", "2", "--metrics", "none").stop(t, syscall.SIGTERM)
}

// With a listener for clients who authenticate, serve says where that is, too.
func TestServeSASL(t *testing.T) {
	cmd := exec.Command(os.Args[0], "serve", "--listen", "127.0.0.1:0", "--brokers", "2", "--metrics", "none", "--sasl-listen", "127.0.0.1:0", "--sasl-user", "alice:secret")
	cmd.Args[0] = "brokersim"
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	for _, want := range []string{"bootstrap.servers=127.0.0.1:", "sasl.bootstrap.servers=127.0.0.1:"} {
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want) || strings.Count(lines.Text(), ",") != 1 {
			t.Errorf("%q, want %s... of two brokers", lines.Text(), want)
		}
	}
	(&serving{Cmd: cmd}).stop(t, os.Interrupt)
}

// One process for each node is a cluster, too.
func TestServeRoles(t *testing.T) {
	dir := t.TempDir()
	controller := exec.Command(os.Args[0], "serve", "--role", "controller", "--voters", "127.0.0.1:0", "--data", dir, "--metrics", "none")
	controller.Args[0] = "brokersim"
	stderr, err := controller.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := controller.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = controller.Process.Kill() })
	c := &serving{Cmd: controller, stderr: bufio.NewScanner(stderr)}
	_, addr, _ := strings.Cut(c.awaitLine(t, "controller: "), "controller: ")
	one := startServing(t, "--role", "broker", "--voters", addr, "--data", dir, "--metrics", "none")
	two := startServing(t, "--role", "broker", "--id", "2", "--voters", addr, "--data", dir, "--metrics", "none")
	one.stop(t, syscall.SIGTERM)
	two.stop(t, syscall.SIGTERM)
	c.stop(t, syscall.SIGTERM)
}
