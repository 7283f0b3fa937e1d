package controller

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/sasl"
)

// Image is the cluster metadata as of one offset of the metadata log. The
// controller and every broker replay the same records into images of their own.
//
// The image is read through its fields and changed by [Image.Replay] only.
// What a pointer in it points to changes with later records; the slices in it
// are replaced, never changed, and may be kept.
type Image struct {
	// Offset is that of the last record replayed or skipped; -1 is none.
	Offset int64

	Brokers map[int32]*BrokerInfo
	Topics  map[string]*TopicInfo
	ByID    map[TopicID]*TopicInfo

	// BrokerConfigs holds the settings of brokers that were changed while they run, by broker
	// and name; those of [AllBrokers] are for all that have no own.
	BrokerConfigs map[int32]map[string]string

	// GroupConfigs holds the settings that groups have of their own, by group and name.
	GroupConfigs map[string]map[string]string

	quotas map[string]*QuotaInfo // of clients, by the key of the entity
	scram  map[ScramUser]sasl.Credential

	byACL map[[16]byte]acl.Entry
	acls  acl.Set // the same

	// NextProducerID is the first producer id that nobody has been given.
	NextProducerID int64
}

// BrokerInfo is a registered broker.
type BrokerInfo struct {
	ID          int32
	Incarnation [16]byte
	Epoch       int64 // the broker epoch: the offset of this incarnation's first registration
	Host        string
	Port        int32
	Rack        string
	Fenced      bool // may not lead, nor join an ISR
	// ShutDownOffset is the offset of the record with which its controlled
	// shutdown began; -1 outside of one.
	ShutDownOffset int64
	Others         []Endpoint // of listeners beside the one that Host and Port are of
}

// Endpoint is where clients of a listener reach the broker; ok is false if it has no such
// listener. The empty name is that of the listener for brokers.
func (b *BrokerInfo) Endpoint(listener string) (host string, port int32, ok bool) {
	if listener == "" {
		return b.Host, b.Port, true
	}
	for i := range b.Others {
		if x := &b.Others[i]; x.Listener == listener {
			return x.Host, x.Port, true
		}
	}
	return "", -1, false
}

// Alive reports whether the broker may lead and join ISRs: it is neither fenced
// nor in controlled shutdown.
func (b *BrokerInfo) Alive() bool { return !b.Fenced && b.ShutDownOffset < 0 }

// TopicInfo is a topic.
type TopicInfo struct {
	Name       string
	ID         TopicID
	Partitions []*PartitionInfo // by number
	// Configs holds what was set for this topic, under Kafka's names, in the
	// form of [CheckConfig].
	Configs map[string]string
}

// PartitionInfo is a partition.
type PartitionInfo struct {
	Topic          string
	TopicID        TopicID
	Partition      int32
	Replicas       []int32 // the first is the preferred leader
	ISR            []int32 // in the order of Replicas at first, then as the leader said
	Leader         int32   // or NoLeader
	LeaderEpoch    int32   // rises with each election
	PartitionEpoch int32   // rises with each change
	Recovery       Recovery
	// Of a reassignment that is under way (KIP-455): those of Replicas that it brings and
	// takes away; nil: none.
	Adding, Removing []int32
}

// Reassigning reports whether a reassignment is under way.
func (p *PartitionInfo) Reassigning() bool { return len(p.Adding) > 0 || len(p.Removing) > 0 }

// Change says what a record has changed; the others are nil.
type Change struct {
	Broker    *BrokerInfo
	Topic     *TopicInfo // created, or its Configs changed
	Partition *PartitionInfo
	Removed   *TopicInfo
	Settings  bool // of some broker or all
}

// NewImage returns the image before the first record.
func NewImage() *Image {
	return &Image{
		Offset:  -1,
		Brokers: make(map[int32]*BrokerInfo),
		Topics:  make(map[string]*TopicInfo),
		ByID:    make(map[TopicID]*TopicInfo),

		BrokerConfigs: make(map[int32]map[string]string),
		GroupConfigs:  make(map[string]map[string]string),
		quotas:        make(map[string]*QuotaInfo),
		scram:         make(map[ScramUser]sasl.Credential),
		byACL:         make(map[[16]byte]acl.Entry),
	}
}

// Replay applies the record at an offset of the log. Offsets must rise, but may
// skip those of control records. An error says that the log is not one that a
// controller wrote; the image is then as before.
func (im *Image) Replay(offset int64, r Record) (Change, error) {
	if offset <= im.Offset {
		return Change{}, fmt.Errorf("metadata record at offset %d replayed after the one at %d", offset, im.Offset)
	}
	change, err := im.apply(offset, r)
	if err != nil {
		return Change{}, fmt.Errorf("metadata record at offset %d: %w", offset, err)
	}
	im.Offset = offset
	return change, nil
}

// Skip notes that a control record, which says nothing about the metadata, is at
// an offset of the log.
func (im *Image) Skip(offset int64) error {
	if offset <= im.Offset {
		return fmt.Errorf("control record at offset %d after the metadata record at %d", offset, im.Offset)
	}
	im.Offset = offset
	return nil
}

// Empty reports whether there has been no record, or none that is of any effect.
func (im *Image) Empty() bool {
	return len(im.Brokers) == 0 && len(im.Topics) == 0 && len(im.BrokerConfigs) == 0 && len(im.GroupConfigs) == 0 && len(im.quotas) == 0 && len(im.scram) == 0 && len(im.byACL) == 0 && im.NextProducerID == 0
}

func (im *Image) apply(offset int64, r Record) (Change, error) {
	switch r := r.(type) {
	case RegisterBroker:
		return im.registerBroker(offset, r), nil
	case FenceBroker:
		return im.changeBroker(r.ID, r.Epoch, func(b *BrokerInfo) { b.Fenced = true })
	case UnfenceBroker:
		return im.changeBroker(r.ID, r.Epoch, func(b *BrokerInfo) { b.Fenced = false })
	case ShutDownSince:
		return im.changeBroker(r.ID, r.Epoch, func(b *BrokerInfo) { b.ShutDownOffset = r.Offset })
	case ShutDownBroker:
		return im.changeBroker(r.ID, r.Epoch, func(b *BrokerInfo) { b.ShutDownOffset = offset })
	case Topic:
		return im.topic(r)
	case Partition:
		return im.partition(r)
	case PartitionChange:
		return im.partitionChange(r)
	case ProducerIDs:
		if r.Next < im.NextProducerID {
			return Change{}, fmt.Errorf("next producer id %d is below %d", r.Next, im.NextProducerID)
		}
		im.NextProducerID = r.Next
		return Change{}, nil
	case Config:
		t := im.Topics[r.Topic]
		if t == nil {
			return Change{}, fmt.Errorf("configuration of unknown topic %q", r.Topic)
		}
		t.Configs[r.Name] = r.Value
		return Change{Topic: t}, nil
	case RemoveTopic:
		t := im.ByID[r.ID]
		if t == nil {
			return Change{}, fmt.Errorf("removal of unknown topic id %x", r.ID)
		}
		delete(im.Topics, t.Name)
		delete(im.ByID, t.ID)
		return Change{Removed: t}, nil
	case RemoveConfig:
		t := im.Topics[r.Topic]
		if t == nil {
			return Change{}, fmt.Errorf("configuration of unknown topic %q", r.Topic)
		}
		delete(t.Configs, r.Name)
		return Change{Topic: t}, nil
	case BrokerConfig:
		if im.BrokerConfigs[r.Broker] == nil {
			im.BrokerConfigs[r.Broker] = make(map[string]string)
		}
		im.BrokerConfigs[r.Broker][r.Name] = r.Value
		return Change{Settings: true}, nil
	case RemoveBrokerConfig:
		delete(im.BrokerConfigs[r.Broker], r.Name)
		if len(im.BrokerConfigs[r.Broker]) == 0 {
			delete(im.BrokerConfigs, r.Broker)
		}
		return Change{Settings: true}, nil
	case GroupConfig:
		if im.GroupConfigs[r.Group] == nil {
			im.GroupConfigs[r.Group] = make(map[string]string)
		}
		im.GroupConfigs[r.Group][r.Name] = r.Value
		return Change{}, nil
	case RemoveGroupConfig:
		delete(im.GroupConfigs[r.Group], r.Name)
		if len(im.GroupConfigs[r.Group]) == 0 {
			delete(im.GroupConfigs, r.Group)
		}
		return Change{}, nil
	case ClientQuota:
		return im.clientQuota(r)
	case AccessControlEntry:
		return im.accessControlEntry(r)
	case RemoveAccessControlEntry:
		return im.removeAccessControlEntry(r)
	case ScramCredential:
		return im.scramCredential(r)
	case RemoveScramCredential:
		return im.removeScramCredential(r)
	}
	return Change{}, fmt.Errorf("unknown kind %T", r)
}

func (im *Image) registerBroker(offset int64, r RegisterBroker) Change {
	b := &BrokerInfo{
		ID: r.ID, Incarnation: r.Incarnation, Epoch: r.Epoch, Host: r.Host, Port: r.Port, Rack: r.Rack,
		Fenced: r.Fenced, ShutDownOffset: -1, Others: r.Others,
	}
	if r.ShuttingDown {
		b.ShutDownOffset = offset
	}
	if old := im.Brokers[r.ID]; old != nil {
		if r.ShuttingDown && old.ShutDownOffset >= 0 {
			b.ShutDownOffset = old.ShutDownOffset
		}
		*old = *b // pointers into the image stay good
		b = old
	}
	im.Brokers[r.ID] = b
	return Change{Broker: b}
}

func (im *Image) changeBroker(id int32, epoch int64, f func(*BrokerInfo)) (Change, error) {
	b := im.Brokers[id]
	if b == nil {
		return Change{}, fmt.Errorf("broker %d is not registered", id)
	}
	if b.Epoch != epoch {
		return Change{}, fmt.Errorf("broker %d has epoch %d, not %d", id, b.Epoch, epoch)
	}
	f(b)
	return Change{Broker: b}, nil
}

func (im *Image) topic(r Topic) (Change, error) {
	if im.Topics[r.Name] != nil {
		return Change{}, fmt.Errorf("topic %q exists", r.Name)
	}
	if im.ByID[r.ID] != nil {
		return Change{}, fmt.Errorf("topic id %x of %q is that of %q", r.ID, r.Name, im.ByID[r.ID].Name)
	}
	t := &TopicInfo{Name: r.Name, ID: r.ID, Configs: make(map[string]string)}
	im.Topics[r.Name], im.ByID[r.ID] = t, t
	return Change{Topic: t}, nil
}

func (im *Image) partition(r Partition) (Change, error) {
	t := im.ByID[r.TopicID]
	if t == nil {
		return Change{}, fmt.Errorf("partition of unknown topic id %x", r.TopicID)
	}
	if int(r.Partition) != len(t.Partitions) {
		return Change{}, fmt.Errorf("partition %d of %q follows %d others", r.Partition, t.Name, len(t.Partitions))
	}
	p := &PartitionInfo{
		Topic: t.Name, TopicID: t.ID, Partition: r.Partition,
		Replicas: r.Replicas, ISR: r.ISR, Leader: r.Leader, LeaderEpoch: r.LeaderEpoch, PartitionEpoch: r.PartitionEpoch,
		Adding: r.Adding, Removing: r.Removing,
	}
	if err := p.check(); err != nil {
		return Change{}, err
	}
	t.Partitions = append(t.Partitions, p)
	return Change{Partition: p}, nil
}

func (im *Image) partitionChange(r PartitionChange) (Change, error) {
	t := im.ByID[r.TopicID]
	if t == nil || r.Partition < 0 || int(r.Partition) >= len(t.Partitions) {
		return Change{}, fmt.Errorf("change of unknown partition %d of topic id %x", r.Partition, r.TopicID)
	}
	p := t.Partitions[r.Partition]
	next := p.merge(r)
	if err := next.check(); err != nil {
		return Change{}, err
	}
	*p = next
	return Change{Partition: p}, nil
}

// merge is the partition after a change.
func (p PartitionInfo) merge(r PartitionChange) PartitionInfo {
	p.PartitionEpoch++
	p.Recovery = r.Recovery
	if r.Replicas != nil {
		p.Replicas, p.Adding, p.Removing = r.Replicas, r.Adding, r.Removing
	}
	if r.ISR != nil {
		p.ISR = r.ISR
	}
	if r.Leader != NoLeaderChange {
		p.Leader = r.Leader
		p.LeaderEpoch++
	}
	return p
}

// check holds for every partition of every image: the leader is in sync, who is
// in sync is a replica, and somebody is.
func (p PartitionInfo) check() error {
	switch {
	case len(p.Replicas) == 0 || hasDuplicate(p.Replicas):
		return fmt.Errorf("%s-%d: replicas %d", p.Topic, p.Partition, p.Replicas)
	case len(p.ISR) == 0 || hasDuplicate(p.ISR) || !containsAll(p.Replicas, p.ISR):
		return fmt.Errorf("%s-%d: ISR %d of replicas %d", p.Topic, p.Partition, p.ISR, p.Replicas)
	case p.Leader != NoLeader && !slices.Contains(p.ISR, p.Leader):
		return fmt.Errorf("%s-%d: leader %d is not in the ISR %d", p.Topic, p.Partition, p.Leader, p.ISR)
	case hasDuplicate(slices.Concat(p.Adding, p.Removing)) || !containsAll(p.Replicas, p.Adding) || !containsAll(p.Replicas, p.Removing):
		return fmt.Errorf("%s-%d: adding %d and removing %d of replicas %d", p.Topic, p.Partition, p.Adding, p.Removing, p.Replicas)
	case p.LeaderEpoch < 0 || p.PartitionEpoch < 0:
		return fmt.Errorf("%s-%d: leader epoch %d, partition epoch %d", p.Topic, p.Partition, p.LeaderEpoch, p.PartitionEpoch)
	}
	return nil
}

// Partition returns a partition, or nil if there is none.
func (im *Image) Partition(topic string, partition int32) *PartitionInfo {
	t := im.Topics[topic]
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[partition]
}

// BrokerIDs returns the ids of all registered brokers, ascending.
func (im *Image) BrokerIDs() []int32 { return slices.Sorted(maps.Keys(im.Brokers)) }

// AliveBrokers returns the ids of the brokers that are alive, ascending: see
// [BrokerInfo.Alive].
func (im *Image) AliveBrokers() []int32 {
	return slices.DeleteFunc(im.BrokerIDs(), func(id int32) bool { return !im.Alive(id) })
}

// Alive reports whether a broker is registered and alive: see [BrokerInfo.Alive].
func (im *Image) Alive(id int32) bool {
	b := im.Brokers[id]
	return b != nil && b.Alive()
}

// TopicNames returns the names of all topics, ascending.
func (im *Image) TopicNames() []string { return slices.Sorted(maps.Keys(im.Topics)) }

// Partitions yields all partitions, by topic name and number.
func (im *Image) Partitions() iter.Seq[*PartitionInfo] {
	return func(yield func(*PartitionInfo) bool) {
		for _, name := range im.TopicNames() {
			for _, p := range im.Topics[name].Partitions {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// String is the image in words, a line for each broker, topic and partition.
// Two images are equal if their strings are.
func (im *Image) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "offset %d, next producer id %d\n", im.Offset, im.NextProducerID)
	for _, id := range im.BrokerIDs() {
		fmt.Fprintln(&b, im.Brokers[id])
	}
	for _, id := range slices.Sorted(maps.Keys(im.BrokerConfigs)) {
		fmt.Fprintf(&b, "settings of broker %d", id)
		for _, k := range slices.Sorted(maps.Keys(im.BrokerConfigs[id])) {
			fmt.Fprintf(&b, " %s=%s", k, strconv.Quote(im.BrokerConfigs[id][k]))
		}
		fmt.Fprintln(&b)
	}
	for _, group := range slices.Sorted(maps.Keys(im.GroupConfigs)) {
		fmt.Fprintf(&b, "settings of group %q", group)
		for _, k := range slices.Sorted(maps.Keys(im.GroupConfigs[group])) {
			fmt.Fprintf(&b, " %s=%s", k, strconv.Quote(im.GroupConfigs[group][k]))
		}
		fmt.Fprintln(&b)
	}
	for q := range im.EachQuota {
		fmt.Fprintf(&b, "quotas of %s", q.Entity.key())
		for _, k := range slices.Sorted(maps.Keys(q.Values)) {
			fmt.Fprintf(&b, " %s=%g", k, q.Value(k))
		}
		fmt.Fprintln(&b)
	}
	for id, e := range im.EachACL {
		fmt.Fprintf(&b, "acl %x %+v\n", id, e)
	}
	for user, c := range im.EachScram {
		fmt.Fprintf(&b, "%s of %q: salt %x, keys %x and %x, iterations %d\n", user.Mechanism.Name(), user.Name, c.Salt, c.StoredKey, c.ServerKey, c.Iterations)
	}
	for _, name := range im.TopicNames() {
		t := im.Topics[name]
		fmt.Fprintf(&b, "topic %s id %x", t.Name, t.ID)
		for _, k := range slices.Sorted(maps.Keys(t.Configs)) {
			fmt.Fprintf(&b, " %s=%s", k, strconv.Quote(t.Configs[k]))
		}
		fmt.Fprintln(&b)
		for _, p := range t.Partitions {
			fmt.Fprintf(&b, "  %v\n", p)
		}
	}
	return b.String()
}

// String is the broker on one line.
func (b *BrokerInfo) String() string {
	s := fmt.Sprintf("broker %d epoch %d incarnation %x at %s:%d", b.ID, b.Epoch, b.Incarnation, b.Host, b.Port)
	if b.Rack != "" {
		s += " rack " + strconv.Quote(b.Rack)
	}
	if b.Fenced {
		s += " fenced"
	}
	if b.ShutDownOffset >= 0 {
		s += fmt.Sprintf(" shutting down since %d", b.ShutDownOffset)
	}
	for _, x := range b.Others {
		s += fmt.Sprintf(" %s at %s:%d", x.Listener, x.Host, x.Port)
	}
	return s
}

// String is the partition on one line.
func (p *PartitionInfo) String() string {
	s := fmt.Sprintf("%s-%d leader %d epoch %d replicas %d isr %d partition epoch %d",
		p.Topic, p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, p.PartitionEpoch)
	if len(p.Adding) > 0 {
		s += fmt.Sprintf(" adding %d", p.Adding)
	}
	if len(p.Removing) > 0 {
		s += fmt.Sprintf(" removing %d", p.Removing)
	}
	if p.Recovery == Recovering {
		s += " recovering"
	}
	return s
}

func hasDuplicate(ids []int32) bool {
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			return true
		}
	}
	return false
}

func containsAll(set, ids []int32) bool {
	for _, id := range ids {
		if !slices.Contains(set, id) {
			return false
		}
	}
	return true
}
