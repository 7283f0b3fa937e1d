//go:build unix

package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"brokersim/checker/result"
	"brokersim/sim/capacity"
)

// told is written to like a file, and says when a line of a certain beginning came.
type told struct {
	mu   sync.Mutex
	b    bytes.Buffer
	want string
	came chan struct{}
	once sync.Once
}

func (x *told) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.b.Write(p)
	if strings.Contains(x.b.String(), x.want) {
		x.once.Do(func() { close(x.came) })
	}
	return len(p), nil
}

// Who interrupts a study is told at once, while its runs go on, and it ends with them.
func TestAnInterruptIsAnsweredAtOnce(t *testing.T) {
	stderr := &told{want: "interrupted: the runs under way are finished first", came: make(chan struct{})}
	defer func(was func(*capacity.Study, capacity.Probe) capacity.Outcome) { capacityRunner = was }(capacityRunner)
	var once sync.Once
	capacityRunner = func(_ *capacity.Study, p capacity.Probe) capacity.Outcome {
		once.Do(func() {
			self, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = self.Signal(os.Interrupt)
			}
			if err != nil {
				t.Error(err)
			}
		})
		select {
		case <-stderr.came:
		case <-time.After(time.Minute):
			t.Error("nothing was said while a run was under way")
		}
		return capacity.Outcome{Probe: p}
	}
	var stdout bytes.Buffer
	code := Main([]string{"capacity", "i3en", "-j", "1"}, strings.NewReader(""), &stdout, stderr)
	if text := stderr.b.String(); code != result.ExitInterrupted || stdout.Len() > 0 || !strings.HasSuffix(text, "interrupted after 1 run\n") {
		t.Errorf("exit %d\n%s\n%s", code, text, stdout.String())
	}
}
