package controller

import (
	"strings"
	"testing"
)

func TestCheckConfig(t *testing.T) {
	for _, c := range []struct{ name, value, kept, why string }{
		{"min.insync.replicas", "2", "2", ""},
		{"min.insync.replicas", " 2 ", "2", ""},
		{"min.insync.replicas", "0", "", "must be at least 1"},
		{"min.insync.replicas", "2147483648", "", "Not a number of type INT"},
		{"min.insync.replicas", "two", "", "Not a number"},
		{"min.insync.replicas", "", "", "Not a number"},
		{"min.isr", "2", "", "Unknown topic config name: min.isr"},
		{"unclean.leader.election.enable", "TRUE", "true", ""},
		{"unclean.leader.election.enable", "yes", "", "Expected value to be either true or false"},
		{"max.message.bytes", "-1", "", "must be at least 0"},
		{"flush.messages", "9223372036854775807", "9223372036854775807", ""},
		{"flush.messages", "0", "", "must be at least 1"},
		{"retention.ms", "-1", "-1", ""},
		{"cleanup.policy", "compact, delete", "compact, delete", ""},
		{"cleanup.policy", "compact,forget", "", "must be one of"},
		{"compression.type", "zip", "", "must be one of"},
		{"compression.gzip.level", "-1", "-1", ""},
		{"compression.gzip.level", "0", "", "between 1 and 9 or equal to -1"},
		{"min.cleanable.dirty.ratio", "0.5", "0.5", ""},
		{"min.cleanable.dirty.ratio", "1.0", "1.0", ""},
		{"min.cleanable.dirty.ratio", "1.5", "", "no more than 1"},
		{"min.cleanable.dirty.ratio", "0.5x", "", "Not a number of type DOUBLE"},
		{"min.cleanable.dirty.ratio", "1e-1", "1e-1", ""},
		{"min.cleanable.dirty.ratio", "1e999999999", "", "Not a number"},
		{"min.cleanable.dirty.ratio", "1e-999999999", "", "Not a number"},
		{"min.cleanable.dirty.ratio", "-0.1", "", "at least 0"},
		{"min.cleanable.dirty.ratio", "1/2", "", "Not a number"},
		{"cleanup.policy", "", "", ""},
		{"leader.replication.throttled.replicas", "0:1,1:2", "0:1,1:2", ""},
		{"leader.replication.throttled.replicas", "*", "*", ""},
		{"leader.replication.throttled.replicas", "0-1", "", "must be the literal '*' or a list"},
	} {
		kept, why := CheckConfig(c.name, c.value)
		if kept != c.kept || (why == "") != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s=%q: %q, %q; want %q, %q", c.name, c.value, kept, why, c.kept, c.why)
		}
	}
}

func TestCheckTopicName(t *testing.T) {
	for name, ok := range map[string]bool{ // unordered: independent rows
		"orders": true, "a.b_c-D9": true, strings.Repeat("x", 249): true, "...": true,
		"": false, ".": false, "..": false, strings.Repeat("x", 250): false, "a b": false, "a/b": false, "größe": false, "a\x00": false,
	} {
		if why := CheckTopicName(name); (why == "") != ok {
			t.Errorf("%q: %q", name, why)
		}
	}
}
