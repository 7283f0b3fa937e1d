package host

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"brokersim/broker/machine"
)

// What the page cache has let go is not resident, and is again when it was read.
func TestResident(t *testing.T) {
	dir := t.TempDir()
	files := open(t, dir)
	const n = 256 << 10
	if err := files.Append("log", machine.Literal(make([]byte, n))); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]bool{ // unordered: independent rows
		"log": true, "nothing": false,
	} {
		if got := files.Resident(what, 0, n); got != want {
			t.Errorf("%s: resident %t", what, got)
		}
	}
	if !files.Resident("log", n, 10) || !files.Resident("log", 5, 0) || files.Resident("log", -1, 5) {
		t.Error("a range of nothing is there, one before the file is not")
	}
	f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	const dontNeed = 4 // POSIX_FADV_DONTNEED
	if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, n, dontNeed, 0, 0); errno != 0 {
		t.Skipf("the page cache cannot be told: %v", errno)
	}
	if files.Resident("log", 0, n) {
		t.Skip("this file system keeps what it was told to let go")
	}
	if _, err := files.ReadAt("log", 0, n); err != nil || !files.Resident("log", 0, n) {
		t.Errorf("it was read and is not resident: %v", err)
	}
}
