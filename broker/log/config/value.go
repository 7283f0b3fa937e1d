package config

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/near"
)

// value is what a user wrote for a name, parsed as Kafka parses it.
type value struct {
	text string // trimmed
	n    int64  // of a number
	on   bool   // of a boolean
}

// maxMS keeps every duration, and a sum of some with the time of a run, within
// what a time.Duration can hold: 50 years are forever.
const maxMS = 50 * 365 * 24 * 3600 * 1000

func (v value) ms() time.Duration { return time.Duration(min(v.n, maxMS)) * time.Millisecond }

// seconds is a number of seconds, which may be as large as one of ms.
func (v value) seconds() time.Duration {
	return time.Duration(min(v.n, maxMS/1000)) * time.Second
}

// minutes is a number of minutes, which may be as large as one of ms.
func (v value) minutes() time.Duration {
	return time.Duration(min(v.n, maxMS/60_000)) * time.Minute
}

const million = 1_000_000

// times is a decimal number, such as 0.5 or 1.7E308, times unit, rounded down; what an
// int64 does not hold is the largest that it does.
func (v value) times(unit int64) int64 {
	digits, exponent, _ := strings.Cut(strings.ToLower(v.text), "e")
	e, err := strconv.Atoi(exponent)
	if exponent != "" && (err != nil || e < -400 || e > 400) || len(digits) > 400 {
		return 0 // nothing, as good as: what is larger is no double
	}
	r, ok := new(big.Rat).SetString(v.text)
	if !ok || r.Sign() < 0 {
		return 0
	}
	r.Mul(r, new(big.Rat).SetInt64(unit))
	if n := new(big.Int).Quo(r.Num(), r.Denom()); n.IsInt64() {
		return n.Int64()
	}
	return math.MaxInt64
}

// parse reads a value of n. The error says what Kafka would take.
func (n *Name) parse(text string) (value, error) {
	v := value{text: strings.Trim(text, " \t\n\r\f\v")}
	var err error
	switch n.Type {
	case "boolean":
		switch strings.ToLower(v.text) {
		case "true":
			v.on = true
		case "false":
		default:
			return v, fmt.Errorf("%s=%s: want true or false", n.Name, quote(v.text))
		}
		v.text = strconv.FormatBool(v.on)
	case "short":
		v.n, err = n.number(v.text, 16)
	case "int":
		v.n, err = n.number(v.text, 32)
	case "long":
		v.n, err = n.number(v.text, 64)
	case "double":
		if x, bad := strconv.ParseFloat(v.text, 64); bad != nil || n.Valid == "[0,...,1]" && !(0 <= x && x <= 1) {
			err = fmt.Errorf("%s=%s: want a number%s", n.Name, quote(v.text), strings.Replace(" "+n.Valid, " [0,...,1]", " from 0 to 1", 1))
		}
	case "class":
		if n.Modelled {
			err = n.class(v.text)
		}
	case "string":
		err = n.oneOf(v.text)
	case "list":
		for item := range strings.SplitSeq(v.text, ",") {
			item = strings.TrimSpace(item)
			switch {
			case item == "" || err != nil:
			case len(n.words) > 0:
				err = n.class(strings.TrimPrefix(item, "class "))
			default:
				err = n.oneOf(item)
			}
		}
	}
	if err == nil && n.Name == "acks" && v.text == "all" {
		v.text = "-1" // two spellings of one value
	}
	return v, err
}

// class holds a class to those that are modelled.
func (n *Name) class(text string) error {
	if slices.Contains(n.words, text) {
		return nil
	}
	return fmt.Errorf("%s=%s: want one of %s%s", n.Name, quote(text), strings.Join(n.words, ", "), near.DidYouMean(text, n.words))
}

func (n *Name) number(text string, bits int) (int64, error) {
	x, err := strconv.ParseInt(text, 10, bits)
	least, most := n.bounds(bits)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s=%s: want a whole number%s", n.Name, quote(text), between(least, most, bits))
	case (x < least || x > most) && !(strings.HasSuffix(n.Valid, " or -1") && x == -1):
		return 0, fmt.Errorf("%s=%d: want a whole number%s", n.Name, x, between(least, most, bits))
	}
	return x, nil
}

func limits(bits int) (least, most int64) { return -1 << (bits - 1), 1<<(bits-1) - 1 }

// bounds reads "[1,...]" and "[0,...,900]".
func (n *Name) bounds(bits int) (least, most int64) {
	least, most = limits(bits)
	if n.Modelled && n.Valid == "" {
		least = n.least
	}
	inside, ok := strings.CutPrefix(strings.TrimSuffix(n.Valid, " or -1"), "[")
	from, to, ranged := strings.Cut(strings.TrimSuffix(inside, "]"), ",...")
	if !ok || !ranged {
		return least, most
	}
	if x, err := strconv.ParseInt(from, 10, 64); err == nil {
		least = x
	}
	if x, err := strconv.ParseInt(strings.TrimPrefix(to, ","), 10, 64); err == nil {
		most = x
	}
	return least, most
}

func between(least, most int64, bits int) string {
	lowest, highest := limits(bits)
	switch {
	case least == lowest && most == highest && bits == 64:
		return ""
	case most == highest && bits == 64:
		return fmt.Sprintf(" of at least %d", least)
	}
	return fmt.Sprintf(" from %d to %d", least, most)
}

// oneOf reads "[none, gzip]" and "(case insensitive) [NONE]".
func (n *Name) oneOf(text string) error {
	list, fold := strings.CutPrefix(n.Valid, "(case insensitive) ")
	if !strings.HasPrefix(list, "[") || strings.Index(list, "]") != len(list)-1 {
		if text == "" && strings.HasPrefix(n.Valid, "non-empty") {
			return fmt.Errorf("%s: want a value", n.Name)
		}
		return nil
	}
	words := strings.Split(list[1:len(list)-1], ", ")
	for _, w := range words {
		// auto.offset.reset is one of its words or by_duration:PnDTnHnMn.nS.
		if kind, _, open := strings.Cut(w, ":"); w == text || fold && strings.EqualFold(w, text) || open && strings.HasPrefix(text, kind+":") {
			return nil
		}
	}
	return fmt.Errorf("%s=%s: want one of %s%s", n.Name, quote(text), strings.Join(words, ", "), near.DidYouMean(text, words))
}

// quote shows a value on one line of bounded length.
func quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == '"' || !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// same reports whether two values of a name ask for the same.
func (n *Name) same(a, b value) bool {
	switch n.Type {
	case "boolean":
		return a.on == b.on
	case "short", "int", "long":
		return a.n == b.n
	case "list":
		return slices.Equal(items(a.text), items(b.text))
	}
	return a.text == b.text
}

func items(list string) []string {
	var out []string
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// preset is the value that a modelled name has when nobody sets it.
func (n *Name) preset() value {
	if n.Default == Null || n.Default == Required {
		return value{}
	}
	v, err := n.parse(n.Default)
	if err != nil {
		panic(fmt.Sprintf("%v.%s: Kafka's own default is not valid: %v", n.Scope, n.Name, err))
	}
	return v
}
