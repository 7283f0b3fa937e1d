package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// kgoBroker are the tests of franz-go's own that need a broker, by what their names begin
// with. The others are run too, all at once.
var kgoBroker = []string{
	"TestPing", "TestIssue1034", "TestIssue325", "TestIssue337", "TestIssue434", "TestIssue523", "TestIssue648", "TestIssue810", "TestIssue865", "TestIssue769", "TestIssue831",
	"TestConsumeRegex", "TestDirectPartitionPurge", "TestAddRemovePartitions", "TestPauseIssue489", "TestPauseIssueOct2023", "TestPooling", "TestHookPollStart",
	"TestClient_Produce", "TestClient_ProduceLargeMessages", "TestIssueProduceSync", "TestIssueProduceBrokerTooOld",
	"TestGroupSimple", "TestShareGroup", "TestSCRAMAuth", "TestOAuthAuth",
}

// kgoWaiting are those of them that wait, most of some ten seconds: for sessions to end and for
// connections to be idle. They run while the chains do, which keep the machine busy.
var kgoWaiting = []string{"TestIssue325", "TestIssue337", "TestIssue434", "TestIssue523", "TestDirectPartitionPurge", "TestRetiredBrokerConnectionClassifiedAsDead"}

// kgoChains are chains of groups, three long, that read what the one before has written,
// in order, nothing lost and nothing twice; those of TestTxnEtl in transactions, that hold
// what is read, what is written and where the group is. The parts of each share a topic.
var (
	kgoChains      = []string{"TestGroupETL", "TestTxnEtl"}
	kgoChainsParts = []string{"range", "cooperative-sticky", "range/848", "sticky/848", "cooperative-sticky/static", "sticky/848/static"}
)

// kgoOwnPrepare builds franz-go's test binary out of the module cache.
func kgoOwnPrepare(e *env) error {
	ctx, cancel := context.WithTimeout(e.r.ctx, 10*time.Minute)
	defer cancel()
	e.values["binary"] = filepath.Join(e.dir, "kgo.test")
	dir, err := command(ctx, "", "go", "list", "-f", "{{.Dir}}", "github.com/twmb/franz-go/pkg/kgo")
	if err != nil {
		return skipf("franz-go cannot be had: %v", err)
	}
	e.values["source"] = strings.TrimSpace(dir)
	if _, err := command(ctx, "", "go", "test", "-c", "-o", e.values["binary"], "github.com/twmb/franz-go/pkg/kgo"); err != nil {
		return skipf("franz-go's tests cannot be built: %v", err)
	}
	return nil
}

// kgoBatch are tests that the binary runs in one go.
type kgoBatch struct {
	pattern string
	flags   []string
	env     []string
	chains  bool      // several that take long
	beside  *kgoBatch // begun with it: tests that do little but wait

	once sync.Once
	out  string
	err  error
}

var kgoVerdict = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) \(([0-9.]+)s\)`)

// test is one test of the batch. The first that is asked for has all run.
func (b *kgoBatch) test(name string) test {
	return test{name, func(ctx context.Context, e *env) error {
		b.once.Do(func() {
			var both sync.WaitGroup
			if o := b.beside; o != nil {
				both.Go(func() { o.once.Do(func() { o.out, o.err = o.run(ctx, e) }) })
			}
			b.out, b.err = b.run(ctx, e)
			both.Wait()
			b.tell()
		})
		for _, m := range kgoVerdict.FindAllStringSubmatch(b.out, -1) {
			switch {
			case m[2] != name:
			case m[1] == "PASS":
				return nil
			case m[1] == "SKIP":
				return skipf("%s", kgoReason(b.out, name))
			default:
				return fmt.Errorf("%s", kgoWhy(b.out))
			}
		}
		return fmt.Errorf("it has not ended: %w: %s", orNone(b.err), kgoWhy(b.out))
	}}
}

// tell shows how long each of several took, beside each other.
func (b *kgoBatch) tell() {
	if !b.chains {
		return
	}
	for _, m := range kgoVerdict.FindAllStringSubmatch(b.out, -1) {
		fmt.Printf("      %s %s %s s\n", m[1], m[2], m[3])
	}
}

func (b *kgoBatch) run(ctx context.Context, e *env) (string, error) {
	until := "10m"
	if at, ok := ctx.Deadline(); ok {
		until = time.Until(at).Truncate(time.Second).String()
	}
	cmd := exec.CommandContext(ctx, e.values["binary"], append([]string{"-test.run", b.pattern, "-test.v", "-test.timeout", until}, b.flags...)...)
	cmd.Dir = e.values["source"] // some look at it
	cmd.Env = append(os.Environ(), append([]string{"KGO_SEEDS=" + e.bootstrap(), "KGO_TEST_RF=3", "KGO_TEST_UNSAFE="}, b.env...)...)
	if os.Getenv("KGO_LOG_LEVEL") == "" {
		cmd.Env = append(cmd.Env, "KGO_LOG_LEVEL=none")
	}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	e.r.keepOutput(e, b.pattern, string(out), err)
	return string(out), err
}

var (
	kgoSays = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$|^(panic: .*)$`)
	// kgoIdle is what tests say that says nothing.
	kgoIdle = regexp.MustCompile(`^deleting |NOT DELETING| completed in |^createTopic\(|^waitForTopic: `)
)

// kgoSaid are the lines that tests have logged that say something.
func kgoSaid(out string) (list []string) {
	for _, m := range kgoSays.FindAllStringSubmatch(out, -1) {
		if line := m[1] + m[2]; !kgoIdle.MatchString(line) {
			list = append(list, line)
		}
	}
	return list
}

// kgoReason is why a test has skipped itself: what was said last before.
func kgoReason(out, name string) string {
	before, _, _ := strings.Cut(out, "--- SKIP: "+name+" ")
	if said := kgoSaid(before); len(said) > 0 {
		return said[len(said)-1]
	}
	return lastLines(before, 5)
}

// kgoWhy is what a run has said that ended badly.
func kgoWhy(out string) string {
	said := kgoSaid(out)
	said = slices.DeleteFunc(said, func(line string) bool { return strings.Contains(line, "broker does not support") })
	if len(said) > 0 {
		return strings.Join(said[:min(len(said), 8)], "\n")
	}
	return lastLines(out, 30)
}

// kgoOwnTests are all of franz-go's own: those that need a broker one by one, the chains,
// and the rest in one go.
func kgoOwnTests(e *env) ([]test, error) {
	names, err := command(e.r.ctx, "", e.values["binary"], "-test.list", "^Test")
	if err != nil {
		return nil, err
	}
	var list, rest []test
	var alone []string
	others, waiting := &kgoBatch{}, &kgoBatch{env: []string{"KGO_TEST_RECORDS=50000"}, flags: []string{"-test.parallel", "8"}}
	chains := &kgoBatch{pattern: "^(" + strings.Join(kgoChains, "|") + ")$", env: []string{"KGO_TEST_RECORDS=50000"}, beside: waiting} // side by side
	waiting.pattern = "^(" + strings.Join(kgoWaiting, "|") + ")$"
	var waits []test
	for _, name := range strings.Fields(names) {
		switch {
		case slices.Contains(kgoChains, name):
			list = append(list, chains.chain(name)...)
		case slices.Contains(kgoWaiting, name):
			waits = append(waits, waiting.test(name)) // after the chains, with which they ran
		case slices.ContainsFunc(kgoBroker, func(prefix string) bool { return strings.HasPrefix(name, prefix) }):
			b := &kgoBatch{pattern: "^" + name + "$", env: []string{"KGO_TEST_RECORDS=50000"}}
			if strings.HasPrefix(name, "TestSCRAM") && e.cluster != nil && e.cluster.sasl != "" {
				b.env = append(b.env, "KGO_TEST_SCRAM=alice:secret", "KGO_TEST_SCRAM_SEEDS="+e.cluster.sasl)
			}
			list = append(list, b.test(name))
		default:
			alone = append(alone, name)
			rest = append(rest, others.test(name))
		}
	}
	others.pattern = "^(" + strings.Join(alone, "|") + ")$"
	return slices.Concat(list, waits, rest), nil
}

// kgoChain are the parts of a chain, and the whole.
func kgoChain(name string, env ...string) (list []test) {
	return (&kgoBatch{pattern: "^" + name + "$", env: env}).chain(name)
}

func (b *kgoBatch) chain(name string) (list []test) {
	b.chains = true
	for _, part := range kgoChainsParts {
		list = append(list, b.test(name+"/"+part))
	}
	return append(list, b.test(name))
}

// kgoShareChain is a chain of two share groups, whose members accept, release and reject, come
// and go. It gives itself four minutes.
const kgoShareChain = "TestShareGroupETL"

// kgoChaosTests are the chains with connections that die every second or so.
func kgoChaosTests(*env) (list []test, err error) {
	env := []string{"KGO_TEST_RECORDS=50000", "KGO_TEST_CHAOS=1"}
	for _, name := range kgoChains {
		list = append(list, kgoChain(name, env...)...)
	}
	return append(list, (&kgoBatch{pattern: "^" + kgoShareChain + "$", env: env}).test(kgoShareChain)), nil
}

// kgoKillTests are the chains while brokers are killed and come back: so long that every chain
// outlives several coordinators. Their members have sessions of 20 s; with the chaos dialer
// they would have 60 s, and no coordinator lives so long.
func kgoKillTests(e *env) (list []test, err error) {
	const records = "KGO_TEST_RECORDS=500000" // as franz-go has it
	stop := e.nodes.killing(e.r.ctx, 8*time.Second, 2*time.Second, 3)
	for _, name := range append([]string{"TestGroupSimple"}, kgoChains...) {
		if slices.Contains(kgoChains, name) {
			list = append(list, kgoChain(name, records)...)
			continue
		}
		list = append(list, (&kgoBatch{pattern: "^" + name + "$", env: []string{records}}).test(name))
	}
	list = append(list, (&kgoBatch{pattern: "^" + kgoShareChain + "$", env: []string{"KGO_TEST_RECORDS=100000"}}).test(kgoShareChain))
	return append(list, test{"brokers-come-back", func(context.Context, *env) error {
		kills, err := stop()
		fmt.Printf("      brokers were killed %d times\n", kills)
		return err
	}}), nil
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}
