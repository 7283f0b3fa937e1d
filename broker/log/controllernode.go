package log

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/quorum"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// MetadataDir is the directory of a controller's log of metadata.
const MetadataDir = quorum.Dir

// ControllerConfig is what a controller is started with.
type ControllerConfig struct {
	ID         int32
	Settings   config.Broker
	Failpoints *failpoint.Set // nil: off
	Seed       uint64         // of topic ids, placements and the jitter of elections
	Voters     []Voter        // controller.quorum.voters, this one among them; empty: it is alone
	// Admin has the controller take what brokers pass on for operators: see
	// [BrokerConfig.Admin].
	Admin bool
	Tools bool // see [Admin.Tools]
	// Security has it keep what brokers pass on about users: see [BrokerConfig.Security].
	Security bool
	// Scram are credentials that a cluster begins with, which has no records yet
	// (kafka-storage format --add-scram).
	Scram []controller.ScramCredential
	// PlaceOnFenced has new partitions have replicas on brokers that are fenced where too few
	// live, as in Kafka. Without it their topic is refused until there are enough, so that a
	// scenario begins with whole ISRs.
	PlaceOnFenced bool
	// Set are the broker settings that differ from Kafka's defaults, by Kafka's names: what
	// operators are told.
	Set map[string]string
}

// ControllerNode is a node that is nothing but a controller, alone or one of a quorum. It
// serves brokers and the other controllers on its only listener.
//
// The image of the active controller, which leads the quorum, is that of the whole log,
// by which it decides; that of a standby is of what is committed, and the two are the
// same at one offset. Who is not active any more forgets what it has decided and nobody
// has committed, and says NOT_CONTROLLER to whoever waits for it.
//
// Requests of one connection are served one after the other, as in Kafka, so that
// answers keep their order: who waits for metadata with a long Fetch needs another
// connection for heartbeats.
//
// Whatever is answered, a refusal too, may rest on records that are not durable
// yet. So every answer waits until the log as it was when the answer was made is
// below the high watermark; a crash takes back nothing that anybody was told.
type ControllerNode struct {
	cfg        ControllerConfig
	serves     *wire.Table
	quorum     *quorum.Quorum
	controller *controller.Controller
	err        error // why it serves no more, until its next life
	stopping   bool

	active bool // leads, and has begun everybody's session
	conns  map[machine.ConnID]*controllerConn

	pending  []pendingAnswer // by offset, then arrival
	fetches  []metadataFetch // by arrival
	deadline machine.Instant

	votes  []pendingAnswer // that wait for quorum-state, by version
	voters []*voterLink    // the others, by id
	leader link            // to the one that this one follows
	tags   machine.Tag
	shown  shownState
	tasks  []task // of an active controller
	// overdue says, for audits, that this controller should have resigned.
	overdue bool
}

// controllerConn is a connection of a broker.
type controllerConn struct{ wire.Conn }

// pendingAnswer is an answer that waits for the high watermark.
type pendingAnswer struct {
	offset int64 // below which the log must be committed; of a vote, the version of quorum-state
	conn   *controllerConn
	req    wire.Request
	body   kmsg.Response
}

// metadataFetch is a Fetch that waits for metadata.
type metadataFetch struct {
	conn  *controllerConn
	req   wire.Request
	until machine.Instant
}

// NewController returns a controller that has not been started.
func NewController(cfg ControllerConfig) *ControllerNode {
	n := &ControllerNode{
		cfg:      cfg,
		serves:   wire.ControllerTable(),
		conns:    make(map[machine.ConnID]*controllerConn),
		deadline: machine.Never,
		tags:     quorum.FirstFreeTag,
	}
	n.forgetImage()
	n.knowVoters()
	n.serves = controllerTable(n.serves, cfg.Admin, cfg.Tools, cfg.Security)
	return n
}

// forgetImage begins with an image of nothing.
func (n *ControllerNode) forgetImage() {
	var describe func(map[string]string) []kmsg.CreateTopicsResponseTopicConfig
	if n.cfg.Admin {
		describe = func(own map[string]string) []kmsg.CreateTopicsResponseTopicConfig {
			return createdConfigs(&n.cfg.Settings, n.cfg.Set, own)
		}
	}
	n.controller = controller.New(controller.Settings{
		Describe:                 describe,
		Set:                      n.cfg.Set,
		Seed:                     n.cfg.Seed,
		SessionTimeout:           n.cfg.Settings.BrokerSessionTimeout,
		NumPartitions:            n.cfg.Settings.NumPartitions,
		DefaultReplicationFactor: n.cfg.Settings.DefaultReplicationFactor,
		PlaceOnFenced:            n.cfg.PlaceOnFenced,
		UncleanLeaderElection:    n.cfg.Settings.UncleanLeaderElection || n.cfg.Failpoints.On(failpoint.R11UncleanElection, uint64(n.cfg.ID)),
		Failpoints:               n.cfg.Failpoints,
	})
}

// ID is the controller's node id.
func (n *ControllerNode) ID() int32 { return n.cfg.ID }

// Quorum is the controller's part of the quorum, to be looked at only; nil before it is
// started.
func (n *ControllerNode) Quorum() *quorum.Quorum { return n.quorum }

// Image is the cluster metadata: of an active controller as of the last record of the
// log, committed or not, of any other as of the high watermark. It is the controller's
// own and must not be changed.
func (n *ControllerNode) Image() *controller.Image { return n.controller.Image() }

// HighWatermark is the offset below which the metadata is durable; 0 while the
// controller is not active.
func (n *ControllerNode) HighWatermark() int64 {
	if n.quorum == nil {
		return 0
	}
	return n.quorum.HighWatermark()
}

// ControllerEpoch rises with each election of a controller; 0 before the first.
func (n *ControllerNode) ControllerEpoch() int32 {
	if n.quorum == nil {
		return 0
	}
	return n.quorum.Epoch()
}

// Active reports whether the controller leads the quorum and takes commands.
func (n *ControllerNode) Active() bool { return n.active }

// Sessions returns what the controller has heard of each broker, by broker.
func (n *ControllerNode) Sessions() []controller.Session { return n.controller.Sessions() }

// Err is why the controller has given up, such as a disk that failed; nil if it
// has not. It then serves nobody until it is started again.
func (n *ControllerNode) Err() error { return n.err }

// Found is what was not as it should be on the disk when this life began, and what was
// done about it: a line each.
func (n *ControllerNode) Found() []string {
	if n.quorum == nil {
		return nil
	}
	return n.quorum.Found()
}

// Deadline is when the next session or the next parked Fetch is over.
func (n *ControllerNode) Deadline() machine.Instant { return n.deadline }

// Step is [machine.Machine]'s.
func (n *ControllerNode) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		n.start(now, in.Files, out)
	case machine.Accepted:
		if n.err != nil {
			out.Close(in.Conn)
			return
		}
		n.conns[in.Conn] = &controllerConn{wire.Conn{ID: in.Conn}}
	case machine.Received:
		if c := n.conns[in.Conn]; c != nil {
			if frame, ok := c.Arrived(in.Frame, out); ok {
				n.serve(now, c, frame, out)
			}
			break
		}
		n.stepVoters(now, in, out)
	case machine.Opened:
		if !n.stepVoters(now, in, out) {
			out.Close(in.Conn) // given up on
		}
	case machine.Closed:
		if !n.stepVoters(now, in, out) {
			n.forget(in.Conn)
		}
	case machine.DiskDone:
		if n.err == nil {
			n.quorum.Disk(now, in, out)
			n.committed(now, out)
		}
	case machine.Stopping:
		n.stop(now, out)
	case machine.Tick:
		n.tick(now, out)
	}
	n.speak(now, out)
	if n.err == nil && n.quorum != nil && n.quorum.Err() != nil {
		n.fail(n.quorum.Err(), out)
	}
	n.deadline = n.nextDeadline()
}

func (n *ControllerNode) nextDeadline() machine.Instant {
	at := n.voterDeadline()
	if n.err != nil {
		return machine.Never
	}
	if n.active {
		at = min(at, n.controller.NextExpiry())
		for i := range n.tasks {
			at = min(at, n.tasks[i].at)
		}
	}
	for i := range n.fetches {
		at = min(at, n.fetches[i].until)
	}
	return at
}

// start begins with what an earlier life has left. What of it is committed, only the
// quorum can say.
func (n *ControllerNode) start(now machine.Now, files machine.Files, out *machine.Effects) {
	q, err := quorum.Open(files, n.quorumConfig())
	if err != nil {
		n.fail(err, out)
		return
	}
	n.quorum = q
	q.Begin(now, out)
}

// replayLog replays what is committed and not yet in the image: for one that leads, all
// that there is in the log.
func (n *ControllerNode) replayLog() error {
	if n.Image().Offset+1 < n.quorum.LogStart() {
		if n.quorum.Snapshot().EndOffset == 0 {
			return nil // it is not certain yet to be durable
		}
		if err := n.loadSnapshot(); err != nil {
			return err
		}
	}
	to := n.quorum.HighWatermark()
	if n.quorum.Leading() {
		to = n.quorum.LogEnd()
	}
	return n.quorum.Records(n.Image().Offset+1, to, func(offset int64, value []byte, control bool) error {
		if control {
			return n.Image().Skip(offset)
		}
		r, err := controller.DecodeRecord(value)
		if err != nil {
			return fmt.Errorf("offset %d: %w", offset, err)
		}
		_, err = n.controller.Replay(offset, r)
		return err
	})
}

// committed follows the high watermark: the controller may have become active,
// answers may leave, and parked readers may have something to read.
func (n *ControllerNode) committed(now machine.Now, out *machine.Effects) {
	if err := n.quorum.Err(); err != nil {
		return
	}
	var free []*controllerConn
	if n.active && !n.quorum.Leading() {
		free = n.depose(out)
	}
	if err := n.replayLog(); err != nil {
		n.fail(err, out)
		return
	}
	if !n.active && n.quorum.Leading() {
		n.active = true
		if n.quorum.Epoch() > 1 {
			n.cfg.Failpoints.Hit(failpoint.ControllerChange)
		}
		n.controller.Activate(now)
		n.beginTasks(now.Mono)
		if !n.bootstrap(now, out) {
			return
		}
	}
	for len(n.votes) > 0 && n.quorum.Spoken(n.votes[0].offset) {
		a := n.votes[0]
		n.votes = n.votes[1:]
		n.answer(a.conn, &a.req, a.body, nil, out)
		free = append(free, a.conn)
	}
	for len(n.pending) > 0 && n.pending[0].offset <= n.quorum.HighWatermark() {
		a := n.pending[0]
		n.pending[0] = pendingAnswer{}
		n.pending = n.pending[1:]
		n.answer(a.conn, &a.req, a.body, nil, out)
		free = append(free, a.conn)
	}
	n.next(now, append(free, n.wake(now, out)...), out)
	n.shown = n.shows()
}

// bootstrap writes down what a cluster begins with, if this is its beginning: nobody has
// registered yet (KIP-900). It reports false if the controller has failed.
func (n *ControllerNode) bootstrap(now machine.Now, out *machine.Effects) (ok bool) {
	if len(n.cfg.Scram) == 0 || !n.Image().Empty() {
		return true
	}
	_, ok = n.do(now, controller.Bootstrap{Scram: n.cfg.Scram}, out)
	return ok
}

// depose ends what the controller was active for: somebody else leads, or may. Whether
// what it has decided and not seen committed comes about is for the next leader's log to
// say.
func (n *ControllerNode) depose(out *machine.Effects) (free []*controllerConn) {
	n.active = false
	n.cfg.Failpoints.Hit(failpoint.ControllerDeposed)
	for _, a := range n.pending {
		if _, creates := a.req.Body.(*kmsg.CreateTopicsRequest); creates {
			n.cfg.Failpoints.Hit(failpoint.TopicInFailOver)
		}
		body := notController(a.req.Body)
		if n.cfg.Failpoints.On(failpoint.C09AnswerDeposed, uint64(a.offset)) {
			body = a.body
		}
		n.answer(a.conn, &a.req, body, nil, out)
		free = append(free, a.conn)
	}
	n.pending = nil
	n.forgetImage()
	return free
}

// wake answers parked fetches that have something to read or whose time is over,
// and returns their connections.
func (n *ControllerNode) wake(now machine.Now, out *machine.Effects) []*controllerConn {
	var free []*controllerConn
	kept := n.fetches[:0]
	for _, f := range n.fetches {
		resp, records, wait := n.quorum.Fetch(f.req.Body.(*kmsg.FetchRequest))
		if wait && f.until > now.Mono {
			kept = append(kept, f)
			continue
		}
		n.answer(f.conn, &f.req, resp, records, out)
		free = append(free, f.conn)
	}
	clear(n.fetches[len(kept):])
	n.fetches = kept
	return free
}

// decides reports whether the controller may decide now: it may have been deposed in this
// very step.
func (n *ControllerNode) decides() bool { return n.active && n.quorum.Leading() }

// tick fences brokers whose session is over, and answers readers who have waited
// long enough.
func (n *ControllerNode) tick(now machine.Now, out *machine.Effects) {
	if n.err != nil {
		return
	}
	n.tickVoters(now, out)
	if n.decides() {
		for _, id := range n.controller.Expired(now) {
			if _, ok := n.do(now, controller.Expire{Broker: id}, out); !ok {
				return
			}
		}
		for i := range n.tasks {
			if now.Mono >= n.tasks[i].at && !n.doTask(now, &n.tasks[i], out) {
				return
			}
		}
	}
	n.next(now, n.wake(now, out), out)
}

// task is what an active controller does now and then (QuorumController's PeriodicTask).
type task struct {
	cmd   controller.Command
	every time.Duration
	at    machine.Instant
}

func (n *ControllerNode) beginTasks(now machine.Instant) {
	s := &n.cfg.Settings
	n.tasks = append(n.tasks[:0], task{controller.ElectUnclean{}, s.UncleanLeaderElectionInterval, now.Add(s.UncleanLeaderElectionInterval)})
	if s.AutoLeaderRebalance {
		n.tasks = append(n.tasks, task{controller.Rebalance{}, s.LeaderImbalanceCheckInterval, now.Add(s.LeaderImbalanceCheckInterval)})
	}
}

// doTask does a task, again at once if there may be more of it.
func (n *ControllerNode) doTask(now machine.Now, t *task, out *machine.Effects) (ok bool) {
	before := n.Image().Offset
	if _, ok = n.do(now, t.cmd, out); !ok {
		return false
	}
	t.at = now.Mono.Add(t.every)
	if n.Image().Offset-before >= controller.MaxElections {
		t.at = now.Mono + 1
	}
	return true
}

// forget drops a connection with everything that waits for it. What it asked for
// is not taken back.
func (n *ControllerNode) forget(id machine.ConnID) {
	c := n.conns[id]
	if c == nil {
		return
	}
	delete(n.conns, id)
	kept := n.fetches[:0]
	for _, f := range n.fetches {
		if f.conn != c {
			kept = append(kept, f)
		}
	}
	clear(n.fetches[len(kept):])
	n.fetches = kept
	// Pending answers go to nobody when their time comes.
}

// fail gives up: a controller that cannot write its log can promise nothing.
func (n *ControllerNode) fail(err error, out *machine.Effects) {
	n.err, n.active = err, false
	for _, id := range sortedConns(n.conns) {
		out.Close(id)
	}
	clear(n.conns)
	n.pending, n.votes, n.fetches = nil, nil, nil
	n.leaveVoters(out)
}
