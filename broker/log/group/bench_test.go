package group

import (
	"fmt"
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// crowd is members of many groups, without the checks of a lab.
type crowd struct {
	m   *Machine
	now machine.Now
	end int64
}

func newCrowd(partitions int32) *crowd {
	b := config.DefaultBroker()
	b.GroupInitialRebalanceDelay = 0
	t := topicMap{}
	t.set("a", partitions)
	c := &crowd{m: New(Config{Broker: &b, Topics: t})}
	c.m.Loaded(c.now)
	return c
}

func (c *crowd) do(o coordinator.Outcome) []coordinator.Answer {
	for _, r := range o.Records {
		if err := c.m.Replay(coordinator.Position{Offset: c.end, ProducerID: -1}, r.Key, r.Value); err != nil {
			panic(err)
		}
		c.end++
	}
	return o.Answers
}

func (c *crowd) ask(req any) []coordinator.Answer {
	return c.do(c.m.Request(c.now, coordinator.Caller{Token: 1, ClientID: "c", Host: "/10.0.0.1"}, req))
}

func consumerJoin(group, member string) *kmsg.ConsumerGroupHeartbeatRequest {
	q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
	q.Version, q.Group, q.MemberID, q.RebalanceTimeoutMillis = 1, group, member, 300_000
	q.SubscribedTopicNames, q.Topics = []string{"a"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
	return q
}

// 10,000 members in groups of several sizes. An operation is a member that joins.
func BenchmarkConsumerJoin(b *testing.B) {
	for _, size := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("groups of %d", size), func(b *testing.B) {
			b.ReportAllocs()
			c := newCrowd(int32(size))
			for i := range b.N {
				if i%10_000 == 0 {
					b.StopTimer()
					c = newCrowd(int32(size))
					b.StartTimer()
				}
				c.ask(consumerJoin(fmt.Sprint(i%10_000/size), fmt.Sprint(i)))
			}
		})
	}
}

// The heartbeats of 10,000 members, of consumer groups and of classic ones.
func BenchmarkHeartbeat(b *testing.B) {
	b.Run("consumer", func(b *testing.B) {
		c := newCrowd(100)
		beats := make([]*kmsg.ConsumerGroupHeartbeatRequest, 10_000)
		for i := range beats {
			c.ask(consumerJoin(fmt.Sprint(i/100), fmt.Sprint(i)))
		}
		epochs := make([]int32, len(beats))
		for range 6 {
			for i := range beats {
				q := consumerJoin(fmt.Sprint(i/100), fmt.Sprint(i))
				r := c.ask(q)[0].Body.(*kmsg.ConsumerGroupHeartbeatResponse)
				epochs[i] = r.MemberEpoch
			}
		}
		for i := range beats {
			q := kmsg.NewPtrConsumerGroupHeartbeatRequest()
			q.Version, q.Group, q.MemberID, q.MemberEpoch, q.RebalanceTimeoutMillis = 1, fmt.Sprint(i/100), fmt.Sprint(i), epochs[i], -1
			beats[i] = q
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			c.now.Mono = c.now.Mono.Add(100 * time.Microsecond)
			if a := c.ask(beats[i%len(beats)]); a[0].Body.(*kmsg.ConsumerGroupHeartbeatResponse).ErrorCode != 0 {
				b.Fatal(a[0].Body)
			}
		}
	})
	b.Run("classic", func(b *testing.B) {
		c, beats := newCrowd(100), classicGroups(b, 100, 100)
		b.ReportAllocs()
		b.ResetTimer()
		c = beats.crowd
		for i := range b.N {
			c.now.Mono = c.now.Mono.Add(100 * time.Microsecond)
			if a := c.ask(beats.requests[i%len(beats.requests)]); a[0].Body.(*kmsg.HeartbeatResponse).ErrorCode != 0 {
				b.Fatal(a[0].Body)
			}
		}
	})
}

type classicCrowd struct {
	crowd    *crowd
	requests []*kmsg.HeartbeatRequest
}

// classicGroups is so many groups of so many members each, which are stable.
func classicGroups(tb testing.TB, groups, size int) classicCrowd {
	c := newCrowd(100)
	x := classicCrowd{crowd: c}
	for g := range groups {
		j := kmsg.NewPtrJoinGroupRequest()
		j.Version, j.Group, j.SessionTimeoutMillis, j.RebalanceTimeoutMillis, j.ProtocolType = 3, fmt.Sprint(g), 45_000, 300_000, "consumer"
		j.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: subscription("a")}}
		for range size {
			c.ask(j)
		}
		var joined []*kmsg.JoinGroupResponse
		for _, a := range c.do(c.m.Tick(c.now)) {
			joined = append(joined, a.Body.(*kmsg.JoinGroupResponse))
		}
		if len(joined) != size {
			tb.Fatalf("%d of %d have joined", len(joined), size)
		}
		for i := len(joined) - 1; i >= 0; i-- { // the leader last
			s := kmsg.NewPtrSyncGroupRequest()
			s.Version, s.Group, s.Generation, s.MemberID = 5, fmt.Sprint(g), 1, joined[i].MemberID
			c.ask(s)
			h := kmsg.NewPtrHeartbeatRequest()
			h.Version, h.Group, h.Generation, h.MemberID = 4, s.Group, 1, s.MemberID
			x.requests = append(x.requests, h)
		}
	}
	return x
}

// A classic group forms: an operation is a member that joins, with its share of the rebalance.
func BenchmarkClassicJoin(b *testing.B) {
	for _, size := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("groups of %d", size), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i += 10_000 {
				classicGroups(b, 10_000/size, size)
			}
		})
	}
}

// A new leader replays 10,000 members of 100 groups and an offset of each. An operation is a
// record.
func BenchmarkReplay(b *testing.B) {
	c := newCrowd(100)
	var log []coordinator.Record
	keep := func(o coordinator.Outcome) { log = append(log, o.Records...); c.do(o) }
	for i := range 10_000 {
		keep(c.m.Request(c.now, coordinator.Caller{}, consumerJoin(fmt.Sprint(i/100), fmt.Sprint(i))))
		q := kmsg.NewPtrOffsetCommitRequest()
		q.Version, q.Group, q.MemberID, q.Generation = 9, fmt.Sprint(i/100), fmt.Sprint(i), int32(i%100+1)
		q.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "a", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: int32(i % 100), Offset: 5, LeaderEpoch: -1}}}}
		keep(c.m.Request(c.now, coordinator.Caller{}, q))
	}
	b.ReportAllocs()
	b.ResetTimer()
	m := newCrowd(100).m
	for i := range b.N {
		if i%len(log) == 0 {
			m = newCrowd(100).m
		}
		r := log[i%len(log)]
		if err := m.Replay(coordinator.Position{Offset: int64(i), ProducerID: -1}, r.Key, r.Value); err != nil {
			b.Fatal(err)
		}
	}
}
