package faults

import (
	"strings"
	"testing"
)

func TestPresets(t *testing.T) {
	names := Presets()
	if len(names) < 6 {
		t.Fatalf("only the presets %v", names)
	}
	vocabulary := Vocabulary{Roles: []string{"leader", "follower", "controller"}}
	for _, name := range names {
		text, err := Preset(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		s, err := Parse(text, vocabulary)
		if err != nil || len(s) == 0 {
			t.Errorf("%s: %d steps, %v", name, len(s), err)
		}
		if !strings.HasPrefix(text, "# ") {
			t.Errorf("%s does not begin with what it does", name)
		}
		if w := s.Stranded("controller"); w != "" {
			t.Errorf("%s: %s", name, w)
		}
		for _, at := range s.Plan(1) {
			if at.Step.From != at.Step.To && at.Step.For == 0 {
				t.Errorf("%s: %v is undone at a time that does not follow it", name, &at.Step)
			}
		}
	}
}

func TestUnknownPreset(t *testing.T) {
	for name, want := range map[string]string{
		"leader-powerloss": `unknown preset of faults "leader-powerloss"; did you mean "leader-power-loss"?`,
		"":                 "there are controller-crash, follower-cut",
		"../doc":           `unknown preset of faults "../doc"`,
	} {
		if _, err := Preset(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Preset(%q): %v, want %s", name, err, want)
		}
	}
}
