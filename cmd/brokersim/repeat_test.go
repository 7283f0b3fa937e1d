package main

import (
	"os/exec"
	"strings"
	"testing"

	"brokersim/broker/log/config"
)

func TestRepeat(t *testing.T) {
	faults := "1s crash leader; 2s restart *"
	for want, f := range map[string]runFlags{
		"brokersim run orders --seed 0x1":      {scenario: "orders"},
		"brokersim run ./-x.yaml --seed 0x1":   {scenario: "-x.yaml"},
		"brokersim run - --seed 0x1":           {scenario: "-", json: true, history: "h", trace: "log"},
		"brokersim run 'my file' --seed 0x1":   {scenario: "my file"},
		`brokersim run 'it'\''s' --seed 0x1`:   {scenario: "it's"},
		"brokersim run a --seed 0x1 --set k=v": {scenario: "a", set: []string{"k=v"}},
		"brokersim run a --seed 0x1 --server-properties s --set a=b --set 'c=$d' --faults '1s crash leader; 2s restart *' --plant B --promise p": {
			scenario: "a", set: []string{"a=b", "c=$d"}, faults: &faults, plant: []string{"B"}, promise: []string{"p"},
			properties: []propertyFile{{"--server-properties", config.BrokerScope, "s"}}},
	} {
		if got := f.repeat(1); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

// A shell reads back what was quoted.
func TestShellWord(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh")
	}
	words := []string{"plain", "", " ", "a b", "it's", `"`, `\`, "$HOME", "`x`", "*", "a;b", "~", "#c", "a\nb", "!x", "{a,b}", "é", "(", "a=b", "-x"}
	var script strings.Builder
	script.WriteString(`printf '%s\0'`)
	for _, w := range words {
		script.WriteString(" " + shellWord(w))
	}
	out, err := exec.Command(sh, "-c", script.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(words, "\x00") + "\x00"; string(out) != want {
		t.Errorf("\n got %q\nwant %q", out, want)
	}
}
