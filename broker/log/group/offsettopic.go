package group

import "github.com/twmb/franz-go/pkg/kmsg"

// topicOffsets is what a message says of offsets of one topic, with the fields that the protocol's types
// have in OffsetCommit and TxnOffsetCommit.
type topicOffsets[P any] struct {
	Topic       string
	TopicID     [16]byte
	Partitions  []P
	UnknownTags kmsg.Tags
}

// topicOffsetsOf is any of those types.
type topicOffsetsOf[P any] interface {
	~struct {
		Topic       string
		TopicID     [16]byte
		Partitions  []P
		UnknownTags kmsg.Tags
	}
}

// overTopics are topics with something else of each of their partitions, such as the answer.
func overTopics[U topicOffsetsOf[Q], T topicOffsetsOf[P], P, Q any](topics []T, f func(topic string, p *P) Q) []U {
	list := make([]U, len(topics))
	for i := range topics {
		t := topicOffsets[P](topics[i])
		partitions := make([]Q, len(t.Partitions))
		for j := range t.Partitions {
			partitions[j] = f(t.Topic, &t.Partitions[j])
		}
		list[i] = U(topicOffsets[Q]{Topic: t.Topic, TopicID: t.TopicID, Partitions: partitions})
	}
	return list
}
