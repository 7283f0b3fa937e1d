package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"brokersim/broker/near"
)

// parser reads a sheet token by token, so that an error has the line of what it is
// about, and a word that means nothing is one.
type parser struct {
	file string
	text []byte
	in   *json.Decoder
}

// maxFile bounds what is read: the sheets that come with this package take 4 KB.
const maxFile = 1 << 20

func (k *kind) parse(file string, text []byte) (*Sheet, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are too many for a %s", file, len(text), k.noun)
	}
	p := &parser{file: file, text: text, in: json.NewDecoder(bytes.NewReader(text))}
	p.in.UseNumber()
	s := &Sheet{kind: k, values: make(map[Field]Value)}
	groups := k.groups()
	err := p.object(func(key string) (err error) {
		switch {
		case key == "name":
			s.Name, err = p.word(key)
		case key == "about":
			s.About, err = p.word(key)
		case groups[key] != nil:
			err = p.group(s, key, groups[key])
		default:
			err = p.unknown(k.noun, key, append(k.groupNames(), "name", "about"))
		}
		return err
	})
	if err == nil {
		err = p.end()
	}
	if err == nil && s.Name == "" {
		err = p.wrong("a %s needs a name", k.noun)
	}
	if err == nil {
		if err = k.check(s); err != nil {
			err = p.wrong("%w", err)
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (k *kind) groupNames() (names []string) {
	for _, f := range k.fields {
		group, _, _ := strings.Cut(string(f.name), ".")
		if len(names) == 0 || names[len(names)-1] != group {
			names = append(names, group)
		}
	}
	return names
}

// groups are the names of the fields of each group.
func (k *kind) groups() map[string][]string {
	groups := make(map[string][]string)
	for _, f := range k.fields {
		group, name, _ := strings.Cut(string(f.name), ".")
		groups[group] = append(groups[group], name)
	}
	return groups
}

// group reads the fields of a group.
func (p *parser) group(s *Sheet, group string, names []string) error {
	return p.object(func(key string) error {
		f := s.kind.field(Field(group + "." + key))
		if f == nil {
			return p.unknown(group, key, names)
		}
		v, err := p.value(f)
		s.values[f.name] = v
		return err
	})
}

// value reads null, or the value of a field with where it comes from.
func (p *parser) value(f *field) (v Value, err error) {
	if p.null() {
		return v, nil
	}
	known := []string{"value", "source", "as_of", "note", "unverified"}
	err = p.object(func(key string) (err error) {
		switch key {
		case "value":
			v.Known, v.Number, err = p.number(f)
		case "source":
			v.Source, err = p.word(key)
		case "as_of":
			v.AsOf, err = p.word(key)
		case "note":
			v.Note, err = p.word(key)
		case "unverified":
			v.Unverified, err = p.flag(key)
		default:
			err = p.unknown(string(f.name), key, known)
		}
		return err
	})
	switch {
	case err != nil:
	case v.Known && (v.Source == "" || v.AsOf == ""):
		err = p.wrong("%s needs a source and an as_of beside its value", f.name)
	case v.AsOf != "" && !isDate(v.AsOf):
		err = p.wrong("%s: as_of %q is neither a year nor a date such as 2020-08", f.name, v.AsOf)
	}
	return v, err
}

// isDate reports whether text is a year, or one with a month, or with a day too.
func isDate(text string) bool {
	const pattern = "dddd-dd-dd"
	if n := len(text); n != 4 && n != 7 && n != 10 {
		return false
	}
	for i := range len(text) {
		if digit := text[i] >= '0' && text[i] <= '9'; digit != (pattern[i] == 'd') || !digit && text[i] != '-' {
			return false
		}
	}
	return true
}

// number reads the number of a field, or null.
func (p *parser) number(f *field) (known bool, n Number, err error) {
	t, err := p.token()
	if err != nil || t == nil {
		return false, 0, err
	}
	text, ok := t.(json.Number)
	if !ok {
		return false, 0, p.wrong("%s: the value is no number", f.name)
	}
	n, err = ParseNumber(text.String())
	if err == nil {
		err = f.accepts(n)
	}
	if err != nil {
		return false, 0, p.wrong("%s: %w", f.name, err)
	}
	return true, n, nil
}

// object reads an object, each of whose keys takes what follows it, once.
func (p *parser) object(take func(key string) error) error {
	t, err := p.token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return p.wrong("here should be an object: { ... }")
	}
	seen := make(map[string]bool)
	for p.in.More() {
		t, err := p.token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if seen[key] {
			return p.wrong("%q stands twice", key)
		}
		seen[key] = true
		if err := take(key); err != nil {
			return err
		}
	}
	_, err = p.token()
	return err
}

func (p *parser) word(key string) (string, error) {
	t, err := p.token()
	if err != nil {
		return "", err
	}
	word, ok := t.(string)
	if !ok {
		return "", p.wrong("%s is no text in quotes", key)
	}
	return word, nil
}

func (p *parser) flag(key string) (bool, error) {
	t, err := p.token()
	if err != nil {
		return false, err
	}
	flag, ok := t.(bool)
	if !ok {
		return false, p.wrong("%s is neither true nor false", key)
	}
	return flag, nil
}

// null takes a null if one comes next.
func (p *parser) null() bool {
	rest := bytes.TrimLeft(p.text[p.in.InputOffset():], " \t\r\n:")
	if !bytes.HasPrefix(rest, []byte("null")) {
		return false
	}
	_, err := p.token()
	return err == nil
}

// end sees that nothing follows.
func (p *parser) end() error {
	if _, err := p.in.Token(); !errors.Is(err, io.EOF) {
		return p.wrong("something follows the end")
	}
	return nil
}

func (p *parser) token() (json.Token, error) {
	t, err := p.in.Token()
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax): // its offset is that of a part
		rest := bytes.TrimLeft(p.text[p.in.InputOffset():], " \t\r\n:,")
		return nil, p.wrongAt(int64(len(p.text)-len(rest)), "%w", err)
	case errors.Is(err, io.EOF):
		return nil, p.wrong("the file ends too early")
	case err != nil:
		return nil, p.wrong("%w", err)
	}
	return t, nil
}

func (p *parser) unknown(what, key string, known []string) error {
	return p.wrong("a %s has no %q%s", what, key, near.Suggest(key, known))
}

func (p *parser) wrong(format string, args ...any) error {
	return p.wrongAt(p.in.InputOffset(), format, args...)
}

// wrongAt is an error at a place of the text.
func (p *parser) wrongAt(offset int64, format string, args ...any) error {
	line := 1 + bytes.Count(p.text[:min(max(offset, 0), int64(len(p.text)))], []byte("\n"))
	return fmt.Errorf("%s:%d: %w", p.file, line, fmt.Errorf(format, args...))
}
