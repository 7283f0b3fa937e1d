package wire

import "brokersim/broker/machine"

// Class is what kind of frame a method is to faults and draws ([machine.Ident]): the
// class in the high byte, the method in the low one. Both are below 256.
func Class(id MethodID) uint16 { return id.Class<<8 | id.Method }

// ClassHeartbeat and ClassProtocol are the kinds of what is no method.
const (
	ClassHeartbeat uint16 = 1
	ClassProtocol  uint16 = 2
)

// Classes are the kinds of frames by the names that schedules have for them.
func Classes() map[string]uint16 {
	names := map[string]uint16{"heartbeat": ClassHeartbeat, "protocol-header": ClassProtocol}
	for id, e := range byID { // unordered: into a map
		names[e.name] = Class(id)
	}
	return names
}

// ClassName is the name of a kind of frame, such as "basic.publish"; empty if there is
// no such kind.
func ClassName(class uint16) string {
	switch class {
	case ClassHeartbeat:
		return "heartbeat"
	case ClassProtocol:
		return "protocol-header"
	}
	if e := lookup(MethodID{class >> 8, class & 0xff}); e != nil {
		return e.name
	}
	return ""
}

// MessageKey names frames that are about the message with that id, the same whoever
// speaks of it: its publisher, the broker, its consumer.
func MessageKey(id string) uint64 { return machine.NewDraw(0, "amqp-message").Of(id).Uint64() }
