package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// access is what somebody may do. Without an authorizer that is everything.
type access struct {
	b   *Broker
	who acl.Who
}

// anonymous is who need not show who he is (KafkaPrincipal.ANONYMOUS).
const anonymous = "ANONYMOUS"

// access is what the client of a connection may do, as the broker has replayed the metadata.
func (b *Broker) access(c *conn) access {
	user := anonymous
	if c.session != nil {
		user = c.session.User()
	}
	return access{b, acl.Who{Principal: "User:" + user, Host: c.from}}
}

func (a access) may(op acl.Operation, resource acl.Resource, name string) bool {
	return a.b.rules == nil || a.b.rules.Authorize(a.b.image.ACLs(), a.who, op, resource, name)
}

func (a access) cluster(op acl.Operation) bool          { return a.may(op, acl.Cluster, acl.ClusterName) }
func (a access) topic(op acl.Operation, t string) bool  { return a.may(op, acl.Topic, t) }
func (a access) group(op acl.Operation, id string) bool { return a.may(op, acl.Group, id) }
func (a access) transaction(op acl.Operation, id string) bool {
	return a.may(op, acl.TransactionalID, id)
}

// creates reports whether somebody may have a topic be created.
func (a access) creates(topic string) bool {
	return a.cluster(acl.Create) || a.topic(acl.Create, topic)
}

// of are the operations of a mask that somebody may do, as bits of AclOperation (KIP-430).
func (a access) of(mask int32, resource acl.Resource, name string) (bits int32) {
	for op := acl.Read; op <= acl.IdempotentWrite; op++ {
		if mask&(1<<op) != 0 && a.may(op, resource, name) {
			bits |= 1 << op
		}
	}
	return bits
}

// guard is what must hold before a handler sees a request. It takes from the request what
// its client may not ask for, and has the answer say so: now, with a response, if nothing is
// left or all is refused; or by a change of what the handler will answer.
type guard func(a access, c *conn, req *wire.Request) kmsg.Response

// admitted reports whether a request may go to its handler. It is called where there is an
// authorizer.
func (b *Broker) admitted(c *conn, req *wire.Request, out *machine.Effects) bool {
	g := guards[req.Key]
	if g == nil { // a mistake, which must not let anybody in
		b.hangUp(c, out)
		return false
	}
	resp := g(b.access(c), c, req)
	if resp == nil {
		return true
	}
	if p, ok := req.Body.(*kmsg.ProduceRequest); ok && p.Acks == 0 {
		b.hangUp(c, out) // nobody waits for an answer
		return false
	}
	records := 0
	if f, ok := resp.(*kmsg.FetchResponse); ok {
		for i := range f.Topics {
			records += len(f.Topics[i].Partitions)
		}
	}
	b.answer(c, req, resp, make([]wire.Records, records), out)
	return false
}

// refine has the answer of the handler be changed by f, or an empty one if nothing is left for a
// handler to do.
func (c *conn) refine(req *wire.Request, left bool, f func(kmsg.Response)) kmsg.Response {
	c.refined = f
	if left {
		return nil
	}
	return req.Body.ResponseKind()
}

// keep leaves in a list what is allowed, and returns the rest.
func keep[T any](list *[]T, may func(*T) bool) (refused []T) {
	kept := (*list)[:0:0]
	for i := range *list {
		if x := &(*list)[i]; may(x) {
			kept = append(kept, *x)
		} else {
			refused = append(refused, *x)
		}
	}
	if len(refused) > 0 {
		*list = kept
	}
	return refused
}

// refuseEach takes from a list of a request what its client may not ask for. It is answered behind
// what the handler answers to the rest.
func refuseEach[Q, A any, R kmsg.Response](c *conn, req *wire.Request, asked *[]Q, may func(*Q) bool, answers func(R) *[]A, refuse func(*Q, *A)) kmsg.Response {
	refused := keep(asked, may)
	if len(refused) == 0 {
		return nil
	}
	return c.refine(req, len(*asked) > 0, func(resp kmsg.Response) {
		list := answers(resp.(R))
		*list = append(*list, each(refused, refuse)...)
	})
}
