package config

import "testing"

// A topic has what was set for it, and otherwise what its broker has.
func TestOverride(t *testing.T) {
	b := DefaultBroker()
	b.MinInsyncReplicas, b.MessageMaxBytes, b.UncleanLeaderElection, b.LogFlushIntervalMessages = 2, 1000, true, 7
	b.LogRetentionMinutes, b.LogRetentionBytes, b.LogRollMillis, b.LogSegmentBytes = 5, 6, 8, 9
	b.LogRollJitterHours, b.LogFlushSchedulerMillis, b.LogIndexSizeMaxBytes, b.LogIndexIntervalBytes, b.LogSegmentDeleteDelay = 1, 10, 11, 12, 13
	b.LogCleanupPolicy, b.LogCleanerMinCleanableRatio, b.LogCleanerDeleteRetention = Policy{true, true}, 14, 15
	b.LogCleanerMinCompactionLag, b.LogCleanerMaxCompactionLag, b.LogMessageTimestampType = 16, 17, "LogAppendTime"
	b.LogMessageTimestampBeforeMax, b.LogMessageTimestampAfterMax = 18, 19
	own := Topic{MinInsyncReplicas: 2, MaxMessageBytes: 1000, UncleanLeaderElection: true, FlushMessages: 7,
		RetentionMillis: 300_000, RetentionBytes: 6, SegmentMillis: 8, SegmentBytes: 9,
		FlushMillis: 10, SegmentJitterMillis: 3_600_000, SegmentIndexBytes: 11, IndexIntervalBytes: 12, FileDeleteDelayMillis: 13,
		CleanupPolicy: Policy{true, true}, MinCleanableDirtyRatio: 14, DeleteRetentionMillis: 15, MinCompactionLagMillis: 16, MaxCompactionLagMillis: 17,
		LogAppendTime: true, TimestampBeforeMaxMillis: 18, TimestampAfterMaxMillis: 19}
	for _, tt := range []struct {
		name string
		set  map[string]string
		want func(*Topic)
	}{
		{"nothing is set", nil, func(*Topic) {}},
		{"one", map[string]string{"min.insync.replicas": "3"}, func(t *Topic) { t.MinInsyncReplicas = 3 }},
		{"all", map[string]string{
			"min.insync.replicas": "1", "max.message.bytes": "5", "unclean.leader.election.enable": "false", "flush.messages": "1",
			"retention.ms": "-1", "retention.bytes": "2", "segment.ms": "3", "segment.bytes": "4000000",
			"flush.ms": "20", "segment.jitter.ms": "21", "segment.index.bytes": "22", "index.interval.bytes": "23", "file.delete.delay.ms": "24",
			"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.25", "delete.retention.ms": "26", "min.compaction.lag.ms": "27", "max.compaction.lag.ms": "28",
			"message.timestamp.type": "CreateTime", "message.timestamp.before.max.ms": "29", "message.timestamp.after.max.ms": "30",
		}, func(t *Topic) {
			*t = Topic{MinInsyncReplicas: 1, MaxMessageBytes: 5, FlushMessages: 1, RetentionMillis: -1, RetentionBytes: 2, SegmentMillis: 3, SegmentBytes: 4_000_000,
				FlushMillis: 20, SegmentJitterMillis: 21, SegmentIndexBytes: 22, IndexIntervalBytes: 23, FileDeleteDelayMillis: 24,
				CleanupPolicy: Policy{Compact: true}, MinCleanableDirtyRatio: 250_000, DeleteRetentionMillis: 26, MinCompactionLagMillis: 27, MaxCompactionLagMillis: 28,
				TimestampBeforeMaxMillis: 29, TimestampAfterMaxMillis: 30}
		}},
		{"the broker's own name for it", map[string]string{"message.max.bytes": "5"}, func(*Topic) {}},
		{"a name that is not modelled", map[string]string{"preallocate": "true"}, func(*Topic) {}},
		{"a value that Kafka would refuse", map[string]string{"min.insync.replicas": "0", "flush.messages": "often", "max.message.bytes": "5"}, func(t *Topic) { t.MaxMessageBytes = 5 }},
	} {
		want := own
		tt.want(&want)
		if got := b.Override(tt.set); got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
	if got := DefaultTopic(); got != func() Topic { b := DefaultBroker(); return b.Override(nil) }() {
		t.Errorf("a topic by Kafka's defaults is %+v", got)
	}
}
