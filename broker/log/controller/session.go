package controller

import (
	"cmp"
	"slices"
	"time"

	"brokersim/broker/machine"
)

// Contact is a sign of life.
type Contact struct {
	Broker         int32
	MetadataOffset int64 // of the last record that the broker has replayed; -1 is none or unknown
}

// Session is what a controller has heard of a broker in its own life.
type Session struct {
	Contact
	Last machine.Instant // when, in Mono time
}

// sessions is soft state: it is not in the log and dies with the controller.
type sessions struct {
	timeout time.Duration
	list    []Session // by broker
}

func (s *sessions) find(broker int32) (int, bool) {
	return slices.BinarySearchFunc(s.list, broker, func(x Session, id int32) int { return cmp.Compare(x.Broker, id) })
}

// metadataOffset is what a broker has last said to have replayed, or -1.
func (s *sessions) metadataOffset(broker int32) int64 {
	if i, ok := s.find(broker); ok {
		return s.list[i].MetadataOffset
	}
	return -1
}

// lives reports whether a broker was heard of within the session timeout.
func (s *sessions) lives(now machine.Instant, broker int32) bool {
	i, ok := s.find(broker)
	return ok && now < s.list[i].Last.Add(s.timeout)
}

// Contacted notes a sign of life of a broker.
func (c *Controller) Contacted(now machine.Now, alive Contact) {
	i, ok := c.sessions.find(alive.Broker)
	if !ok {
		c.sessions.list = slices.Insert(c.sessions.list, i, Session{})
	}
	c.sessions.list[i] = Session{alive, now.Mono}
}

// Activate begins a whole session for every broker that is not fenced: a
// controller that has just started has heard of nobody, which is no sign that
// they are dead.
func (c *Controller) Activate(now machine.Now) {
	for _, id := range c.image.BrokerIDs() {
		if !c.image.Brokers[id].Fenced {
			c.Contacted(now, Contact{id, -1})
		}
	}
}

// Sessions returns what has been heard of each broker, by broker.
func (c *Controller) Sessions() []Session { return slices.Clone(c.sessions.list) }

// NextExpiry is when the next session of a broker that is not fenced ends, in
// Mono time, or Never.
func (c *Controller) NextExpiry() machine.Instant {
	next := machine.Never
	for _, s := range c.sessions.list {
		if b := c.image.Brokers[s.Broker]; b != nil && !b.Fenced {
			next = min(next, s.Last.Add(c.sessions.timeout))
		}
	}
	return next
}

// Expired returns the brokers that are not fenced and whose session has ended,
// those heard of longest ago first, and by id. Each is due an [Expire].
func (c *Controller) Expired(now machine.Now) []int32 {
	var gone []Session
	for _, s := range c.sessions.list {
		if b := c.image.Brokers[s.Broker]; b != nil && !b.Fenced && !c.sessions.lives(now.Mono, s.Broker) {
			gone = append(gone, s)
		}
	}
	slices.SortStableFunc(gone, func(a, b Session) int { return cmp.Compare(a.Last, b.Last) })
	var ids []int32
	for _, s := range gone {
		ids = append(ids, s.Broker)
	}
	return ids
}
