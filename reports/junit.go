package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"brokersim/checker/result"
)

// junit's elements, as Jenkins, GitLab and GitHub's actions read them. Jenkins' schema
// (junit-10.xsd of its xunit plugin) has no "skipped" for all suites together.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
		Skipped *junitProblem `xml:"skipped"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a check as JUnit's XML: a suite for each scenario with a case for
// each property, one of the corpus, and one of what makes the rest believable. Vacuous is
// skipped, unknown is an error. There are no times in it: the same check gives
// the same bytes.
func JUnit(w io.Writer, c result.Check) error {
	all := junitSuites{}
	for i := range c.Scenarios {
		all.Suites = append(all.Suites, scenarioSuite(&c, &c.Scenarios[i]))
	}
	if len(c.Corpus) > 0 {
		all.Suites = append(all.Suites, corpusSuite(&c))
	}
	all.Suites = append(all.Suites, gateSuite(&c))
	for i := range all.Suites {
		s := &all.Suites[i]
		s.sum()
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
	}
	b, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}

func scenarioSuite(c *result.Check, s *result.CheckScenario) junitSuite {
	suite := junitSuite{Name: s.Name}
	for _, p := range s.Properties {
		x := junitCase{Class: "brokersim." + s.Name, Name: p.Property}
		counts := fmt.Sprintf("%d runs: kept in %d, broken in %d, vacuous in %d, unknown in %d; looked at %d", s.Runs, p.Kept, p.Broken, p.Vacuous, p.Unknown, p.Looked)
		switch {
		case p.Broken > 0:
			x.Failure = &junitProblem{p.First, fmt.Sprintf("%s\nseed %s, the first of %d\n%s\n%s\n", p.First, p.FirstSeed, p.Broken, repeatOf(c, s.Name, p.FirstSeed), counts)}
		case p.Unknown > 0:
			x.Error = &junitProblem{fmt.Sprintf("unknown in %d of %d runs", p.Unknown, s.Runs), counts}
		case p.Kept == 0:
			x.Skipped = &junitProblem{"there was nothing to look at", counts}
		default:
			x.Out = counts
		}
		suite.Cases = append(suite.Cases, x)
	}
	return suite
}

// gateSuite is what the check says of itself.
func gateSuite(c *result.Check) junitSuite {
	suite := junitSuite{Name: "gate"}
	add := func(name, failed string) {
		x := junitCase{Class: "brokersim.gate", Name: name}
		if failed != "" {
			first, _, _ := strings.Cut(failed, "\n")
			x.Error = &junitProblem{first, failed}
		}
		suite.Cases = append(suite.Cases, x)
	}
	different := ""
	for _, d := range c.Determinism.Differences {
		different += fmt.Sprintf("%s seed %s gave two runs\n%s\n", d.Scenario, d.Seed, strings.Join(differenceLines(d), "\n"))
	}
	add("determinism", different)
	add("conclusive", strings.Join(c.Doubts, "\n"))
	add("harness", strings.Join(c.Internal, "\n"))
	interrupted := ""
	if c.Stopped == "interrupted" {
		interrupted = "the check was interrupted"
	}
	add("complete", interrupted)
	return suite
}

func (s *junitSuite) sum() {
	s.Tests = len(s.Cases)
	for i := range s.Cases {
		switch x := &s.Cases[i]; {
		case x.Failure != nil:
			s.Failures++
		case x.Error != nil:
			s.Errors++
		case x.Skipped != nil:
			s.Skipped++
		}
	}
}
