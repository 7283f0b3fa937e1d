package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// kgoOwn are the tests of franz-go's own that need a broker, and no transactions.
var kgoOwn = []string{
	"TestPing", "TestIssue1034", "TestIssue325", "TestIssue337", "TestIssue434", "TestIssue523", "TestIssue648", "TestIssue810", "TestIssue865", "TestIssue769", "TestIssue831",
	"TestConsumeRegex", "TestDirectPartitionPurge", "TestAddRemovePartitions", "TestPauseIssue489", "TestPauseIssueOct2023", "TestPooling", "TestHookPollStart",
	"TestClient_Produce", "TestClient_ProduceLargeMessages", "TestIssueProduceSync", "TestGroupSimple", "TestGroupETL",
}

// kgoOwnPrepare builds franz-go's test binary out of the module cache.
func kgoOwnPrepare(e *env) error {
	ctx, cancel := context.WithTimeout(e.r.ctx, 10*time.Minute)
	defer cancel()
	e.values["binary"] = filepath.Join(e.dir, "kgo.test")
	if _, err := command(ctx, "", "go", "test", "-c", "-o", e.values["binary"], "github.com/twmb/franz-go/pkg/kgo"); err != nil {
		return skipf("franz-go's tests cannot be built: %v", err)
	}
	return nil
}

func kgoOwnTests(e *env) ([]test, error) {
	names, err := command(e.r.ctx, "", e.values["binary"], "-test.list", ".*")
	if err != nil {
		return nil, err
	}
	var list []test
	for _, name := range strings.Fields(names) {
		for _, prefix := range kgoOwn {
			if strings.HasPrefix(name, prefix) {
				list = append(list, test{name, kgoOwnTest(name)})
				break
			}
		}
	}
	return list, nil
}

func kgoOwnTest(name string) func(context.Context, *env) error {
	return func(ctx context.Context, e *env) error {
		cmd := exec.CommandContext(ctx, e.values["binary"], "-test.run", "^"+name+"$", "-test.v", "-test.timeout", "110s")
		cmd.Dir = e.dir
		cmd.Env = append(os.Environ(), "KGO_SEEDS="+e.bootstrap(), "KGO_TEST_RF=3", "KGO_TEST_RECORDS=50000", "KGO_TEST_UNSAFE=")
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		text := string(out)
		switch {
		case strings.Contains("\n"+text, "\n--- SKIP: "+name+" "):
			return skipf("%s", text)
		case err != nil:
			return fmt.Errorf("%w: %s", err, lastLines(text, 30))
		}
		return nil
	}
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "\n")
}
