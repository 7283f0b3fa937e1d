package log

import (
	"fmt"
	"strings"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/log/replica"
	"brokersim/broker/log/wire"
)

// auditShard audits the coordinator of a partition after a step.
func auditShard(b *Broker, p *partition) []string {
	s := p.shard
	switch {
	case s == nil || b.err != nil || b.stopping.begun:
	case !p.Leads() || p.LeaderEpoch() != s.epoch:
		return []string{fmt.Sprintf("%v on broker %d: its coordinator of leader epoch %d goes on in %d", p.TP(), b.ID(), s.epoch, p.LeaderEpoch())}
	case s.told > p.HighWatermark():
		return []string{fmt.Sprintf("%v on broker %d: its coordinator has told of what is below offset %d, and the high watermark is %d", p.TP(), b.ID(), s.told, p.HighWatermark())}
	}
	return nil
}

// auditCoordinators holds what each coordinator knows against its log, as one without planted
// bugs that begins now would know it.
func (b *Broker) auditCoordinators() (broken []string) {
	for _, s := range b.coordinators.shards {
		knows, ok := s.machine.(coordinator.Durable)
		if !ok || s.stage != serves {
			continue
		}
		other := s.kind.make(b, s.p.TP().Partition, s.epoch, nil)
		if err := replayAll(s.p, other); err != nil {
			broken = append(broken, fmt.Sprintf("%v on broker %d: its coordinator serves, and %v", s.p.TP(), b.ID(), err))
			continue
		}
		if got, want := knows.Durable(), other.(coordinator.Durable).Durable(); got != want {
			broken = append(broken, fmt.Sprintf("%v on broker %d: its coordinator knows %s, and its log says %s", s.p.TP(), b.ID(), firstOther(got, want), firstOther(want, got)))
		}
	}
	return broken
}

// replayAll has a machine replay a whole log.
func replayAll(p *partition, m coordinator.Machine) error {
	for from := p.LogStart(); from < p.LogEnd(); {
		got := p.Read(replica.Reader{Isolation: replica.ToLogEnd, From: from, LastEpoch: -1, CurrentEpoch: -1}, loadSlice, true)
		if got.Code != 0 {
			return fmt.Errorf("its log cannot be read from offset %d on: %s", from, wire.ErrorName(got.Code))
		}
		if got.Records.Len() == 0 {
			return nil
		}
		for h, batch := range wire.SplitBatches(got.Records) {
			if err := replayInto(m, &h, batch); err != nil {
				return fmt.Errorf("offset %d: %w", h.BaseOffset, err)
			}
			from = h.NextOffset()
		}
	}
	return nil
}

// firstOther is the first line of a text that another one has not.
func firstOther(text, other string) string {
	theirs := strings.Split(other, "\n")
	for i, line := range strings.Split(text, "\n") {
		if i >= len(theirs) || line != theirs[i] {
			if line == "" {
				return "no more"
			}
			return line
		}
	}
	return "no more"
}
