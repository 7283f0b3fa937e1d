package main

import (
	"fmt"
	"strings"
)

// repeat is the command line that makes the same run again: all that decides
// what happens, and nothing about what is written where.
func (f *runFlags) repeat(seed uint64) string {
	name := f.scenario
	if strings.HasPrefix(name, "-") && name != "-" {
		name = "./" + name // no flag
	}
	words := []string{"brokersim", "run", name, "--seed", fmt.Sprintf("%#x", seed)}
	for _, p := range f.properties {
		words = append(words, p.flag, p.path)
	}
	for _, s := range f.set {
		words = append(words, "--set", s)
	}
	if f.faults != nil {
		words = append(words, "--faults", *f.faults)
	}
	for _, s := range f.plant {
		words = append(words, "--plant", s)
	}
	for _, s := range f.promise {
		words = append(words, "--promise", s)
	}
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// plainWord are the characters that no shell takes for its own.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

// shellWord quotes s so that a POSIX shell reads it as one word.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, plainWord) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
