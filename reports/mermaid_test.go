package reports

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"brokersim/checker/result"
)

func TestMermaid(t *testing.T) {
	for name, e := range explained(t) {
		var b bytes.Buffer
		if err := Mermaid(&b, e); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".mmd", b.Bytes())
	}
}

// mermaidLine is the grammar of the lines that are written: whatever a text holds,
// it stays the text of one statement.
var mermaidLine = regexp.MustCompile(`^(sequenceDiagram|  participant n\d+ as T|  n\d+(->>|-x)n\d+: T|  Note over n\d+(,n\d+)?: T|  rect rgba\(220, 40, 40, 0\.25\)|  end)$`)

// What is text in a statement: escapes, line breaks, and characters without a
// meaning of their own.
var mermaidWords = regexp.MustCompile("(?:[^#;<>&%`$\\\\\"'\n]|#[0-9]+;|<br/>)+$")

func TestMermaidOfHostileExplanations(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {1, 0}, {1, 1}, {20, 3}, {200, 12}, {300, 40}} {
		var b bytes.Buffer
		if err := Mermaid(&b, hostile(size[0], size[1])); err != nil {
			t.Fatal(err)
		}
		if b.Len() > 50_000 {
			t.Errorf("%v: %d bytes", size, b.Len())
		}
		rects, violation := 0, false
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			for _, before := range []string{": ", " as "} {
				if head, text, ok := strings.Cut(line, before); ok && mermaidWords.FindString(text) == text {
					line = head + before + "T"
					break
				}
			}
			if !mermaidLine.MatchString(line) {
				t.Errorf("%v: %s", size, line)
			}
			switch {
			case strings.HasPrefix(line, "  rect"):
				rects, violation = rects+1, true
			case line == "  end":
				rects--
			}
		}
		if rects != 0 || violation != (size[0] > 1 && size[1] > 0) {
			t.Errorf("%v: %d rectangles are open; the violation is shown: %v", size, rects, violation)
		}
	}
}

// A long chain keeps its beginning and what is around the violation.
func TestLongChainIsCut(t *testing.T) {
	rows := make([]int, 100)
	s := result.Story{Rows: make([]result.Row, 100)}
	for i := range rows {
		rows[i] = i
	}
	for _, broken := range []int{0, 5, 19, 22, 25, 50, 97, 99} {
		s.Rows = make([]result.Row, 100)
		s.Rows[broken].Violation = true
		got := aroundViolation(tell(&s), rows)
		text, last, n := fmt.Sprint(got), -1, 0
		for _, i := range got {
			if i < 0 {
				continue
			}
			if n++; i <= last {
				t.Errorf("%d: row %d after %d", broken, i, last)
			}
			last = i
		}
		if n != mostMermaidRows || !strings.Contains(" "+strings.Trim(text, "[]")+" ", fmt.Sprintf(" %d ", broken)) || got[0] != 0 {
			t.Errorf("%d: %d rows: %s", broken, n, text)
		}
	}
}

// The diagram and the chain of an explained failure are in the job summary, which
// stays below GitHub's bound; annotations stay ten.
func TestExplainedCheck(t *testing.T) {
	c := someCheck()
	e := explained(t)["testdata/why/no-acked-loss"]
	e.Result.Scenario, e.Result.Seed = "orders", "0x2"
	var plain, page, commands bytes.Buffer
	for i := range 3000 {
		r := c.Results[0]
		r.Seed = fmt.Sprintf("%#x", 100+i)
		c.Results = append(c.Results, r)
	}
	other := hostile(200, 12)
	other.Result.Scenario, other.Result.Seed = "orders", "0x64"
	err := CheckMarkdown(&plain, c)
	c.Explained = []result.Explained{{Explanation: *e}, {Explanation: *other}}
	if err := errors.Join(err, CheckMarkdown(&page, c), GitHub(&commands, c)); err != nil {
		t.Fatal(err)
	}
	if page.Len() > mostMarkdown || strings.Count(page.String(), "```mermaid\nsequenceDiagram\n") != 1 || !strings.Contains(page.String(), "seed 0x64\n") || strings.Contains(plain.String(), "mermaid") {
		t.Errorf("%d bytes:\n%.3000s", page.Len(), page.String())
	}
	if strings.Count(page.String(), "\n```")%2 != 0 {
		t.Error("a block has no end")
	}
	for _, want := range []string{"Record m18 (key order-7) was acknowledged", "brokersim repro 'bs1:leader-crash-acks-all:0x1d7:~"} {
		if !strings.Contains(page.String(), want) && !strings.Contains(page.String(), markdown(want)) || !strings.Contains(commands.String(), want) {
			t.Errorf("%q is not everywhere", want)
		}
	}
	if n := strings.Count(commands.String(), "\n"); n != mostAnnotations || !strings.Contains(commands.String(), "%0ANearest pass: --set topic.min.insync.replicas=2") {
		t.Errorf("%d:\n%s", n, commands.String())
	}
}
