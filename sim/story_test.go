package sim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"

	"github.com/cockroachdb/datadriven"
)

// Each file of testdata is a story: what puppets and faults do when, and what is
// delivered to whom. The ticks by which the puppets move are left out.
//
//	run [latency=1ms] [sync=1ms] [request=D] [bandwidth=N] [cores=N] [disk=N] [reordered] [misdirected] [until=1s] [seed=N]
//	1ms a dial b            its answers bear the tag that follows in order
//	3ms a send 1 class=2    on connection 1; also bytes=N key=N
//	5ms cut a b             faults: cut heal slow drop reset reset-after crash ...
func TestStories(t *testing.T) {
	datadriven.Walk(t, "testdata/stories", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "run" {
				t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
			}
			return runStory(t, d)
		})
	})
}

// puppet does at their times what its lines say, in whatever life it is.
type puppet struct {
	stage    *stage
	name     string
	files    machine.Files
	deadline machine.Instant
}

type line struct {
	at   machine.Instant
	who  string
	what []string
}

type stage struct {
	t     *testing.T
	s     *Sim
	lines map[string][]line // of each puppet, those to come
	out   strings.Builder
	tag   machine.Tag
}

func (p *puppet) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		p.files = in.Files
	}
	if in.Kind == machine.Received {
		out.Work(machine.Work{Requests: 1})
		if in.Frame.Len() > 8 { // longer ones are questions
			out.Send(in.Conn, frame(numberOf(in.Frame), 8), machine.Ident{Class: 99, Key: numberOf(in.Frame)})
		}
	}
	for len(p.stage.lines[p.name]) > 0 && p.stage.lines[p.name][0].at <= now.Mono {
		l := p.stage.lines[p.name][0]
		p.stage.lines[p.name] = p.stage.lines[p.name][1:]
		p.do(l, now, out)
	}
	p.deadline = machine.Never
	if rest := p.stage.lines[p.name]; len(rest) > 0 {
		p.deadline = rest[0].at
	}
}

func (p *puppet) Deadline() machine.Instant { return p.deadline }

func (p *puppet) do(l line, now machine.Now, out *machine.Effects) {
	st := p.stage
	arg := func(i int) string {
		if i < len(l.what) {
			return l.what[i]
		}
		st.t.Fatalf("%v: argument %d is missing", l, i)
		return ""
	}
	num := func(name string, otherwise int) int {
		for _, w := range l.what {
			if v, ok := strings.CutPrefix(w, name+"="); ok {
				n, err := strconv.Atoi(v)
				if err != nil {
					st.t.Fatal(err)
				}
				return n
			}
		}
		return otherwise
	}
	conn := func() machine.ConnID {
		n, err := strconv.Atoi(arg(1))
		if err != nil {
			st.t.Fatal(err)
		}
		return machine.ConnID(n)
	}
	say := func(format string, args ...any) {
		fmt.Fprintf(&st.out, "%s %s says: %s\n", seconds(st.s.now), p.name, fmt.Sprintf(format, args...))
	}
	check := func(err error) {
		if err != nil {
			say("%v", err)
		}
	}
	switch arg(0) {
	case "dial":
		st.tag++
		out.Dial(arg(1)+":1", st.tag)
	case "send":
		for i := range num("times", 1) {
			key := num("key", 0) + i
			out.Send(conn(), frame(uint64(key), num("bytes", 8)), machine.Ident{Class: uint16(num("class", 0)), Key: uint64(key)})
		}
	case "close":
		out.Close(conn())
	case "stop":
		out.StopReading(conn())
	case "read-on":
		out.Read(conn())
	case "work":
		out.Work(machine.Work{Requests: int64(num("requests", 1))})
	case "append":
		check(p.files.Append(arg(1), machine.Literal(bytes.Repeat([]byte(arg(2)), num("times", 1)))))
	case "truncate":
		check(p.files.Truncate(arg(1), int64(num("size", 0))))
	case "rename":
		check(p.files.Rename(arg(1), arg(2)))
	case "remove":
		check(p.files.Remove(arg(1)))
	case "sync":
		st.tag++
		out.Sync(arg(1), st.tag)
	case "load":
		st.tag++
		out.Load(arg(1), 0, 1<<30, st.tag)
	case "resident":
		say("%s resident: %t", arg(1), p.files.Resident(arg(1), 0, 1<<30))
	case "show":
		say("%s", strings.TrimSpace(contents(p.files)))
	case "read":
		b, err := p.files.ReadAt(arg(1), int64(num("off", 0)), int64(num("n", 0)))
		say("%s from %d: %s %v", arg(1), num("off", 0), inRuns(b.Contiguous()), err)
	case "clocks":
		say("mono %s, wall %d ms", seconds(now.Mono), now.Wall.Millis())
	case "panic":
		panic("a bug")
	default:
		st.t.Fatalf("%v: unknown", l)
	}
}

func contents(f machine.Files) string {
	var b strings.Builder
	for _, name := range f.List() {
		n, _ := f.Size(name)
		all, err := f.ReadAt(name, 0, n)
		if err != nil {
			fmt.Fprintf(&b, "%s: %v ", name, err)
			continue
		}
		fmt.Fprintf(&b, "%s=%s ", name, inRuns(all.Contiguous()))
	}
	return b.String()
}

// inRuns quotes text, the longer with repetitions counted, such as "a"*512 "b"*100.
func inRuns(text []byte) string {
	if len(text) < 100 {
		return strconv.Quote(string(text))
	}
	var runs []string
	for len(text) > 0 {
		n := 1
		for n < len(text) && text[n] == text[0] {
			n++
		}
		runs = append(runs, fmt.Sprintf("%q*%d", text[:1], n))
		if text = text[n:]; len(runs) == 8 && len(text) > 0 {
			runs = append(runs, fmt.Sprintf("and %d more", len(text)))
			break
		}
	}
	return strings.Join(runs, " ")
}

func runStory(t *testing.T, d *datadriven.TestData) (output string) {
	var latency, sync, request string
	var bandwidth, cores, disk, seed = 0, 1, 0, uint64(1)
	until := "1s"
	d.MaybeScanArgs(t, "latency", &latency)
	d.MaybeScanArgs(t, "sync", &sync)
	d.MaybeScanArgs(t, "request", &request)
	d.MaybeScanArgs(t, "bandwidth", &bandwidth)
	d.MaybeScanArgs(t, "cores", &cores)
	d.MaybeScanArgs(t, "disk", &disk)
	d.MaybeScanArgs(t, "until", &until)
	d.MaybeScanArgs(t, "seed", &seed)
	duration := func(text string) time.Duration {
		if text == "" {
			return 0
		}
		v, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%s: %v", d.Pos, err)
		}
		return v
	}
	fixed := func(text string) *Latency {
		if text == "" {
			text = "1ms"
		}
		return Fixed(duration(text))
	}
	st := &stage{t: t, lines: make(map[string][]line)}
	cfg := Config{Seed: seed, Latency: fixed(latency), SyncFor: fixed(sync), BytesPerSecond: int64(bandwidth), Prices: Prices{Request: duration(request)}}
	if d.HasArg("reordered") {
		cfg.ReorderedSectors = machine.Always
	}
	if d.HasArg("misdirected") {
		cfg.MisdirectedWrites = machine.Always
	}
	st.s = New(cfg)
	var names []string
	var world []line
	for text := range strings.Lines(d.Input) {
		f := strings.Fields(text)
		l := line{at: machine.Instant(duration(f[0])), who: f[1], what: f[2:]}
		if len(l.who) > 1 {
			l.what = f[1:]
			world = append(world, l)
			continue
		}
		if st.lines[l.who] == nil {
			names = append(names, l.who)
		}
		st.lines[l.who] = append(st.lines[l.who], l)
	}
	for _, name := range []string{"a", "b", "c"} {
		st.s.Add(NodeConfig{Name: name, ID: uint32(name[0]), Listeners: []string{name + ":1"}, Cores: cores, DiskBytes: int64(disk), Boot: func() machine.Machine {
			p := &puppet{stage: st, name: name, deadline: machine.Never}
			return p
		}})
	}
	for _, l := range world {
		st.s.At(l.at, func() { st.fault(l) })
	}
	st.s.Trace = func(e *TraceEvent) {
		if e.Kind != machine.Tick && (e.Kind != machine.Start || e.At > 0) {
			fmt.Fprintln(&st.out, e)
		}
	}
	defer func() {
		if v := recover(); v != nil {
			p, is := v.(*Panic)
			if !is {
				panic(v)
			}
			fmt.Fprintln(&st.out, p)
			output = st.out.String()
		}
	}()
	st.s.Run(machine.Instant(duration(until)))
	if s := st.s; len(s.runs.values) != len(s.runs.free) {
		t.Fatalf("%s: %d works, of which %d are free", d.Pos, len(s.runs.values), len(s.runs.free))
	}
	for _, l := range st.s.Losses() {
		fmt.Fprintf(&st.out, "%s %s lost: %s written=%d durable=%d kept=%d garbled=%t", seconds(l.At), l.Node, l.File, l.Written, l.Durable, l.Kept, l.Garbled)
		if l.Holes+l.Overwrites > 0 || l.Rotten || l.Wiped {
			fmt.Fprintf(&st.out, " holes=%d overwrites=%d rotten=%t wiped=%t", l.Holes, l.Overwrites, l.Rotten, l.Wiped)
		}
		st.out.WriteByte('\n')
	}
	return st.out.String()
}

func (st *stage) fault(l line) {
	s, w := st.s, l.what
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	dur := func(i int) time.Duration {
		v, err := time.ParseDuration(arg(i))
		if err != nil {
			st.t.Fatal(err)
		}
		return v
	}
	num := func(i int) int {
		v, err := strconv.Atoi(arg(i))
		if err != nil {
			st.t.Fatal(err)
		}
		return v
	}
	before := s.Applied()
	switch w[0] {
	case "cut":
		s.Cut(arg(1), arg(2))
	case "heal":
		s.Heal(arg(1), arg(2))
	case "heal-all":
		s.HealAll()
	case "slow":
		s.Slow(arg(1), arg(2), dur(3))
	case "drop":
		s.Drop(uint16(num(1)), arg(2), arg(3), num(4))
	case "reset":
		s.Reset(arg(1), arg(2))
	case "reset-after":
		s.ResetAfterAccept(uint16(num(1)), arg(2), arg(3))
	case "memory":
		s.LimitMemory(arg(1), int64(num(2)))
	case "duplicate":
		s.Duplicate(uint16(num(1)), arg(2), arg(3), dur(4))
	case "crash":
		s.Crash(arg(1))
	case "power-loss":
		s.PowerLoss(arg(1))
	case "restart":
		s.Restart(arg(1))
	case "restart-all":
		s.RestartAll()
	case "pause":
		s.Pause(arg(1))
	case "resume":
		s.Resume(arg(1))
	case "skew":
		s.SkewWall(arg(1), dur(2))
	case "drift":
		s.Drift(arg(1), int64(num(2)))
	case "clog":
		s.Clog(arg(1), arg(2))
	case "throttle":
		s.Throttle(arg(1), arg(2), int64(num(3)))
	case "append-error":
		s.FailAppends(arg(1), arg(2), true)
	case "append-well":
		s.FailAppends(arg(1), arg(2), false)
	case "sync-error":
		s.FailSyncs(arg(1), arg(2), true)
	case "sync-well":
		s.FailSyncs(arg(1), arg(2), false)
	case "sync-lies":
		s.LieOnSync(arg(1), arg(2) != "off")
	case "fill":
		s.FillDisk(arg(1), arg(2) != "off")
	case "stall":
		s.StallDisk(arg(1), arg(2) != "off")
	case "slow-disk":
		s.SlowDisk(arg(1), int64(num(2)))
	case "mend":
		s.MendDisk(arg(1))
	case "wipe":
		s.Wipe(arg(1))
	case "bit-rot":
		s.BitRot(arg(1), arg(2))
	case "latent-error":
		s.LatentError(arg(1), arg(2))
	default:
		st.t.Fatalf("unknown fault %v", w)
	}
	switch n := s.Applied() - before; {
	case n == 1:
		fmt.Fprintf(&st.out, "%s %s\n", seconds(s.now), strings.Join(w, " "))
	case n == 0:
		fmt.Fprintf(&st.out, "%s %s (does nothing)\n", seconds(s.now), strings.Join(w, " "))
	default:
		st.t.Fatalf("%v was counted %d times", w, n)
	}
}
