package checker_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/measure"
	"brokersim/checker/result"
)

// written is a small healthy run as text.
func written(t testing.TB, operations int) string {
	var b bytes.Buffer
	h := &history.Header{}
	healthy(h, 0, discard{}) // fills the header
	w := history.NewWriter(&b, h)
	healthy(h, operations, w)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

type discard struct{}

func (discard) Event(*history.Event) {}

func judge(t *testing.T, text string, stated ...string) result.Result {
	t.Helper()
	m := measure.New(0)
	res, err := checker.Judge(strings.NewReader(text), stated, m)
	if err != nil {
		t.Fatal(err)
	}
	s := m.Finish()
	s.Fill(&res)
	return res
}

func TestJudgeHealthy(t *testing.T) {
	res := judge(t, written(t, 2000))
	if res.Verdict != result.Kept || res.Exit != result.ExitKept || res.Events == 0 || res.LatencyUS.Ack.N != 1000 {
		t.Errorf("%+v", res)
	}
	for _, f := range res.Findings {
		if f.Outcome != result.Kept || f.Looked == 0 || f.Folded != 0 {
			t.Errorf("%+v", f)
		}
	}
	if l := res.Ledger; l.Sent != 1000 || l.Acked != 1000 || l.InLog != 1000 || l.Readers != 4 || l.Delivered != l.Processed || l.Delivered == 0 {
		t.Errorf("%+v", l)
	}
}

// One acknowledged offset edited by hand is one sentence, wherever it is and
// whatever it becomes.
func TestJudgeEditedOffset(t *testing.T) {
	lines := strings.Split(written(t, 400), "\n")
	for n, line := range lines {
		at := strings.LastIndex(line, ",")
		if !strings.Contains(line, `"e":"ok"`) || !strings.Contains(line, `"f":"send"`) {
			continue
		}
		m := strings.Index(line, `]]`)
		at = strings.LastIndex(line[:m], ",")
		for _, offset := range []string{"0", "3", "40", "900000000000"} {
			if line[at+1:m] == offset {
				continue
			}
			edited := append([]string(nil), lines...)
			edited[n] = line[:at+1] + offset + line[m:]
			res := judge(t, strings.Join(edited, "\n"))
			said := 0
			for _, f := range res.Findings {
				said += len(f.Violations)
			}
			if res.Exit != result.ExitBroken || said != 1 {
				b, _ := json.MarshalIndent(res.Findings, "", " ")
				t.Fatalf("line %d with offset %s: exit %d, %d sentences\n%s", n+1, offset, res.Exit, said, b)
			}
		}
	}
}

func TestJudgeNothing(t *testing.T) {
	head, _, _ := strings.Cut(written(t, 2), "\n")
	for _, text := range []string{"", "\n", head, head + "\n"} {
		res := judge(t, text)
		if res.Verdict != result.Vacuous || res.Exit != result.ExitInconclusive {
			t.Errorf("%q: %+v", text, res)
		}
		if b, err := json.Marshal(res); err != nil || bytes.Contains(b, []byte("null")) {
			t.Errorf("%s %v", b, err)
		}
	}
}

func TestJudgeCutShort(t *testing.T) {
	text := written(t, 400)
	_, err := checker.Judge(strings.NewReader(text[:len(text)*2/3]), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "line ") {
		t.Errorf("cut within a line: %v", err)
	}
	whole := text[:strings.LastIndex(text[:len(text)*2/3], "\n")]
	if res := judge(t, whole); res.Verdict != result.Unknown || res.Exit != result.ExitInconclusive {
		t.Errorf("cut between lines there is no final read: %s, exit %d", res.Verdict, res.Exit)
	}
}

func TestJudgeStated(t *testing.T) {
	res := judge(t, written(t, 400), checker.NoStaleEnd)
	if res.Promise.From != checker.Stated || res.Verdict != result.Kept {
		t.Errorf("%+v %s", res.Promise, res.Verdict)
	}
	if res := judge(t, written(t, 400), "liveness"); res.Verdict != result.Unknown {
		t.Errorf("what is not decided here is not kept: %s", res.Verdict)
	}
}

// Whatever a hand-edited history says, the checker gives an answer.
func FuzzJudge(f *testing.F) {
	text := written(f, 30)
	f.Add(text, 0, "x")
	f.Add(text, 900, "9")
	f.Fuzz(func(t *testing.T, text string, at int, edit string) {
		if at < 0 || at > len(text) {
			return
		}
		n := min(len(text), at+len(edit))
		text = text[:at] + edit + text[n:]
		res, err := checker.Judge(strings.NewReader(text), nil)
		if err == nil && res.Verdict == "" {
			t.Errorf("no verdict: %+v", res)
		}
	})
}
