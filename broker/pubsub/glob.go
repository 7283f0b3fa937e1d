package pubsub

// matches reports whether all of s is of a pattern, as Redis's stringmatchlen has it: * is
// any bytes, ? is one, [a-c] one of those and [^a-c] one of the others, and \ takes the
// next byte as it is. A pattern that ends within brackets ends there.
//
// As in Redis 7.0 a star is no bytes only behind or before others: what is empty is of the
// empty pattern alone.
//
// It takes time in the order of the product of the lengths: after a later star nothing
// that an earlier one could give is tried any more, since the later one takes in all that
// it could.
func matches(pattern, s string) bool {
	if s == "" {
		return pattern == ""
	}
	var star, back = -1, 0 // behind the last star; where it would give one byte more
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, back = p+1, i
			p++
			continue
		}
		if n, ok := matchesOne(pattern[p:], s[i]); ok {
			p, i = p+n, i+1
			continue
		}
		if star < 0 {
			return false
		}
		back++
		p, i = star, back
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// matchesOne matches one byte with the beginning of a pattern, and says how much of the
// pattern that took.
func matchesOne(pattern string, c byte) (n int, ok bool) {
	if pattern == "" {
		return 0, false
	}
	switch pattern[0] {
	case '?':
		return 1, true
	case '[':
		return matchesSet(pattern, c)
	case '\\':
		if len(pattern) >= 2 {
			return 2, pattern[1] == c
		}
	}
	return 1, pattern[0] == c
}

func matchesSet(pattern string, c byte) (n int, ok bool) {
	i := 1
	not := i < len(pattern) && pattern[i] == '^'
	if not {
		i++
	}
	for {
		rest := pattern[i:]
		switch {
		case rest == "":
			return i, ok != not
		case rest[0] == '\\' && len(rest) >= 2:
			ok = ok || rest[1] == c
			i += 2
		case rest[0] == ']':
			return i + 1, ok != not
		case len(rest) >= 3 && rest[1] == '-':
			low, high := min(rest[0], rest[2]), max(rest[0], rest[2])
			ok = ok || low <= c && c <= high
			i += 3
		default:
			ok = ok || rest[0] == c
			i++
		}
	}
}
