package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// expectation is what is to come out of a test that does not simply pass.
type expectation struct {
	suite, test string
	result      string // skip or fail
	reason      string
}

type expectations []expectation

const expectedFile = "expected.txt"

// readExpected reads the file: suite, test, result, reason a line; # begins a comment.
func readExpected() (expectations, error) {
	b, err := os.ReadFile(expectedFile)
	if err != nil {
		return nil, err
	}
	var list expectations
	for i, line := range strings.Split(string(b), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.SplitN(line, " ", 4)
		switch {
		case len(f) < 4:
			return nil, fmt.Errorf("%s:%d: want suite, test, skip or fail, and the reason", expectedFile, i+1)
		case f[2] != skip && f[2] != fail:
			return nil, fmt.Errorf("%s:%d: %q: want skip or fail", expectedFile, i+1, f[2])
		}
		list = append(list, expectation{f[0], f[1], f[2], f[3]})
	}
	return list, nil
}

func (list expectations) find(suite, test string) (expectation, bool) {
	i := slices.IndexFunc(list, func(e expectation) bool { return e.suite == suite && e.test == test })
	if i < 0 {
		return expectation{result: pass}, false
	}
	return list[i], true
}

// judge says what is wrong with a result, if something is.
func (list expectations) judge(x result) string {
	e, _ := list.find(x.Suite, x.Test)
	switch {
	case e.result == x.Result:
		return ""
	case x.Result == skip && x.Test == wholeSuite:
		return "" // what it needs is not here
	case x.Result == pass:
		return fmt.Sprintf("%s %s passes, and %s says %s: %s", x.Suite, x.Test, expectedFile, e.result, e.reason)
	}
	return fmt.Sprintf("%s %s: %s, want %s: %s", x.Suite, x.Test, x.Result, e.result, oneLine(x.Why))
}

// update writes the file anew: what came out now, and what stood there of tests that
// were not run.
func (list expectations) update(results []result) error {
	b, err := os.ReadFile(expectedFile)
	if err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") {
			out.WriteString(line)
		}
	}
	for _, x := range results {
		if i := slices.IndexFunc(list, func(e expectation) bool { return e.suite == x.Suite && e.test == x.Test }); i >= 0 {
			if x.Result == list[i].result {
				continue
			}
			list = slices.Delete(list, i, i+1)
		}
		if x.Result != pass && x.Test != wholeSuite {
			list = append(list, expectation{x.Suite, x.Test, x.Result, oneLine(x.Why)})
		}
	}
	slices.SortStableFunc(list, func(a, b expectation) int { return strings.Compare(a.suite+" "+a.test, b.suite+" "+b.test) })
	for _, e := range list {
		fmt.Fprintf(&out, "%s %s %s %s\n", e.suite, e.test, e.result, e.reason)
	}
	return os.WriteFile(expectedFile, []byte(out.String()), 0o644)
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 300 {
		s = s[:300] + "..."
	}
	return s
}
