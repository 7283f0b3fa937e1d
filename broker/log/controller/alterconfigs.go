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
	var seen resources
	for i := range cmd.Resources {
		r := &cmd.Resources[i]
		values := make(map[string]string)
		of, err := seen.find(c.image, r.ResourceType, r.ResourceName)
		for j := range r.Configs {
			if x := &r.Configs[j]; err == nil {
				err = of.setTo(values, x.Name, x.Value)
			}
		}
		answer := kmsg.NewAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		} else {
			records = append(records, of.changes(values)...)
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
	var seen resources
	for i := range cmd.Resources {
		r := &cmd.Resources[i]
		of, err := seen.find(c.image, r.ResourceType, r.ResourceName)
		if err == nil {
			var changed []Record
			if changed, err = of.change(r.Configs); err == nil {
				records = append(records, changed...)
			}
		}
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

const cleanupPolicy = "cleanup.policy"

func (c *configured) change(ops []kmsg.IncrementalAlterConfigsRequestResourceConfig) ([]Record, *refusal) {
	values := maps.Clone(c.has)
	if values == nil {
		values = make(map[string]string)
	}
	named := make(map[string]bool)
	for i := range ops {
		x := &ops[i]
		if named[x.Name] {
			return nil, refuse(wire.InvalidRequest, "Error due to duplicate config keys")
		}
		named[x.Name] = true
		var err *refusal
		switch x.Op {
		case kmsg.IncrementalAlterConfigOpSet:
			err = c.setTo(values, x.Name, x.Value)
		case kmsg.IncrementalAlterConfigOpDelete:
			if _, known := topicConfigs(x.Name); !known && c.kind == "topic" {
				err = refuse(wire.InvalidConfig, "Unknown topic config name: %s", x.Name)
			}
			delete(values, x.Name)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			err = c.changeList(values, x)
		default:
			err = refuse(wire.InvalidRequest, "Unknown operation type %d", x.Op)
		}
		if err != nil {
			return nil, err
		}
	}
	return c.changes(values), nil
}

// changeList adds to a list, or takes away from it.
func (c *configured) changeList(values map[string]string, x *kmsg.IncrementalAlterConfigsRequestResourceConfig) *refusal {
	switch {
	case !c.list(x.Name):
		return refuse(wire.InvalidConfig, "Can't %v to key %s because its type is not LIST.", x.Op, x.Name)
	case x.Value == nil:
		return refuse(wire.InvalidConfig, "Null value not supported for %s configs: %s", c.kind, x.Name)
	}
	have, ok := values[x.Name]
	if !ok {
		have = c.preset(x.Name)
	}
	list := slices.DeleteFunc(strings.Split(have, ","), func(s string) bool { return s == "" })
	for word := range strings.SplitSeq(*x.Value, ",") {
		word = strings.TrimSpace(word)
		in := slices.Contains(list, word)
		switch {
		case x.Op == kmsg.IncrementalAlterConfigOpAppend && !in:
			list = append(list, word)
		case x.Op == kmsg.IncrementalAlterConfigOpSubtract && in:
			list = slices.DeleteFunc(list, func(s string) bool { return s == word })
		}
	}
	joined := strings.Join(list, ",")
	return c.setTo(values, x.Name, &joined)
}

func (c *configured) setTo(values map[string]string, name string, value *string) *refusal {
	if value == nil {
		return refuse(wire.InvalidConfig, "Null value not supported for %s configs: %s", c.kind, name)
	}
	kept, why := c.check(name, *value)
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

// resources are those that one request has named.
type resources []string

// find is what the resource has that a request names. That of no name is all brokers.
func (s *resources) find(im *Image, kind kmsg.ConfigResourceType, name string) (*configured, *refusal) {
	key := kind.String() + " " + name
	if slices.Contains(*s, key) {
		return nil, refuse(wire.InvalidRequest, "Each resource must appear at most once.")
	}
	*s = append(*s, key)
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if t := im.Topics[name]; t != nil {
			return ofTopic(t), nil
		}
		return nil, refuse(wire.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	case kmsg.ConfigResourceTypeBroker:
		if name == "" {
			return ofBroker(im, AllBrokers), nil
		}
		id, err := strconv.ParseInt(name, 10, 32)
		switch {
		case err != nil || id < 0 || strconv.FormatInt(id, 10) != name:
			return nil, refuse(wire.InvalidRequest, "Node id must be an integer, but it is: %s", name)
		case im.Brokers[int32(id)] == nil:
			return nil, refuse(wire.BrokerIDNotRegistered, "No broker with id %d found.", id)
		}
		return ofBroker(im, int32(id)), nil
	}
	return nil, refuse(wire.InvalidRequest, "Unexpected resource type %v.", kind)
}
