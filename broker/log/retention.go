package log

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/machine"
)

// retention is when the broker looks for segments that have expired
// (LogManager.cleanupLogs).
type retention struct {
	at machine.Instant
	// needed says that some log has had a segment beside its active one: without,
	// there is nothing to look for, and nothing happens.
	needed bool
}

// firstRetention is how long after its start a broker looks for the first time
// (LogManager.initialTaskDelayMs).
const firstRetention = 30 * time.Second

func (r *retention) due() machine.Instant {
	if !r.needed {
		return machine.Never
	}
	return r.at
}

// retain deletes what has expired, when it is time.
func (b *Broker) retain(now machine.Now, out *machine.Effects) {
	if now.Mono < b.retention.due() {
		return
	}
	for b.retention.at <= now.Mono {
		b.retention.at = b.retention.at.Add(b.cfg.Settings.LogRetentionCheckInterval)
	}
	for _, p := range b.partitions {
		p.expiring = true
		b.expire(now, p, out)
		b.flush(p, out)
	}
}

// doomed are files of a replica that are deleted and still there.
type doomed struct {
	files []string
	until machine.Instant
}

// doom notes what this step has deleted (LogManager.addLogToBeDeleted).
func (b *Broker) doom(now machine.Instant) {
	for _, p := range b.moved {
		if files, stay := p.Doomed(); len(files) > 0 {
			b.doomed = append(b.doomed, doomed{files, now.Add(stay)})
		}
	}
}

// discardAt is when something that was deleted is to be removed.
func (b *Broker) discardAt() machine.Instant {
	at := machine.Never
	for i := range b.doomed {
		at = min(at, b.doomed[i].until)
	}
	return at
}

// discard removes what was deleted long enough ago.
func (b *Broker) discard(now machine.Instant, out *machine.Effects) {
	if len(b.doomed) == 0 || b.discardAt() > now {
		return
	}
	b.doomed = slices.DeleteFunc(b.doomed, func(d doomed) bool {
		if d.until > now {
			return false
		}
		for _, file := range d.files {
			if err := b.files.Remove(file); err != nil {
				b.fail(fmt.Errorf("remove %s: %w", file, err), out)
			}
		}
		return true
	})
}

// expire deletes what a partition has expired, one segment after the other: the next
// goes when the deletion of the one before lasts, so that no crash leaves a hole.
func (b *Broker) expire(now machine.Now, p *partition, out *machine.Effects) {
	if !p.expiring || p == b.cleaning.p {
		return
	}
	start := p.LogStart()
	more, err := p.Expire(now.Wall.Millis())
	p.expiring = more
	if err != nil {
		b.fail(err, out)
	}
	if p.LogStart() != start {
		b.move(p)
	}
}
