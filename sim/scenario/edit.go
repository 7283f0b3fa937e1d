package scenario

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/near"
	"brokersim/faults"
)

// Edit changes the size of a scenario for one run; it is how a shrunk run says
// what it has left of its scenario's file.
//
//	for               how long the load lasts
//	brokers           how many brokers there are
//	controllers       how many controllers: 1, 3 or 5
//	transaction.version, first-epoch
//	                  the level of that feature, 1 or 2; the epoch of new transactional ids
//	without           a producer or reader that is left out
//	without-topic     a topic that is left out, which nobody uses
//	rate.PRODUCER     its records a second
//	partitions.TOPIC  its partitions
//	kind              which kind of broker it has; and how that is used, by the keys
//	                  that begin with queue. and pubsub.
//
// Whoever is left keeps the number of its node, and so its draws.
type Edit struct{ Key, Value string }

// Keys of edits.
const (
	EditFor          = "for"
	EditBrokers      = "brokers"
	EditControllers  = "controllers"
	EditVersion      = "transaction.version"
	EditFirstEpoch   = "first-epoch"
	EditWithout      = "without"
	EditWithoutTopic = "without-topic"
	EditRate         = "rate."
	EditPartitions   = "partitions."
	EditKind         = "kind"
)

func isEdit(key string) bool {
	switch key {
	case EditFor, EditBrokers, EditControllers, EditVersion, EditFirstEpoch, EditWithout, EditWithoutTopic:
		return true
	}
	return slices.Contains(kindKeys(), key) || strings.HasPrefix(key, EditRate) || strings.HasPrefix(key, EditPartitions)
}

// Scenario is what a case runs: its scenario as the seed draws it, after the
// edits. An error is one line that begins with the edit.
func (c *Case) Scenario() (*Spec, error) { return c.Spec.At(c.Seed).edited(c.Edits) }

// edited returns the scenario after the edits; s itself stays as it is.
func (s *Spec) edited(edits []Edit) (*Spec, error) {
	if s == nil || len(edits) == 0 {
		return s, nil
	}
	e := *s
	e.Topics, e.Producers, e.Readers, e.Processors = slices.Clone(s.Topics), slices.Clone(s.Producers), slices.Clone(s.Readers), slices.Clone(s.Processors)
	for i := range e.Processors {
		e.Processors[i].Node = s.processorNode(i)
	}
	for i := range e.Producers {
		e.Producers[i].Node = s.producerNode(i)
	}
	for i := range e.Readers {
		e.Readers[i].Node = s.readerNode(i)
	}
	for _, edit := range edits {
		if err := e.apply(edit); err != nil {
			return nil, fmt.Errorf("%s=%s: %w", edit.Key, edit.Value, err)
		}
	}
	return &e, nil
}

func (s *Spec) apply(edit Edit) (err error) {
	key, name, _ := strings.Cut(edit.Key, ".")
	switch {
	case slices.Contains(kindKeys(), edit.Key):
		return s.applyKind(edit)
	case edit.Key == EditFor:
		if s.For, err = time.ParseDuration(edit.Value); err != nil || s.For < time.Millisecond || s.For > maxFor {
			return fmt.Errorf("want a duration with its unit, up to %v", maxFor)
		}
	case edit.Key == EditBrokers:
		s.Brokers, err = editNumber(edit.Value, maxBrokers)
		for _, t := range s.Topics {
			if err == nil && int(t.Replication) > s.Brokers {
				err = fmt.Errorf("topic %s has %d replicas", t.Name, t.Replication)
			}
		}
	case edit.Key == EditControllers:
		s.Controllers, err = editNumber(edit.Value, 5)
		switch {
		case err == nil && !goodQuorum(s.Controllers):
			err = fmt.Errorf("want 1, 3 or 5")
		case err == nil && !s.log():
			err = fmt.Errorf("a broker of kind %s has no controller", s.Kind)
		}
	case edit.Key == EditVersion:
		var n int
		n, err = editNumber(edit.Value, 2)
		s.TransactionVersion = int16(n)
	case edit.Key == EditFirstEpoch:
		var n int
		n, err = editNumber(edit.Value, math.MaxInt16-1)
		s.FirstEpoch = int16(n)
	case edit.Key == EditWithout:
		err = s.leaveOut(edit.Value)
	case edit.Key == EditWithoutTopic:
		err = s.leaveOutTopic(edit.Value)
	case key == "rate":
		i := slices.IndexFunc(s.Producers, func(p Producer) bool { return p.Name == name })
		if i < 0 {
			return fmt.Errorf("unknown producer %q%s", name, near.Suggest(name, s.clientNames()))
		}
		var rate int
		rate, err = editNumber(edit.Value, maxRate)
		s.Producers[i].RatePerSecond = int64(rate)
	case key == "partitions":
		i := slices.IndexFunc(s.Topics, func(t Topic) bool { return t.Name == name })
		if i < 0 {
			return fmt.Errorf("unknown topic %q%s", name, near.Suggest(name, s.topicNames()))
		}
		var n int
		n, err = editNumber(edit.Value, maxPartitions)
		s.Topics[i].Partitions = int32(n)
	default:
		return fmt.Errorf("unknown edit of a scenario")
	}
	return err
}

func editNumber(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return 1, fmt.Errorf("want a whole number from 1 to %d", most)
	}
	return n, nil
}

func (s *Spec) leaveOut(name string) error {
	clients := len(s.clientNames())
	s.Producers = slices.DeleteFunc(s.Producers, func(p Producer) bool { return p.Name == name })
	s.Readers = slices.DeleteFunc(s.Readers, func(r Reader) bool { return r.Name == name })
	s.Processors = slices.DeleteFunc(s.Processors, func(r Processor) bool { return r.Name == name })
	switch {
	case clients == len(s.clientNames()):
		return fmt.Errorf("unknown client%s", near.Suggest(name, s.clientNames()))
	case len(s.Producers) == 0:
		return fmt.Errorf("nobody is left who produces")
	}
	s.forget(config.ProducerScope, name)
	s.forget(config.ConsumerScope, name)
	return nil
}

// forget takes away the scenario's settings for one that is left out, which would
// otherwise be for nobody.
func (s *Spec) forget(scope config.Scope, name string) {
	known := config.Names(scope)
	s.Set = slices.DeleteFunc(slices.Clone(s.Set), func(e config.Entry) bool {
		rest, ok := strings.CutPrefix(e.Key, scope.String()+".")
		general := slices.ContainsFunc(known, func(n config.Name) bool { return n.Name == rest })
		return ok && !general && strings.HasPrefix(rest, name+".")
	})
}

func (s *Spec) leaveOutTopic(name string) error {
	topics := len(s.Topics)
	s.Topics = slices.DeleteFunc(s.Topics, func(t Topic) bool { return t.Name == name })
	if topics == len(s.Topics) {
		return fmt.Errorf("unknown topic%s", near.Suggest(name, s.topicNames()))
	}
	s.forget(config.TopicScope, name)
	for _, p := range s.Producers {
		if p.Topic == name {
			return fmt.Errorf("producer %s uses it", p.Name)
		}
	}
	for _, r := range s.Processors {
		if r.Output == name || slices.Contains(r.Topics, name) {
			return fmt.Errorf("processor %s uses it", r.Name)
		}
	}
	for i := range s.Readers {
		r := &s.Readers[i]
		left := slices.DeleteFunc(slices.Clone(r.Topics), func(topic string) bool { return topic == name })
		if len(left) == 0 {
			return fmt.Errorf("reader %s reads nothing else", r.Name)
		}
		r.Topics = left
	}
	return nil
}

func (s *Spec) clientNames() (names []string) {
	for _, p := range s.Producers {
		names = append(names, p.Name)
	}
	for _, r := range s.Readers {
		names = append(names, r.Name)
	}
	for _, r := range s.Processors {
		names = append(names, r.Name)
	}
	return names
}

// producerNode is the number of a producer's node: what it was given, or its
// place in the file.
func (s *Spec) producerNode(i int) uint32 {
	if n := s.Producers[i].Node; n != 0 {
		return n
	}
	return uint32(firstClient + i)
}

func (s *Spec) readerNode(i int) uint32 {
	if n := s.Readers[i].Node; n != 0 {
		return n
	}
	return uint32(firstClient + len(s.Producers) + i)
}

// Schedule is what is to go wrong in a case.
func Schedule(c Case) (faults.Schedule, error) {
	spec, err := c.Scenario()
	if err != nil {
		return nil, err
	}
	c.Spec = spec
	return c.schedule()
}
