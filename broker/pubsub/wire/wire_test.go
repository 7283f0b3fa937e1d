package wire

import (
	"bytes"
	"strings"
	"testing"

	"brokersim/broker/machine"
)

func words(c Command) []string {
	list := []string{}
	for _, a := range c.Args {
		list = append(list, string(a.Contiguous()))
	}
	return list
}

func TestDecodeCommand(t *testing.T) {
	for frame, want := range map[string]string{
		"*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n":     "PING|hi",
		"*1\r\n$0\r\n\r\n":                     "",
		"*0\r\n":                               "",
		"*-1\r\n":                              "",
		"\r\n":                                 "",
		"PING\n":                               "PING",
		"publish  a 'b c' \"d\\x41\\n\"\r\n":   "publish|a|b c|dA\n",
		"publish 'it\\'s' ''\r\n":              "publish|it's|",
		"publish a\"b\r\n":                     "!ERR Protocol error: unbalanced quotes in request",
		"publish \"a\"b\r\n":                   "!ERR Protocol error: unbalanced quotes in request",
		"*x\r\n":                               "!ERR Protocol error: invalid multibulk length",
		"*2147483648\r\n":                      "!ERR Protocol error: invalid multibulk length",
		"*01\r\n":                              "!ERR Protocol error: invalid multibulk length",
		"*1\r\nPING\r\n":                       "!ERR Protocol error: expected '$', got 'P'",
		"*1\r\n$-1\r\n":                        "!ERR Protocol error: invalid bulk length",
		"*1\r\n$536870913\r\n":                 "!ERR Protocol error: invalid bulk length",
		"*1\r\n$+4\r\nPING\r\n":                "!ERR Protocol error: invalid bulk length",
		"*" + strings.Repeat("1", MaxInline+1): "!ERR Protocol error: too big mbulk count string",
		"*1\r\n$" + strings.Repeat("1", MaxInline+1): "!ERR Protocol error: too big bulk count string",
		strings.Repeat("a", MaxInline+1):             "!ERR Protocol error: too big inline request",
		"*1\r\n$4\r\nPIN":                            "!ERR Protocol error: not one whole command",
		"PING\r\nPING\r\n":                           "!ERR Protocol error: not one whole command",
	} {
		c, err := DecodeCommand(machine.Literal([]byte(frame)))
		got := strings.Join(words(c), "|")
		if err != nil {
			got = "!" + err.Error()
		}
		if got != want {
			t.Errorf("%.60q is %q, want %q", frame, got, want)
		}
	}
}

func TestSplitTakesOneCommandOfMany(t *testing.T) {
	rest := []byte("*1\r\n$4\r\nPING\r\nPUBLISH a b\r\n*x\r\nnonsense")
	for _, want := range []string{"*1\r\n$4\r\nPING\r\n", "PUBLISH a b\r\n", "*x\r\nnonsense"} {
		n, err := Split(rest)
		if got := string(rest[:n]); err != nil || got != want {
			t.Fatalf("split off %q, %v, want %q", got, err, want)
		}
		rest = rest[n:]
	}
}

func TestIntegerIsStrict(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-1": -1, "42": 42, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63,
	} {
		if n, ok := Integer([]byte(text)); !ok || n != want {
			t.Errorf("%q is %d, %v", text, n, ok)
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1a", "9223372036854775808", "-9223372036854775809", "99999999999999999999"} {
		if n, ok := Integer([]byte(text)); ok {
			t.Errorf("%q is taken for %d", text, n)
		}
	}
}

func TestLongPayloadIsNotCopied(t *testing.T) {
	payload := bytes.Repeat([]byte("x"), copied+1)
	frame := EncodeCommand(append(Words("PUBLISH", "a"), machine.Literal(payload))...)
	shared := false
	for p := range frame.Pieces {
		shared = shared || &p[0] == &payload[0]
	}
	if !shared {
		t.Error("the payload was copied into the frame")
	}
	c, err := DecodeCommand(frame)
	if err != nil || len(c.Args) != 3 || c.Args[2].Digest() != machine.Literal(payload).Digest() {
		t.Errorf("%v, %v", words(c), err)
	}
}

// cutAt cuts b in two, so that nothing can rely on where pieces end.
func cutAt(b []byte, at uint16) machine.Bytes {
	n := int(at) % (len(b) + 1)
	return machine.Concat(machine.Literal(b[:n]), machine.Literal(b[n:]))
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"*1\r\n$4\r\nPING\r\n", "PING\r\n", "*2147483647\r\n$1\r\n", "$-1\r\n", "*1\r\n$536870912\r\n", "\"\\x4", "*-1\r\n*"} {
		f.Add([]byte(s), uint16(3))
	}
	f.Fuzz(func(t *testing.T, buf []byte, at uint16) {
		n, err := Split(buf)
		if n < 0 || n > len(buf) || err != nil {
			t.Fatalf("%d of %d, %v", n, len(buf), err)
		}
		if n == 0 {
			return
		}
		whole, errWhole := DecodeCommand(machine.Literal(buf[:n]))
		cut, errCut := DecodeCommand(cutAt(buf[:n], at))
		if (errWhole == nil) != (errCut == nil) || strings.Join(words(whole), "|") != strings.Join(words(cut), "|") {
			t.Fatalf("in one piece %q, %v; in two %q, %v", words(whole), errWhole, words(cut), errCut)
		}
		if errWhole != nil {
			return
		}
		again, err := DecodeCommand(EncodeCommand(whole.Args...))
		if err != nil || strings.Join(words(again), "|") != strings.Join(words(whole), "|") {
			t.Fatalf("%q is sent again as %q, %v", words(whole), words(again), err)
		}
	})
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR x\r\n", "-\n\r\n", ":-3\r\n", "$2\r\nab\r\n", "$-1\r\n", "*2\r\n:1\r\n_\r\n", ">1\r\n+a\r\n", "%1\r\n+a\r\n:1\r\n", "*1048577\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, buf []byte) {
		n, err := SplitValue(buf)
		if n < 0 || n > len(buf) || err != nil && n != 0 {
			t.Fatalf("%d of %d, %v", n, len(buf), err)
		}
		if n == 0 {
			return
		}
		v, err := DecodeValue(machine.Literal(buf[:n]))
		if err != nil {
			t.Fatalf("what was split off is no value: %v", err)
		}
		r := Reply{Version3: true}
		v.Append(&r)
		again, err := DecodeValue(r.Frame())
		if err != nil || again.String() != v.String() {
			t.Fatalf("%v is written as %v, %v", v, again, err)
		}
	})
}
