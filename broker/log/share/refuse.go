package share

import "github.com/twmb/franz-go/pkg/kmsg"

// spoiled is an answer of which nothing has come.
func spoiled(body kmsg.Response, code int16) kmsg.Response {
	topics := Answers(body)
	for i := range topics {
		for j := range topics[i].Partitions {
			topics[i].Partitions[j].Code = code
		}
	}
	return Response(body.Key(), topics)
}

// Refuse implements [coordinator.Machine].
func (m *Machine) Refuse(command any, code int16) kmsg.Response {
	if req, ok := command.(kmsg.Request); ok {
		return Refuse(req, Answer{Code: code, Start: uninitialized, Done: -1})
	}
	return nil
}

// Refuse is the answer to a request that is not let in: the same about each share partition.
func Refuse(req kmsg.Request, a Answer) kmsg.Response {
	return Response(req.Key(), over[Topic[Answer]](Calls(req), func(_ [16]byte, c *Call) Answer {
		a.Partition = c.Key.Partition
		return a
	}))
}
