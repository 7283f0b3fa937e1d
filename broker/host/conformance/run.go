package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// suite is the tests of one client.
type suite struct {
	name    string
	quick   bool     // a part of the quick tier
	serve   []string // flags of brokersim serve beside those that every suite has
	kills   bool     // each broker is a process of its own, that tests can end and start
	most    versions // with kills: what clients are told of ApiVersions, if not all there is
	listen  []string // with kills: where the brokers listen, if not three on any ports
	limit   time.Duration
	prepare func(e *env) error // returns a skipping if what it needs is not here
	tests   func(e *env) ([]test, error)
}

// test is one test of a suite. It returns a skipping, or any other error if it fails.
type test struct {
	name string
	run  func(ctx context.Context, e *env) error
}

// wholeSuite stands for a suite that could not be run.
const wholeSuite = "*"

// skipping is why something is skipped.
type skipping struct{ why string }

func (s skipping) Error() string { return s.why }

func skipf(format string, args ...any) error { return skipping{fmt.Sprintf(format, args...)} }

// env is what a test has to do with.
type env struct {
	r       *runner
	dir     string            // of the suite
	servers []string          // host:port of all brokers
	cluster *process          // nil if the suite kills brokers
	nodes   *nodes            // if it does
	values  map[string]string // what prepare has found out
	ends    []func()
}

// atEnd has something done when the suite is over.
func (e *env) atEnd(f func()) { e.ends = append(e.ends, f) }

func (e *env) bootstrap() string { return strings.Join(e.servers, ",") }

type runner struct {
	ctx     context.Context
	only    string
	verbose bool
	quick   bool       // the suites of the quick tier, as .ci/run has them
	beside  bool       // kfake takes the place of brokersim
	keep    string     // a directory that stays
	work    string     // a directory for all
	binary  string     // brokersim
	mu      sync.Mutex // guards what follows: some suites run beside each other
	results []result
	ran     []string // suites
}

// prepare builds brokersim.
func (r *runner) prepare() (err error) {
	if r.work, err = filepath.Abs(r.keep); err != nil || r.keep == "" {
		r.work, err = os.MkdirTemp("", "conformance-")
	}
	if err != nil {
		return err
	}
	r.binary = filepath.Join(r.work, "brokersim")
	cmd := exec.CommandContext(r.ctx, "go", "build", "-o", r.binary, "./cmd/brokersim")
	cmd.Dir = filepath.Join("..", "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func (r *runner) close() {
	if r.keep == "" {
		os.RemoveAll(r.work)
	}
}

// all runs suites, so many at once, in their order.
func (r *runner) all(list []suite, atOnce int) {
	next := make(chan suite)
	var workers sync.WaitGroup
	for range max(atOnce, 1) {
		workers.Go(func() {
			for s := range next {
				r.suite(s)
			}
		})
	}
	for _, s := range list {
		next <- s
	}
	close(next)
	workers.Wait()
}

// suite runs all tests of a suite on a cluster of its own.
func (r *runner) suite(s suite) {
	r.mu.Lock()
	r.ran = append(r.ran, s.name)
	r.mu.Unlock()
	e := &env{r: r, dir: filepath.Join(r.work, s.name), values: make(map[string]string)}
	defer func() {
		for _, f := range slices.Backward(e.ends) {
			f()
		}
	}()
	began := time.Now()
	err := first(os.MkdirAll(e.dir, 0o755), os.RemoveAll(filepath.Join(e.dir, "data")))
	if err == nil && s.prepare != nil {
		err = s.prepare(e)
	}
	if err == nil {
		err = e.boot(s)
	}
	var tests []test
	if err == nil {
		tests, err = s.tests(e)
	}
	if err != nil {
		r.note(s.name, wholeSuite, began, err)
		return
	}
	for _, t := range tests {
		if !strings.Contains(t.name, r.only) || r.ctx.Err() != nil {
			continue
		}
		r.test(s, e, t)
		if e.cluster != nil && e.cluster.dead() {
			r.note(s.name, wholeSuite, time.Now(), errors.New("the cluster is gone: "+e.cluster.last()))
			return
		}
	}
}

func (r *runner) test(s suite, e *env, t test) {
	most := limit
	if s.limit > 0 {
		most = s.limit
	}
	ctx, cancel := context.WithTimeout(r.ctx, most)
	defer cancel()
	began := time.Now()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		done <- t.run(ctx, e)
	}()
	var err error
	select {
	case err = <-done:
	case <-time.After(most + 5*time.Second):
		err = fmt.Errorf("not over after %v", most)
	}
	r.note(s.name, t.name, began, err)
}

// note keeps a result and prints it.
func (r *runner) note(suite, name string, began time.Time, err error) {
	x := result{Suite: suite, Test: name, Result: pass, Millis: time.Since(began).Milliseconds()}
	var skipped skipping
	switch {
	case errors.As(err, &skipped):
		x.Result, x.Why = skip, skipped.why
	case err != nil:
		x.Result, x.Why = fail, err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, x)
	fmt.Printf("%-4s  %-18s %-50s %7d ms  %s\n", x.Result, suite, name, x.Millis, oneLine(x.Why))
}

// process is a brokersim serve.
type process struct {
	cmd       *exec.Cmd
	addresses string
	sasl      string // where clients authenticate; empty: nowhere
	log       *tail
	ended     chan struct{}
	exit      error
}

// boot starts what a suite runs against.
func (e *env) boot(s suite) (err error) {
	data := filepath.Join(e.dir, "data")
	switch {
	case s.kills && !e.r.beside:
		if e.nodes, err = e.r.nodes(e.r.ctx, data, s.listen, s.most, s.serve...); err != nil {
			return err
		}
		e.atEnd(e.nodes.end)
		e.servers = e.nodes.doors
		return nil
	case s.kills && s.listen == nil:
		return skipf("kfake has no brokers of their own that could be killed")
	case s.kills:
		s.serve = append(s.serve, "--brokers", strconv.Itoa(len(s.listen)), "--listen", s.listen[0])
	}
	if e.cluster, err = e.r.serve(data, s.serve...); err != nil {
		return err
	}
	e.atEnd(e.cluster.stop)
	e.servers = strings.Split(e.cluster.addresses, ",")
	return nil
}

// serve boots a cluster and waits until it serves.
func (r *runner) serve(data string, flags ...string) (*process, error) {
	if r.beside {
		return r.kfake(append([]string{"--data", data}, flags...)...)
	}
	args := append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--metrics", "none"}, flags...)
	return r.boot(exec.Command(r.binary, args...))
}

// kfake boots kfake in a process of its own.
func (r *runner) kfake(flags ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), kfakeVariable+"="+strings.Join(append(flags, "--"), "\n"))
	if _, err := cmd.StdinPipe(); err != nil { // it ends with this process
		return nil, err
	}
	return r.boot(cmd)
}

// boot starts a broker, and waits until it has told its addresses.
func (r *runner) boot(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, log: &tail{}, ended: make(chan struct{})}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.log
	if r.verbose {
		p.cmd.Stderr = io.MultiWriter(p.log, os.Stderr)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	_, addresses, ok := strings.Cut(strings.TrimSpace(line), "=")
	if ok && slices.Contains(cmd.Args, "--sasl-listen") {
		line, err = lines.ReadString('\n')
		_, p.sasl, ok = strings.Cut(strings.TrimSpace(line), "=")
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		p.exit = p.cmd.Wait()
		close(p.ended)
	}()
	if !ok {
		<-p.ended
		return nil, fmt.Errorf("%s: %w: %s", cmd, p.exit, p.log)
	}
	p.addresses = addresses
	return p, nil
}

// start starts brokersim with pipes.
func (r *runner) start(args ...string) (p *process, stdout, stderr io.Reader, err error) {
	p = &process{cmd: exec.Command(r.binary, args...), log: &tail{}, ended: make(chan struct{})}
	if stdout, err = p.cmd.StdoutPipe(); err != nil {
		return nil, nil, nil, err
	}
	if stderr, err = p.cmd.StderrPipe(); err != nil {
		return nil, nil, nil, err
	}
	return p, stdout, stderr, p.cmd.Start()
}

func (p *process) dead() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func (p *process) last() string { return fmt.Sprint(p.exit, ": ", p.log) }

// stop ends it in good order.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		p.kill()
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// tail keeps the end of what is written.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > 16<<10 {
		t.b = t.b[len(t.b)-8<<10:]
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }

// command runs a program with a time limit and returns what it prints.
func command(ctx context.Context, stdin string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// keepOutput shows what a test has said with -v, and keeps it with -keep if it failed.
func (r *runner) keepOutput(e *env, name, text string, err error) {
	if r.verbose {
		fmt.Println(text)
	}
	if err != nil && r.keep != "" {
		clean := strings.Map(func(c rune) rune {
			if strings.ContainsRune("^$()|/", c) {
				return -1
			}
			return c
		}, name)
		_ = os.WriteFile(filepath.Join(e.dir, "failed-"+clean[:min(len(clean), 60)]+".txt"), []byte(text), 0o644)
	}
}

// suites are all there are.
var suites = []suite{
	// The longest of the quick ones begins first.
	{name: "kgo-own", quick: true, limit: 5 * time.Minute, serve: []string{"--sasl-listen", "127.0.0.1:0", "--sasl-user", "alice:secret", "--set", "broker.default.replication.factor=3", "--set", "broker.group.initial.rebalance.delay.ms=300"}, prepare: kgoOwnPrepare, tests: kgoOwnTests},
	{name: "kcat", quick: true, serve: []string{"--set", "broker.default.replication.factor=3", "--set", "broker.group.initial.rebalance.delay.ms=300"}, prepare: needs("kcat"), tests: kcatTests},
	{name: "kgo", quick: true, serve: []string{"--set", "broker.group.initial.rebalance.delay.ms=300"}, tests: kgoTests},
	{name: "wire", quick: true, serve: []string{"--brokers", "1"}, tests: wireTests},
	{name: "kafka-go", quick: true, tests: kafkaGoTests},
	{name: "kafkajs", quick: true, serve: []string{"--set", "broker.group.initial.rebalance.delay.ms=300"}, prepare: kafkaJSPrepare, tests: kafkaJSTests},
	{name: "amqp091", quick: true, serve: []string{"--kind", "queue"}, tests: amqpTests},
	{name: "go-redis", quick: true, serve: []string{"--kind", "pubsub"}, tests: redisTests},
	{name: "kill", quick: true, kills: true, tests: killTests},
	{name: "differential", limit: 5 * time.Minute, serve: []string{"--brokers", "1", "--set", "broker.group.initial.rebalance.delay.ms=0"}, prepare: kafkaPrepare, tests: differentialTests},
	{name: "differential-4", limit: 5 * time.Minute, serve: []string{"--brokers", "1", "--set", "broker.group.initial.rebalance.delay.ms=0"}, prepare: kafka4Prepare, tests: differentialTests},
	{name: "kafka-tools", limit: 4 * time.Minute, prepare: kafkaPrepare, tests: kafkaToolsTests},
	{name: "kafka-java", limit: 3 * time.Minute, prepare: kafkaPrepare, tests: javaTests},
	{name: "speed", limit: 10 * time.Minute, serve: []string{"--brokers", "1", "--set", "broker.log.retention.check.interval.ms=10000"}, tests: speedTests},
	{name: "confluent-kafka-go", limit: 90 * time.Second, serve: slices.Concat([]string{"--set", "broker.default.replication.factor=3", "--sasl-listen", "127.0.0.1:0", "--sasl-user", "testuser:testpass"}, authorizes), prepare: confluentPrepare, tests: confluentTests},
	pythonSuite("confluent-kafka", "2.16.1"),
	pythonSuite("kafka-python", "3.0.12"),
	pythonSuite("aiokafka", "0.14.0"),
	{name: "platformatic-kafka", limit: 90 * time.Second, serve: []string{"--set", "broker.group.initial.rebalance.delay.ms=300"}, prepare: platformaticPrepare, tests: platformaticTests},
	{name: "node-rdkafka", limit: 80 * time.Second, serve: []string{"--set", "broker.group.initial.rebalance.delay.ms=300"}, prepare: nodeRdkafkaPrepare, tests: nodeRdkafkaTests},
	{name: "eos", limit: 4 * time.Minute, kills: true, prepare: kafkaPrepare, tests: eosTests},
	{name: "librdkafka", limit: 9 * time.Minute, serve: librdkafkaServe(true), prepare: librdkafkaPrepare, tests: librdkafkaTests},
	{name: "librdkafka-share", limit: 15 * time.Minute, serve: append(librdkafkaServe(true), "--set", "broker.group.share.min.record.lock.duration.ms=1000"), prepare: librdkafkaBuild, tests: librdkafkaShareTests},
	{name: "librdkafka-2.0.2", limit: 3 * time.Minute, serve: librdkafkaServe(true), prepare: librdkafkaDebianPrepare, tests: librdkafkaTests},
	{name: "kafka-go-own", limit: 2 * time.Minute, serve: kafkaGoServe, prepare: kafkaGoPrepare, tests: kafkaGoOwnTests},
	{name: "sarama", limit: 3 * time.Minute, kills: true, listen: saramaListen, serve: saramaServe, prepare: saramaPrepare, tests: saramaTests},
	{name: "kgo-v1", limit: 4 * time.Minute, kills: true, most: versions1, serve: []string{"--set", "broker.default.replication.factor=3", "--set", "broker.group.initial.rebalance.delay.ms=300", "--transaction-version", "0"}, prepare: kgoOwnPrepare, tests: kgoOwnTests},
	{name: "kgo-chaos", limit: 5 * time.Minute, serve: []string{"--set", "broker.default.replication.factor=3"}, prepare: kgoOwnPrepare, tests: kgoChaosTests},
	{name: "kgo-kill", limit: 20 * time.Minute, kills: true, serve: []string{"--set", "broker.default.replication.factor=3",
		// A coordinator lives shorter than the default, and the next one begins a member's session anew.
		"--set", "broker.group.consumer.min.session.timeout.ms=20000", "--set", "broker.group.consumer.session.timeout.ms=20000"}, prepare: kgoOwnPrepare, tests: kgoKillTests},
}

// needs skips a suite without a program.
func needs(program string) func(*env) error {
	return func(*env) error {
		if _, err := exec.LookPath(program); err != nil {
			return skipf("there is no %s", program)
		}
		return nil
	}
}
