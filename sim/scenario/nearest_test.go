package scenario

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/faults"
)

// Settings and schedules, which know nothing of each other, take a mistyped word
// for the same.
func TestSuggestionsAgree(t *testing.T) {
	word := rapid.StringMatching(`[a-c][a-c-]{0,7}`)
	rapid.Check(t, func(t *rapid.T) {
		typed, roles := word.Draw(t, "typed"), rapid.SliceOfN(word, 0, 25).Draw(t, "known")
		_, err := faults.Parse("1s crash "+typed, faults.Vocabulary{Roles: roles})
		var bad *faults.Error
		if !errors.As(err, &bad) {
			return // a known word
		}
		want := `unknown node or role "` + typed + `"` + config.Suggest(typed, append([]string{"*"}, roles...))
		if bad.Msg != want {
			t.Errorf("\n got %s\nwant %s", bad.Msg, want)
		}
	})
}
