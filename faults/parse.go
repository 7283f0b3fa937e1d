package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/near"
)

// longest is how late a step may be undone, and how long anything may take: more
// is a slip of the unit.
const longest = 24 * time.Hour

// mostFrames is how many frames one step may drop.
const mostFrames = 1_000_000

// Vocabulary is what a schedule may speak of. Every other word is an error.
type Vocabulary struct {
	Roles      []string          // asked of a [View]: "leader", the names of clients
	Nodes      []string          // the nodes that there are: "b1", "c101"
	Partitions []string          // what a role may be asked about: "orders-0"
	Classes    map[string]uint16 // classes of frames, as senders number them: "produce"
	Steps      []string          // named steps of nodes, after which they may be ended: "append"
}

// Error is what is wrong with a schedule, and where. Lines and columns count
// from 1, columns in bytes.
type Error struct {
	Line, Column int
	Msg          string
}

// Error returns the position and the message in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Parse reads a schedule; the package comment has the grammar. The error, an
// [*Error], is about the first line that is wrong, and names the nearest right
// word where there is one.
func Parse(text string, v Vocabulary) (Schedule, error) {
	var s Schedule
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		number++
		p := parser{vocabulary: &v, line: number, words: split(line)}
		p.end = 1 + len(strings.TrimRight(line, " \t\r"))
		if len(p.words) == 0 {
			continue
		}
		step, err := p.step()
		if err != nil {
			return nil, err
		}
		s = append(s, step)
	}
	return s, nil
}

// word is a word of a line and the column where it begins.
type word struct {
	text   string
	column int
}

// split returns the words before a comment.
func split(line string) []word {
	line, _, _ = strings.Cut(line, "#")
	var words []word
	begin := -1
	for i := range len(line) + 1 {
		space := i == len(line) || line[i] == ' ' || line[i] == '\t' || line[i] == '\r'
		switch {
		case space && begin >= 0:
			words = append(words, word{line[begin:i], begin + 1})
			begin = -1
		case !space && begin < 0:
			begin = i
		}
	}
	return words
}

// parser reads the words of one line.
type parser struct {
	vocabulary *Vocabulary
	line, end  int
	words      []word
}

func (p *parser) fail(w word, format string, args ...any) error {
	return &Error{Line: p.line, Column: w.column, Msg: fmt.Sprintf(format, args...)}
}

// next takes the next word; usage says what the line should look like when there
// is none.
func (p *parser) next(usage string) (word, error) {
	if len(p.words) == 0 {
		return word{}, p.fail(word{column: p.end}, "something is missing: want %s", usage)
	}
	w := p.words[0]
	p.words = p.words[1:]
	return w, nil
}

func (p *parser) step() (Step, error) {
	s := Step{Line: p.line}
	if err := p.when(&s); err != nil {
		return s, err
	}
	forWord, err := p.duringFor(&s)
	if err != nil {
		return s, err
	}
	if err := p.verb(&s); err != nil {
		return s, err
	}
	if s.For != 0 && verbs[s.Verb].undo == 0 {
		return s, p.fail(forWord, "%v cannot be undone after a while: leave out \"for\"", s.Verb)
	}
	if err := p.operands(&s); err != nil {
		return s, err
	}
	if len(p.words) > 0 {
		return s, p.fail(p.words[0], "%q is too much: want %s", p.words[0].text, verbs[s.Verb].usage)
	}
	return s, nil
}

// when reads the time, or the window that it is drawn from.
func (p *parser) when(s *Step) error {
	w, err := p.next("a time and a verb")
	if err != nil {
		return err
	}
	from, to, window := strings.Cut(w.text, "..")
	if s.From, err = p.duration(word{from, w.column}, "time"); err != nil {
		return err
	}
	s.To = s.From
	if !window {
		return nil
	}
	if s.To, err = p.duration(word{to, w.column + len(from) + 2}, "time"); err != nil {
		return err
	}
	if s.To < s.From {
		return p.fail(w, "the window %s ends before it begins", w.text)
	}
	return nil
}

// duringFor reads "for DURATION", if it is there, and returns the word "for".
func (p *parser) duringFor(s *Step) (word, error) {
	if len(p.words) == 0 || p.words[0].text != "for" {
		return word{}, nil
	}
	forWord, _ := p.next("")
	w, err := p.next("for DURATION")
	if err != nil {
		return forWord, err
	}
	if s.For, err = p.duration(w, "duration"); err != nil {
		return forWord, err
	}
	if s.For == 0 {
		return forWord, p.fail(w, "a step for %s would never be seen", w.text)
	}
	if s.To+s.For > longest {
		return forWord, p.fail(w, "undone at %v, which is more than %v", s.To+s.For, longest)
	}
	return forWord, nil
}

func (p *parser) duration(w word, what string) (time.Duration, error) {
	if strings.HasPrefix(w.text, "-") {
		return 0, p.fail(w, "negative %s %q", what, w.text)
	}
	if w.text != "" && strings.Trim(w.text, "0123456789.") == "" {
		return 0, p.fail(w, "%s %q has no unit; did you mean %q?", what, w.text, w.text+"s")
	}
	d, err := time.ParseDuration(w.text)
	switch {
	case err != nil || strings.HasPrefix(w.text, "+"):
		return 0, p.fail(w, "%q is no %s: want one with its unit, such as 500ms or 1.5s", w.text, what)
	case d > longest:
		return 0, p.fail(w, "%s %s is more than %v", what, w.text, longest)
	}
	return d, nil
}

func (p *parser) verb(s *Step) error {
	w, err := p.next("a verb after the time")
	if err != nil {
		return err
	}
	names := make([]string, 0, numVerbs)
	for v := Cut; v < numVerbs; v++ {
		if v == ResetAfterAccept {
			continue // two words, read below
		}
		if names = append(names, v.String()); v.String() == w.text {
			s.Verb = v
		}
	}
	if s.Verb == 0 {
		return p.fail(w, "unknown verb %q%s", w.text, near.Suggest(w.text, names))
	}
	if s.Verb == Reset && len(p.words) > 0 {
		switch after := p.words[0]; {
		case after.text == "after-accept":
			s.Verb = ResetAfterAccept
			p.words = p.words[1:]
		case len(p.words) >= 3:
			return p.fail(after, "unknown word %q%s", after.text, near.Suggest(after.text, []string{"after-accept"}))
		}
	}
	return nil
}

// operands reads what stands after the verb.
func (p *parser) operands(s *Step) error {
	shape := verbs[s.Verb].shape
	if shape == frames || shape == frame || shape == lateFrame {
		if err := p.class(s); err != nil {
			return err
		}
	}
	if shape == stepNode {
		if err := p.namedStep(s); err != nil {
			return err
		}
	}
	a, err := p.target(s, &s.A)
	if err != nil {
		return err
	}
	switch shape {
	case nodeOrAll, node, stepNode:
		return nil
	case linkOrAll:
		if s.ofAll() && len(p.words) == 0 {
			return nil
		}
	case nodeOffset:
		return p.offset(s)
	case nodePPM:
		return p.partsPerMillion(s)
	case nodeFactor:
		return p.factor(s)
	case nodeBytes:
		return p.bytes(s)
	case nodeFiles:
		return p.files(s)
	case filesOrOff, nodeOrOff:
		return p.filesOrOff(s, shape == filesOrOff)
	}
	if _, err = p.target(s, &s.B); err != nil {
		return err
	}
	if s.A.equal(s.B) && s.A.Role != everyone && len(s.A.Nodes) < 2 {
		return p.fail(a, "%s has no link with itself", a.text)
	}
	switch shape {
	case slowLink, lateFrame:
		return p.delay(s)
	case frames:
		return p.count(s)
	case rateLink:
		return p.rate(s)
	}
	return nil
}

func (p *parser) class(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	id, known := p.vocabulary.Classes[w.text]
	if !known {
		return p.fail(w, "unknown class of frames %q%s", w.text, near.Suggest(w.text, slices.Sorted(maps.Keys(p.vocabulary.Classes))))
	}
	s.Class, s.ClassID = w.text, id
	return nil
}

// namedStep reads the step of a node at which it is ended.
func (p *parser) namedStep(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	if !slices.Contains(p.vocabulary.Steps, w.text) {
		return p.fail(w, "unknown step of a node %q%s", w.text, near.Suggest(w.text, p.vocabulary.Steps))
	}
	s.Class = w.text
	return nil
}

func (p *parser) delay(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	s.By, err = p.duration(w, "delay")
	if err == nil && s.By == 0 && s.For != 0 {
		err = p.fail(w, "a delay of %s changes nothing that could be undone", w.text)
	}
	return err
}

func (p *parser) offset(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	sign, size := time.Duration(0), w
	switch {
	case strings.HasPrefix(w.text, "+"):
		sign = 1
	case strings.HasPrefix(w.text, "-"):
		sign = -1
	default:
		return p.fail(w, "offset %q has no sign; did you mean %q?", w.text, "+"+w.text)
	}
	size.text, size.column = w.text[1:], w.column+1
	d, err := p.duration(size, "offset")
	if err == nil && d == 0 {
		err = p.fail(w, "an offset of %s changes nothing", w.text)
	}
	s.By = sign * d
	return err
}

func (p *parser) count(s *Step) error {
	s.N = 1
	if len(p.words) == 0 {
		return nil
	}
	w, _ := p.next("")
	n, err := strconv.Atoi(w.text)
	if err != nil || n < 1 || n > mostFrames || strconv.Itoa(n) != w.text {
		return p.fail(w, "%q is no number of frames: want 1 to %d", w.text, mostFrames)
	}
	s.N = n
	return nil
}
