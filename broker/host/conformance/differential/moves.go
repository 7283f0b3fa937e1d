package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playMoves is ElectLeaders, AlterPartitionReassignments and ListPartitionReassignments, of
// which one broker can be asked little but what is wrong.
func playMoves(d *dialogue) {
	d.topic("moves", 3)
	elect := func(name string, list []kmsg.ElectLeadersRequestTopic) {
		for _, kind := range []int8{0, 1, 2} {
			d.each(kmsg.ElectLeaders, fmt.Sprintf("type %d %s", kind, name), func(*side, int16) kmsg.Request {
				req := kmsg.NewPtrElectLeadersRequest()
				req.ElectionType, req.TimeoutMillis, req.Topics = kind, 5000, list
				return req
			})
		}
	}
	of := func(topic string, parts ...int32) kmsg.ElectLeadersRequestTopic {
		return kmsg.ElectLeadersRequestTopic{Topic: topic, Partitions: parts}
	}
	type elections = []kmsg.ElectLeadersRequestTopic
	elect("of one", elections{of("moves", 0)})
	elect("of some", elections{of("moves", 0, 2)})
	elect("unknown topic", elections{of("no-such", 0)})
	elect("unknown partition", elections{of("moves", 9)})
	elect("known and unknown", elections{of("moves", 0, 9), of("no-such", 1)})
	elect("of none", elections{})

	move := func(name string, topic string, n int32, replicas []int32) {
		d.each(kmsg.AlterPartitionAssignments, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrAlterPartitionAssignmentsRequest()
			req.TimeoutMillis = 5000
			p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
			p.Partition, p.Replicas = n, replicas
			t := kmsg.NewAlterPartitionAssignmentsRequestTopic()
			t.Topic, t.Partitions = topic, append(t.Partitions, p)
			req.Topics = append(req.Topics, t)
			return req
		})
	}
	move("to where it is", "moves", 0, []int32{1})
	move("to nobody", "moves", 0, []int32{})
	move("to an unknown broker", "moves", 0, []int32{7})
	move("to known and unknown", "moves", 0, []int32{1, 7})
	move("to one twice", "moves", 0, []int32{1, 1})
	move("to a negative broker", "moves", 0, []int32{-1})
	move("cancel what is not", "moves", 0, nil)
	move("unknown topic", "no-such", 0, []int32{1})
	move("unknown partition", "moves", 9, []int32{1})
	d.each(kmsg.AlterPartitionAssignments, "nothing", func(*side, int16) kmsg.Request { return kmsg.NewPtrAlterPartitionAssignmentsRequest() })

	list := func(name string, topics []kmsg.ListPartitionReassignmentsRequestTopic) {
		d.each(kmsg.ListPartitionReassignments, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrListPartitionReassignmentsRequest()
			req.TimeoutMillis, req.Topics = 5000, topics
			return req
		})
	}
	type asked = kmsg.ListPartitionReassignmentsRequestTopic
	list("all", nil)
	list("none", []asked{})
	list("of one", []asked{{Topic: "moves", Partitions: []int32{0, 1}}})
	list("unknown", []asked{{Topic: "no-such", Partitions: []int32{0}}, {Topic: "moves", Partitions: []int32{9}}})
}

// playDeleteRecords is DeleteRecords.
func playDeleteRecords(d *dialogue) {
	for _, v := range d.versions(kmsg.DeleteRecords) {
		topic := fmt.Sprintf("cut-%d", v)
		d.topic(topic, 2)
		for range 4 {
			d.latest(kmsg.Produce, "for "+topic, func(*side, int16) kmsg.Request {
				return produce(-1, part{topic: topic, records: values("a", "b", "c").bytes()})
			})
		}
		cut := func(name string, topic string, n int32, offset int64) {
			d.at(kmsg.DeleteRecords, v, name, func(*side, int16) kmsg.Request {
				req := kmsg.NewPtrDeleteRecordsRequest()
				req.TimeoutMillis = 5000
				p := kmsg.NewDeleteRecordsRequestTopicPartition()
				p.Partition, p.Offset = n, offset
				t := kmsg.NewDeleteRecordsRequestTopic()
				t.Topic, t.Partitions = topic, append(t.Partitions, p)
				req.Topics = append(req.Topics, t)
				return req
			})
		}
		for _, offset := range []int64{0, 4, 3, 13, -2, 7} {
			cut(fmt.Sprintf("to %d", offset), topic, 0, offset)
			for _, at := range []int64{0, 4, 7, 12} {
				d.latest(kmsg.Fetch, fmt.Sprintf("of what was cut at %d, from %d", offset, at), func(s *side, v int16) kmsg.Request {
					return fetch(s, v, part{topic: topic, offset: at})
				})
			}
			for _, t := range []int64{-1, -2, -3, begin} {
				d.latest(kmsg.ListOffsets, fmt.Sprintf("of what was cut at %d, time %d", offset, t), func(*side, int16) kmsg.Request {
					return listOffsets(part{topic: topic, time: t})
				})
			}
		}
		cut("to the end", topic, 0, -1)
		cut("of nothing", topic, 1, 0)
		cut("of nothing to 1", topic, 1, 1)
		cut("unknown partition", topic, 9, 0)
		cut("unknown topic", "no-such", 0, 0)
		cut("no name", "", 0, 0)
		cut("the metadata", "__cluster_metadata", 0, 0)
		d.read(topic, 0)
	}
}
