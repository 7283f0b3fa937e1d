package scenario

import (
	"math"
	"slices"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/sim"
	"brokersim/workloads"
)

// header is the head of the run's history.
func (p *plan) header(t *topology) *history.Header {
	h := &history.Header{Seed: p.Seed, Unique: true, From: "sim"}
	for _, x := range p.Spec.Topics {
		topic := history.Topic{Name: x.Name, Parts: int(x.most()), RF: int(x.Replication), Cleanup: "delete"}
		if set := p.set.Topic(x.Name); p.Spec.log() && set.CleanupPolicy.Compact {
			topic.Cleanup, topic.DeleteRetention = "compact", set.DeleteRetentionMillis
			if set.CleanupPolicy.Delete {
				topic.Cleanup = "compact,delete"
			}
		}
		if set := p.set.Topic(x.Name); p.Spec.log() && slices.Contains(p.stated, checker.Retention) && set.CleanupPolicy.Delete && set.RetentionBytes < 0 {
			topic.Retention, h.Set.Wall = max(set.RetentionMillis, 0), int64(sim.WallEpoch)/1_000_000
		}
		h.Topics = append(h.Topics, topic)
	}
	for _, tp := range t.tps {
		h.TPs = append(h.TPs, tp.String())
	}
	switch p.Spec.Kind {
	case KindQueue:
		h.Set = p.queueSettings()
	case KindPubSub:
		h.Set = history.Settings{Acks: "all", Keeps: history.KeepsNothing}
	default:
		wall := h.Set.Wall
		h.Set = p.logSettings()
		h.Set.Wall = wall
	}
	h.Set.Window, h.Set.Types = int64(p.Spec.Window), p.Spec.EventTypes
	h.Promise = p.forgo(checker.Derive(h.Set))
	if len(p.stated) > 0 {
		h.Promise = history.Promise{From: checker.Stated, Properties: p.stated}
	}
	p.Spec.bounds(&h.Promise)
	return h
}

// bounds are what isolation and lateness go by.
func (s *Spec) bounds(p *history.Promise) {
	p.Within, p.Grace, p.MayLate = int64(s.Isolation.P99), int64(s.Lateness.Grace), s.Lateness.Most
	for i := range s.Readers {
		if x := &s.Readers[i]; p.Within > 0 && x.group() != s.Isolation.Slow {
			p.Prompt = append(p.Prompt, int32(s.readerNode(i)))
		}
	}
}

// logSettings say one thing of all clients, so where they differ they have what promises
// least.
func (p *plan) logSettings() history.Settings {
	s := history.Settings{Acks: "all", Idem: true, Iso: "ru", Sub: "assign", Reset: "earliest", MinISR: math.MaxInt32, Flush: "fsync"}
	for _, x := range p.Spec.Topics {
		set := p.set.Topic(x.Name)
		s.MinISR = min(s.MinISR, int(set.MinInsyncReplicas))
		s.Unclean = s.Unclean || set.UncleanLeaderElection
		s.Compacted = s.Compacted || set.CleanupPolicy.Compact
		if set.FlushMessages != 1 {
			s.Flush = "page-cache"
		}
	}
	for _, x := range p.Spec.Producers {
		set := p.set.Producer(x.Name)
		switch {
		case set.Acks == 0:
			s.Acks = "0"
		case set.Acks == 1 && s.Acks == "all":
			s.Acks = "1"
		}
		s.Idem = s.Idem && set.EnableIdempotence
		s.Retries = s.Retries || set.Retries > 0
		s.InFlight = max(s.InFlight, int(set.MaxInFlight))
	}
	p.txnSettings(&s)
	for _, x := range p.Spec.Readers {
		if p.set.Consumer(x.Name).AutoOffsetReset != "earliest" {
			s.Reset = "latest"
		}
	}
	p.groupSettings(&s)
	if commits[p.Spec.Log.Commit] == workloads.CommitBefore {
		s.Settle = history.SettleBefore
	}
	return s
}

// groupSettings say how members of groups read, if there are any: of several ways the one
// that promises least.
func (p *plan) groupSettings(s *history.Settings) {
	var protocols []string
	for i, x := range p.Spec.Readers {
		if p.groupID(i) == "" {
			continue
		}
		set := p.readers[i]
		s.Sub = "subscribe"
		protocols = append(protocols, protocolOf(set))
		s.AutoCommit = s.AutoCommit || set.EnableAutoCommit
		if p.memberCommit(i) == workloads.MemberCommitBefore || x.Workers > 0 {
			s.Settle = history.SettleBefore
		}
	}
	if kept := p.set.Broker().OffsetsRetention; len(protocols) > 0 && kept < p.Spec.For+p.Spec.Settle {
		s.OffsetsKept = int64(kept)
	}
	// Of groups by both protocols each shows by itself which it is.
	slices.Sort(protocols) // consumer, cooperative, eager
	if n := len(protocols); n > 0 && (protocols[0] == "consumer") == (protocols[n-1] == "consumer") {
		s.Protocol = protocols[n-1] // eager, if there is one: it promises least
	}
}

// queueSettings are what the checker must know of the use of work queues. Without
// confirms nobody has acknowledged anything.
func (p *plan) queueSettings() history.Settings {
	q := &p.Spec.Queue
	s := history.Settings{Acks: "0", Keeps: history.KeepsUntilSettled, Settle: "reader", Durable: q.Durable, Retries: q.Republish, Competing: p.Spec.competing(), Prefetch: q.Prefetch}
	if q.Confirms {
		s.Acks = "all"
	}
	if q.AutoAck {
		s.Settle = "auto"
	}
	return s
}
