package sim

import (
	"strings"
	"testing"
	"time"

	"brokersim/broker/machine"
)

// Each row does something to a disk of one machine and loses the power. Over 200
// seeds every outcome is among those that are legal, and each of those comes up.
// "?" stands for a byte that was garbled.
func TestPowerLossOutcomes(t *testing.T) {
	slow, fast := Fixed(10*time.Millisecond), Fixed(time.Millisecond)
	for _, row := range []struct {
		name string
		do   func(d *testDisk)
		want string // separated by |
	}{
		{"a file that was never synced", func(d *testDisk) {
			d.append("x", "1")
		}, "|x=|x=1|x=?"},
		{"a rename", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.rename("x", "y")
		}, "x=1|y=1"},
		{"a rename that was synced", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.rename("x", "y")
			d.sync("y")
		}, "y=1"},
		{"a rename that was synced, and a removal that was not", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.rename("x", "y")
			d.sync("y")
			d.remove("y")
		}, "|y=1"},
		{"a rename that was synced before the old name was", func(d *testDisk) {
			d.s.cfg.SyncFor = slow
			d.append("x", "1")
			d.begin("x")
			d.s.cfg.SyncFor = fast
			d.rename("x", "y")
			d.sync("y")
			d.wait()
			d.remove("y")
			d.sync("y")
		}, ""},
		{"a rename that replaces", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.append("y", "2")
			d.sync("y")
			d.rename("y", "x")
		}, "x=1 y=2|x=2"},
		{"a rename, and another file of the old name", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.rename("x", "y")
			d.append("x", "")
		}, "x=1|y=1|x= y=1"},
		{"a removal", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.remove("x")
		}, "|x=1"},
		{"a removal that was synced", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.remove("x")
			d.sync("x")
		}, ""},
		{"a removal and a rename that a disk lied about", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.append("y", "2")
			d.sync("y")
			d.s.LieOnSync("a", true)
			d.remove("x")
			d.sync("x")
			d.rename("y", "z")
			d.sync("z")
		}, "x=1 y=2|y=2|x=1 z=2|z=2"},
		{"a truncation behind a sync that is under way", func(d *testDisk) {
			d.s.cfg.SyncFor = slow
			d.append("x", "1234")
			d.begin("x")
			d.truncate("x", 2)
			d.append("x", "5")
			d.wait()
		}, "x=1234|x=12|x=125|x=12?"},
		{"a sync that is answered before an earlier one", func(d *testDisk) {
			d.s.cfg.SyncFor = slow
			d.append("x", "1")
			d.begin("x")
			d.s.cfg.SyncFor = fast
			d.append("x", "2")
			d.sync("x")
			d.wait()
		}, "x=12"},
		{"a sync that the power cut off", func(d *testDisk) {
			d.s.cfg.SyncFor = slow
			d.append("x", "")
			d.sync("x")
			d.append("x", "1")
			d.begin("x")
			d.s.PowerLoss("a")
			d.s.Restart("a")
			d.truncate("x", 0)
			d.sync("x")
			d.wait()
		}, "x="},
		{"a file that was renamed while its sync was under way", func(d *testDisk) {
			d.append("x", "1")
			d.begin("x")
			d.rename("x", "y")
			d.wait()
		}, "x=1|y=1"},
		{"a name that was given away while a sync said that there was none", func(d *testDisk) {
			d.s.cfg.SyncFor = slow
			d.begin("x")
			d.s.cfg.SyncFor = fast
			d.append("x", "1")
			d.sync("x")
			d.wait()
		}, "x=1"},
		{"a poisoned file", func(d *testDisk) {
			d.append("x", "1")
			d.sync("x")
			d.s.FailSyncs("a", "x", true)
			d.append("x", "2")
			d.sync("x")
			d.s.FailSyncs("a", "x", false)
			d.sync("x")
		}, "x=1|x=12|x=1?"},
	} {
		t.Run(row.name, func(t *testing.T) {
			legal := make(map[string]int)
			for _, w := range strings.Split(row.want, "|") {
				legal[w] = 0
			}
			for seed := range uint64(200) {
				d := newTestDisk(t, seed)
				row.do(d)
				d.s.PowerLoss("a")
				got := d.String()
				if _, ok := legal[got]; !ok {
					t.Fatalf("seed %d leaves %q, want one of %q", seed, got, row.want)
				}
				legal[got]++
				// A second loss finds nothing to lose.
				losses := len(d.s.Losses())
				d.s.Restart("a")
				d.s.PowerLoss("a")
				if again := d.String(); again != got || len(d.s.Losses()) != losses {
					t.Fatalf("seed %d leaves %q, and after another power loss %q", seed, got, again)
				}
			}
			for w, n := range legal {
				if n == 0 {
					t.Errorf("%q never comes up", w)
				}
			}
		})
	}
}

// testDisk is the disk of a node that does nothing by itself.
type testDisk struct {
	t *testing.T
	s *Sim
	f *files
}

func newTestDisk(t *testing.T, seed uint64) *testDisk {
	s := New(Config{Seed: seed})
	add(s, 1, "a", func(*toy, machine.Now, *machine.Input, *machine.Effects) {})
	s.Run(0)
	return &testDisk{t, s, s.nodes[0].files}
}

func (d *testDisk) check(err error) {
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *testDisk) append(name, text string) {
	d.check(d.f.Append(name, machine.Literal([]byte(text))))
}
func (d *testDisk) truncate(name string, n int64) { d.check(d.f.Truncate(name, n)) }
func (d *testDisk) rename(from, to string)        { d.check(d.f.Rename(from, to)) }
func (d *testDisk) remove(name string)            { d.check(d.f.Remove(name)) }
func (d *testDisk) begin(name string)             { d.s.sync(d.s.nodes[0], name, 0) }
func (d *testDisk) wait()                         { d.s.Run(d.s.Now().Add(100 * time.Millisecond)) }

// sync waits for no more than the sync itself may take.
func (d *testDisk) sync(name string) {
	d.begin(name)
	if l := d.s.cfg.SyncFor; len(l.table) == 1 {
		d.s.Run(d.s.Now().Add(l.Median()))
	} else {
		d.wait()
	}
}

func (d *testDisk) String() string {
	var parts []string
	for _, name := range d.f.List() {
		b, err := d.f.ReadAt(name, 0, 1<<20)
		d.check(err)
		text := string(b.Contiguous())
		for _, l := range d.s.Losses() {
			if l.Garbled && l.File == name && len(text) > int(l.Durable) {
				text = text[:l.Durable] + strings.Repeat("?", len(text)-int(l.Durable))
			}
		}
		parts = append(parts, name+"="+text)
	}
	return strings.Join(parts, " ")
}
