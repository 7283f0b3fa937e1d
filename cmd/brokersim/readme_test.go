package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const readme = "../../README.md"

// consoleBlock is a block of commands, each with "$ " before it and what it
// prints behind it.
var consoleBlock = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// Every command that the README shows prints what the README says, byte for
// byte. The commands run in one empty directory, one after the other.
func TestReadme(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	executed := 0
	fresh := consoleBlock.ReplaceAllFunc(text, func(block []byte) []byte {
		body := consoleBlock.FindSubmatch(block)[1]
		var out bytes.Buffer
		out.WriteString("```console\n")
		for _, part := range strings.Split("\n"+string(body), "\n$ ")[1:] {
			command, shown, _ := strings.Cut(part, "\n")
			out.WriteString("$ " + command + "\n")
			if !executable(command) {
				if shown = strings.TrimSuffix(shown, "\n"); shown != "" {
					t.Errorf("$ %s: shows an output that no test compares", command)
				}
				continue
			}
			executed++
			out.Write(execute(t, dir, command))
		}
		out.WriteString("```")
		return out.Bytes()
	})
	if executed == 0 {
		t.Error("no command of the README was executed")
	}
	if !bytes.Contains(fresh, []byte("\nBROKEN ")) {
		t.Error("the README shows no broken promise any more: choose another seed")
	}
	if bytes.Equal(fresh, text) {
		return
	}
	if *update {
		if err := os.WriteFile(readme, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("README.md is out of date: go test ./cmd/brokersim -run Readme -update\n%s", firstDifference(string(text), string(fresh)))
}

// executable reports whether the test runs a command: not one that would fetch,
// install, or run this test in itself.
func executable(command string) bool {
	return strings.HasPrefix(command, "go run ./cmd/brokersim ") || strings.HasPrefix(command, "brokersim ")
}

// execute returns what a command prints on stdout and stderr together.
func execute(t *testing.T, dir, command string) []byte {
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "go run ./cmd/brokersim", "brokersim"))
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if len(out) == 0 && err != nil {
		t.Errorf("$ %s: %v", command, err)
	}
	return out
}

func firstDifference(got, want string) string {
	for {
		a, restA, moreA := strings.Cut(got, "\n")
		b, restB, moreB := strings.Cut(want, "\n")
		if a != b || !moreA || !moreB {
			return "it says\n  " + a + "\nand it should say\n  " + b
		}
		got, want = restA, restB
	}
}
