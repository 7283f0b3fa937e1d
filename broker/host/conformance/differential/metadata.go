package differential

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playVersions is ApiVersions, and frames that are none.
func playVersions(d *dialogue) {
	for v := range int16(5) {
		for _, s := range d.sides {
			if s.versions[int16(kmsg.ApiVersions)][1] < v {
				v = 99 // only once
			}
		}
		if v == 99 {
			break
		}
		d.at(kmsg.ApiVersions, v, "with a name", func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrApiVersionsRequest()
			req.ClientSoftwareName, req.ClientSoftwareVersion = "kgo", "1.2-x"
			return req
		})
	}
	for _, x := range [][2]string{{"", ""}, {"a b", "1"}, {"-a", "1"}, {"a", ""}, {"a", "1 2"}, {"a.b-c", "1.0-x"}, {"a-", "1"}} {
		d.from(3, kmsg.ApiVersions, fmt.Sprintf("name %q version %q", x[0], x[1]), func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrApiVersionsRequest()
			req.ClientSoftwareName, req.ClientSoftwareVersion = x[0], x[1]
			return req
		})
	}
	for name, frame := range inOrder(map[string][]byte{
		"HTTP":                      []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"a negative size":           {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"a size of 100 MiB and one": {6, 0x40, 0, 1, 0, 18, 0, 0, 0, 0, 0, 0},
		"a size of 2 GiB":           {0x7f, 0xff, 0xff, 0xff, 0, 18},
		"an unknown key":            {0, 0, 0, 10, 3, 0xe8, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"a negative key":            {0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
		"an empty frame":            {0, 0, 0, 0},
		"a cut header":              {0, 0, 0, 3, 0, 18, 0},
		"no client id":              {0, 0, 0, 8, 0, 18, 0, 0, 0, 0, 0, 1},
		"a client id that is cut":   {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0, 50},
		"metadata of version 99":    {0, 0, 0, 14, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"metadata of version -1":    {0, 0, 0, 14, 0, 3, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"a body that is cut":        {0, 0, 0, 12, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0},
		"an absurd array":           {0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff},
		"an array of length -2":     {0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe},
		"an absurd string":          {0, 0, 0, 18, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1, 0x7f, 0xff, 'a', 'b'},
		"a null name":               {0, 0, 0, 16, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff},
	}) {
		d.raw(name, frame)
	}
}

// playMetadata is Metadata, DescribeCluster, FindCoordinator and DescribeLogDirs.
func playMetadata(d *dialogue) {
	d.topic("meta", 3)
	ask := func(least int16, name string, change func(s *side, req *kmsg.MetadataRequest)) {
		d.from(least, kmsg.Metadata, name, func(s *side, _ int16) kmsg.Request {
			req := kmsg.NewPtrMetadataRequest()
			change(s, req)
			return req
		})
	}
	topics := func(names ...string) func(*side, *kmsg.MetadataRequest) {
		return func(_ *side, req *kmsg.MetadataRequest) { req.Topics = metadataOf(names...).Topics }
	}
	ask(1, "all", func(*side, *kmsg.MetadataRequest) {})
	ask(0, "an empty list", func(_ *side, req *kmsg.MetadataRequest) { req.Topics = []kmsg.MetadataRequestTopic{} })
	ask(0, "one", topics("meta"))
	ask(0, "one twice", topics("meta", "meta"))
	ask(4, "unknown", topics("no-such"))
	ask(0, "odd names", topics("no such!", "", ".", long(250)))
	ask(4, "known, unknown and odd", topics("no-such", "meta", "no such!"))
	ask(4, "the metadata topic", topics("__cluster_metadata"))
	ask(8, "with what is allowed", func(_ *side, req *kmsg.MetadataRequest) {
		req.Topics = metadataOf("meta").Topics
		req.IncludeTopicAuthorizedOperations, req.IncludeClusterAuthorizedOperations = true, true
	})
	byID := func(id [16]byte, name *string) kmsg.MetadataRequestTopic {
		t := kmsg.NewMetadataRequestTopic()
		t.TopicID, t.Topic = id, name
		return t
	}
	ask(10, "by id", func(s *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID(s.id("meta"), nil))
	})
	ask(10, "by an unknown id", func(_ *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID([16]byte{5, 6}, nil))
	})
	ask(10, "by id and name", func(s *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID(s.id("meta"), ptr("meta")))
	})
	ask(10, "by neither", func(_ *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID([16]byte{}, nil))
	})
	ask(10, "by ids and names", func(s *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID(s.id("meta"), nil), byID([16]byte{}, ptr("meta")))
	})
	ask(10, "by an id twice", func(s *side, req *kmsg.MetadataRequest) {
		req.Topics = append(req.Topics, byID(s.id("meta"), nil), byID(s.id("meta"), nil))
	})
	for _, v := range d.versions(kmsg.Metadata) {
		topic := fmt.Sprintf("automatic-%d", v)
		create := func(*side, int16) kmsg.Request {
			req := metadataOf(topic)
			req.AllowAutoTopicCreation = true
			return req
		}
		d.at(kmsg.Metadata, v, "created by asking", create)
		d.await(topic, 1)
		d.at(kmsg.Metadata, v, "created by having asked", create)
	}

	d.each(kmsg.DescribeCluster, "plain", func(*side, int16) kmsg.Request { return kmsg.NewPtrDescribeClusterRequest() })
	d.each(kmsg.DescribeCluster, "with what is allowed", func(*side, int16) kmsg.Request {
		req := kmsg.NewPtrDescribeClusterRequest()
		req.IncludeClusterAuthorizedOperations = true
		return req
	})
	for _, x := range []int8{2, 0, 3} {
		d.from(1, kmsg.DescribeCluster, fmt.Sprintf("endpoint type %d", x), func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrDescribeClusterRequest()
			req.EndpointType = x
			return req
		})
	}
	d.internalTopics()
	for _, kind := range []int8{0, 1, 2, -1} {
		for _, key := range []string{"", "group"} {
			d.each(kmsg.FindCoordinator, fmt.Sprintf("type %d key %q", kind, key), func(*side, int16) kmsg.Request {
				req := kmsg.NewPtrFindCoordinatorRequest()
				req.CoordinatorType, req.CoordinatorKey, req.CoordinatorKeys = kind, key, []string{key, "other"}
				return req
			})
		}
	}
	d.each(kmsg.FindCoordinator, "of nobody", func(*side, int16) kmsg.Request { return kmsg.NewPtrFindCoordinatorRequest() })
}

// playLogDirs is DescribeLogDirs of a topic that nobody else writes to.
func playLogDirs(d *dialogue) {
	d.topic("dirs", 2)
	d.latest(kmsg.Produce, "for dirs", func(*side, int16) kmsg.Request {
		return produce(-1, part{topic: "dirs", n: 1, records: values("a", long(500)).bytes()})
	})
	of := func(name string, topics ...kmsg.DescribeLogDirsRequestTopic) {
		d.each(kmsg.DescribeLogDirs, name, func(*side, int16) kmsg.Request {
			req := kmsg.NewPtrDescribeLogDirsRequest()
			req.Topics = append([]kmsg.DescribeLogDirsRequestTopic{}, topics...)
			return req
		})
	}
	topic := func(name string, parts ...int32) kmsg.DescribeLogDirsRequestTopic {
		t := kmsg.NewDescribeLogDirsRequestTopic()
		t.Topic, t.Partitions = name, parts
		return t
	}
	of("one", topic("dirs", 1))
	of("two", topic("dirs", 0, 1))
	of("unknown", topic("no-such", 0))
	of("unknown partition", topic("dirs", 9))
	of("twice", topic("dirs", 1, 1))
	of("no partitions", topic("dirs"))
	of("an empty list")
}
