package scenario

import (
	"slices"

	"brokersim/broker/log/wire"
)

// groups are the names of the groups of readers, in the order of their first members.
func (s *Spec) groups() (names []string) {
	for i := range s.Readers {
		if g := s.Readers[i].group(); !slices.Contains(names, g) {
			names = append(names, g)
		}
	}
	return names
}

func (r *Reader) group() string {
	if r.Group != "" {
		return r.Group
	}
	return r.Name
}

// share are the partitions of a reader.
func (r *run) share(reader int) []wire.TP { return r.Spec.share(reader, &r.topology) }

// share deals out the partitions of a reader's group as Kafka's RoundRobinAssignor does:
// those of all topics of the group one after the other, each to the next member that
// reads its topic. It returns those of the reader. Members that read the same topics get
// every so many-th.
func (s *Spec) share(reader int, t *topology) (list []wire.TP) {
	members, topics := s.members(s.Readers[reader].group())
	at := 0
	for _, tp := range t.of(topics) {
		for !slices.Contains(s.Readers[members[at]].Topics, tp.Topic) {
			at = (at + 1) % len(members)
		}
		if members[at] == reader {
			list = append(list, tp)
		}
		at = (at + 1) % len(members)
	}
	return list
}

// members are the readers of a group, and the topics that any of them reads.
func (s *Spec) members(group string) (readers []int, topics []string) {
	for i := range s.Readers {
		if s.Readers[i].group() != group {
			continue
		}
		readers = append(readers, i)
		for _, topic := range s.Readers[i].Topics {
			if !slices.Contains(topics, topic) {
				topics = append(topics, topic)
			}
		}
	}
	return readers, topics
}

// numbered is the reader with an ending to its name, and to what else has to be its own.
func (r *Reader) numbered(ending string) Reader {
	x := *r
	x.Name += ending
	x.Set = slices.Clone(r.Set)
	for i := range x.Set {
		if x.Set[i].Key == "group.instance.id" {
			x.Set[i].Value += ending
		}
	}
	return x
}
