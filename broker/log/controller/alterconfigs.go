package controller

import (
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// AlterConfigs asks for the whole configuration of topics to be what is said. Each is
// changed or refused by itself.
type AlterConfigs struct{ *kmsg.AlterConfigsRequest }

func (cmd AlterConfigs) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Resources = []kmsg.AlterConfigsResponseResource{}
	var records []Record
	var seen resources
	for i := range cmd.Resources {
		r := &cmd.Resources[i]
		values := make(map[string]string)
		t, err := seen.topic(c.image, r.ResourceType, r.ResourceName)
		for j := range r.Configs {
			if x := &r.Configs[j]; err == nil {
				err = setConfig(values, x.Name, x.Value)
			}
		}
		answer := kmsg.NewAlterConfigsResponseResource()
		answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
		if err != nil {
			answer.ErrorCode, answer.ErrorMessage = err.code, &err.message
		} else {
			records = append(records, changes(t, values)...)
		}
		resp.Resources = append(resp.Resources, answer)
	}
	if cmd.ValidateOnly {
		records = nil
	}
	return records, Response{Body: resp}
}

// IncrementalAlterConfigs asks for changes of the configuration of topics (KIP-339).
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
		t, err := seen.topic(c.image, r.ResourceType, r.ResourceName)
		if err == nil {
			var changed []Record
			if changed, err = changeConfigs(t, r.Configs); err == nil {
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

func changeConfigs(t *TopicInfo, ops []kmsg.IncrementalAlterConfigsRequestResourceConfig) ([]Record, *refusal) {
	values := maps.Clone(t.Configs)
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
			err = setConfig(values, x.Name, x.Value)
		case kmsg.IncrementalAlterConfigOpDelete:
			if _, known := topicConfigs(x.Name); !known {
				err = refuse(wire.InvalidConfig, "Unknown topic config name: %s", x.Name)
			}
			delete(values, x.Name)
		case kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract:
			err = changeList(values, x)
		default:
			err = refuse(wire.InvalidRequest, "Unknown operation type %d", x.Op)
		}
		if err != nil {
			return nil, err
		}
	}
	return changes(t, values), nil
}

// changeList adds to a list, or takes away from it.
func changeList(values map[string]string, x *kmsg.IncrementalAlterConfigsRequestResourceConfig) *refusal {
	switch x.Name {
	case "cleanup.policy", "leader.replication.throttled.replicas", "follower.replication.throttled.replicas":
	default:
		return refuse(wire.InvalidConfig, "Can't %v to key %s because its type is not LIST.", x.Op, x.Name)
	}
	if x.Value == nil {
		return refuse(wire.InvalidConfig, "Null value not supported for topic configs: %s", x.Name)
	}
	have, ok := values[x.Name]
	if !ok && x.Name == "cleanup.policy" {
		have = "delete" // Kafka's default; those of the others are empty
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
	return setConfig(values, x.Name, &joined)
}

func setConfig(values map[string]string, name string, value *string) *refusal {
	if value == nil {
		return refuse(wire.InvalidConfig, "Null value not supported for topic configs: %s", name)
	}
	kept, why := CheckConfig(name, *value)
	if why != "" {
		return refuse(wire.InvalidConfig, "%s", why)
	}
	values[name] = kept
	return nil
}

// changes are the records after which a topic has these configuration values and no
// others, by name.
func changes(t *TopicInfo, values map[string]string) []Record {
	var records []Record
	for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
		if _, kept := values[name]; !kept {
			records = append(records, RemoveConfig{t.Name, name})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if was, ok := t.Configs[name]; !ok || was != values[name] {
			records = append(records, Config{t.Name, name, values[name]})
		}
	}
	return records
}

// resources are those that one request has named.
type resources []string

// topic is the topic that a resource is. The settings of brokers are those that they were
// started with.
func (s *resources) topic(im *Image, kind kmsg.ConfigResourceType, name string) (*TopicInfo, *refusal) {
	key := kind.String() + " " + name
	if slices.Contains(*s, key) {
		return nil, refuse(wire.InvalidRequest, "Each resource must appear at most once.")
	}
	*s = append(*s, key)
	switch kind {
	case kmsg.ConfigResourceTypeTopic:
		if t := im.Topics[name]; t != nil {
			return t, nil
		}
		return nil, refuse(wire.UnknownTopicOrPartition, "The topic '%s' does not exist.", name)
	case kmsg.ConfigResourceTypeBroker:
		return nil, refuse(wire.InvalidRequest, "The settings of a broker cannot be changed while it runs.")
	}
	return nil, refuse(wire.InvalidRequest, "Unexpected resource type %v.", kind)
}
