package controller

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/machine"
)

// Settings are the properties of the broker configuration that the controller
// decides by, under Kafka's names.
type Settings struct {
	Seed uint64 // of topic ids and placements

	SessionTimeout           time.Duration // broker.session.timeout.ms
	NumPartitions            int32         // num.partitions
	DefaultReplicationFactor int16         // default.replication.factor
	UncleanLeaderElection    bool          // unclean.leader.election.enable
}

// Controller decides about the cluster metadata.
type Controller struct {
	settings Settings
	image    *Image
	sessions sessions
}

// New returns a controller that has replayed nothing.
func New(s Settings) *Controller {
	return &Controller{settings: s, image: NewImage(), sessions: newSessions(s.SessionTimeout)}
}

// Image is the metadata as of the last record replayed. It is the controller's
// own and must not be changed.
func (c *Controller) Image() *Image { return c.image }

// Command is something that the controller is asked to do: one of the commands
// of this package.
type Command interface {
	decide(c *Controller, now machine.Now, next int64) ([]Record, Response)
}

// Response is the answer to a command.
type Response struct {
	// Body answers the request of the command; nil when nobody asked.
	Body kmsg.Response
	// Contact says that the command was a sign of life of a registered
	// broker: [Controller.Contacted] should be told.
	Contact *Contact
}

// Contact is a sign of life.
type Contact struct {
	Broker         int32
	MetadataOffset int64 // the last record that the broker has replayed; -1 is none
}

// Decide says what a command comes to when its first record is appended at
// offset next, which must be above all offsets replayed. It changes nothing.
func (c *Controller) Decide(now machine.Now, next int64, cmd Command) ([]Record, Response) {
	return cmd.decide(c, now, next)
}

// Replay applies the record at an offset of the log: see [Image.Replay].
func (c *Controller) Replay(offset int64, r Record) (Change, error) {
	return c.image.Replay(offset, r)
}

// Contacted notes a sign of life of a broker. This is soft state: it is not in
// the log and does not survive the controller.
func (c *Controller) Contacted(now machine.Now, s Contact) {
	c.sessions.contacted(now.Mono, s)
}
