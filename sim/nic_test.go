package sim

import (
	"fmt"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// burst is a machine that sends frames of given lengths at given times, each on a
// connection of its own or all on one.
type burst struct {
	to     string
	one    bool
	at     []machine.Instant
	length []int
	open   []machine.ConnID
	next   int
}

func (b *burst) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		for range b.at {
			out.Dial(b.to, 1)
			if b.one {
				break
			}
		}
	case machine.Opened:
		b.open = append(b.open, in.Conn)
	case machine.Tick:
		for b.next < len(b.at) && b.at[b.next] <= now.Mono {
			out.Send(b.open[b.next%len(b.open)], frame(uint64(b.next), b.length[b.next]), machine.Ident{Key: uint64(b.next)})
			b.next++
		}
	}
}

func (b *burst) Deadline() machine.Instant {
	if b.next == len(b.at) {
		return machine.Never
	}
	return b.at[b.next]
}

// sender is a node that sends frames to "to".
func sender(s *Sim, id uint32, h Hardware, at []machine.Instant, length []int) {
	s.Add(NodeConfig{Name: fmt.Sprint("from", id), ID: id, Hardware: h, Boot: func() machine.Machine { return &burst{to: "to:1", at: at, length: length} }})
}

// oneByOne is a node that sends frames to "to" on one connection.
func oneByOne(s *Sim, id uint32, h Hardware, at []machine.Instant, length []int) {
	s.Add(NodeConfig{Name: fmt.Sprint("from", id), ID: id, Hardware: h, Boot: func() machine.Machine { return &burst{to: "to:1", one: true, at: at, length: length} }})
}

// arrivals runs a world in which "to" has hardware, and returns when frames came.
func arrivals(s *Sim, h Hardware, until machine.Instant) (at []machine.Instant) {
	s.Add(NodeConfig{Name: "to", ID: 1000, Listeners: []string{"to:1"}, Hardware: h, Boot: func() machine.Machine {
		return &toy{deadline: machine.Never, step: func(_ *toy, now machine.Now, in *machine.Input, _ *machine.Effects) {
			if in.Kind == machine.Received {
				at = append(at, now.Mono)
			}
		}}
	}})
	s.Run(until)
	return at
}

// bare is an interface without overhead of packets.
func bare(rate int64) Hardware {
	return Hardware{NIC: NIC{BytesPerSecond: rate, Payload: 1 << 40}}
}

const megabyte = 1_000_000

func TestFrameTakesItsTransferOnce(t *testing.T) {
	const latency = 200 * time.Microsecond
	at := []machine.Instant{1000 * ms}
	one := []int{megabyte}
	for _, row := range []struct {
		what     string
		from, to Hardware
		want     time.Duration
	}{
		{"nobody has hardware", Hardware{}, Hardware{}, 0},
		{"the sender", bare(100 * megabyte), Hardware{}, 10 * time.Millisecond},
		{"the receiver", Hardware{}, bare(100 * megabyte), 10 * time.Millisecond},
		{"both alike: cut-through", bare(100 * megabyte), bare(100 * megabyte), 10 * time.Millisecond},
		{"a slow sender", bare(50 * megabyte), bare(1000 * megabyte), 20 * time.Millisecond},
		{"a slow receiver", bare(1000 * megabyte), bare(50 * megabyte), 20 * time.Millisecond},
	} {
		s := New(Config{Latency: Fixed(latency)})
		sender(s, 1, row.from, at, one)
		got := arrivals(s, row.to, 2000*ms)
		if want := at[0].Add(latency + row.want); len(got) != 1 || got[0] != want {
			t.Errorf("%s: a frame of 1 MB comes at %v, want %d", row.what, got, want)
		}
	}
}

func TestSendersShareTheReceiver(t *testing.T) {
	s := New(Config{Latency: Fixed(time.Millisecond)})
	for id := range uint32(10) {
		sender(s, id+1, bare(100*megabyte), []machine.Instant{100 * ms}, []int{megabyte})
	}
	got := arrivals(s, bare(100*megabyte), 1000*ms)
	for i, at := range got {
		if want := 201 * ms; at != want {
			t.Errorf("frame %d of ten comes at %d, want %d: each has a tenth", i, at, want)
		}
	}
	if u := s.Usage("to").NICIn; len(got) != 10 || u.Peak < 10 || u.Present != 0 {
		t.Errorf("%d came, %+v", len(got), u)
	}
	// A receiver ten times as fast is no bottleneck for ten senders, and none of them
	// holds up another.
	s = New(Config{Latency: Fixed(time.Millisecond)})
	for id := range uint32(10) {
		sender(s, id+1, bare(100*megabyte), []machine.Instant{100 * ms}, []int{megabyte})
	}
	for i, at := range arrivals(s, bare(1000*megabyte), 1000*ms) {
		if want := 111 * ms; at != want {
			t.Errorf("frame %d of ten to a fast receiver comes at %d, want %d", i, at, want)
		}
	}
	// One sender to ten receivers shares its own.
	s = New(Config{Latency: Fixed(time.Millisecond)})
	sender(s, 1, bare(100*megabyte), []machine.Instant{100 * ms, 100 * ms, 100 * ms}, []int{megabyte, megabyte, 1000})
	got = arrivals(s, bare(1000*megabyte), 1000*ms)
	if want := "[101030000 121010000 121010000]"; fmt.Sprint(got) != want {
		t.Errorf("three frames of one sender come at %v, want %s", got, want)
	}
}

// A gigabit of Ethernet carries 118.66 MB/s of frames, as is published; a frame of
// one byte more than a packet takes two.
func TestPacketsHaveOverhead(t *testing.T) {
	const n = 1000
	s := New(Config{Latency: Fixed(time.Millisecond)})
	at, length := make([]machine.Instant, n), make([]int, n)
	for i := range n {
		at[i], length[i] = 100*ms, 1_460_000
	}
	sender(s, 1, Hardware{NIC: NIC{BytesPerSecond: 125 * megabyte}}, at, length)
	got := arrivals(s, Hardware{}, machine.Never)
	took := got[n-1].Sub(101 * ms)
	if rate := n * 1_460_000 * int64(time.Second) / int64(took); rate < 118_650_000 || rate > 118_670_000 {
		t.Errorf("1 Gbit/s carries %d bytes a second, published are 118.66 MB/s", rate)
	}
	c := New(Config{}).newNIC(NIC{BytesPerSecond: 1e9}, true)
	for _, row := range []struct{ bytes, wire int64 }{{0, 78}, {1, 79}, {1460, 1538}, {1461, 1461 + 156}, {2920, 3076}} {
		if got := c.wire(row.bytes); got != row.wire || c.takes(got*parts) != time.Duration(got) {
			t.Errorf("%d bytes are %d on the wire and take %v, want %d", row.bytes, got, c.takes(got*parts), row.wire)
		}
	}
}

// With credits a node sends at the rate of the burst until they are gone, then at
// the baseline, and after a rest at the burst again.
func TestCredits(t *testing.T) {
	nic := NIC{BytesPerSecond: 100 * megabyte, Burst: 400 * megabyte, Credits: 300 * megabyte, Payload: 1 << 40}
	var at []machine.Instant
	for i := range machine.Instant(1000) { // 1 GB
		at = append(at, 1000*ms+i/1000)
	}
	length := make([]int, len(at))
	for i := range length {
		length[i] = megabyte
	}
	at, length = append(at, 60_000*ms), append(length, 100*megabyte) // all credits are back
	s := New(Config{Latency: Fixed(0)})
	oneByOne(s, 1, Hardware{NIC: nic}, at, length)
	got := arrivals(s, Hardware{}, machine.Never)
	for _, row := range []struct {
		mb   int
		want time.Duration
	}{
		{100, 250 * time.Millisecond},
		{400, time.Second}, // 400 MB take 300 MB of credits, of which 100 came back meanwhile
		{500, 2 * time.Second},
		{1000, 7 * time.Second},
	} {
		if took := got[row.mb-1].Sub(1000 * ms); took < row.want-time.Millisecond || took > row.want+time.Millisecond {
			t.Errorf("%d MB have left after %v, want %v", row.mb, took, row.want)
		}
	}
	if took := got[1000].Sub(60_000 * ms); took != 250*time.Millisecond {
		t.Errorf("after a rest 100 MB take %v, want 250 ms", took)
	}
	// Nobody knows the bucket: only the baseline is sure.
	nic.Credits = 0
	if takes := New(Config{}).newNIC(nic, true).takes(megabyte * parts); takes != 10*time.Millisecond {
		t.Errorf("without credits 1 MB takes %v, want 10 ms", takes)
	}
}

// A bucket that is empty at first fills while less is sent than the baseline, and in the
// long run there is nothing but the baseline.
func TestSpentCredits(t *testing.T) {
	nic := NIC{BytesPerSecond: 100 * megabyte, Burst: 1000 * megabyte, Credits: 20 * megabyte, Drained: true, Payload: 1 << 40}
	at, length := []machine.Instant{1000 * ms, 2000 * ms, 2030 * ms}, []int{9 * megabyte, 9 * megabyte, 50 * megabyte}
	s := New(Config{Latency: Fixed(0)})
	oneByOne(s, 1, Hardware{NIC: nic}, at, length)
	got := arrivals(s, Hardware{}, machine.Never)
	// It has been filled for a second. 9 MB at the burst take 8.1 MB of credits; 50 MB
	// find the other 11.9 MB and 2.1 MB that came in 21 ms: 15.55.. MB at the burst.
	for i, want := range []time.Duration{9 * time.Millisecond, 9 * time.Millisecond, 360 * time.Millisecond} {
		if took := got[i].Sub(at[i]); took < want-time.Microsecond || took > want+time.Microsecond {
			t.Errorf("frame %d takes %v, want %v", i, took, want)
		}
	}
	// Filled from the beginning, the first one of 30 MB would burst; spent, none does.
	nic.Credits = 20 * megabyte
	s = New(Config{Latency: Fixed(0)})
	oneByOne(s, 1, Hardware{NIC: nic}, []machine.Instant{ms}, []int{30 * megabyte})
	if took := arrivals(s, Hardware{}, machine.Never)[0].Sub(ms); took < 298*time.Millisecond || took > 300*time.Millisecond {
		t.Errorf("30 MB at the beginning take %v, want the baseline's 300 ms", took)
	}
}

// A small frame does not wait for a large one of another connection, and the server
// never rests while anything waits.
func TestConnectionsShareAnInterface(t *testing.T) {
	s := New(Config{Latency: Fixed(0)})
	at, length := []machine.Instant{100 * ms, 101 * ms, 101 * ms}, []int{10 * megabyte, 1000, 5 * megabyte}
	sender(s, 1, bare(100*megabyte), at, length)
	got := arrivals(s, Hardware{}, machine.Never)
	for i, want := range []machine.Instant{at[1] + 30_000, at[1] + 100_010_000, at[0] + 150_010_000} {
		if got[i] != want {
			t.Errorf("the frame that comes as number %d comes at %d, want %d", i+1, got[i], want)
		}
	}
	u := s.Usage("from1").NICOut
	balanced(t, "out", u)
	if busy := time.Duration(u.Busy); busy != 150_010*time.Microsecond {
		t.Errorf("busy for %v", busy)
	}
}

// A throttle and its end, a cut and its heal, find frames that pass an interface.
func TestInterfaceUnderFaults(t *testing.T) {
	at := []machine.Instant{100 * ms, 100 * ms, 100 * ms}
	length := []int{megabyte, megabyte, megabyte}
	world := func() *Sim {
		s := New(Config{Latency: Fixed(time.Millisecond)})
		sender(s, 1, bare(100*megabyte), at, length)
		return s
	}
	for _, row := range []struct {
		what string
		at   map[machine.Instant]func(s *Sim)
		want string
	}{
		{"nothing", nil, "[131000000 131000000 131000000]"},
		{"a throttle", map[machine.Instant]func(s *Sim){50 * ms: func(s *Sim) { s.Throttle("from1", "to", 10*megabyte) }},
			"[201000000 301000000 401000000]"},
		{"the end of a throttle", map[machine.Instant]func(s *Sim){
			50 * ms:  func(s *Sim) { s.Throttle("from1", "to", 10*megabyte) },
			105 * ms: func(s *Sim) { s.Throttle("from1", "to", 0) },
		}, "[131000000 131000000 131000000]"}, // none is sooner than the interface lets it
		{"a cut", map[machine.Instant]func(s *Sim){
			90 * ms:  func(s *Sim) { s.Cut("from1", "to") },
			500 * ms: func(s *Sim) { s.Heal("from1", "to") },
		}, "[531000000 531000000 531000000]"},
	} {
		s := world()
		for when, f := range row.at { // unordered: each at its own time
			s.At(when, func() { f(s) })
		}
		if got := fmt.Sprint(arrivals(s, bare(100*megabyte), 2000*ms)); got != row.want {
			t.Errorf("%s: frames come at %s, want %s", row.what, got, row.want)
		}
	}
}

// The parts of a frame's way add up to the whole, each is what the hardware says,
// and who looks changes nothing.
func TestFramedTimesAddUp(t *testing.T) {
	run := func(look bool) (list []FrameTimes, hash uint64) {
		s := New(Config{Seed: 5, Latency: Fixed(time.Millisecond)})
		if look {
			s.Framed = func(f *FrameTimes) { list = append(list, *f) }
		}
		works := Hardware{NIC: NIC{BytesPerSecond: 100 * megabyte, Payload: 1 << 40}, Prices: Prices{Request: 3 * time.Millisecond}}
		s.Add(NodeConfig{Name: "b", ID: 2, Listeners: []string{"b:1"}, Hardware: works, Boot: func() machine.Machine {
			return &toy{deadline: machine.Never, step: func(_ *toy, _ machine.Now, in *machine.Input, out *machine.Effects) {
				if in.Kind == machine.Received {
					out.Work(machine.Work{Requests: 1})
					out.Send(in.Conn, frame(1, megabyte/10), machine.Ident{Class: 9})
				}
			}}
		}})
		s.Add(NodeConfig{Name: "a", ID: 1, Hardware: works, Boot: func() machine.Machine {
			return &toy{deadline: machine.Never, step: func(_ *toy, _ machine.Now, in *machine.Input, out *machine.Effects) {
				switch in.Kind {
				case machine.Start:
					out.Dial("b:1", 1)
				case machine.Opened:
					out.Work(machine.Work{Requests: 2})
					out.Send(in.Conn, frame(1, megabyte), machine.Ident{Class: 7, Key: 1})
					out.Send(in.Conn, frame(2, megabyte), machine.Ident{Class: 7, Key: 2})
				}
			}}
		}})
		s.Run(1000 * ms)
		return list, s.TraceHash()
	}
	list, hash := run(true)
	if _, blind := run(false); blind != hash {
		t.Error("looking at frames changes the run")
	}
	if len(list) != 4 {
		t.Fatalf("%d frames were seen, want 4", len(list))
	}
	part := func(from, to machine.Instant) time.Duration { return to.Sub(from) }
	for i, want := range []struct {
		class                                uint16
		core, out, way, in, wait, work, from time.Duration
	}{
		{7, 6 * time.Millisecond, 10 * time.Millisecond, 1 * time.Millisecond, 10 * time.Millisecond, 0, 3 * time.Millisecond, 0},
		{7, 6 * time.Millisecond, 20 * time.Millisecond, 1 * time.Millisecond, 10 * time.Millisecond, 0, 3 * time.Millisecond, 0},
		{9, 3 * time.Millisecond, 1 * time.Millisecond, 1 * time.Millisecond, 1 * time.Millisecond, 0, 0, 0},
		{9, 3 * time.Millisecond, 1 * time.Millisecond, 1 * time.Millisecond, 1 * time.Millisecond, 0, 0, 0},
	} {
		if i >= 2 {
			want.work = 0
		}
		var f *FrameTimes
		seen := 0
		for k := range list {
			if list[k].Ident.Class == want.class {
				if seen == i%2 {
					f = &list[k]
				}
				seen++
			}
		}
		takes := want.in
		got := []time.Duration{part(f.Asked, f.Left), part(f.Left, f.Gone), part(f.Gone, f.Reached.Add(takes)), part(f.Reached, f.Whole), part(f.Whole, f.Taken), part(f.Taken, f.Done)}
		if fmt.Sprint(got) != fmt.Sprint([]time.Duration{want.core, want.out, want.way, want.in, want.wait, want.work}) {
			t.Errorf("frame %d of class %d: core, out, way, in, wait, work are %v, want %+v", i%2, want.class, got, want)
		}
		if f.Cause == 0 || f.N <= f.Cause {
			t.Errorf("frame %d was sent by event %d and taken by %d", i, f.Cause, f.N)
		}
	}
}
