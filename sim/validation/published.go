package validation

import (
	"bytes"
	_ "embed" // the rows
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
)

//go:embed data/published.json
var publishedText []byte

// row is one published row.
type row struct {
	ID         string          `json:"id"`
	Source     string          `json:"source"`
	System     string          `json:"system"`
	What       string          `json:"what"`
	Role       string          `json:"role"` // calibrate or reference
	Measured   json.RawMessage `json:"measured"`
	FromMemory bool            `json:"from_memory"`
	Note       string          `json:"note"`
}

// source is where rows come from.
type source struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Year  int    `json:"year"`
	URL   string `json:"url"` // empty: nowhere on the net
}

type published struct {
	Sources []source `json:"sources"`
	Rows    []row    `json:"rows"`
}

// rows are the published rows. It panics if the file, which is a part of the
// program, cannot be read.
var rows = sync.OnceValue(func() *published {
	p := new(published)
	if err := json.Unmarshal(publishedText, p); err != nil {
		panic(err)
	}
	return p
})

func (p *published) row(id string) *row {
	for i := range p.Rows {
		if p.Rows[i].ID == id {
			return &p.Rows[i]
		}
	}
	panic("validation: no published row " + id)
}

// source is the title and year of a row's source, and its address.
func (p *published) source(r *row) (title, url string) {
	for _, s := range p.Sources {
		if s.ID == r.Source {
			return fmt.Sprintf("%s (%d)", s.Title, s.Year), s.URL
		}
	}
	return "", ""
}

// measured is a figure of a row: publish_ms.p50 is p50 of the object publish_ms,
// publish_p50_ms.8 what a list of pairs has for 8, and rec_s.3 of a list of numbers the
// one at place 3, from 0.
func (r *row) measured(path string) *big.Rat {
	d := json.NewDecoder(bytes.NewReader(r.Measured))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		panic(err)
	}
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			value = second(v, name)
			if k, err := strconv.Atoi(name); value == nil && err == nil && k < len(v) {
				value = v[k]
			}
		}
	}
	n, ok := value.(json.Number)
	if !ok {
		panic(fmt.Sprintf("validation: row %s has no figure %s", r.ID, path))
	}
	figure, ok := new(big.Rat).SetString(n.String())
	if !ok {
		panic(fmt.Sprintf("validation: row %s: %s is %s", r.ID, path, n))
	}
	return figure
}

// second is what a list of pairs has for a name.
func second(pairs []any, name string) any {
	for _, p := range pairs {
		if pair, ok := p.([]any); ok && len(pair) == 2 && fmt.Sprint(pair[0]) == name {
			return pair[1]
		}
	}
	return nil
}

// summary is what a row says, on one line: without its distributions.
func (r *row) summary() string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(r.Measured, &all); err != nil {
		panic(err)
	}
	delete(all, "publish_cdf")
	delete(all, "e2e_cdf")
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	text := strings.NewReplacer(`"`, "", "{", "", "}", "", ",", ", ", ":", " ").Replace(string(b))
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:197]) + "..."
	}
	return text
}
