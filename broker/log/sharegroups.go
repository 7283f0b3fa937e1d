package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/group"
	"brokersim/broker/log/share"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// shareHandlers are those of share groups (KIP-932).
func shareHandlers(list *[numAPIs]handler) {
	list[wire.ShareGroupHeartbeat] = (*Broker).shareHeartbeat
	list[wire.ShareGroupDescribe] = shareGroups.describe
	list[wire.ShareFetch] = (*Broker).shareFetch
	list[wire.ShareAcknowledge] = (*Broker).shareAcknowledge
	list[wire.DescribeShareOffsets] = (*Broker).describeShareOffsets
	list[wire.AlterShareOffsets] = (*Broker).alterShareOffsets
	list[wire.DeleteShareOffsets] = (*Broker).deleteShareOffsets
	for _, api := range wire.ShareState() {
		list[api.Key] = (*Broker).shareStateRequest
	}
}

// groupMachine is the coordinator of a group, if it is on this broker and serves.
func (b *Broker) groupMachine(id string) *group.Machine {
	kind := &b.coordinators.groups
	s, code := b.serving(kind, b.home(kind, id))
	if code != 0 {
		return nil
	}
	return s.machine.(*group.Machine)
}

// tellGroup has the coordinator of a group know something that has no answer. If it is another's
// by now, that finds out by itself.
func (b *Broker) tellGroup(now machine.Now, id string, command any, out *machine.Effects) {
	kind := &b.coordinators.groups
	if s, code := b.serving(kind, b.home(kind, id)); code == 0 {
		b.tell(now, s, command, out)
	}
}

// shareHeartbeat has the coordinator of a share group hear of a member. Partitions that nobody has
// read yet are begun at their share coordinators first: the member waits for that, and then has them
// with the answer. Kafka gives it them with its next heartbeat.
func (b *Broker) shareHeartbeat(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.ShareGroupHeartbeatRequest)
	x := &inquiry{command: body, conn: c, req: req}
	x.then = func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
		r := resp.(*kmsg.ShareGroupHeartbeatResponse)
		waits := false
		if m := b.groupMachine(body.GroupID); m != nil && r.ErrorCode == 0 {
			if epoch, topics := m.ShareUninitialized(now.Mono, body.GroupID); len(topics) > 0 {
				waits = body.MemberEpoch >= 0
				b.initializeShares(now, body.GroupID, epoch, -1, topics, func(now machine.Now, done []group.ShareTopic, out *machine.Effects) {
					b.tellGroup(now, body.GroupID, group.ShareInitialized{Group: body.GroupID, Topics: done}, out)
					if waits { // as if it had not been answered: it may come in the epoch before, too
						b.askGroup(now, body.GroupID, &inquiry{command: body, conn: c, req: req}, out)
					}
				}, out)
			}
		}
		if !waits {
			b.answer(c, &req, r, nil, out)
		}
	}
	b.askGroup(now, body.GroupID, x, out)
}

// initializeShares has share coordinators begin with partitions. done has those that they have
// begun.
func (b *Broker) initializeShares(now machine.Now, id string, epoch int32, start int64, topics []group.ShareTopic, done func(machine.Now, []group.ShareTopic, *machine.Effects), out *machine.Effects) {
	b.persistAll(now, id, topics, func(share.Key) share.Call {
		return share.Call{API: wire.InitializeShareState, StateEpoch: epoch, Start: start}
	}, func(now machine.Now, answers map[share.Key]share.Answer, out *machine.Effects) {
		var begun []group.ShareTopic
		for _, t := range topics {
			t.Partitions = slices.DeleteFunc(slices.Clone(t.Partitions), func(p int32) bool {
				return answers[share.Key{Group: id, Topic: t.ID, Partition: p}].Code != 0
			})
			if len(t.Partitions) > 0 {
				begun = append(begun, t)
			}
		}
		done(now, begun, out)
	}, out)
}

// persistAll asks share coordinators about partitions of a group, about each once.
func (b *Broker) persistAll(now machine.Now, id string, topics []group.ShareTopic, call func(share.Key) share.Call, done func(machine.Now, map[share.Key]share.Answer, *machine.Effects), out *machine.Effects) {
	answers, asked := make(map[share.Key]share.Answer), make(map[share.Key]bool)
	left := 1
	one := func(now machine.Now, out *machine.Effects) {
		if left--; left == 0 {
			done(now, answers, out)
		}
	}
	for _, t := range topics {
		for _, n := range t.Partitions {
			k := share.Key{Group: id, Topic: t.ID, Partition: n}
			if asked[k] {
				continue
			}
			asked[k] = true
			c := call(k)
			c.Key = k
			left++
			b.persist(now, c, func(now machine.Now, a share.Answer, out *machine.Effects) {
				answers[k] = a
				one(now, out)
			}, out)
		}
	}
	one(now, out)
}

// describeShareOffsets says where share groups are: what leaders of partitions have last had
// written down. Of all partitions, if none are named.
func (b *Broker) describeShareOffsets(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DescribeShareGroupOffsetsRequest)
	resp := kmsg.NewPtrDescribeShareGroupOffsetsResponse()
	resp.Groups = make([]kmsg.DescribeShareGroupOffsetsResponseGroup, len(body.Groups))
	left := 1
	one := func(out *machine.Effects) {
		if left--; left == 0 {
			b.answer(c, &req, resp, nil, out)
		}
	}
	for i := range body.Groups {
		want, r := &body.Groups[i], &resp.Groups[i]
		*r = kmsg.NewDescribeShareGroupOffsetsResponseGroup()
		r.GroupID = want.GroupID
		kind := &b.coordinators.groups
		if _, code := b.serving(kind, b.home(kind, want.GroupID)); code != 0 {
			r.ErrorCode = code
			continue
		}
		// A group that nobody knows has read nothing, which is no error (GroupCoordinatorService.describeShareGroupAllOffsets).
		_, _, known, _ := b.groupMachine(want.GroupID).ShareState(want.GroupID)
		topics := known
		if want.Topics != nil {
			topics = nil
			for j := range want.Topics {
				t := group.ShareTopic{Name: want.Topics[j].Topic, Partitions: want.Topics[j].Partitions}
				if info := b.image.Topics[t.Name]; info != nil {
					t.ID = info.ID
				}
				topics = append(topics, t)
			}
		}
		var asked []group.ShareTopic // of what there is: the rest nobody need be asked about
		for _, t := range topics {
			if info := b.image.ByID[t.ID]; info != nil {
				t.Partitions = slices.DeleteFunc(slices.Clone(t.Partitions), func(n int32) bool { return n < 0 || int(n) >= len(info.Partitions) })
				asked = append(asked, t)
			}
		}
		left++
		b.persistAll(now, want.GroupID, asked, func(share.Key) share.Call { return share.Call{API: wire.SummarizeShareState, LeaderEpoch: -1} },
			func(_ machine.Now, answers map[share.Key]share.Answer, out *machine.Effects) {
				for _, t := range topics {
					x := kmsg.NewDescribeShareGroupOffsetsResponseGroupTopic()
					x.Topic, x.TopicID = t.Name, t.ID
					for _, n := range t.Partitions {
						p := kmsg.NewDescribeShareGroupOffsetsResponseGroupTopicPartition()
						p.Partition, p.StartOffset = n, -1
						// Of what is not there nothing is known, and that is no error (Kafka's service).
						if a, ok := answers[share.Key{Group: want.GroupID, Topic: t.ID, Partition: n}]; ok && a.Code != wire.UnknownTopicOrPartition {
							p.ErrorCode, p.ErrorMessage = a.Code, a.Message
							if a.Code == 0 {
								p.StartOffset, p.LeaderEpoch = a.Start, a.LeaderEpoch
							}
						}
						x.Partitions = append(x.Partitions, p)
					}
					r.Topics = append(r.Topics, x)
				}
				one(out)
			}, out)
	}
	one(out)
}

// alterShareOffsets has a share group in which there is nobody go on from other offsets.
func (b *Broker) alterShareOffsets(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.AlterShareGroupOffsetsRequest)
	b.askGroup(now, body.GroupID, &inquiry{command: body, conn: c, req: req, then: func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
		r := resp.(*kmsg.AlterShareGroupOffsetsResponse)
		m := b.groupMachine(body.GroupID)
		if r.ErrorCode != 0 || m == nil {
			b.answer(c, &req, r, nil, out)
			return
		}
		_, epoch, _, _ := m.ShareState(body.GroupID)
		starts := make(map[share.Key]int64)
		var topics []group.ShareTopic
		for i := range r.Topics {
			t := group.ShareTopic{ID: r.Topics[i].TopicID, Name: r.Topics[i].Topic}
			for j := range r.Topics[i].Partitions {
				if p := &r.Topics[i].Partitions[j]; p.ErrorCode == 0 {
					t.Partitions = append(t.Partitions, p.Partition)
					starts[share.Key{Group: body.GroupID, Topic: t.ID, Partition: p.Partition}] = body.Topics[i].Partitions[j].StartOffset
				}
			}
			topics = append(topics, t)
		}
		b.persistAll(now, body.GroupID, topics, func(k share.Key) share.Call {
			return share.Call{API: wire.InitializeShareState, StateEpoch: epoch, Start: starts[k]}
		}, func(now machine.Now, answers map[share.Key]share.Answer, out *machine.Effects) {
			var done []group.ShareTopic
			for i := range r.Topics {
				t := &r.Topics[i]
				for j := range t.Partitions {
					a, asked := answers[share.Key{Group: body.GroupID, Topic: t.TopicID, Partition: t.Partitions[j].Partition}]
					switch {
					case !asked || t.Partitions[j].ErrorCode != 0:
					case a.Code != 0:
						t.Partitions[j].ErrorCode, t.Partitions[j].ErrorMessage = a.Code, a.Message
					default:
						done = append(done, group.ShareTopic{ID: t.TopicID, Name: t.Topic, Partitions: []int32{t.Partitions[j].Partition}})
					}
				}
			}
			b.tellGroup(now, body.GroupID, group.ShareInitialized{Group: body.GroupID, Topics: done}, out)
			b.answer(c, &req, r, nil, out)
		}, out)
	}}, out)
}

// deleteShareOffsets has share coordinators forget what a share group has read of topics.
func (b *Broker) deleteShareOffsets(now machine.Now, c *conn, req wire.Request, out *machine.Effects) {
	body := req.Body.(*kmsg.DeleteShareGroupOffsetsRequest)
	known := make(map[[16]byte][]int32)
	if m := b.groupMachine(body.GroupID); m != nil {
		_, _, topics, _ := m.ShareState(body.GroupID)
		for _, t := range topics {
			known[t.ID] = t.Partitions
		}
	}
	b.askGroup(now, body.GroupID, &inquiry{command: body, conn: c, req: req, then: func(now machine.Now, resp kmsg.Response, out *machine.Effects) {
		r := resp.(*kmsg.DeleteShareGroupOffsetsResponse)
		var topics []group.ShareTopic
		for i := range r.Topics {
			if t := &r.Topics[i]; t.ErrorCode == 0 && len(known[t.TopicID]) > 0 {
				topics = append(topics, group.ShareTopic{ID: t.TopicID, Name: t.Topic, Partitions: known[t.TopicID]})
			}
		}
		b.forgetShares(now, body.GroupID, topics, func(now machine.Now, failed map[[16]byte]share.Answer, out *machine.Effects) {
			var done [][16]byte
			for i := range r.Topics {
				t := &r.Topics[i]
				if a, bad := failed[t.TopicID]; bad {
					t.ErrorCode, t.ErrorMessage = a.Code, a.Message
				} else if t.ErrorCode == 0 {
					done = append(done, t.TopicID)
				}
			}
			b.tellGroup(now, body.GroupID, group.ShareDeleted{Group: body.GroupID, IDs: done}, out)
			b.answer(c, &req, r, nil, out)
		}, out)
	}}, out)
}

// forgetShares has share coordinators forget partitions of a group. done has the topics where that
// has failed.
func (b *Broker) forgetShares(now machine.Now, id string, topics []group.ShareTopic, done func(machine.Now, map[[16]byte]share.Answer, *machine.Effects), out *machine.Effects) {
	b.persistAll(now, id, topics, func(share.Key) share.Call { return share.Call{API: wire.DeleteShareState} },
		func(now machine.Now, answers map[share.Key]share.Answer, out *machine.Effects) {
			failed := make(map[[16]byte]share.Answer)
			for _, t := range topics {
				for _, n := range t.Partitions {
					if a := answers[share.Key{Group: id, Topic: t.ID, Partition: n}]; a.Code != 0 && a.Code != wire.UnknownTopicOrPartition {
						failed[t.ID] = a
					}
				}
			}
			done(now, failed, out)
		}, out)
}

// beforeDeletion has share coordinators forget what share groups have read that are to be deleted,
// if nobody is in them: a group of that name that comes later begins anew.
func (b *Broker) beforeDeletion(now machine.Now, groups []string, then func(machine.Now, *machine.Effects), out *machine.Effects) {
	left := 1
	one := func(now machine.Now, out *machine.Effects) {
		if left--; left == 0 {
			then(now, out)
		}
	}
	for _, id := range groups {
		m := b.groupMachine(id)
		if m == nil {
			continue
		}
		if members, _, topics, ok := m.ShareState(id); ok && members == 0 && len(topics) > 0 {
			left++
			b.forgetShares(now, id, topics, func(now machine.Now, _ map[[16]byte]share.Answer, out *machine.Effects) { one(now, out) }, out)
		}
	}
	one(now, out)
}

// pruneShareState cuts off what share coordinators do not need any more of their logs
// (share.coordinator.state.topic.prune.interval.ms).
func (b *Broker) pruneShareState(out *machine.Effects) {
	for _, s := range b.coordinators.shards {
		if s.kind != &b.coordinators.shares || s.stage != serves {
			continue
		}
		at := min(s.machine.(*share.Machine).Needed(s.p.LogEnd()), s.p.HighWatermark())
		if at <= s.p.LogStart() {
			continue
		}
		if _, code, err := s.p.DeleteRecords(at); err != nil {
			b.fail(err, out)
			return
		} else if code == 0 {
			b.flush(s.p, out)
			b.touch(s.p)
		}
	}
}
