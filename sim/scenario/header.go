package scenario

import (
	"math"

	"brokersim/checker"
	"brokersim/checker/history"
)

// header is the head of the run's history. It says one thing of all clients, so
// where they differ it has what promises least.
func (p *plan) header(t *topology) *history.Header {
	h := &history.Header{Seed: p.Seed, Unique: true, From: "sim"}
	h.Set = history.Settings{Acks: "all", Idem: true, Iso: "ru", Sub: "assign", Reset: "earliest", MinISR: math.MaxInt32, Flush: "fsync"}
	for _, x := range p.Spec.Topics {
		h.Topics = append(h.Topics, history.Topic{Name: x.Name, Parts: int(x.Partitions), RF: int(x.Replication), Cleanup: "delete"})
		set := p.set.Topic(x.Name)
		h.Set.MinISR = min(h.Set.MinISR, int(set.MinInsyncReplicas))
		h.Set.Unclean = h.Set.Unclean || set.UncleanLeaderElection
		if set.FlushMessages != 1 {
			h.Set.Flush = "page-cache"
		}
	}
	for _, tp := range t.tps {
		h.TPs = append(h.TPs, tp.String())
	}
	for _, x := range p.Spec.Producers {
		set := p.set.Producer(x.Name)
		switch {
		case set.Acks == 0:
			h.Set.Acks = "0"
		case set.Acks == 1 && h.Set.Acks == "all":
			h.Set.Acks = "1"
		}
		h.Set.Idem = h.Set.Idem && set.EnableIdempotence
		h.Set.Retries = h.Set.Retries || set.Retries > 0
		h.Set.InFlight = max(h.Set.InFlight, int(set.MaxInFlight))
	}
	for _, x := range p.Spec.Readers {
		if p.set.Consumer(x.Name).AutoOffsetReset != "earliest" {
			h.Set.Reset = "latest"
		}
	}
	h.Promise = p.forgo(checker.Derive(h.Set))
	if len(p.stated) > 0 {
		h.Promise = history.Promise{From: checker.Stated, Properties: p.stated}
	}
	return h
}
