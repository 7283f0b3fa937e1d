package gate

import (
	"strings"

	"brokersim/checker/result"
)

// FindingOf names what a result shows first: a panic, a broken property, or the
// kind of a broken invariant. It is empty for a result that shows nothing.
func FindingOf(r result.Result) string {
	for _, sentence := range r.Audits {
		if kind := auditKind(sentence); strings.HasPrefix(kind, panicKind) {
			return kind // what else is broken then follows from it
		}
	}
	unfinished := ""
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.Outcome != result.Broken:
		case f.Property == "liveness":
			unfinished = f.Property // often only what another violation leaves behind
		default:
			return f.Property
		}
	}
	if unfinished == "" && len(r.Audits) > 0 {
		return auditKind(r.Audits[0])
	}
	return unfinished
}

// Shows reports whether a result has the finding, a property or a kind as
// [FindingOf] names them, among whatever else.
func Shows(r result.Result, finding string) bool {
	if finding == "" {
		return false
	}
	for i := range r.Findings {
		if r.Findings[i].Property == finding && r.Findings[i].Outcome == result.Broken {
			return true
		}
	}
	for _, sentence := range r.Audits {
		if auditKind(sentence) == finding {
			return true
		}
	}
	return false
}

const panicKind = "panic"

// auditKind is the sentence of a broken invariant without what differs from run
// to run: the time before it and all numbers, so also the nodes. Of a panic it is
// what was panicked with, and not the input that did it.
func auditKind(sentence string) string {
	if _, rest, ok := strings.Cut(sentence, " "); ok {
		sentence = rest
	}
	if _, told, ok := strings.Cut(sentence, ", told "); ok && strings.HasPrefix(sentence, panicKind) {
		_, value, _ := strings.Cut(told, ": ")
		sentence = panicKind + ": " + value
	}
	var b strings.Builder
	digits := false
	for _, c := range sentence {
		digit := c >= '0' && c <= '9'
		switch {
		case !digit:
			b.WriteRune(c)
		case !digits:
			b.WriteByte('#')
		}
		digits = digit
	}
	return b.String()
}
