package log

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/controller"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// voterLink is the connection on which a controller asks another for its vote, and tells
// it of epochs. What it fetches from whom it follows goes by another one: a long poll
// would hold up an election.
type voterLink struct {
	id int32
	link
}

// knowVoters prepares the connections to the other controllers.
func (n *ControllerNode) knowVoters() {
	if len(n.cfg.Voters) < 2 {
		return
	}
	n.serves = wire.VoterTable()
	name := fmt.Sprintf("controller-%d", n.cfg.ID)
	timeout := n.cfg.Settings.ControllerQuorumRequestTimeout
	for _, v := range n.cfg.Voters {
		if v.ID != n.cfg.ID {
			n.voters = append(n.voters, &voterLink{v.ID, newLink(name, v.Addr, wire.VoterTable(), reconnectBackoff, timeout, wire.Vote)})
		}
	}
	slices.SortStableFunc(n.voters, func(a, b *voterLink) int { return cmp.Compare(a.id, b.id) })
	n.leader = newLink(name+"-fetch", "", wire.VoterTable(), reconnectBackoff, timeout, wire.Fetch, wire.FetchSnapshot)
}

func (n *ControllerNode) quorumConfig() quorum.Config {
	s := &n.cfg.Settings
	c := quorum.Config{
		ID: n.cfg.ID, Seed: n.cfg.Seed, Failpoints: n.cfg.Failpoints,
		ElectionTimeout: s.ControllerQuorumElectionTimeout, ElectionBackoffMax: s.ControllerQuorumElectionBackoffMax,
		FetchTimeout: s.ControllerQuorumFetchTimeout, RetryBackoff: s.ControllerQuorumRetryBackoff,
	}
	for _, v := range n.cfg.Voters {
		c.Voters = append(c.Voters, v.ID)
	}
	return c
}

func (n *ControllerNode) tag() machine.Tag {
	n.tags++
	return n.tags
}

// stepVoters takes what comes on a connection to another controller.
func (n *ControllerNode) stepVoters(now machine.Now, in *machine.Input, out *machine.Effects) (mine bool) {
	if n.err != nil {
		return false
	}
	for _, v := range n.voters {
		a, mine, answered, lost := v.step(now.Mono, in, out)
		switch {
		case lost:
			n.quorum.Lost(now, v.id)
		case answered:
			n.quorum.Answered(now, v.id, a.Request, a.Body, out)
		}
		if mine {
			return true
		}
	}
	if len(n.voters) == 0 {
		return false
	}
	a, mine, answered, lost := n.leader.step(now.Mono, in, out)
	switch {
	case lost:
		n.quorum.FetchLost(now)
	case answered:
		n.followed(now, a, out)
	}
	return mine
}

func (n *ControllerNode) followed(now machine.Now, a wire.Answer, out *machine.Effects) {
	switch req := a.Request.(type) {
	case *kmsg.FetchRequest:
		n.quorum.Fetched(now, req, a.Body.(*kmsg.FetchResponse), a.Records, out)
	case *kmsg.FetchSnapshotRequest:
		n.quorum.SnapshotFetched(now, req, a.Body.(*kmsg.FetchSnapshotResponse), out)
	}
}

// tickVoters does what is due by the clock.
func (n *ControllerNode) tickVoters(now machine.Now, out *machine.Effects) {
	if len(n.voters) == 0 || n.quorum == nil {
		return
	}
	n.quorum.Tick(now, out)
	n.overdue = n.quorum.Overdue(now)
	for _, v := range n.voters {
		if v.expire(now.Mono, out) {
			n.quorum.Lost(now, v.id)
		}
	}
	if n.leader.expire(now.Mono, out) {
		n.quorum.FetchLost(now)
	}
}

// shownState is what others can see of the quorum: when it has changed, who waits may
// have something to hear.
type shownState struct {
	epoch                  int32
	leader                 int32
	highWatermark, logEnd  int64
	spoken, leads, leading bool
}

func (n *ControllerNode) shows() shownState {
	q := n.quorum
	return shownState{q.Epoch(), q.Leader(), q.HighWatermark(), q.LogEnd(), q.Spoken(q.Version()), q.Leads(), q.Leading()}
}

// speak follows what the step has done to the quorum, and says to the other controllers
// what there is to say.
func (n *ControllerNode) speak(now machine.Now, out *machine.Effects) {
	if n.err != nil || n.quorum == nil || len(n.voters) == 0 {
		return
	}
	for n.err == nil && n.quorum.Err() == nil && n.shown != n.shows() {
		n.committed(now, out)
	}
	if n.err != nil || n.quorum.Err() != nil {
		return
	}
	n.makeSnapshot(now, out)
	for _, v := range n.voters {
		if n.quorum.Wants(now, v.id) && v.ready(now.Mono, n, out) {
			v.send(now.Mono, n.quorum.Ask(v.id), nil, v.timeout, out)
		}
	}
	n.fetchFromLeader(now, out)
}

// fetchFromLeader fetches from whom the controller follows now.
func (n *ControllerNode) fetchFromLeader(now machine.Now, out *machine.Effects) {
	i := slices.IndexFunc(n.voters, func(v *voterLink) bool { return v.id == n.quorum.Leader() })
	if i < 0 {
		return
	}
	if n.leader.turn(now.Mono, n.voters[i].addr, out) {
		n.quorum.FetchLost(now)
	}
	if _, ok := n.quorum.WantsFetch(now); ok && n.leader.ready(now.Mono, n, out) {
		n.leader.send(now.Mono, n.quorum.AskFetch(), nil, n.cfg.Settings.ControllerQuorumFetchTimeout, out)
	}
}

// voterDeadline is when the quorum, or a connection to another controller, is to be
// looked at.
func (n *ControllerNode) voterDeadline() machine.Instant {
	if len(n.voters) == 0 || n.quorum == nil {
		return machine.Never
	}
	at := n.quorum.Deadline()
	for _, v := range n.voters {
		at = min(at, v.due(n.quorum.AskAt(v.id)))
	}
	return min(at, n.leader.due(n.quorum.FetchAt()))
}

// election answers what another controller asks of a quorum. A vote is durable before
// anybody counts it, and so is an epoch before anybody hears of it.
func (n *ControllerNode) election(now machine.Now, c *controllerConn, req wire.Request, out *machine.Effects) (answered bool) {
	var resp kmsg.Response
	switch body := req.Body.(type) {
	case *kmsg.VoteRequest:
		resp = n.quorum.Vote(now, body, out)
	case *kmsg.BeginQuorumEpochRequest:
		resp = n.quorum.BeginEpoch(now, body, out)
	case *kmsg.EndQuorumEpochRequest:
		resp = n.quorum.EndEpoch(now, body, out)
	}
	if version := n.quorum.Version(); !n.quorum.Spoken(version) {
		n.votes = append(n.votes, pendingAnswer{version, c, req, resp})
		return false
	}
	n.answer(c, &req, resp, nil, out)
	return true
}

// stop begins to end this life in good order: the controller gives up the lead, if it has
// it, and says so to the others.
func (n *ControllerNode) stop(now machine.Now, out *machine.Effects) {
	n.stopping = true
	if n.err == nil && n.quorum != nil {
		n.quorum.Resign(now, out)
	}
}

// Stopped reports whether a life that was asked to end with machine.Stopping may be ended:
// it does not lead, or somebody else does (KafkaRaftClient's graceful shutdown). Its log is
// synced with every append: there is nothing else to wait for.
func (n *ControllerNode) Stopped() bool {
	return n.err != nil || n.stopping && (n.quorum == nil || !n.quorum.HandsOver())
}

// leaveVoters ends the connections to the others.
func (n *ControllerNode) leaveVoters(out *machine.Effects) {
	for _, v := range n.voters {
		if v.conn != 0 {
			out.Close(v.conn)
		}
	}
	if n.leader.conn != 0 {
		out.Close(n.leader.conn)
	}
}

// makeSnapshot has the quorum write down the image when the log has grown by as much as
// metadata.log.max.record.bytes.between.snapshots, if the image is committed (KIP-630).
// Each controller does so by itself, whether it leads or not.
func (n *ControllerNode) makeSnapshot(now machine.Now, out *machine.Effects) {
	end := n.Image().Offset + 1
	if !n.quorum.WantsSnapshot(n.cfg.Settings.MetadataLogMaxRecordBytesBetweenSnapshots) || end > n.quorum.HighWatermark() || end <= n.quorum.LogStart() {
		return
	}
	var values [][]byte
	for _, r := range n.Image().Records() {
		values = append(values, controller.EncodeRecord(r))
	}
	if end-1 > n.quorum.LogStart() && n.cfg.Failpoints.On(failpoint.C05SnapshotOffByOne, uint64(end)) {
		end--
	}
	n.quorum.MakeSnapshot(now, end, values, out)
}

// loadSnapshot begins with the image that the log goes on from.
func (n *ControllerNode) loadSnapshot() error {
	var records []controller.Record
	err := n.quorum.SnapshotRecords(func(value []byte) error {
		r, err := controller.DecodeRecord(value)
		records = append(records, r)
		return err
	})
	if err != nil {
		return err
	}
	im, err := controller.LoadImage(n.quorum.Snapshot().EndOffset-1, records)
	if err == nil {
		n.controller.Load(im)
	}
	return err
}
