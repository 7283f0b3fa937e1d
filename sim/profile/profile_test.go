package profile

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// Every sheet that comes with the package can be read, is named as its file,
// names each field of its kind or leaves out none of a group, and says of each
// value where it comes from.
func TestSheetsThatComeAlong(t *testing.T) {
	sources := Sources()
	used := make(map[string]bool)
	known := 0
	look := func(s *Sheet, err error, name string) {
		if err != nil {
			t.Error(err)
			return
		}
		if s.Name != name || s.About == "" {
			t.Errorf("%s.json is named %q, about %q", name, s.Name, s.About)
		}
		for _, f := range s.Fields() {
			v := s.Get(f)
			if !v.Known {
				continue
			}
			known++
			used[v.Source] = true
			if _, ok := sources[v.Source]; !ok && !v.Unverified && strings.IndexByte(v.Source, ' ') < 0 && v.Source != "redis.conf" {
				t.Errorf("%s: %s comes from %q, which is not in sources.json", name, f, v.Source)
			}
		}
	}
	for _, name := range HardwareNames() {
		s, err := Hardware(name)
		look(s, err, name)
	}
	for _, name := range CostNames() {
		s, err := Costs(name)
		look(s, err, name)
	}
	for key := range sources {
		if !used[key] && key != "aws-msk-2022" {
			t.Errorf("no value comes from %s", key)
		}
	}
	if known < 200 || len(HardwareNames()) < 27 || len(CostNames()) != 3 {
		t.Errorf("%d values in %d profiles and %d cost sheets", known, len(HardwareNames()), len(CostNames()))
	}
}

// What a published table says of one machine, to the last byte.
func TestHardwareOfI3en(t *testing.T) {
	s, err := Hardware("aws-i3en.2xlarge")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Times(DiskWrite, 1_000_000); got != 327_500_000 {
		t.Errorf("a drive writes %d bytes a second, want 327,500,000", got)
	}
	if got := s.Times(NICBaseline, 8_000_000); got != 8_400_000_000 {
		t.Errorf("the network has %d bit/s, want 8.4 Gbit/s", got)
	}
	if v := s.Get(NICCredits); v.Known {
		t.Errorf("nobody has published the bucket of credits, and it is %v", v)
	}
	m, err := Hardware("msk-m5.large")
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Times(DiskWrite, 1_000_000); got != 81<<20 {
		t.Errorf("an m5.large writes %d bytes a second, want 81 MiB", got)
	}
}

func TestNumbers(t *testing.T) {
	for _, row := range []struct {
		text string
		want Number
		err  string
	}{
		{"0", 0, ""},
		{"327.5", 327_500_000, ""},
		{"0.000001", 1, ""},
		{"1000000000000", maxNumber, ""},
		{"1.06", 1_060_000, ""},
		{"", 0, "is no number"},
		{"1.", 0, "is no number"},
		{".5", 0, "is no number"},
		{"-1", 0, "is no number"},
		{"1e3", 0, "is no number"},
		{"1.0000001", 0, "more than 6 digits"},
		{"1000000000001", 0, "is above 1000000000000"},
		{"99999999999999999999", 0, "is above"},
	} {
		n, err := ParseNumber(row.text)
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%q: %v, %v; want an error with %q", row.text, n, err, row.err)
			}
			continue
		}
		if n != row.want || err != nil {
			t.Errorf("%q is %d, %v; want %d", row.text, n, err, row.want)
		}
		if back, err := ParseNumber(n.String()); back != n || err != nil {
			t.Errorf("%d prints as %s and reads as %d, %v", n, n, back, err)
		}
	}
	if got := Number(maxNumber).Times(1 << 40); got != 1<<63-1 {
		t.Errorf("what is too much is %d", got)
	}
	if got := Number(1_500_000).Times(3); got != 4 {
		t.Errorf("1.5 times 3 rounded down is %d", got)
	}
}

const good = `{
  "name": "mine",
  "cpu": {"cores": {"value": 4, "source": "nproc", "as_of": "2026-01-31"}},
  "disk": {
    "count": {"value": 1, "source": "lsblk", "as_of": "2026-01"},
    "write_MBps": null,
    "fsync_p50_ms": {"value": 1, "source": "fio", "as_of": "2026"}
  }
}
`

func TestParse(t *testing.T) {
	s, err := ParseHardware("mine.json", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if s.Times(Cores, 1) != 4 || s.Get(DiskWrite).Known || s.Get(FsyncMedian).Source != "fio" {
		t.Errorf("read as %+v", s)
	}
	for _, row := range []struct{ replace, by, want string }{
		{`"write_MBps": null`, `"wirte_MBps": null`, `mine.json:6: a disk has no "wirte_MBps"; did you mean "write_MBps"?`},
		{`"disk"`, `"disc"`, `mine.json:4: a hardware profile has no "disc"; did you mean "disk"?`},
		{`"source": "lsblk"`, `"sauce": "lsblk"`, `mine.json:5: a disk.count has no "sauce"; did you mean "source"?`},
		{`"value": 4`, `"value": 4.5`, `mine.json:3: cpu.cores: 4.5 is not a whole number`},
		{`"value": 4`, `"value": 0`, `mine.json:3: cpu.cores: 0 is not from 1 to 4096`},
		{`"value": 4`, `"value": -4`, `mine.json:3: cpu.cores: "-4" is no number such as 327.5`},
		{`"value": 4`, `"value": "4"`, `mine.json:3: cpu.cores: the value is no number`},
		{`, "source": "nproc"`, ``, `mine.json:3: cpu.cores needs a source and an as_of beside its value`},
		{`"2026-01-31"`, `"yesterday"`, `mine.json:3: cpu.cores: as_of "yesterday" is neither a year nor a date such as 2020-08`},
		{`"2026-01-31"`, `2026`, `mine.json:3: as_of is no text in quotes`},
		{`"name": "mine",`, ``, `mine.json:9: a hardware profile needs a name`},
		{`"write_MBps": null,`, `"count": null,`, `mine.json:6: "count" stands twice`},
		{`"write_MBps": null`, `"fsync_p99_ms": {"value": 0.5, "source": "fio", "as_of": "2026"}`, `mine.json:9: disk.fsync_p50_ms 1 is above disk.fsync_p99_ms 0.5`},
		{`"write_MBps": null`, `"write_MBps": 300`, `mine.json:6: here should be an object: { ... }`},
		{`"write_MBps": null,`, `"write_MBps": nil,`, `mine.json:6: invalid character 'i' in literal null (expecting 'u')`},
		{"\n}\n", "\n}\n{}", `mine.json:10: something follows the end`},
		{"\n}\n", "\n", `mine.json:8: the file ends too early`},
	} {
		text := strings.Replace(good, row.replace, row.by, 1)
		if text == good {
			t.Fatalf("%s is not there", row.replace)
		}
		if _, err := ParseHardware("mine.json", []byte(text)); err == nil || err.Error() != row.want {
			t.Errorf("%s:\n got %v\nwant %s", row.by, err, row.want)
		}
	}
	if _, err := ParseHardware("big.json", make([]byte, maxFile+1)); err == nil {
		t.Error("a file of more than a MiB is read")
	}
}

func TestUnknownNames(t *testing.T) {
	_, err := Hardware("i3en.2xlarge")
	if want := `there is no hardware profile "i3en.2xlarge"; did you mean "aws-i3en.2xlarge"?`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, err = Costs("kafak")
	if want := `there is no cost sheet "kafak"; did you mean "kafka"?`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMissingAndSet(t *testing.T) {
	s, err := Hardware("aws-i4i.2xlarge")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Missing(Cores, FsyncMedian, NICBaseline); !slices.Equal(got, []Field{FsyncMedian, NICBaseline}) {
		t.Errorf("missing are %v", got)
	}
	err = s.Need(Cores, NICBaseline)
	if err == nil || !strings.HasPrefix(err.Error(), `hardware profile "aws-i4i.2xlarge" has no nic.baseline_MBps: find nic.baseline_MBps with `+"`iperf3 ") ||
		!strings.HasSuffix(err.Error(), "or give it with --set nic.baseline_MBps=NUMBER") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	c := s.Clone()
	if err := c.Set("nic.baseline_MBps", "250.5"); err != nil {
		t.Error(err)
	}
	if err := c.Need(NICBaseline); err != nil || c.Times(NICBaseline, 2) != 501 {
		t.Errorf("%v, %d", err, c.Times(NICBaseline, 2))
	}
	if s.Get(NICBaseline).Known {
		t.Error("setting a copy changes what it was copied from")
	}
	for _, row := range []struct{ name, text, want string }{
		{"nic.basline_MBps", "1", `a hardware profile has no field "nic.basline_MBps"; did you mean "nic.baseline_MBps"?`},
		{"cpu.cores", "many", `cpu.cores: "many" is no number such as 327.5`},
		{"cpu.cores", "0", `cpu.cores: 0 is not from 1 to 4096`},
		{"nic.burst_MBps", "100", `nic.baseline_MBps 250.5 is above nic.burst_MBps 100`},
	} {
		if err := c.Set(row.name, row.text); err == nil || err.Error() != row.want {
			t.Errorf("%s=%s:\n got %v\nwant %s", row.name, row.text, err, row.want)
		}
	}
	if c.Get(NICBurst).Known || c.Times(Cores, 1) != 8 {
		t.Error("what was refused was set")
	}
	if err := c.Set("cpu.cores", "null"); err != nil || c.Need(Cores) == nil {
		t.Errorf("%v: null is not unknown", err)
	}
}

// Every field has a line in the page that says how to measure it.
func TestPageNamesEveryField(t *testing.T) {
	page, err := fs.ReadFile(data, "data/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*kind{hardware, costs} {
		for _, f := range k.fields {
			if !strings.Contains(string(page), "| `"+string(f.name)+"` | "+f.measure+" |\n") {
				t.Errorf("data/README.md has no line | `%s` | %s |", f.name, f.measure)
			}
		}
	}
}

// No text makes the parser panic, and what is accepted obeys the rules.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add(`{"name":"x","gc":{"every_s":{"value":5,"source":"s","as_of":"2026"}}}`)
	f.Add(`{"name":"x","disk":null}`)
	f.Add(`[`)
	f.Add("{\"name\"\x00")
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range []*kind{hardware, costs} {
			s, err := k.parse("f", []byte(text))
			if err != nil {
				if !strings.HasPrefix(err.Error(), "f:") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q is not one line with a position", err)
				}
				continue
			}
			for _, field := range k.fields {
				if v := s.Get(field.name); v.Known && (field.accepts(v.Number) != nil || v.Source == "" || v.AsOf == "") {
					t.Errorf("%s is %+v", field.name, v)
				}
			}
		}
	})
}
