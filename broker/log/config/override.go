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
