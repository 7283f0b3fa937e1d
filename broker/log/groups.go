package log

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// groupHandlers are those of requests to coordinators of groups.
func groupHandlers(list *[numAPIs]handler) {
	list[wire.JoinGroup] = aboutGroup(func(r *kmsg.JoinGroupRequest) string { return r.Group })
	list[wire.SyncGroup] = aboutGroup(func(r *kmsg.SyncGroupRequest) string { return r.Group })
	list[wire.Heartbeat] = aboutGroup(func(r *kmsg.HeartbeatRequest) string { return r.Group })
	list[wire.LeaveGroup] = aboutGroup(func(r *kmsg.LeaveGroupRequest) string { return r.Group })
	list[wire.ConsumerGroupHeartbeat] = aboutGroup(func(r *kmsg.ConsumerGroupHeartbeatRequest) string { return r.Group })
	list[wire.OffsetCommit] = (*Broker).offsetCommit
	list[wire.TxnOffsetCommit] = (*Broker).txnOffsetCommit
	list[wire.OffsetDelete] = (*Broker).offsetDelete
	list[wire.OffsetFetch] = (*Broker).offsetFetch
	list[wire.DescribeGroups] = classicGroups.describe
	list[wire.ConsumerGroupDescribe] = consumerGroups.describe
	list[wire.ListGroups] = (*Broker).listGroups
	list[wire.DeleteGroups] = (*Broker).deleteGroups
}

// aboutGroup is the handler of requests that the coordinator of one group answers alone.
func aboutGroup[T kmsg.Request](group func(T) string) handler {
	return func(b *Broker, now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
		b.askGroup(now, group(req.Body.(T)), &inquiry{command: req.Body, conn: c, req: req}, out)
	}
}

// askGroup has the coordinator of a group decide about a command.
func (b *Broker) askGroup(now machine.Now, group string, x *inquiry, out *machine.Effects) {
	x.kind = &b.coordinators.groups
	b.coordinate(now, b.home(x.kind, group), x, out)
}

// askGroups has the coordinators of several groups decide about commands of the same request,
// each about one that is about its own. answers has one of each group when done is called; a
// group that is named twice has two.
func askGroups[A any](b *Broker, now machine.Now, c *conn, req wire.Request, groups []string, command func(of []int) kmsg.Request,
	answers func(kmsg.Response) []A, done func([]A) kmsg.Response, out *machine.Effects) {
	askHomes(b, now, &inquiry{kind: &b.coordinators.groups, conn: c, req: req}, groups, command, answers, func(_ machine.Now, all []A, out *machine.Effects) {
		b.answer(c, &req, done(all), nil, out)
	}, out)
}

// pick are some of a list.
func pick[T any](list []T, of []int) []T {
	some := make([]T, len(of))
	for i, n := range of {
		some[i] = list[n]
	}
	return some
}
