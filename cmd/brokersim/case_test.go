package main

import "testing"

// ";" ends a step of a one-liner as a new line does, but not within a comment.
func TestSteps(t *testing.T) {
	for text, want := range map[string]string{
		"1s crash b1":                           "1s crash b1",
		"1s crash b1; 2s restart b1":            "1s crash b1\n 2s restart b1",
		"1s crash b1;":                          "1s crash b1\n",
		"1s crash b1 # away; for good\n2s a;3s": "1s crash b1 # away; for good\n2s a\n3s",
		"# x\n1s crash b1":                      "# x\n1s crash b1",
	} {
		if got := steps(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestSeed(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "7": 7, "007": 7, "0x1d7": 0x1d7, "0X1D7": 0x1d7, "18446744073709551615": 1<<64 - 1} {
		if got, err := seed(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "+1", "1_000", "0b1", "0o7", "1e3", "0x", "0x1_0", " 1", "18446744073709551616"} {
		if got, err := seed(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
