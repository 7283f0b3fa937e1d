package controller

import (
	"slices"
	"time"

	"brokersim/broker/machine"
)

// sessions knows when each broker was last heard of.
type sessions struct {
	timeout time.Duration
	list    []Session // by broker
}

// Session is what the controller has heard of a broker in its own life.
type Session struct {
	Broker         int32
	Last           machine.Instant // Mono
	MetadataOffset int64           // as of the last heartbeat; -1 before it
}

func newSessions(timeout time.Duration) sessions { return sessions{timeout: timeout} }

func (s *sessions) find(broker int32) (int, bool) {
	return slices.BinarySearchFunc(s.list, broker, func(x Session, id int32) int { return int(x.Broker) - int(id) })
}

func (s *sessions) contacted(now machine.Instant, c Contact) {
	i, ok := s.find(c.Broker)
	if !ok {
		s.list = slices.Insert(s.list, i, Session{Broker: c.Broker})
	}
	s.list[i] = Session{c.Broker, now, c.MetadataOffset}
}
