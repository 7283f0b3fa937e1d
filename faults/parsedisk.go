package faults

import (
	"path"
	"strconv"
	"strings"
)

// Bounds of the numbers that a step may have.
const (
	mostBytes = 1_000_000_000 // a second
	mostTimes = 1_000_000
	mostDrift = 100_000 // parts per million
)

// number reads a whole number from least to most as it would be printed.
func number(text string, least, most int) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= least && n <= most && strconv.Itoa(n) == text
}

// rate reads "N/s".
func (p *parser) rate(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	digits, perSecond := strings.CutSuffix(w.text, "/s")
	n, ok := number(digits, 0, mostBytes)
	switch {
	case !ok:
		return p.fail(w, "%q is no rate: want 0/s to %d/s, in bytes", w.text, mostBytes)
	case !perSecond:
		return p.fail(w, "rate %q has no unit; did you mean %q?", w.text, w.text+"/s")
	case n == 0 && s.For != 0:
		return p.fail(w, "a rate of %s ends a throttle: there is nothing that could be undone", w.text)
	}
	s.N = n
	return nil
}

// factor reads how many times slower a disk becomes.
func (p *parser) factor(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	n, ok := number(w.text, 1, mostTimes)
	switch {
	case !ok:
		return p.fail(w, "%q is no factor: want 1 to %d", w.text, mostTimes)
	case n == 1 && s.For != 0:
		return p.fail(w, "a factor of 1 changes nothing that could be undone")
	}
	s.N = n
	return nil
}

// bytes reads how much memory a node may take.
func (p *parser) bytes(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	n, ok := number(w.text, 0, mostBytes)
	switch {
	case !ok:
		return p.fail(w, "%q is no number of bytes: want 0 to %d", w.text, mostBytes)
	case n == 0 && s.For != 0:
		return p.fail(w, "0 ends a limit of the memory: there is nothing that could be undone")
	}
	s.N = n
	return nil
}

// partsPerMillion reads a drift with its sign.
func (p *parser) partsPerMillion(s *Step) error {
	w, err := p.next(verbs[s.Verb].usage)
	if err != nil {
		return err
	}
	if w.text != "" && strings.Trim(w.text, "0123456789") == "" {
		return p.fail(w, "drift %q has no sign; did you mean %q?", w.text, "+"+w.text)
	}
	n, ok := number(strings.TrimPrefix(w.text, "+"), -mostDrift, mostDrift)
	if !ok || n == 0 || strings.HasPrefix(w.text, "+") != (n > 0) {
		return p.fail(w, "%q is no drift: want +1 to +%d or -1 to -%d parts per million", w.text, mostDrift, mostDrift)
	}
	s.N = n
	return nil
}

// files reads a pattern of files, if there is one.
func (p *parser) files(s *Step) error {
	if len(p.words) == 0 {
		return nil
	}
	w, _ := p.next("")
	if _, err := path.Match(w.text, ""); err != nil {
		return p.fail(w, "%q is no pattern of files: %v", w.text, err)
	}
	if w.text == off {
		return p.fail(w, "%v has no end: leave out %q", s.Verb, off)
	}
	s.Files = w.text
	return nil
}

const off = "off"

// filesOrOff reads a pattern, where one may stand, and "off".
func (p *parser) filesOrOff(s *Step, withFiles bool) error {
	if withFiles && len(p.words) > 0 && p.words[0].text != off {
		if err := p.files(s); err != nil {
			return err
		}
	}
	if len(p.words) == 0 || p.words[0].text != off {
		return nil
	}
	w, _ := p.next("")
	if s.For != 0 {
		return p.fail(w, "%q with \"for\" would begin it: leave out one of the two", off)
	}
	s.Off = true
	return nil
}
