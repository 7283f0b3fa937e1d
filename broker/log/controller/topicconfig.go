package controller

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/log/wire"
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
	if strings.HasSuffix(name, ".throttled.replicas") {
		value = "[" + strings.Join(splitList(kept), ", ") + "]" // it is a list where Kafka refuses it
		if why := check(kept); why != "" {
			return "", fmt.Sprintf("Invalid value %s for configuration %s: %s must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...", value, name, name)
		}
	}
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
		return func(s string) string {
			if s == "true" || s == "false" {
				return ""
			}
			return "Expected value to be either true or false"
		}, true
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

// splitList is what is between the commas of a list.
func splitList(s string) []string {
	list := strings.Split(s, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// checkTogether is what is wrong with values beside each other (LogConfig.validate).
func checkTogether(values map[string]string) *refusal {
	number := func(name string, preset int64) int64 {
		if n, err := strconv.ParseInt(values[name], 10, 64); err == nil {
			return n
		}
		return preset
	}
	least, most := number("min.compaction.lag.ms", 0), number("max.compaction.lag.ms", math.MaxInt64)
	if least > most {
		return refuse(wire.InvalidConfig, "conflict topic config setting min.compaction.lag.ms (%d) > max.compaction.lag.ms (%d)", least, most)
	}
	if values["remote.storage.enable"] == "true" {
		return refuse(wire.InvalidConfig, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.")
	}
	return nil
}

func whole(lo, hi int64) func(string) string {
	bits, kind := 64, "LONG"
	if hi <= math.MaxInt32 {
		bits, kind = 32, "INT"
	}
	return func(s string) string {
		n, err := strconv.ParseInt(s, 10, bits)
		switch {
		case err != nil:
			return "Not a number of type " + kind
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
		if s == "" {
			return "" // a list of none
		}
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
	if n, err := strconv.ParseInt(s, 10, 32); err == nil && (n < 1 || n > 9) {
		return "Value must be between 1 and 9 or equal to -1"
	}
	return whole(1, 9)(s)
}

// ratio accepts a number in [0, 1], such as "0.5", "1" or "1e-3".
func ratio(s string) string {
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(s), "e")
	e, err := strconv.ParseInt(exponent, 10, 64)
	x, ok := new(big.Rat).SetString(mantissa)
	const largest = 300 // of a double
	if !ok || strings.Trim(mantissa, "+-.0123456789") != "" || len(mantissa) > 40 || scaled && (err != nil || e < -largest || e > largest) {
		return "Not a number of type DOUBLE"
	}
	if scaled {
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(max(e, -e)), nil))
		if e < 0 {
			power.Inv(power)
		}
		x.Mul(x, power)
	}
	switch {
	case x.Sign() < 0:
		return "Value must be at least 0"
	case x.Cmp(big.NewRat(1, 1)) > 0:
		return "Value must be no more than 1"
	}
	return ""
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
