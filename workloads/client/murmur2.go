package client

// murmur2 is the hash that Kafka's clients choose a partition with:
// org.apache.kafka.common.utils.Utils.murmur2, seed 0x9747b28c.
func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := 0x9747b28c ^ uint32(len(data))
	for len(data) >= 4 {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(data[0])) * m
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}

// KeyPartition is the partition of n to which Kafka's default partitioner sends
// a record with that key. It is 0 for n < 1.
func KeyPartition(key []byte, n int32) int32 {
	if n < 1 {
		return 0
	}
	return int32(murmur2(key)&0x7fffffff) % n // Utils.toPositive
}
