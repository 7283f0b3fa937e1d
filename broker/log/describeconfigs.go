package log

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/wire"
)

// describeConfigs answers a DescribeConfigs request: all settings of Kafka's of each
// resource, or those that are named, by name.
func (b *Broker) describeConfigs(body *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := kmsg.NewPtrDescribeConfigsResponse()
	resp.Resources = []kmsg.DescribeConfigsResponseResource{}
	for i := range body.Resources {
		want := &body.Resources[i]
		x := kmsg.NewDescribeConfigsResponseResource()
		x.ResourceType, x.ResourceName = want.ResourceType, want.ResourceName
		x.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		list, code, why := b.settingsOf(want)
		x.ErrorCode, x.ErrorMessage = code, &why
		for _, s := range list {
			if len(want.ConfigNames) == 0 || slices.Contains(want.ConfigNames, s.name.Name) {
				x.Configs = append(x.Configs, s.describe(body.IncludeSynonyms))
			}
		}
		resp.Resources = append(resp.Resources, x)
	}
	return resp
}

// malformed is Kafka's message of INVALID_REQUEST where it has no better one.
const malformed = "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."

// setting is one setting of a resource with where its value comes from.
type setting struct {
	name     config.Name
	value    *string
	source   kmsg.ConfigSource
	readOnly bool
	synonyms []synonym // what gives the value, and what would in its place, the nearest first
}

type synonym struct {
	name, value string
	source      kmsg.ConfigSource
}

func (b *Broker) settingsOf(want *kmsg.DescribeConfigsRequestResource) (list []setting, code int16, why string) {
	switch want.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if why := controller.CheckTopicName(want.ResourceName); why != "" {
			return nil, wire.InvalidTopicException, "Topic name is invalid: " + why
		}
		t := b.image.Topics[want.ResourceName]
		if t == nil {
			return nil, wire.UnknownTopicOrPartition, ""
		}
		return topicSettings(&b.cfg.Settings, b.given, t.Configs), 0, ""
	case kmsg.ConfigResourceTypeBroker:
		switch want.ResourceName {
		case "": // what was set for all brokers while they run
			return b.changedSettings(controller.AllBrokers, kmsg.ConfigSourceDynamicDefaultBrokerConfig), 0, ""
		case strconv.Itoa(int(b.cfg.ID)):
			return b.brokerSettings(), 0, ""
		}
		if _, err := strconv.ParseInt(want.ResourceName, 10, 32); err != nil {
			return nil, wire.InvalidRequest, "Broker id must be an integer, but it is: " + want.ResourceName
		}
		return nil, wire.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", b.cfg.ID, want.ResourceName)
	case kmsg.ConfigResourceTypeGroupConfig:
		if want.ResourceName == "" {
			return nil, wire.InvalidRequest, "Group name must not be empty"
		}
		return b.groupSettings(want.ResourceName), 0, ""
	case kmsg.ConfigResourceTypeBrokerLogger:
		return nil, wire.InvalidRequest, "There are no loggers."
	}
	return nil, wire.InvalidRequest, malformed
}

// given is what a setting of the broker was set to, the nearest first.
func (b *Broker) given(name string) (list []synonym) {
	if text, ok := b.image.BrokerConfigs[b.cfg.ID][name]; ok {
		list = append(list, synonym{name, text, kmsg.ConfigSourceDynamicBrokerConfig})
	}
	if text, ok := b.image.BrokerConfigs[controller.AllBrokers][name]; ok {
		list = append(list, synonym{name, text, kmsg.ConfigSourceDynamicDefaultBrokerConfig})
	}
	return append(list, started(b.cfg.Admin.Set, name)...)
}

// started is what a broker was started with.
func started(set map[string]string, name string) []synonym {
	if text, ok := set[name]; ok {
		return []synonym{{name, text, kmsg.ConfigSourceStaticBrokerConfig}}
	}
	return nil
}

// topicSettings are those of a topic with values of its own, on brokers of which some
// settings were given (ConfigHelper.createTopicConfigEntry).
func topicSettings(broker *config.Broker, given func(name string) []synonym, own map[string]string) (list []setting) {
	defaults := broker.Override(nil)
	for _, n := range config.Names(config.TopicScope) {
		if n.Removed() || n.Internal() {
			continue
		}
		s := setting{name: n, source: kmsg.ConfigSourceDefaultConfig}
		if text, ok := defaults.Text(n.Name); ok {
			s.value = &text
		} else if n.Default != config.Null {
			s.value = &n.Default
		}
		if v, ok := own[n.Name]; ok {
			s.synonyms = append(s.synonyms, synonym{n.Name, v, kmsg.ConfigSourceDynamicTopicConfig})
			s.value = &v
		}
		if of := n.BrokerName(); of != nil {
			s.synonyms = append(s.synonyms, given(of.Name)...)
			if of.Default != config.Null && of.Default != config.Required {
				s.synonyms = append(s.synonyms, synonym{of.Name, of.Default, kmsg.ConfigSourceDefaultConfig})
			}
		}
		if len(s.synonyms) > 0 {
			s.source = s.synonyms[0].source
		}
		list = append(list, s)
	}
	return list
}

// createdConfigs is the configuration of a new topic, as CreateTopics answers with it
// (KIP-525).
func createdConfigs(broker *config.Broker, set, own map[string]string) []kmsg.CreateTopicsResponseTopicConfig {
	list := []kmsg.CreateTopicsResponseTopicConfig{}
	given := func(name string) []synonym { return started(set, name) }
	for _, s := range topicSettings(broker, given, own) {
		x := kmsg.NewCreateTopicsResponseTopicConfig()
		x.Name, x.Value, x.Source = s.name.Name, s.value, int8(s.source)
		list = append(list, x)
	}
	return list
}

func (b *Broker) brokerSettings() (list []setting) {
	id := strconv.Itoa(int(b.cfg.ID))
	mine := map[string]string{
		"broker.id": id, "node.id": id, "log.dirs": b.cfg.Admin.LogDir,
		"advertised.listeners": "PLAINTEXT://" + address(b.cfg.Host, b.cfg.Port),
	}
	for _, n := range config.Names(config.BrokerScope) {
		if n.Removed() && n.Name != "broker.id" || n.Internal() {
			continue
		}
		s := setting{name: n, source: kmsg.ConfigSourceDefaultConfig, readOnly: !config.Dynamic(n.Name)}
		if s.synonyms = b.given(n.Name); len(s.synonyms) == 0 {
			s.synonyms = started(mine, n.Name)
		}
		if n.OfAuthorizer() && len(s.synonyms) == 0 {
			continue
		}
		if n.Default != config.Null && n.Default != config.Required {
			s.synonyms = append(s.synonyms, synonym{n.Name, n.Default, kmsg.ConfigSourceDefaultConfig})
		}
		if len(s.synonyms) > 0 {
			s.value, s.source = &s.synonyms[0].value, s.synonyms[0].source
		}
		list = append(list, s)
	}
	return list
}

// groupSettings are those of a group, whether or not there is one. Each has one synonym: itself, of
// the group or, with what the broker says, as the default (ConfigHelper.createGroupConfigEntry).
func (b *Broker) groupSettings(group string) (list []setting) {
	own := b.image.GroupConfigs[group]
	defaults := make(map[string]string)
	for _, n := range config.Names(config.BrokerScope) {
		defaults[n.Name] = n.Default
	}
	for _, n := range config.GroupNames() {
		is := synonym{n.Name, n.Default, kmsg.ConfigSourceDefaultConfig}
		if v, ok := own[n.Name]; ok {
			is.value, is.source = v, kmsg.ConfigSourceGroupConfig
		} else if n.Broker != "" {
			is.value = defaults[n.Broker]
			if given := b.given(n.Broker); len(given) > 0 {
				is.value = given[0].value
			}
		}
		s := setting{name: config.Name{Name: n.Name, Type: n.Type}, synonyms: []synonym{is}, source: is.source}
		s.value = &s.synonyms[0].value
		list = append(list, s)
	}
	return list
}

func (b *Broker) changedSettings(id int32, source kmsg.ConfigSource) (list []setting) {
	set := b.image.BrokerConfigs[id]
	for _, name := range slices.Sorted(maps.Keys(set)) {
		text := set[name]
		list = append(list, setting{name: config.Name{Name: name, Type: config.TypeOf(config.BrokerScope, name)}, value: &text, source: source, synonyms: []synonym{{name, text, source}}})
	}
	return list
}

var configTypes = map[string]kmsg.ConfigType{
	"boolean": kmsg.ConfigTypeBoolean, "string": kmsg.ConfigTypeString, "int": kmsg.ConfigTypeInt, "short": kmsg.ConfigTypeShort,
	"long": kmsg.ConfigTypeLong, "double": kmsg.ConfigTypeDouble, "list": kmsg.ConfigTypeList, "class": kmsg.ConfigTypeClass,
	"password": kmsg.ConfigTypePassword,
}

func (s *setting) describe(synonyms bool) kmsg.DescribeConfigsResponseResourceConfig {
	x := kmsg.NewDescribeConfigsResponseResourceConfig()
	x.Name, x.Value, x.ReadOnly, x.Source, x.ConfigType = s.name.Name, s.value, s.readOnly, s.source, configTypes[s.name.Type]
	x.ConfigSynonyms = []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{}
	if s.name.Type == "password" {
		x.IsSensitive, x.Value = true, nil
	}
	for _, from := range s.synonyms {
		if !synonyms {
			break
		}
		y := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		y.Name, y.Source = from.name, from.source
		if !x.IsSensitive {
			y.Value = &from.value
		}
		x.ConfigSynonyms = append(x.ConfigSynonyms, y)
	}
	return x
}
