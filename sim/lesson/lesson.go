package lesson

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/near"
)

// Lesson is one lesson as its file has it, with what was measured of it.
type Lesson struct {
	Number int // from the name of its file
	ID     string
	Title  string
	File   string
	Ask    Ask

	// Trials are the runs as they are first, then the others, the fix and what breaks it.
	Trials []Trial
	// Price is what the fix may cost: differences of the medians of run and fix.
	Price []Expectation

	watch frontWatch
	parts []part
	// stored is what was measured of each trial; nil if nothing was.
	stored map[string]Measured
}

// The names of the trials that every lesson may have.
const (
	TrialRun   = "run"
	TrialFix   = "fix"
	TrialBreak = "break"
)

//go:embed lessons/*.md lessons/measured.json
var files embed.FS

// All are the lessons that come with the program, in order.
func All() ([]*Lesson, error) {
	names, err := fs.Glob(files, "lessons/*.md")
	if err != nil {
		return nil, err
	}
	stored, err := readStored()
	if err != nil {
		return nil, err
	}
	var list []*Lesson
	for _, name := range names {
		src, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		l, err := Parse(path.Base(name), src)
		if err != nil {
			return nil, err
		}
		l.stored = stored.Lessons[l.ID]
		list = append(list, l)
	}
	slices.SortStableFunc(list, func(a, b *Lesson) int { return a.Number - b.Number })
	return list, nil
}

// Find is the lesson with a number or an id; the error names the nearest.
func Find(list []*Lesson, word string) (*Lesson, error) {
	n, err := strconv.Atoi(word)
	var known []string
	for _, l := range list {
		if err == nil && l.Number == n || l.ID == word {
			return l, nil
		}
		known = append(known, l.ID)
	}
	if err == nil {
		return nil, fmt.Errorf("no lesson %d; there are %s", n, numbers(list))
	}
	return nil, fmt.Errorf("unknown lesson %q%s", word, near.Suggest(word, known))
}

// numbers are those of the lessons: "1-8, 16".
func numbers(list []*Lesson) string {
	var b strings.Builder
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1].Number == list[j].Number+1 {
			j++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%d", list[i].Number)
		if j > i {
			fmt.Fprintf(&b, "-%d", list[j].Number)
		}
		i = j + 1
	}
	return b.String()
}

// Parse reads the file of a lesson, NN-id.md. An error is one line with the position
// and, for a word that is not known, the nearest one that is.
func Parse(file string, src []byte) (*Lesson, error) {
	front, body, err := split(file, src)
	if err != nil {
		return nil, err
	}
	f, err := parseFront(file, front)
	if err != nil {
		return nil, err
	}
	number, id, _ := strings.Cut(strings.TrimSuffix(file, ".md"), "-")
	l := &Lesson{ID: f.ID, Title: f.Title, File: file, Ask: f.Ask, watch: f.Watch}
	if l.Number, err = strconv.Atoi(number); err != nil || l.Number < 1 {
		return nil, fmt.Errorf("%s:1: the name of a lesson's file begins with its number, such as 03-acks1-crash.md", file)
	}
	if id != f.ID {
		return nil, fmt.Errorf("%s:2: id %q: the name of the file says %q", file, f.ID, id)
	}
	if err := l.fill(f); err != nil {
		return nil, fmt.Errorf("%s:2: %w", file, err)
	}
	if l.parts, err = parseParts(file, body, strings.Count(string(src[:len(src)-len(body)]), "\n")); err != nil {
		return nil, err
	}
	return l, l.checkProse()
}

const fence = "---\n"

// split parts the front matter from the text.
func split(file string, src []byte) (front, body []byte, err error) {
	text := string(src)
	if !strings.HasPrefix(text, fence) {
		return nil, nil, fmt.Errorf("%s:1: want front matter: a line of --- first", file)
	}
	front1, rest, ok := strings.Cut(text[len(fence):], "\n"+fence)
	if !ok {
		return nil, nil, fmt.Errorf("%s:1: the front matter has no end: a second line of ---", file)
	}
	return []byte(front1 + "\n"), []byte(rest), nil
}

// fill makes the trials, and checks what one field alone cannot show.
func (l *Lesson) fill(f *front) error {
	if err := l.Ask.check(); err != nil {
		return err
	}
	f.Run.Name = TrialRun
	list := append([]frontTrial{f.Run}, f.Trials...)
	for _, x := range []struct {
		name, of string
		t        *frontTrial
	}{{TrialFix, TrialRun, f.Fix}, {TrialBreak, TrialFix, f.Break}} {
		if x.t == nil {
			continue
		}
		x.t.Name = x.name
		if x.t.Of == "" {
			x.t.Of = x.of
		}
		list = append(list, *x.t)
	}
	for i := range list {
		if err := l.addTrial(&list[i], i == 0); err != nil {
			return err
		}
	}
	if f.Fix != nil {
		l.Price = f.Fix.Price
	}
	if l.watch.Trial == "" {
		l.watch.Trial = TrialRun
	}
	if l.watch.Seed == 0 {
		l.watch.Seed = 1
	}
	if _, err := l.Trial(l.watch.Trial); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return l.checkAnswer()
}

func (a *Ask) check() error {
	switch {
	case a.Text == "":
		return fmt.Errorf("ask: text is missing")
	case a.Answer == "":
		return fmt.Errorf("ask: answer is missing")
	case a.Kind == "number":
		return nil
	case a.Kind != "choice":
		return fmt.Errorf("ask: kind %q: want number or choice%s", a.Kind, near.DidYouMean(a.Kind, []string{"number", "choice"}))
	case !slices.Contains(a.Choices, a.Answer):
		return fmt.Errorf("ask: answer %q is none of the choices%s", a.Answer, near.Suggest(a.Answer, a.Choices))
	}
	return nil
}

// checkAnswer refuses an answer that nobody measures.
func (l *Lesson) checkAnswer() error {
	if l.Ask.Kind != "number" {
		return nil
	}
	if _, err := l.expected(strings.Split(l.Ask.Answer, ".")); err != nil {
		return fmt.Errorf("ask: answer: %w", err)
	}
	return nil
}

// Trial is the trial of a name.
func (l *Lesson) Trial(name string) (*Trial, error) {
	var names []string
	for i := range l.Trials {
		if l.Trials[i].Name == name {
			return &l.Trials[i], nil
		}
		names = append(names, l.Trials[i].Name)
	}
	return nil, fmt.Errorf("unknown trial %q%s", name, near.Suggest(name, names))
}
