package differential

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// shareOffsetsOf is DescribeShareGroupOffsets of partitions of a topic; of all that a group
// reads if there is none.
func shareOffsetsOf(group, topic string, partitions ...int32) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
		g := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
		if g.GroupID = group; topic != "" {
			g.Topics = append(g.Topics, kmsg.DescribeShareGroupOffsetsRequestGroupTopic{Topic: topic, Partitions: partitions})
		}
		req.Groups = append(req.Groups, g)
		return req
	}
}

// start is an offset of a partition from which a share group is to go on.
type start struct {
	topic string
	n     int32
	at    int64
}

func shareAlterOf(group string, starts ...start) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrAlterShareGroupOffsetsRequest()
		req.GroupID = group
		for _, x := range starts {
			if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != x.topic {
				t := kmsg.NewAlterShareGroupOffsetsRequestTopic()
				t.Topic = x.topic
				req.Topics = append(req.Topics, t)
			}
			t := &req.Topics[len(req.Topics)-1]
			t.Partitions = append(t.Partitions, kmsg.AlterShareGroupOffsetsRequestTopicPartition{Partition: x.n, StartOffset: x.at})
		}
		return req
	}
}

func shareForgetOf(group string, topics ...string) groupRequest {
	return func(*side) kmsg.Request {
		req := kmsg.NewPtrDeleteShareGroupOffsetsRequest()
		req.GroupID = group
		for _, t := range topics {
			req.Topics = append(req.Topics, kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: t})
		}
		return req
	}
}

// playShareOffsets is where share groups are, and what operators do to it.
func playShareOffsets(d *dialogue) {
	if !d.sharing() {
		return
	}
	d.coordinated()
	v := d.last(kmsg.ShareFetch, 99)
	const topic, other = "share-offsets", "share-offsets-more"
	d.topic(other, 2)
	r := d.readers(v, topic, 2, "a")[0]
	g := r.group
	describe := func(name string) {
		d.all(kmsg.DescribeShareGroupOffsets, name+", all", shareOffsetsOf(g, ""))
		d.all(kmsg.DescribeShareGroupOffsets, name, shareOffsetsOf(g, topic, 0, 1))
	}
	forget := func(name, group string, topics ...string) {
		d.all(kmsg.DeleteShareGroupOffsets, name, shareForgetOf(group, topics...))
	}
	describe("nothing is read")
	for name, x := range inOrder(map[string]groupRequest{
		"all of an unknown group":         shareOffsetsOf("no-such", ""),
		"some of an unknown group":        shareOffsetsOf("no-such", topic, 0),
		"all of no group":                 shareOffsetsOf("", ""),
		"some of no group":                shareOffsetsOf("", topic, 0),
		"an unknown topic":                shareOffsetsOf(g, "no-such", 0, 1),
		"an unknown partition":            shareOffsetsOf(g, topic, 0, 9),
		"a negative partition":            shareOffsetsOf(g, topic, -1),
		"a partition twice":               shareOffsetsOf(g, topic, 0, 0),
		"no partitions":                   shareOffsetsOf(g, topic),
		"a topic that the group does not": shareOffsetsOf(g, other, 0),
		"no topics": func(s *side) kmsg.Request {
			req := shareOffsetsOf(g, "")(s).(*kmsg.DescribeShareGroupOffsetsRequest)
			req.Groups[0].Topics = []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{}
			return req
		},
		"no groups": func(*side) kmsg.Request { return kmsg.NewPtrDescribeShareGroupOffsetsRequest() },
		"several groups": func(s *side) kmsg.Request {
			req := shareOffsetsOf(g, "")(s).(*kmsg.DescribeShareGroupOffsetsRequest)
			req.Groups = append(req.Groups, shareOffsetsOf("no-such", topic, 1)(s).(*kmsg.DescribeShareGroupOffsetsRequest).Groups...)
			return req
		},
	}) {
		d.all(kmsg.DescribeShareGroupOffsets, name, x)
	}
	d.fill(topic, 0, 4)
	r.begin(shared{topic: topic, n: 1})
	r.get("for offsets", shared{topic: topic})
	describe("nothing is accepted")
	r.say("for offsets", shared{topic: topic, acks: []word{{0, 4, []int8{accept}}}})
	describe("some is accepted")
	forget("with a member", g, topic)
	r.end("for offsets")
	r.hangUp()
	forget("with a member, without a session", g, topic)
	d.in(kmsg.ShareGroupHeartbeat, d.last(kmsg.ShareGroupHeartbeat, 99), "leaves for offsets", shareBeatOf(g, r.id, -1))
	describe("nobody is there")
	// What there is the handler of Kafka 4.1 drops on its way to the coordinator (of 4.2 it does
	// not): nothing is altered, and nothing is said of it.
	for name, x := range inOrder(map[string][]start{
		"of what is there":      {{other, 0, 3}},
		"an unknown topic":      {{"no-such", 0, 1}},
		"an odd topic":          {{"no such!", 0, 1}},
		"no topic":              {{"", 0, 1}},
		"two of an unknown one": {{"no-such", 0, 1}, {"no-such", 1, 1}},
	}) {
		d.all(kmsg.AlterShareGroupOffsets, name, shareAlterOf("altered", x...))
	}
	d.all(kmsg.AlterShareGroupOffsets, "of no group", shareAlterOf("", start{"no-such", 0, 1}))
	d.all(kmsg.AlterShareGroupOffsets, "nothing", shareAlterOf("altered"))
	forget("of no group", "", topic)
	forget("of an unknown group", "no-such", topic)
	forget("nothing", g)
	forget("nothing of an unknown group", "no-such")
	forget("an unknown topic", g, "no-such")
	forget("known and unknown", g, "no-such", topic)
	describe("forgotten")
	forget("what is forgotten", g, topic)
	forget("twice", g, other, other)
	describe("all is forgotten")
	d.all(kmsg.ShareGroupDescribe, "all is forgotten", shareDescribeOf(g))
	d.joined(g, r.id, d.groupEpoch(g)+2, topic)
	r.epochs = [2]int32{}
	r.get("after it was forgotten", shared{topic: topic})
	r.say("after it was forgotten", shared{topic: topic, acks: []word{{0, 1, []int8{accept}}}})
	describe("after it was forgotten")
	r.end("for offsets a third time")
	r.hangUp()
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, 99), "a share group with a member", deleteOf(g))
	d.in(kmsg.ShareGroupHeartbeat, d.last(kmsg.ShareGroupHeartbeat, 99), "leaves for offsets", shareBeatOf(g, r.id, -1))
	d.in(kmsg.DeleteGroups, d.last(kmsg.DeleteGroups, 99), "a share group with offsets", deleteOf(g))
	describe("deleted")
	const simple = "simple offsets"
	d.all(kmsg.OffsetCommit, "to be no share group", commitOf(simple, "", -1, topic, nil, 5))
	forget("of no share group", simple, topic)
	d.all(kmsg.DescribeShareGroupOffsets, "of no share group", shareOffsetsOf(simple, topic, 0))
	d.all(kmsg.DescribeShareGroupOffsets, "all of no share group", shareOffsetsOf(simple, ""))
}

// groupEpoch is the epoch of a share group, which is the same on both sides.
func (d *dialogue) groupEpoch(group string) int32 {
	var epochs [2]int32
	for i, s := range d.sides {
		req := shareDescribeOf(group)(s)
		req.SetVersion(d.last(kmsg.ShareGroupDescribe, 99))
		resp, err := s.ask(d.ctx, req)
		if err != nil {
			panic(err)
		}
		epochs[i] = resp.(*kmsg.ShareGroupDescribeResponse).Groups[0].GroupEpoch
	}
	if epochs[0] != epochs[1] {
		panic(fmt.Sprintf("the epochs of %s are %d", group, epochs))
	}
	return epochs[0]
}

// groupConfig sets a config of a group, or deletes it without a value, and waits until both
// brokers have heard of it.
func (d *dialogue) groupConfig(name, group, config string, value *string) {
	ours, _ := d.latest(kmsg.IncrementalAlterConfigs, name, func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrIncrementalAlterConfigsRequest()
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, group
		c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		if c.Name, c.Value = config, value; value == nil {
			c.Op = 1
		}
		r.Configs = append(r.Configs, c)
		req.Resources = append(req.Resources, r)
		return req
	})
	if r, ok := ours.(*kmsg.IncrementalAlterConfigsResponse); ok && r.Resources[0].ErrorCode == 0 && value != nil {
		d.heard(group, config, *value)
	}
	d.latest(kmsg.DescribeConfigs, name, func(*side, int16) kmsg.Request { return groupConfigsOf(group, config) })
}

// heard waits a little until both brokers have heard of a config of a group.
func (d *dialogue) heard(group, config, value string) {
	for _, s := range d.sides {
		for until := time.Now().Add(time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
			req := groupConfigsOf(group, config)
			req.SetVersion(d.last(kmsg.DescribeConfigs, 99))
			resp, err := s.ask(d.ctx, req)
			if err != nil {
				panic(err)
			}
			if list := resp.(*kmsg.DescribeConfigsResponse).Resources[0].Configs; len(list) > 0 && list[0].Value != nil && *list[0].Value == value {
				break
			}
		}
	}
}

func groupConfigsOf(group string, names ...string) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName, r.ConfigNames = kmsg.ConfigResourceTypeGroupConfig, group, names
	req.Resources, req.IncludeSynonyms = append(req.Resources, r), true
	return req
}

// playGroupConfigs is the configs of groups.
func playGroupConfigs(d *dialogue) {
	if !d.sharing() {
		return
	}
	d.topic("configured", 1)
	d.latest(kmsg.DescribeConfigs, "a group", func(*side, int16) kmsg.Request { return groupConfigsOf("configured") })
	d.latest(kmsg.DescribeConfigs, "no group", func(*side, int16) kmsg.Request { return groupConfigsOf("") })
	d.latest(kmsg.DescribeConfigs, "a group, some", func(*side, int16) kmsg.Request {
		return groupConfigsOf("configured", "share.auto.offset.reset", "no.such", "retention.ms")
	})
	d.groupConfig("of no group", "", "share.auto.offset.reset", ptr("earliest"))
	for _, x := range []struct {
		config string
		values []string
	}{
		{"share.auto.offset.reset", []string{"earliest", "latest", "none", "EARLIEST", "", "by_duration", "by_duration:", "by_duration:PT1H", "by_duration:P1D", "by_duration:PT0S", "by_duration:-PT1H", "by_duration:1h", "by_duration:x"}},
		{"share.record.lock.duration.ms", []string{"999", "1000", "14999", "15000", "60000", "60001", "3600001", "-1", "x", "", "15000.5", " 15000 "}},
		{"share.session.timeout.ms", []string{"0", "44999", "45000", "60000", "60001"}},
		{"share.heartbeat.interval.ms", []string{"0", "4999", "5000", "15000", "15001"}},
		{"share.isolation.level", []string{"read_committed", "read_uncommitted", "READ_COMMITTED", "none"}},
		{"consumer.session.timeout.ms", []string{"44999", "45000", "60001"}},
		{"consumer.heartbeat.interval.ms", []string{"4999", "5000", "15001"}},
		{"no.such", []string{"1"}},
		{"retention.ms", []string{"1"}},
	} {
		for _, value := range x.values {
			d.groupConfig(fmt.Sprintf("%s=%s", x.config, value), "configured", x.config, &value)
		}
		d.groupConfig(x.config+" deleted", "configured", x.config, nil)
	}
	d.latest(kmsg.DescribeConfigs, "a group again", func(*side, int16) kmsg.Request { return groupConfigsOf("configured") })
	d.groupConfig("heartbeat first", "configured", "share.heartbeat.interval.ms", ptr("6000"))
	d.joined("configured", d.sharer("configured"), 2, "configured")
	d.all(kmsg.ShareGroupHeartbeat, "of a configured group", shareBeatOf("configured", d.sharer("configured"), 2))
	for name, values := range inOrder(map[string][]string{
		"two":                {"share.heartbeat.interval.ms", "7000", "share.session.timeout.ms", "50000"},
		"one of two is bad":  {"share.heartbeat.interval.ms", "8000", "share.session.timeout.ms", "1"},
		"validated":          {"share.heartbeat.interval.ms", "9000"},
		"validated, and bad": {"share.heartbeat.interval.ms", "x"},
	}) {
		d.latest(kmsg.IncrementalAlterConfigs, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrIncrementalAlterConfigsRequest()
			r := kmsg.NewIncrementalAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, "configured"
			for i := 0; i < len(values); i += 2 {
				c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
				c.Name, c.Value = values[i], &values[i+1]
				r.Configs = append(r.Configs, c)
			}
			req.Resources, req.ValidateOnly = append(req.Resources, r), name[0] == 'v'
			return req
		})
	}
	for name, op := range inOrder(map[string]kmsg.IncrementalAlterConfigOp{"append": 2, "subtract": 3}) {
		d.latest(kmsg.IncrementalAlterConfigs, name+" to a config of a group", func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrIncrementalAlterConfigsRequest()
			r := kmsg.NewIncrementalAlterConfigsRequestResource()
			r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, "configured"
			c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
			c.Name, c.Op, c.Value = "share.auto.offset.reset", op, ptr("earliest")
			r.Configs = append(r.Configs, c)
			req.Resources = append(req.Resources, r)
			return req
		})
	}
	d.latest(kmsg.AlterConfigs, "all of a group", func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrAlterConfigsRequest()
		r := kmsg.NewAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeGroupConfig, "configured"
		c := kmsg.NewAlterConfigsRequestResourceConfig()
		c.Name, c.Value = "share.auto.offset.reset", ptr("earliest")
		r.Configs = append(r.Configs, c)
		req.Resources = append(req.Resources, r)
		return req
	})
	d.latest(kmsg.DescribeConfigs, "a group at last", func(*side, int16) kmsg.Request { return groupConfigsOf("configured") })
}
