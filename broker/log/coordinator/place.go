package coordinator

import (
	"unicode/utf16"
	"unicode/utf8"
)

// The internal topics.
const (
	Offsets      = "__consumer_offsets"
	Transactions = "__transaction_state"
	ShareState   = "__share_group_state"
)

// PartitionFor is the partition, of n, of the topic of a coordinator where a group or a
// transactional id has its home: what Kafka's Utils.abs(id.hashCode()) % n comes to.
func PartitionFor(id string, n int32) int32 {
	var h int32
	if ascii(id) { // as nearly all
		for i := range len(id) {
			h = 31*h + int32(id[i])
		}
	} else {
		for _, c := range utf16.Encode([]rune(id)) {
			h = 31*h + int32(c)
		}
	}
	if h == -1<<31 {
		h = 0 // Utils.abs
	}
	return max(h, -h) % n
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
