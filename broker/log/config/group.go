package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GroupName is a setting that a group may have of its own (GroupConfig, KIP-848 and KIP-932).
type GroupName struct {
	Name    string
	Type    string // int or string
	Default string // of settings that no broker has
	Broker  string // the broker's setting that gives the default, if one does
	least   string // and those that bound it
	most    string
	floor   int64 // and what no value is below, whatever they are
	values  []string
}

// groupNames are those of Kafka 4.1, and two of KIP-1240, sorted; those of streams groups are left out,
// of which there are none.
var groupNames = []GroupName{
	{Name: "consumer.heartbeat.interval.ms", Type: "int", Broker: "group.consumer.heartbeat.interval.ms", floor: 1, least: "group.consumer.min.heartbeat.interval.ms", most: "group.consumer.max.heartbeat.interval.ms"},
	{Name: "consumer.session.timeout.ms", Type: "int", Broker: "group.consumer.session.timeout.ms", floor: 1, least: "group.consumer.min.session.timeout.ms", most: "group.consumer.max.session.timeout.ms"},
	{Name: "share.auto.offset.reset", Type: "string", Default: "latest"},
	{Name: "share.delivery.count.limit", Type: "int", Broker: "group.share.delivery.count.limit"},
	{Name: "share.heartbeat.interval.ms", Type: "int", Broker: "group.share.heartbeat.interval.ms", floor: 1, least: "group.share.min.heartbeat.interval.ms", most: "group.share.max.heartbeat.interval.ms"},
	{Name: "share.isolation.level", Type: "string", Default: "read_uncommitted", values: []string{"read_committed", "read_uncommitted"}},
	{Name: "share.partition.max.record.locks", Type: "int", Broker: "group.share.partition.max.record.locks"},
	{Name: "share.record.lock.duration.ms", Type: "int", Broker: "group.share.record.lock.duration.ms", floor: 1000, least: "group.share.min.record.lock.duration.ms", most: "group.share.max.record.lock.duration.ms"},
	{Name: "share.session.timeout.ms", Type: "int", Broker: "group.share.session.timeout.ms", floor: 1, least: "group.share.min.session.timeout.ms", most: "group.share.max.session.timeout.ms"},
}

// GroupNames are the settings that a group may have of its own, sorted by name.
func GroupNames() []GroupName { return slices.Clone(groupNames) }

// CheckGroup returns a value that a setting of a group is to have, in the form in which it is kept,
// or why it may not. set are the settings of brokers that differ from Kafka's defaults: some bound
// it.
func CheckGroup(name, text string, set map[string]string) (kept, why string) {
	bound := func(name string) int64 {
		text, ok := set[name]
		if !ok {
			text = known.byName[BrokerScope][name].Default
		}
		v, _ := strconv.ParseInt(text, 10, 64)
		return v
	}
	i := slices.IndexFunc(groupNames, func(n GroupName) bool { return n.Name == name })
	if i < 0 {
		return "", "Unknown group config name: " + name
	}
	n, kept := groupNames[i], strings.TrimSpace(text)
	invalid := func(why string) (string, string) {
		return "", "Invalid value " + text + " for configuration " + name + ": " + why
	}
	switch {
	case n.Type == "int":
		v, err := strconv.ParseInt(kept, 10, 32)
		if err != nil {
			return invalid("Not a number of type INT")
		}
		if n.least == "" {
			if _, err := known.byName[BrokerScope][n.Broker].parse(kept); err != nil {
				return invalid(err.Error())
			}
			return kept, ""
		}
		switch {
		case v < n.floor:
			return invalid(fmt.Sprintf("Value must be at least %d", n.floor))
		case v < bound(n.least):
			return "", fmt.Sprintf("%s must be greater than or equal to %s", name, n.least)
		case v > bound(n.most):
			return "", fmt.Sprintf("%s must be less than or equal to %s", name, n.most)
		}
	case name == "share.auto.offset.reset":
		if kept != "earliest" && kept != "latest" {
			if _, ok := ResetDuration(kept); !ok {
				return invalid("Invalid value `" + kept + "` for configuration share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.")
			}
		}
	case !slices.Contains(n.values, kept):
		return invalid("String must be one of: " + strings.Join(n.values, ", "))
	}
	return kept, ""
}

// ResetDuration is the duration of a value "by_duration:P1DT2H" of share.auto.offset.reset
// (KIP-1106): a number of days, hours, minutes and seconds, by ISO 8601, and no fraction that
// is less than a nanosecond.
func ResetDuration(value string) (d time.Duration, ok bool) {
	text, found := strings.CutPrefix(strings.ToUpper(value), "BY_DURATION:P")
	if !found || text == "" {
		return 0, false
	}
	days, clock, hasClock := strings.Cut(text, "T")
	if hasClock && clock == "" {
		return 0, false
	}
	take := func(s *string, unit byte, of time.Duration) bool {
		number, rest, found := strings.Cut(*s, string(unit))
		if !found {
			return true
		}
		*s = rest
		whole, fraction, _ := strings.Cut(number, ".")
		n, err := strconv.ParseInt(whole, 10, 32)
		if err != nil || n < 0 || n > int64(100*365*24*time.Hour/of) || fraction != "" && unit != 'S' || len(fraction) > 9 {
			return false
		}
		d += time.Duration(n) * of
		for i, unit := 0, of/10; i < len(fraction); i, unit = i+1, unit/10 {
			if fraction[i] < '0' || fraction[i] > '9' {
				return false
			}
			d += time.Duration(fraction[i]-'0') * unit
		}
		return true
	}
	if !take(&days, 'D', 24*time.Hour) || days != "" {
		return 0, false
	}
	if !take(&clock, 'H', time.Hour) || !take(&clock, 'M', time.Minute) || !take(&clock, 'S', time.Second) || clock != "" {
		return 0, false
	}
	return d, true
}
