package yours

import (
	"slices"
	"testing"

	"brokersim/broker/log"
	"brokersim/broker/machine"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// lying is the broker on a disk that says "synced" and has done nothing.
type lying struct{ *log.Broker }

func (b lying) Unwrap() machine.Machine { return b.Broker } // look inside, too

func (b lying) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	b.Broker.Step(now, in, out)
	for i := 0; i < len(out.List); i++ {
		if e := out.List[i]; e.Kind == machine.DoSync {
			out.List = slices.Delete(out.List, i, i+1)
			b.Broker.Step(now, &machine.Input{Kind: machine.DiskDone, Tag: e.Tag}, out)
			i--
		}
	}
}

func TestLying(t *testing.T) {
	gate.Test(t, gate.Options{
		Broker:   func(cfg scenario.BrokerConfig) machine.Machine { return lying{log.NewBroker(cfg)} },
		Scenario: "orders",
		Set:      []string{"topic.flush.messages=1"},
		Faults:   new("2s power-loss b1\n2s power-loss b2\n2s power-loss b3\n2500ms restart *"),
	})
}
