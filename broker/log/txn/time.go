package txn

import (
	"slices"
	"time"

	"brokersim/broker/log/coordinator"
	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// unsaidRetry is how long after an append that failed it is tried again to say that all
// markers of a transaction are written.
const unsaidRetry = 100 * time.Millisecond

// mostTombstones is how many ids expire in one batch.
const mostTombstones = 512

// Loaded begins: transactions that are open have all their time from now on, and those that
// had begun to end have their markers written, some of which may be there already.
func (m *Machine) Loaded(now machine.Now) coordinator.Outcome {
	m.now, m.loaded = now.Mono, true
	m.abortAt = now.Mono.Add(m.cfg.Settings.TransactionAbortTimedOutInterval)
	m.expireAt = now.Mono.Add(m.cfg.Settings.TransactionRemoveExpiredInterval)
	var d decision
	for _, t := range m.order {
		t.since = now.Mono
		if t.state.ending() && !m.cfg.Failpoints.On(failpoint.T13ForgetPrepared, uint64(t.producer)) {
			m.cfg.Failpoints.Hit(failpoint.PreparedFailOver)
			d.out.Markers = append(d.out.Markers, m.marker(t.id, &t.record))
		}
	}
	return d.out
}

// Deadline is when there is next something to be done; O(1).
func (m *Machine) Deadline() machine.Instant {
	at := machine.Never
	if !m.loaded {
		return at
	}
	if m.unsaid > 0 {
		at = min(at, m.retryAt)
	}
	if m.ongoing > 0 {
		at = min(at, m.abortAt)
	}
	if len(m.order) > 0 {
		at = min(at, m.expireAt)
	}
	return at
}

// lookFrom has the next look for transactions whose time is over be one of those, at fixed
// times, at which Kafka's scheduler would look if there were one now.
func (m *Machine) lookFrom(now machine.Instant) {
	if every := machine.Instant(m.cfg.Settings.TransactionAbortTimedOutInterval); m.abortAt < now {
		m.abortAt += (now - m.abortAt + every - 1) / every * every
	}
}

// Tick aborts transactions whose time is over, has ids expire that nobody has used for long,
// and says again what could not be appended.
func (m *Machine) Tick(now machine.Now) coordinator.Outcome {
	m.now = now.Mono
	var d decision
	if m.unsaid > 0 && now.Mono >= m.retryAt {
		m.complete(now, &d)
	}
	if m.ongoing > 0 && now.Mono >= m.abortAt {
		m.abortAt = now.Mono.Add(m.cfg.Settings.TransactionAbortTimedOutInterval)
		m.abortTimedOut(now, &d)
	}
	if now.Mono >= m.expireAt {
		if !m.expire(now, &d) {
			m.expireAt = now.Mono.Add(m.cfg.Settings.TransactionRemoveExpiredInterval)
		}
	}
	return d.out
}

// abortTimedOut aborts what has been open for longer than its producer said that it would be.
// Its next request is fenced.
func (m *Machine) abortTimedOut(now machine.Now, d *decision) {
	for _, t := range m.order {
		if t.state != Ongoing || !m.timedOut(now, t) {
			continue
		}
		// Without a producer id to go on with it stays open until there is one.
		if r, code := m.fenced(now, t); code == 0 {
			m.cfg.Failpoints.Hit(failpoint.TransactionTimedOut)
			m.prepare(d, t.id, &r)
		}
	}
}

func (m *Machine) timedOut(now machine.Now, t *transaction) bool {
	over := now.Mono > t.since.Add(t.timeout)
	onWall := now.Wall.Millis() > t.started+t.timeout.Milliseconds()
	if onWall && !over {
		m.cfg.Failpoints.Hit(failpoint.ClocksDisagree)
	}
	if m.cfg.Failpoints.On(failpoint.T20WallTimeout, uint64(t.producer)) {
		return onWall
	}
	return over
}

// expire forgets ids that have had no transaction for transactional.id.expiration.ms of the
// wall clock, as their records have it. It reports whether there are more of them.
func (m *Machine) expire(now machine.Now, d *decision) (more bool) {
	before := now.Wall.Millis() - m.cfg.Settings.TransactionalIDExpiration.Milliseconds()
	n := 0
	for _, t := range m.order {
		if !t.state.ended() || t.updated > before {
			continue
		}
		if n++; n > mostTombstones {
			return true
		}
		d.out.Records = append(d.out.Records, coordinator.Record{Key: keyOf(t.id)})
	}
	return false
}

// complete says of transactions whose markers are written that they are complete.
func (m *Machine) complete(now machine.Now, d *decision) {
	for _, t := range m.order {
		if t.written {
			m.cfg.Failpoints.Hit(failpoint.StepCompleted)
			r := t.completed(now.Wall.Millis())
			d.record(t.id, &r)
		}
	}
}

// Dropped has whoever waited for an answer told why it is not so, in the words of
// coordinators (TransactionStateManager.appendTransactionToLog). The clients try again; what
// no client has asked for is tried again in time.
func (m *Machine) Dropped(now machine.Now, o coordinator.Outcome, code int16) coordinator.Outcome {
	for i := range o.Records {
		id, _, err := readKey(o.Records[i].Key)
		t := m.byID[id]
		if err != nil || t == nil || !t.state.ending() {
			continue
		}
		m.count(t, -1)
		t.written = true
		m.count(t, 1)
		m.retryAt = now.Mono.Add(unsaidRetry)
	}
	answers := slices.Clone(o.Answers)
	for i := range answers {
		answers[i].Body = failed(answers[i].Body, dropped(code))
	}
	return coordinator.Outcome{Answers: answers}
}
