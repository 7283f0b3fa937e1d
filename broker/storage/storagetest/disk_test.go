package storagetest

import (
	"errors"
	"io/fs"
	"slices"
	"testing"

	"brokersim/broker/machine"
)

func text(s string) machine.Bytes { return machine.Literal([]byte(s)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPowerLoss(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *Disk) error // to the file, which holds "12345", synced
		torn int
		want string
	}{
		{"nothing", func(*Disk) error { return nil }, 9, "12345"},
		{"append, all lost", func(d *Disk) error { return d.Append("f", text("678")) }, 0, "12345"},
		{"append, torn", func(d *Disk) error { return d.Append("f", text("678")) }, 2, "1234567"},
		{"append, kept", func(d *Disk) error { return d.Append("f", text("678")) }, 9, "12345678"},
		{"truncate", func(d *Disk) error { return d.Truncate("f", 2) }, 9, "12345"},
		{"remove", func(d *Disk) error { return d.Remove("f") }, 9, "12345"},
		{"rename", func(d *Disk) error { return d.Rename("f", "g") }, 0, "12345"},
	} {
		d := New()
		d.Put("f", []byte("12345"))
		must(t, d.Append("new", text("xyz")))
		must(t, c.do(d))
		d.PowerLoss(c.torn)
		if got := string(d.Get("f")); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got, want := string(d.Get("new")), "xyz"[:min(c.torn, 3)]; got != want {
			t.Errorf("%s: a file that was not synced has %q, want %q", c.name, got, want)
		}
		d.PowerLoss(0)
		if got := string(d.Get("f")); got != c.want {
			t.Errorf("%s: %q after another power loss, want %q", c.name, got, c.want)
		}
	}
}

// What was read does not change, whatever is done to the file.
func TestReadsStay(t *testing.T) {
	d := New()
	must(t, d.Append("f", text("12345")))
	b, err := d.ReadAt("f", 1, 10)
	must(t, err)
	must(t, d.Truncate("f", 2))
	must(t, d.Append("f", text("abcdef")))
	if got := string(b.Contiguous()); got != "2345" {
		t.Errorf("read %q", got)
	}
	if got := string(d.Get("f")); got != "12abcdef" {
		t.Errorf("the file holds %q", got)
	}
}

func TestErr(t *testing.T) {
	d := New()
	must(t, d.Append("f", text("1")))
	d.Err = machine.ErrNoSpace
	for _, err := range []error{d.Append("f", text("2")), d.Truncate("f", 0), d.Rename("f", "g"), d.Remove("f")} {
		if err != machine.ErrNoSpace {
			t.Errorf("answered %v", err)
		}
	}
	if string(d.Get("f")) != "1" || !slices.Equal(d.List(), []string{"f"}) {
		t.Errorf("something has changed: %q", d.List())
	}
	d.Err = nil
	for _, err := range []error{d.Truncate("g", 0), d.Rename("g", "h")} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without a file: %v", err)
		}
	}
	if _, err := d.ReadAt("g", 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read without a file: %v", err)
	}
}
