package group

import (
	"bytes"
	"strings"
	"testing"

	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
)

// What is replayed is copied: its bytes may be those of a segment, or of many records.
func TestReplayKeepsNoBytes(t *testing.T) {
	b := config.DefaultBroker()
	m := New(Config{Broker: &b})
	replay := func(r coordinator.Record, at coordinator.Position) {
		key, value := bytes.Clone(r.Key), bytes.Clone(r.Value)
		if err := m.Replay(at, key, value); err != nil {
			t.Fatal(err)
		}
		clear(key)
		clear(value)
	}
	p := partition{"orders", 3}
	replay(m.offsetRecord("g", p, committed{offset: 1, metadata: "one", expiresAt: -1}), coordinator.Position{Offset: 0, ProducerID: -1})
	replay(m.offsetRecord("g", p, committed{offset: 2, metadata: "two", expiresAt: -1}), coordinator.Position{Offset: 1, ProducerID: -1})
	replay(m.offsetRecord("t", p, committed{offset: 3, metadata: "three", expiresAt: -1}), coordinator.Position{Offset: 2, ProducerID: 7})
	m.Marker(7, 0, true)
	got := m.Durable()
	for _, want := range []string{`"g": orders-3`, `"t": orders-3`, "two", "three"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, got)
		}
	}
}
