package reports

import (
	"fmt"
	"io"
	"strings"

	"brokersim/checker/result"
)

// mostAnnotations is how many errors GitHub shows of a step.
const mostAnnotations = 10

// GitHub writes a check as workflow commands, which become annotations: at most
// ten, the worst first, and the last says how many are left. A failure that is
// explained says what would have kept the promise, and how to repeat the smallest run.
func GitHub(w io.Writer, c result.Check) error {
	var b strings.Builder
	lines := annotations(&c)
	for i, a := range lines {
		if left := len(lines) - i; i == mostAnnotations-1 && left > 1 {
			a = annotation{"brokersim", fmt.Sprintf("%d more; the job summary has them", left)}
		}
		fmt.Fprintf(&b, "::error title=%s::%s\n", commandProperty(a.title), commandText(a.text))
		if i == mostAnnotations-1 {
			break
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type annotation struct{ title, text string }

func annotations(c *result.Check) (list []annotation) {
	for _, d := range c.Determinism.Differences {
		list = append(list, annotation{"nondeterminism: " + d.Scenario + " seed " + d.Seed, strings.Join(differenceLines(d), "\n")})
	}
	for _, s := range c.Internal {
		list = append(list, annotation{"internal error of brokersim", s})
	}
	for _, f := range failuresOf(c) {
		list = append(list, annotation{f.property + ": " + f.scenario + " seed " + f.seed, annotationText(&f)})
	}
	for i := range c.Corpus {
		if x := &c.Corpus[i]; x.Problem != "" {
			list = append(list, annotation{"corpus: " + x.Name, strings.Join(append([]string{x.Problem}, caseRepeat(x, c.Refresh)...), "\n")})
		}
	}
	for _, s := range c.Doubts {
		list = append(list, annotation{"brokersim: inconclusive", s})
	}
	return list
}

// annotationText is what is wrong, what would have kept the promise, and how to
// make the run again.
func annotationText(f *failure) string {
	e := f.explained
	if e == nil {
		return f.what + "\n" + f.repeat
	}
	lines := []string{e.Sentence}
	for i := range e.Nearest {
		if v := &e.Nearest[i]; v.Verdict == result.Kept {
			lines = append(lines, "Nearest pass: "+variantLine(v))
			break
		}
	}
	return strings.Join(append(lines, f.repeat, "the smallest: "+repeatLine(e)), "\n")
}

// commandText escapes the text of a workflow command, so that nothing in it ends
// the command or begins another.
func commandText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
