package sim

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/faults"
)

var _ faults.World = struct {
	*Sim
	named
}{}

// named are the steps of nodes, which the simulator does not know.
type named interface {
	CrashAt(step, node string)
	PowerLossAt(step, node string)
}

// trouble is a list of faults that depends on the seed, so many in a second.
func trouble(s *Sim, seed uint64, n int, skip int) {
	d := machine.NewDraw(seed, "trouble")
	names := s.Nodes()
	for i := range n {
		if i == skip {
			continue
		}
		d := d.With(uint64(i))
		pick := func(k uint64) string { return names[d.With(k).N(uint64(len(names)))] }
		at := machine.Instant(d.With(0).N(uint64(time.Second)))
		a, b := pick(1), pick(2)
		long := machine.Instant(d.With(4).N(uint64(20 * time.Millisecond)))
		s.At(at, func() {
			switch d.With(3).N(10) {
			case 0:
				s.Cut(a, b)
				s.At(at+long, func() { s.Heal(a, b) })
			case 1:
				s.Slow(a, b, time.Duration(long)/10)
				s.At(at+long, s.HealAll)
			case 2:
				s.Drop(uint16(long%4), a, b, 1)
			case 3:
				s.Reset(a, b)
			case 4:
				s.ResetAfterAccept(uint16(long%4), a, b)
			case 5:
				s.Crash(a)
				s.At(at+long, func() { s.Restart(a) })
			case 6:
				s.PowerLoss(a)
				s.At(at+long, s.RestartAll)
			case 7, 8:
				s.Pause(a)
				s.At(at+long, func() { s.Resume(a) })
			case 9:
				s.SkewWall(a, time.Duration(long))
			}
		})
	}
}

// worse is trouble with disks, clocks, and links that are slow in other ways.
func worse(s *Sim, seed uint64, n int, skip int) {
	d := machine.NewDraw(seed, "worse")
	names := s.Nodes()
	for i := range n {
		if i == skip {
			continue
		}
		d := d.With(uint64(i))
		pick := func(k uint64) string { return names[d.With(k).N(uint64(len(names)))] }
		at := machine.Instant(d.With(0).N(uint64(time.Second)))
		a, b := pick(1), pick(2)
		end := at + machine.Instant(d.With(4).N(uint64(20*time.Millisecond)))
		s.At(at, func() {
			switch d.With(3).N(13) {
			case 0:
				s.Clog(a, b)
				s.At(end, func() { s.Heal(a, b) })
			case 1:
				s.Throttle(a, b, 20_000)
				s.At(end, func() { s.Throttle(a, b, 0) })
			case 2:
				s.Drift(a, int64(d.With(5).N(400))-200)
			case 3:
				s.BitRot(a, "")
			case 4:
				s.LatentError(a, "")
			case 5:
				s.FailAppends(a, "log", true)
				s.At(end, func() { s.FailAppends(a, "log", false) })
			case 6:
				s.FailSyncs(a, "log", true)
				s.At(end, func() { s.FailSyncs(a, "log", false) })
			case 7:
				s.LieOnSync(a, true)
				s.At(end, func() { s.LieOnSync(a, false) })
			case 8:
				s.FillDisk(a, true)
				s.At(end, func() { s.FillDisk(a, false) })
			case 9:
				s.StallDisk(a, true)
				s.At(end, func() { s.StallDisk(a, false) })
			case 10:
				s.SlowDisk(a, 10)
				s.At(end, func() { s.MendDisk(a) })
			case 11:
				s.Wipe(a)
				s.Crash(a)
				s.At(end, func() { s.Restart(a) })
			case 12:
				s.PowerLoss(a)
				s.At(end, func() { s.Restart(a) })
			}
		})
	}
}

// One seed is one run whatever goes wrong, and not the run of another.
func TestWorseIsRepeatable(t *testing.T) {
	hashes := make(map[uint64]bool)
	for seed := range uint64(20) {
		run := func() *Sim {
			s := New(Config{Seed: seed, BytesPerSecond: 10_000_000, ReorderedSectors: machine.Always / 2, MisdirectedWrites: machine.Always / 2})
			for i := range 5 {
				add(s, uint32(i+1), fmt.Sprintf("t%d", i), ticker(fmt.Sprintf("t%d:1", (i+1)%5), uint64(i)))
			}
			worse(s, seed, 60, -1)
			s.Run(machine.Instant(1100 * time.Millisecond))
			return s
		}
		s, again := run(), run()
		if s.TraceHash() != again.TraceHash() || !slices.Equal(s.Losses(), again.Losses()) {
			t.Errorf("seed %d: %016x and then %016x, lost %d and %d files", seed, s.TraceHash(), again.TraceHash(), len(s.Losses()), len(again.Losses()))
		}
		if s.Applied() < 60 || s.Frames() < 10_000 {
			t.Errorf("seed %d: %d faults, %d frames", seed, s.Applied(), s.Frames())
		}
		hashes[s.TraceHash()] = true
	}
	if len(hashes) != 20 {
		t.Errorf("%d runs of 20 seeds", len(hashes))
	}
}

// What the kernel does to toys, as hashes: to change one is to change the kernel,
// and what every seed means.
func TestKernelGoldens(t *testing.T) {
	var got bytes.Buffer
	for _, row := range []struct {
		name   string
		faults int
		cfg    Config
	}{
		{"quiet", 0, Config{}},
		{"faults", 40, Config{}},
		{"cores", 20, Config{BytesPerSecond: 10_000_000, Prices: Prices{Request: 20 * time.Microsecond, KiB: time.Microsecond}}},
	} {
		for seed := range uint64(5) {
			run := func() *Sim {
				cfg := row.cfg
				cfg.Seed = seed
				s := gossips(cfg, 5, 10, true)
				trouble(s, seed, row.faults, -1)
				s.Run(machine.Instant(2 * time.Second))
				return s
			}
			s := run()
			if again := run(); again.TraceHash() != s.TraceHash() {
				t.Errorf("%s seed %d: %016x and then %016x", row.name, seed, s.TraceHash(), again.TraceHash())
			}
			fmt.Fprintf(&got, "%s seed=%d events=%d frames=%d applied=%d losses=%d hash=%016x\n",
				row.name, seed, s.Events(), s.Frames(), s.Applied(), len(s.Losses()), s.TraceHash())
		}
	}
	const name = "testdata/kernel.golden"
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%swant\n%s", got.Bytes(), want)
	}
}

// Without one of 200 faults the draws are those of the run that has it.
func TestDrawsAreKeyed(t *testing.T) {
	t.Run("trouble", func(t *testing.T) { drawsAreKeyed(t, trouble) })
	t.Run("worse", func(t *testing.T) { drawsAreKeyed(t, worse) })
}

func drawsAreKeyed(t *testing.T, trouble func(s *Sim, seed uint64, n int, skip int)) {
	draws := func(skip int) map[uint64]bool {
		s := New(Config{Seed: 3, ReorderedSectors: machine.Always / 2, MisdirectedWrites: machine.Always / 4})
		set := make(map[uint64]bool)
		s.Drawn = func(id uint64) {
			if set[id] {
				t.Fatalf("draw %016x is drawn twice", id)
			}
			set[id] = true
		}
		// Senders whose frames do not depend on what they get: what a fault
		// changes in the machines is not the kernel's to answer for.
		for i := range 6 {
			add(s, uint32(i+1), fmt.Sprintf("t%d", i), ticker(fmt.Sprintf("t%d:1", (i+1)%6), uint64(i)))
		}
		trouble(s, 3, 200, skip)
		s.Run(machine.Instant(1500 * time.Millisecond))
		return set
	}
	all := draws(-1)
	for _, skip := range []int{0, 17, 63, 101, 150, 199} {
		less := draws(skip)
		same := 0
		for id := range less {
			if all[id] {
				same++
			}
		}
		if len(less) < 10_000 || same*100 < len(less)*99 {
			t.Errorf("without fault %d: %d of %d draws are the same", skip, same, len(less))
		}
	}
}

// ticker sends a frame every 100 us, numbered by when it is due, to a peer that
// it dials again whenever the connection ends.
func ticker(peer string, number uint64) func(t *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
	var conn machine.ConnID
	return func(t *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			t.deadline, conn = now.Mono, 0
			out.Dial(peer, 1)
		case machine.Opened:
			conn = in.Conn
		case machine.Closed:
			if in.Conn == conn || in.Conn == 0 {
				conn = 0
				out.Dial(peer, 1)
			}
		case machine.Tick:
			const every = machine.Instant(100 * time.Microsecond)
			due := uint64(now.Mono / every)
			if conn != 0 {
				out.Send(conn, frame(due, 8), machine.Ident{Class: uint16(due % 4), Key: number<<32 | due})
			}
			if due%10 == 0 {
				if err := t.files.Append("log", frame(due, 8)); err == nil {
					out.Sync("log", 0)
				} else if err != machine.ErrIO && err != machine.ErrNoSpace {
					panic(err)
				}
			}
			t.deadline = (now.Mono/every + 1) * every
		}
	}
}

// The first difference of two runs is found and put into words.
func TestLockstep(t *testing.T) {
	world := func(odd uint64) func() *Sim {
		return func() *Sim {
			s := gossips(Config{Seed: 1}, 4, 10, false)
			add(s, 50, "odd", ticker("g0:1", odd))
			return s
		}
	}
	until := machine.Instant(300 * time.Millisecond)
	if d, differ := Lockstep(world(1), world(1), until); differ {
		t.Errorf("one world differs from itself: %v", d)
	}
	d, differ := Lockstep(world(1), world(2), until)
	if !differ {
		t.Fatal("two worlds are alike")
	}
	lines := strings.Split(d.String(), "\n")
	if len(lines) != 3 || d.A.N != d.N || d.B.N != d.N || d.N < 10 || lines[1] == lines[2] {
		t.Errorf("%v", d)
	}
	for _, l := range lines[1:] {
		if !strings.Contains(l, " g") && !strings.Contains(l, " odd") || !strings.Contains(l, "s ") {
			t.Errorf("no node or time in %q", l)
		}
	}
	// One that ends earlier.
	stops := func() *Sim {
		s := world(1)()
		s.At(100*ms, s.Stop)
		return s
	}
	d, differ = Lockstep(world(1), stops, until)
	if !differ || d.A == nil || d.B != nil || !strings.Contains(d.String(), "the run has ended") {
		t.Errorf("%v", d)
	}
}

// Run is as far as it was told, steps nothing later, and goes on from there.
func TestRunInPieces(t *testing.T) {
	whole := gossips(Config{Seed: 2}, 4, 5, true)
	whole.Run(machine.Instant(time.Second))
	pieces := gossips(Config{Seed: 2}, 4, 5, true)
	calls := 0
	for at := machine.Instant(0); at <= machine.Instant(time.Second); at += 333_333 {
		pieces.Run(at)
		if pieces.Now() != at {
			t.Fatalf("ran to %d, want %d", pieces.Now(), at)
		}
		pieces.At(at+100, func() {
			if calls++; pieces.Now() != at+100 {
				t.Fatalf("called at %d, want %d", pieces.Now(), at+100)
			}
		})
	}
	pieces.Run(machine.Instant(time.Second))
	if calls < 3000 || whole.TraceHash() != pieces.TraceHash() || whole.Events() != pieces.Events() {
		t.Errorf("hash %x after %d events, in pieces %x after %d (%d calls)", whole.TraceHash(), whole.Events(), pieces.TraceHash(), pieces.Events(), calls)
	}
}

// After sees the machine after each step, may stop the run and may apply faults:
// a node that it kills does nothing of what the step asked for.
func TestAfter(t *testing.T) {
	s := New(Config{Latency: Fixed(time.Millisecond)})
	got := 0
	add(s, 1, "a", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			out.Dial("b:1", 1)
		case machine.Opened:
			out.Send(in.Conn, frame(1, 8), machine.Ident{})
			out.Dial("b:1", 2)
		}
	})
	add(s, 2, "b", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		if in.Kind == machine.Received {
			got++
		}
	})
	var steps []string
	s.After = func(node int) {
		steps = append(steps, s.Nodes()[node])
		if s.Inputs(machine.Opened) == 1 && s.Up("a") {
			if s.MachineAt(0) == nil || s.MachineAt(0) != s.Machine("a") {
				t.Error("there is no machine")
			}
			s.Crash("a")
			s.Stop()
		}
	}
	s.Run(machine.Instant(time.Second))
	if s.Now() != 2*ms {
		t.Errorf("stopped at %d", s.Now())
	}
	s.Run(machine.Instant(time.Second))
	if s.Machine("nobody") != nil || s.Up("nobody") || s.Bytes() != 0 || s.WallOffset("b") != 0 || s.Step() {
		t.Error("something is left")
	}
	if got != 0 || s.Up("a") || fmt.Sprint(steps) != "[a b b a b]" || s.Now() != machine.Instant(time.Second) {
		t.Errorf("b got %d frames, a is up: %t, steps %v, now %d", got, s.Up("a"), steps, s.Now())
	}
}

// A deadline that moves costs no events: at most a few ticks are queued.
func TestTicksDoNotPileUp(t *testing.T) {
	s := New(Config{Latency: Fixed(time.Millisecond)})
	most, ticks := 0, 0
	add(s, 1, "a", ticker("b:1", 1))
	add(s, 3, "d", ticker("c:1", 2))
	add(s, 4, "c", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		toy.deadline = machine.Instant(100 * time.Second) // whatever comes
	})
	b := add(s, 2, "b", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		most = max(most, s.queue.n)
		switch in.Kind {
		case machine.Received: // a request that may wait 10 s, and one that waits 5 ms
			if numberOf(in.Frame)%2 == 0 {
				toy.deadline = now.Mono.Add(10 * time.Second)
			} else {
				toy.deadline = now.Mono.Add(5 * time.Millisecond)
			}
		case machine.Tick:
			ticks++
			toy.deadline = machine.Never
		}
	})
	s.Run(machine.Instant(5 * time.Second))
	if most > 20 || s.Frames() < 90_000 {
		t.Errorf("up to %d events were queued with %d frames", most, s.Frames())
	}
	s.Crash("a")
	b.deadline = machine.Never
	s.Run(machine.Instant(50 * time.Second))
	if ticks > 1 {
		t.Errorf("%d ticks", ticks)
	}
}

// A tick comes exactly when it is wanted, also when the deadline moves to and
// fro, and at once when it has passed.
func TestTicks(t *testing.T) {
	s := New(Config{SyncFor: Fixed(10 * time.Millisecond)})
	var at []machine.Instant
	wants := []machine.Instant{300 * ms, 100 * ms, machine.Never}
	add(s, 1, "a", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		switch in.Kind {
		case machine.Start:
			out.Sync("x", 1)
			toy.deadline = 500 * ms
		case machine.DiskDone:
			toy.deadline = 80 * ms // earlier than what is queued
		case machine.Tick:
			at = append(at, now.Mono)
			toy.deadline, wants = wants[0], wants[1:]
		}
	})
	s.Run(machine.Instant(time.Second))
	if want := []machine.Instant{80 * ms, 300 * ms, 300 * ms}; !slices.Equal(at, want) {
		t.Errorf("ticks at %v, want %v", at, want)
	}
}

func TestTicksWithoutEnd(t *testing.T) {
	s := New(Config{})
	add(s, 1, "stuck", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) { toy.deadline = now.Mono })
	defer func() {
		p, is := recover().(*Panic)
		if !is || p.Node != "stuck" || !strings.Contains(p.Error(), "ticks at one instant") {
			t.Errorf("%v", p)
		}
	}()
	s.Run(machine.Instant(time.Second))
}

// A panic of a machine says where and when; one of the caller is let through.
func TestPanics(t *testing.T) {
	bug := errors.New("bug")
	s := New(Config{})
	add(s, 1, "a", func(toy *toy, now machine.Now, in *machine.Input, out *machine.Effects) {
		if in.Kind == machine.Tick {
			panic(bug)
		}
		toy.deadline = 5 * ms
	})
	s.At(3*ms, func() { panic("mine") })
	caught := func(f func()) (v any) {
		defer func() { v = recover() }()
		f()
		return nil
	}
	if v := caught(func() { s.Run(machine.Never) }); v != "mine" {
		t.Errorf("%v", v)
	}
	v := caught(func() { s.Run(machine.Never) })
	if p, is := v.(*Panic); !is || p.Node != "a" || p.At != 5*ms || p.Input != "tick" || !errors.Is(p, bug) {
		t.Errorf("%v", v)
	}
	for name, wrong := range map[string]func(){
		"a name twice": func() { add(s, 9, "a", nil) },
		"an id twice":  func() { add(s, 1, "z", nil) },
		"an address twice": func() {
			s.Add(NodeConfig{Name: "y", ID: 7, Listeners: []string{"a:1"}, Boot: func() machine.Machine { return nil }})
		},
		"no boot":          func() { s.Add(NodeConfig{Name: "x", ID: 6}) },
		"an unknown node":  func() { s.Crash("nobody") },
		"a negative time":  func() { New(Config{DialTimeout: -1}) },
		"negative bytes":   func() { New(Config{BytesPerSecond: -1}) },
		"negative latency": func() { Fixed(-1) },
	} {
		if caught(wrong) == nil {
			t.Errorf("%s: no panic", name)
		}
	}
}

// A file was replaced while its sync was under way: the answer to that sync
// does not undo a later one that came first.
func TestLateSyncOfAReplacedFile(t *testing.T) {
	s := New(Config{SyncFor: Fixed(10 * time.Millisecond)})
	add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
	s.Run(0)
	n := s.nodes[0]
	write := func(text string) {
		if err := n.files.Append("x", machine.Literal([]byte(text))); err != nil {
			t.Fatal(err)
		}
		s.sync(n, "x", 0)
	}
	write("old")
	if err := n.files.Remove("x"); err != nil {
		t.Fatal(err)
	}
	s.cfg.SyncFor = Fixed(time.Millisecond)
	write("new")
	s.Run(machine.Instant(time.Second))
	s.PowerLoss("a")
	if got := contents(n.files); got != `x="new" ` {
		t.Errorf("left is %s", got)
	}
}
