package scenario

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"brokersim/broker/log"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/faults"
	"brokersim/faults/failpoint"
	"brokersim/sim"
)

const (
	brokerPort     = 9092
	controllerPort = 9093
)

// cluster is the brokers and the controllers, in the lives that they are in, and
// what is remembered of those before.
type cluster struct {
	r     *run
	names []string // of brokers, by their place in the simulator

	brokers []*log.Broker // nil while down, and where nobody can look into one
	opaque  bool          // one of them is a machine that nobody can look into
	lives   []uint32      // how often each was started
	started []bool        // this life has taken its first step, and no error of its disk ended it there
	images  []int64       // the offset of the metadata that was looked at last

	controllers []*log.ControllerNode // nil while down
	voters      []log.Voter           // the same as others reach them
	committed   int64                 // the offset of the committed metadata that was audited last
	auditor     *log.Auditor

	points  []*failpoint.Set // of brokers, controllers, clients; they outlive lives
	numbers []uint32         // of their nodes

	steps  steps
	homes  []home
	tps    []wire.TP // the partitions of the run, and behind them the homes
	losses losses
	eaten  eaten
	oracle oracle  // of the partitions of a run it is asked in unrestricted runs only
	epochs []int32 // by partition: the leader epoch that the history tells of
	// coordinators are the same by group, of who coordinates it; served is how many coordinators
	// had begun to serve on each broker when they were looked at last.
	coordinators []int32
	served       []int
}

// newCluster adds the brokers and the controllers to the world, at places 0, 1...
func newCluster(r *run) *cluster {
	n := r.Spec.Brokers
	c := &cluster{
		r:       r,
		brokers: make([]*log.Broker, n), lives: make([]uint32, n), started: make([]bool, n), images: make([]int64, n), served: make([]int, n),
		controllers: make([]*log.ControllerNode, r.Spec.controllers()),
		committed:   -1,
		auditor:     log.NewAuditor(r.Spec.controllers()),
		epochs:      make([]int32, len(r.topology.tps)),
	}
	c.homes = r.homes()
	c.tps = slices.Clone(r.topology.tps)
	for i := range c.homes {
		c.tps = append(c.tps, c.homes[i].tp)
	}
	c.losses.init(n, len(c.tps))
	c.eaten.init(n, len(c.tps))
	c.oracle.init(n, len(c.tps))
	for i := range c.epochs {
		c.epochs[i] = -1
	}
	for i := range c.controllers {
		id := firstController + i
		c.voters = append(c.voters, log.Voter{ID: int32(id), Addr: fmt.Sprintf("c%d:%d", id, controllerPort)})
	}
	for i := range n {
		c.addBroker(i)
	}
	for i := range c.controllers {
		c.addController(i)
	}
	return c
}

func (c *cluster) addController(i int) {
	r, id := c.r, c.voters[i].ID
	points := c.set(uint32(id))
	r.sim.Add(sim.NodeConfig{
		Name: controllerName(id), ID: uint32(id), Listeners: []string{c.voters[i].Addr},
		Boot: func() machine.Machine {
			c.controllers[i] = log.NewController(log.ControllerConfig{ID: id, Settings: r.set.Broker(), Failpoints: points, Seed: r.Seed, Voters: c.voters, Admin: r.Spec.admin() != nil})
			return c.controllers[i]
		},
	})
}

func controllerName(id int32) string { return fmt.Sprintf("c%d", id) }

// controllerPlace is a controller's place among the controllers, -1 for other nodes.
func (c *cluster) controllerPlace(node string) int {
	return slices.IndexFunc(c.voters, func(v log.Voter) bool { return controllerName(v.ID) == node })
}

// controller is the active controller, of the newest epoch if one that is deposed has
// not noticed yet; nil if none is.
func (c *cluster) controller() (active *log.ControllerNode) {
	for _, n := range c.controllers {
		if n != nil && n.Active() && (active == nil || n.ControllerEpoch() > active.ControllerEpoch()) {
			active = n
		}
	}
	return active
}

func (c *cluster) addBroker(i int) {
	r := c.r
	id := uint32(i + 1)
	name := fmt.Sprintf("b%d", id)
	points := c.set(id)
	c.names = append(c.names, name)
	r.sim.Add(r.Spec.machines().Broker.on(sim.NodeConfig{
		Name: name, ID: id, Listeners: []string{fmt.Sprintf("%s:%d", name, brokerPort)},
		Boot: func() machine.Machine {
			m := r.newBroker(BrokerConfig{
				ID:          int32(id),
				Incarnation: incarnation(r.Seed, id, c.lives[i]),
				Host:        name,
				Port:        brokerPort,
				Rack:        r.Spec.rack(i),
				Controllers: c.voters,
				Settings:    r.brokerSettings(i),
				Failpoints:  points,
				Admin:       r.Spec.admin(),

				Coordinators: r.coordinated(), TransactionVersion: r.Spec.transactionVersion(), FirstEpoch: r.Spec.FirstEpoch,
			})
			c.lives[i]++
			c.started[i], c.images[i], c.served[i] = false, -1, 0
			c.brokers[i] = inside(m)
			c.opaque = c.opaque || c.brokers[i] == nil
			return m
		},
	}))
}

// set is the failpoints of a node, with the planted bugs armed.
func (c *cluster) set(node uint32) *failpoint.Set {
	s := failpoint.New(c.r.Seed, node)
	for _, bug := range c.r.bugs {
		if err := s.Arm(bug, failpoint.Always, "return(true)"); err != nil {
			panic(err) // plan has found the bug
		}
	}
	for _, q := range c.r.Spec.Quirks {
		if err := s.Arm(q.Site, q.Threshold, "return(true)"); err != nil {
			panic(err) // it was drawn
		}
	}
	c.points = append(c.points, s)
	c.numbers = append(c.numbers, node)
	return s
}

// bootstrap are the addresses that clients begin with.
func (c *cluster) bootstrap() []string {
	var list []string
	for _, name := range c.names {
		list = append(list, fmt.Sprintf("%s:%d", name, brokerPort))
	}
	return list
}

// incarnation is a broker's id for one life.
func incarnation(seed uint64, id, life uint32) (b [16]byte) {
	d := machine.NewDraw(seed, "incarnation").With(uint64(id)).With(uint64(life))
	binary.BigEndian.PutUint64(b[:8], d.Uint64())
	binary.BigEndian.PutUint64(b[8:], d.With(1).Uint64())
	return b
}

// place is a broker's place in the simulator, -1 for other nodes.
func (c *cluster) place(node string) int {
	for i, name := range c.names {
		if name == node {
			return i
		}
	}
	return -1
}

func (c *cluster) has(node string) bool {
	if c.r.solo != nil {
		return node == c.r.solo.name
	}
	return c.controllerPlace(node) >= 0 || c.place(node) >= 0
}

// assignment is who has a partition.
type assignment struct {
	leader   int32 // negative while there is none
	replicas []int32
}

// assignment is the newest that anybody knows of a partition: the controller
// while it is there, otherwise the broker with the newest metadata.
func (c *cluster) assignment(tp wire.TP) (a assignment, known bool) {
	if n := c.controller(); n != nil {
		if info := n.Image().Partition(tp.Topic, tp.Partition); info != nil {
			return assignment{info.Leader, info.Replicas}, true
		}
		return a, false
	}
	newest := int64(-1)
	for _, b := range c.brokers {
		if b == nil || b.Image().Offset <= newest {
			continue
		}
		newest = b.Image().Offset
		if info := b.Image().Partition(tp.Topic, tp.Partition); info != nil {
			a, known = assignment{info.Leader, info.Replicas}, true
		}
	}
	return a, known
}

// letsGo reports whether some topic of the run is compacted, or may expire while it lasts.
func (r *run) letsGo() bool {
	return slices.ContainsFunc(r.Spec.Topics, func(t Topic) bool {
		set := r.set.Topic(t.Name)
		byTime := set.RetentionMillis >= 0 && set.RetentionMillis < (r.Spec.For+r.Spec.Settle).Milliseconds()
		return set.CleanupPolicy.Compact || byTime || set.RetentionBytes >= 0
	})
}

// reached counts the situations that the run came to, and how often a planted
// bug has changed what a broker did: one that never fired was not tested. Of a swarm
// it counts the quirks that fired, too, and the steps at which a node was ended.
func (c *cluster) reached(bugs []failpoint.Site) map[string]int64 {
	m := make(map[string]int64)
	for _, site := range failpoint.Situations() {
		if c.r.solo != nil {
			break // they are those of a log
		}
		if site == failpoint.CleanShutdown && !c.r.schedule.Has(faults.Stop) {
			continue
		}
		if site == failpoint.DeletionLoaded && len(c.r.Spec.DeleteGroups) == 0 {
			continue
		}
		if site.OfQuorum() && c.r.Spec.controllers() < 2 || site.OfMoves() && c.r.Spec.Reassign.Every == 0 || site.OfCleaner() && !c.r.letsGo() ||
			site.OfTransactions() && !c.r.Spec.transactional() || site.OfGroups() && !c.r.coordinated() {
			continue
		}
		m[site.String()] = 0
		for _, s := range c.points {
			m[site.String()] += int64(s.Reached(site))
		}
	}
	for _, site := range bugs {
		m[site.String()] = 0
		for _, s := range c.points {
			m[site.String()] += int64(s.Fired(site))
		}
	}
	for _, q := range c.r.Spec.Quirks {
		m[q.Site.String()] = 0
		for _, s := range c.points {
			m[q.Site.String()] += int64(s.Fired(q.Site))
		}
	}
	if c.r.Spec.CoreFor > 0 {
		m["core-healed"], m["core-skipped"], m["core-orphans"] = 0, c.r.core.skipped, c.r.core.orphans
		if c.r.core.in != nil && c.r.core.skipped == 0 {
			m["core-healed"] = 1
		}
	}
	maps.Copy(m, c.steps.ended)
	return m
}
