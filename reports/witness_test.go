package reports

import (
	"strings"
	"testing"
	"unicode"
)

// Each kind of line that the checker shows as evidence is said in words; any
// other is shown as it is.
func TestWitness(t *testing.T) {
	for _, row := range []struct{ line, want string }{
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1001,"f":"send","m":[["s","t-0",12]],"k":[7]}`, "p1001 sends record 12 (key 7) to t-0"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1001,"f":"send","m":[["s","t-0",12]],"k":["a"]}`, "p1001 sends record 12 (key a) to t-0"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1001,"f":"send","m":[["s","t-0","x"]],"k":[null]}`, "p1001 sends record x to t-0"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1001,"f":"send","m":[["s","t-0",12,1]]}`, "p1001 has record 12 acknowledged at t-0@1"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1001,"f":"send","m":[["s","t-0",12,null]]}`, "p1001 has record 12 acknowledged at t-0"},
		{`{"i":2,"t":30000000,"e":"info","id":2,"p":1001,"f":"send","m":[["s","t-0",12,1]]}`, "p1001 has record 12 acknowledged at t-0@1"},
		{`{"i":2,"t":30000000,"e":"info","id":2,"p":1001,"f":"send","m":[["s","t-0",12,null]]}`, ""},
		{`{"i":2,"t":30000000,"e":"fail","id":2,"p":1001,"f":"send","m":[["s","t-0",12,null,"NOT_LEADER"]]}`, ""},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"poll","m":[["p",{"t-0":[5,[12]]}]]}`, "k1002 finds record 12 at t-0@5"},
		{`{"i":2,"t":30000000,"e":"ev","p":1002,"f":"process","m":[["p",{"t-0":[5,[12]]}]]}`, "k1002 has processed record 12 at t-0@5"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":9,"f":"dump","m":[["p",{"t-0":[5,[12]]}]]}`, "the final read finds record 12 at t-0@5"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":9,"f":"dump","m":[],"at":{"t-0":{"end":1}}}`, "the final read is told that t-0 ends at 1"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"offsets","at":{"t-0":{"end":1,"ep":4}}}`, "k1002 is told that t-0 ends at 1 in leader epoch 4"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1002,"f":"poll"}`, "k1002 asks"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"poll","m":[],"at":{"t-0":{"ask":7}}}`, "k1002 goes on at t-0@7"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"poll","m":[["p",{"t-0":[5,[12,13]]}]]}`, ""},
		{`{"i":2,"t":30000000,"e":"ev","f":"leader","tp":"t-0","broker":"b2"}`, ""},
		{`not JSON`, ""},
	} {
		want := shown{"0.030 s", row.want, "event 2"}
		if row.want == "" {
			want = shown{What: row.line}
		}
		if got := show(row.line); got != want {
			t.Errorf("%s\n got %q\nwant %q", row.line, got, want)
		}
	}
}

// Whatever a history holds, evidence is one line that cannot speak to the
// terminal.
func FuzzWitness(f *testing.F) {
	f.Add(`{"i":2,"t":30000000,"e":"ok","id":2,"p":1001,"f":"send","m":[["s","t-0",12,1]]}`)
	f.Add(`{"i":2,"t":30000000,"e":"ok","id":2,"p":9,"f":"dump","m":[["p",{"t-0":[5,[12]]}]],"at":{"t-0":{"end":1}}}`)
	f.Add(`{"f":"send","m":[["s"]]}`)
	f.Add(`{"f":"dump","m":[["p",{}]],"at":{"\u001b[31m":{"end":1}}}`)
	f.Fuzz(func(t *testing.T, line string) {
		s := show(line)
		if strings.ContainsFunc(s.When+s.What+s.Event, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: %q", line, s)
		}
	})
}

func TestWarningsOfWhatIsNotModelled(t *testing.T) {
	got := Warnings([]string{"not modelled: broker.log.dirs", "c101 stays down", "not modelled: broker.a"})
	if strings.Join(got, "|") != "not modelled: broker.log.dirs, broker.a|c101 stays down" {
		t.Errorf("%q", got)
	}
}
