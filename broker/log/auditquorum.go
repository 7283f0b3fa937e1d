package log

import (
	"fmt"
	"hash/fnv"

	"brokersim/broker/log/controller"
	"brokersim/broker/storage"
)

// quorumAudit remembers of the controllers what must hold over time and over restarts. A
// controller that is alone has nobody to be held against.
type quorumAudit struct {
	leaders map[int32]int32  // by epoch: who has led it
	images  map[int64]uint64 // by offset: the image there, as somebody had it
	voters  []auditedVoter

	// committed is a log that has everything below a high watermark, the highest that
	// any controller has had.
	committed     *storage.Log
	highWatermark int64
}

// auditedVoter is what was seen of a controller, in the life that it is in.
type auditedVoter struct {
	life          *ControllerNode
	epoch         int32 // durable, in any life
	highWatermark int64
	logEnd        int64
	imageAt       int64
}

func newQuorumAudit(controllers int) quorumAudit {
	return quorumAudit{leaders: make(map[int32]int32), images: make(map[int64]uint64), voters: make([]auditedVoter, controllers)}
}

func (a *quorumAudit) alone() bool { return len(a.voters) < 2 }

// Quorum audits the controller at a place after one of its steps. Those that are down are
// nil. Each broken invariant is a sentence (KRaft's RaftEventSimulationTest has the same):
//
//   - an epoch has one controller that leads it, over the whole run;
//   - what is durable of a controller's epoch does not fall, nor does its high watermark
//     while it lives, and its log does not end below that;
//   - what is committed is the same in the log of everybody who takes it for committed,
//     and in the log of everybody who begins to lead: it is never lost;
//   - a controller that reaches no majority does not go on to lead;
//   - the image is the same with everybody at one offset.
func (a *Auditor) Quorum(stepped int, controllers []*ControllerNode) []string {
	q, n := &a.quorum, controllers[stepped]
	if q.alone() || n == nil || n.quorum == nil || n.quorum.Err() != nil {
		return nil
	}
	v := &q.voters[stepped]
	if v.life != n {
		*v = auditedVoter{life: n, epoch: v.epoch, imageAt: -1}
	}
	broken := append(q.epochs(v, n), q.log(v, n)...)
	if n.overdue {
		broken = append(broken, fmt.Sprintf("controller %d leads epoch %d and reaches no majority", n.ID(), n.ControllerEpoch()))
	}
	if at := n.Image().Offset; at != v.imageAt && at < n.HighWatermark() {
		v.imageAt = at
		broken = append(broken, a.Image(fmt.Sprintf("controller %d", n.ID()), n.Image())...)
	}
	return broken
}

func (q *quorumAudit) epochs(v *auditedVoter, n *ControllerNode) (broken []string) {
	epoch := n.quorum.Epoch()
	if n.quorum.Spoken(n.quorum.Version()) {
		if epoch < v.epoch {
			broken = append(broken, fmt.Sprintf("controller %d: the epoch fell from %d to %d", n.ID(), v.epoch, epoch))
		}
		v.epoch = epoch
	}
	if !n.quorum.Leads() {
		return broken
	}
	if other, led := q.leaders[epoch]; led && other != n.ID() {
		return append(broken, fmt.Sprintf("controller epoch %d is led by controller %d, and was by controller %d", epoch, n.ID(), other))
	} else if !led {
		q.leaders[epoch] = n.ID()
		if log := n.quorum.Log(); q.committed != nil && !log.Same(q.committed, q.highWatermark) {
			broken = append(broken, fmt.Sprintf("controller %d leads epoch %d without the metadata that are committed up to offset %d: its log differs from offset %d on",
				n.ID(), epoch, q.highWatermark, log.Common(q.committed)))
		}
	}
	return broken
}

func (q *quorumAudit) log(v *auditedVoter, n *ControllerNode) (broken []string) {
	log, hw := n.quorum.Log(), n.HighWatermark()
	if hw < v.highWatermark {
		broken = append(broken, fmt.Sprintf("controller %d: the high watermark fell from %d to %d", n.ID(), v.highWatermark, hw))
	}
	if log.End() < hw {
		broken = append(broken, fmt.Sprintf("controller %d: the metadata log ends at offset %d, below the high watermark %d", n.ID(), log.End(), hw))
	}
	if hw == v.highWatermark && log.End() == v.logEnd {
		return broken
	}
	v.highWatermark, v.logEnd = hw, log.End()
	if upTo := min(hw, q.highWatermark); q.committed != nil && !log.Same(q.committed, upTo) {
		broken = append(broken, fmt.Sprintf("controller %d: of the metadata below the high watermark %d what is from offset %d on is not what was committed",
			n.ID(), hw, log.Common(q.committed)))
	}
	if hw > q.highWatermark {
		q.committed, q.highWatermark = log, hw
	}
	return broken
}

// Image audits the metadata as somebody has them who has replayed more of them: at one
// offset they are the same for all. They must be committed.
func (a *Auditor) Image(who string, im *controller.Image) []string {
	q := &a.quorum
	if q.alone() || im.Offset < 0 {
		return nil
	}
	h := fnv.New64a()
	h.Write([]byte(im.String()))
	is := h.Sum64()
	was, seen := q.images[im.Offset]
	if q.images[im.Offset] = is; seen && was != is {
		return []string{fmt.Sprintf("%s: the metadata at offset %d are not those that others have there", who, im.Offset)}
	}
	return nil
}

// SettledQuorum audits controllers that should be at rest: all follow one who is active,
// and have its log and its image.
func (a *Auditor) SettledQuorum(controllers []*ControllerNode) (open []string) {
	if a.quorum.alone() {
		return nil
	}
	var active *ControllerNode
	for _, n := range controllers {
		if n != nil && n.Active() {
			active = n
		}
	}
	if active == nil {
		return []string{"no controller is active"}
	}
	for i, n := range controllers {
		switch {
		case n == nil || n.quorum == nil:
			open = append(open, fmt.Sprintf("controller at place %d is down", i))
		case n.Err() != nil:
			open = append(open, fmt.Sprintf("controller %d has given up: %v", n.ID(), n.Err()))
		case n.quorum.Leader() != active.ID():
			open = append(open, fmt.Sprintf("controller %d does not follow controller %d", n.ID(), active.ID()))
		case n.Image().Offset != active.Image().Offset || n.quorum.LogEnd() != active.quorum.LogEnd():
			open = append(open, fmt.Sprintf("controller %d has replayed the metadata to offset %d of %d", n.ID(), n.Image().Offset, active.Image().Offset))
		}
	}
	return open
}
