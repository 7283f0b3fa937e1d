package sim

import (
	"bytes"
	"maps"
	"math/bits"
	"slices"
	"testing"
	"time"

	"brokersim/broker/machine"

	"pgregory.net/rapid"
)

// A disk with flaws against a model of what it must still hold: what was synced, by
// a sync that did not lie, is read back after each loss of power but for the bits
// that have rotted, the sectors that cannot be read and what one misdirected write
// has overwritten. What the page cache holds is always right. A file that is written
// anew is well again.
func TestBadDisk(t *testing.T) {
	type file struct {
		synced []byte // and kept in any case
		now    []byte
		hurt   bool // has flaws, or what was overwritten
		exact  bool // now is what the node must see: nothing of it was read from a bad disk
	}
	const big = 1 << 20
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Seed: rapid.Uint64().Draw(t, "seed")}
		if rapid.Bool().Draw(t, "reordered") {
			cfg.ReorderedSectors = machine.Always
		}
		if rapid.Bool().Draw(t, "misdirected") {
			cfg.MisdirectedWrites = machine.Always / 2
		}
		s := New(cfg)
		add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
		s.Run(0)
		n := s.nodes[0]
		f := n.files
		model := map[string]*file{}
		rots, latents := 0, 0 // since the last time that all files were well
		name := rapid.SampledFrom([]string{"x", "y"})
		fill := byte(0)
		write := func(t *rapid.T, name string, size int) {
			fill++
			b := bytes.Repeat([]byte{fill}, size)
			if err := f.Append(name, machine.Literal(b)); err != nil {
				t.Fatal(err)
			}
			m := model[name]
			if m == nil {
				m = &file{exact: true}
				model[name] = m
			}
			m.now = append(m.now, b...)
		}
		sync := func(name string) {
			s.sync(n, name, 0)
			s.Run(s.Now().Add(50 * time.Millisecond))
			if m := model[name]; m != nil && !f.faults.lies {
				m.synced = slices.Clone(m.now)
			}
		}
		// readable is what a file holds, with nothing where it cannot be read.
		readable := func(name string) (got []byte, bad int) {
			size, _ := f.Size(name)
			for at := int64(0); at < size; at += sector {
				b, err := f.ReadAt(name, at, min(sector, size-at))
				switch err {
				case nil:
					got = append(got, b.Contiguous()...)
				case machine.ErrIO:
					got = append(got, make([]byte, min(sector, size-at))...)
					bad++
				default:
					panic(err)
				}
			}
			return got, bad
		}
		check := func(t *rapid.T) {
			used := int64(0)
			for name, m := range model { // unordered: each on its own
				used += int64(len(m.now))
				got, err := f.ReadAt(name, 0, big)
				if m.exact && (err != nil || !bytes.Equal(got.Contiguous(), m.now)) {
					t.Fatalf("%s holds %x (%v), want %x", name, got.Contiguous(), err, m.now)
				}
			}
			if f.used != used {
				t.Fatalf("%d bytes are used, counted %d", used, f.used)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				write(t, name.Draw(t, "name"), rapid.SampledFrom([]int{1, 100, 512, 3000}).Draw(t, "size"))
			},
			"sync": func(t *rapid.T) { sync(name.Draw(t, "name")) },
			"lie":  func(t *rapid.T) { s.LieOnSync("a", rapid.Bool().Draw(t, "on")) },
			"bit rot": func(t *rapid.T) {
				before := s.Applied()
				name := name.Draw(t, "name")
				s.BitRot("a", name)
				if s.Applied() > before {
					model[name].hurt = true
					rots++
					model[name].exact = model[name].exact && f.Resident(name, 0, big)
				}
			},
			"latent error": func(t *rapid.T) {
				before := s.Applied()
				name := name.Draw(t, "name")
				s.LatentError("a", name)
				if s.Applied() > before {
					model[name].hurt = true
					latents++
					model[name].exact = model[name].exact && f.Resident(name, 0, big)
				}
			},
			"write anew": func(t *rapid.T) {
				name := name.Draw(t, "name")
				m := model[name]
				if m == nil {
					t.Skip("no file")
				}
				if err := f.Truncate(name, 0); err != nil {
					t.Fatal(err)
				}
				m.now = nil
				write(t, name, 700)
				s.LieOnSync("a", false)
				sync(name)
				*m = file{synced: m.synced, now: m.now, exact: true}
				if well := !slices.ContainsFunc(slices.Collect(maps.Values(model)), func(m *file) bool { return m.hurt }); well {
					rots, latents = 0, 0
				}
			},
			"crash": func(t *rapid.T) {
				s.Crash("a")
				s.Restart("a")
			},
			"power loss": func(t *rapid.T) {
				losses := len(s.losses)
				s.PowerLoss("a")
				s.Restart("a")
				bad := 0
				for _, name := range f.List() {
					m := model[name]
					got, unread := readable(name)
					bad += unread
					if len(got) < len(m.synced) {
						t.Fatalf("%s holds %d bytes of which %d were synced", name, len(got), len(m.synced))
					}
					var overwrites int64
					for _, l := range s.losses[losses:] {
						if l.File == name {
							overwrites = l.Overwrites
							seen["holes"] += int(l.Holes)
							seen["overwrites"] += int(overwrites)
						}
					}
					allowed := rots + int(overwrites) + unread*sector
					for i := range m.synced {
						if got[i] == m.synced[i] {
							continue
						}
						if allowed--; allowed < 0 {
							t.Fatalf("byte %d of %s is %x, was synced as %x (%d rots, %d latent errors, %d overwritten, %d sectors unread)", i, name, got[i], m.synced[i], rots, latents, overwrites, unread)
						}
						if overwrites == 0 && unread == 0 && bits.OnesCount8(got[i]^m.synced[i]) > rots {
							t.Fatalf("byte %d of %s is %x, was synced as %x: more than %d bits", i, name, got[i], m.synced[i], rots)
						}
						seen["rotten"]++
					}
					m.hurt = m.hurt || overwrites > 0
					*m = file{synced: got, now: slices.Clone(got), hurt: m.hurt, exact: unread == 0}
				}
				seen["unreadable"] += bad
				if bad > latents {
					t.Fatalf("%d sectors are unreadable after %d faults", bad, latents)
				}
				for name := range model { // unordered: each on its own
					if _, ok := f.Size(name); !ok {
						if model[name].synced != nil {
							t.Fatalf("%s is gone", name)
						}
						delete(model, name)
					}
				}
			},
			"": check,
		})
	})
	if testing.Short() {
		return // a fifth of the runs may well miss something
	}
	for _, what := range []string{"holes", "overwrites", "rotten", "unreadable"} {
		if seen[what] == 0 {
			t.Errorf("no %s in any run", what)
		}
	}
}

// In whatever order sectors reach the disk: what was synced is there, each sector of
// the rest is as it was written, or as it was before, and a later one may be there
// without an earlier.
func TestReorderedSectors(t *testing.T) {
	var holes, whole, nothing int
	for seed := range uint64(200) {
		s := New(Config{Seed: seed, ReorderedSectors: machine.Always})
		add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
		s.Run(0)
		f := s.nodes[0].files
		_ = f.Append("log", machine.Literal(bytes.Repeat([]byte("s"), 700)))
		s.sync(s.nodes[0], "log", 0)
		s.Run(machine.Instant(time.Second))
		_ = f.Append("log", machine.Literal(bytes.Repeat([]byte("u"), 1000)))
		s.PowerLoss("a")
		b, _ := f.ReadAt("log", 0, 1<<20)
		got := b.Contiguous()
		if !bytes.Equal(got[:700], bytes.Repeat([]byte("s"), 700)) {
			t.Fatalf("seed %d: what was synced is %q", seed, got[:700])
		}
		switch len(got) {
		case 700:
			nothing++
		case 1024, 1536, 1700:
		default:
			t.Fatalf("seed %d: %d bytes end within a sector", seed, len(got))
		}
		hole := false
		for at := 700; at < len(got); at = (at/sector + 1) * sector {
			to := min((at/sector+1)*sector, len(got))
			switch part := got[at:to]; {
			case bytes.Equal(part, make([]byte, to-at)):
				hole = true
			case bytes.Equal(part, bytes.Repeat([]byte("u"), to-at)):
			case to < len(got) || !s.losses[0].Garbled:
				t.Fatalf("seed %d: sector at %d is %q", seed, at, part)
			}
		}
		if hole {
			holes++
		}
		if hole != (len(s.losses) > 0 && s.losses[0].Holes > 0) {
			t.Fatalf("seed %d: hole: %t, reported %+v", seed, hole, s.losses)
		}
		if len(s.losses) == 0 {
			whole++
		}
	}
	if holes < 50 || whole < 5 || nothing < 5 {
		t.Errorf("%d holes, %d whole, %d nothing", holes, whole, nothing)
	}
}

// Any pattern of files.
func TestPatterns(t *testing.T) {
	for _, row := range []struct {
		pattern, file string
		want          bool
	}{
		{"", "orders-0/0.log", true},
		{"orders-0", "orders-0/0.log", true},
		{"orders-0/0.log", "orders-0/0.log", true},
		{"orders-*", "orders-0/0.log", true},
		{"orders-*/*.log", "orders-0/0.log", true},
		{"*", "orders-0/0.log", true},
		{"orders", "orders-0/0.log", false},
		{"orders-0/0", "orders-0/0.log", false},
		{"0.log", "orders-0/0.log", false},
		{"orders-0/0.log/x", "orders-0/0.log", false},
		{"[", "orders-0/0.log", false},
	} {
		if got := matches(row.pattern, row.file); got != row.want {
			t.Errorf("%q means %s: %t", row.pattern, row.file, got)
		}
	}
}

// What a disk is told to do at every power loss is what the world's configuration has
// it do with certainty, until it is mended.
func TestDisksThatReorderAndMisdirect(t *testing.T) {
	losses := func(cfg Config, faults func(*Sim)) []Loss {
		s := New(cfg)
		add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
		s.Run(0)
		faults(s)
		f := s.nodes[0].files
		for _, n := range []int{700, 3000} {
			_ = f.Append("log", machine.Literal(bytes.Repeat([]byte{byte(n)}, n)))
			if n == 700 {
				s.sync(s.nodes[0], "log", 0)
				s.Run(machine.Instant(time.Second))
			}
		}
		s.PowerLoss("a")
		return s.Losses()
	}
	nothing := func(*Sim) {}
	both := func(s *Sim) { s.ReorderSectors("a", true); s.MisdirectWrites("a", true) }
	differs := 0
	for seed := range uint64(50) {
		plain := losses(Config{Seed: seed}, nothing)
		always := losses(Config{Seed: seed, ReorderedSectors: machine.Always, MisdirectedWrites: machine.Always}, nothing)
		if told := losses(Config{Seed: seed}, both); !slices.Equal(told, always) {
			t.Errorf("seed %d: %v, and as configured %v", seed, told, always)
		}
		if mended := losses(Config{Seed: seed}, func(s *Sim) { both(s); s.MendDisk("a") }); !slices.Equal(mended, plain) {
			t.Errorf("seed %d: mended, and still %v, not %v", seed, mended, plain)
		}
		if !slices.Equal(plain, always) {
			differs++
		}
	}
	if differs < 40 {
		t.Errorf("only %d of 50 losses are other ones", differs)
	}
}
