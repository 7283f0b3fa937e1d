package lesson

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"brokersim/broker/near"
)

// The steps of a lesson, in their order. The text before the first heading belongs to
// the question.
const (
	StepAsk     = "ask"
	StepWatch   = "watch"
	StepMeasure = "measure"
	StepFix     = "fix"
	StepPrice   = "price"
	StepMoral   = "moral"
	StepBreak   = "break"
	StepRepeat  = "repeat"
)

// headings are those that the text of a lesson may have.
var headings = []struct{ title, step string }{
	{"Watch", StepWatch}, {"Measure", StepMeasure}, {"Fix", StepFix}, {"Pay the price", StepPrice},
	{"Moral", StepMoral}, {"Break the fix", StepBreak},
}

// part is one step of the text.
type part struct {
	step, title string
	line        int // of its first line
	source      string
	tmpl        *template.Template
}

// parseParts takes the text apart at its headings. before is how many lines of the
// file come before it.
func parseParts(file string, body []byte, before int) ([]part, error) {
	parts := []part{{step: StepAsk, line: before + 1}}
	n := before
	for line := range strings.Lines(string(body)) {
		n++
		title, isHeading := strings.CutPrefix(strings.TrimRight(line, "\n"), "## ")
		if !isHeading {
			parts[len(parts)-1].source += line
			continue
		}
		i := slices.IndexFunc(headings, func(h struct{ title, step string }) bool { return h.title == title })
		if i < 0 {
			var known []string
			for _, h := range headings {
				known = append(known, h.title)
			}
			return nil, fmt.Errorf("%s:%d: unknown heading %q%s", file, n, title, near.Suggest(title, known))
		}
		parts = append(parts, part{step: headings[i].step, title: title, line: n + 1})
	}
	for i := range parts {
		p := &parts[i]
		t, err := template.New("").Option("missingkey=error").Parse(p.source)
		if err != nil {
			return nil, templateError(file, p.line, err)
		}
		p.tmpl = t
	}
	return parts, nil
}

var templatePlace = regexp.MustCompile(`^template: :([0-9]+):[0-9: ]*`)

// templateError gives the error of a template its line in the file.
func templateError(file string, first int, err error) error {
	line, text := first, err.Error()
	if at := templatePlace.FindStringSubmatch(text); at != nil {
		if n, e := strconv.Atoi(at[1]); e == nil {
			line, text = first+n-1, text[len(at[0]):]
		}
	}
	return fmt.Errorf("%s:%d: %s", file, line, text)
}

// checkProse refuses a number that is not measured, and one that nothing watches over.
func (l *Lesson) checkProse() error {
	for i := range l.parts {
		p := &l.parts[i]
		if err := l.checkReferences(p); err != nil {
			return err
		}
		if err := l.checkDigits(p); err != nil {
			return err
		}
	}
	return nil
}

// checkReferences checks that each template is one number with an interval.
func (l *Lesson) checkReferences(p *part) error {
	line := p.line
	for _, n := range p.tmpl.Root.Nodes {
		text, isText := n.(*parse.TextNode)
		if isText {
			line += strings.Count(string(text.Text), "\n")
			continue
		}
		a, ok := n.(*parse.ActionNode)
		if !ok || len(a.Pipe.Cmds) != 1 || len(a.Pipe.Cmds[0].Args) != 1 {
			return fmt.Errorf("%s:%d: want a number alone, such as {{.run.lost_acked.p50}}", l.File, line)
		}
		f, ok := a.Pipe.Cmds[0].Args[0].(*parse.FieldNode)
		if !ok {
			return fmt.Errorf("%s:%d: want a number alone, such as {{.run.lost_acked.p50}}", l.File, line)
		}
		if _, err := l.expected(f.Ident); err != nil {
			return fmt.Errorf("%s:%d: %w", l.File, line, err)
		}
	}
	return nil
}

// expected is the interval that watches over a number of the text: run.lost_acked.p50,
// price.ack_p99; nil for run.seeds, which is no measurement.
func (l *Lesson) expected(path []string) (*Expectation, error) {
	if len(path) == 2 && path[0] == "price" {
		for i := range l.Price {
			if l.Price[i].Metric == path[1] {
				return &l.Price[i], nil
			}
		}
		return nil, fmt.Errorf("%s: no interval watches over it: add it to price", strings.Join(path, "."))
	}
	if len(path) < 2 {
		return nil, fmt.Errorf("%s: want TRIAL.NUMBER.STATISTIC, such as run.lost_acked.p50", strings.Join(path, "."))
	}
	t, err := l.Trial(path[0])
	if err != nil {
		return nil, err
	}
	if len(path) == 2 && path[1] == "seeds" {
		return nil, nil //nolint:nilnil // it is no measurement
	}
	name, stat := strings.Join(path[1:len(path)-1], "."), path[len(path)-1]
	if _, err := findMetric(name); err != nil {
		return nil, err
	}
	if err := knownStat(stat); err != nil {
		return nil, err
	}
	for i := range t.Expect {
		if t.Expect[i].Metric == name && t.Expect[i].Stat == stat {
			return &t.Expect[i], nil
		}
	}
	return nil, fmt.Errorf("%s: no interval watches over it: add it to expect of %s", strings.Join(path, "."), t.Name)
}

var (
	// what may have digits: code, names of nodes, proposals, other lessons, ISO terms
	digitsAllowed = regexp.MustCompile("(?s)`[^`]*`|\\{\\{.*?\\}\\}|\\b[bckp][0-9]+\\b|\\bKIP-[0-9]+|[Ll]essons? [0-9]+|\\bp99\\b|\\bp50\\b|\\bKafka [0-9.]+|\\bRabbitMQ [0-9.]+|\\bRedis [0-9.]+")
	aDigit        = regexp.MustCompile(`[0-9]+[^\s]*`)
)

// checkDigits refuses a number that was written by hand.
func (l *Lesson) checkDigits(p *part) error {
	line := p.line
	blank := digitsAllowed.ReplaceAllStringFunc(p.source, func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) })
	for text := range strings.Lines(blank) {
		if n := aDigit.FindString(text); n != "" {
			return fmt.Errorf("%s:%d: %q is written by hand: measure it, or put it in backquotes if it is a setting", l.File, line, n)
		}
		line++
	}
	return nil
}

// paragraphs fills in the numbers of a part.
func (l *Lesson) paragraphs(p *part, numbers map[string]any) ([]string, error) {
	var b strings.Builder
	if err := p.tmpl.Execute(&b, numbers); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", l.File, p.line, err)
	}
	var list []string
	for text := range strings.SplitSeq(b.String(), "\n\n") {
		if text = strings.Join(strings.Fields(text), " "); text != "" {
			list = append(list, text)
		}
	}
	return list, nil
}

// numbers are all measured numbers in words, as templates name them.
func (l *Lesson) numbers(measured map[string]Measured) map[string]any {
	all := make(map[string]any)
	for i := range l.Trials {
		t := &l.Trials[i]
		of := map[string]any{"seeds": fmt.Sprint(max(measured[t.Name]["sent"].Runs, 1))}
		for _, e := range t.Expect {
			stats, ok := measured[t.Name][e.Metric]
			m, err := findMetric(e.Metric)
			if !ok || err != nil {
				continue
			}
			nest(of, append(strings.Split(e.Metric, "."), e.Stat), unitOf(m, e.Stat).say(stats.get(e.Stat)))
		}
		all[t.Name] = of
	}
	price := make(map[string]any)
	for _, e := range l.Price {
		if m, err := findMetric(e.Metric); err == nil {
			if before, after, ok := medians(measured, e.Metric); ok {
				price[e.Metric] = m.unit.say(after - before)
			}
		}
	}
	all["price"] = price
	return all
}

func nest(in map[string]any, path []string, value string) {
	for _, name := range path[:len(path)-1] {
		deeper, ok := in[name].(map[string]any)
		if !ok {
			deeper = make(map[string]any)
			in[name] = deeper
		}
		in = deeper
	}
	in[path[len(path)-1]] = value
}

// medians are those of a number before and after the fix.
func medians(measured map[string]Measured, name string) (before, after int64, ok bool) {
	a, hasA := measured[TrialRun][name]
	b, hasB := measured[TrialFix][name]
	return a.P50, b.P50, hasA && hasB
}
