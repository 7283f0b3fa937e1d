package near

import (
	"fmt"
	"strings"
	"testing"
)

// A suggestion is what was meant or nothing: never the least bad of what there is.
func TestWords(t *testing.T) {
	properties := []string{"slot-agreement", "no-acked-loss", "no-duplicate", "per-key-order", "no-phantom", "no-skip", "no-stale-end"}
	for _, row := range []struct {
		typed string
		known []string
		want  string
	}{
		{"no-loss", properties, "[no-acked-loss]"},
		{"loss", properties, "[no-acked-loss]"},
		{"no-acked-los", properties, "[no-acked-loss]"},
		{"slot", properties, "[slot-agreement]"},
		{"no", properties, "[]"}, // five begin so
		{"duplicates", properties, "[]"},
		{"safety", properties, "[]"},
		{"", properties, "[]"},
		{"2", []string{"all", "-1", "0", "1"}, "[]"},
		{"al", []string{"all", "-1", "0", "1"}, "[all]"},
		{"b9", []string{"b1", "b2", "b3"}, "[b1 b2 b3]"},
		{"b9", []string{"b1", "b2", "b3", "b4"}, "[]"},
		{"b", []string{"b1"}, "[]"},
		{"lss", []string{"ls", "show", "validate"}, "[ls]"},
		{"jugde", []string{"help", "judge", "run"}, "[judge]"},
		{"Crash", []string{"crash", "cut"}, "[crash]"},
		{"last", []string{"latest", "earliest", "none"}, "[latest]"},
		{"oders", []string{"orders", "orders"}, "[orders]"},
		{"insync.min.replicas", []string{"min.insync.replicas"}, "[]"},
		{"min.replicas", []string{"min.insync.replicas"}, "[min.insync.replicas]"},
		{strings.Repeat("x", 65), []string{strings.Repeat("x", 64)}, "[]"},
	} {
		if got := fmt.Sprint(Words(row.typed, row.known)); got != row.want {
			t.Errorf("%q among %v: %s, want %s", row.typed, row.known, got, row.want)
		}
	}
}

func TestSuggest(t *testing.T) {
	for _, row := range []struct {
		typed string
		known []string
		want  string
	}{
		{"jugde", []string{"judge", "run"}, `; did you mean "judge"?`},
		{"b9", []string{"b1", "b2"}, `; did you mean "b1" or "b2"?`},
		{"b9", []string{"b3", "b1", "b2"}, `; did you mean "b1", "b2" or "b3"?`},
		{"xyzzy", []string{"judge", "run"}, `; there are judge, run`},
		{"xyzzy", nil, ""},
		{"xyzzy", strings.Split(strings.Repeat("judge ", 21), " "), ""},
	} {
		if got := Suggest(row.typed, row.known); got != row.want {
			t.Errorf("%q among %v: %s, want %s", row.typed, row.known, got, row.want)
		}
	}
}
