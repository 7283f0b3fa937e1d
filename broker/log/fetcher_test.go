package log

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// Hashes are Java's: "abc".hashCode() is 96354, and that of "polygenelubricants" the
// least number there is.
func TestFetcherOf(t *testing.T) {
	for _, x := range []struct {
		topic     string
		partition int32
		n, want   int32
	}{
		{"abc", 0, 1, 0}, {"abc", 0, 8, 31 * 96354 % 8}, {"abc", 5, 7, (31*96354 + 5) % 7}, {"", 3, 8, 3},
		{"polygenelubricants", 0, 8, 0}, // 31 * -2^31 is -2^31 again, whose absolute value is taken to be 0
		{"polygenelubricants", 1, 8, (1<<31 - 1) % 8},
	} {
		if got := fetcherOf(wire.TP{Topic: x.topic, Partition: x.partition}, x.n); got != x.want {
			t.Errorf("%s-%d goes to fetcher %d of %d, want %d", x.topic, x.partition, got, x.n, x.want)
		}
	}
}

// With several fetchers, each follows its own partitions of a leader over its own
// connection, and a record is acknowledged when all replicas have it.
func TestSeveralFetchers(t *testing.T) {
	l := newCluster(t, 2, func(b *config.Broker) { b.NumReplicaFetchers = 2 })
	topics := []string{"a", "b"} // hashes 97 and 98
	for _, topic := range topics {
		l.create(topic, nil, 1, 2)
	}
	c := l.client(l.brokers[0])
	for _, topic := range topics {
		if r := ask[*kmsg.ProduceResponse](c, produceRequest(topic, -1, time.Second, batch("x")), 9); r.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Errorf("%s: %s", topic, wire.ErrorName(r.Topics[0].Partitions[0].ErrorCode))
		}
	}
	b := l.broker(2)
	if len(b.fetchers) != 2 || b.fetchers[0].conn == b.fetchers[1].conn {
		t.Fatalf("broker 2 has %d fetchers", len(b.fetchers))
	}
	for i, f := range b.fetchers {
		if len(f.parts) != 1 || f.leader != 1 || f.number != int32(i) || f.state != linkUp {
			t.Errorf("fetcher %d: %d partitions of broker %d, number %d, state %d", i, len(f.parts), f.leader, f.number, f.state)
		}
	}
}
