package controller

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that registers anew may have lost the end of its logs: it leaves every ISR but the
// ones of which it is the last, leads nothing, and must earn its place. That it has shut down
// in good order (KIP-966) changes nothing before eligible leader replicas, and neither does
// it help that it has not: the last replica standing stays electable, whatever it has lost
// (R14, which is native here).
func TestRegistersAnew(t *testing.T) {
	for _, before := range []int64{-1, 1, 7} { // not in good order; in good order; nonsense
		c := threeBrokers(t)
		req := kmsg.NewPtrBrokerRegistrationRequest()
		req.BrokerID, req.IncarnationID, req.PreviousBrokerEpoch = 1, [16]byte{9}, before
		l := kmsg.NewBrokerRegistrationRequestListener()
		l.Host, l.Port = "b1", 9092
		req.Listeners = append(req.Listeners, l)
		epoch := c.next()
		records, resp := carryOut(t, c, Register{req})
		if code := resp.(*kmsg.BrokerRegistrationResponse).ErrorCode; code != 0 || len(records) != 4 {
			t.Fatalf("previous epoch %d: error %d, records %v", before, code, records)
		}
		for tp, want := range map[string]string{ // unordered: independent rows
			"orders-0": "leader 2 epoch 1 replicas [1 2] isr [2]",
			"orders-1": "leader 2 epoch 0 replicas [2 1] isr [2]",
			"bills-0":  "leader -1 epoch 1 replicas [1] isr [1]",
		} {
			var p *PartitionInfo
			for x := range c.Image().Partitions() {
				if fmt.Sprintf("%s-%d", x.Topic, x.Partition) == tp {
					p = x
				}
			}
			if got := p.String(); got[:len(tp)+1+len(want)] != tp+" "+want {
				t.Errorf("previous epoch %d: %s, want %s", before, got, want)
			}
		}
		if b := c.Image().Brokers[1]; !b.Fenced || b.Epoch != epoch+3 {
			t.Errorf("previous epoch %d: %v", before, b)
		}
		beat := kmsg.NewPtrBrokerHeartbeatRequest()
		beat.BrokerID, beat.BrokerEpoch, beat.CurrentMetadataOffset = 1, epoch+3, c.Image().Offset
		carryOut(t, c, Heartbeat{beat})
		if p := c.Image().Partition("bills", 0); p.Leader != 1 {
			t.Errorf("previous epoch %d: the last replica standing is not elected again: %v", before, p)
		}
	}
}
