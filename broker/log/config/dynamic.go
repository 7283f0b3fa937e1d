package config

import "slices"

// dynamic are the settings of brokers that Kafka changes while they run (KIP-226,
// DynamicBrokerConfig.AllDynamicConfigs), sorted; those of listeners and of TLS are left out.
// Of those of SASL there are the ones that change nothing here.
var dynamic = []string{
	"background.threads", "compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level",
	"follower.replication.throttled.rate", "leader.replication.throttled.rate", "log.cleaner.backoff.ms", "log.cleaner.dedupe.buffer.size",
	"log.cleaner.delete.retention.ms", "log.cleaner.io.buffer.load.factor", "log.cleaner.io.buffer.size", "log.cleaner.io.max.bytes.per.second",
	"log.cleaner.max.compaction.lag.ms", "log.cleaner.min.cleanable.ratio", "log.cleaner.min.compaction.lag.ms", "log.cleaner.threads",
	"log.cleanup.policy", "log.flush.interval.messages", "log.flush.interval.ms", "log.index.interval.bytes", "log.index.size.max.bytes",
	"log.local.retention.bytes", "log.local.retention.ms", "log.message.timestamp.after.max.ms", "log.message.timestamp.before.max.ms",
	"log.message.timestamp.type", "log.preallocate", "log.retention.bytes", "log.retention.ms", "log.roll.jitter.ms", "log.roll.ms",
	"log.segment.bytes", "log.segment.delete.delay.ms", "max.connection.creation.rate", "max.connections", "max.connections.per.ip",
	"max.connections.per.ip.overrides", "message.max.bytes", "metric.reporters", "min.insync.replicas", "num.io.threads", "num.network.threads",
	"num.recovery.threads.per.data.dir", "num.replica.fetchers", "producer.id.expiration.ms", "remote.fetch.max.wait.ms",
	"remote.log.index.file.cache.total.size.bytes", "remote.log.manager.copy.max.bytes.per.second", "remote.log.manager.fetch.max.bytes.per.second",
	"replica.alter.log.dirs.io.max.bytes.per.second", "sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin",
	"sasl.kerberos.principal.to.local.rules", "sasl.kerberos.service.name", "sasl.kerberos.ticket.renew.jitter",
	"sasl.kerberos.ticket.renew.window.factor", "sasl.login.refresh.buffer.seconds", "sasl.login.refresh.min.period.seconds",
	"sasl.login.refresh.window.factor", "sasl.login.refresh.window.jitter", "transaction.partition.verification.enable", "unclean.leader.election.enable",
}

// Dynamic reports whether a setting of brokers may be changed while they run.
func Dynamic(name string) bool { return slices.Contains(dynamic, name) }

// perBroker are those of them that cannot be set for all brokers at once.
var perBroker = []string{
	"follower.replication.throttled.rate", "leader.replication.throttled.rate", "replica.alter.log.dirs.io.max.bytes.per.second",
	"sasl.kerberos.kinit.cmd", "sasl.kerberos.min.time.before.relogin", "sasl.kerberos.principal.to.local.rules", "sasl.kerberos.service.name",
	"sasl.kerberos.ticket.renew.jitter", "sasl.kerberos.ticket.renew.window.factor", "sasl.login.refresh.buffer.seconds",
	"sasl.login.refresh.min.period.seconds", "sasl.login.refresh.window.factor", "sasl.login.refresh.window.jitter",
}

// CheckDynamic returns a value that a setting of a broker is to have while it runs, in the
// form in which it is kept, or why it may not. Kafka takes names that it does not know, for
// the plug-ins of others, and so do we.
func CheckDynamic(name, text string, allBrokers bool) (kept, why string) {
	n := known.byName[BrokerScope][name]
	switch {
	case allBrokers && slices.Contains(perBroker, name):
		return "", "Cannot update these configs at default cluster level: Set(" + name + ")"
	case n == nil:
		return text, ""
	case !Dynamic(name):
		return "", "Cannot update these configs dynamically: Set(" + name + ")"
	}
	v, err := n.parse(text)
	if err != nil {
		return "", "Invalid value " + quote(text) + " for configuration " + name + ": " + err.Error()
	}
	return v.text, ""
}

// With is the configuration with other values of settings that are [Dynamic]. The others are
// passed over, and so is what Kafka would refuse; the controller lets neither in.
func (b Broker) With(set map[string]string) Broker {
	for _, f := range brokerFields {
		text, ok := set[f.name]
		if !ok || !Dynamic(f.name) {
			continue
		}
		if v, err := known.byName[BrokerScope][f.name].parse(text); err == nil {
			f.set(&b, v)
		}
	}
	return b
}

// Synonyms are the settings of brokers that a topic without an own value goes by, in the
// order in which they count: "retention.ms" has log.retention.ms, .minutes and .hours.
func Synonyms(topicSetting string) []string { return known.synonyms[topicSetting] }

// List reports whether a setting is a list, to which may be added.
func List(s Scope, name string) bool { return TypeOf(s, name) == "list" }

// TypeOf is Kafka's word for the type of a setting; "string" of one that it does not know.
func TypeOf(s Scope, name string) string {
	if n := known.byName[s][name]; n != nil {
		return n.Type
	}
	return "string"
}
