package pubsub

import (
	"testing"

	"pgregory.net/rapid"
)

// matchesSlowly is stringmatchlen, as Redis has it: a star tries every rest. Sets are
// those of matches, and are in the table.
func matchesSlowly(pattern, s string) bool {
	if s == "" {
		return pattern == ""
	}
	return matchesRest(pattern, s)
}

func matchesRest(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if matchesRest(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	if s == "" {
		return false
	}
	n, ok := matchesOne(pattern, s[0])
	return ok && matchesRest(pattern[n:], s[1:])
}

func TestGlob(t *testing.T) {
	for _, x := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", false}, {"a*", "a", true}, {"*a*", "a", true}, {"*", "a.b", true}, {"a*", "ba", false}, {"*a", "ba", true},
		{"h?llo", "hello", true}, {"h?llo", "hllo", false}, {"h[ae]llo", "hallo", true}, {"h[ae]llo", "hillo", false},
		{"h[^e]llo", "hallo", true}, {"h[^e]llo", "hello", false}, {"h[a-b]llo", "hbllo", true}, {"h[b-a]llo", "hbllo", true},
		{"h[a-b]llo", "hcllo", false}, {`h\[a`, "h[a", true}, {`h\?`, "h?", true}, {`h\?`, "ha", false}, {`[\]]`, "]", true},
		{"[abc", "c", true}, {"[abc", "d", false}, {"[", "a", false}, {"[]", "a", false}, {"[^]", "a", true}, {`a\`, `a\`, true},
		{"**a", "bca", true}, {"*[0-9]*", "ab3c", true}, {"*[0-9]", "ab3c", false}, {"a]", "a]", true},
	} {
		if got := matches(x.pattern, x.s); got != x.want {
			t.Errorf("%q of %q is %v", x.s, x.pattern, got)
		}
	}
}

func TestGlobTriesNothingInVain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?\[\]^\\-]{0,12}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab\]]{0,10}`).Draw(t, "s")
		if got, want := matches(pattern, s), matchesSlowly(pattern, s); got != want {
			t.Fatalf("%q of %q is %v, want %v", s, pattern, got, want)
		}
	})
}
