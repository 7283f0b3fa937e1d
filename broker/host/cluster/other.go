package cluster

import (
	"crypto/rand"
	"encoding/binary"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub"
	pubsubwire "brokersim/broker/pubsub/wire"
	"brokersim/broker/queue"
	queuewire "brokersim/broker/queue/wire"
)

// planOther has a node be a broker that is no log.
func (c *Cluster) planOther(n *node) {
	if c.cfg.Kind == KindPubSub {
		n.split = pubsubwire.Split
		n.boot = func() machine.Machine { return pubsub.NewBroker(pubsub.Config{Output: pubsub.DefaultOutput()}) }
		return
	}
	n.split = queuewire.Split
	n.boot = func() machine.Machine {
		var draw [12]byte // a life of its own, so that no name is given out twice
		_, _ = rand.Read(draw[:])
		return queue.New(queue.Config{Name: n.name, Seed: binary.BigEndian.Uint64(draw[:8]), Life: binary.BigEndian.Uint32(draw[8:])})
	}
}
