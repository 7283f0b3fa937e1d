package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// librdkafkaPackage is an npm package that carries librdkafka's source, tests and all.
const (
	librdkafkaPackage = "@confluentinc/kafka-javascript@1.10.1" // librdkafka 2.15.1
	librdkafkaSays    = "4.1.0"                                 // what its tests take the broker for
	librdkafkaShares  = "4.2.0"                                 // those of share groups want no less

	librdkafkaDebian = "librdkafka=2.0.2-1" // Debian's source package, of which kcat is built
)

// librdkafkaPrepare builds librdkafka's tests, and what they want of Apache Kafka's scripts.
func librdkafkaPrepare(e *env) error {
	if err := librdkafkaKafka(e); err != nil {
		return err
	}
	return librdkafkaBuild(e)
}

// librdkafkaDebianPrepare does so with the version that kcat has.
func librdkafkaDebianPrepare(e *env) error {
	if err := librdkafkaKafka(e); err != nil {
		return err
	}
	return librdkafkaBuildDebian(e)
}

func librdkafkaKafka(e *env) error {
	if err := kafkaPrepare(e); err != nil {
		return err
	}
	return kafkaScripts(e, filepath.Join(e.dir, "kafka"))
}

// librdkafkaBuild builds librdkafka's tests.
func librdkafkaBuild(e *env) error {
	return librdkafkaMake(e, librdkafkaPackage, filepath.Join(e.dir, "package", "deps", "librdkafka"), "npm",
		"npm pack --silent "+librdkafkaPackage+" && tar xf *.tgz")
}

// librdkafkaBuildDebian does so with Debian's, from where this machine has its packages. What
// apt-get has to know of sources is kept apart.
func librdkafkaBuildDebian(e *env) error {
	return librdkafkaMake(e, librdkafkaDebian, filepath.Join(e.dir, "librdkafka"), "apt-get", `
mkdir -p parts lists/partial
for f in /etc/apt/sources.list.d/debian.sources; do
	[ ! -f $f ] || sed "s/^Types:.*/Types: deb-src/" $f >parts/debian.sources
done
[ ! -f /etc/apt/sources.list ] || sed -n "s/^deb /deb-src /p" /etc/apt/sources.list >parts/debian.list
apart="-o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=$PWD/parts -o Dir::State::lists=$PWD/lists"
apt-get $apart -qq update
apt-get $apart -qq source --download-only `+librdkafkaDebian+`
mkdir librdkafka
tar xf librdkafka_*.orig.tar.* -C librdkafka --strip-components 1`)
}

// librdkafkaMake has a program fetch the source, unless it is there, and makes the tests.
func librdkafkaMake(e *env, name, source, program, fetch string) error {
	for _, program := range []string{program, "make", "g++"} {
		if _, err := exec.LookPath(program); err != nil {
			return skipf("there is no %s", program)
		}
	}
	e.values["tests"] = filepath.Join(source, "tests")
	if _, err := os.Stat(filepath.Join(e.values["tests"], "test-runner")); err == nil {
		return nil // kept
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, 20*time.Minute)
	defer cancel()
	if out, err := command(ctx, "", "sh", "-c", fmt.Sprintf("set -e; cd %q; ", e.dir)+fetch); err != nil {
		return skipf("%s cannot be had: %v: %s", name, err, lastLines(out, 3))
	}
	// One test wants zstd, of which systems have the library and seldom what it takes to build with it.
	build := fmt.Sprintf(`set -e; cd %q
zstd=$PWD/zstd lib=/usr/lib/$(g++ -dumpmachine)
if [ -e $lib/libzstd.so.1 ] && apt-get download libzstd-dev && dpkg-deb -x libzstd-dev*.deb $zstd; then
	ln -sf $lib/libzstd.so.1 $zstd$lib/libzstd.so
	set -- --CPPFLAGS=-I$zstd/usr/include --CFLAGS=-I$zstd/usr/include --LDFLAGS=-L$zstd$lib
fi
cd %q; ./configure --disable-sasl --disable-curl "$@"; make -j%d libs; make -j%d -C tests build`,
		e.dir, source, runtime.NumCPU(), runtime.NumCPU())
	if out, err := command(ctx, "", "sh", "-c", build); err != nil {
		return fmt.Errorf("librdkafka's tests cannot be built: %s", lastLines(out, 10))
	}
	return nil
}

// kafkaScripts makes a directory that looks like Apache Kafka's to those who run its
// scripts.
func kafkaScripts(e *env, dir string) error {
	if err := first(os.RemoveAll(dir), os.MkdirAll(filepath.Join(dir, "bin"), 0o755), os.Symlink(filepath.Dir(e.values["jars"]), filepath.Join(dir, "libs"))); err != nil {
		return err
	}
	e.values["KAFKA_PATH"] = dir
	for script, class := range map[string]string{
		"kafka-topics.sh": kafkaTopics, "kafka-configs.sh": kafkaConfigs, "kafka-acls.sh": "kafka.admin.AclCommand", "kafka-run-class.sh": "",
	} {
		text := fmt.Sprintf("#!/bin/sh\nexec java -Xmx512m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp \"$CLASSPATH:%s\" %s \"$@\"\n", e.values["jars"], class)
		if err := os.WriteFile(filepath.Join(dir, "bin", script), []byte(text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// librdkafkaTest is a test of the list in test.c.
type librdkafkaTest struct {
	name, number, scenario string
}

var librdkafkaScenario = regexp.MustCompile(`\.scenario = "(\w+)`)

// librdkafkaNames reads the list: the tests that want a broker.
func librdkafkaNames(source string) (list []librdkafkaTest) {
	_, source, _ = strings.Cut(source, "struct test tests[] = {")
	source, _, _ = strings.Cut(source, "/* Manual tests */")
	for _, m := range regexp.MustCompile(`\b_TEST\(`).Split(source, -1)[1:] {
		name, flags, _ := strings.Cut(m, ",")
		if strings.Contains(flags, "TEST_F_LOCAL") || strings.Contains(flags, "TEST_F_MANUAL") || len(name) < 4 || strings.HasSuffix(name, "_mock") {
			continue
		}
		t := librdkafkaTest{name: name, number: name[:4], scenario: "default"}
		if s := librdkafkaScenario.FindStringSubmatch(flags); s != nil {
			t.scenario = s[1]
		}
		list = append(list, t)
	}
	return list
}

// librdkafkaTests are librdkafka's own tests that want a broker, in its quick mode. A
// scenario is a cluster with other settings.
func librdkafkaTests(e *env) ([]test, error) {
	source, err := os.ReadFile(filepath.Join(e.values["tests"], "test.c"))
	if err != nil {
		return nil, err
	}
	names := librdkafkaNames(string(source))
	if len(names) < 50 {
		return nil, fmt.Errorf("test.c names %d tests", len(names))
	}
	quiet, err := e.r.serve(filepath.Join(e.dir, "data", "noautocreate"), librdkafkaServe(false)...)
	if err != nil {
		return nil, err
	}
	e.atEnd(quiet.stop)
	servers := map[string]string{"default": e.bootstrap(), "noautocreate": quiet.addresses}
	runs := make(map[string]*librdkafkaRun)
	var list []test
	for _, t := range names {
		if t.shares() {
			continue
		}
		at := t.scenario + " " + t.number
		if runs[at] == nil {
			runs[at] = &librdkafkaRun{number: t.number, scenario: t.scenario, servers: servers[t.scenario], says: librdkafkaSays, quick: true}
		}
		list = append(list, runs[at].test(t.name))
	}
	return list, nil
}

// shares reports whether a test is about share groups: those are a suite of their own.
func (t *librdkafkaTest) shares() bool { return strings.Contains(t.name, "_share_") }

// librdkafkaShareTests are those of share groups, whole: in the quick mode next to nothing is left
// of them.
func librdkafkaShareTests(e *env) (list []test, err error) {
	source, err := os.ReadFile(filepath.Join(e.values["tests"], "test.c"))
	if err != nil {
		return nil, err
	}
	for _, t := range librdkafkaNames(string(source)) {
		if t.shares() {
			x := &librdkafkaRun{number: t.number, scenario: t.scenario, servers: e.bootstrap(), says: librdkafkaShares}
			list = append(list, x.test(t.name))
		}
	}
	if len(list) < 10 {
		return nil, fmt.Errorf("test.c names %d tests of share groups", len(list))
	}
	return list, nil
}

func librdkafkaServe(create bool) []string {
	return append([]string{"--set", "broker.default.replication.factor=3", "--set", "broker.num.partitions=4",
		"--set", fmt.Sprintf("broker.auto.create.topics.enable=%v", create)}, authorizes...)
}

// librdkafkaRun is all tests of a number and a scenario: test-runner runs them together.
type librdkafkaRun struct {
	number, scenario, servers string
	says                      string // the version of Kafka that it takes the broker for
	quick                     bool

	once sync.Once
	out  string
	err  error
}

var (
	librdkafkaVerdict = regexp.MustCompile(`(?m)^\|\S* (\w+) +\| +(\w+) \| +([\d.]+)s \S*\|(.*)$`)
	colour            = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

func (x *librdkafkaRun) test(name string) test {
	return test{name, func(ctx context.Context, e *env) error {
		x.once.Do(func() { x.run(ctx, e) })
		for _, m := range librdkafkaVerdict.FindAllStringSubmatch(x.out, -1) {
			switch why := strings.TrimSpace(m[4]); {
			case m[1] != name:
			case m[2] == "PASSED":
				return nil
			case m[2] == "SKIPPED":
				return skipf("%s", why)
			case strings.Contains(x.out, "libzstd not available at build time"):
				return skipf("zstd is not built in: what comes before its part about codecs has passed")
			default:
				return errors.New(m[2] + ": " + why)
			}
		}
		return fmt.Errorf("%w: %s", orNone(x.err), lastLines(x.out, 15))
	}}
}

// librdkafkaSlow are tests that have longer than librdkafka gives them, by a factor: those that run
// Kafka's scripts, each of which is a JVM that begins, and one that waits for 16 seconds after each
// ACL and credential, 353 seconds in all.
var librdkafkaSlow = map[string]int{"0081": 8, "0109": 3, "0115": 3, "0119": 3}

func (x *librdkafkaRun) run(ctx context.Context, e *env) {
	conf := filepath.Join(e.dir, "test-"+x.scenario+".conf")
	text := "metadata.broker.list=" + x.servers + "\ntest.topic.random=true\n"
	factor := librdkafkaSlow[x.number]
	if !x.quick { // they wait for what does not come, and are as long as their limits allow
		factor = 3
	}
	if factor > 0 {
		text += fmt.Sprintf("test.timeout.multiplier=%d\n", factor)
	}
	if x.err = os.WriteFile(conf, []byte(text), 0o644); x.err != nil {
		return
	}
	// A signal that is ignored stays so through exec: a broker may close a connection.
	cmd := exec.CommandContext(ctx, "sh", "-c", `trap "" PIPE; exec ./test-runner "$@"`, "sh", "-p1", "-L", "-s", x.scenario)
	if x.quick {
		cmd.Args = append(cmd.Args, "-Q")
	}
	cmd.Dir = e.values["tests"]
	cmd.Env = append(os.Environ(), "TESTS="+x.number, "LD_LIBRARY_PATH=../src:../src-cpp", "RDKAFKA_TEST_CONF="+conf, "TEST_KAFKA_VERSION="+x.says,
		"KAFKA_PATH="+e.values["KAFKA_PATH"], "BROKERS="+x.servers)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	x.out, x.err = colour.ReplaceAllString(string(out), ""), err
	e.r.keepOutput(e, x.scenario+"-"+x.number, x.out, err)
}
