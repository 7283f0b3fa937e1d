package config

// Override is the configuration of a topic on a broker: what was set for the
// topic, by Kafka's names, and otherwise what the broker has for topics. A value
// that Kafka would refuse is passed over; the controller lets none in.
func (b *Broker) Override(set map[string]string) Topic {
	t := Topic{
		MinInsyncReplicas:     b.MinInsyncReplicas,
		MaxMessageBytes:       b.MessageMaxBytes,
		UncleanLeaderElection: b.UncleanLeaderElection,
		FlushMessages:         b.LogFlushIntervalMessages,
		FlushMillis:           firstSet(b.LogFlushIntervalMillis, 1, b.LogFlushSchedulerMillis, 1),
		RetentionMillis:       firstSet(b.LogRetentionMillis, 1, b.LogRetentionMinutes, minute, b.LogRetentionHours, hour),
		RetentionBytes:        b.LogRetentionBytes,
		SegmentMillis:         firstSet(b.LogRollMillis, 1, b.LogRollHours, hour),
		SegmentJitterMillis:   firstSet(b.LogRollJitterMillis, 1, b.LogRollJitterHours, hour),
		SegmentBytes:          b.LogSegmentBytes,
		SegmentIndexBytes:     b.LogIndexSizeMaxBytes,
		IndexIntervalBytes:    b.LogIndexIntervalBytes,
		FileDeleteDelayMillis: b.LogSegmentDeleteDelay,

		CleanupPolicy:            b.LogCleanupPolicy,
		MinCleanableDirtyRatio:   b.LogCleanerMinCleanableRatio,
		DeleteRetentionMillis:    b.LogCleanerDeleteRetention,
		MinCompactionLagMillis:   b.LogCleanerMinCompactionLag,
		MaxCompactionLagMillis:   b.LogCleanerMaxCompactionLag,
		LogAppendTime:            b.LogMessageTimestampType == logAppendTime,
		TimestampBeforeMaxMillis: b.LogMessageTimestampBeforeMax,
		TimestampAfterMaxMillis:  b.LogMessageTimestampAfterMax,
	}
	for _, f := range topicFields {
		text, ok := set[f.name]
		if !ok {
			continue
		}
		if v, err := known.byName[TopicScope][f.name].parse(text); err == nil {
			f.set(&t, v)
		}
	}
	return t
}

// In ms.
const (
	minute = 60 * 1000
	hour   = 60 * minute
)

// firstSet takes numbers with their units in ms, the finest first: the first that
// somebody has set decides. What is negative is -1, without a limit.
func firstSet(pairs ...int64) int64 {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != Unset {
			return max(pairs[i]*pairs[i+1], -1)
		}
	}
	return -1
}
