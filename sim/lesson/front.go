package lesson

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"brokersim/broker/near"
)

// front is the front matter of a lesson.
type front struct {
	ID     string       `yaml:"id"`
	Title  string       `yaml:"title"`
	Ask    Ask          `yaml:"ask"`
	Run    frontTrial   `yaml:"run"`
	Watch  frontWatch   `yaml:"watch"`
	Trials []frontTrial `yaml:"trials"`
	Fix    *frontTrial  `yaml:"fix"`
	Break  *frontTrial  `yaml:"break"`
}

// Ask is the question. The answer to one of kind "number" is where a number is found,
// such as run.lost_acked.p50; to one of kind "choice" it is one of the choices.
type Ask struct {
	Kind    string   `yaml:"kind"`
	Text    string   `yaml:"text"`
	Unit    string   `yaml:"unit"`
	Choices []string `yaml:"choices"`
	Answer  string   `yaml:"answer"`
}

// frontTrial is what differs from the trial that it is made of.
type frontTrial struct {
	Name     string        `yaml:"name"`
	About    string        `yaml:"about"`
	Of       string        `yaml:"of"` // the trial that it changes; run, if nobody says
	Scenario string        `yaml:"scenario"`
	Seeds    int           `yaml:"seeds"`
	Set      yaml.MapSlice `yaml:"set"`
	Faults   *string       `yaml:"faults"`
	Cell     string        `yaml:"cell"` // of compare: "log safe, broker crash", for set and faults
	Plant    []string      `yaml:"plant"`
	Expect   expectations  `yaml:"expect"`
	Price    expectations  `yaml:"price"`
}

type frontWatch struct {
	Trial string `yaml:"trial"`
	Seed  uint64 `yaml:"seed"`
	About string `yaml:"about"`
}

// fieldNames are all fields of a front matter, to find what somebody may have meant.
var fieldNames = []string{
	"id", "title", "ask", "run", "watch", "trials", "fix", "break", "kind", "text", "unit", "choices", "answer",
	"name", "about", "of", "scenario", "seeds", "set", "faults", "cell", "plant", "expect", "price", "trial", "seed",
}

// Expectation is where a number of a trial must be. In a price it is a difference of
// medians.
type Expectation struct {
	Metric, Stat string
	Low, High    int64
	Line         int
}

// expectations are read from {METRIC: {STAT: [LOW, HIGH]}}; one value stands for both
// ends, and a price has no STAT.
type expectations []Expectation

// placed is an error that knows its line.
type placed struct {
	line int
	msg  string
}

func (p *placed) Error() string { return p.msg }

func at(n ast.Node, format string, args ...any) error {
	line := 1
	if t := n.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	return &placed{line, fmt.Sprintf(format, args...)}
}

// UnmarshalYAML reads the intervals in the order of the file.
func (x *expectations) UnmarshalYAML(n ast.Node) error {
	return eachPair(n, func(key string, at_, value ast.Node) error {
		m, err := findMetric(key)
		if err != nil {
			return at(at_, "%v", err)
		}
		if _, isMap := value.(ast.MapNode); !isMap {
			return x.add(m, "", value)
		}
		return eachPair(value, func(stat string, at_, value ast.Node) error {
			if err := knownStat(stat); err != nil {
				return at(at_, "%s: %v", key, err)
			}
			return x.add(m, stat, value)
		})
	})
}

func eachPair(n ast.Node, f func(key string, at, value ast.Node) error) error {
	m, ok := n.(ast.MapNode)
	if !ok {
		return at(n, "want fields with intervals, such as lost_acked: {p50: [0, 6]}")
	}
	for it := m.MapRange(); it.Next(); {
		if err := f(it.Key().GetToken().Value, it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (x *expectations) add(m metric, stat string, n ast.Node) error {
	ends := []ast.Node{n, n}
	if list, ok := n.(*ast.SequenceNode); ok {
		ends = list.Values
	}
	if len(ends) != 2 {
		return at(n, "%s: want an interval of two ends, such as [0, 6]", m.name)
	}
	e := Expectation{Metric: m.name, Stat: stat, Line: n.GetToken().Position.Line}
	for i, to := range []*int64{&e.Low, &e.High} {
		v, err := unitOf(m, stat).read(scalarText(ends[i]))
		if err != nil {
			return at(ends[i], "%s: %v", m.name, err)
		}
		*to = v
	}
	if e.Low > e.High {
		return at(n, "%s: the interval is empty: its ends are the wrong way round", m.name)
	}
	*x = append(*x, e)
	return nil
}

// scalarText is a value as it was written.
func scalarText(n ast.Node) string { return strings.Trim(n.String(), `"' `) }

// parseFront reads the front matter, which begins in the second line of its file.
func parseFront(file string, text []byte) (*front, error) {
	f := &front{}
	d := yaml.NewDecoder(bytes.NewReader(append([]byte("\n"), text...)), yaml.Strict())
	if err := d.Decode(f); err != nil {
		return nil, frontError(file, err)
	}
	return f, nil
}

// frontError is one line with its position.
func frontError(file string, err error) error {
	var own *placed
	if errors.As(err, &own) {
		return fmt.Errorf("%s:%d: %s", file, own.line, own.msg)
	}
	var e yaml.Error
	if !errors.As(err, &e) || e.GetToken() == nil {
		return fmt.Errorf("%s:1: %s", file, strings.SplitN(err.Error(), "\n", 2)[0])
	}
	word := e.GetToken().Value
	if _, unknown := err.(*yaml.UnknownFieldError); unknown || slices.Contains(strings.Fields(e.GetMessage()), "field") {
		return fmt.Errorf("%s:%d: unknown field %s%s", file, e.GetToken().Position.Line, word, near.Suggest(word, fieldNames))
	}
	return fmt.Errorf("%s:%d: %s", file, e.GetToken().Position.Line, e.GetMessage())
}
