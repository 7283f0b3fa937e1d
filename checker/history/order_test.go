package history

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

const simHead = `{"v":1,"kind":"log-history","seed":"0x7","unique":true,"topics":{"orders":{"parts":3,"rf":3,"cleanup":"delete"},"pay":{"parts":1,"rf":3,"cleanup":"compact"}},"tps":["orders-0","orders-1","orders-2","pay-0"],"promise":{"from":"derived","properties":["no-acked-loss"]},"set":{"acks":"all","idem":true,"iso":"ru","sub":"assign","reset":"earliest","minisr":2,"flush":"page-cache"},"from":"sim"}`

const (
	sent   = `{"i":0,"t":10,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-0",11],["s","orders-1",12]],"k":[5,6]}`
	listed = `{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"offsets","tps":["orders-0"],"spec":"latest"}`
	dumped = `{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"dump","fin":true,"tps":["orders-0","pay-0"]}`
)

// edits are lines of a simulation, as they are and edited by hand. Where foreign
// is set, a history from elsewhere may have the bad line too.
var edits = []struct {
	name      string
	before    []string
	good, bad string
	want      string
	foreign   bool
}{
	{"partition", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]],"k":[5,6]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-2",12,0]],"k":[5,6]}`,
		`line 3:79: operation 1 sent this record to "orders-1", not "orders-2"`, true},
	{"value", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",13,0],["s","orders-1",12,0]]}`,
		`line 3:57: operation 1 sent value 11, not 13`, true},
	{"named value", []string{strings.ReplaceAll(sent, "11]", `"a"]`)},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0","a",0],["s","orders-1",12,0]]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0","b",0],["s","orders-1",12,0]]}`,
		`line 3:57: operation 1 sent value a, not b`, true},
	{"value of what failed", []string{sent},
		`{"i":1,"t":20,"e":"fail","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null,"X"],["s","orders-1",12,null,"X"]]}`,
		`{"i":1,"t":20,"e":"fail","id":1,"p":1001,"f":"send","m":[["s","orders-0",12,null,"X"],["s","orders-1",11,null,"X"]]}`,
		`line 3:59: operation 1 sent value 11, not 12`, true},
	{"key", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]],"k":[5,6]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]],"k":[5,7]}`,
		`line 3:105: operation 1 sent value 12 with key 6, not 7`, true},
	{"no key", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]],"k":[5,6]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]],"k":[5,null]}`,
		`line 3:105: operation 1 sent value 12 with key 6, not null`, true},
	{"number of records", []string{sent},
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null],["s","orders-1",12,null]]}`,
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null]]}`,
		`line 3:57: operation 1 sent 2 record(s) and completes 1`, true},
	{"no records", []string{sent},
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null],["s","orders-1",12,null]]}`,
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send"}`,
		`line 3: operation 1 sent 2 record(s) and completes 0`, true},
	{"process", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1002,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]]}`,
		`line 3:35: operation 1 was invoked by process 1001, not 1002`, false},
	{"function", []string{sent},
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":1001,"f":"poll"}`,
		`line 3: operation 1 was invoked as send and completes as poll`, false},
	{"id", []string{sent},
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null],["s","orders-1",12,null]]}`,
		`{"i":1,"t":20,"e":"info","id":2,"p":1001,"f":"send","m":[["s","orders-0",11,null],["s","orders-1",12,null]]}`,
		`line 3: info of operation 2, which was not invoked or has completed`, false},
	{"completed twice", []string{`{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"poll"}`, `{"i":1,"t":10,"e":"ok","id":1,"p":2001,"f":"poll"}`},
		`{"i":2,"t":10,"e":"inv","id":2,"p":2001,"f":"poll"}`,
		`{"i":2,"t":10,"e":"ok","id":1,"p":2001,"f":"poll"}`,
		`line 4: ok of operation 1, which was not invoked or has completed`, false},
	{"invoked twice", []string{`{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"poll"}`},
		`{"i":1,"t":10,"e":"inv","id":0,"p":2001,"f":"poll"}`,
		`{"i":1,"t":10,"e":"inv","id":1,"p":2001,"f":"poll"}`,
		`line 3: operation 1 was invoked already`, false},
	{"processed as what is under way", []string{`{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"poll"}`},
		`{"i":1,"t":10,"e":"ok","id":2,"p":2001,"f":"process"}`,
		`{"i":1,"t":10,"e":"ok","id":1,"p":2001,"f":"process"}`,
		`line 3:29: operation 1 is under way as poll: process is another operation`, false},
	{"completed by the dead", []string{`{"i":0,"t":10,"e":"inv","id":1,"p":2001,"f":"poll"}`, `{"i":1,"t":10,"e":"inv","id":2,"p":2002,"f":"poll"}`, `{"i":2,"t":10,"e":"ev","p":2001,"f":"crash"}`},
		`{"i":3,"t":10,"e":"ok","id":2,"p":2002,"f":"poll"}`,
		`{"i":3,"t":10,"e":"ok","id":1,"p":2001,"f":"poll"}`,
		`line 5: ok of operation 1, which was not invoked or has completed`, true},
	{"operation as event", []string{sent},
		`{"i":1,"t":20,"e":"info","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,null],["s","orders-1",12,null]]}`,
		`{"i":1,"t":20,"e":"ev","id":1,"p":1001,"f":"send","m":[["s","orders-0",11,0],["s","orders-1",12,0]]}`,
		`line 3:19: ev of send, which is an operation: it is "inv", "ok", "fail" or "info"`, false},
	{"event as operation", nil,
		`{"i":0,"t":20,"e":"ev","f":"leader","tp":"orders-1","broker":"b1","ep":1}`,
		`{"i":0,"t":20,"e":"ok","f":"leader","tp":"orders-1","broker":"b1","ep":1}`,
		`line 2:19: ok of leader, which is no operation: it is an "ev"`, false},
	{"failed to process", nil,
		`{"i":0,"t":10,"e":"ok","id":1,"p":2001,"f":"process"}`,
		`{"i":0,"t":10,"e":"fail","id":1,"p":2001,"f":"process"}`,
		`line 2:19: fail of process: it is one event, "ok" or "ev"`, false},
	{"number of a partition", nil,
		`{"i":0,"t":10,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-2",11]]}`,
		`{"i":0,"t":10,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-7",11]]}`,
		`line 2:62: unknown partition "orders-7": topic orders has 3; did you mean "orders-2"?`, true},
	{"topic", nil,
		`{"i":0,"t":10,"e":"ok","id":1,"p":2001,"f":"process","m":[["p",{"orders-2":[0,[1]]}]]}`,
		`{"i":0,"t":10,"e":"ok","id":1,"p":2001,"f":"process","m":[["p",{"odrers-2":[0,[1]]}]]}`,
		`line 2:65: partition "odrers-2" of an unknown topic; did you mean "orders-2"?`, true},
	{"topic like none", nil,
		`{"i":0,"t":10,"e":"ev","f":"leader","tp":"orders-1"}`,
		`{"i":0,"t":10,"e":"ev","f":"leader","tp":"quarantine-1"}`,
		`line 2:42: partition "quarantine-1" of an unknown topic: the topics are orders, pay`, true},
	{"partition without a number", nil,
		`{"i":0,"t":10,"e":"ev","p":2001,"f":"assign","tps":["orders-1"]}`,
		`{"i":0,"t":10,"e":"ev","p":2001,"f":"assign","tps":["orders-01"]}`,
		`line 2:53: partition "orders-01" has no number; did you mean "orders-0"?`, true},
	{"topic for a partition", nil,
		`{"i":0,"t":10,"e":"ev","p":2001,"f":"assign","tps":["orders/1"]}`,
		`{"i":0,"t":10,"e":"ev","p":2001,"f":"assign","tps":["orders"]}`,
		`line 2:53: partition "orders" of an unknown topic; did you mean "orders-0"?`, true},
	{"answer about another partition", []string{listed},
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"offsets","at":{"orders-0":{"end":3}},"spec":"latest"}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"offsets","at":{"orders-1":{"end":3}},"spec":"latest"}`,
		`line 3:59: operation 1 did not ask for partition "orders-1"; did you mean "orders-0"?`, true},
	{"records of another partition", []string{dumped},
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"dump","m":[["p",{"pay-0":[0,[1]]}]]}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"dump","m":[["p",{"orders-1":[0,[1]]}]]}`,
		`line 3:55: operation 1 did not ask for partition "orders-1"; did you mean "orders-0"?`, true},
	{"answer to another question", []string{listed},
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"offsets","at":{"orders-0":{"end":3}},"spec":"latest"}`,
		`{"i":1,"t":20,"e":"ok","id":1,"p":2001,"f":"offsets","at":{"orders-0":{"end":3}},"spec":"earliest"}`,
		`line 3:89: operation 1 asked for "latest", not "earliest"`, true},
	{"time", []string{sent},
		`{"i":1,"t":10,"e":"ev","p":2001,"f":"assign"}`,
		`{"i":1,"t":9,"e":"ev","p":2001,"f":"assign"}`,
		`line 3:12: time goes back from 10 to 9`, true},
	{"time of what is passed over", []string{sent},
		`{"i":1,"t":10,"e":"ev","p":2001,"f":"retention"}`,
		`{"i":1,"t":9,"e":"ev","p":2001,"f":"retention"}`,
		`line 3:12: time goes back from 10 to 9`, true},
	{"no time", []string{sent},
		`{"i":1,"t":10,"e":"ev","p":2001,"f":"assign"}`,
		`{"i":1,"e":"ev","p":2001,"f":"assign"}`,
		`line 3: no "t": each event of a simulation has its time`, true},
	{"number of an event", []string{sent},
		`{"i":1,"t":10,"e":"ev","p":2001,"f":"assign"}`,
		`{"i":0,"t":10,"e":"ev","p":2001,"f":"assign"}`,
		`line 3: event 0 where 1 must follow: a line is missing, doubled or out of order`, false},
	{"sequence", nil,
		`{"i":0,"t":10,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-2",11]],"seq":[-1]}`,
		`{"i":0,"t":10,"e":"inv","id":1,"p":1001,"f":"send","m":[["s","orders-2",11]],"seq":[-2]}`,
		`line 2:85: -2 is not between -1 and 2147483647`, false},
	{"span", nil,
		`{"i":0,"t":10,"e":"ev","f":"nocopy","tp":"orders-1","off":0,"until":40}`,
		`{"i":0,"t":10,"e":"ev","f":"nocopy","tp":"orders-1","off":-9,"until":40}`,
		`line 2:59: -9 is not between -1 and 9223372036854775807`, false},
}

func TestEditedByHand(t *testing.T) {
	for _, x := range edits {
		t.Run(x.name, func(t *testing.T) {
			text := func(head, line string) []byte {
				return []byte(strings.Join(append([]string{head}, append(x.before[:len(x.before):len(x.before)], line)...), "\n"))
			}
			elsewhere := strings.Replace(simHead, `"from":"sim"`, `"from":"live"`, 1)
			for _, head := range []string{simHead, elsewhere} {
				if _, _, err := read(text(head, x.good)); err != nil {
					t.Errorf("as it is: %v", err)
				}
			}
			if _, _, err := read(text(simHead, x.bad)); err == nil || err.Error() != x.want {
				t.Errorf("edited:\n got %v\nwant %s", err, x.want)
			}
			if _, _, err := read(text(elsewhere, x.bad)); (err == nil) != x.foreign {
				t.Errorf("edited, from elsewhere: %v", err)
			}
		})
	}
}

func TestEditedHeader(t *testing.T) {
	if _, _, err := read([]byte(simHead)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ from, to, want string }{
		{`"from":"sim"`, `"from":"sin"`, `line 1:385: unknown origin "sin"; did you mean "sim"?`},
		{`"from":"derived"`, `"from":"drived"`, `line 1:226: unknown origin of a promise "drived"; did you mean "derived"?`},
		{`"no-acked-loss"`, `"no-acked-los"`, `line 1:250: unknown property "no-acked-los"; did you mean "no-acked-loss"?`},
		{`"acks":"all"`, `"acks":"al"`, `line 1:282: unknown acks "al"; did you mean "all"?`},
		{`"acks":"all"`, `"acks":"2"`, `line 1:282: unknown acks "2"; did you mean "1"?`},
		{`"iso":"ru"`, `"iso":"read_uncommitted"`, `line 1:306: unknown iso "read_uncommitted": it is ru or rc`},
		{`"sub":"assign"`, `"sub":"asign"`, `line 1:317: unknown sub "asign"; did you mean "assign"?`},
		{`"reset":"earliest"`, `"reset":"earlyest"`, `line 1:334: unknown reset "earlyest"; did you mean "earliest"?`},
		{`"flush":"page-cache"`, `"flush":"pagecache"`, `line 1:364: unknown flush "pagecache"; did you mean "page-cache"?`},
		{`"cleanup":"compact"`, `"cleanup":"compcat"`, `line 1:147: unknown cleanup "compcat"; did you mean "compact"?`},
		{`"parts":3`, `"parts":2`, `line 1:188: unknown partition "orders-2": topic orders has 2; did you mean "orders-1"?`},
		{`"parts":3`, `"parts":2000000000`, `line 1:175: "tps" lacks "orders-3": topic orders has 2000000000 partitions`},
		{`"parts":3`, `"parts":0`, `line 1:166: unknown partition "orders-0": topic orders has none`},
		{`"pay-0"]`, `"pya-0"]`, `line 1:199: partition "pya-0" of an unknown topic; did you mean "pay-0"?`},
		{`,"pay-0"]`, `]`, `line 1:166: "tps" lacks "pay-0": topic pay has 1 partitions`},
		{`"orders-1"`, `"orders-0"`, `line 1:177: partition "orders-0" stands here twice`},
	} {
		edited := strings.Replace(simHead, x.from, x.to, 1)
		if _, _, err := read([]byte(edited)); edited == simHead || err == nil || err.Error() != x.want {
			t.Errorf("%s\n got %v\nwant %s", x.to, err, x.want)
		}
	}
}

// What only a simulation must have, a header from elsewhere need not.
func TestForeignHeaders(t *testing.T) {
	for _, head := range []string{
		`{"v":1,"kind":"log-history"}`,
		`{"v":1,"kind":"log-history","from":"jepsen","topics":{"k":{}},"tps":["k/7",":x"]}`,
		`{"v":1,"kind":"log-history","from":"live","topics":{"orders":{"parts":1}},"tps":["orders-7"],"set":{"acks":"-1","reset":"none"},"promise":{}}`,
		`{"v":1,"kind":"log-history","from":"sim"}`,
		`{"v":1,"kind":"log-history","tps":["a-0","a-1"],"tps":["a-1"]}`, // the second counts
	} {
		if _, _, err := read([]byte(head)); err != nil {
			t.Errorf("%s\n%v", head, err)
		}
	}
}

// endless is a history without end of one operation after the other, of so many
// under way at a time.
type endless struct {
	lines, ops, under int
	rest              []byte
}

func (x *endless) Read(p []byte) (int, error) {
	for len(x.rest) < len(p) {
		n := x.ops / 2
		if x.ops%2 == 0 {
			x.rest = fmt.Appendf(x.rest, `{"i":%d,"t":%d,"e":"inv","id":%d,"p":1001,"f":"send","m":[["s","orders-0",%d]],"k":[5],"due":7}`+"\n", x.lines, x.lines, n, n)
		} else if n -= x.under; n >= 0 {
			x.rest = fmt.Appendf(x.rest, `{"i":%d,"t":%d,"e":"ok","id":%d,"p":1001,"f":"send","m":[["s","orders-0",%d,%d]],"k":[5]}`+"\n", x.lines, x.lines, n, n, n)
		} else {
			x.lines--
		}
		x.lines++
		x.ops++
	}
	n := copy(p, x.rest)
	x.rest = x.rest[:copy(x.rest, x.rest[n:])]
	return n, nil
}

// A reader keeps what is under way and nothing else: no line costs an
// allocation, however many went before.
func TestReadingKeepsNothing(t *testing.T) {
	var text bytes.Buffer
	if _, err := io.CopyN(&text, &endless{under: 9}, 8<<20); err != nil {
		t.Fatal(err)
	}
	rd, err := NewReader(io.MultiReader(strings.NewReader(simHead+"\n"), &text))
	if err != nil {
		t.Fatal(err)
	}
	thousand := func() {
		for range 1000 {
			if _, err := rd.Next(); err != nil {
				t.Fatal(err)
			}
		}
	}
	thousand()
	if n := testing.AllocsPerRun(50, thousand); n != 0 {
		t.Errorf("%v allocations in 1000 lines", n)
	}
	if n := len(rd.under.open) + len(rd.under.free); n > 11 {
		t.Errorf("%d operations are remembered, of which 10 are under way", n)
	}
}
