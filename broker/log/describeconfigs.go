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
		if code != 0 {
			x.ErrorCode, x.ErrorMessage = code, &why
		}
		for _, s := range list {
			if want.ConfigNames == nil || slices.Contains(want.ConfigNames, s.name.Name) {
				x.Configs = append(x.Configs, s.describe(body.IncludeSynonyms))
			}
		}
		resp.Resources = append(resp.Resources, x)
	}
	return resp
}

// setting is one setting of a resource with where its value comes from.
type setting struct {
	name     config.Name
	value    *string
	source   kmsg.ConfigSource
	readOnly bool
	fallback string // the value without an own one
}

func (b *Broker) settingsOf(want *kmsg.DescribeConfigsRequestResource) (list []setting, code int16, why string) {
	switch want.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		t := b.image.Topics[want.ResourceName]
		if t == nil {
			return nil, wire.UnknownTopicOrPartition, ""
		}
		return b.topicSettings(t.Configs), 0, ""
	case kmsg.ConfigResourceTypeBroker:
		switch want.ResourceName {
		case "": // what was set for all brokers while they run
			return b.changedSettings(controller.AllBrokers, kmsg.ConfigSourceDynamicDefaultBrokerConfig), 0, ""
		case strconv.Itoa(int(b.cfg.ID)):
			return b.brokerSettings(), 0, ""
		}
		return nil, wire.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %s", b.cfg.ID, want.ResourceName)
	case kmsg.ConfigResourceTypeBrokerLogger:
		return nil, wire.InvalidRequest, "There are no loggers."
	}
	return nil, wire.InvalidRequest, fmt.Sprintf("Unsupported resource type: %v", want.ResourceType)
}

func (b *Broker) topicSettings(own map[string]string) (list []setting) {
	defaults := b.cfg.Settings.Override(nil)
	for _, n := range config.Names(config.TopicScope) {
		if n.Removed() {
			continue
		}
		s := setting{name: n, source: kmsg.ConfigSourceDefaultConfig, fallback: n.Default}
		if text, ok := defaults.Text(n.Name); ok && text != n.Default {
			s.source, s.fallback = kmsg.ConfigSourceStaticBrokerConfig, text
		}
		for _, synonym := range config.Synonyms(n.Name) {
			if text, source, ok := b.changedSetting(synonym); ok {
				s.source, s.fallback = source, text
				break
			}
		}
		if s.fallback != config.Null {
			s.value = &s.fallback
		}
		if v, ok := own[n.Name]; ok {
			s.value, s.source = &v, kmsg.ConfigSourceDynamicTopicConfig
		}
		list = append(list, s)
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
		if n.Removed() && n.Name != "broker.id" {
			continue
		}
		s := setting{name: n, source: kmsg.ConfigSourceDefaultConfig, readOnly: !config.Dynamic(n.Name), fallback: n.Default}
		if n.Default != config.Null && n.Default != config.Required {
			s.value = &n.Default
		}
		for _, set := range []map[string]string{mine, b.cfg.Admin.Set} {
			if v, ok := set[n.Name]; ok {
				s.value, s.source = &v, kmsg.ConfigSourceStaticBrokerConfig
			}
		}
		if text, source, ok := b.changedSetting(n.Name); ok {
			if s.value != nil {
				s.fallback = *s.value
			}
			s.value, s.source = &text, source
		}
		list = append(list, s)
	}
	return list
}

// changedSetting is what was set for this broker, or all, while they run.
func (b *Broker) changedSetting(name string) (text string, source kmsg.ConfigSource, ok bool) {
	if text, ok = b.image.BrokerConfigs[b.cfg.ID][name]; ok {
		return text, kmsg.ConfigSourceDynamicBrokerConfig, true
	}
	text, ok = b.image.BrokerConfigs[controller.AllBrokers][name]
	return text, kmsg.ConfigSourceDynamicDefaultBrokerConfig, ok
}

func (b *Broker) changedSettings(id int32, source kmsg.ConfigSource) (list []setting) {
	set := b.image.BrokerConfigs[id]
	for _, name := range slices.Sorted(maps.Keys(set)) {
		text := set[name]
		list = append(list, setting{name: config.Name{Name: name, Type: config.TypeOf(config.BrokerScope, name)}, value: &text, source: source, fallback: config.Null})
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
	if !synonyms || s.value == nil {
		return x
	}
	add := func(value string, source kmsg.ConfigSource) {
		y := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
		y.Name, y.Value, y.Source = s.name.Name, &value, source
		x.ConfigSynonyms = append(x.ConfigSynonyms, y)
	}
	add(*s.value, s.source)
	own := s.source == kmsg.ConfigSourceDynamicTopicConfig // any other may be what the fallback is
	changed := s.source == kmsg.ConfigSourceDynamicBrokerConfig || s.source == kmsg.ConfigSourceDynamicDefaultBrokerConfig
	if (own || changed && s.fallback != *s.value) && s.fallback != config.Null && s.fallback != config.Required {
		add(s.fallback, kmsg.ConfigSourceDefaultConfig)
	}
	return x
}
