package client

import (
	"testing"
	"time"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// lookingMember is a member whose application polls in every step.
type lookingMember struct{ *GroupConsumer }

func (m lookingMember) Run(now machine.Now, out *machine.Effects) {
	m.GroupConsumer.Poll(now, 1)
	m.GroupConsumer.Run(now, out)
	m.GroupConsumer.Forget()
}

// While a coordinator is down the other brokers go on naming it, until the controllers fence it.
// Whoever needs it looks for it at once when its connection fails, and after retry.backoff.ms,
// grown, when it is named again while it is still out of reach: no three lookups within one
// back-off, but some in each.
func TestLookupsOfADeadCoordinator(t *testing.T) {
	for _, of := range []struct {
		what string
		down string // the coordinator: see double.coordinator
		make func(*double) machinery
	}{
		{"a classic member", "b1", func(d *double) machinery { return looking(d) }},
		{"a member of KIP-848", "b1", func(d *double) machinery { return looking(d, [2]string{"group.protocol", "consumer"}) }},
		{"a producer", "b2", func(d *double) machinery {
			d.withTransactions(2)
			p := NewProducer(ProducerConfig{Name: "p", Seed: 1, Bootstrap: d.addrs(), Settings: settings(t, "producer", [][2]string{{"transactional.id", "x"}}).Producer("")})
			p.InitTransactions()
			return p
		}},
		{"an operator", "b1", func(d *double) machinery {
			cfg := AdminConfig{Name: "o", Seed: 1, Bootstrap: d.addrs(), Settings: settings(t, "consumer", nil).Consumer("")}
			return NewGroupOperator(cfg, []GroupErrand{{Group: "g", Delete: true}})
		}},
	} {
		t.Run(of.what, func(t *testing.T) {
			d := newDouble(t, 2)
			d.table = groupTable().With([]wire.API{{Key: wire.ApiVersions, Max: 3}, {Key: wire.DeleteGroups, Max: 2}})
			d.ids = map[string][16]byte{"t": topicID}
			d.topic("t", 1)
			var lookups []machine.Instant
			reached := machine.Never
			d.sawAsk = func(a *ask) {
				switch a.Key {
				case wire.ApiVersions, wire.Metadata:
				case wire.FindCoordinator:
					lookups = append(lookups, d.now)
				default:
					reached = min(reached, d.now)
				}
			}
			d.broker(of.down).state = "down"
			d.client = of.make(d)
			const outage = 10 * time.Second
			d.step(machine.Input{Kind: machine.Start})
			d.advance(machine.Instant(outage))
			for i := 2; i < len(lookups); i++ {
				if apart := lookups[i].Sub(lookups[i-2]); apart < 80*time.Millisecond {
					t.Fatalf("lookups %d to %d within %v: %v", i-2, i, apart, lookups)
				}
			}
			if least := 8; len(lookups) < least { // retry.backoff.max.ms is 1 s
				t.Errorf("%d lookups in %v: %v", len(lookups), outage, lookups)
			}
			if reached < machine.Never {
				t.Fatalf("the coordinator is asked at %v", reached)
			}
			d.broker(of.down).state = "up"
			d.advance(machine.Instant(outage + 2500*time.Millisecond)) // reconnect.backoff.max.ms, and a back-off
			if reached == machine.Never {
				t.Errorf("the coordinator that is back is not asked")
			}
		})
	}
}

// looking is a member that polls all the time.
func looking(d *double, pairs ...[2]string) machinery {
	set := settings(d.t, "consumer", append([][2]string{{"group.id", "g"}}, pairs...)).Consumer("")
	return lookingMember{NewGroupConsumer(GroupConfig{ConsumerConfig: ConsumerConfig{Name: "m", Seed: 1, Bootstrap: d.addrs(), Settings: set}, Topics: []string{"t"}})}
}
