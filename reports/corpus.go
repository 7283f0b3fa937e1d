package reports

import (
	"fmt"

	"brokersim/checker/result"
)

// caseSays is what a case of a corpus came to.
func caseSays(x *result.CheckCase, refresh string) string {
	switch {
	case x.Internal != "":
		return "the harness itself has failed: " + x.Internal
	case x.Problem != "":
		return x.Problem
	case x.Drifted:
		s := "passes, and its bug is found; it has drifted"
		if refresh != "" {
			s += ": " + refresh
		}
		return s
	}
	return "passes, and its bug is found"
}

// caseRepeat are the commands that repeat what is wrong with a case, and that look
// for it anew.
func caseRepeat(x *result.CheckCase, refresh string) (lines []string) {
	if x.Repro != "" {
		lines = append(lines, repeatCase(x))
	}
	if refresh != "" {
		lines = append(lines, refresh)
	}
	return lines
}

func repeatCase(x *result.CheckCase) string { return "brokersim repro '" + clean(x.Repro) + "'" }

// corpusSentence says how many cases have a problem, or is empty.
func corpusSentence(c *result.Check) string {
	if failed := c.FailedCases(); failed > 0 {
		return fmt.Sprintf("%d of %s of the corpus failed.", failed, plural(len(c.Corpus), "case", "cases"))
	}
	return ""
}

// failedCases tells of the cases that are none any more.
func (t *checkText) failedCases() {
	for i := range t.c.Corpus {
		x := &t.c.Corpus[i]
		if x.Problem == "" {
			continue
		}
		t.f("\n%s corpus   %s   scenario %s   seed %s\n", t.paint(red, "FAIL"), clean(x.Name), clean(x.Scenario), x.Seed)
		t.f("  %s\n", clean(x.Problem))
		if x.Repro != "" {
			t.repeat(repeatCase(x))
		}
		if t.c.Refresh != "" {
			t.f("  %s  %s\n", t.paint(bold, "Refresh"), clean(t.c.Refresh))
		}
	}
}

func (t *checkText) corpus() {
	if len(t.c.Corpus) == 0 {
		return
	}
	t.head("Corpus", "failures of the past: each must pass, and with its bug planted fail")
	var rows []string
	sound := 0
	for i := range t.c.Corpus {
		x := &t.c.Corpus[i]
		says := caseSays(x, t.c.Refresh)
		switch {
		case x.Problem != "":
			says = "FAIL, see above"
		case !x.Drifted && x.Internal == "":
			sound++
			continue
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s", clean(x.Name), clean(x.Property), clean(says)))
	}
	if sound > 0 {
		t.f("  %s\n", plural(sound, "case passes, and its bug is found", "cases pass, and their bugs are found"))
	}
	if len(rows) > 0 {
		t.table(rows...)
	}
}

// markdownCase is a case that is none any more, on a page.
func markdownCase(x *result.CheckCase, refresh string) string {
	text := fmt.Sprintf("## The case %s of the corpus failed\n\n%s\n\n", markdown(x.Name), markdown(x.Problem))
	for _, command := range caseRepeat(x, refresh) {
		text += fence(command)
	}
	return text
}

// corpusSuite has a case for each of the corpus.
func corpusSuite(c *result.Check) junitSuite {
	suite := junitSuite{Name: "corpus"}
	for i := range c.Corpus {
		x := &c.Corpus[i]
		y := junitCase{Class: "brokersim.corpus", Name: x.Name}
		says := caseSays(x, c.Refresh)
		switch {
		case x.Internal != "":
			y.Error = &junitProblem{says, says}
		case x.Problem != "":
			text := says + "\n"
			for _, command := range caseRepeat(x, c.Refresh) {
				text += command + "\n"
			}
			y.Failure = &junitProblem{says, text}
		default:
			y.Out = says
		}
		suite.Cases = append(suite.Cases, y)
	}
	return suite
}
