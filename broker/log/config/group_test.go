package config

import (
	"testing"
	"time"
)

func TestCheckGroup(t *testing.T) {
	for _, c := range []struct{ name, text, kept, why string }{
		{"share.record.lock.duration.ms", " 15000", "15000", ""},
		{"share.record.lock.duration.ms", "14999", "", "share.record.lock.duration.ms must be greater than or equal to group.share.min.record.lock.duration.ms"},
		{"share.record.lock.duration.ms", "999", "", "Invalid value 999 for configuration share.record.lock.duration.ms: Value must be at least 1000"},
		{"share.heartbeat.interval.ms", "0", "", "Invalid value 0 for configuration share.heartbeat.interval.ms: Value must be at least 1"},
		{"share.record.lock.duration.ms", "60001", "", "share.record.lock.duration.ms must be less than or equal to group.share.max.record.lock.duration.ms"},
		{"share.session.timeout.ms", "x", "", "Invalid value x for configuration share.session.timeout.ms: Not a number of type INT"},
		{"share.auto.offset.reset", "earliest", "earliest", ""},
		{"share.auto.offset.reset", "none", "", "Invalid value none for configuration share.auto.offset.reset: Invalid value `none` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'."},
		{"share.auto.offset.reset", "by_duration:PT1H", "by_duration:PT1H", ""},
		{"share.isolation.level", "read_committed", "read_committed", ""},
		{"share.isolation.level", "serializable", "", "Invalid value serializable for configuration share.isolation.level: String must be one of: read_committed, read_uncommitted"},
		{"share.delivery.count.limit", "2", "2", ""},
		{"share.delivery.count.limit", "1", "", "Invalid value 1 for configuration share.delivery.count.limit: group.share.delivery.count.limit=1: want a whole number from 2 to 10"},
		{"consumer.session.timeout.ms", "45000", "45000", ""},
		{"session.timeout.ms", "1", "", "Unknown group config name: session.timeout.ms"},
	} {
		if kept, why := CheckGroup(c.name, c.text, nil); kept != c.kept || why != c.why {
			t.Errorf("CheckGroup(%q, %q) = %q, %q, want %q, %q", c.name, c.text, kept, why, c.kept, c.why)
		}
	}
	if _, why := CheckGroup("share.record.lock.duration.ms", "3000", map[string]string{"group.share.min.record.lock.duration.ms": "1000"}); why != "" {
		t.Error(why)
	}
	for _, n := range GroupNames() { // each has a default that it takes
		text := n.Default
		if n.Broker != "" {
			text = known.byName[BrokerScope][n.Broker].Default
		}
		if _, why := CheckGroup(n.Name, text, nil); why != "" {
			t.Errorf("%s: %s", n.Name, why)
		}
	}
}

func TestResetDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"by_duration:P1D": 24 * time.Hour, "by_duration:PT1H30M": 90 * time.Minute, "BY_DURATION:p2dt3.5s": 48*time.Hour + 3500*time.Millisecond,
		"by_duration:": -1, "by_duration:P": -1, "by_duration:PT": -1, "by_duration:P1": -1, "by_duration:PT-1H": -1, "by_duration:P1H": -1, "PT1H": -1,
		"by_duration:PT1M1H": -1, "by_duration:PT1.5H": -1, "by_duration:P99999999999D": -1, "by_duration:PT1.xS": -1,
	} {
		d, ok := ResetDuration(text)
		if !ok {
			d = -1
		}
		if d != want {
			t.Errorf("%s is %v, want %v", text, d, want)
		}
	}
}
