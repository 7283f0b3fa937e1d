package sim

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// stream is one direction of one connection, as its sender knows it.
type stream struct {
	from string
	life int
	conn machine.ConnID
}

// talker does each millisecond what it was asked to, and writes down per stream
// what arrives.
type talker struct {
	w        *talk
	name     string
	life     int
	asked    []func(out *machine.Effects)
	conns    []machine.ConnID
	next     map[machine.ConnID]uint64 // number of the next frame to send
	ended    map[machine.ConnID]bool
	from     map[machine.ConnID]stream // who sends on a connection, from its first frame
	deadline machine.Instant
}

type talk struct {
	t       *rapid.T
	s       *Sim
	talkers map[string]*talker
	sent    map[stream]uint64
	got     map[stream]uint64
	ended   map[stream]bool // the sender or the receiver knows of the end
	streams []stream        // by the number that frames carry
}

func (k *talker) stream(c machine.ConnID) stream { return stream{k.name, k.life, c} }

func (k *talker) Deadline() machine.Instant { return k.deadline }

func (k *talker) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	t := k.w.t
	if in.Conn != 0 && k.ended[in.Conn] {
		t.Fatalf("%s got %v on connection %d, which had ended", k.name, in.Kind, in.Conn)
	}
	switch in.Kind {
	case machine.Opened, machine.Accepted:
		k.conns = append(k.conns, in.Conn)
	case machine.Closed:
		k.end(in.Conn)
	case machine.Received:
		b := in.Frame.Slice(8, 16).Contiguous()
		from := k.w.streams[numberOf(machine.Literal(b))]
		if known, ok := k.from[in.Conn]; ok && known != from {
			t.Fatalf("%s got frames of %v and %v on connection %d", k.name, known, from, in.Conn)
		}
		k.from[in.Conn] = from
		if n := numberOf(in.Frame); n != k.w.got[from] {
			t.Fatalf("%s got frame %d of %v, want %d", k.name, n, from, k.w.got[from])
		}
		k.w.got[from]++
		out.Work(machine.Work{Requests: 1})
	}
	for _, do := range k.asked {
		do(out)
	}
	k.asked = nil
	k.deadline = now.Mono.Add(time.Millisecond)
}

func (k *talker) end(c machine.ConnID) {
	if c == 0 {
		return
	}
	k.ended[c] = true
	k.w.ended[k.stream(c)] = true
	if from, ok := k.from[c]; ok {
		k.w.ended[from] = true
	}
	k.conns = slices.DeleteFunc(k.conns, func(x machine.ConnID) bool { return x == c })
}

func (k *talker) send(c machine.ConnID, n int, size int) func(out *machine.Effects) {
	return func(out *machine.Effects) {
		if k.ended[c] {
			return
		}
		st := k.stream(c)
		id := slices.Index(k.w.streams, st)
		if id < 0 {
			id, k.w.streams = len(k.w.streams), append(k.w.streams, st)
		}
		for range n {
			f := machine.Concat(frame(k.next[c], 8), frame(uint64(id), size))
			out.Send(c, f, machine.Ident{Class: uint16(k.next[c] % 3), Key: k.next[c]})
			k.next[c]++
			k.w.sent[st]++
		}
	}
}

// Connections skip, repeat and reorder nothing. Without faults that lose, and
// after all others are over, everything that was sent has arrived; with them,
// everything on connections that have not ended.
func TestConnections(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		losing := rapid.Bool().Draw(t, "losing")
		w := &talk{t: t, talkers: make(map[string]*talker), sent: make(map[stream]uint64), got: make(map[stream]uint64), ended: make(map[stream]bool)}
		w.s = New(Config{Seed: rapid.Uint64().Draw(t, "seed"), Prices: Prices{Request: time.Duration(rapid.IntRange(0, 1).Draw(t, "price")) * 100 * time.Microsecond}})
		names := []string{"a", "b", "c"}
		lives := map[string]int{}
		hw := rapid.SampledFrom([]Hardware{{}, {}, {NIC: NIC{BytesPerSecond: 10_000_000}, Prices: Prices{Request: 50 * time.Microsecond},
			GC: Interference{Every: 5 * time.Millisecond, For: Fixed(time.Millisecond)}}}).Draw(t, "hardware")
		for i, name := range names {
			w.s.Add(NodeConfig{Name: name, ID: uint32(i + 1), Listeners: []string{name + ":1"}, Cores: 1 + i, Hardware: hw, Boot: func() machine.Machine {
				lives[name]++
				k := &talker{w: w, name: name, life: lives[name], next: make(map[machine.ConnID]uint64), ended: make(map[machine.ConnID]bool), from: make(map[machine.ConnID]stream)}
				w.talkers[name] = k
				return k
			}})
		}
		node := rapid.SampledFrom(names)
		anyone := func(t *rapid.T) *talker { return w.talkers[node.Draw(t, "node")] }
		ask := func(t *rapid.T, f func(k *talker, c machine.ConnID) func(out *machine.Effects)) {
			k := anyone(t)
			if len(k.conns) == 0 {
				t.Skip("no connection")
			}
			k.asked = append(k.asked, f(k, rapid.SampledFrom(k.conns).Draw(t, "conn")))
		}
		dies := func(name string) {
			k := w.talkers[name]
			for c := range k.next {
				w.ended[k.stream(c)] = true
			}
			for _, from := range k.from {
				w.ended[from] = true
			}
		}
		ops := map[string]func(*rapid.T){
			"dial": func(t *rapid.T) {
				k, to := anyone(t), node.Draw(t, "to")
				k.asked = append(k.asked, func(out *machine.Effects) { out.Dial(to+":1", 1) })
			},
			"send": func(t *rapid.T) {
				n, size := rapid.IntRange(1, 5).Draw(t, "frames"), rapid.SampledFrom([]int{8, 100, 30_000}).Draw(t, "size")
				ask(t, func(k *talker, c machine.ConnID) func(out *machine.Effects) { return k.send(c, n, size) })
			},
			"stop": func(t *rapid.T) {
				ask(t, func(k *talker, c machine.ConnID) func(out *machine.Effects) {
					return func(out *machine.Effects) { out.StopReading(c) }
				})
			},
			"cut":  func(t *rapid.T) { w.s.Cut(node.Draw(t, "from"), node.Draw(t, "to")) },
			"heal": func(t *rapid.T) { w.s.Heal(node.Draw(t, "from"), node.Draw(t, "to")) },
			"slow": func(t *rapid.T) { w.s.Slow(node.Draw(t, "from"), node.Draw(t, "to"), time.Millisecond) },
			"clog": func(t *rapid.T) { w.s.Clog(node.Draw(t, "from"), node.Draw(t, "to")) },
			"throttle": func(t *rapid.T) {
				w.s.Throttle(node.Draw(t, "from"), node.Draw(t, "to"), rapid.Int64Range(0, 2).Draw(t, "MB/s")*1_000_000)
			},
			"drift":  func(t *rapid.T) { w.s.Drift(node.Draw(t, "node"), rapid.Int64Range(-500, 500).Draw(t, "ppm")) },
			"pause":  func(t *rapid.T) { w.s.Pause(node.Draw(t, "node")) },
			"resume": func(t *rapid.T) { w.s.Resume(node.Draw(t, "node")) },
			"run": func(t *rapid.T) {
				w.s.Run(w.s.Now().Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "us")) * time.Microsecond))
			},
		}
		if losing {
			ops["close"] = func(t *rapid.T) {
				ask(t, func(k *talker, c machine.ConnID) func(out *machine.Effects) {
					return func(out *machine.Effects) {
						if !k.ended[c] {
							k.end(c)
							out.Close(c)
						}
					}
				})
			}
			ops["reset"] = func(t *rapid.T) { w.s.Reset(node.Draw(t, "a"), node.Draw(t, "b")) }
			ops["reset after"] = func(t *rapid.T) { w.s.ResetAfterAccept(1, node.Draw(t, "a"), node.Draw(t, "b")) }
			ops["duplicate"] = func(t *rapid.T) {
				w.s.Duplicate(1, node.Draw(t, "a"), node.Draw(t, "b"), time.Duration(rapid.IntRange(0, 3000).Draw(t, "late us"))*time.Microsecond)
			}
			ops["drop"] = func(t *rapid.T) { w.s.Drop(2, node.Draw(t, "a"), node.Draw(t, "b"), 1) }
			ops["crash"] = func(t *rapid.T) {
				n := node.Draw(t, "node")
				if w.s.Up(n) {
					dies(n)
				}
				w.s.Crash(n)
			}
			ops["power loss"] = func(t *rapid.T) {
				n := node.Draw(t, "node")
				if w.s.Up(n) {
					dies(n)
				}
				w.s.PowerLoss(n)
			}
			ops["restart"] = func(t *rapid.T) { w.s.Restart(node.Draw(t, "node")) }
		}
		t.Repeat(ops)
		s := w.s // Peace.
		w.s.HealAll()
		w.s.RestartAll()
		for _, n := range names {
			w.s.Resume(n)
		}
		w.s.Run(w.s.Now().Add(5 * time.Second)) // whoever stood still has heard of its connections
		for i := range s.interferers {
			s.interferers[i].For = Fixed(0)
		}
		for _, n := range names {
			k := w.talkers[n]
			k.asked = append(k.asked, func(out *machine.Effects) {
				for _, c := range k.conns {
					out.Read(c)
					k.send(c, 1, 8)(out) // whoever has lost its peer hears of it
				}
			})
		}
		w.s.Run(w.s.Now().Add(5 * time.Second))
		for st, n := range w.sent { // unordered: each on its own
			if w.got[st] != n && !w.ended[st] {
				t.Fatalf("of %v arrived %d of %d frames, and nobody heard of an end", st, w.got[st], n)
			}
			if !losing && w.ended[st] {
				t.Fatalf("%v has ended without a reason", st)
			}
		}
		for _, n := range names {
			u := s.Usage(n)
			balanced(t, n+" cores", u.Cores)
			balanced(t, n+" NIC in", u.NICIn)
			balanced(t, n+" NIC out", u.NICOut)
		}
		if pending := w.s.queue.n; pending > 20 {
			t.Fatalf("%d events are queued at rest", pending)
		}
		for what, left := range map[string]int{
			"calls": len(s.calls.values) - len(s.calls.free), "works": len(s.runs.values) - len(s.runs.free),
			"syncs": len(s.disks.values) - len(s.disks.free), "dials": len(s.nowhere.values) - len(s.nowhere.free),
		} {
			if left != 0 {
				t.Fatalf("%d %s are left at rest", left, what)
			}
		}
		free := 0
		for _, c := range w.s.conns {
			if c.ends[0].phase == ended && c.ends[1].phase == ended {
				free++
			} else if c.ends[0].phase != open || c.ends[1].phase != open {
				t.Fatalf("connection %d is left in phases %d and %d", c.idx, c.ends[0].phase, c.ends[1].phase)
			}
		}
		if free != len(w.s.spare) {
			t.Fatalf("%d connections have ended, %d are spare", free, len(w.s.spare))
		}
	})
}

// The page cache against a map of byte slices. What was synced survives a loss of
// power, what was not is at most what was written, and no read ever changes.
func TestFiles(t *testing.T) {
	type read struct {
		got  machine.Bytes
		want []byte
	}
	type known struct { // what must survive
		prefix []byte
		whole  []byte // what there was since, at most
		exact  bool   // no truncation, removal or renaming since
	}
	rapid.Check(t, func(t *rapid.T) {
		s := New(Config{Seed: rapid.Uint64().Draw(t, "seed")})
		var hw Hardware
		if rapid.Bool().Draw(t, "hardware") {
			hw = Hardware{PageCache: 1, Disk: Disk{Drives: 2, Write: 1 << 20, Read: 1 << 20, Background: 1, Limit: 100, Expire: time.Millisecond}}
		}
		idler := &toy{deadline: machine.Never, step: func(*toy, machine.Now, *machine.Input, *machine.Effects) {}}
		s.Add(NodeConfig{Name: "a", ID: 1, Hardware: hw, Boot: func() machine.Machine { return idler }})
		s.Run(0)
		n := s.nodes[0]
		f := n.files
		model := map[string][]byte{}
		durable := map[string]*known{}
		var reads []read
		name := rapid.SampledFrom([]string{"x", "y", "z"})
		lost := 0
		check := func(t *rapid.T) {
			used := int64(0)
			for _, b := range model { // unordered: a sum
				used += int64(len(b))
			}
			if f.used != used {
				t.Fatalf("%d bytes are used, counted %d", used, f.used)
			}
			if got, want := f.List(), slices.Sorted(maps.Keys(model)); !slices.Equal(got, want) {
				t.Fatalf("files %v, want %v", got, want)
			}
			for name, want := range model { // unordered: each on its own
				size, ok := f.Size(name)
				got, err := f.ReadAt(name, 0, 1<<40)
				if !ok || err != nil || size != int64(len(want)) || !bytes.Equal(got.Contiguous(), want) {
					t.Fatalf("%s holds %d bytes %x (%v), want %d: %x", name, size, got.Contiguous(), err, len(want), want)
				}
			}
			for _, r := range reads {
				if !bytes.Equal(r.got.Contiguous(), r.want) {
					t.Fatalf("a read has changed: %x, was %x", r.got.Contiguous(), r.want)
				}
			}
		}
		changed := func(names ...string) {
			for _, n := range names {
				if k := durable[n]; k != nil {
					k.exact = false
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				name, size := name.Draw(t, "name"), rapid.SampledFrom([]int{0, 1, 10, 600, 30_000}).Draw(t, "size")
				b := bytes.Repeat([]byte{rapid.Byte().Draw(t, "fill")}, size)
				whole := machine.Concat(machine.Literal(b[:size/3]), machine.Literal(b[size/3:]))
				if rapid.Bool().Draw(t, "filler") {
					whole = machine.Concat(whole.Slice(0, int64(size/3)), machine.Filler(int64(size-size/3), uint64(size)))
					b = whole.AppendTo(nil)
				}
				if err := f.Append(name, whole); err != nil {
					t.Fatal(err)
				}
				model[name] = slices.Concat(model[name], b)
			},
			"truncate": func(t *rapid.T) {
				name := name.Draw(t, "name")
				size := rapid.IntRange(0, len(model[name])+1).Draw(t, "size")
				_, ok := model[name]
				if err := f.Truncate(name, int64(size)); (err == nil) != ok {
					t.Fatal(err)
				}
				if size < len(model[name]) {
					model[name] = slices.Clone(model[name][:size])
					changed(name)
				}
			},
			"rename": func(t *rapid.T) {
				from, to := name.Draw(t, "from"), name.Draw(t, "to")
				_, ok := model[from]
				if err := f.Rename(from, to); (err == nil) != ok {
					t.Fatal(err)
				}
				if ok && from != to {
					model[to] = model[from]
					delete(model, from)
					changed(from, to)
				}
			},
			"remove": func(t *rapid.T) {
				name := name.Draw(t, "name")
				if err := f.Remove(name); err != nil {
					t.Fatal(err)
				}
				delete(model, name)
				changed(name)
			},
			"read": func(t *rapid.T) {
				name := name.Draw(t, "name")
				want := model[name]
				off := rapid.IntRange(0, len(want)+2).Draw(t, "off")
				size := rapid.IntRange(0, len(want)+2).Draw(t, "n")
				got, err := f.ReadAt(name, int64(off), int64(size))
				if _, ok := model[name]; (err == nil) != ok {
					t.Fatal(err)
				}
				off = min(off, len(want))
				part := want[off:min(off+size, len(want))]
				if !bytes.Equal(got.Contiguous(), part) {
					t.Fatalf("read %x, want %x", got.Contiguous(), part)
				}
				reads = append(reads, read{got, slices.Clone(part)})
			},
			"sync": func(t *rapid.T) {
				name := name.Draw(t, "name")
				s.sync(n, name, 0)
				s.Run(s.Now().Add(500 * time.Millisecond)) // with what was under way, in any order
				delete(durable, name)
				if b, ok := model[name]; ok {
					durable[name] = &known{prefix: slices.Clone(b), exact: true}
				}
			},
			"sync late": func(t *rapid.T) { // an answer that never comes
				s.sync(n, name.Draw(t, "name"), 0)
			},
			"crash": func(t *rapid.T) {
				s.Crash("a")
				s.Restart("a")
			},
			"power loss": func(t *rapid.T) {
				before := len(s.losses)
				s.PowerLoss("a")
				s.Restart("a")
				for name, k := range durable { // unordered: each on its own
					if !k.exact {
						continue
					}
					size, ok := f.Size(name)
					got, err := f.ReadAt(name, 0, size)
					if !ok || err != nil || !bytes.HasPrefix(got.Contiguous(), k.prefix) {
						t.Fatalf("%s was synced with %x and has %x (%v)", name, k.prefix, got.Contiguous(), err)
					}
					written := model[name]
					if size > int64(len(written)) {
						t.Fatalf("%s has %d bytes, of which %d were written", name, size, len(written))
					}
					same := got.Contiguous()
					for i := range same { // all but the last sector, and that if it is not garbled
						if same[i] != written[i] && i < (len(same)-1)/sector*sector {
							t.Fatalf("byte %d of %s is %x, was written %x", i, name, same[i], written[i])
						}
					}
					reported := slices.ContainsFunc(s.losses[before:], func(l Loss) bool { return l.File == name })
					if reported == bytes.Equal(same, written) {
						t.Fatalf("%s held %x and holds %x; reported as lost: %t", name, written, same, reported)
					}
				}
				lost += len(s.losses) - before
				now := map[string][]byte{}
				for _, name := range f.List() {
					got, _ := f.ReadAt(name, 0, 1<<40)
					now[name] = slices.Clone(got.Contiguous())
				}
				model, durable = now, map[string]*known{}
				for name, b := range now { // unordered: each on its own
					durable[name] = &known{prefix: slices.Clone(b), exact: true}
				}
			},
			"": check,
		})
		s.Run(s.Now().Add(time.Minute)) // everything has been written back
		u := s.Usage("a")
		balanced(t, "drives", u.Drives)
		balanced(t, "syncs", u.Syncs)
		if d := u.Dirty; d.Present != 0 || d.Arrivals != d.Departures+d.Dropped || d.Held-d.Stayed > 2 || d.Stayed-d.Held > 2 {
			t.Fatalf("dirty bytes: %+v", d)
		}
		cached := int64(0)
		for _, i := range f.cache { // unordered: a sum
			if i.pages != nil {
				cached += int64(i.pages.cached)
			}
		}
		if cached != f.memory.held {
			t.Fatalf("%d blocks are in memory, counted %d", cached, f.memory.held)
		}
	})
}

// How a node finds a file after the power was lost: nothing, all and a part of
// what was not synced, and garbled ends, all happen.
func TestTornTails(t *testing.T) {
	const nothing, all, part, garbled = 0, 1, 2, 3
	var seen [4]int
	for seed := range uint64(400) {
		s := New(Config{Seed: seed})
		add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
		s.Run(0)
		f := s.nodes[0].files
		_ = f.Append("log", machine.Literal(bytes.Repeat([]byte("s"), 1000)))
		s.sync(s.nodes[0], "log", 0)
		s.Run(machine.Instant(time.Second))
		_ = f.Append("log", machine.Literal(bytes.Repeat([]byte("u"), 5000)))
		s.PowerLoss("a")
		size, _ := f.Size("log")
		got, _ := f.ReadAt("log", 0, size)
		if want := append(bytes.Repeat([]byte("s"), 1000), bytes.Repeat([]byte("u"), int(size)-1000)...); !bytes.Equal(got.Contiguous(), want) {
			seen[garbled]++
		}
		switch size {
		case 1000:
			seen[nothing]++
		case 6000:
			seen[all]++
		default:
			seen[part]++
		}
	}
	if seen[nothing] < 60 || seen[all] < 60 || seen[part] < 120 || seen[garbled] < 40 {
		t.Errorf("nothing %d, all %d, a part %d, garbled %d times", seen[nothing], seen[all], seen[part], seen[garbled])
	}
}

// However often a link changes its rate, there is one arrival queued for a
// connection that never rests.
func TestThrottledArrivals(t *testing.T) {
	s := New(Config{Seed: 1})
	for i, peer := range []string{"b", "a"} {
		add(s, uint32(i+1), []string{"a", "b"}[i], ticker(peer+":1", uint64(i)))
	}
	for i := range machine.Instant(100) {
		s.At(10*ms+i*ms, func() { s.Throttle("a", "b", int64(1-i%2)*100_000) })
	}
	s.Run(200 * ms)
	if s.Frames() < 3500 || s.queue.n > 20 {
		t.Errorf("%d frames, and %d events are queued", s.Frames(), s.queue.n)
	}
}
