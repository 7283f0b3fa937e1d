package scenario

import (
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// A reader may begin late, pause, go back to the start, and share its partitions.
func TestReadersBehave(t *testing.T) {
	const src = `for: 2s
profile: short
topics: {orders: {partitions: 4}}
producers:
  shop: {topic: orders, rate_per_second: 200}
readers:
  late: {topics: [orders], from: 1s}
  pausing: {topics: [orders], pause: {from: 500ms, for: 1s}}
  again: {topics: [orders], replay: 1s}
  shared: {topics: [orders], members: 3}
set: {consumer.auto.offset.reset: earliest}
promise: [delivered]
`
	s, err := Parse("f.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range s.Readers {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, " "); got != "late pausing again shared-1 shared-2 shared-3" {
		t.Fatalf("readers %s", got)
	}
	seen := &finished{}
	res := Run(Case{Spec: s, Seed: 1, History: func(*history.Header) history.Sink { return seen }})
	if res.Verdict != result.Kept {
		t.Fatalf("%s: %+v", res.Verdict, res.Findings)
	}
	const late, pausing, again, shared = 1002, 1003, 1004, 1005
	for _, x := range seen.list {
		at := x.at / 1_000_000
		switch {
		case x.p == late && at < 1000, x.p == pausing && at >= 520 && at < 1500:
			t.Errorf("reader %d finishes with a record at %d ms", x.p, at)
		case x.p >= shared && int(x.tp)%3 != int(x.p)-shared:
			t.Errorf("reader %d has partition %d", x.p, x.tp)
		}
	}
	all := res.Ledger.Sent
	if got := seen.of(again); got < all+100 || got > all*2 {
		t.Errorf("%d records, and the reader that goes back in the middle finishes with %d", all, got)
	}
	if got := seen.of(shared) + seen.of(shared+1) + seen.of(shared+2); got != all {
		t.Errorf("%d records, and the three finish with %d", all, got)
	}
	if _, err := Parse("f.yaml", []byte(strings.Replace(src, "from: 1s}", "from: 3s}", 1))); err == nil ||
		err.Error() != "f.yaml:7: reader late: from, replay, until and the end of pause must lie in the 2s of the load" {
		t.Error(err)
	}
}

// finished is what readers have finished with.
type finished struct{ list []one }

type one struct {
	p  int32
	tp history.TP
	at int64
}

func (f *finished) Event(e *history.Event) {
	if e.F != history.Process {
		return
	}
	for _, run := range e.Runs {
		for range run.Records {
			f.list = append(f.list, one{e.P, run.TP, e.T})
		}
	}
}

func (f *finished) of(p int32) (n int64) {
	for _, x := range f.list {
		if x.p == p {
			n++
		}
	}
	return n
}
