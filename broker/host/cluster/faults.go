package cluster

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"brokersim/broker/host"
	"brokersim/broker/log"
	"brokersim/broker/log/controller"
	"brokersim/broker/machine"
	"brokersim/faults"
)

// Names are the nodes, as schedules call them.
func (c *Cluster) Names() []string {
	var names []string
	for _, n := range c.nodes {
		names = append(names, n.name)
	}
	return names
}

// Parse reads a schedule for a cluster of so many brokers and controllers. An error has
// the line.
func Parse(text string, brokers, controllers int) (faults.Schedule, error) {
	v := faults.Vocabulary{Roles: []string{"leader", "follower", "follower2", "controller"}}
	for i := range controllers {
		v.Nodes = append(v.Nodes, controllerName(i))
	}
	for i := range brokers {
		v.Nodes = append(v.Nodes, fmt.Sprintf("b%d", i+1))
	}
	// What partitions there will be nobody knows: all that the text names.
	for _, m := range partitionsIn.FindAllStringSubmatch(text, -1) {
		v.Partitions = append(v.Partitions, m[1])
	}
	v.Classes, v.Steps = noClasses, nil
	s, err := faults.Parse(text, v)
	if err != nil {
		return nil, err
	}
	for i := range s {
		if why := refuses[s[i].Verb]; why != "" {
			return nil, &faults.Error{Line: s[i].Line, Column: 1, Msg: fmt.Sprintf("%v is for the simulator only: %s", s[i].Verb, why)}
		}
	}
	return s, nil
}

var partitionsIn = regexp.MustCompile(`\(([A-Za-z0-9._-]+-[0-9]+)[=)]`)

// noClasses are classes of frames of which the verbs that name one are refused; they
// parse, so that what is refused is the verb.
var noClasses = map[string]uint16{"produce": 1, "produce-response": 2, "fetch": 3, "fetch-response": 4}

const (
	noFrames = "a real connection is a stream of bytes, nobody loses or doubles one frame of it"
	noDisk   = "a real disk is not made to fail or to forget from here"
	noBlame  = "a process cannot be ended between two of its own instructions from here"
)

// refuses says of each verb that cannot be done in real time why.
var refuses = map[faults.Verb]string{
	faults.Drop: noFrames, faults.Duplicate: noFrames, faults.ResetAfterAccept: noFrames,
	faults.Clog: "use cut: what waits arrives at once after a heal, too", faults.Throttle: "use slow",
	faults.PowerLoss: "what was not synced is in the computer's memory, which keeps its power; use crash",
	faults.CrashAt:   noBlame, faults.PowerLossAt: noBlame,
	faults.Memory: "use crash", faults.Drift: "the computer's clock drifts as it does; use skew",
	faults.BitRot: noDisk, faults.LatentError: noDisk, faults.IOError: noDisk, faults.SyncError: noDisk, faults.DiskFull: noDisk,
	faults.DiskSlow: noDisk, faults.DiskStall: noDisk, faults.FsyncLies: noDisk, faults.DiskReorders: noDisk, faults.DiskMisdirects: noDisk,
	faults.Mend: noDisk, faults.Wipe: "remove the node's directory while it is down",
}

// world applies a schedule. It has what [faults.World] asks for; what [Parse] refuses
// is never called.
type world struct {
	faults.World
	c *Cluster
}

func (w world) Cut(from, to string)                    { w.c.way(from, to).Cut() }
func (w world) Heal(from, to string)                   { w.c.way(from, to).Heal() }
func (w world) Slow(from, to string, by time.Duration) { w.c.way(from, to).Slow(by) }

func (w world) HealAll() {
	for _, way := range w.c.ways { // unordered: each by itself
		way.Heal()
	}
}

// Reset resets what either end has dialled.
func (w world) Reset(a, b string) {
	w.c.reset(a, b)
	w.c.reset(b, a)
}

func (w world) Crash(name string) { w.c.node(name).kill() }

// ShutDown does not wait for it: other steps may be due. A restart does.
func (w world) ShutDown(name string) {
	go func() {
		if err := w.c.node(name).stop(2 * ShutdownWait); err != nil {
			w.c.cfg.Log(err.Error())
		}
	}()
}

func (w world) Restart(name string) {
	if err := w.c.node(name).restart(); err != nil {
		w.c.cfg.Log(fmt.Sprintf("%s cannot be started again: %v", name, err))
	}
}

func (w world) RestartAll() {
	for _, n := range w.c.nodes {
		w.Restart(n.name)
	}
}

func (w world) Pause(name string)  { w.c.node(name).alive((*host.Node).Pause) }
func (w world) Resume(name string) { w.c.node(name).alive((*host.Node).Resume) }

func (w world) SkewWall(name string, by time.Duration) {
	n := w.c.node(name)
	n.mu.Lock()
	n.skew += by
	n.mu.Unlock()
	n.alive(func(life *host.Node) { life.Skew(by) })
}

func (n *node) alive(f func(*host.Node)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil {
		f(n.life)
	}
}

func (c *Cluster) node(name string) *node {
	return c.nodes[slices.IndexFunc(c.nodes, func(n *node) bool { return n.name == name })]
}

func (c *Cluster) way(from, to string) *host.Way { return c.ways[[2]string{from, to}] }

func (c *Cluster) reset(from, to string) {
	for addr, name := range c.names { // unordered: each by itself
		if name == to {
			c.node(from).alive(func(life *host.Node) { life.Reset(addr) })
		}
	}
}

// Apply applies a schedule, whose times count from now, until it is over or stop is
// closed. Each step is logged as it is done.
func (c *Cluster) Apply(s faults.Schedule, seed uint64, stop <-chan struct{}) {
	began := time.Now()
	for _, at := range s.Plan(seed) {
		timer := time.NewTimer(time.Until(began.Add(time.Duration(at.Time))))
		select {
		case <-timer.C:
		case <-stop:
			timer.Stop()
			return
		}
		text, _ := at.Apply(world{c: c}, c.view)
		c.cfg.Log(text)
	}
}

// view answers who has a role: leader and follower of a partition, or of partition 0
// of the first topic by name.
func (c *Cluster) view(role string) (string, bool) {
	word, rest, _ := strings.Cut(role, "(")
	switch word {
	case "*":
		return strings.Join(c.Names(), ","), true
	case "controller":
		return c.activeController()
	}
	if c.cfg.Kind == KindQueue || c.cfg.Kind == KindPubSub {
		return c.nodes[0].name, word == "leader"
	}
	for _, n := range c.nodes { // one that is paused cannot tell, another can
		var name string
		var known bool
		seen := n.peek(func(m machine.Machine) { name, known = holder(imageOf(m), word, strings.TrimSuffix(rest, ")")) })
		if seen {
			return name, known
		}
	}
	return "", false
}

// activeController is the controller that leads the quorum, or leads it as it believes.
func (c *Cluster) activeController() (string, bool) {
	for _, n := range c.nodes {
		active := false
		seen := n.peek(func(m machine.Machine) {
			if x, ok := m.(*log.ControllerNode); ok {
				active = x.Active()
			}
		})
		if seen && active {
			return n.name, true
		}
	}
	return "", false
}

// peek is look for one that may be paused: it waits only so long.
func (n *node) peek(f func(machine.Machine)) bool {
	done := make(chan bool, 1)
	go func() { done <- n.look(f) }()
	select {
	case seen := <-done:
		return seen
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

func imageOf(m machine.Machine) *controller.Image {
	switch m := m.(type) {
	case *log.Broker:
		return m.Image()
	case *log.ControllerNode:
		return m.Image()
	}
	return nil
}

// holder is who has a role about a partition; an empty one is the first there is.
func holder(image *controller.Image, role, partition string) (string, bool) {
	for _, topic := range image.TopicNames() {
		for _, p := range image.Topics[topic].Partitions {
			if partition != "" && fmt.Sprintf("%s-%d", topic, p.Partition) != partition {
				continue
			}
			if role == "leader" {
				return fmt.Sprintf("b%d", p.Leader), p.Leader >= 0
			}
			followers := slices.DeleteFunc(slices.Clone(p.Replicas), func(id int32) bool { return id == p.Leader })
			i := 0
			if role == "follower2" {
				i = 1
			}
			if i >= len(followers) {
				return "", false
			}
			return fmt.Sprintf("b%d", followers[i]), true
		}
	}
	return "", false
}
