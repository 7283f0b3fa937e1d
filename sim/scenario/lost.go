package scenario

import (
	"slices"

	"brokersim/broker/log"
)

// losses remember what disks had before they lost power or all, to tell which bytes are
// nowhere any more when a broker has recovered what was left.
//
// A record that every holder has lost with its power is no broken promise under
// the page-cache flush policy. That is decided late, when the last holder has
// recovered: until then a broker without power is taken to hold all that it had.
// What a replica truncates because its leader says so is not lost in this sense,
// and excuses nothing.
type losses struct {
	last []*log.Broker // by broker: its newest life that has recovered its log
	torn []*log.Broker // by broker: the life before a power loss, until one has recovered
	wipe []bool        // by broker: its next life starts with an empty disk

	// By broker and partition: the offset below which what the broker's log holds
	// was committed, as far as high watermarks have told. With acks=all nothing
	// above was promised to anybody, and its loss must not excuse that of other
	// records which come to stand there.
	committed [][]int64
}

func (l *losses) init(brokers, partitions int) {
	l.last, l.torn = make([]*log.Broker, brokers), make([]*log.Broker, brokers)
	l.wipe, l.committed = make([]bool, brokers), make([][]int64, brokers)
	for i := range l.committed {
		l.committed[i] = make([]int64, partitions)
	}
}

// log is the life of a broker whose logs are what its disk, or its page cache,
// holds; nil for one that never lived.
func (c *cluster) log(i int) *log.Broker {
	switch {
	case c.losses.torn[i] != nil:
		return c.losses.torn[i]
	case c.brokers[i] != nil && c.started[i]:
		return c.brokers[i]
	}
	return c.losses.last[i]
}

// dies takes down what is known of a node that is about to die.
func (c *cluster) dies(node string, power bool) {
	c.steps.stopping = slices.DeleteFunc(c.steps.stopping, func(x string) bool { return x == node })
	if i := c.controllerPlace(node); i >= 0 {
		c.controllers[i] = nil
		return
	}
	i := c.place(node)
	if i < 0 {
		return
	}
	c.captureAll()
	for k := range c.tps {
		c.ceasedToLead(i, k)
	}
	l := &c.losses
	if c.brokers[i] != nil && c.started[i] {
		l.last[i] = c.brokers[i]
	}
	c.brokers[i] = nil
	if (power || l.wipe[i]) && l.torn[i] == nil {
		l.torn[i] = l.last[i]
	}
}

// wiped notes that a node starts with an empty disk: the life before it has lost
// what it had, as if by a loss of power.
func (c *cluster) wiped(node string) {
	i := c.place(node)
	if i < 0 {
		return
	}
	l := &c.losses
	l.wipe[i] = true
	if c.brokers[i] == nil && l.torn[i] == nil {
		l.torn[i] = l.last[i]
	}
}

// capture notes how far a broker's high watermarks are. Within one leadership
// they only rise, so that it is enough to look when the metadata of a broker
// change and when somebody dies.
func (c *cluster) capture(i int) {
	b := c.brokers[i]
	if b == nil {
		return
	}
	at := c.losses.committed[i]
	for k, tp := range c.tps {
		if r := b.Replica(tp); r != nil {
			at[k] = max(at[k], r.HighWatermark())
			c.oracle.follows(i, k, r)
		}
	}
}

// captureAll notes all high watermarks, and of each log what others know to be
// committed of it.
func (c *cluster) captureAll() {
	for i := range c.brokers {
		c.capture(i)
	}
	for k, tp := range c.tps {
		for i := range c.brokers {
			a := c.log(i)
			if a == nil || a.Replica(tp) == nil {
				continue
			}
			for j := range c.brokers {
				b := c.log(j)
				if i == j || b == nil || b.Replica(tp) == nil {
					continue
				}
				at := c.losses.committed
				at[i][k] = max(at[i][k], min(at[j][k], a.Replica(tp).Common(b.Replica(tp))))
			}
		}
	}
}

// recovered is told that a broker has taken its first step, in which it recovers
// its logs. After a power loss that shows what of them is on no disk any more.
func (c *cluster) recovered(i int) {
	old, now := c.losses.torn[i], c.brokers[i]
	if old == nil || now.Err() != nil {
		return
	}
	c.captureAll()
	for k, tp := range c.tps {
		was := old.Replica(tp)
		if was == nil {
			continue
		}
		until := was.LogEnd()
		if c.r.header.Set.Acks == "all" || k >= len(c.r.topology.tps) {
			until = min(until, c.losses.committed[i][k])
		}
		kept := int64(0)
		if is := now.Replica(tp); is != nil {
			if kept = was.Common(is); is.LogEnd() > kept {
				c.oracle.stale[i][k] = stale{is.LogEnd(), is.Digest(is.LogEnd())}
			}
		}
		c.oracle.recovered(i, k, was.LogEnd(), kept, c.eaten.shown(i, k, was.LogEnd(), kept))
		for j := range c.brokers {
			if j == i {
				continue
			}
			if other := c.log(j); other != nil && other.Replica(tp) != nil {
				kept = max(kept, was.Common(other.Replica(tp)))
			}
		}
		if kept < until && k < len(c.r.topology.tps) {
			c.noteNoCopy(k, kept, until)
		}
	}
	c.eaten.recovered(i)
	c.losses.torn[i], c.losses.wipe[i] = nil, false
}
