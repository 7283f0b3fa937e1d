package coordinator

import "testing"

// The hashes are Java's: "polygenelubricants" is the word whose hash is the least int.
func TestPartitionFor(t *testing.T) {
	for _, c := range []struct {
		id   string
		n, p int32
	}{{"", 50, 0}, {"a", 50, 47}, {"polygenelubricants", 50, 0}, {"test-group", 1, 0}, {"\u00e9", 50, 33}} {
		if p := PartitionFor(c.id, c.n); p != c.p {
			t.Errorf("PartitionFor(%q, %d) = %d, want %d", c.id, c.n, p, c.p)
		}
	}
}
