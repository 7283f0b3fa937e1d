package config

import (
	"fmt"
	"strings"
	"testing"
)

// What java.util.Properties makes of each.
func TestProperties(t *testing.T) {
	for _, row := range []struct{ src, want string }{
		{"a=b", "1 a b"},
		{"a = b", "1 a b"},
		{"a:b", "1 a b"},
		{"a b=c", "1 a b=c"},
		{"a =: b", "1 a : b"},
		{"a  \t=  b  ", "1 a b  "},
		{"# c\n! d\n\n  a=b", "4 a b"},
		{"a=b\r\nc=d\re=f\n", "1 a b|2 c d|3 e f"},
		{"a=b,\\\n   c\nd=e", "1 a b,c|3 d e"},
		{"a=b\\\n#c", "1 a b#c"},
		{"a=b\\\\\nc=d", `1 a b\|2 c d`},
		{"a=b\\", "1 a b"},
		{"a\\ b\\:c\\==d", "1 a b:c= d"},
		{"a=\\t\\u0041\\x", "1 a \tAx"},
		{"a", "1 a "},
		{"a=", "1 a "},
		{"=a", "1  a"},
		{"\ufeffa=b", "1 a b"},
		{"", ""},
		{"a=1\na=2", "1 a 1|2 a 2"},
	} {
		l, err := Properties(BrokerScope, "f", []byte(row.src))
		if err != nil {
			t.Errorf("%q: %v", row.src, err)
			continue
		}
		var got []string
		for _, e := range l.Entries {
			got = append(got, fmt.Sprintf("%d %s %s", e.Line, strings.TrimPrefix(e.Key, "broker."), e.Value))
		}
		if s := strings.Join(got, "|"); s != row.want {
			t.Errorf("%q:\n got %q\nwant %q", row.src, s, row.want)
		}
	}
	for _, src := range []string{"\n\na=\\u12", "\n\na=\\u12g4", "\n\n\\u=b"} {
		if _, err := Properties(BrokerScope, "f", []byte(src)); err == nil || !strings.HasPrefix(err.Error(), "f:3: ") {
			t.Errorf("%q: %v", src, err)
		}
	}
}

// A line without "=" is legal in Java, and hardly what was meant when Kafka has no
// setting of its first word.
func TestPropertiesWithoutEquals(t *testing.T) {
	for src, want := range map[string]string{
		"acks 1":         "",
		"a b c":          `f:1: Kafka has no producer setting "a" (a name ends at its first blank, as Java reads it: want name=value)`,
		"#\nlinger ms=5": `f:2: Kafka has no producer setting "linger"; did you mean "linger.ms"? (a name ends at its first blank, as Java reads it: want name=value)`,
		"ackz=1 2":       `f:1: Kafka has no producer setting "ackz"; did you mean "acks"?`,
		"ackz = 1":       `f:1: Kafka has no producer setting "ackz"; did you mean "acks"?`,
	} {
		l, err := Properties(ProducerScope, "f", []byte(src))
		if err == nil {
			_, err = Resolve(Targets{}, l)
		}
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", src, err, want)
		}
	}
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte("a=b\\\n c:d\n#e\r\n\\u0041 f"))
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := Properties(ConsumerScope, "f", src)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		for i, e := range l.Entries {
			if !strings.HasPrefix(e.Key, "consumer.") || e.Line < 1 || i > 0 && e.Line <= l.Entries[i-1].Line {
				t.Errorf("%+v", l.Entries)
			}
		}
	})
}
