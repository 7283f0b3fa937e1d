package reports

import (
	"strings"
)

// pack puts items into lines of at most width characters, and breaks only those
// that are longer.
func pack(items []string, between string, width int) (lines []string) {
	line := ""
	for i, item := range items {
		if i < len(items)-1 {
			item += strings.TrimRight(between, " ")
		}
		joined := line + between[len(strings.TrimRight(between, " ")):] + item
		switch {
		case line == "":
			line = item
		case len([]rune(joined)) <= width:
			line = joined
		default:
			lines = append(lines, wrap(line, width)...)
			line = item
		}
	}
	if line != "" {
		lines = append(lines, wrap(line, width)...)
	}
	return lines
}

// wrap breaks a text into lines of at most width characters, between words
// where it can.
func wrap(s string, width int) (lines []string) {
	return wrapBy(s, func(line string) bool { return len([]rune(line)) <= width })
}

// wrapBy breaks a text into lines that fit: between words, in a word that is too
// long after a comma, such as those of a list of nodes, or anywhere. A line has at
// least one character.
func wrapBy(s string, fits func(string) bool) (lines []string) {
	line := ""
	for _, word := range splitAfterSpaces(s) {
		if line != "" && !fits(line+strings.TrimRight(word, " ")) {
			lines = append(lines, strings.TrimRight(line, " "))
			line = ""
		}
		for !fits(strings.TrimRight(word, " ")) {
			n := 1
			runes := []rune(word)
			for n < len(runes) && fits(string(runes[:n+1])) {
				n++
			}
			if n == len(runes) {
				break
			}
			if comma := strings.LastIndexByte(string(runes[:n]), ','); comma > 0 {
				n = len([]rune(string(runes[:n])[:comma])) + 1
			}
			lines = append(lines, string(runes[:n]))
			word = string(runes[n:])
		}
		line += word
	}
	if line = strings.TrimRight(line, " "); line != "" || lines == nil {
		lines = append(lines, line)
	}
	return lines
}

// splitAfterSpaces are the words of a text, each with the spaces after it.
func splitAfterSpaces(s string) (words []string) {
	start := 0
	for i := 1; i < len(s); i++ {
		if s[i-1] == ' ' && s[i] != ' ' {
			words = append(words, s[start:i])
			start = i
		}
	}
	return append(words, s[start:])
}

// short cuts a text down to n characters.
func short(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-3]) + "..."
}
