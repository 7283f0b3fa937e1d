package failpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// chain is a parsed list of terms: the first that still has a count gives the
// value. It is the evaluator on js; elsewhere the library evaluates the same
// text, and a test holds the two against each other.
type chain []term

type term struct {
	left  int // how often it may still be used; unlimited if negative
	value Value
}

func (c chain) eval() (Value, bool) {
	for i := range c {
		switch t := &c[i]; {
		case t.left < 0:
			return t.value, true
		case t.left > 0:
			t.left--
			return t.value, true
		}
	}
	return nil, false
}

// parseTerms reads
//
//	terms = term { "->" term }
//	term  = [ count "*" ] "return(" [ value ] ")"
//	count = 1 .. 999999999
//	value = a decimal int32 | true | false | "printable ASCII without \ and "" "
//
// The library reads more, some of it by accident ("return(1x)" is 1,
// "return->return(1)" is nil, escapes are cut off); the values here are those
// that it and any other reader must agree upon, on 32 and 64 bits.
func parseTerms(text string) (chain, error) {
	p := termParser{text: text}
	var terms chain
	for {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
		if p.at == len(text) {
			return terms, nil
		}
		if !p.accept("->") {
			return nil, p.fail(`want "->" or the end`)
		}
	}
}

type termParser struct {
	text string
	at   int
}

func (p *termParser) accept(word string) bool {
	if strings.HasPrefix(p.text[p.at:], word) {
		p.at += len(word)
		return true
	}
	return false
}

func (p *termParser) fail(want string) error {
	return fmt.Errorf("terms %q, column %d: %s", p.text, p.at+1, want)
}

func (p *termParser) term() (term, error) {
	t := term{left: -1}
	if digits := p.digits(); digits > 0 {
		count := p.text[p.at : p.at+digits]
		if p.at+digits == len(p.text) || p.text[p.at+digits] != '*' {
			p.at += digits
			return t, p.fail(`want "*" after a count (no "%": a probability is the site's threshold)`)
		}
		if count[0] == '0' || digits > 9 {
			return t, p.fail("want a count in 1..999999999")
		}
		t.left, _ = strconv.Atoi(count)
		p.at += digits + 1
	}
	if !p.accept("return(") {
		return t, p.fail("want return(...): no other action stays inside the simulation")
	}
	end := p.valueEnd()
	if end < 0 {
		return t, p.fail(`want ")"`)
	}
	value, ok := parseValue(p.text[p.at:end])
	if !ok {
		return t, p.fail(`want a decimal int32, true, false, a "string" of printable ASCII without \ or quotes, or nothing`)
	}
	t.value = value
	p.at = end + 1
	return t, nil
}

// digits counts the digits that come next.
func (p *termParser) digits() int {
	n := 0
	for p.at+n < len(p.text) && '0' <= p.text[p.at+n] && p.text[p.at+n] <= '9' {
		n++
	}
	return n
}

// valueEnd is the index of the parenthesis that ends the value, which may be a
// string with parentheses inside; negative if there is none.
func (p *termParser) valueEnd() int {
	quoted := false
	for i := p.at; i < len(p.text); i++ {
		switch p.text[i] {
		case '"':
			quoted = !quoted
		case ')':
			if !quoted {
				return i
			}
		}
	}
	return -1
}

func parseValue(s string) (Value, bool) {
	switch s {
	case "":
		return struct{}{}, true
	case "true":
		return true, true
	case "false":
		return false, true
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return int(n), strconv.FormatInt(n, 10) == s // neither +1 nor 01 nor -0
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return nil, false
	}
	for _, c := range []byte(s[1 : len(s)-1]) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return nil, false
		}
	}
	return s[1 : len(s)-1], true
}
