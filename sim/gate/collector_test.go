package gate

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain collects garbage as seldom as the program does: a run lives for some ten
// milliseconds in a few megabytes, and a sixth of its time went there.
func TestMain(m *testing.M) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	os.Exit(m.Run())
}
