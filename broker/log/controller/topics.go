package controller

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// CreateTopics asks for topics. Each is created or refused by itself.
type CreateTopics struct{ *kmsg.CreateTopicsRequest }

// MaxNewPartitions is how many partitions one request may create: all are one
// batch of the metadata log.
const MaxNewPartitions = 10_000

// MetadataTopic is the name of the topic that stands for the metadata log.
const MetadataTopic = "__cluster_metadata"

func (cmd CreateTopics) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrCreateTopicsResponse()
	resp.Topics = make([]kmsg.CreateTopicsResponseTopic, 0, len(cmd.Topics))
	times := make(map[string]int, len(cmd.Topics))
	for i := range cmd.Topics {
		times[cmd.Topics[i].Topic]++
	}
	names := newNames(c.image)
	partitions := 0
	var records []Record
	for i := range cmd.Topics {
		want := &cmd.Topics[i]
		answer := emptyAnswer(want.Topic)
		var created []Record
		var err *refusal
		switch n := times[want.Topic]; {
		case n == 0:
			continue // already answered
		case n > 1:
			times[want.Topic] = 0
			err = refuse(wire.InvalidRequest, "Duplicate topic name.")
		default:
			created, err = c.createTopic(want, names, int64(len(records)))
		}
		if err == nil {
			describe(&answer, created)
			if c.settings.Describe != nil {
				answer.Configs = c.settings.Describe(ownConfigs(created))
			}
			if partitions+int(answer.NumPartitions) > MaxNewPartitions {
				err = errTooMany
			}
		}
		if err != nil {
			answer = emptyAnswer(want.Topic)
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		} else {
			names.add(want.Topic)
			partitions += int(answer.NumPartitions)
			records = append(records, created...)
		}
		resp.Topics = append(resp.Topics, answer)
	}
	if cmd.ValidateOnly {
		return nil, Response{Body: resp}
	}
	return records, Response{Body: resp}
}

// refusal is why a topic was not created.
type refusal struct {
	code    int16
	message string
}

// said is the message of a refusal; nil if Kafka says nothing but the code.
func (r *refusal) said() *string {
	if r.message == "" {
		return nil
	}
	return &r.message
}

func refuse(code int16, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

var errTooMany = refuse(wire.PolicyViolation, "Excessively large number of partitions per request.")

// createTopic returns the records of one topic; the first comes at offset next
// plus after.
func (c *Controller) createTopic(want *kmsg.CreateTopicsRequestTopic, names *names, after int64) ([]Record, *refusal) {
	if why := CheckTopicName(want.Topic); why != "" {
		return nil, refuse(wire.InvalidTopicException, "Topic name is invalid: %s", why)
	}
	if want.Topic == MetadataTopic {
		return nil, refuse(wire.InvalidRequest, "Creation of internal topic %s is prohibited.", MetadataTopic)
	}
	if names.exact[want.Topic] {
		return nil, refuse(wire.TopicAlreadyExists, "Topic '%s' already exists.", want.Topic)
	}
	if other, ok := names.metric[metricName(want.Topic)]; ok {
		return nil, refuse(wire.InvalidTopicException, "Topic '%s' collides with existing topic: %s", want.Topic, other)
	}
	configs, err := newConfigs(want)
	if err != nil {
		return nil, err
	}

	id := topicID(c.settings.Seed, c.next()+after)
	records := []Record{Topic{Name: want.Topic, ID: id}}
	for _, r := range configs {
		records = append(records, r)
	}
	var assignment [][]int32
	if len(want.ReplicaAssignment) > 0 {
		assignment, err = c.manualAssignment(want)
	} else {
		assignment, err = c.placedAssignment(want, c.next()+after)
	}
	if err != nil {
		return nil, err
	}
	for n, replicas := range assignment {
		isr := slices.DeleteFunc(slices.Clone(replicas), func(id int32) bool { return !c.image.Alive(id) })
		records = append(records, Partition{
			TopicID: id, Partition: int32(n), Replicas: replicas, ISR: isr, Leader: isr[0],
		})
	}
	return records, nil
}

// placedAssignment is the assignment of a topic that says how many partitions
// and replicas it wants, or wants the defaults.
func (c *Controller) placedAssignment(want *kmsg.CreateTopicsRequestTopic, at int64) ([][]int32, *refusal) {
	partitions, factor := want.NumPartitions, want.ReplicationFactor
	if partitions == -1 {
		partitions = c.settings.NumPartitions
	}
	if factor == -1 {
		factor = c.settings.DefaultReplicationFactor
	}
	if factor <= 0 {
		return nil, refuse(wire.InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	}
	if partitions <= 0 {
		return nil, refuse(wire.InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	}
	if partitions > MaxNewPartitions {
		return nil, errTooMany
	}
	placer := c.placer(at)
	if err := placer.enough(int(factor)); err != nil {
		return nil, err
	}
	assignment := make([][]int32, partitions)
	for p := range assignment {
		assignment[p] = placer.place(p, int(factor))
	}
	return assignment, nil
}

// manualAssignment is the assignment that a request spells out.
func (c *Controller) manualAssignment(want *kmsg.CreateTopicsRequestTopic) ([][]int32, *refusal) {
	if want.ReplicationFactor != -1 {
		return nil, refuse(wire.InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
	}
	if want.NumPartitions != -1 {
		return nil, refuse(wire.InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
	}
	if len(want.ReplicaAssignment) > MaxNewPartitions {
		return nil, errTooMany
	}
	assignment := make([][]int32, len(want.ReplicaAssignment))
	for i := range want.ReplicaAssignment {
		a := &want.ReplicaAssignment[i]
		if a.Partition < 0 || int(a.Partition) >= len(assignment) {
			return nil, refuse(wire.InvalidReplicaAssignment, "partitions should be a consecutive 0-based integer sequence")
		}
		if assignment[a.Partition] != nil {
			return nil, refuse(wire.InvalidReplicaAssignment, "Found multiple manual partition assignments for partition %d", a.Partition)
		}
		if err := c.checkAssignment(a.Replicas, len(want.ReplicaAssignment[0].Replicas)); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(a.Replicas, c.image.Alive) {
			return nil, refuse(wire.InvalidReplicaAssignment,
				"All brokers specified in the manual partition assignment for partition %d are fenced or in controlled shutdown.", a.Partition)
		}
		assignment[a.Partition] = slices.Clone(a.Replicas)
	}
	return assignment, nil
}

// checkAssignment is what is wrong with the replicas that somebody wants for a partition
// beside others that have factor of them (ReplicationControlManager.validateManualPartitionAssignment).
func (c *Controller) checkAssignment(replicas []int32, factor int) *refusal {
	if len(replicas) == 0 {
		return refuse(wire.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	}
	last := int32(-1)
	for i, id := range slices.Sorted(slices.Values(replicas)) {
		if c.image.Brokers[id] == nil {
			return refuse(wire.InvalidReplicaAssignment, "The manual partition assignment includes broker %d, but no such broker is registered.", id)
		}
		if i > 0 && id == last {
			return refuse(wire.InvalidReplicaAssignment, "The manual partition assignment includes the broker %d more than once.", id)
		}
		last = id
	}
	if len(replicas) != factor {
		return refuse(wire.InvalidReplicaAssignment,
			"The manual partition assignment includes a partition with %d replica(s), but this is not consistent with previous partitions, which have %d replica(s).",
			len(replicas), factor)
	}
	return nil
}

// newConfigs returns the configuration that a request sets, by name.
func newConfigs(want *kmsg.CreateTopicsRequestTopic) ([]Config, *refusal) {
	values := make(map[string]string, len(want.Configs))
	for i := range want.Configs {
		x := &want.Configs[i]
		if x.Value == nil {
			return nil, refuse(wire.InvalidConfig, "Null value not supported for topic configs: %s", x.Name)
		}
		value, why := CheckConfig(x.Name, *x.Value)
		if why != "" {
			return nil, refuse(wire.InvalidConfig, "%s", why)
		}
		values[x.Name] = value // the last one counts, as in Kafka
	}
	if err := checkTogether(values); err != nil {
		return nil, err
	}
	configs := make([]Config, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		configs = append(configs, Config{want.Topic, name, values[name]})
	}
	return configs, nil
}

// emptyAnswer is what is said about a topic that is not created.
func emptyAnswer(topic string) kmsg.CreateTopicsResponseTopic {
	a := kmsg.NewCreateTopicsResponseTopic()
	a.Topic, a.NumPartitions, a.ReplicationFactor = topic, -1, -1
	a.Configs = []kmsg.CreateTopicsResponseTopicConfig{} // a nil one would be null on the wire, which the Java client does not expect
	return a
}

// describe fills in what the answer says about a topic that is created.
func describe(answer *kmsg.CreateTopicsResponseTopic, created []Record) {
	answer.NumPartitions = 0
	for _, r := range created {
		switch r := r.(type) {
		case Topic:
			answer.TopicID = r.ID
		case Config:
			x := kmsg.NewCreateTopicsResponseTopicConfig()
			x.Name, x.Value, x.Source = r.Name, &r.Value, 1 // DYNAMIC_TOPIC_CONFIG
			answer.Configs = append(answer.Configs, x)
		case Partition:
			answer.NumPartitions++
			answer.ReplicationFactor = int16(len(r.Replicas))
		}
	}
}

// ownConfigs are the configuration values among the records of a topic.
func ownConfigs(created []Record) map[string]string {
	own := make(map[string]string)
	for _, r := range created {
		if r, ok := r.(Config); ok {
			own[r.Name] = r.Value
		}
	}
	return own
}

// names is which topics there are and which are decided.
type names struct {
	exact  map[string]bool
	metric map[string]string // by name in metrics
}

func newNames(im *Image) *names {
	n := &names{make(map[string]bool), make(map[string]string)}
	for name := range im.Topics { // unordered: of names that collide there is one
		n.add(name)
	}
	return n
}

func (n *names) add(name string) {
	n.exact[name] = true
	n.metric[metricName(name)] = name
}

// metricName is a topic's name in metrics, where '.' and '_' are one: two topics
// may not share it.
func metricName(name string) string { return strings.ReplaceAll(name, ".", "_") }

// maxTopicName leaves room for "-", a partition and a suffix in a file name.
const maxTopicName = 249

// CheckTopicName returns why name is no legal name of a topic, or "".
func CheckTopicName(name string) string {
	switch {
	case name == "":
		return "the empty string is not allowed"
	case name == "." || name == "..":
		return fmt.Sprintf("'%s' is not allowed", name)
	case len(name) > maxTopicName:
		return fmt.Sprintf("the length of '%s' is longer than the max allowed length %d", name, maxTopicName)
	}
	for i := range len(name) {
		switch x := name[i]; {
		case 'a' <= x && x <= 'z', 'A' <= x && x <= 'Z', '0' <= x && x <= '9', x == '.', x == '_', x == '-':
		default:
			return fmt.Sprintf("'%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name)
		}
	}
	return ""
}

// topicID is the id of the topic whose record is at an offset: a random UUID.
func topicID(seed uint64, offset int64) (id TopicID) {
	d := machine.NewDraw(seed, "topic-id").With(uint64(offset))
	binary.BigEndian.PutUint64(id[:8], d.With(0).Uint64())
	binary.BigEndian.PutUint64(id[8:], d.With(1).Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
