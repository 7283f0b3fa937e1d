package differential

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed differences*.txt
var files embed.FS

// allowed is a difference that may be, with its reason.
type allowed struct {
	file        string
	line        int
	step, field string // patterns: * is anything
	reason      string
	used        int
}

// readDifferences reads what may differ from any Kafka, and from that of a version.
func readDifferences(version string) (list []*allowed, err error) {
	major, _, _ := strings.Cut(version, ".")
	for _, file := range []string{"differences.txt", "differences-" + major + ".txt"} {
		b, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		of, err := readAllowed(file, string(b))
		if err != nil {
			return nil, err
		}
		list = append(list, of...)
	}
	return list, nil
}

// readAllowed reads a file of differences: three fields a line, step | field | reason.
func readAllowed(file, text string) (list []*allowed, err error) {
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "|")
		if len(f) != 3 {
			return nil, fmt.Errorf("%s:%d: want step | field | reason", file, i+1)
		}
		a := &allowed{file: file, line: i + 1, step: strings.TrimSpace(f[0]), field: strings.TrimSpace(f[1]), reason: strings.TrimSpace(f[2])}
		if a.step == "" || a.field == "" || a.reason == "" {
			return nil, fmt.Errorf("%s:%d: a step, a field or a reason is missing", file, i+1)
		}
		list = append(list, a)
	}
	return list, nil
}

// matches reports whether text is as pattern says, in which * is any text.
func matches(pattern, text string) bool {
	// path.Match knows [ ] and /, which mean nothing here.
	clean := strings.NewReplacer("[", "(", "]", ")", "/", ":", "\\", "", "?", "")
	ok, err := path.Match(clean.Replace(pattern), clean.Replace(text))
	return ok && err == nil
}

// split tells what is allowed from what is not.
func split(list []*allowed, found []Difference) (wrong []Difference) {
next:
	for _, d := range found {
		for _, a := range list {
			if matches(a.step, d.step()) && matches(a.field, d.Field) {
				a.used++
				continue next
			}
		}
		wrong = append(wrong, d)
	}
	return wrong
}
