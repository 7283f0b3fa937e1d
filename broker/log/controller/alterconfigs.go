package controller

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// AlterConfigs asks for the whole configuration of topics, or all that was changed of the
// settings of brokers, to be what is said. Each is changed or refused by itself.
type AlterConfigs struct{ *kmsg.AlterConfigsRequest }

func (cmd AlterConfigs) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Resources = []kmsg.AlterConfigsResponseResource{}
	var records []Record
	seen := make(resources)
	for i := range cmd.Resources {
		seen[resource{cmd.Resources[i].ResourceType, cmd.Resources[i].ResourceName}]++
	}
	for i := range cmd.Resources {
		r := &cmd.Resources[i]
		ops := make([]configOp, len(r.Configs))
		for j := range r.Configs {
			ops[j] = configOp{r.Configs[j].Name, kmsg.IncrementalAlterConfigOpSet, r.Configs[j].Value}
		}
		changes, err := seen.change(c, resource{r.ResourceType, r.ResourceName}, ops, true)
		records = append(records, changes...)
		answer := kmsg.NewAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		}
		resp.Resources = append(resp.Resources, answer)
	}
	if cmd.ValidateOnly {
		records = nil
	}
	return records, Response{Body: resp}
}

// IncrementalAlterConfigs asks for changes of the configuration of topics and brokers
// (KIP-339, KIP-226).
type IncrementalAlterConfigs struct {
	*kmsg.IncrementalAlterConfigsRequest
}

func (cmd IncrementalAlterConfigs) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resp.Resources = []kmsg.IncrementalAlterConfigsResponseResource{}
	var records []Record
	seen := make(resources)
	for i := range cmd.Resources {
		seen[resource{cmd.Resources[i].ResourceType, cmd.Resources[i].ResourceName}]++
	}
	for i := range cmd.Resources {
		r := &cmd.Resources[i]
		ops := make([]configOp, len(r.Configs))
		for j := range r.Configs {
			ops[j] = configOp{r.Configs[j].Name, r.Configs[j].Op, r.Configs[j].Value}
		}
		changes, err := seen.change(c, resource{r.ResourceType, r.ResourceName}, ops, false)
		records = append(records, changes...)
		answer := kmsg.NewIncrementalAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		}
		resp.Resources = append(resp.Resources, answer)
	}
	if cmd.ValidateOnly {
		records = nil
	}
	return records, Response{Body: resp}
}

// configOp is one change of a configuration.
type configOp struct {
	name  string
	op    kmsg.IncrementalAlterConfigOp
	value *string
}

// configured is what a topic, a broker or all brokers have, and how that is changed.
type configured struct {
	kind   string // in messages
	has    map[string]string
	check  func(name, value string) (kept, why string)
	list   func(name string) bool // whether it is one, to which may be added
	preset func(name string) string
	set    func(name, value string) Record
	remove func(name string) Record
}

func ofTopic(t *TopicInfo) *configured {
	return &configured{
		kind: "topic", has: t.Configs, check: CheckConfig,
		list: func(name string) bool {
			return slices.Contains([]string{cleanupPolicy, "leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}, name)
		},
		preset: func(name string) string {
			if name == cleanupPolicy {
				return "delete" // Kafka's default; those of the others are empty
			}
			return ""
		},
		set:    func(name, value string) Record { return Config{t.Name, name, value} },
		remove: func(name string) Record { return RemoveConfig{t.Name, name} },
	}
}

func ofBroker(im *Image, id int32) *configured {
	return &configured{
		kind: "broker", has: im.BrokerConfigs[id],
		check: func(name, value string) (string, string) { return config.CheckDynamic(name, value, id == AllBrokers) },
		list:  func(name string) bool { return config.List(config.BrokerScope, name) },
		preset: func(name string) string {
			if name == "log."+cleanupPolicy {
				return "delete"
			}
			return ""
		},
		set:    func(name, value string) Record { return BrokerConfig{id, name, value} },
		remove: func(name string) Record { return RemoveBrokerConfig{id, name} },
	}
}

func ofGroup(im *Image, id string, set map[string]string) *configured {
	return &configured{
		kind: "group", has: im.GroupConfigs[id],
		check:  func(name, value string) (string, string) { return config.CheckGroup(name, value, set) },
		list:   func(string) bool { return false },
		set:    func(name, value string) Record { return GroupConfig{id, name, value} },
		remove: func(name string) Record { return RemoveGroupConfig{id, name} },
	}
}

const cleanupPolicy = "cleanup.policy"

// apply changes values, of which all are those of a new configuration.
func (c *configured) apply(values map[string]string, ops []configOp) (err *refusal) {
	for _, x := range ops {
		switch x.op {
		case kmsg.IncrementalAlterConfigOpSet:
			err = c.setTo(values, x.name, *x.value)
		case kmsg.IncrementalAlterConfigOpDelete:
			delete(values, x.name) // a name that nobody knows too
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			err = c.changeList(values, x)
		default:
			err = refuse(wire.InvalidRequest, "Unknown operation type %d", x.op)
		}
		if err != nil {
			return err
		}
	}
	if c.kind == "topic" {
		return checkTogether(values)
	}
	return nil
}

// changeList adds to a list, or takes away from it.
func (c *configured) changeList(values map[string]string, x configOp) *refusal {
	if !c.list(x.name) {
		return refuse(wire.InvalidConfig, "Can't %v to key %s because its type is not LIST.", x.op, x.name)
	}
	have, ok := values[x.name]
	if !ok {
		have = c.preset(x.name)
	}
	list := slices.DeleteFunc(strings.Split(have, ","), func(s string) bool { return s == "" })
	for word := range strings.SplitSeq(*x.value, ",") {
		word = strings.TrimSpace(word)
		if x.name == cleanupPolicy && x.op == kmsg.IncrementalAlterConfigOpAppend {
			if _, why := c.check(x.name, word); why != "" {
				return refuse(wire.InvalidConfig, "%s", why)
			}
		}
		in := slices.Contains(list, word)
		switch {
		case x.op == kmsg.IncrementalAlterConfigOpAppend && !in:
			list = append(list, word)
		case x.op == kmsg.IncrementalAlterConfigOpSubtract && in:
			list = slices.DeleteFunc(list, func(s string) bool { return s == word })
		}
	}
	return c.setTo(values, x.name, strings.Join(list, ","))
}

func (c *configured) setTo(values map[string]string, name, value string) *refusal {
	kept, why := c.check(name, value)
	if why != "" && c.kind == "broker" {
		return refuse(wire.InvalidRequest, "%s", why) // as Kafka does for compatibility (KAFKA-13609)
	}
	if why != "" {
		return refuse(wire.InvalidConfig, "%s", why)
	}
	values[name] = kept
	return nil
}

// changes are the records after which these values are had and no others, by name.
func (c *configured) changes(values map[string]string) []Record {
	var records []Record
	for _, name := range slices.Sorted(maps.Keys(c.has)) {
		if _, kept := values[name]; !kept {
			records = append(records, c.remove(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if was, ok := c.has[name]; !ok || was != values[name] {
			records = append(records, c.set(name, values[name]))
		}
	}
	return records
}

// resource is what has a configuration.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

// resources are those that one request names, and how often.
type resources map[resource]int

// check is what a broker finds wrong before a controller has looked at it
// (ConfigAdminManager.preprocess).
func (s resources) check(of resource, ops []configOp) *refusal {
	if s[of] > 1 {
		return refuse(wire.InvalidRequest, "Each resource must appear at most once.")
	}
	named := make(map[string]bool)
	var null []string
	for _, x := range ops {
		if named[x.name] {
			return refuse(wire.InvalidRequest, "Error due to duplicate config keys")
		}
		named[x.name] = true
		if x.value == nil && x.op != kmsg.IncrementalAlterConfigOpDelete {
			null = append(null, x.name)
		}
	}
	if len(null) > 0 {
		return refuse(wire.InvalidRequest, "Null value not supported for : %s", strings.Join(null, ", "))
	}
	return nil
}

// change is what comes of changes of the configuration of one resource; whole says that what they do
// not name has its default again.
func (s resources) change(c *Controller, of resource, ops []configOp, whole bool) ([]Record, *refusal) {
	x, err := s.find(c.image, of, ops, c.settings.Set)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string)
	if !whole {
		maps.Copy(values, x.has)
	}
	if err := x.apply(values, ops); err != nil {
		return nil, err
	}
	return x.changes(values), nil
}

// find is what the resource has that a request names. That of no name is all brokers. set are the
// settings of brokers that differ from Kafka's defaults.
func (s resources) find(im *Image, of resource, ops []configOp, set map[string]string) (*configured, *refusal) {
	if err := s.check(of, ops); err != nil {
		return nil, err
	}
	switch of.kind {
	case kmsg.ConfigResourceTypeTopic:
		if of.name == "" {
			return nil, refuse(wire.InvalidRequest, "Default topic resources are not allowed.")
		}
		if why := CheckTopicName(of.name); why != "" {
			return nil, refuse(wire.InvalidTopicException, "Topic name is invalid: %s", why)
		}
		if t := im.Topics[of.name]; t != nil {
			return ofTopic(t), nil
		}
		return nil, refuse(wire.UnknownTopicOrPartition, "The topic '%s' does not exist.", of.name)
	case kmsg.ConfigResourceTypeBroker:
		if of.name == "" {
			return ofBroker(im, AllBrokers), nil
		}
		id, err := strconv.ParseInt(of.name, 10, 32)
		switch {
		case err != nil || id < 0 || strconv.FormatInt(id, 10) != of.name:
			return nil, refuse(wire.InvalidRequest, "Node id must be an integer, but it is: %s", of.name)
		case im.Brokers[int32(id)] == nil:
			return nil, refuse(wire.BrokerIDNotRegistered, "No broker with id %d found.", id)
		}
		return ofBroker(im, int32(id)), nil
	case kmsg.ConfigResourceTypeGroupConfig:
		if of.name == "" {
			return nil, refuse(wire.InvalidRequest, "Default group resources are not allowed.")
		}
		return ofGroup(im, of.name, set), nil
	}
	return nil, refuse(wire.InvalidRequest, "Unknown resource type %d", of.kind)
}
