package lesson

import (
	"fmt"
	"strconv"
	"strings"

	"brokersim/checker/result"
)

// Question is the lesson as it is asked: there is no answer in it.
func (l *Lesson) Question() *result.Lesson {
	return &result.Lesson{Number: l.Number, ID: l.ID, Title: l.Title, Question: strings.Join(strings.Fields(l.Ask.Text), " "), Unit: l.Ask.Unit, Choices: l.Ask.Choices}
}

// Page is the lesson with the numbers of measured in it, as reports show it. Steps
// whose numbers are not there have no text.
func (l *Lesson) Page(measured map[string]Measured, watched *result.Explanation) (*result.Lesson, error) {
	page := l.Question()
	page.Answer = l.answer(measured)
	numbers := l.numbers(measured)
	for i := range l.parts {
		p := &l.parts[i]
		text, err := l.paragraphs(p, numbers)
		if err != nil {
			return nil, err
		}
		if p.step == StepAsk && len(text) == 0 {
			continue
		}
		page.Parts = append(page.Parts, l.part(p, text, measured, watched))
	}
	page.Parts = append(page.Parts, result.LessonPart{Step: StepRepeat, Title: "Repeat", Commands: l.commands()})
	return page, nil
}

// part is a step with its pictures, tables and commands.
func (l *Lesson) part(p *part, text []string, measured map[string]Measured, watched *result.Explanation) result.LessonPart {
	out := result.LessonPart{Step: p.step, Title: p.title, Text: text}
	switch p.step {
	case StepWatch:
		out.Story = watched
	case StepMeasure:
		for i := range l.Trials {
			if t := &l.Trials[i]; t.Name != TrialFix && t.Name != TrialBreak {
				out.Measured = append(out.Measured, distributions(t, measured[t.Name])...)
			}
		}
	case StepFix, StepBreak:
		if t, err := l.Trial(map[string]string{StepFix: TrialFix, StepBreak: TrialBreak}[p.step]); err == nil {
			out.Measured = distributions(t, measured[t.Name])
		}
	case StepPrice:
		out.Prices = l.prices(measured)
	}
	return out
}

// commands repeat the steps: one run, and many of each trial.
func (l *Lesson) commands() (list []string) {
	if t, err := l.Trial(l.watch.Trial); err == nil {
		list = append(list, t.Command("run", "--seed "+strconv.FormatUint(l.watch.Seed, 10)))
	}
	for i := range l.Trials {
		list = append(list, l.Trials[i].Command("check", "--seeds "+strconv.Itoa(l.Trials[i].Seeds)))
	}
	return append(list, fmt.Sprintf("brokersim learn verify %d", l.Number))
}

// answer is what the runs say to the question.
func (l *Lesson) answer(measured map[string]Measured) string {
	if l.Ask.Kind == "choice" {
		return l.Ask.Answer
	}
	path := strings.Split(l.Ask.Answer, ".")
	s, ok := measured[path[0]][strings.Join(path[1:len(path)-1], ".")]
	m, err := findMetric(strings.Join(path[1:len(path)-1], "."))
	if !ok || err != nil {
		return ""
	}
	stat := path[len(path)-1]
	text := unitOf(m, stat).say(s.get(stat))
	if l.Ask.Unit != "" && m.unit == count && stat != "prob_gt0" {
		text += " " + l.Ask.Unit
	}
	if stat == "p50" && s.Min != s.Max {
		text += fmt.Sprintf(" at the median; %s to %s in nine runs of ten, at most %s", m.unit.say(s.P5), m.unit.say(s.P95), m.unit.say(s.Max))
	}
	return text
}

// Right says whether a prediction is what the runs say: the choice, by its word or its
// number, or a number within what nine runs of ten came to. ok is false for what is no
// answer.
func (l *Lesson) Right(prediction string, measured map[string]Measured) (right, ok bool) {
	prediction = strings.TrimSpace(prediction)
	if l.Ask.Kind == "choice" {
		for i, c := range l.Ask.Choices {
			if strings.EqualFold(c, prediction) || prediction == strconv.Itoa(i+1) {
				return c == l.Ask.Answer, true
			}
		}
		return false, false
	}
	near, u, err := l.near(measured)
	if err != nil {
		return false, false
	}
	v, err := u.read(prediction)
	if err != nil {
		return false, false
	}
	return near.holds(v), true
}

// Near says which numbers are right, such as "2 .. 10"; it is empty for a choice.
func (l *Lesson) Near(measured map[string]Measured) string {
	near, u, err := l.near(measured)
	if l.Ask.Kind == "choice" || err != nil {
		return ""
	}
	return near.interval(u)
}

// near are the numbers that are right: of a median what nine runs of ten came to, of
// anything else what the lesson expects.
func (l *Lesson) near(measured map[string]Measured) (*Expectation, unit, error) {
	path := strings.Split(l.Ask.Answer, ".")
	name, stat := strings.Join(path[1:max(len(path)-1, 1)], "."), path[len(path)-1]
	m, err := findMetric(name)
	if err != nil {
		return nil, count, err
	}
	if s := measured[path[0]][name]; stat == "p50" {
		return &Expectation{Low: s.P5, High: s.P95}, unitOf(m, stat), nil
	}
	e, err := l.expected(path)
	return e, unitOf(m, stat), err
}

// distributions are those that a trial is expected to have, each once.
func distributions(t *Trial, measured Measured) (list []result.Distribution) {
	var last *Expectation
	for i := range t.Expect {
		e := &t.Expect[i]
		s, ok := measured[e.Metric]
		m, err := findMetric(e.Metric)
		if !ok || err != nil {
			continue
		}
		wanted := fmt.Sprintf("%s %s", e.Stat, e.interval(unitOf(m, e.Stat)))
		if last != nil && last.Metric == e.Metric {
			list[len(list)-1].Wanted += ", " + wanted
			continue
		}
		last = e
		list = append(list, result.Distribution{
			Of: t.About, Name: m.label, Runs: s.Runs, Share: share.say(s.get("prob_gt0")),
			P5: m.unit.say(s.P5), P50: m.unit.say(s.P50), P95: m.unit.say(s.P95), Max: m.unit.say(s.Max), Wanted: wanted,
		})
	}
	return list
}

func (l *Lesson) prices(measured map[string]Measured) (list []result.Price) {
	for _, e := range l.Price {
		m, err := findMetric(e.Metric)
		before, after, ok := medians(measured, e.Metric)
		if err == nil && ok {
			sign := ""
			if after > before {
				sign = "+"
			}
			list = append(list, result.Price{Name: m.label, Before: m.unit.say(before), After: m.unit.say(after), Difference: sign + m.unit.say(after-before)})
		}
	}
	return list
}

// Example is an answer as it is to be written.
func (l *Lesson) Example() string {
	path := strings.Split(l.Ask.Answer, ".")
	m, err := findMetric(strings.Join(path[1:max(1, len(path)-1)], "."))
	switch {
	case err == nil && unitOf(m, path[len(path)-1]) == share:
		return "20%"
	case err == nil && m.unit == micros:
		return "500ms"
	}
	return "12"
}
