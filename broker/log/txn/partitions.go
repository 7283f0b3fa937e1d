package txn

import (
	"cmp"
	"slices"

	"brokersim/broker/log/coordinator"
)

// The partitions of a transaction are sorted by topic and number, each there once. A list is
// shared by records and markers, and never changed: what changes is another list.

func byTopic(t coordinator.TopicPartitions, topic string) int { return cmp.Compare(t.Topic, topic) }

// sorted is a list in order; the same one, if it is that already.
func sorted(list []coordinator.TopicPartitions) []coordinator.TopicPartitions {
	for i := range list {
		t := &list[i]
		ok := len(t.Partitions) > 0 && (i == 0 || list[i-1].Topic < t.Topic)
		for j := 1; ok && j < len(t.Partitions); j++ {
			ok = t.Partitions[j-1] < t.Partitions[j]
		}
		if !ok {
			return union(nil, list)
		}
	}
	return list
}

// union is a new list with the partitions of a sorted one, and more.
func union(list, more []coordinator.TopicPartitions) []coordinator.TopicPartitions {
	sum := make([]coordinator.TopicPartitions, len(list), len(list)+len(more))
	for i := range list {
		sum[i] = coordinator.TopicPartitions{Topic: list[i].Topic, Partitions: slices.Clone(list[i].Partitions)}
	}
	for i := range more {
		if len(more[i].Partitions) == 0 {
			continue
		}
		at, ok := slices.BinarySearchFunc(sum, more[i].Topic, byTopic)
		if !ok {
			sum = slices.Insert(sum, at, coordinator.TopicPartitions{Topic: more[i].Topic})
		}
		t := &sum[at]
		for _, n := range more[i].Partitions {
			if j, ok := slices.BinarySearch(t.Partitions, n); !ok {
				t.Partitions = slices.Insert(t.Partitions, j, n)
			}
		}
	}
	return sum
}

// hasAll reports whether all of more are in a sorted list.
func hasAll(list, more []coordinator.TopicPartitions) bool {
	for i := range more {
		for _, n := range more[i].Partitions {
			if !has(list, more[i].Topic, n) {
				return false
			}
		}
	}
	return true
}

// has reports whether a partition is in a sorted list.
func has(list []coordinator.TopicPartitions, topic string, n int32) bool {
	i, ok := slices.BinarySearchFunc(list, topic, byTopic)
	if ok {
		_, ok = slices.BinarySearch(list[i].Partitions, n)
	}
	return ok
}

// anyNegative reports whether there is a number that no partition has.
func anyNegative(list []coordinator.TopicPartitions) bool {
	return slices.ContainsFunc(list, func(t coordinator.TopicPartitions) bool { return len(t.Partitions) > 0 && slices.Min(t.Partitions) < 0 })
}
