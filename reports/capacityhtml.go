package reports

import (
	"bytes"
	_ "embed" // the page and what its style has more
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// Picture is a plot for a page. SVG is markup that its maker has escaped; it is
// drawn in the colours of the page.
type Picture struct {
	Name, Title, About string
	Wide               bool
	SVG                string
	CSV                []byte // the numbers behind it
}

var (
	//go:embed capacity.tmpl
	capacityText string
	//go:embed capacity.css
	capacityStyle string

	capacityPage = template.Must(template.New("capacity").Funcs(template.FuncMap{"clean": clean, "count": result.Count[int]}).Parse(capacityText))
)

// CapacityHTML writes a study as one page that needs nothing else: no script, no
// font, no address but those of its sources. Whatever its pictures show stands in
// tables or in the CSV that each carries.
func CapacityHTML(w io.Writer, c *result.Capacity, pictures []Picture) error {
	var b bytes.Buffer
	if err := capacityPage.Execute(&b, newCapacityView(c, pictures)); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

type capacityView struct {
	C              *result.Capacity
	Style          template.CSS
	Class, Word    string
	Sentence, More string // the answer, and what is said with it
	Runs           string
	Facts          []fact
	Sections       []sectionView
}

type sectionView struct {
	section
	ID       string
	Pictures []pictureView
}

type pictureView struct {
	Name, Title, About string
	Wide               bool
	SVG                template.HTML
	Data               template.URL
}

func newCapacityView(c *result.Capacity, pictures []Picture) *capacityView {
	v := &capacityView{
		C: c, Style: template.CSS(pageStyle + capacityStyle), Class: capacityOutcome(c), Word: capacityWord(c), //nolint:gosec // our own files
		Runs: capacityRuns(c), Facts: capacityFacts(c),
	}
	v.Sentence, v.More = headline(capacitySentence(c))
	shown := map[string]bool{}
	for _, s := range capacitySections(c) {
		v.add(s, pictures, s.shows, shown)
	}
	v.add(section{Title: "More plots"}, pictures, func(p *Picture) bool { return !shown[p.Name] }, shown)
	return v
}

// headline is the first sentence of a text, and the rest.
func headline(text string) (first, rest string) {
	before, after, more := strings.Cut(text, ". ")
	if more {
		before += "."
	}
	return before, after
}

// add adds a section with those pictures that are wanted, unless it is empty.
func (v *capacityView) add(s section, pictures []Picture, wanted func(*Picture) bool, shown map[string]bool) {
	x := sectionView{section: s, ID: sectionID(s.Title)}
	for i := range pictures {
		if p := &pictures[i]; wanted(p) {
			shown[p.Name] = true
			x.Pictures = append(x.Pictures, pictureView{
				Name: p.Name, Title: p.Title, About: p.About, Wide: p.Wide,
				SVG:  template.HTML(p.SVG),                                                             //nolint:gosec // see Picture
				Data: template.URL("data:text/csv;base64," + base64.StdEncoding.EncodeToString(p.CSV)), //nolint:gosec // base64 has no markup
			})
		}
	}
	x.Tables = slices.DeleteFunc(slices.Clone(s.Tables), func(t table) bool { return len(t.Rows) == 0 })
	if len(x.Pictures)+len(x.Tables)+len(x.Words) > 0 {
		v.Sections = append(v.Sections, x)
	}
}

// shows reports whether a plot belongs to a section.
func (s *section) shows(p *Picture) bool {
	return slices.ContainsFunc(s.Pictures, func(name string) bool {
		return name == p.Name || strings.HasSuffix(name, "-") && strings.HasPrefix(p.Name, name)
	})
}

// sectionID is what a link to a section names.
func sectionID(title string) string {
	id := []rune{}
	for _, r := range title {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		if r < 'a' || r > 'z' {
			r = '-'
		}
		id = append(id, r)
	}
	return string(id)
}
