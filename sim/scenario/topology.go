package scenario

import (
	"fmt"

	"brokersim/broker/log/wire"
	"brokersim/checker/history"
)

// topology is the partitions of a run and the numbers that the history has for
// them.
type topology struct {
	topics []topicAt
	tps    []wire.TP // by history.TP
}

// topicAt is a topic and the number of its partition 0.
type topicAt struct {
	name  string
	first history.TP
	parts int32
}

func newTopology(s *Spec) topology {
	var t topology
	for _, x := range s.Topics {
		t.topics = append(t.topics, topicAt{x.Name, history.TP(len(t.tps)), x.most()})
		for i := range x.most() {
			t.tps = append(t.tps, wire.TP{Topic: x.Name, Partition: i})
		}
	}
	return t
}

// number is asked for every record: topics are few, and the names compared are
// mostly one string.
func (t *topology) number(tp wire.TP) history.TP {
	for i := range t.topics {
		if x := &t.topics[i]; x.name == tp.Topic && tp.Partition >= 0 && tp.Partition < x.parts {
			return x.first + history.TP(tp.Partition)
		}
	}
	panic(stranger(tp))
}

// stranger is a partition of which a client was told, and which nobody has created:
// a mistake of ours, or of a broker that somebody has brought along.
type stranger wire.TP

func (s stranger) String() string {
	return fmt.Sprintf("a client speaks of %v, which the scenario does not have", wire.TP(s))
}

// of are the partitions of some topics.
func (t *topology) of(topics []string) []wire.TP {
	var list []wire.TP
	for _, name := range topics {
		for _, x := range t.topics {
			if x.name == name {
				list = append(list, t.tps[x.first:x.first+history.TP(x.parts)]...)
			}
		}
	}
	return list
}

// parse finds a partition by its name, "orders-0".
func (t *topology) parse(name string) (wire.TP, bool) {
	for _, tp := range t.tps {
		if tp.String() == name {
			return tp, true
		}
	}
	return wire.TP{}, false
}
