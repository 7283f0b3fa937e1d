package controller

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

const uncleanLeaderElection = "unclean.leader.election.enable"

// CheckConfig returns a configuration value of a topic in the form in which it
// is kept, or why a topic may not have it: Kafka does not know the name, or would
// refuse the value. Names that are known but not modelled are checked all the
// same, and kept.
func CheckConfig(name, value string) (kept, why string) {
	check, ok := topicConfigs(name)
	if !ok {
		return "", "Unknown topic config name: " + name
	}
	kept = strings.TrimSpace(value)
	if lower := strings.ToLower(kept); lower == "true" || lower == "false" {
		kept = lower
	}
	if why := check(kept); why != "" {
		return "", fmt.Sprintf("Invalid value %s for configuration %s: %s", value, name, why)
	}
	return kept, ""
}

// topicConfigs is the check of each topic configuration of Kafka 4.1.
func topicConfigs(name string) (check func(string) string, known bool) {
	const maxInt, maxLong = math.MaxInt32, math.MaxInt64
	switch name {
	case "min.insync.replicas":
		return whole(1, maxInt), true
	case "max.message.bytes", "index.interval.bytes":
		return whole(0, maxInt), true
	case "segment.bytes":
		return whole(1<<20, maxInt), true
	case "segment.index.bytes":
		return whole(4, maxInt), true
	case "segment.ms", "flush.messages":
		return whole(1, maxLong), true
	case "flush.ms", "segment.jitter.ms", "file.delete.delay.ms", "delete.retention.ms", "min.compaction.lag.ms",
		"message.timestamp.before.max.ms", "message.timestamp.after.max.ms":
		return whole(0, maxLong), true
	case "max.compaction.lag.ms":
		return whole(1, maxLong), true
	case "retention.ms":
		return whole(-1, maxLong), true
	case "retention.bytes":
		return whole(math.MinInt64, maxLong), true
	case "local.retention.ms", "local.retention.bytes":
		return whole(-2, maxLong), true
	case uncleanLeaderElection, "preallocate", "remote.storage.enable", "remote.log.copy.disable", "remote.log.delete.on.disable":
		return oneOf("true", "false"), true
	case "cleanup.policy":
		return listOf("compact", "delete"), true
	case "compression.type":
		return oneOf("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), true
	case "compression.gzip.level":
		return gzipLevel, true
	case "compression.lz4.level":
		return whole(1, 17), true
	case "compression.zstd.level":
		return whole(-131072, 22), true
	case "message.timestamp.type":
		return oneOf("CreateTime", "LogAppendTime"), true
	case "min.cleanable.dirty.ratio":
		return ratio, true
	case "leader.replication.throttled.replicas", "follower.replication.throttled.replicas":
		return throttled, true
	}
	return nil, false
}

func whole(lo, hi int64) func(string) string {
	return func(s string) string {
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case err != nil:
			return "Not a number of type INT or LONG"
		case n < lo:
			return fmt.Sprintf("Value must be at least %d", lo)
		case n > hi:
			return fmt.Sprintf("Value must be no more than %d", hi)
		}
		return ""
	}
}

func oneOf(values ...string) func(string) string {
	return func(s string) string {
		if slices.ContainsFunc(values, func(v string) bool { return v == s }) {
			return ""
		}
		return "String must be one of: " + strings.Join(values, ", ")
	}
}

func listOf(values ...string) func(string) string {
	return func(s string) string {
		for part := range strings.SplitSeq(s, ",") {
			if why := oneOf(values...)(strings.TrimSpace(part)); why != "" {
				return why
			}
		}
		return ""
	}
}

func gzipLevel(s string) string {
	if s == "-1" {
		return ""
	}
	return whole(1, 9)(s)
}

// ratio accepts a decimal in [0, 1], such as "0.5" or "1".
func ratio(s string) string {
	whole, fraction, _ := strings.Cut(s, ".")
	digits := strings.Trim(fraction, "0123456789") == ""
	switch {
	case digits && whole == "0", digits && whole == "" && fraction != "", whole == "1" && strings.Trim(fraction, "0") == "":
		return ""
	}
	return "Value must be between 0 and 1"
}

// throttled accepts "*", nothing, or a list of partition:broker.
func throttled(s string) string {
	if s == "" || s == "*" {
		return ""
	}
	for part := range strings.SplitSeq(s, ",") {
		partition, broker, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || whole(0, math.MaxInt32)(partition) != "" || whole(0, math.MaxInt32)(broker) != "" {
			return "[partitionId]:[brokerId], [partitionId]:[brokerId], ... expected, or *"
		}
	}
	return ""
}
