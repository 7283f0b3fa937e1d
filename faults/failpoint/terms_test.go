package failpoint

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The table holds for the library and for the evaluator on js: this file is
// built for both.
func TestTerms(t *testing.T) {
	for _, c := range []struct {
		terms string
		want  string // the values of five evaluations
	}{
		{"return(true)", "true true true true true"},
		{"return(false)", "false false false false false"},
		{"return()", "{} {} {} {} {}"},
		{"return(0)", "0 0 0 0 0"},
		{"return(-2147483648)", "-2147483648 -2147483648 -2147483648 -2147483648 -2147483648"},
		{"return(2147483647)", "2147483647 2147483647 2147483647 2147483647 2147483647"},
		{`return("")`, "    "},
		{`return("a b")`, "a b a b a b a b a b"},
		{`return("a)->return(1")`, strings.TrimSpace(strings.Repeat("a)->return(1 ", 5))},
		{"1*return(1)", "1 off off off off"},
		{"2*return(1)->return(2)", "1 1 2 2 2"},
		{`1*return("x")->2*return(7)->1*return(true)`, "x 7 7 true off"},
		{"return(1)->return(2)", "1 1 1 1 1"},
		{"999999999*return(1)", "1 1 1 1 1"},
	} {
		s := New(1, 1)
		if err := s.Arm(T01ForgetSequence, Always, c.terms); err != nil {
			t.Errorf("%s: %v", c.terms, err)
			continue
		}
		var got []string
		for range 5 {
			if v, ok := s.Eval(T01ForgetSequence, 0); ok {
				got = append(got, fmt.Sprint(v))
			} else {
				got = append(got, "off")
			}
		}
		if got := strings.Join(got, " "); got != c.want {
			t.Errorf("%s gives %s, want %s", c.terms, got, c.want)
		}
	}
}

func TestTermsRefused(t *testing.T) {
	for terms, want := range map[string]string{
		"":                        "column 1: want return(...)",
		"return":                  "column 1: want return(...)",
		"return(":                 `column 8: want ")"`,
		"return(1":                `column 8: want ")"`,
		"return(1x)":              "column 8: want a decimal int32",
		"return(01)":              "column 8",
		"return(+1)":              "column 8",
		"return(-0)":              "column 8",
		"return(1.5)":             "column 8",
		"return(2147483648)":      "column 8",
		"return(-2147483649)":     "column 8",
		"return(True)":            "column 8",
		"return(x)":               "column 8",
		`return("\n")`:            "column 8",
		`return("a"b")`:           `column 8: want ")"`,
		`return("é")`:             "column 8",
		`return(")`:               `column 8: want ")"`,
		"return(1)->":             "column 12: want return(...)",
		"return(1)-":              `column 10: want "->"`,
		"return(1) ":              `column 10: want "->"`,
		" return(1)":              "column 1",
		"return(1)return(1)":      `column 10: want "->"`,
		"0*return(1)":             "column 1: want a count in 1..999999999",
		"01*return(1)":            "column 1: want a count",
		"1000000000*return(1)":    "column 1: want a count",
		"-1*return(1)":            "column 1",
		"2*3*return(1)":           "column 3",
		"1":                       `column 2: want "*"`,
		"50%return(1)":            `column 3: want "*" after a count (no "%"`,
		"2.5%return(1)":           "column 2",
		"10%2*return(1)":          "column 3",
		"off":                     "column 1: want return(...): no other action",
		"sleep(100)":              "column 1",
		"pause":                   "column 1",
		"panic":                   "column 1",
		`panic("x")`:              "column 1",
		"break":                   "column 1",
		`print("x")`:              "column 1",
		"1*return(1)->sleep(100)": "column 14: want return(...)",
	} {
		err := New(1, 1).Arm(T01ForgetSequence, Always, terms)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", terms, err, want)
		}
	}
}

// Whatever the set's own reader accepts, the registry accepts too and evaluates
// to the same values.
func TestChainAgreesWithRegistry(t *testing.T) {
	value := rapid.OneOf(
		rapid.Map(rapid.Int32(), func(n int32) string { return fmt.Sprint(n) }),
		rapid.SampledFrom([]string{"", "true", "false"}),
		rapid.Map(rapid.StringMatching(`[ !#-\[\]-~]{0,12}`), func(s string) string { return `"` + s + `"` }),
	)
	rapid.Check(t, func(t *rapid.T) {
		var parts []string
		for range rapid.IntRange(1, 4).Draw(t, "terms") {
			count := rapid.SampledFrom([]string{"", "1*", "2*", "3*"}).Draw(t, "count")
			parts = append(parts, count+"return("+value.Draw(t, "value")+")")
		}
		text := strings.Join(parts, "->")
		own, err := parseTerms(text)
		if err != nil {
			t.Fatal(err)
		}
		var reg registry
		if err := reg.enable(ISRShrink, text, append(chain(nil), own...)); err != nil {
			t.Fatal(err)
		}
		for i := range 12 {
			v1, ok1 := own.eval()
			v2, ok2 := reg.eval(ISRShrink)
			if v1 != v2 || ok1 != ok2 {
				t.Fatalf("%s, evaluation %d: %v, %v; the registry gives %v, %v", text, i+1, v1, ok1, v2, ok2)
			}
		}
	})
}

func FuzzTerms(f *testing.F) {
	for _, seed := range []string{"return(true)", "2*return(1)->return()", `return("x")`, "50%return(1)", "return(1x)", `return(")")`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		own, err := parseTerms(text)
		if err != nil {
			return
		}
		var reg registry
		if err := reg.enable(ISRShrink, text, append(chain(nil), own...)); err != nil {
			t.Fatalf("accepted %q, which the registry refuses: %v", text, err)
		}
		for range 3 {
			v1, ok1 := own.eval()
			v2, ok2 := reg.eval(ISRShrink)
			if v1 != v2 || ok1 != ok2 {
				t.Fatalf("%q: %v, %v; the registry gives %v, %v", text, v1, ok1, v2, ok2)
			}
		}
	})
}
