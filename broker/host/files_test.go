package host

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"brokersim/broker/machine"
)

func open(t *testing.T, dir string) *files {
	t.Helper()
	fl, err := openFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fl.close)
	return fl
}

func text(s string) machine.Bytes { return machine.Literal([]byte(s)) }

func check(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// holds compares a directory with what it is to hold, as seen now and by the next life.
func holds(t *testing.T, fl *files, want map[string]string) {
	t.Helper()
	names := fl.List()
	if len(names) != len(want) || !slices.IsSorted(names) {
		t.Errorf("there are %q", names)
	}
	for name, content := range want {
		n, ok := fl.Size(name)
		b, err := fl.ReadAt(name, 0, 1000)
		if !ok || n != int64(len(content)) || err != nil || string(b.Contiguous()) != content {
			t.Errorf("%s: %d %t, %q, %v; want %q", name, n, ok, b.Contiguous(), err, content)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	fl := open(t, dir)
	check(t, "append", fl.Append("a/1.log", machine.Concat(text("hello "), text("world"))))
	check(t, "append", fl.Append("a/1.log", text("!")))
	check(t, "append", fl.Append("a/b/2", text("two")))
	check(t, "append", fl.Append("top", text("t")))
	check(t, "append nothing", fl.Append("empty", machine.Bytes{}))
	check(t, "truncate", fl.Truncate("a/1.log", 5))
	check(t, "truncate longer", fl.Truncate("a/1.log", 50))
	check(t, "rename", fl.Rename("top", "c/moved"))
	check(t, "append", fl.Append("a/2.log", text("gone")))
	check(t, "append", fl.Append("a/3.log", text("new")))
	check(t, "rename over", fl.Rename("a/3.log", "a/2.log"))
	check(t, "remove", fl.Remove("a/b/2"))
	check(t, "remove what is not there", fl.Remove("x/y"))
	want := map[string]string{"a/1.log": "hello", "a/2.log": "new", "c/moved": "t", "empty": ""}
	holds(t, fl, want)
	if _, err := os.Stat(filepath.Join(dir, "a/b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory is left: %v", err)
	}
	b, err := fl.ReadAt("a/1.log", 3, 100)
	if err != nil || string(b.Contiguous()) != "lo" {
		t.Errorf("%q, %v", b.Contiguous(), err)
	}
	if b, err := fl.ReadAt("a/1.log", 9, 1); err != nil || b.Len() != 0 {
		t.Errorf("beyond the end: %d bytes, %v", b.Len(), err)
	}
	for what, err := range map[string]error{
		"read":     func() error { _, err := fl.ReadAt("none", 0, 1); return err }(),
		"truncate": fl.Truncate("none", 0),
		"rename":   fl.Rename("none", "a/1.log"),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a file that is not there: %v", what, err)
		}
	}
	for _, name := range []string{"../out", "/etc/x", "", "a/../../x", lockName} {
		if err := fl.Append(name, text("x")); !errors.Is(err, machine.ErrIO) {
			t.Errorf("append to %q: %v", name, err)
		}
		if err := fl.Rename("empty", name); err == nil {
			t.Errorf("rename to %q", name)
		}
	}
	fl.close()
	holds(t, open(t, dir), want)
}

// More files than may be open are all there.
func TestManyFiles(t *testing.T) {
	fl := open(t, t.TempDir())
	for round := range 2 {
		for i := range 2 * maxOpen {
			check(t, "append", fl.Append(fmt.Sprintf("d%d/f%d", i%7, i), text(fmt.Sprint(round, i, " "))))
		}
	}
	if fl.open > maxOpen {
		t.Errorf("%d are open", fl.open)
	}
	for i := range 2 * maxOpen {
		b, err := fl.ReadAt(fmt.Sprintf("d%d/f%d", i%7, i), 0, 100)
		if want := fmt.Sprint(0, i, " ", 1, i, " "); err != nil || string(b.Contiguous()) != want {
			t.Fatalf("%q, %v; want %q", b.Contiguous(), err, want)
		}
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	dir := t.TempDir()
	fl := open(t, dir)
	if _, err := openFiles(dir); !errors.Is(err, ErrLocked) {
		t.Errorf("a second life on a directory: %v", err)
	}
	fl.close()
	open(t, dir)
}

// Syncs that wait while the disk is busy are done together, all are answered, and
// directories that have changed are synced with them.
func TestGroupSync(t *testing.T) {
	const files, each = 4, 50
	done := make(chan machine.Tag, files*each)
	n, _ := start(t, newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			for i := range files * each {
				name := fmt.Sprintf("d/f%d", i%files)
				if err := in.Files.Append(name, text("x")); err != nil {
					t.Error(err)
				}
				out.Sync(name, machine.Tag(i+1))
			}
			out.Sync("d/none", 0) // nobody asks
		case machine.DiskDone:
			if in.Err != nil {
				t.Error(in.Err)
			}
			done <- in.Tag
		}
	}))
	heard := make(map[machine.Tag]bool)
	for range files * each {
		heard[await(t, done)] = true
	}
	if len(heard) != files*each {
		t.Errorf("%d tags were answered", len(heard))
	}
	if syncs, dirs := n.Syncs(); syncs >= files*each/2 || syncs < files || dirs != 2 {
		t.Errorf("%d fsyncs of files and %d of directories for %d Syncs", syncs, dirs, files*each)
	}
}

// After a sync has failed the file is refused, whatever a later fsync would say.
func TestSyncErrorPoisons(t *testing.T) {
	fl := open(t, t.TempDir())
	check(t, "append", fl.Append("f", text("x")))
	check(t, "append", fl.Append("g", text("x")))
	var answers []syncDone
	s := &syncer{report: func(d syncDone) { answers = append(answers, d) }, root: fl.root}
	s.filled.L = &s.mu
	fl.list["f"].f.Close() // its fsync fails
	fl.sync(s, "f", 1)
	s.do(s.ops)
	s.ops = nil
	if len(answers) != 1 || !errors.Is(answers[0].err, machine.ErrIO) {
		t.Fatalf("%+v", answers)
	}
	if tags := fl.synced(&answers[0]); !slices.Equal(tags, []machine.Tag{1}) {
		t.Errorf("%v", tags)
	}
	fl.list["f"].f = nil // so that it would be opened again
	fl.sync(s, "f", 2)
	if len(answers) != 2 || answers[1].err == nil || len(s.ops) != 0 {
		t.Errorf("a poisoned file was synced again: %+v", answers)
	}
	if err := fl.Append("f", text("y")); err == nil {
		t.Error("a poisoned file was appended to")
	}
	fl.sync(s, "g", 3)
	if len(s.ops) != 1 {
		t.Error("another file is refused, too")
	}
}

// recorder appends every frame to a file, and answers it when it is durable.
func recorder() machine.Machine {
	var files machine.Files
	waiting := make(map[machine.Tag]func(out *machine.Effects))
	var last machine.Tag
	return newToy(func(_ machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			files = in.Files
		case machine.Received:
			if err := files.Append("journal/log", in.Frame); err != nil {
				panic(err)
			}
			last++
			conn, frame := in.Conn, in.Frame
			waiting[last] = func(out *machine.Effects) { out.Send(conn, frame, machine.Ident{}) }
			out.Sync("journal/log", last)
		case machine.DiskDone:
			waiting[in.Tag](out)
			delete(waiting, in.Tag)
		}
	})
}

// A process that is killed at any moment leaves what it has answered, and a directory
// that the next one can go on with.
func TestKilledProcess(t *testing.T) {
	if dir := os.Getenv("HOST_TEST_DIR"); dir != "" {
		_, addr := startIn(t, recorder(), dir)
		fmt.Println("listening", addr)
		select {}
	}
	dir := t.TempDir()
	var answered []uint32
	next := uint32(0)
	for life := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
		cmd.Env = append(os.Environ(), "HOST_TEST_DIR="+dir)
		stdout, err := cmd.StdoutPipe()
		check(t, "pipe", err)
		check(t, "start", cmd.Start())
		lines := bufio.NewScanner(stdout)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "listening ") {
		}
		c := dial(t, strings.TrimPrefix(lines.Text(), "listening "))
		first := next
		go func() { // more than will be answered
			for i := first; i < first+1_000_000; i++ {
				if _, err := c.Write(frame(binary.BigEndian.AppendUint32(nil, i))); err != nil {
					return
				}
			}
		}()
		for range 200 {
			answered = append(answered, binary.BigEndian.Uint32(read(t, c)))
		}
		check(t, "kill -9", cmd.Process.Kill())
		_ = cmd.Wait() // says that it was killed
		for {
			b, err := readFrame(c) // were answered before
			if err != nil {
				break
			}
			answered = append(answered, binary.BigEndian.Uint32(b))
		}
		next = uint32(life+1) * 1_000_000
	}
	journal, err := os.ReadFile(filepath.Join(dir, "journal/log"))
	check(t, "read", err)
	found := make(map[uint32]int)
	for r := bytes.NewReader(journal); ; {
		b, err := readFrame(r)
		if err != nil {
			break
		}
		found[binary.BigEndian.Uint32(b)]++
	}
	for _, x := range answered {
		if found[x] != 1 {
			t.Errorf("%d was answered and is in the journal %d times", x, found[x])
		}
	}
	t.Logf("%d answered, %d in the journal", len(answered), len(found))
}

// A machine's timer fires, not before its time.
func TestTick(t *testing.T) {
	ticks := make(chan machine.Now, 1)
	var began machine.Instant
	var m *toy
	m = newToy(func(now machine.Now, in *machine.Input, _ *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			began, m.deadline = now.Mono, now.Mono.Add(30*time.Millisecond)
		case machine.Tick:
			m.deadline = machine.Never
			ticks <- now
		}
	})
	n, _ := start(t, m)
	now := await(t, ticks)
	if now.Mono.Sub(began) < 30*time.Millisecond {
		t.Errorf("a tick after %v", now.Mono.Sub(began))
	}
	if d := time.Since(time.Unix(0, int64(now.Wall))); d < 0 || d > time.Minute {
		t.Errorf("the wall clock is %v off", d)
	}
	n.Skew(-time.Hour)
	n.Do(func() {
		if d := time.Since(time.Unix(0, int64(n.clock.now().Wall))); d < time.Hour {
			t.Errorf("the wall clock is %v off after a jump of an hour", d)
		}
	})
}

// Whoever steps the machine, it is woken at the time that its last step asked for: frames of
// many connections at once are each answered by a tick.
func TestTickAfterFrame(t *testing.T) {
	type answer struct {
		conn  machine.ConnID
		frame machine.Bytes
		at    machine.Instant
	}
	var due []answer
	var m *toy
	m = newToy(func(now machine.Now, in *machine.Input, out *machine.Effects) {
		if in.Kind == machine.Received {
			wait := time.Duration(in.Frame.Contiguous()[4]) * 10 * time.Microsecond
			due = append(due, answer{in.Conn, in.Frame, now.Mono.Add(wait)})
		}
		m.deadline = now.Mono.Add(time.Hour)
		due = slices.DeleteFunc(due, func(a answer) bool {
			if a.at <= now.Mono {
				out.Send(a.conn, a.frame, machine.Ident{})
				return true
			}
			m.deadline = min(m.deadline, a.at)
			return false
		})
	})
	_, addr := start(t, m)
	var all sync.WaitGroup
	for i := range 8 {
		c := dial(t, addr)
		all.Go(func() {
			for k := range 200 {
				body := []byte{byte(i * k)}
				if _, err := c.Write(frame(body)); err != nil {
					t.Error(err)
					return
				}
				if got, err := readFrame(c); err != nil || !bytes.Equal(got, body) {
					t.Errorf("connection %d, frame %d: %v, %v", i, k, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}
