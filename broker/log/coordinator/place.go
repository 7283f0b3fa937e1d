package coordinator

import "unicode/utf16"

// The internal topics.
const (
	Offsets      = "__consumer_offsets"
	Transactions = "__transaction_state"
)

// PartitionFor is the partition, of n, of the topic of a coordinator where a group or a
// transactional id has its home: what Kafka's Utils.abs(id.hashCode()) % n comes to.
func PartitionFor(id string, n int32) int32 {
	var h int32
	for _, c := range utf16.Encode([]rune(id)) {
		h = 31*h + int32(c)
	}
	if h == -1<<31 {
		h = 0 // Utils.abs
	}
	return max(h, -h) % n
}
