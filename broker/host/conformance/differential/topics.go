package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playCreate is CreateTopics.
func playCreate(d *dialogue) {
	create := func(name string, topics ...kmsg.CreateTopicsRequestTopic) {
		d.each(kmsg.CreateTopics, name, func(_ *side, v int16) kmsg.Request {
			list := make([]kmsg.CreateTopicsRequestTopic, len(topics))
			for i, t := range topics {
				if list[i] = t; t.Topic != "" && len(t.Topic) < 100 {
					list[i].Topic = fmt.Sprintf("%s-v%d", t.Topic, v)
				}
			}
			return createTopics(list...)
		})
	}
	as := func(name string, topics ...kmsg.CreateTopicsRequestTopic) { // as they are called
		d.each(kmsg.CreateTopics, name, func(*side, int16) kmsg.Request { return createTopics(topics...) })
	}
	create("one", newTopic("one", 1, 1))
	create("three partitions", newTopic("three", 3, 1))
	create("defaults", newTopic("defaults", -1, -1))
	create("again", newTopic("one", 1, 1))
	create("nothing")
	create("two", newTopic("two-a", 1, 1), newTopic("two-b", 2, 1))
	create("one is wrong", newTopic("half-a", 1, 1), newTopic("half-b", 0, 1))
	create("twice", newTopic("twice", 1, 1), newTopic("twice", 2, 1), newTopic("beside", 1, 1))
	for _, n := range []int32{0, -2, 100_000, 2_000_000_000} {
		create(fmt.Sprintf("%d partitions", n), newTopic(fmt.Sprint("partitions", n), n, 1))
	}
	for _, n := range []int16{0, -2, 2, 30000} {
		create(fmt.Sprintf("replication factor %d", n), newTopic(fmt.Sprint("factor", n), 1, n))
	}
	create("partitions 0 and factor 0", newTopic("zeros", 0, 0))
	for _, name := range []string{"", ".", "..", "a b", "a/b", "ä", long(250), "__cluster_metadata", "__consumer_offsets-x"} {
		as("name "+name[:min(len(name), 20)], newTopic(name, 1, 1))
	}
	create("of 249", newTopic(long(80), 1, 1))
	create("with a dot", newTopic("a.b", 1, 1))
	create("collides", newTopic("a_b", 1, 1))
	create("collide with each other", newTopic("c.d", 1, 1), newTopic("c_d", 1, 1))
	for i, c := range [][2]string{
		{"retention.ms", "1000"}, {"retention.ms", "-1"}, {"retention.ms", "-2"}, {"retention.ms", "x"}, {"retention.ms", ""}, {"retention.ms", "1.5"}, {"retention.ms", " 7"},
		{"retention.ms", "99999999999999999999"}, {"retention.bytes", "-5"}, {"segment.bytes", "13"}, {"segment.bytes", "14"}, {"segment.bytes", "2147483648"},
		{"segment.bytes", "1048576"}, {"segment.ms", "0"}, {"segment.jitter.ms", "-1"}, {"segment.index.bytes", "3"}, {"segment.index.bytes", "4"},
		{"cleanup.policy", "compact"}, {"cleanup.policy", "compact,delete"}, {"cleanup.policy", "delete, compact"}, {"cleanup.policy", "none"}, {"cleanup.policy", ""}, {"cleanup.policy", "COMPACT"},
		{"compression.type", "zstd"}, {"compression.type", "brotli"}, {"compression.type", "none"}, {"compression.gzip.level", "0"}, {"compression.gzip.level", "9"},
		{"compression.lz4.level", "18"}, {"compression.zstd.level", "23"}, {"compression.zstd.level", "-3"},
		{"message.timestamp.type", "LogAppendTime"}, {"message.timestamp.type", "logappendtime"}, {"message.timestamp.difference.max.ms", "1000"},
		{"message.timestamp.before.max.ms", "-1"}, {"message.timestamp.after.max.ms", "0"}, {"message.format.version", "2.0"}, {"message.format.version", "x"},
		{"message.downconversion.enable", "false"}, {"message.downconversion.enable", "x"},
		{"min.insync.replicas", "0"}, {"min.insync.replicas", "2"}, {"min.insync.replicas", "99999999999"}, {"min.cleanable.dirty.ratio", "0.3"}, {"min.cleanable.dirty.ratio", "1.1"},
		{"min.cleanable.dirty.ratio", "1e-1"}, {"min.cleanable.dirty.ratio", "x"}, {"unclean.leader.election.enable", "true"}, {"unclean.leader.election.enable", "TRUE"}, {"unclean.leader.election.enable", "yes"},
		{"preallocate", "true"}, {"file.delete.delay.ms", "-1"}, {"flush.messages", "0"}, {"flush.messages", "1"}, {"flush.ms", "-1"}, {"index.interval.bytes", "-1"}, {"max.message.bytes", "-1"},
		{"max.compaction.lag.ms", "0"}, {"min.compaction.lag.ms", "-1"}, {"delete.retention.ms", "-1"}, {"max.message.bytes", "2147483647"},
		{"leader.replication.throttled.replicas", "*"}, {"leader.replication.throttled.replicas", "0:1"}, {"leader.replication.throttled.replicas", "0:1,1:1"}, {"leader.replication.throttled.replicas", "x"}, {"leader.replication.throttled.replicas", "none"}, {"follower.replication.throttled.replicas", ""},
		{"remote.storage.enable", "true"}, {"remote.storage.enable", "false"}, {"local.retention.ms", "-2"}, {"local.retention.ms", "-3"}, {"local.retention.bytes", "5"},
		{"remote.log.copy.disable", "true"}, {"remote.log.delete.on.disable", "true"},
		{"no.such.config", "x"}, {"", "x"}, {"log.retention.ms", "5"}, {"follower.replication.throttled.rate", "5"},
	} {
		create(fmt.Sprintf("%s=%s", c[0], c[1]), newTopic(fmt.Sprintf("config%d", i), 1, 1, c[0], c[1]))
	}
	create("max.compaction.lag.ms below min", newTopic("lags", 1, 1, "min.compaction.lag.ms", "100", "max.compaction.lag.ms", "50"))
	create("retention.ms below local", newTopic("local", 1, 1, "retention.ms", "100", "local.retention.ms", "200"))
	create("two configs, one unknown", newTopic("two-configs", 1, 1, "retention.ms", "5", "no.such", "x"))
	create("a config twice", newTopic("config-twice", 1, 1, "retention.ms", "5", "retention.ms", "7"))
	create("several configs", newTopic("several", 1, 1, "retention.ms", "5000", "cleanup.policy", "compact", "max.message.bytes", "100"))
	null := newTopic("null-config", 1, 1, "retention.ms", "")
	null.Configs[0].Value = nil
	create("null config", null)
	create("assignment", assigned("assigned", []int32{1}, []int32{1}))
	create("assignment with a factor", func() kmsg.CreateTopicsRequestTopic {
		t := assigned("af", []int32{1})
		t.ReplicationFactor = 1
		return t
	}())
	create("assignment with partitions", func() kmsg.CreateTopicsRequestTopic { t := assigned("ap", []int32{1}); t.NumPartitions = 1; return t }())
	create("assignment to an unknown broker", assigned("au", []int32{7}))
	create("assignment twice to one", assigned("at", []int32{1, 1}))
	create("assignment to nobody", assigned("an", []int32{}))
	create("assignment to known and unknown", assigned("ak", []int32{1, 7}))
	create("assignment of unequal length", assigned("al", []int32{1}, []int32{1, 7}))
	create("assignment to a negative broker", assigned("anb", []int32{-1}))
	create("assignment from 1", func() kmsg.CreateTopicsRequestTopic {
		t := assigned("a1", []int32{1})
		t.ReplicaAssignment[0].Partition = 1
		return t
	}())
	create("assignment of a partition twice", func() kmsg.CreateTopicsRequestTopic {
		t := assigned("a2", []int32{1}, []int32{1})
		t.ReplicaAssignment[1].Partition = 0
		return t
	}())
	validate := func(name string, t kmsg.CreateTopicsRequestTopic) {
		d.each(kmsg.CreateTopics, name, func(*side, int16) kmsg.Request {
			req := createTopics(t)
			req.ValidateOnly = true
			return req
		})
	}
	validate("validate only", newTopic("validated", 2, 1, "retention.ms", "5000"))
	validate("validate only, again", newTopic("validated", 2, 1))
	validate("validate only, wrong", newTopic("validated", 0, 1))
	for _, ms := range []int32{0, -1} {
		d.each(kmsg.CreateTopics, fmt.Sprintf("timeout %d", ms), func(_ *side, v int16) kmsg.Request {
			req := createTopics(newTopic(fmt.Sprintf("timeout%d-v%d", ms, v), 1, 1))
			req.TimeoutMillis = ms
			return req
		})
	}
}

// playPartitions is CreatePartitions.
func playPartitions(d *dialogue) {
	for _, v := range d.versions(kmsg.CreatePartitions) {
		topic := fmt.Sprintf("grown-%d", v)
		d.topic(topic, 2)
		grow := func(name string, validate bool, list ...kmsg.CreatePartitionsRequestTopic) {
			d.at(kmsg.CreatePartitions, v, name, func(*side, int16) kmsg.Request {
				req := kmsg.NewPtrCreatePartitionsRequest()
				req.TimeoutMillis, req.Topics, req.ValidateOnly = 5000, list, validate
				return req
			})
		}
		to := func(topic string, count int32, assignment ...[]int32) kmsg.CreatePartitionsRequestTopic {
			t := kmsg.NewCreatePartitionsRequestTopic()
			t.Topic, t.Count = topic, count
			for _, replicas := range assignment {
				a := kmsg.NewCreatePartitionsRequestTopicAssignment()
				a.Replicas = replicas
				t.Assignment = append(t.Assignment, a)
			}
			return t
		}
		grow("nothing", false)
		grow("validate only", true, to(topic, 4))
		for _, n := range []int32{2, 1, 0, -1, 2_000_000_000} {
			grow(fmt.Sprintf("to %d", n), false, to(topic, n))
		}
		grow("unknown", false, to("no-such", 4))
		grow("no name", false, to("", 4))
		grow("odd name", false, to("no such!", 4))
		grow("twice", false, to(topic, 5), to(topic, 6))
		grow("twice, and another", false, to(topic, 5), to("no-such", 6), to(topic, 5))
		grow("assignment too short", false, to(topic, 4, []int32{1}))
		grow("assignment too long", false, to(topic, 3, []int32{1}, []int32{1}))
		grow("assignment unknown broker", false, to(topic, 3, []int32{7}))
		grow("assignment twice to one", false, to(topic, 3, []int32{1, 1}))
		grow("assignment to nobody", false, to(topic, 3, []int32{}))
		grow("assignment", false, to(topic, 3, []int32{1}))
		grow("to 5", false, to(topic, 5))
		grow("to 5 again", false, to(topic, 5))
		d.await(topic, 5)
		d.latest(kmsg.Metadata, "after it grew", func(*side, int16) kmsg.Request { return metadataOf(topic) })
	}
}

// playDelete is DeleteTopics.
func playDelete(d *dialogue) {
	for _, v := range d.versions(kmsg.DeleteTopics) {
		topic := fmt.Sprintf("deleted-%d", v)
		d.topic(topic, 1)
		d.topic(topic+"-b", 1)
		remove := func(name string, f func(s *side) []kmsg.DeleteTopicsRequestTopic) {
			d.at(kmsg.DeleteTopics, v, name, func(s *side, _ int16) kmsg.Request {
				req := kmsg.NewPtrDeleteTopicsRequest()
				req.TimeoutMillis, req.Topics = 5000, f(s)
				if v < 6 {
					for _, t := range req.Topics {
						if t.Topic != nil {
							req.TopicNames = append(req.TopicNames, *t.Topic)
						}
					}
				}
				return req
			})
		}
		names := func(list ...string) func(*side) []kmsg.DeleteTopicsRequestTopic {
			return func(*side) (topics []kmsg.DeleteTopicsRequestTopic) {
				for _, n := range list {
					t := kmsg.NewDeleteTopicsRequestTopic()
					t.Topic = &n
					topics = append(topics, t)
				}
				return topics
			}
		}
		remove("nothing", names())
		remove("unknown", names("no-such"))
		remove("no name", names(""))
		remove("odd name", names("no such!"))
		remove("metadata", names("__cluster_metadata"))
		remove("twice", names(topic, topic))
		remove("one", names(topic))
		d.gone(topic)
		remove("again", names(topic))
		if v >= 6 {
			id := func(id [16]byte, name *string) kmsg.DeleteTopicsRequestTopic {
				t := kmsg.NewDeleteTopicsRequestTopic()
				t.Topic, t.TopicID = name, id
				return t
			}
			type list = []kmsg.DeleteTopicsRequestTopic
			remove("by an unknown id", func(*side) list { return list{id([16]byte{5}, nil)} })
			remove("by no id", func(*side) list { return list{id([16]byte{}, nil)} })
			remove("by id and name", func(s *side) list { return list{id(s.id(topic+"-b"), ptr(topic+"-b"))} })
			remove("by id twice", func(s *side) list { return list{id(s.id(topic+"-b"), nil), id(s.id(topic+"-b"), nil)} })
			remove("by id, and by name", func(s *side) list { return list{id(s.id(topic+"-b"), nil), id([16]byte{}, ptr(topic+"-b"))} })
			remove("by id", func(s *side) list { return list{id(s.id(topic+"-b"), nil)} })
			d.gone(topic + "-b")
			remove("by id again", func(s *side) list { return list{id(s.id(topic+"-b"), nil)} })
		}
	}
}

// gone waits until a topic is no more on both sides.
func (d *dialogue) gone(topic string) {
	for _, s := range d.sides {
		until := d.deadline()
		for {
			resp, err := s.ask(d.ctx, metadataOf(topic))
			if err != nil {
				panic(err)
			}
			if resp.(*kmsg.MetadataResponse).Topics[0].ErrorCode != 0 {
				break
			}
			until.wait(s.name + ": " + topic + " is still there")
		}
	}
}
