package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var testVocabulary = Vocabulary{
	Roles:      []string{"leader", "follower", "follower2", "controller", "any", "notification", "svc-1"},
	Nodes:      []string{"b1", "b2", "b3", "c101", "p1001", "k1001", "n-7"},
	Partitions: []string{"orders-0", "orders-1"},
	Classes:    map[string]uint16{"produce": 0, "produce-response": 1, "fetch": 2},
	Steps:      []string{"append", "lead"},
}

// testView is a cluster in which nobody is follower2.
func testView(role string) (string, bool) {
	node, ok := map[string]string{
		"leader": "b1", "leader(orders-1)": "b2", "follower": "b3", "controller": "c101",
		"any": "b1", "notification": "k1001", "svc-1": "n-7", "*": "b1,b2,b3",
	}[role]
	return node, ok
}

// log is a World that writes down what is done to it.
type log struct{ calls []string }

func (l *log) add(format string, args ...any) {
	l.calls = append(l.calls, fmt.Sprintf(format, args...))
}

func (l *log) Cut(from, to string)                    { l.add("cut %s>%s", from, to) }
func (l *log) Heal(from, to string)                   { l.add("heal %s>%s", from, to) }
func (l *log) HealAll()                               { l.add("heal all") }
func (l *log) Slow(from, to string, by time.Duration) { l.add("slow %s>%s %v", from, to, by) }
func (l *log) Drop(class uint16, from, to string, n int) {
	l.add("drop %d %s>%s %d", class, from, to, n)
}
func (l *log) Reset(a, b string) { l.add("reset %s %s", a, b) }
func (l *log) ResetAfterAccept(class uint16, from, to string) {
	l.add("reset after %d %s>%s", class, from, to)
}
func (l *log) LimitMemory(node string, bytes int64) { l.add("memory %s %d", node, bytes) }
func (l *log) Duplicate(class uint16, from, to string, late time.Duration) {
	l.add("duplicate %d %s>%s %v", class, from, to, late)
}
func (l *log) Crash(node string)                      { l.add("crash %s", node) }
func (l *log) PowerLoss(node string)                  { l.add("power-loss %s", node) }
func (l *log) Restart(node string)                    { l.add("restart %s", node) }
func (l *log) ShutDown(node string)                   { l.add("shut down %s", node) }
func (l *log) RestartAll()                            { l.add("restart all") }
func (l *log) Pause(node string)                      { l.add("pause %s", node) }
func (l *log) Resume(node string)                     { l.add("resume %s", node) }
func (l *log) SkewWall(node string, by time.Duration) { l.add("skew %s %v", node, by) }

func (l *log) Drift(node string, ppm int64)          { l.add("drift %s %d", node, ppm) }
func (l *log) Clog(from, to string)                  { l.add("clog %s>%s", from, to) }
func (l *log) Throttle(from, to string, bytes int64) { l.add("throttle %s>%s %d", from, to, bytes) }
func (l *log) BitRot(node, files string)             { l.add("bit rot %s %q", node, files) }
func (l *log) LatentError(node, files string)        { l.add("latent error %s %q", node, files) }
func (l *log) FailAppends(node, files string, on bool) {
	l.add("fail appends %s %q %t", node, files, on)
}
func (l *log) FailSyncs(node, files string, on bool) { l.add("fail syncs %s %q %t", node, files, on) }
func (l *log) FillDisk(node string, on bool)         { l.add("fill %s %t", node, on) }
func (l *log) SlowDisk(node string, times int64)     { l.add("slow disk %s %d", node, times) }
func (l *log) StallDisk(node string, on bool)        { l.add("stall %s %t", node, on) }
func (l *log) CrashAt(step, node string)             { l.add("crash %s at %s", node, step) }
func (l *log) PowerLossAt(step, node string)         { l.add("power loss %s at %s", node, step) }
func (l *log) LieOnSync(node string, on bool)        { l.add("lie %s %t", node, on) }
func (l *log) ReorderSectors(node string, on bool)   { l.add("reorder %s %t", node, on) }
func (l *log) MisdirectWrites(node string, on bool)  { l.add("misdirect %s %t", node, on) }
func (l *log) MendDisk(node string)                  { l.add("mend %s", node) }
func (l *log) Wipe(node string)                      { l.add("wipe %s", node) }

func mustParse(t testing.TB, text string) Schedule {
	t.Helper()
	s, err := Parse(text, testVocabulary)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run applies a whole schedule and returns what was done and the texts.
func run(s Schedule, seed uint64, view View) (calls, texts string) {
	var w log
	var b strings.Builder
	for _, at := range s.Plan(seed) {
		text, _ := at.Apply(&w, view)
		b.WriteString(text + "\n")
	}
	return strings.Join(w.calls, ", "), b.String()
}
