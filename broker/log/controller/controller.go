package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// Settings are the properties of the broker configuration that the controller
// decides by, under Kafka's names.
type Settings struct {
	Seed uint64 // of topic ids and placements

	SessionTimeout           time.Duration // broker.session.timeout.ms
	NumPartitions            int32         // num.partitions
	DefaultReplicationFactor int16         // default.replication.factor
	UncleanLeaderElection    bool          // unclean.leader.election.enable

	// PlaceOnFenced lets brokers that are fenced have replicas of new partitions.
	PlaceOnFenced bool

	// Set are the settings of brokers that differ from Kafka's defaults.
	Set map[string]string

	// Describe is the whole configuration of a topic that has values of its own, as
	// CreateTopics answers with it (KIP-525); nil: only those values.
	Describe func(own map[string]string) []kmsg.CreateTopicsResponseTopicConfig

	Failpoints *failpoint.Set // nil: off
}

// Controller decides about the cluster metadata.
type Controller struct {
	settings Settings
	image    *Image
	sessions sessions
}

// New returns a controller that has replayed nothing.
func New(s Settings) *Controller {
	return &Controller{settings: s, image: NewImage(), sessions: sessions{timeout: s.SessionTimeout}}
}

// Image is the metadata as of the last record replayed. It is the controller's
// own and must not be changed.
func (c *Controller) Image() *Image { return c.image }

// Command is something that the controller is asked to do: one of the commands
// of this package. Most carry a request of the Kafka protocol, which is read
// and not kept.
type Command interface {
	decide(c *Controller, now machine.Now) ([]Record, Response)
}

// Response is the answer to a command.
type Response struct {
	// Body answers the request of the command; nil when nobody asked.
	Body kmsg.Response
	// Alive, unless nil, is a sign of life of a registered broker that
	// [Controller.Contacted] should be told of.
	Alive *Contact
}

// Decide says what a command comes to when its records are appended as one batch
// right after the last offset replayed. It changes nothing.
func (c *Controller) Decide(now machine.Now, cmd Command) ([]Record, Response) {
	return cmd.decide(c, now)
}

// Replay applies the record at an offset of the log: see [Image.Replay].
func (c *Controller) Replay(offset int64, r Record) (Change, error) {
	return c.image.Replay(offset, r)
}

// next is the offset of the first record of a decision.
func (c *Controller) next() int64 { return c.image.Offset + 1 }
