package group

import (
	"brokersim/broker/log/config"
	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config is what a machine is made with.
type Config struct {
	// Seed is that of member ids. No two lives of a coordinator may have the same, or a
	// member id could be given out twice: the runner mixes in the leader epoch.
	Seed uint64
	// Broker has the settings group.* and offset*. It is read with every decision.
	Broker *config.Broker
	Topics Topics
	// Group are the settings that a group has of its own (KIP-848, KIP-932); nil: no group has
	// any.
	Group      func(id string) map[string]string
	Failpoints *failpoint.Set // nil: off
}

// Topics is what the broker knows of the topics of the cluster. The machine is told of every
// change by [MetadataChanged].
type Topics interface {
	// Topic is the topic of that name.
	Topic(name string) (t Topic, ok bool)
	// TopicWithID is the topic of that id.
	TopicWithID(id TopicID) (t Topic, ok bool)
	// Names are the names of all topics, sorted. They are not changed and not kept.
	Names() []string
}

// TopicID is the id of a topic (KIP-516).
type TopicID = [16]byte

// Topic is a topic as a coordinator sees it.
type Topic struct {
	ID         TopicID
	Name       string
	Partitions int32
}

// MetadataChanged is the command that tells a machine that its [Topics] say something else
// than before. Deleted are topics that are no more: offsets of theirs go (KIP-848 members are
// given other partitions with their next heartbeats). It has no answer.
type MetadataChanged struct{ Deleted []string }

// Machine is the coordinator of the groups of one partition of __consumer_offsets.
type Machine struct {
	cfg    Config
	groups map[string]*group
	shares map[string]*shareGroup
	// producers has the groups for which a transaction has offsets that are pending.
	producers map[int64]map[string]bool
	live      bool  // loaded: what is replayed was decided here
	end       int64 // the offset behind the last record replayed

	// The rest is soft.
	timers  timers
	waiting map[coordinator.Token]*waiter
	clocks  map[memberName]*clock
	// shareClocks are the sessions of members of share groups.
	shareClocks map[memberName]*timer
	expiry      timer
	expireFrom  string // the group with which the round of expiry goes on

	// Of the decision that is being made.
	seats []seat
	now   machine.Now
	out   coordinator.Outcome
	// undo takes back what is soft of the last decision, if its records are dropped.
	undo  func(code int16)
	spare []byte // see room
}

var _ coordinator.Machine = (*Machine)(nil)

// New returns a machine that has replayed nothing.
func New(cfg Config) *Machine {
	m := &Machine{
		cfg:       cfg,
		groups:    map[string]*group{},
		shares:    map[string]*shareGroup{},
		producers: map[int64]map[string]bool{},
		waiting:   map[coordinator.Token]*waiter{},
		clocks:    map[memberName]*clock{},

		shareClocks: map[memberName]*timer{},
	}
	m.expiry.fire = m.expire
	return m
}

// group is a group of any kind. It is in the machine's map if it is in the log (its own
// record, or offsets of it), or if members are about to join it.
type group struct {
	id       string
	recorded bool // the log has a record of the group itself
	// offsets are those committed, and transactional those of open transactions, by producer.
	offsets       map[partition]*committed
	transactional map[int64]map[partition]*committed

	*classic
	consumer *consumer // nil: a classic group

	born  int64  // the end of the log when the group came into being here
	drawn uint64 // member ids so far
}

// partition is a partition of a topic.
type partition struct {
	topic string
	index int32
}

// Request implements [coordinator.Machine].
func (m *Machine) Request(now machine.Now, from coordinator.Caller, command any) coordinator.Outcome {
	m.begin(now)
	if tooLong(from, command) {
		m.answerAtOnce(from.Token, Refuse(command, wire.InvalidRequest))
		return m.out
	}
	if len(m.shares) > 0 && m.isShared(command) {
		m.answer(from.Token, refuseShared(command))
		return m.out
	}
	switch req := command.(type) {
	case *kmsg.ShareGroupHeartbeatRequest:
		m.shareHeartbeat(from, req)
	case *kmsg.ShareGroupDescribeRequest:
		m.shareDescribe(from, req)
	case *kmsg.AlterShareGroupOffsetsRequest:
		m.shareAlter(from, req)
	case *kmsg.DeleteShareGroupOffsetsRequest:
		m.shareDelete(from, req)
	case ShareInitialized:
		m.shareInitialized(req)
	case ShareDeleted:
		m.shareDeleted(req)
	case *kmsg.JoinGroupRequest:
		m.joinGroup(from, req)
	case *kmsg.SyncGroupRequest:
		m.syncGroup(from, req)
	case *kmsg.HeartbeatRequest:
		m.heartbeat(from, req)
	case *kmsg.LeaveGroupRequest:
		m.leaveGroup(from, req)
	case *kmsg.OffsetCommitRequest:
		m.offsetCommit(from, req)
	case *kmsg.TxnOffsetCommitRequest:
		m.txnOffsetCommit(from, req)
	case *kmsg.OffsetFetchRequest:
		m.offsetFetch(from, req)
	case *kmsg.OffsetDeleteRequest:
		m.offsetDelete(from, req)
	case *kmsg.DescribeGroupsRequest:
		m.describeGroups(from, req)
	case *kmsg.ListGroupsRequest:
		m.listGroups(from, req)
	case *kmsg.DeleteGroupsRequest:
		m.deleteGroups(from, req)
	case *kmsg.ConsumerGroupHeartbeatRequest:
		m.consumerHeartbeat(from, req)
	case *kmsg.ConsumerGroupDescribeRequest:
		m.consumerDescribe(from, req)
	case MetadataChanged:
		m.metadataChanged(req)
	default:
		panic("group: not a command of a group coordinator")
	}
	return m.out
}

func (m *Machine) begin(now machine.Now) {
	m.now, m.out, m.undo = now, coordinator.Outcome{}, nil
}

// wall is the time that is put into records, in ms.
func (m *Machine) wall() int64 { return int64(m.now.Wall) / 1e6 }

// answer has an answer leave when all that was decided is safe.
func (m *Machine) answer(to coordinator.Token, body kmsg.Response) {
	if to != 0 {
		m.out.Answers = append(m.out.Answers, coordinator.Answer{To: to, Body: body})
	}
}

// say has an answer with an error leave: at once, unless the reason may be in a record that
// could yet be lost.
func (m *Machine) say(to coordinator.Token, body kmsg.Response, code int16) {
	switch code {
	case wire.FencedInstanceID, wire.UnknownMemberID, wire.IllegalGeneration, wire.GroupIDNotFound:
		m.answer(to, body)
	default:
		m.answerAtOnce(to, body)
	}
}

// answerAtOnce has an answer leave that says nothing which could be lost.
func (m *Machine) answerAtOnce(to coordinator.Token, body kmsg.Response) {
	if to != 0 {
		m.out.Answers = append(m.out.Answers, coordinator.Answer{To: to, Body: body, AtOnce: true})
	}
}

func (m *Machine) record(r coordinator.Record) { m.out.Records = append(m.out.Records, r) }

// Tick implements [coordinator.Machine].
func (m *Machine) Tick(now machine.Now) coordinator.Outcome {
	m.begin(now)
	// What is in records has not happened before it is replayed, and the next timer may be
	// about it.
	for len(m.out.Records) == 0 {
		t := m.timers.due(now.Mono)
		if t == nil {
			break
		}
		t.fire()
	}
	return m.out
}

// Deadline implements [coordinator.Machine].
func (m *Machine) Deadline() machine.Instant { return m.timers.next() }

// Loaded implements [coordinator.Machine].
func (m *Machine) Loaded(now machine.Now) coordinator.Outcome {
	m.begin(now)
	m.live = true
	for _, g := range m.sorted() {
		if g.consumer != nil {
			m.loadedConsumer(g)
		} else {
			m.loadedClassic(g)
		}
	}
	for _, g := range m.shareGroups() {
		m.loadedShare(g)
	}
	m.timers.set(&m.expiry, now.Mono.Add(m.cfg.Broker.OffsetsRetentionCheckInterval))
	return m.out
}

// Dropped implements [coordinator.Machine].
func (m *Machine) Dropped(now machine.Now, o coordinator.Outcome, code int16) coordinator.Outcome {
	undo := m.undo
	m.begin(now)
	code = wire.CoordinatorError(code)
	for _, a := range o.Answers {
		if !a.AtOnce {
			refuse(a.Body, code)
		}
		a.AtOnce = true
		m.out.Answers = append(m.out.Answers, a)
	}
	if undo != nil {
		undo(code)
	}
	return m.out
}

// waiter is who waits for an answer that comes later.
type waiter struct {
	to      coordinator.Token // 0: nobody any more
	version int16
	waits   bool
}

func (m *Machine) wait(w *waiter, from coordinator.Caller, version int16) {
	*w = waiter{to: from.Token, version: version, waits: true}
	if w.to != 0 {
		m.waiting[w.to] = w
	}
}

// done ends the waiting and says whom to answer.
func (m *Machine) done(w *waiter) coordinator.Token {
	to := w.to
	delete(m.waiting, to)
	*w = waiter{version: w.version}
	return to
}

// Gone implements [coordinator.Machine]. A member whose connection is closed is a member
// all the same, until its session is over: it may come back on another.
func (m *Machine) Gone(from coordinator.Token) {
	if w := m.waiting[from]; w != nil {
		w.to = 0
		delete(m.waiting, from)
	}
}
