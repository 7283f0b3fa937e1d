package log

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// lifecycle is a broker's standing with the controller (KIP-631): it registers,
// and then shows that it lives and how far it has replayed the metadata.
type lifecycle struct {
	link
	epoch  int64 // the broker epoch; -1 until registered
	before int64 // that of the life before, if it has ended in good order (KIP-966); else -1
	fenced bool  // as the controller has said last
	nextAt machine.Instant
}

// reconnectBackoff is how long a broker waits before it dials a controller again
// (NodeToControllerChannelManager).
const reconnectBackoff = 50 * time.Millisecond

func (b *Broker) stepLifecycle(now machine.Instant, in *machine.Input, out *machine.Effects) (mine bool) {
	l := &b.life
	a, mine, answered, lost := l.step(now, in, out)
	switch {
	case lost:
		l.nextAt = now
	case answered:
		b.heard(now, a)
	}
	return mine
}

// heard takes the answer to a registration or a heartbeat.
func (b *Broker) heard(now machine.Instant, a wire.Answer) {
	l := &b.life
	l.nextAt = now.Add(b.cfg.Settings.BrokerHeartbeatInterval)
	switch resp := a.Body.(type) {
	case *kmsg.BrokerRegistrationResponse:
		if resp.ErrorCode != 0 { // such as the session of its last life
			l.again(now, resp.ErrorCode)
			return
		}
		l.epoch, l.fenced = resp.BrokerEpoch, true
		l.nextAt = now
	case *kmsg.BrokerHeartbeatResponse:
		if resp.ErrorCode != 0 {
			l.again(now, resp.ErrorCode)
			return
		}
		l.fenced = resp.IsFenced
		switch {
		case a.Request.(*kmsg.BrokerHeartbeatRequest).WantShutdown:
			b.left(now, resp.ShouldShutdown)
		case b.stopping.leaving:
			l.nextAt = now // it was asked before the broker wanted to stop
		}
		if said := a.Request.(*kmsg.BrokerHeartbeatRequest).CurrentMetadataOffset; said < l.epoch {
			b.catchUp(now) // it may have, meanwhile
		}
	}
}

// again has what was refused said again soon, if all that is wrong is that the
// controller is not active yet.
func (l *lifecycle) again(now machine.Instant, code int16) {
	if code == wire.NotController {
		l.nextAt = now.Add(reconnectBackoff)
	}
}

// beat registers, or sends a heartbeat, when it is time.
func (b *Broker) beat(now machine.Instant, out *machine.Effects) {
	l := &b.life
	if b.unmarking() || now < l.nextAt || !l.ready(now, b, out) {
		return
	}
	l.nextAt = now.Add(b.cfg.Settings.BrokerHeartbeatInterval)
	if l.epoch < 0 {
		l.send(now, b.registration(), nil, b.cfg.Settings.BrokerSessionTimeout, out)
		return
	}
	req := kmsg.NewPtrBrokerHeartbeatRequest()
	req.BrokerID, req.BrokerEpoch = b.cfg.ID, l.epoch
	req.CurrentMetadataOffset, req.WantShutdown = b.image.Offset, b.stopping.leaving
	l.send(now, req, nil, b.cfg.Settings.BrokerSessionTimeout, out)
}

// catchUp has a heartbeat leave at once when the broker has replayed its own
// registration: that is what the controller waits for before it unfences it.
func (b *Broker) catchUp(now machine.Instant) {
	if l := &b.life; l.epoch >= 0 && l.fenced && b.image.Offset >= l.epoch {
		l.nextAt = min(l.nextAt, now)
	}
}

func (b *Broker) registration() *kmsg.BrokerRegistrationRequest {
	req := kmsg.NewPtrBrokerRegistrationRequest()
	req.BrokerID, req.ClusterID, req.IncarnationID = b.cfg.ID, ClusterID, b.cfg.Incarnation
	listener := kmsg.NewBrokerRegistrationRequestListener()
	listener.Name, listener.Host, listener.Port = "PLAINTEXT", b.cfg.Host, uint16(b.cfg.Port)
	req.Listeners = append(req.Listeners, listener)
	if x := b.cfg.Security; x != nil && x.Host != "" {
		listener := kmsg.NewBrokerRegistrationRequestListener()
		listener.Name, listener.Host, listener.Port = SASLListener, x.Host, uint16(x.Port)
		listener.SecurityProtocol = saslPlaintext
		req.Listeners = append(req.Listeners, listener)
	}
	req.Features = []kmsg.BrokerRegistrationRequestFeature{}
	req.PreviousBrokerEpoch = b.life.before
	if b.cfg.Rack != "" {
		req.Rack = &b.cfg.Rack
	}
	return req
}

func (b *Broker) beatDue() machine.Instant {
	if b.unmarking() {
		return machine.Never
	}
	return b.life.link.due(b.life.nextAt)
}
