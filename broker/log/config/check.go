package config

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// check holds the resolved settings to what Kafka demands of several at once
// (KafkaConfig.validateValues, ProducerConfig, KafkaProducer), and warns of what
// it allows and nobody can want.
func (s *Settings) check() error {
	if err := s.checkBroker(); err != nil {
		return err
	}
	s.checkTopics()
	s.checkAutoCreate()
	for _, name := range s.all(s.targets.Producers) {
		if err := s.checkProducer(name); err != nil {
			return err
		}
	}
	for _, name := range s.all(s.targets.Consumers) {
		if err := s.checkConsumer(name); err != nil {
			return err
		}
	}
	return nil
}

// all is whom to check: those with a name, or the nameless one if nobody has.
func (s *Settings) all(names []string) []string {
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// blame makes an error of the place where the last of some names was set, which
// is most likely the one that the user is changing.
func (s *Settings) blame(scope Scope, target, msg string, names ...string) error {
	for i := len(s.assigned) - 1; i >= 0; i-- {
		a := &s.assigned[i]
		if a.name.Scope == scope && slices.Contains(names, a.name.Name) && s.effective(a.name, target) == a {
			return &Error{a.place, msg}
		}
	}
	panic("Kafka's own defaults are in conflict: " + msg)
}

// said is a setting with its value in ms and, unless it is Kafka's default,
// where it comes from.
func (s *Settings) said(scope Scope, target, name string, d time.Duration) string {
	text := fmt.Sprintf("%s=%d", name, ms(d))
	if a := s.effective(known.byName[scope][name], target); a != nil {
		text += " (" + a.from + ")"
	}
	return text
}

func (s *Settings) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(s.warnings, w) {
		s.warnings = append(s.warnings, w)
	}
}

func ms(d time.Duration) int64 { return d.Milliseconds() }

func (s *Settings) checkBroker() error {
	b := s.Broker()
	if b.ReplicaFetchWaitMax > b.ReplicaSocketTimeout {
		return s.blame(BrokerScope, "", fmt.Sprintf("Kafka wants %s to be at least %s",
			s.said(BrokerScope, "", "replica.socket.timeout.ms", b.ReplicaSocketTimeout),
			s.said(BrokerScope, "", "replica.fetch.wait.max.ms", b.ReplicaFetchWaitMax)), "replica.socket.timeout.ms", "replica.fetch.wait.max.ms")
	}
	if b.ReplicaFetchWaitMax > b.ReplicaLagTimeMax {
		return s.blame(BrokerScope, "", fmt.Sprintf("Kafka wants %s to be at least %s",
			s.said(BrokerScope, "", "replica.lag.time.max.ms", b.ReplicaLagTimeMax),
			s.said(BrokerScope, "", "replica.fetch.wait.max.ms", b.ReplicaFetchWaitMax)), "replica.lag.time.max.ms", "replica.fetch.wait.max.ms")
	}
	if b.BrokerHeartbeatInterval >= b.BrokerSessionTimeout {
		s.warn("broker.heartbeat.interval.ms=%d is not below broker.session.timeout.ms=%d: healthy brokers will be fenced",
			ms(b.BrokerHeartbeatInterval), ms(b.BrokerSessionTimeout))
	}
	return nil
}

// checkTopics warns of a topic default that no topic takes, since each has its
// own value.
func (s *Settings) checkTopics() {
	for _, f := range topicFields {
		own := known.byName[TopicScope][f.name]
		for _, synonym := range known.synonyms[f.name] {
			d := s.effective(known.byName[BrokerScope][synonym], "")
			if d == nil {
				continue
			}
			for _, topic := range s.targets.Topics {
				if a := s.effective(own, topic); a != nil && !own.same(a.value, d.value) {
					s.warn("%s=%s (%s) has no effect on topic %s, which has %s=%s of its own (%s)",
						d.key(), d.value.text, d.from, topic, own.Name, a.value.text, a.from)
				}
			}
		}
	}
}

// checkAutoCreate warns of what brokers obey only for topics that they create on
// their own, where every topic is created with numbers that somebody chose.
func (s *Settings) checkAutoCreate() {
	if len(s.targets.Topics) == 0 {
		return
	}
	for _, name := range []string{"num.partitions", "default.replication.factor"} {
		if a := s.effective(known.byName[BrokerScope][name], ""); a != nil {
			s.warn("%s=%s (%s) is for topics that brokers create on their own: those of the scenario have their own numbers, and it has no effect on them",
				a.key(), a.value.text, a.from)
		}
	}
}

func (s *Settings) checkProducer(name string) error {
	set := func(n string) bool { return s.effective(known.byName[ProducerScope][n], name) != nil }
	p := build(ProducerScope, producerFields, s.source(name))
	if p.EnableIdempotence {
		explicit := set("enable.idempotence")
		switch {
		case explicit && p.Retries == 0:
			return s.blame(ProducerScope, name, "retries=0 with enable.idempotence=true: an idempotent producer must retry", "retries", "enable.idempotence")
		case explicit && p.Acks != -1:
			return s.blame(ProducerScope, name, fmt.Sprintf("acks=%d with enable.idempotence=true: an idempotent producer needs acks=all", p.Acks), "acks", "enable.idempotence")
		case p.MaxInFlight > 5:
			// Since Kafka 4.0 it does not matter whether idempotence was asked for.
			return s.blame(ProducerScope, name, fmt.Sprintf("max.in.flight.requests.per.connection=%d: an idempotent producer has at most 5; set enable.idempotence=false to have more",
				p.MaxInFlight), "max.in.flight.requests.per.connection", "enable.idempotence")
		}
	}
	if p.TransactionalID != "" && (!p.EnableIdempotence || p.Acks != -1 || p.Retries == 0) {
		return s.blame(ProducerScope, name, "transactional.id="+quote(p.TransactionalID)+" without idempotence: transactions need enable.idempotence=true, acks=all and retries",
			"transactional.id", "enable.idempotence", "acks", "retries")
	}
	if need := p.Linger + p.RequestTimeout; set("delivery.timeout.ms") && p.DeliveryTimeout < need {
		return s.blame(ProducerScope, name, fmt.Sprintf("Kafka wants %s to be at least %s + %s",
			s.said(ProducerScope, name, "delivery.timeout.ms", p.DeliveryTimeout),
			s.said(ProducerScope, name, "linger.ms", p.Linger),
			s.said(ProducerScope, name, "request.timeout.ms", p.RequestTimeout)), "delivery.timeout.ms", "linger.ms", "request.timeout.ms")
	}
	s.derived = append(s.derived, s.settleProducer(&p, name)...)
	s.checkBackoffs("producer", name, p.RetryBackoff, p.RetryBackoffMax, p.ReconnectBackoff, p.ReconnectBackoffMax, p.ConnectionSetupTimeout, p.ConnectionSetupTimeoutMax)
	return nil
}

// settleProducer changes what KafkaProducer changes on its own when the user has
// not asked for it, and says so: idempotence goes without acks=all and without
// retries, and delivery.timeout.ms grows to linger.ms + request.timeout.ms.
func (s *Settings) settleProducer(p *Producer, name string) []Setting {
	var changed []Setting
	because := func(n, value, why string) {
		changed = append(changed, Setting{key(ProducerScope, name, n), value, known.byName[ProducerScope][n].Default, "because " + why})
	}
	if p.EnableIdempotence && (p.Acks != -1 || p.Retries == 0) {
		p.EnableIdempotence = false
		why := "retries=0"
		if p.Acks != -1 {
			why = "acks=" + strconv.Itoa(int(p.Acks))
		}
		because("enable.idempotence", "false", why)
	}
	if need := p.Linger + p.RequestTimeout; p.DeliveryTimeout < need {
		p.DeliveryTimeout = need
		because("delivery.timeout.ms", strconv.FormatInt(ms(need), 10), "linger.ms + request.timeout.ms")
	}
	return changed
}

func (s *Settings) checkConsumer(name string) error {
	c := s.Consumer(name)
	set := func(n string) bool { return s.effective(known.byName[ConsumerScope][n], name) != nil }
	if c.GroupProtocol == "consumer" {
		// The broker decides these (ConsumerConfig.checkUnsupportedConfigsPostProcess). What is
		// said of all consumers is for those by the classic protocol, if this one is not by it
		// alone.
		mine := s.effective(known.byName[ConsumerScope]["group.protocol"], name).target
		for _, n := range []string{"partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms"} {
			if a := s.effective(known.byName[ConsumerScope][n], name); a != nil && a.target == mine {
				return s.blame(ConsumerScope, name, n+" cannot be set with group.protocol=consumer: the broker decides it", n)
			}
		}
	} else {
		if set("group.remote.assignor") {
			return s.blame(ConsumerScope, name, "group.remote.assignor cannot be set with group.protocol=classic", "group.remote.assignor")
		}
		// Heartbeat's constructor.
		if c.HeartbeatInterval >= c.SessionTimeout {
			return s.blame(ConsumerScope, name, fmt.Sprintf("Kafka wants %s to be below %s",
				s.said(ConsumerScope, name, "heartbeat.interval.ms", c.HeartbeatInterval), s.said(ConsumerScope, name, "session.timeout.ms", c.SessionTimeout)),
				"heartbeat.interval.ms", "session.timeout.ms")
		}
	}
	if c.GroupID == "" && set("enable.auto.commit") && c.EnableAutoCommit {
		return s.blame(ConsumerScope, name, "enable.auto.commit=true without group.id: there is no group to commit to", "enable.auto.commit")
	}
	if c.FetchMaxWait >= c.RequestTimeout {
		s.warn("%s: fetch.max.wait.ms=%d is not below request.timeout.ms=%d: fetches that wait will time out",
			who("consumer", name), ms(c.FetchMaxWait), ms(c.RequestTimeout))
	}
	s.checkBackoffs("consumer", name, c.RetryBackoff, c.RetryBackoffMax, c.ReconnectBackoff, c.ReconnectBackoffMax, c.ConnectionSetupTimeout, c.ConnectionSetupTimeoutMax)
	return nil
}

func who(kind, name string) string {
	if name == "" {
		return kind
	}
	return kind + " " + name
}

// checkBackoffs warns as Kafka's clients do: a first backoff above its maximum
// makes it static.
func (s *Settings) checkBackoffs(kind, name string, retry, retryMax, reconnect, reconnectMax, setup, setupMax time.Duration) {
	pair := func(least, most string, a, b time.Duration) {
		if a > b {
			s.warn("%s: %s=%d is above %s=%d: it will not grow", who(kind, name), least, ms(a), most, ms(b))
		}
	}
	pair("retry.backoff.ms", "retry.backoff.max.ms", retry, retryMax)
	pair("reconnect.backoff.ms", "reconnect.backoff.max.ms", reconnect, reconnectMax)
	pair("socket.connection.setup.timeout.ms", "socket.connection.setup.timeout.max.ms", setup, setupMax)
}
