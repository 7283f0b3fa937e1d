package log

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// What a produced batch costs three brokers: its records are looked at by the leader
// alone, its bytes are appended three times and sent twice, and partitions about which
// there is nothing new cost nothing.
func TestWorkOfProduce(t *testing.T) {
	l := newCluster(t, 3, nil)
	l.create("orders", nil, 1, 2, 3)
	l.create("idle", nil, 1, 2, 3)
	c := l.client(l.brokers[0])
	for _, b := range l.brokers {
		b.worked = machine.Work{}
	}
	records := batch("a", "bc", "def")
	ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, 30*time.Second, records), 9)
	n := int64(len(records))

	leader := l.brokers[0].worked
	if leader.Records != 3 || leader.Partitions != 3 || leader.Requests < 3 || leader.Bytes < 4*n {
		t.Errorf("the leader has done %+v for %d bytes", leader, n)
	}
	for _, b := range l.brokers[1:] {
		if w := b.worked; w.Records != 0 || w.Partitions != 1 || w.Requests < 1 || w.Bytes != n {
			t.Errorf("%s has done %+v for %d bytes", b.name, w, n)
		}
	}

	before := leader
	ask[*kmsg.FetchResponse](c, fetchRequest("orders", 0, 1, time.Second), 12)
	if w := l.brokers[0].worked; w.Records != before.Records || w.Partitions != before.Partitions+1 || w.Requests != before.Requests+1 || w.Bytes < before.Bytes+n {
		t.Errorf("a consumer's fetch has cost the leader %+v after %+v", w, before)
	}
}
