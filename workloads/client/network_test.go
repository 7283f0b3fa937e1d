package client

import (
	"testing"
	"time"

	"brokersim/broker/machine"
)

// Brokers that do not answer keep no other from its turn: the next to be dialled is the
// one that was not tried for longest (NetworkClient.leastLoadedNode).
func TestDeadBrokersTakeTurns(t *testing.T) {
	for seed := range uint64(20) {
		var n network
		n.init(netConfig{seed: machine.NewDraw(seed, "client"), bootstrap: []string{"a:1", "b:1", "c:1", "d:1", "e:1", "f:1"}, reconnect: 50 * time.Millisecond,
			reconnectMax: time.Second, setup: 400 * time.Millisecond, setupMax: 400 * time.Millisecond, table: producerTable(false)})
		var out machine.Effects
		for now := machine.Instant(0); now < machine.Instant(30*time.Second); now = now.Add(10 * time.Millisecond) {
			out.Reset()
			n.expire(now, &out)
			n.leastLoaded(now, n.cfg.seed.Of("least-loaded"), &out)
		}
		for _, l := range n.links {
			if l.dials < 5 {
				t.Errorf("seed %d: %s was dialled %d times in 30 s, and %s %d times", seed, l.addr, l.dials, n.links[0].addr, n.links[0].dials)
			}
		}
	}
}
