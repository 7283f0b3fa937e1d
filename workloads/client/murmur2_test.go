package client

import "testing"

// The values of Kafka's own UtilsTest.testMurmur2, and one of each length of tail.
func TestMurmur2(t *testing.T) {
	for _, c := range []struct {
		key  string
		want int32
	}{
		{"21", -973932308},
		{"foobar", -790332482},
		{"a-little-bit-long-string", -985981536},
		{"a-little-bit-longer-string", -1486304829},
		{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
		{"abc", 479470107},
		{"", 275646681},
	} {
		if got := int32(murmur2([]byte(c.key))); got != c.want {
			t.Errorf("murmur2(%q) = %d, want %d", c.key, got, c.want)
		}
	}
}

// A negative hash loses its sign, not its magnitude: Utils.toPositive.
func TestKeyPartition(t *testing.T) {
	for _, c := range []struct {
		key  string
		n    int32
		want int32
	}{
		{"foobar", 3, (-790332482 & 0x7fffffff) % 3},
		{"21", 10, (-973932308 & 0x7fffffff) % 10},
		{"abc", 7, 479470107 % 7},
		{"abc", 1, 0},
		{"abc", 0, 0},
		{"abc", -4, 0},
	} {
		if got := KeyPartition([]byte(c.key), c.n); got != c.want {
			t.Errorf("KeyPartition(%q, %d) = %d, want %d", c.key, c.n, got, c.want)
		}
	}
}
