package controller

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// Register asks for a broker id on behalf of a process (KIP-631).
type Register struct {
	*kmsg.BrokerRegistrationRequest
}

// Heartbeat says that a broker lives, how far it has replayed the metadata, and
// whether it wants to be fenced or to shut down.
type Heartbeat struct{ *kmsg.BrokerHeartbeatRequest }

// AllocateProducerIDs asks for a block of producer ids (KIP-730).
type AllocateProducerIDs struct {
	*kmsg.AllocateProducerIDsRequest
}

// Expire fences a broker whose session has ended. It comes to nothing if that is
// not so (any more).
type Expire struct{ Broker int32 }

// ProducerIDBlock is the number of producer ids that a broker gets at a time.
const ProducerIDBlock = 1000

func (cmd Register) decide(c *Controller, now machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrBrokerRegistrationResponse()
	refuse := func(code int16) ([]Record, Response) {
		resp.ErrorCode = code
		return nil, Response{Body: resp}
	}
	if cmd.BrokerID < 0 || len(cmd.Listeners) == 0 || cmd.Listeners[0].Host == "" {
		return refuse(wire.InvalidRegistration)
	}
	r := RegisterBroker{
		ID:          cmd.BrokerID,
		Incarnation: cmd.IncarnationID,
		Host:        cmd.Listeners[0].Host,
		Port:        int32(cmd.Listeners[0].Port),
	}
	for _, x := range cmd.Listeners[1:] {
		r.Others = append(r.Others, Endpoint{x.Name, x.Host, int32(x.Port)})
	}
	if cmd.Rack != nil {
		r.Rack = *cmd.Rack
	}

	old := c.image.Brokers[cmd.BrokerID]
	var records []Record
	switch {
	case old != nil && (old.Incarnation == r.Incarnation || c.settings.Failpoints.On(failpoint.C08SameIncarnation, uint64(old.ID))):
		// The answer to its first registration was lost.
		r.Epoch, r.Fenced, r.ShuttingDown = old.Epoch, old.Fenced, old.ShutDownOffset >= 0
	case old != nil && old.Alive() && c.sessions.lives(now.Mono, cmd.BrokerID):
		return refuse(wire.DuplicateBrokerRegistration)
	default:
		// Whatever the process before it had not synced may be gone: the new one
		// has to earn its place in each ISR, except where it is the last.
		if old != nil {
			records = c.without(cmd.BrokerID)
		}
		r.Epoch, r.Fenced = c.next()+int64(len(records)), true
	}
	resp.BrokerEpoch = r.Epoch
	return append(records, r), Response{Body: resp, Alive: &Contact{cmd.BrokerID, -1}}
}

func (cmd Heartbeat) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrBrokerHeartbeatResponse()
	b := c.image.Brokers[cmd.BrokerID]
	switch {
	case b == nil:
		resp.ErrorCode = wire.BrokerIDNotRegistered
		return nil, Response{Body: resp}
	case b.Epoch != cmd.BrokerEpoch:
		resp.ErrorCode = wire.StaleBrokerEpoch
		return nil, Response{Body: resp}
	}
	resp.IsCaughtUp = cmd.CurrentMetadataOffset >= b.Epoch
	resp.IsFenced = b.Fenced
	alive := Response{Body: resp, Alive: &Contact{b.ID, cmd.CurrentMetadataOffset}}

	switch {
	case b.Fenced && (cmd.WantShutdown || b.ShutDownOffset >= 0): // a shutdown is not taken back
		resp.ShouldShutdown = true
		return nil, alive
	case b.Fenced && resp.IsCaughtUp && !cmd.WantFence:
		resp.IsFenced = false
		return c.unfence(b), alive
	case b.Fenced:
		return nil, alive
	case b.ShutDownOffset >= 0:
		// Wait until every broker that can lead has replayed the elections that
		// the shutdown caused, so that no client is sent back here.
		if c.leads(b.ID) || c.lowestAliveOffset() < b.ShutDownOffset {
			return nil, alive
		}
		resp.IsFenced, resp.ShouldShutdown = true, true
		return c.fence(b), alive
	case cmd.WantFence:
		resp.IsFenced, resp.ShouldShutdown = true, cmd.WantShutdown
		return c.fence(b), alive
	case cmd.WantShutdown && c.leads(b.ID):
		return append(c.without(b.ID), ShutDownBroker{b.ID, b.Epoch}), alive
	case cmd.WantShutdown:
		resp.IsFenced, resp.ShouldShutdown = true, true
		return c.fence(b), alive
	}
	return nil, alive
}

func (cmd Expire) decide(c *Controller, now machine.Now) ([]Record, Response) {
	b := c.image.Brokers[cmd.Broker]
	if b == nil || b.Fenced || c.sessions.lives(now.Mono, b.ID) {
		return nil, Response{}
	}
	return c.fence(b), Response{}
}

func (cmd AllocateProducerIDs) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAllocateProducerIDsResponse()
	resp.ErrorCode = c.checkBrokerEpoch(cmd.BrokerID, cmd.BrokerEpoch)
	if resp.ErrorCode == 0 && c.image.NextProducerID > math.MaxInt64-ProducerIDBlock {
		resp.ErrorCode = wire.UnknownServerError
	}
	if resp.ErrorCode != 0 {
		return nil, Response{Body: resp}
	}
	resp.ProducerIDStart, resp.ProducerIDLen = c.image.NextProducerID, ProducerIDBlock
	return []Record{ProducerIDs{cmd.BrokerID, cmd.BrokerEpoch, c.image.NextProducerID + ProducerIDBlock}}, Response{Body: resp}
}

// checkBrokerEpoch is 0 if the request comes from the incarnation that holds the
// broker id, and else the error that it deserves.
func (c *Controller) checkBrokerEpoch(id int32, epoch int64) int16 {
	if b := c.image.Brokers[id]; b == nil || b.Epoch != epoch {
		return wire.StaleBrokerEpoch
	}
	return 0
}

// lowestAliveOffset is how far the slowest broker that is alive has replayed the
// metadata.
func (c *Controller) lowestAliveOffset() int64 {
	lowest := int64(math.MaxInt64)
	for id, b := range c.image.Brokers { // unordered: a minimum
		if b.Alive() {
			lowest = min(lowest, c.sessions.metadataOffset(id))
		}
	}
	return lowest
}
