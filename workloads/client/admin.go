package client

import (
	"slices"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// NewTopic is a topic to be created.
type NewTopic struct {
	Name        string
	Partitions  int32
	Replication int16
	Configs     []TopicConfig
}

// TopicConfig is one setting of a topic, such as min.insync.replicas=2.
type TopicConfig struct{ Name, Value string }

func (t *NewTopic) request() kmsg.CreateTopicsRequestTopic {
	x := kmsg.NewCreateTopicsRequestTopic()
	x.Topic, x.NumPartitions, x.ReplicationFactor = t.Name, t.Partitions, t.Replication
	for _, s := range t.Configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = s.Name, kmsg.StringPtr(s.Value)
		x.Configs = append(x.Configs, c)
	}
	return x
}

// AdminConfig is what an admin client is made of. Of the settings it uses those
// about connections, time-outs and back-offs.
type AdminConfig struct {
	Name      string
	Life      uint32
	Seed      uint64
	Bootstrap []string
	Settings  config.Consumer
}

// draw is what the draws of the client are made from.
func (cfg *AdminConfig) draw() machine.Draw {
	return machine.NewDraw(cfg.Seed, "client").Of(cfg.Name).With(uint64(cfg.Life))
}

// network is for a client that asks one thing at a time, with what it may ask.
func (cfg *AdminConfig) network(draw machine.Draw, table *wire.Table, keys ...int16) netConfig {
	s := &cfg.Settings
	return netConfig{
		clientID: cfg.Name, seed: draw, bootstrap: cfg.Bootstrap, maxInFlight: 1,
		requestTimeout: s.RequestTimeout, retry: s.RetryBackoff, retryMax: s.RetryBackoffMax, metadataMaxAge: s.MetadataMaxAge,
		setup: s.ConnectionSetupTimeout, setupMax: s.ConnectionSetupTimeoutMax,
		reconnect: s.ReconnectBackoff, reconnectMax: s.ReconnectBackoffMax,
		table: table, keys: keys,
	}
}

// Admin creates topics and waits until each of their partitions has a leader.
type Admin struct {
	set     config.Consumer
	net     network
	draw    machine.Draw
	todo    []NewTopic // not created yet
	all     []NewTopic
	asking  bool
	tries   uint32
	retryAt machine.Instant
	refused string
	due     machine.Instant
}

// NewAdmin returns an admin client that will create topics.
func NewAdmin(cfg AdminConfig, topics []NewTopic) *Admin {
	a := &Admin{set: cfg.Settings, all: topics, todo: slices.Clone(topics)}
	a.draw = cfg.draw()
	a.net.init(cfg.network(a.draw, adminTable(), wire.Metadata, wire.CreateTopics))
	return a
}

// Done reports whether all topics exist and all partitions have a leader, as far
// as the metadata last received tells.
func (a *Admin) Done() bool {
	if len(a.todo) > 0 {
		return false
	}
	for _, t := range a.all {
		m := a.net.meta.topic(t.Name)
		if m == nil || len(m.parts) < int(t.Partitions) {
			return false
		}
		for _, p := range m.parts {
			if p.leader < 0 {
				return false
			}
		}
	}
	return true
}

// Refused is Kafka's error for a topic that can never be created as asked for,
// or empty.
func (a *Admin) Refused() string { return a.refused }

// Deadline is when the client next wants Run to be called.
func (a *Admin) Deadline() machine.Instant { return a.due }

// Step takes an input.
func (a *Admin) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	a.net.step(now.Mono, in, out)
	a.answers(now.Mono)
}

// Run does what is due.
func (a *Admin) Run(now machine.Now, out *machine.Effects) {
	a.net.expire(now.Mono, out)
	a.answers(now.Mono)
	a.due = machine.Never
	if a.Done() || a.refused != "" {
		return
	}
	if len(a.todo) == 0 {
		for _, t := range a.all {
			a.net.meta.add(t.Name)
		}
		a.net.meta.stale = true // until every leader is known
		a.net.refresh(now.Mono, out)
	} else {
		a.create(now.Mono, out)
	}
	a.due = min(a.due, a.net.due())
}

func (a *Admin) answers(now machine.Instant) {
	ended := a.net.take()
	for i := range ended {
		switch o := &ended[i]; o.call.what {
		case callMetadata:
			a.net.metadataAnswered(now, *o)
		case callCreateTopics:
			a.created(now, o)
		}
	}
	release(ended)
}

// create asks any broker, which passes the request on to the controller
// (KIP-590).
func (a *Admin) create(now machine.Instant, out *machine.Effects) {
	if a.asking {
		return
	}
	if now < a.retryAt {
		a.due = min(a.due, a.retryAt)
		return
	}
	l := a.net.leastLoaded(now, a.draw.Of("create").With(uint64(a.tries)), out)
	if l == nil {
		return
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = int32(a.set.RequestTimeout.Milliseconds())
	for _, t := range a.todo {
		req.Topics = append(req.Topics, t.request())
	}
	a.asking = true
	a.net.send(now, &call{what: callCreateTopics, request: req}, l, nil, true, out)
}

// created takes the answer. Whatever may go away is tried again: a controller
// that has just started knows no brokers, so even INVALID_REPLICATION_FACTOR
// may.
func (a *Admin) created(now machine.Instant, o *outcome) {
	a.asking = false
	if resp, is := o.body.(*kmsg.CreateTopicsResponse); is {
		for i := range resp.Topics {
			x := &resp.Topics[i]
			at := slices.IndexFunc(a.todo, func(t NewTopic) bool { return t.Name == x.Topic })
			if at < 0 {
				continue
			}
			switch x.ErrorCode {
			case wire.None, wire.TopicAlreadyExists: // an earlier try whose answer was lost
				a.todo = slices.Delete(a.todo, at, at+1)
			case wire.InvalidTopicException, wire.InvalidPartitions, wire.InvalidConfig, wire.PolicyViolation, wire.InvalidReplicaAssignment:
				a.refused = wire.ErrorName(x.ErrorCode)
			}
		}
	}
	if len(a.todo) > 0 {
		a.retryAt = now.Add(backoff(a.set.RetryBackoff, a.set.RetryBackoffMax, a.tries, a.draw.Of("create-backoff").With(uint64(a.tries))))
		a.tries++
	}
}
