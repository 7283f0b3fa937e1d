package log

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// newCoordinated is a lab with coordinators of groups, in a topic of so many partitions, and a
// topic "orders" of one partition.
func newCoordinated(t testing.TB, brokers int, partitions int32, set func(*config.Broker)) *lab {
	t.Helper()
	l := newAdministered(t, brokers, func(b *config.Broker) {
		b.OffsetsTopicNumPartitions = partitions
		b.GroupInitialRebalanceDelay = 0
		if set != nil {
			set(b)
		}
	})
	c := l.client(l.brokers[0])
	ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, "g"), 1)
	c.hangUp()
	l.create("orders", nil, 1)
	return l
}

// home is the process that coordinates a group, and a client of it.
func (l *lab) home(group string) (*labNode, *labClient) {
	l.t.Helper()
	id := l.coordinatorOf(ofGroup, group)
	if id < 0 {
		l.t.Fatalf("%s has no coordinator", group)
	}
	return l.brokers[id-1], l.client(l.brokers[id-1])
}

// commitRequest is a commit of nobody in particular for partition 0 of topics.
func commitRequest(group string, offset int64, topics ...string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	for _, topic := range topics {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Offset, p.Metadata = offset, kmsg.StringPtr("")
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = topic, append(t.Partitions, p)
		req.Topics = append(req.Topics, t)
	}
	return req
}

func commitCodes(resp *kmsg.OffsetCommitResponse) (s string) {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			s += fmt.Sprintf("%s-%d %s;", t.Topic, p.Partition, wire.ErrorName(p.ErrorCode))
		}
	}
	return s
}

// commit commits an offset for orders-0, and says what came of it.
func (c *labClient) commit(group string, offset int64) string {
	c.l.t.Helper()
	return commitCodes(ask[*kmsg.OffsetCommitResponse](c, commitRequest(group, offset, "orders"), 8))
}

const committed = "orders-0 NONE;"

func fetchOffsetRequest(group, topic string) *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic, t.Partitions = topic, []int32{0}
	req.Topics = append(req.Topics, t)
	return req
}

// fetched is what a coordinator says was committed for orders-0.
func (c *labClient) fetched(group string) string {
	c.l.t.Helper()
	return fetchedOffset(ask[*kmsg.OffsetFetchResponse](c, fetchOffsetRequest(group, "orders"), 7))
}

func fetchedOffset(resp *kmsg.OffsetFetchResponse) string {
	if resp.ErrorCode != 0 {
		return wire.ErrorName(resp.ErrorCode)
	}
	p := resp.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return wire.ErrorName(p.ErrorCode)
	}
	return fmt.Sprint(p.Offset)
}

// What is committed is known to whoever coordinates next.
func TestCommitsSurviveFailOver(t *testing.T) {
	l := newCoordinated(t, 3, 5, nil)
	for i := range 20 {
		group := fmt.Sprint("group-", i)
		_, c := l.home(group)
		if s := c.commit(group, int64(i)); s != committed {
			t.Fatal(s)
		}
		c.hangUp()
	}
	for _, down := range l.brokers {
		l.crash(down)
		l.advance(20 * time.Second)
		for i := range 20 {
			group := fmt.Sprint("group-", i)
			_, c := l.home(group)
			if s := c.fetched(group); s != fmt.Sprint(i) {
				t.Errorf("while %s is down %s has %s", down.name, group, s)
			}
			c.hangUp()
		}
		l.start(down)
		l.advance(20 * time.Second)
	}
}
