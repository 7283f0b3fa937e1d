package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	confluentModule  = "github.com/confluentinc/confluent-kafka-go/v2"
	confluentVersion = "v2.11.1"
	confluentCompose = "github.com/testcontainers/testcontainers-go/modules/compose"
)

// confluentMod is the go.mod that the tests are built with: their own requires some
// hundred modules of other packages, and Docker's to start a broker in a container, which
// a suite that brings its brokers never does. A stub stands for the latter.
const confluentMod = `module ` + confluentModule + `

go 1.21

require (
	github.com/davecgh/go-spew v1.1.1
	github.com/pmezard/go-difflib v1.0.0
	github.com/stretchr/testify v1.9.0
	` + confluentCompose + ` v0.33.0
	gopkg.in/yaml.v3 v3.0.1
)

replace ` + confluentCompose + ` => ./compose
`

const confluentStub = `package compose

type LocalDockerCompose struct{}

type ExecError struct{ Error error }

func NewLocalDockerCompose([]string, string) *LocalDockerCompose { panic("there is no Docker") }

func (c *LocalDockerCompose) WithCommand([]string) *LocalDockerCompose { return c }
func (c *LocalDockerCompose) Invoke() ExecError                        { return ExecError{} }
func (c *LocalDockerCompose) Down() ExecError                          { return ExecError{} }
`

// confluentOwn are tests of ours for what the client's own leave out: codecs, acks,
// idempotence, and reading by assignment, offset and time. They are built with the
// client's, since a program that imports it needs cgo.
//
//go:embed confluentown.go.txt
var confluentOwn []byte

// confluentPrepare builds the client's tests out of a copy of the module.
func confluentPrepare(e *env) error {
	ctx, cancel := context.WithTimeout(e.r.ctx, 15*time.Minute)
	defer cancel()
	if err := hasCgo(ctx); err != nil {
		return err
	}
	source, err := moduleDir(ctx, e.dir, confluentModule+"@"+confluentVersion)
	if err != nil {
		return err
	}
	dir := filepath.Join(e.dir, "module")
	if err := confluentCopy(source, dir); err != nil {
		return err
	}
	if _, err := goCommand(ctx, dir, "mod", "download"); err != nil {
		return skipf("what the tests of %s need cannot be had: %v", confluentModule, err)
	}
	e.values["source"] = filepath.Join(dir, "kafka", "integration_test.go")
	e.values["binary"] = filepath.Join(e.dir, "kafka.test")
	_, err = goCommand(ctx, dir, "test", "-c", "-o", e.values["binary"], "./kafka")
	return err
}

// hasCgo skips where cgo cannot be used: the client is librdkafka with a face of Go.
func hasCgo(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	if err != nil {
		return err
	}
	enabled, cc, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if enabled != "1" {
		return skipf("cgo is off")
	}
	compiler, _, _ := strings.Cut(cc, " ")
	if _, err := exec.LookPath(compiler); err != nil {
		return skipf("there is no C compiler: %v", err)
	}
	return nil
}

// goCommand runs the go command in a module that is not this one.
func goCommand(ctx context.Context, dir string, args ...string) (stdout []byte, err error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off")
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if stdout, err = cmd.Output(); err != nil {
		return nil, fmt.Errorf("go %s: %w: %s%s", strings.Join(args, " "), err, lastLines(stderr.String(), 10), lastLines(string(stdout), 10))
	}
	return stdout, nil
}

// moduleDir is where the module cache has a module, which is fetched if need be.
func moduleDir(ctx context.Context, outside, module string) (string, error) {
	out, err := goCommand(ctx, outside, "mod", "download", "-json", module)
	if err != nil {
		return "", skipf("%s cannot be had: %v", module, err)
	}
	var info struct{ Dir string }
	if err := json.Unmarshal(out, &info); err != nil {
		return "", fmt.Errorf("go mod download -json %s: %w", module, err)
	}
	return info.Dir, nil
}

// confluentCopy copies what the tests are built from, and makes it a module that needs
// little.
func confluentCopy(source, dir string) error {
	// With -keep there may be one.
	if err := first(os.RemoveAll(dir), os.CopyFS(filepath.Join(dir, "kafka"), os.DirFS(filepath.Join(source, "kafka")))); err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(source, "go.sum"))
	if err != nil {
		return err
	}
	for _, x := range []struct {
		name   string
		change func([]byte) ([]byte, error)
	}{
		{"integration_test.go", confluentWaits},
		{"integration_test.go", confluentACLs},
		{"integration_test.go", confluentScram},
		{"txn_integration_test.go", confluentFlushes},
		{"testhelpers_test.go", confluentDraws},
	} {
		name := filepath.Join(dir, "kafka", x.name)
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if text, err = x.change(text); err != nil {
			return err
		}
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "compose"), 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{
		{filepath.Join(dir, "kafka", "own_test.go"), confluentOwn},
		{filepath.Join(dir, "go.mod"), []byte(confluentMod)},
		{filepath.Join(dir, "go.sum"), sum},
		{filepath.Join(dir, "compose", "go.mod"), []byte("module " + confluentCompose + "\n\ngo 1.21\n")},
		{filepath.Join(dir, "compose", "compose.go"), []byte(confluentStub)},
	} {
		if err := os.WriteFile(f.name, f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// confluentWaits has TestAdminConfig wait before it reads back what it has altered. A
// controller answers when the change is committed, and a broker hears of it with its next
// Fetch of the metadata, half a millisecond later here; the test, which knows of that
// where it creates its topic, forgets it there and fails in every other run.
func confluentWaits(source []byte) ([]byte, error) {
	const altered = "\tvalidateConfig(t, alterRes, expResources, false)\n"
	if n := strings.Count(string(source), altered); n != 2 {
		return nil, fmt.Errorf("TestAdminConfig looks at %d alterations, want 2", n)
	}
	return []byte(strings.ReplaceAll(string(source), altered, altered+"\ttime.Sleep(time.Second)\n")), nil
}

// confluentACLs has tests wait that make an ACL and then have the operations described that
// it leaves, for the same reason.
func confluentACLs(source []byte) ([]byte, error) {
	const made = "\t\tresultCreateACLs[0].Error.Code(), ErrNoError,\n\t\t\"CreateACLs result should not have an error\")\n"
	if n := strings.Count(string(source), made); n != 3 {
		return nil, fmt.Errorf("ACLs are made %d times before operations are described, want 3", n)
	}
	return []byte(strings.ReplaceAll(string(source), made, made+"\ttime.Sleep(time.Second)\n")), nil
}

// confluentScram has TestAdminClient_UserScramCredentials wait before it has described what it
// has altered, for the same reason.
func confluentScram(source []byte) ([]byte, error) {
	const described = "\t// Call DescribeUserScramCredentials to verify "
	if n := strings.Count(string(source), described); n != 2 {
		return nil, fmt.Errorf("credentials are described %d times after they are altered, want 2", n)
	}
	return []byte(strings.ReplaceAll(string(source), described, "\ttime.Sleep(time.Second)\n"+described)), nil
}

// confluentFlushes has TestTransactionalProducer wait for its messages where it flushes them
// with a time limit of -1. To librdkafka that is for ever; to this client, whose own loop looks
// at the clock first, it is not at all, so that the test fails where the offsets of
// a transaction are committed sooner than its messages.
func confluentFlushes(source []byte) ([]byte, error) {
	return confluentReplace(source, "producer.Flush(-1)", "producer.Flush(10000)")
}

// confluentDraws has the names of topics be drawn anew for each test, and not for each second:
// who began in the same one as another found its topics, and what was in them.
func confluentDraws(source []byte) ([]byte, error) {
	return confluentReplace(source, "rand.Seed(time.Now().Unix())", "rand.Seed(time.Now().UnixNano())")
}

func confluentReplace(source []byte, old, changed string) ([]byte, error) {
	if n := strings.Count(string(source), old); n != 1 {
		return nil, fmt.Errorf("%s is there %d times, want 1", old, n)
	}
	return []byte(strings.Replace(string(source), old, changed, 1)), nil
}

// confluentAlone are the tests that need a broker and are not of TestIntegration.
var confluentAlone = []string{"TestAdminAPIWithDefaultValue", "TestConsumerCloseForStaticMember", "TestTransactionalProducer", "TestTransactionalSendOffsets"}

// confluentNeeds are the tests that cannot be run before something is served: an API
// stands for it. Without it they would wait for their time-out or for ever.
var confluentNeeds = []struct {
	api   kmsg.Key
	what  string
	tests *regexp.Regexp
}{
	{kmsg.CreateACLs, "ACLs", regexp.MustCompile(`ACLs$`)},
	{kmsg.AlterUserSCRAMCredentials, "SCRAM", regexp.MustCompile(`Scram`)},
}

// confluentTests are the tests of the client that need a broker.
func confluentTests(e *env) ([]test, error) {
	ctx, cancel := context.WithTimeout(e.r.ctx, time.Minute)
	defer cancel()
	apis, err := served(ctx, e)
	if err != nil {
		return nil, err
	}
	_, admin, err := client(ctx, e)
	if err != nil {
		return nil, err
	}
	const topic = "test"
	if err := newTopic(ctx, e, admin, topic, 3); err != nil {
		return nil, err
	}
	conf, err := json.Marshal(map[string]any{
		"Brokers": e.bootstrap(), "TopicName": topic, "GroupID": "testgroup",
		// A consumer that has read commits when it is closed, and waits so long for a
		// coordinator.
		"Config":      []string{"session.timeout.ms=6000"},
		"BrokersSasl": e.cluster.sasl, "SaslUsername": "testuser", "SaslPassword": "testpass", "SaslMechanism": "PLAIN",
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(e.dir, "testconf.json"), conf, 0o644); err != nil {
		return nil, err
	}
	source, err := os.ReadFile(e.values["source"])
	if err != nil {
		return nil, err
	}
	var list []test
	for _, name := range confluentAlone {
		list = append(list, test{name, confluentTest(name, name, apis)})
	}
	methods := regexp.MustCompile(`(?m)^func \(its \*IntegrationTestSuite\) (Test\w+)`).FindAllSubmatch(source, -1)
	for _, m := range methods {
		name := string(m[1])
		list = append(list, test{name, confluentTest(name, "TestIntegration/"+name, apis)})
	}
	own := regexp.MustCompile(`(?m)^\t\t\{"([a-z0-9-]+)", own`).FindAllSubmatch(confluentOwn, -1)
	for _, m := range own {
		list = append(list, test{"own-" + string(m[1]), confluentOwnTest(string(m[1]), apis)})
	}
	if len(methods) == 0 || len(own) == 0 {
		return nil, fmt.Errorf("%s names %d tests, and there are %d of ours", e.values["source"], len(methods), len(own))
	}
	return list, nil
}

// confluentOwnTest runs a test of ours. Of a codec it looks at what is stored, too:
// librdkafka says nothing where it leaves compression out, because a broker does not
// advertise what it goes by.
func confluentOwnTest(name string, apis []kmsg.ApiVersionsResponseApiKey) func(context.Context, *env) error {
	run := confluentTest(name, "TestOwn/"+name, apis)
	return func(ctx context.Context, e *env) error {
		if err := run(ctx, e); err != nil {
			return err
		}
		codec, ok := strings.CutPrefix(name, "codec-")
		if !ok {
			return nil
		}
		list, err := readFrom(ctx, e, "own-"+name, 0, 0, 1)
		if err != nil {
			return err
		}
		return want("codec", list[0].Attrs.CompressionType(), uint8(slices.Index(codecs, codec)))
	}
}

// confluentTest runs one test, unless it needs what is not served.
func confluentTest(name, path string, apis []kmsg.ApiVersionsResponseApiKey) func(context.Context, *env) error {
	return func(ctx context.Context, e *env) error {
		for _, n := range confluentNeeds {
			if n.tests.MatchString(name) && !slices.ContainsFunc(apis, func(k kmsg.ApiVersionsResponseApiKey) bool { return k.ApiKey == n.api.Int16() }) {
				return skipf("needs %s: not yet", n.what)
			}
		}
		cmd := exec.CommandContext(ctx, e.values["binary"], "-test.run", "^"+strings.ReplaceAll(path, "/", "$/^")+"$", "-test.v", "-test.timeout", "80s")
		cmd.Dir = e.dir
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		text := string(out)
		e.r.keepOutput(e, name, text, err)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %s", err, lastLines(text, 30))
		case strings.Contains(text, "--- SKIP: "+path+" "):
			return skipf("%s", confluentReason(text))
		case !strings.Contains(text, "--- PASS: "+path+" "):
			return fmt.Errorf("it was not run: %s", lastLines(text, 30))
		}
		return nil
	}
}

var confluentLog = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$`)

// confluentReason is the last that a test has logged.
func confluentReason(output string) string {
	if list := confluentLog.FindAllStringSubmatch(output, -1); len(list) > 0 {
		return list[len(list)-1][1]
	}
	return lastLines(output, 5)
}
