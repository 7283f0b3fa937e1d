package group

import (
	"testing"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSmoke(t *testing.T) {
	b := config.DefaultBroker()
	m := New(Config{Broker: &b})
	now := machine.Now{}
	off := int64(0)
	apply := func(o coordinator.Outcome) coordinator.Outcome {
		for _, r := range o.Records {
			if err := m.Replay(coordinator.Position{Offset: off, ProducerID: -1}, r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
			off++
		}
		for _, a := range o.Answers {
			t.Logf("%d %v %+v", a.To, a.AtOnce, a.Body)
		}
		return o
	}
	apply(m.Loaded(now))
	j := kmsg.NewPtrJoinGroupRequest()
	j.Version, j.Group, j.SessionTimeoutMillis, j.RebalanceTimeoutMillis, j.ProtocolType = 9, "g", 10000, 60000, "consumer"
	j.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
	o := apply(m.Request(now, coordinator.Caller{Token: 1, ClientID: "c"}, j))
	j.MemberID = o.Answers[0].Body.(*kmsg.JoinGroupResponse).MemberID
	apply(m.Request(now, coordinator.Caller{Token: 2, ClientID: "c"}, j))
	now.Mono = m.Deadline()
	apply(m.Tick(now))
	s := kmsg.NewPtrSyncGroupRequest()
	s.Version, s.Group, s.Generation, s.MemberID = 5, "g", 1, j.MemberID
	s.GroupAssignment = []kmsg.SyncGroupRequestGroupAssignment{{MemberID: j.MemberID, MemberAssignment: []byte("x")}}
	apply(m.Request(now, coordinator.Caller{Token: 3, ClientID: "c"}, s))
	now.Mono = now.Mono.Add(10 * time.Second)
	apply(m.Tick(now))
	if len(m.groups) != 1 || m.groups["g"].state != empty {
		t.Fatal(m.groups["g"].state)
	}
}
