package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"brokersim/broker/log/config"
	"brokersim/broker/near"
	"brokersim/faults/failpoint"
	"brokersim/workloads"
)

// Spec is a scenario as its file says it: the cluster, who produces and reads
// what, what goes wrong and when, and what the run is held to.
type Spec struct {
	Name  string // of its file, without .yaml or .yml
	File  string // as it was named, to begin errors with
	About string // one line for lists
	Sum   uint32 // of the file, unless it comes with the program: then 0

	// For is how long the producers produce. Everything is healed then.
	For time.Duration
	// Settle bounds, in virtual time, how long after the heal the cluster and
	// its clients may take to come to rest; more is a liveness violation. Who waits
	// for a peer that has lost power may do so for all of replica.socket.timeout.ms,
	// which is 30 s.
	Settle time.Duration

	// Kind is which kind of broker there is; Log, Queue and PubSub are how those are used.
	Kind   string
	Log    Log
	Queue  Queue
	PubSub PubSub

	Brokers     int
	Controllers int    // of the metadata quorum: 1, 3 or 5; 0 is 1
	Racks       int    // over which brokers are spread, b1 in the first; 0: none
	Profile     string // a named set of Kafka settings, or empty for Kafka's defaults

	Topics     []Topic
	Producers  []Producer
	Readers    []Reader
	Processors []Processor
	// DeleteGroups are groups that an operator deletes.
	DeleteGroups []DeleteGroup
	// TransactionVersion is the level of the feature transaction.version: 1 or 2 (KIP-890); 0 is
	// 2. FirstEpoch is the epoch that transactional ids begin with, 0 in Kafka: near the largest
	// int16 producers soon need another id.
	TransactionVersion int16
	FirstEpoch         int16
	Set                []config.Entry

	// Swarm has a seed draw everything else of the run: [Restricted] or
	// [Unrestricted]. It stays set in what was drawn.
	Swarm string

	// Quirks are the places where the nodes of a swarm do what is rare and legal.
	Quirks []Quirk

	// Mixed are settings of single brokers of a swarm, above all others: a
	// configuration that was rolled out half.
	Mixed []Mixed

	// CoreFor is for how long, at the end of the load, only a core of the brokers is
	// well; 0 is never. It lasts on until the core has made progress (core.go).
	CoreFor time.Duration

	// Reassign is how replicas are moved while the load goes on.
	Reassign Reassign

	// Machines are what the nodes are made of; nil is without any bound. No file says it and no
	// repro string repeats it: brokers alone have hardware, clients that are not of a
	// Bulk load cost nothing.
	Machines *Machines

	// Bulk, if set, has producers and readers be those of a load that only [Load] can
	// run.
	Bulk *Bulk

	// Window is how long the windows of event time of an application are, and EventTypes how
	// many types of events it counts: window-sums and group-counts go by them.
	Window     time.Duration
	EventTypes int64
	// Isolation and Lateness are what those promises go by.
	Isolation Isolation
	Lateness  Lateness

	// Promise holds the run to more than its configuration implies; empty
	// derives the promise from the configuration.
	Promise []string

	// Faults is the schedule's text; FaultsLine the line of the file before
	// its first, so that an error in it has its place in the file.
	Faults     string
	FaultsLine int
}

// Isolation says that 99 of 100 records are done with P99 after they were sent, by every
// reader but those of the name, or group, that is slow.
type Isolation struct {
	Slow string
	P99  time.Duration
}

// Lateness says how long a window waits, behind its end, for what is late, and how many
// thousandths of a reader's records may be later.
type Lateness struct {
	Grace time.Duration
	Most  int64
}

// Mixed is what one broker has otherwise.
type Mixed struct {
	Broker int // its place: 0 is b1
	Set    []config.Entry
}

// Quirk is a place where every node does what is rare and legal, for some keys.
type Quirk struct {
	Site      failpoint.Site
	Threshold uint64 // of 2^32: how often
}

// Topic is a topic that exists before the load begins.
type Topic struct {
	Name        string
	Partitions  int32
	Replication int16
	Set         []config.Entry
	// Recreate is when the topic, which has held something else until then, is deleted and
	// created again (KIP-516); 0 is never. The load begins two seconds later.
	Recreate time.Duration
	// DeleteRecords is when what is committed of each partition by then is deleted
	// (KIP-107); 0 is never.
	DeleteRecords time.Duration
	// Grow gives it more partitions.
	Grow Grow
}

// Producer is a service that publishes to one topic.
type Producer struct {
	Name          string
	Topic         string
	RatePerSecond int64
	Arrivals      workloads.Arrivals // at the rate, which its own PerSecond does not say
	Node          uint32             // its number; 0: by its place in the file
	Keys          workloads.Keys
	Sizes         workloads.Sizes
	// FirstSequence is where the sequences of an idempotent producer begin: near the
	// largest int32 they soon begin again at 0, as Kafka's do after 2^31 records.
	FirstSequence int32
	Transactions  Transactions
}

// arrivals are those of the producer at its rate.
func (p *Producer) arrivals() workloads.Arrivals {
	a := p.Arrivals
	a.PerSecond = p.RatePerSecond
	return a
}

// Reader is a service that reads whole topics on its own.
type Reader struct {
	Name   string
	Topics []string
	Node   uint32 // its number; 0: by its place in the file
	// Group is the group whose records the reader shares with others; empty: it is alone.
	// In a log without Bulk the partitions of a topic are dealt out to a group once and
	// for all: there are no group coordinators.
	Group string
	// Work is how long the processing of one record takes until its effect is there, and
	// Settle what is left to do then before the record is settled: acknowledged to a queue,
	// or counted in the position that is committed to a log.
	Work, Settle time.Duration
	// Wake is how long a poll that had to wait for records takes to return them. Of a
	// bulk load only, and not in files.
	Wake time.Duration
	// From is when it first begins to read. From Pause.From on and for Pause.For it
	// asks for nothing more. At Replay, if it is not 0, it goes back to the start.
	From, Replay time.Duration
	Pause        struct{ From, For time.Duration }
	// Set has Kafka's settings of this consumer. One with group.id is a member of that group,
	// and gets its partitions from the group's coordinator: Group is nothing to it, and a
	// Pause is for as long as it does not poll.
	Set []config.Entry
	// Commit, of a member, is when it commits: one of [MemberCommits]; empty is auto with
	// enable.auto.commit, and after without.
	Commit string
	// Workers, of a member, if there are any, are given what it polls, and work on it beside
	// its poll loop.
	Workers int
	// Until, of a member, if it is not 0, is when it leaves its group for good.
	Until time.Duration
}

// What a file may say at most: larger runs are capacity studies.
const (
	maxBrokers    = 50
	maxPartitions = 1000
	maxMembers    = 100 // of a group of readers
	maxRate       = 1_000_000
	maxSize       = 1 << 20
	maxFor        = time.Hour
	minSize       = 24 // a value carries its id, its key and a checksum
)

// controllers is how many there are: none beside a broker of another kind than the log.
func (s *Spec) controllers() int {
	if !s.log() {
		return 0
	}
	return max(s.Controllers, 1)
}

// goodQuorum reports whether so many controllers make a quorum. An even number would
// survive no more than one less.
func goodQuorum(n int) bool { return n == 1 || n == 3 || n == 5 }

// clientNodes are the nodes behind brokers and controllers: producers, readers, processors.
func (s *Spec) clientNodes() []nodeName { return s.nodes()[s.Brokers+s.controllers():] }

// rack is the rack of a broker by its place, or empty.
func (s *Spec) rack(i int) string {
	if s.Racks == 0 {
		return ""
	}
	return fmt.Sprintf("r%d", i%s.Racks+1)
}

func (s *Spec) topicNames() []string {
	var names []string
	for _, t := range s.Topics {
		names = append(names, t.Name)
	}
	return names
}

// reserved reports whether a schedule of faults, or what takes one, reads a name
// as anything but a client's: a role, every node or none, a word of the grammar,
// or a node as traces print it.
func reserved(name string) bool {
	if slices.Contains(roles, name) || slices.Contains([]string{"all", "none", "after-accept"}, name) {
		return true
	}
	return len(name) > 1 && strings.ContainsRune("bcpk", rune(name[0])) && strings.Trim(name[1:], "0123456789") == ""
}

// check finds what would keep a scenario that was not read by [Parse] from being
// run at all.
func (s *Spec) check() error {
	switch {
	case s == nil:
		return errors.New("there is no scenario")
	case s.Swarm != "" && s.Swarm != Restricted && s.Swarm != Unrestricted:
		return fmt.Errorf("%s: swarm %q: want %s or %s", s.Name, s.Swarm, Restricted, Unrestricted)
	case s.For <= 0 || s.For > maxFor || s.Settle < 0 || s.Settle > maxFor:
		return fmt.Errorf("%s: for %v and settle %v: want up to %v", s.Name, s.For, s.Settle, maxFor)
	case s.Brokers < 1 || s.Brokers > maxBrokers:
		return fmt.Errorf("%s: %d brokers: want from 1 to %d", s.Name, s.Brokers, maxBrokers)
	case s.Controllers != 0 && !goodQuorum(s.Controllers):
		return fmt.Errorf("%s: %d controllers: want 1, 3 or 5", s.Name, s.Controllers)
	case len(s.Topics) == 0:
		return fmt.Errorf("%s: topics are missing", s.Name)
	}
	var names []string
	for _, t := range s.Topics {
		if t.Partitions < 1 || t.Partitions > maxPartitions || slices.Contains(names, t.Name) {
			return fmt.Errorf("%s: topic %s with %d partitions: want from 1 to %d, and each topic once", s.Name, t.Name, t.Partitions, maxPartitions)
		}
		names = append(names, t.Name)
	}
	known := func(who string, topics ...string) error {
		for _, t := range topics {
			if !slices.Contains(names, t) {
				return fmt.Errorf("%s: %s: unknown topic %q%s", s.Name, who, t, near.Suggest(t, names))
			}
		}
		return nil
	}
	for _, p := range s.Producers {
		if err := known("producer "+p.Name, p.Topic); err != nil {
			return err
		}
	}
	for _, r := range s.Processors {
		if err := known("processor "+r.Name, append(slices.Clone(r.Topics), r.Output)...); err != nil {
			return err
		}
	}
	for _, r := range s.Readers {
		if err := known("reader "+r.Name, r.Topics...); err != nil {
			return err
		}
		if field := s.unheard(&r); field != "" {
			return fmt.Errorf("%s: %w", s.Name, s.unheardError(r.Name, field))
		}
	}
	return nil
}
