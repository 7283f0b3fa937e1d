package scenario

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/faults"
	"brokersim/faults/failpoint"
)

// Case is one run to be made: a scenario, a seed, and what differs from the
// scenario's file.
type Case struct {
	Spec *Spec
	Seed uint64

	// Edits change the size of the scenario, in their order.
	Edits []Edit
	// Layers are settings above the scenario's own, the lowest first: the
	// user's property files, then --set.
	Layers []config.Layer
	// Faults replaces the scenario's schedule if it is not nil.
	Faults *string
	// Plant names planted bugs, armed on every node for the whole run.
	Plant []string
	// Promise states what the run is held to, instead of the scenario.
	Promise []string

	// Broker, if set, starts each life of each broker instead of [log.NewBroker]:
	// somebody else's broker, or a changed one. It is called by all runs that are
	// made at a time and must share nothing between what it returns. The brokers of
	// a scenario are b1:9092, b2:9092 and so on. Clients ask them ApiVersions, Metadata,
	// CreateTopics, InitProducerId, Produce, Fetch, ListOffsets, OffsetForLeaderEpoch.
	//
	// A machine that is a *log.Broker, or says with Unwrap() machine.Machine that it
	// wraps one, is audited like any other. Any other machine is judged by what its
	// clients see, alone: its invariants are vacuous, leader and follower are
	// nobody as far as the controller c101 does not know them, and no loss is
	// excused by disks, into which nobody has looked.
	Broker func(BrokerConfig) machine.Machine
	// Foreign says that the run was one with a Broker, and cannot be made without.
	Foreign bool

	// Until, if it is not 0, stops the run at that virtual time, before which it
	// may have ended by itself. What was stopped has no verdict: it is unknown.
	Until time.Duration

	// History, if set, is given the history's header and gets every event.
	History func(*history.Header) history.Sink
	// Trace, if set, gets a line for every event of the simulator.
	Trace io.Writer
	// Watch, if set, sees what happens at every node.
	Watch Watcher

	// Fork, if At is not 0, has the run go on otherwise from that virtual time:
	// what is drawn after it is drawn from another seed: how long the network and
	// disks take and what they lose, when records are due, and when in its window
	// a step of the schedule comes. What clients want stays as it is.
	Fork Fork
}

// Fork is where a run parts from the one that its case names.
type Fork struct {
	At   time.Duration
	Seed uint64
}

// plan is a case that was found to be good: everything that its texts say.
type plan struct {
	*Case
	set      *config.Settings
	readers  []config.Consumer // the settings of Spec.Readers
	mixed    []config.Broker   // by broker; empty if all have the same
	schedule faults.Schedule
	bugs     []failpoint.Site
	stated   []string
	warnings []string
}

// Check finds every mistake in a case without running it. The warnings are what
// is legal and will surprise; an error is one line with its place.
func Check(c Case) (warnings []string, err error) {
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	return p.warnings, nil
}

// Settings are the Kafka settings of a case, resolved.
func Settings(c Case) (*config.Settings, error) {
	s, err := c.Scenario()
	if err != nil {
		return nil, err
	}
	return s.settings(c.Layers)
}

// settings puts layers over those of the scenario.
func (s *Spec) settings(above []config.Layer) (*config.Settings, error) {
	var targets config.Targets
	own := config.Layer{Source: s.File, Entries: slices.Clone(s.Set)}
	for _, t := range s.Topics {
		targets.Topics = append(targets.Topics, t.Name)
		for _, e := range t.Set {
			e.Key = "topic." + t.Name + "." + e.Key
			own.Entries = append(own.Entries, e)
		}
	}
	for _, p := range s.Producers {
		targets.Producers = append(targets.Producers, p.Name)
	}
	for _, r := range s.Readers {
		targets.Consumers = append(targets.Consumers, r.Name)
		for _, e := range r.Set {
			e.Key = "consumer." + r.Name + "." + e.Key
			own.Entries = append(own.Entries, e)
		}
	}
	for _, r := range s.Processors {
		targets.Producers, targets.Consumers = append(targets.Producers, r.Name), append(targets.Consumers, r.Name)
	}
	var layers []config.Layer
	if s.transactional() {
		layers = append(layers, s.assumed())
	}
	if profile, ok := config.Profile(s.Profile); ok {
		layers = append(layers, profile)
	}
	return config.Resolve(targets, append(append(layers, own), above...)...)
}

// mixed are the settings of each broker, if some have their own.
func (s *Spec) mixed(above []config.Layer) ([]config.Broker, error) {
	var list []config.Broker
	if len(s.Mixed) == 0 {
		return nil, nil
	}
	for i := range s.Brokers {
		layers := slices.Clone(above)
		for _, m := range s.Mixed {
			if m.Broker == i {
				layers = append(layers, config.Layer{Source: "of " + brokerName(int32(i+1)) + " alone", Entries: m.Set})
			}
		}
		set, err := s.settings(layers)
		if err != nil {
			return nil, err
		}
		list = append(list, set.Broker())
	}
	return list, nil
}

// brokerSettings are those of the broker at a place.
func (p *plan) brokerSettings(i int) config.Broker {
	if len(p.mixed) > 0 {
		return p.mixed[i]
	}
	return p.set.Broker()
}

func (c *Case) plan() (*plan, error) {
	spec, err := c.Scenario()
	if err != nil {
		return nil, err
	}
	if err := spec.check(); err != nil {
		return nil, err
	}
	if c.Foreign && c.Broker == nil {
		return nil, errors.New("broker=foreign: the brokers of this run are somebody's own: only the go test that has them can repeat it")
	}
	if c.Until < 0 {
		return nil, fmt.Errorf("until %v: want a time of the run", c.Until)
	}
	edited := *c
	edited.Spec = spec
	c = &edited
	p := &plan{Case: c}
	if p.set, err = spec.settings(c.Layers); err != nil {
		return nil, err
	}
	if err := p.checkTransactions(); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Spec.Name, err)
	}
	for i := range spec.Readers {
		p.readers = append(p.readers, p.set.Consumer(spec.Readers[i].Name))
	}
	if p.mixed, err = spec.mixed(c.Layers); err != nil {
		return nil, err
	}
	if p.schedule, err = c.schedule(); err != nil {
		return nil, err
	}
	for _, name := range c.Plant {
		site, err := failpoint.ParseBug(name)
		if err != nil {
			return nil, fmt.Errorf("--plant: %w", err)
		}
		p.bugs = append(p.bugs, site)
	}
	if err := p.checkMembers(); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Spec.Name, err)
	}
	p.stated = c.Spec.Promise
	if c.Promise != nil {
		p.stated = c.Promise
	}
	if why := p.Spec.unstated(p.stated); why != "" {
		return nil, fmt.Errorf("%s: %s", p.Spec.Name, why)
	}
	for _, name := range p.stated {
		if err := knownProperty(name); err != nil {
			return nil, fmt.Errorf("promise: %w", err)
		}
	}
	for _, t := range c.Spec.Topics {
		if minISR := p.set.Topic(t.Name).MinInsyncReplicas; minISR > int32(t.Replication) {
			p.warnings = append(p.warnings, fmt.Sprintf("topic %s: min.insync.replicas=%d is above its %d replicas, and counts as %d, as in Kafka", t.Name, minISR, t.Replication, t.Replication))
		}
	}
	for _, name := range p.set.NotModelled() {
		p.warnings = append(p.warnings, "not modelled: "+name)
	}
	p.warnings = append(p.warnings, p.set.Warnings()...)
	if w := p.schedule.Stranded("controller", "c101"); w != "" && spec.controllers() == 1 {
		p.warnings = append(p.warnings, "faults: "+w)
	}
	for i := range p.schedule {
		if step := &p.schedule[i]; step.From >= p.Spec.For {
			p.warnings = append(p.warnings, fmt.Sprintf("faults: line %d: %q is due when the load has ended, after %v: it will not be applied", step.Line, step.String(), p.Spec.For))
		}
	}
	return p, nil
}

// schedule parses the schedule; an error in the scenario's own has its line in
// the file.
func (c *Case) schedule() (faults.Schedule, error) {
	text, name, shift := c.Spec.Faults, c.Spec.File, c.Spec.FaultsLine
	if c.Faults != nil {
		text, name, shift = *c.Faults, "--faults", 0
	}
	s, err := c.Spec.Schedule(text)
	var bad *faults.Error
	if errors.As(err, &bad) {
		return nil, fmt.Errorf("%s:%d:%d: %s", name, bad.Line+shift, bad.Column, bad.Msg)
	}
	return s, err
}

// Schedule reads a schedule for this scenario. An error in it is a [faults.Error].
func (s *Spec) Schedule(text string) (faults.Schedule, error) {
	return faults.Parse(text, s.vocabulary())
}

// roles are those that brokers and controllers have; clients have their names.
var roles = []string{"leader", "follower", "follower2", "controller", "standby", "standby2", groupCoordinatorRole, txnCoordinatorRole}

// vocabulary is what a schedule for this scenario may say.
func (s *Spec) vocabulary() faults.Vocabulary {
	v := faults.Vocabulary{Roles: slices.Clone(roles), Classes: s.classes()}
	for _, step := range failpoint.Steps() {
		v.Steps = append(v.Steps, step.String())
	}
	for _, n := range s.nodes() {
		v.Nodes = append(v.Nodes, n.name)
		if n.role != n.name {
			v.Roles = append(v.Roles, n.role)
		}
	}
	for _, t := range s.Topics {
		for i := range t.Partitions {
			v.Partitions = append(v.Partitions, wire.TP{Topic: t.Name, Partition: i}.String())
		}
	}
	if s.transactional() {
		v.Partitions = append(v.Partitions, internalNames()...)
	}
	return v
}

// nodeName is a node as traces print it, with the name that its service has in
// the scenario.
type nodeName struct {
	name, role string
	id         uint32
}

// The first numbers of each kind of node.
const (
	firstController = 101
	firstClient     = 1001
)

// nodes are all nodes of a scenario: brokers, controllers, producers,
// readers, and the one that reads everything at the end.
func (s *Spec) nodes() []nodeName {
	var list []nodeName
	add := func(letter string, id int, role string) {
		name := fmt.Sprintf("%s%d", letter, id)
		if role == "" {
			role = name
		}
		list = append(list, nodeName{name, role, uint32(id)})
	}
	for i := range s.Brokers {
		add("b", i+1, "")
	}
	for i := range s.controllers() {
		add("c", firstController+i, "")
	}
	for i, p := range s.Producers {
		add("p", int(s.producerNode(i)), p.Name)
	}
	for i, r := range s.Readers {
		add("k", int(s.readerNode(i)), r.Name)
	}
	for i, r := range s.Processors {
		add("p", int(s.processorNode(i)), r.Name)
	}
	return list
}
