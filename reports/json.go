package reports

import (
	"bytes"
	"encoding/json"
	"io"

	"brokersim/checker/result"
)

// JSON writes a result as one line of JSON: its fields in the order of
// [result.Result], no HTML escapes, a list that is empty as [] and never null.
// The same result gives the same bytes.
func JSON(w io.Writer, r result.Result) error {
	r.Promise.Properties = list(r.Promise.Properties)
	r.Faults = list(r.Faults)
	r.Findings = append([]result.Finding{}, r.Findings...)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Violations = append([]result.Violation{}, f.Violations...)
		for j := range f.Violations {
			f.Violations[j].Witness = list(f.Violations[j].Witness)
		}
	}
	if r.Reached == nil {
		r.Reached = map[string]int64{}
	}
	return encode(w, &r)
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// encode writes a value as one line of JSON without HTML escapes.
func encode(w io.Writer, value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
