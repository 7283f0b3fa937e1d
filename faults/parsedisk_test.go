package faults

import (
	"strings"
	"testing"
)

func TestParseDiskErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"1s clog b1", `line 1, column 11: something is missing: want clog FROM TO`},
		{"1s throttle b1 b2", `something is missing: want throttle FROM TO BYTES/s`},
		{"1s throttle b1 b2 100", `line 1, column 19: rate "100" has no unit; did you mean "100/s"?`},
		{"1s throttle b1 b2 -1/s", `line 1, column 19: "-1/s" is no rate: want 0/s to 1000000000/s, in bytes`},
		{"1s throttle b1 b2 1e3/s", `"1e3/s" is no rate`},
		{"1s throttle b1 b2 9999999999999999999999/s", `is no rate`},
		{"1s for 1s throttle b1 b2 0/s", `line 1, column 26: a rate of 0/s ends a throttle`},
		{"1s bit-rot", `something is missing: want bit-rot NODE [FILES]`},
		{"1s bit-rot b1 [", `line 1, column 15: "[" is no pattern of files: syntax error in pattern`},
		{"1s bit-rot b1 x y", `line 1, column 17: "y" is too much: want bit-rot NODE [FILES]`},
		{"1s bit-rot b1 off", `line 1, column 15: bit-rot has no end: leave out "off"`},
		{"1s for 1s bit-rot b1", `bit-rot cannot be undone`},
		{"1s io-error b1 x off y", `line 1, column 22: "y" is too much`},
		{"1s io-error b1 x y", `line 1, column 18: "y" is too much: want io-error NODE [FILES] [off]`},
		{"1s for 1s io-error b1 x off", `line 1, column 25: "off" with "for" would begin it: leave out one of the two`},
		{"1s disk-full b1 x", `line 1, column 17: "x" is too much: want disk-full NODE [off]`},
		{"1s disk-slow b1", `something is missing: want disk-slow NODE FACTOR`},
		{"1s disk-slow b1 0", `line 1, column 17: "0" is no factor: want 1 to 1000000`},
		{"1s disk-slow b1 1.5", `"1.5" is no factor`},
		{"1s for 1s disk-slow b1 1", `a factor of 1 changes nothing that could be undone`},
		{"1s drift b1 200", `line 1, column 13: drift "200" has no sign; did you mean "+200"?`},
		{"1s drift b1 +0", `line 1, column 13: "+0" is no drift: want +1 to +100000 or -1 to -100000 parts per million`},
		{"1s drift b1 +-5", `"+-5" is no drift`},
		{"1s drift b1 -100001", `"-100001" is no drift`},
		{"1s drift b1 +200ppm", `"+200ppm" is no drift`},
		{"1s for 1s wipe b1", `wipe cannot be undone`},
		{"1s disk-stal b1", `unknown verb "disk-stal"; did you mean "disk-stall"?`},
	} {
		_, err := Parse(c.text, testVocabulary)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}
