package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"brokersim/broker/near"
	"brokersim/broker/pubsub"
	"brokersim/workloads"
)

// The kinds of broker that a scenario may have. A log is a cluster with a controller; of
// the others there is one broker, b1, and a topic has one partition.
const (
	KindLog    = "log" // or empty
	KindQueue  = "queue"
	KindPubSub = "pubsub"
)

// Kinds are the kinds of broker, the one that is meant if none is named first.
func Kinds() []string { return []string{KindLog, KindQueue, KindPubSub} }

// Log is how the readers of a scenario commit what they have read of a log.
type Log struct {
	Commit      string        // one of [Commits]; empty is the first
	CommitEvery time.Duration // of auto; 0 is Kafka's 5 s
}

// commits are the ways in which readers of a log commit, by name.
var commits = map[string]workloads.Commit{
	"together": workloads.CommitTogether, "after": workloads.CommitAfter, "before": workloads.CommitBefore, "auto": workloads.CommitAuto,
}

// Commits are the names of the ways in which readers of a log commit. Together is the
// default: they keep their position in one with what they make of the records.
func Commits() []string { return []string{"together", "after", "before", "auto"} }

// commitEvery is Kafka's auto.commit.interval.ms.
const commitEvery = 5 * time.Second

// Queue is how the services of a scenario use a work queue. Each topic is a fan-out
// exchange, and each group of readers has a queue that is bound to it.
type Queue struct {
	Confirms bool // the producer waits for confirms; else what is sent counts as acknowledged
	Durable  bool // queues outlive the broker, and so do messages
	AutoAck  bool // a message is settled when it is sent; else when its reader has finished with it
	Prefetch int  // how many a reader may have and not have settled; 0 is without bound
	// DeadLetterAfter is how long a message may wait; then it goes to a queue of dead
	// letters, one for each group, which the final read reads too. 0 is for ever.
	DeadLetterAfter time.Duration
	Single          bool // of the readers of a group one at a time is sent messages: x-single-active-consumer
	Republish       bool // what was not confirmed is published again on the next connection
}

// PubSub is how the broker of a scenario treats those who do not keep up. Each topic is a
// channel, and every reader has a subscription of its own.
type PubSub struct {
	Output pubsub.OutputLimit
}

// log reports whether the scenario's brokers are a log.
func (s *Spec) log() bool { return s.Kind == "" || s.Kind == KindLog }

// of makes the scenario one of another kind of broker, with the same services and faults.
func (s *Spec) of(kind string) error {
	if !slices.Contains(Kinds(), kind) {
		return fmt.Errorf("unknown kind of broker%s", near.Suggest(kind, Kinds()))
	}
	if s.Swarm != "" || s.Bulk != nil {
		return fmt.Errorf("this scenario is of the log alone")
	}
	s.Kind = kind
	if !s.log() {
		s.Brokers = 1
		for i := range s.Topics {
			s.Topics[i].Partitions, s.Topics[i].Replication = 1, 1
		}
	}
	return nil
}

// unheard is what a reader asks for and only a log can give: who is sent records cannot
// choose where to begin, go back or ask for nothing more. It is empty if there is nothing.
func (s *Spec) unheard(r *Reader) string {
	switch {
	case s.log():
		return ""
	case r.From > 0:
		return "from"
	case r.Replay > 0:
		return "replay"
	case r.Pause.For > 0:
		return "pause"
	}
	return ""
}

// unheardError says that a broker of this kind knows no such request.
func (s *Spec) unheardError(reader, field string) error {
	return fmt.Errorf("reader %s: %s: only a log has positions to read from, and this is a %s", reader, field, s.Kind)
}

// kindKeys are the keys of edits that are about the kind of broker.
func kindKeys() []string {
	return []string{EditKind, "log.commit", "log.commit-every", "queue.confirms", "queue.durable", "queue.auto-ack", "queue.prefetch", "queue.republish", "queue.single-consumer",
		"queue.dead-letter-after",
		"pubsub.hard-limit", "pubsub.soft-limit", "pubsub.soft-for"}
}

// KindSetting is how a broker of another kind than the log is used.
type KindSetting struct{ Key, Value, Default string }

// KindSettings are those of a case that are not what they are by default, the kind itself
// first; of a log there is only how it is committed to.
func KindSettings(c Case) (list []KindSetting, err error) {
	s, err := c.Scenario()
	if err != nil {
		return nil, err
	}
	add := func(key string, value, byDefault any) {
		if value != byDefault {
			list = append(list, KindSetting{key, fmt.Sprint(value), fmt.Sprint(byDefault)})
		}
	}
	if s.log() {
		add("log.commit", cmp.Or(s.Log.Commit, Commits()[0]), Commits()[0])
		add("log.commit-every", cmp.Or(s.Log.CommitEvery, commitEvery), commitEvery)
		return list, nil
	}
	add(EditKind, s.Kind, KindLog)
	q, o, d := &s.Queue, &s.PubSub.Output, pubsub.DefaultOutput()
	add("queue.confirms", q.Confirms, false)
	add("queue.durable", q.Durable, false)
	add("queue.auto-ack", q.AutoAck, false)
	add("queue.prefetch", q.Prefetch, 0)
	add("queue.republish", q.Republish, false)
	add("queue.single-consumer", q.Single, false)
	add("queue.dead-letter-after", q.DeadLetterAfter, time.Duration(0))
	add("pubsub.hard-limit", o.Hard, d.Hard)
	add("pubsub.soft-limit", o.Soft, d.Soft)
	add("pubsub.soft-for", o.SoftFor, d.SoftFor)
	return list, nil
}

func (s *Spec) applyKind(e Edit) (err error) {
	yes := func(to *bool) error {
		*to, err = strconv.ParseBool(e.Value)
		if err != nil {
			return fmt.Errorf("want true or false")
		}
		return nil
	}
	number := func(most int64) (int64, error) {
		n, err := strconv.ParseInt(e.Value, 10, 64)
		if err != nil || n < 0 || n > most {
			return 0, fmt.Errorf("want a whole number from 0 to %d", most)
		}
		return n, nil
	}
	q, limit := &s.Queue, &s.PubSub.Output
	switch e.Key {
	case EditKind:
		return s.of(e.Value)
	case "log.commit", "log.commit-every":
		if s.Bulk != nil {
			return fmt.Errorf("the readers of a bulk load do not commit")
		}
		return s.applyCommit(e)
	case "queue.confirms":
		return yes(&q.Confirms)
	case "queue.durable":
		return yes(&q.Durable)
	case "queue.auto-ack":
		return yes(&q.AutoAck)
	case "queue.republish":
		return yes(&q.Republish)
	case "queue.single-consumer":
		return yes(&q.Single)
	case "queue.dead-letter-after":
		if q.DeadLetterAfter, err = time.ParseDuration(e.Value); err != nil || q.DeadLetterAfter < 0 || q.DeadLetterAfter > maxFor {
			return fmt.Errorf("want a duration with its unit, up to %v", maxFor)
		}
	case "queue.prefetch":
		n, err := number(1<<16 - 1)
		q.Prefetch = int(n)
		return err
	case "pubsub.hard-limit":
		limit.Hard, err = number(1 << 40)
	case "pubsub.soft-limit":
		limit.Soft, err = number(1 << 40)
	case "pubsub.soft-for":
		if limit.SoftFor, err = time.ParseDuration(e.Value); err != nil || limit.SoftFor < 0 {
			return fmt.Errorf("want a duration with its unit")
		}
	}
	return err
}

// competing reports whether several readers of a group take records from each other.
func (s *Spec) competing() bool { return len(s.groups()) < len(s.Readers) }

// applyCommit says how a log is committed to.
func (s *Spec) applyCommit(e Edit) (err error) {
	if e.Key == "log.commit-every" {
		if s.Log.CommitEvery, err = time.ParseDuration(e.Value); err != nil || s.Log.CommitEvery < time.Millisecond || s.Log.CommitEvery > maxFor {
			return fmt.Errorf("want a duration with its unit, from 1 ms")
		}
		return nil
	}
	if !slices.Contains(Commits(), e.Value) {
		return fmt.Errorf("unknown way to commit%s", near.Suggest(e.Value, Commits()))
	}
	s.Log.Commit = e.Value
	return nil
}
