package scenario

import (
	"brokersim/broker/log"
	"brokersim/broker/machine"
	"brokersim/checker/result"
)

// BrokerConfig is what the simulator tells a broker of the node that it runs on.
type BrokerConfig = log.BrokerConfig

// newBroker starts a life of a broker: the case's own, or [log.NewBroker]'s.
func (p *plan) newBroker(cfg BrokerConfig) machine.Machine {
	if p.Broker != nil {
		return p.Broker(cfg)
	}
	return log.NewBroker(cfg)
}

// wrapper is a machine around another one.
type wrapper interface{ Unwrap() machine.Machine }

// inside is the broker that a machine is, or wraps; nil if nobody here knows what
// is inside.
func inside(m machine.Machine) *log.Broker {
	for {
		switch x := m.(type) {
		case *log.Broker:
			return x
		case wrapper:
			m = x.Unwrap()
		default:
			return nil
		}
	}
}

// unaudited is the verdict on the invariants of brokers that nobody has looked into.
func unaudited() result.Finding {
	return result.Finding{Property: result.Audits, Outcome: result.Vacuous, Violations: []result.Violation{}}
}
