package config

import "strconv"

// Text is a setting of a topic by Kafka's name, as in a file; ok is false for one that
// is not modelled.
func (t *Topic) Text(name string) (text string, ok bool) {
	number := func(n int64) (string, bool) { return strconv.FormatInt(n, 10), true }
	switch name {
	case "min.insync.replicas":
		return number(int64(t.MinInsyncReplicas))
	case "max.message.bytes":
		return number(int64(t.MaxMessageBytes))
	case "unclean.leader.election.enable":
		return strconv.FormatBool(t.UncleanLeaderElection), true
	case "flush.messages":
		return number(t.FlushMessages)
	case "retention.ms":
		return number(t.RetentionMillis)
	case "retention.bytes":
		return number(t.RetentionBytes)
	case "segment.ms":
		return number(t.SegmentMillis)
	case "segment.bytes":
		return number(t.SegmentBytes)
	}
	return "", false
}
