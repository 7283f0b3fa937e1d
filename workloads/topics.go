package workloads

import (
	"brokersim/broker/log/config"
	"brokersim/broker/machine"
	"brokersim/workloads/client"
)

// TopicCreatorConfig is what creates the topics of a run.
type TopicCreatorConfig struct {
	Name      string
	Seed      uint64
	Bootstrap []string
	Settings  config.Consumer // connections, time-outs, back-offs
	Topics    []client.NewTopic
}

// TopicCreator creates topics and waits until all their partitions have a leader.
type TopicCreator struct{ client *client.Admin }

// NewTopicCreator returns a node that creates topics.
func NewTopicCreator(cfg TopicCreatorConfig) *TopicCreator {
	return &TopicCreator{client.NewAdmin(client.AdminConfig{Name: cfg.Name, Seed: cfg.Seed, Bootstrap: cfg.Bootstrap, Settings: cfg.Settings}, cfg.Topics)}
}

// Step is one step of the machine.
func (t *TopicCreator) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	t.client.Step(now, in, out)
	t.client.Run(now, out)
}

// Deadline is when the machine next wants a Tick.
func (t *TopicCreator) Deadline() machine.Instant { return t.client.Deadline() }

// Done reports whether all topics exist and every partition has a leader.
func (t *TopicCreator) Done() bool { return t.client.Done() }

// Refused is Kafka's error for a topic that can never be created as asked for,
// or empty.
func (t *TopicCreator) Refused() string { return t.client.Refused() }
