package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Properties reads a file in the syntax of java.util.Properties, as Kafka's
// server.properties and the files of its command line clients are. Its names
// are Kafka's own: scope says whose. The text is taken as UTF-8. Whether the
// names and values are right is for [Resolve] to say.
func Properties(scope Scope, file string, src []byte) (Layer, error) {
	l := Layer{Source: file}
	p := propertyLines{rest: strings.TrimPrefix(string(src), "\ufeff")}
	for {
		line, at, ok := p.next()
		if !ok {
			return l, nil
		}
		key, val, blank, err := splitProperty(line)
		if err != nil {
			return Layer{}, &Error{Place: fmt.Sprintf("%s:%d", file, at), Msg: err.Error()}
		}
		l.Entries = append(l.Entries, Entry{Key: scope.String() + "." + key, Value: val, Line: at})
		if blank {
			if l.blank == nil {
				l.blank = make(map[int]bool)
			}
			l.blank[at] = true
		}
	}
}

// propertyLines cuts a file into logical lines.
type propertyLines struct {
	rest string
	line int // of the last natural line read
}

const blanks = " \t\f"

func (p *propertyLines) natural() (string, bool) {
	if p.rest == "" {
		return "", false
	}
	p.line++
	end := strings.IndexAny(p.rest, "\r\n")
	if end < 0 {
		line := p.rest
		p.rest = ""
		return line, true
	}
	line, rest := p.rest[:end], p.rest[end+1:]
	if p.rest[end] == '\r' {
		rest = strings.TrimPrefix(rest, "\n")
	}
	p.rest = rest
	return line, true
}

// next returns the next line that is neither blank nor a comment, joined with
// those that continue it, and where it begins. A line that continues another is
// never a comment.
func (p *propertyLines) next() (line string, at int, ok bool) {
	for {
		line, ok = p.natural()
		if !ok {
			return "", 0, false
		}
		line = strings.TrimLeft(line, blanks)
		if line != "" && line[0] != '#' && line[0] != '!' {
			break
		}
	}
	at = p.line
	var joined strings.Builder
	for continues(line) {
		joined.WriteString(line[:len(line)-1])
		if line, ok = p.natural(); !ok {
			break
		}
		line = strings.TrimLeft(line, blanks)
	}
	joined.WriteString(line)
	return joined.String(), at, true
}

// continues reports whether a line ends in an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty cuts a logical line at its first '=', ':' or blank that is not
// escaped. It reports whether only a blank is between the two.
func splitProperty(line string) (key, val string, blank bool, err error) {
	end := 0
	for end < len(line) && !strings.ContainsRune(blanks+"=:", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], blanks)
	blank = rest != "" && rest[0] != '=' && rest[0] != ':'
	if rest != "" && !blank {
		rest = strings.TrimLeft(rest[1:], blanks)
	}
	if key, err = unescape(line[:end]); err != nil {
		return "", "", false, err
	}
	val, err = unescape(rest)
	return key, val, blank, err
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			break // the file ends in a continuation
		}
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			hex := s[i+1 : min(i+5, len(s))]
			x, err := strconv.ParseUint(hex, 16, 16)
			if err != nil || len(hex) < 4 {
				return "", fmt.Errorf(`%q: want four hex digits after \u`, `\u`+hex)
			}
			b.WriteRune(rune(x))
			i += 4
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}
