package wire

import (
	"bytes"

	"brokersim/broker/machine"
)

// inline reads a line of words, as a person types it.
func inline(b machine.Bytes, arg func(machine.Bytes)) (whole bool, end int64, err error) {
	line, found := upTo(b, 0, '\n')
	switch {
	case !found && b.Len() > MaxInline:
		return false, 0, Error("ERR Protocol error: too big inline request")
	case !found:
		return false, 0, nil
	}
	end = int64(len(line)) + 1
	words, ok := splitWords(bytes.TrimSuffix(line, []byte("\r")))
	if !ok {
		return false, 0, Error("ERR Protocol error: unbalanced quotes in request")
	}
	for _, w := range words {
		arg(machine.Literal(w))
	}
	return true, end, nil
}

// splitWords cuts a line as sdssplitargs does: words with spaces stand in quotes, with
// escapes in double ones. It is not ok if a quote is not closed, or something follows one
// that is.
func splitWords(line []byte) (words [][]byte, ok bool) {
	if i := bytes.IndexByte(line, 0); i >= 0 {
		line = line[:i] // a string of C ends here
	}
	for {
		line = bytes.TrimLeft(line, spaces)
		if len(line) == 0 {
			return words, true
		}
		var word []byte
		if word, line, ok = nextWord(line); !ok {
			return nil, false
		}
		words = append(words, word)
	}
}

const spaces = " \t\n\v\f\r"

func nextWord(line []byte) (word, rest []byte, ok bool) {
	word = []byte{}
	for len(line) > 0 && bytes.IndexByte([]byte(spaces), line[0]) < 0 {
		switch c := line[0]; c {
		case '"', '\'':
			if word, line, ok = quoted(word, line[1:], c); !ok {
				return nil, nil, false
			}
			if len(line) > 0 && bytes.IndexByte([]byte(spaces), line[0]) < 0 {
				return nil, nil, false
			}
			return word, line, true
		default:
			word, line = append(word, c), line[1:]
		}
	}
	return word, line, true
}

// quoted appends to word what stands before the closing quote.
func quoted(word, line []byte, quote byte) (_, rest []byte, ok bool) {
	for len(line) > 0 {
		switch c := line[0]; {
		case c == quote:
			return word, line[1:], true
		case c == '\\' && quote == '"' && len(line) >= 4 && line[1] == 'x' && isHex(line[2]) && isHex(line[3]):
			word, line = append(word, hexDigit(line[2])<<4|hexDigit(line[3])), line[4:]
		case c == '\\' && quote == '"' && len(line) >= 2:
			word, line = append(word, unescaped(line[1])), line[2:]
		case c == '\\' && quote == '\'' && len(line) >= 2 && line[1] == '\'':
			word, line = append(word, '\''), line[2:]
		default:
			word, line = append(word, c), line[1:]
		}
	}
	return nil, nil, false
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
