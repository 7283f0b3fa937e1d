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
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"join","g":"g","gen":3,"mem":"m"}`, "k1002 joins generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"sync","tps":["t-0"],"g":"g","gen":3,"mem":"m"}`, "k1002 is given its share of generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"heartbeat","g":"g","gen":3,"mem":"m"}`, "k1002 heartbeats in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1002,"f":"heartbeat","g":"g","gen":3,"mem":"m"}`, "k1002 asks: heartbeat in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"ev","p":1002,"f":"assigned","tps":["t-0","t-1"],"g":"g","gen":3,"mem":"m"}`, "k1002 is assigned t-0, t-1 in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1002,"f":"commit","g":"g","gen":3,"offs":{"t-0":[5,1]}}`, "k1002 asks to commit offset 5 of t-0 in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1002,"f":"commit","g":"g","gen":3}`, "k1002 asks: commit in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"commit","g":"g","offs":{"t-0":[5,1]}}`, "k1002 has committed offset 5 of t-0 for group g"},
		{`{"i":2,"t":30000000,"e":"info","id":2,"p":1002,"f":"commit","g":"g","gen":3,"offs":{"t-0":[5,1]}}`, "k1002 does not know whether it has committed offset 5 of t-0 in generation 3 of group g"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"txncommit","g":"g","gen":3,"offs":{"t-0":[5,1]},"x":4}`, "p1002 has committed offset 5 of t-0 for group g with transaction 4"},
		{`{"i":2,"t":30000000,"e":"inv","id":2,"p":1002,"f":"fetchc","tps":["t-0"],"g":"g"}`, "k1002 asks what group g has committed of t-0"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"fetchc","g":"g","offs":{"t-0":[null,null]}}`, "k1002 finds that group g has committed nothing of t-0"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"init","pid":9,"ep":1,"txid":"tx"}`, "p1002 is producer id 9 of tx, in epoch 1"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":1002,"f":"txcommit","pid":9,"x":1,"txid":"tx"}`, "p1002 is told of the commit of transaction 1"},
		{`{"i":2,"t":30000000,"e":"info","id":2,"p":1002,"f":"txabort","pid":9,"x":1,"txid":"tx"}`, "p1002 does not know of the abort of transaction 1"},
		{`{"i":2,"t":30000000,"e":"fail","id":2,"p":1002,"f":"txcommit","x":1}`, "p1002 is told that the commit of transaction 1 has failed"},
		{`{"i":2,"t":30000000,"e":"ok","id":2,"p":9,"f":"dump","m":[],"b":{"t-0":[[0,0,9,0,4,"txn"],[1,1,9,0,null,"abort"]]}}`,
			"the final read finds sequence 4 of producer id 9, epoch 0, at t-0@0; an abort marker of producer id 9, epoch 0, at t-0@1"},
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
	f.Add(`{"i":2,"e":"ok","f":"commit","g":"\u001b","offs":{"t-0":[5]},"b":{"t":[[1]]},"txid":"x","x":4}`)
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
