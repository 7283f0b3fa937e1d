package replica

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/storage"
)

// world is three replicas under a controller that elects only from the ISR, with
// everything that is said between them lost, late or out of order, and what must
// hold whatever happens.
type world struct {
	*lab
	rt     *rapid.T
	states []State // all that the controller has ever held to be true
	heard  []int   // by broker: how many of them it has heard of

	requests  []fetch   // one at most from one broker to another: a connection is closed before it is opened again
	answers   []fetched // likewise
	questions []asking  // one at most of a broker
	replies   []reply

	producers []*producing
	waits     []waiting
	committed []inLog  // what any leader's high watermark has passed; offsets from 0
	confirmed []string // values, in the order of their acknowledgement
	powerLoss bool
	situations
}

// situations count what a run must have met to be worth something.
type situations struct{ acked, retried, failovers, divergences, grown, shrunk, restarts int }

type reply struct {
	to     int32
	life   *Replica
	answer Answer
}

// producing is an idempotent producer. It numbers its batches and sends them, in
// any order and as often as it likes, until it is told that they are in the log.
type producing struct {
	id     int64
	next   int32
	values map[int32][]string // by first sequence: what was not confirmed yet
}

type waiting struct {
	to     int32
	life   *Replica
	epoch  int32
	end    int64
	values []string
	p      *producing
	seq    int32
}

func newWorld(t *rapid.T, topic config.Topic) *world {
	w := &world{lab: newLab(t, 3, topic), rt: t, heard: make([]int, 3)}
	// With every message flushed before it counts, power may fail as well.
	w.powerLoss = topic.FlushMessages == 1
	for id := int64(7); id < 9; id++ {
		w.producers = append(w.producers, &producing{id: id, next: math.MaxInt32 - 3, values: map[int32][]string{}})
	}
	w.elect(1, []int32{1, 2, 3})
	for _, b := range w.nodes {
		w.hear(b, 0)
	}
	return w
}

func (w *world) elect(leader int32, isr []int32) {
	w.lab.elect(leader, isr)
	w.failovers++
	w.note()
}

func (w *world) note() {
	s := w.truth
	s.Replicas, s.ISR = slices.Clone(s.Replicas), slices.Clone(s.ISR)
	w.states = append(w.states, s)
}

// even is a number below 2^12, each as often: rapid's own ranges prefer the small
// ones, with which little would ever happen here.
var even = rapid.Custom(func(t *rapid.T) int {
	n := 0
	for range 12 {
		n <<= 1
		if rapid.Bool().Draw(t, "bit") {
			n++
		}
	}
	return n
})

// below draws a number below n.
func below(t *rapid.T, what string, n int) int { return even.Draw(t, what) % n }

// pick draws one of those for which ok holds.
func pick[T any](t *rapid.T, what string, list []T, ok func(T) bool) (T, bool) {
	var some []T
	for _, x := range list {
		if ok(x) {
			some = append(some, x)
		}
	}
	if len(some) == 0 {
		var none T
		return none, false
	}
	return some[rapid.IntRange(0, len(some)-1).Draw(t, what)], true
}

func (b *node) up() bool { return b.Replica != nil }

func (w *world) anyUp() (*node, bool) { return pick(w.rt, "broker", w.nodes, (*node).up) }

func (w *world) anyLeader() (*node, bool) {
	return pick(w.rt, "leader", w.nodes, func(b *node) bool { return b.up() && b.Leads() })
}

// steps are what may happen, with how often.
var steps = []struct {
	name  string
	often int
	do    func(*world)
}{
	{"produce", 12, (*world).produce},
	{"round", 16, (*world).round},
	{"request", 5, (*world).request},
	{"serve", 7, (*world).serveOne},
	{"take", 7, (*world).takeOne},
	{"lose a request", 1, func(w *world) { _, _ = take(w.rt, &w.requests) }},
	{"lose an answer", 1, func(w *world) { _, _ = take(w.rt, &w.answers) }},
	{"tell", 10, (*world).tellOne},
	{"sync", 12, (*world).syncOne},
	{"advance", 4, func(w *world) {
		w.now = w.now.Add([]time.Duration{1, time.Second, 6 * time.Second, 11 * time.Second}[below(w.rt, "by", 4)])
	}},
	{"shrink", 6, func(w *world) {
		if b, ok := w.anyLeader(); ok {
			b.Shrink(w.now)
		}
	}},
	{"ask", 7, (*world).askOne},
	{"decide", 7, (*world).decideOne},
	{"answer", 7, (*world).answerOne},
	{"lose a question's answer", 1, (*world).loseAnswer},
	{"fence", 1, func(w *world) {
		if b, ok := pick(w.rt, "broker", w.nodes, func(b *node) bool { return w.eligible(b.id) }); ok {
			w.fence(b)
		}
	}},
	{"unfence", 5, func(w *world) {
		if b, ok := pick(w.rt, "broker", w.nodes, func(b *node) bool { return b.up() && !w.eligible(b.id) }); ok {
			w.unfence(b)
		}
	}},
	{"crash", 1, (*world).crash},
	{"reopen", 6, func(w *world) {
		if b, ok := pick(w.rt, "broker", w.nodes, func(b *node) bool { return !b.up() }); ok {
			w.reopen(b)
		}
	}},
	{"move", 1, (*world).move},
}

// produce has a producer send a new batch, or one that it has not been told about,
// to whoever thinks that he leads.
func (w *world) produce() {
	b, ok := w.anyLeader()
	if !ok {
		return
	}
	p := w.producers[below(w.rt, "producer", 2)]
	open := p.open()
	seq := p.next
	if len(open) == window || len(open) > 0 && below(w.rt, "retry", 3) > 0 {
		seq = open[below(w.rt, "batch", len(open))]
		w.retried++
	} else {
		var values []string
		for i := range 1 + below(w.rt, "records", 3) {
			values = append(values, fmt.Sprintf("%d:%d", p.id, add(seq, i)))
		}
		p.values[seq], p.next = values, add(seq, len(values))
	}
	at, code, err := b.Append(both(w.now), batch(p.id, 0, seq, w.now.Millis(), p.values[seq]...), -1)
	if err != nil {
		w.t.Fatalf("append: %v", err)
	}
	if code == 0 {
		w.waits = append(w.waits, waiting{b.id, b.Replica, b.State().LeaderEpoch, at.End, p.values[seq], p, seq})
		return
	}
	switch code {
	case wire.NotEnoughReplicas, wire.OutOfOrderSequenceNumber:
	default:
		w.t.Fatalf("broker %d refuses %v with %s", b.id, p.values[seq], wire.ErrorName(code))
	}
}

// add counts sequences, which wrap.
func add(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & math.MaxInt32) }

// open are the batches that were not confirmed, in the order of the producer.
func (p *producing) open() (list []int32) {
	for seq := range p.values {
		list = append(list, seq)
	}
	slices.SortFunc(list, func(a, b int32) int { return int(before(p.next, b) - before(p.next, a)) })
	return list
}

// before is how many sequences ago one was.
func before(next, seq int32) int64 { return (int64(next) - int64(seq)) & math.MaxInt32 }

func (w *world) maxBytes() int32 {
	return []int32{1, 200, 1 << 20}[below(w.rt, "max bytes", 3)]
}

func (w *world) round() {
	f, ok := pick(w.rt, "follower", w.nodes, (*node).up)
	if !ok {
		return
	}
	if q, ok := w.fetch(f); ok && w.node(q.to).up() {
		w.forget(q)
		w.took(f, w.serve(w.node(q.to), q, w.maxBytes()))
	}
}

// forget closes the connection on which an earlier fetch was under way: the answer
// to that, when more had been fetched, could cut what came since.
func (w *world) forget(q fetch) {
	same := func(x fetch) bool { return x.from == q.from && x.to == q.to }
	w.requests = slices.DeleteFunc(w.requests, same)
	w.answers = slices.DeleteFunc(w.answers, func(x fetched) bool { return same(x.fetch) })
}

func (w *world) request() {
	f, ok := w.anyUp()
	if !ok {
		return
	}
	if q, ok := w.fetch(f); ok {
		w.forget(q)
		w.requests = append(w.requests, q)
	}
}

// take draws one of a list and takes it out.
func take[T any](t *rapid.T, list *[]T) (x T, ok bool) {
	if len(*list) == 0 {
		return x, false
	}
	i := below(t, "which", len(*list))
	x = (*list)[i]
	*list = slices.Delete(*list, i, i+1)
	return x, true
}

func (w *world) serveOne() {
	if q, ok := take(w.rt, &w.requests); ok && w.node(q.to).up() {
		w.answers = append(w.answers, w.serve(w.node(q.to), q, w.maxBytes()))
	}
}

func (w *world) takeOne() {
	if a, ok := take(w.rt, &w.answers); ok && w.node(a.from).up() {
		w.took(w.node(a.from), a)
	}
}

// took gives a follower an answer, and checks that it gets on by that.
func (w *world) took(f *node, a fetched) {
	before := f.LogEnd()
	fresh := f.Replica == a.life && f.Follows() && f.State().LeaderEpoch == a.leaderEpoch && before == a.offset
	w.take(f, a)
	if fresh && a.Diverges {
		w.divergences++
		if f.LogEnd() >= before {
			w.t.Fatalf("broker %d was told that the logs part at %d in epoch %d, and ends at %d as before", f.id, a.DivergeOffset, a.DivergeEpoch, before)
		}
	}
	if fresh && a.Code != 0 && a.Code != wire.NotLeaderOrFollower && a.Code != wire.UnknownLeaderEpoch && a.Code != wire.FencedLeaderEpoch {
		w.t.Fatalf("broker %d is refused with %s", f.id, wire.ErrorName(a.Code))
	}
}

func (w *world) tellOne() {
	b, ok := pick(w.rt, "broker", w.nodes, func(b *node) bool { return b.up() && w.heard[b.id-1] < len(w.states) })
	if ok {
		w.hear(b, w.heard[b.id-1]+below(w.rt, "state", len(w.states)-w.heard[b.id-1]))
	}
}

func (w *world) hear(b *node, state int) {
	w.heard[b.id-1] = state + 1
	truth := w.truth
	w.truth = w.states[state]
	w.tell(b)
	w.truth = truth
}

func (w *world) syncOne() {
	b, ok := w.anyUp()
	switch {
	case !ok:
	case len(b.flushing) > 0:
		w.synced(b)
	default:
		w.flush(b)
	}
}

func (w *world) askOne() {
	b, ok := w.anyLeader()
	if !ok {
		return
	}
	if q, ok := w.ask(b); ok {
		w.questions = append(slices.DeleteFunc(w.questions, func(x asking) bool { return x.from == b.id }), q)
		w.replies = slices.DeleteFunc(w.replies, func(x reply) bool { return x.to == b.id })
	}
}

func (w *world) decideOne() {
	q, ok := take(w.rt, &w.questions)
	if !ok {
		return
	}
	was := len(w.truth.ISR)
	a := w.decide(q)
	if a.Code == 0 {
		w.note()
		if w.grown++; len(q.isr) < was {
			w.grown--
			w.shrunk++
		}
	}
	w.replies = append(w.replies, reply{q.from, w.node(q.from).Replica, a})
}

func (w *world) answerOne() {
	if a, ok := take(w.rt, &w.replies); ok && w.node(a.to).up() && w.node(a.to).Replica == a.life {
		w.node(a.to).Answered(w.now, a.answer)
	}
}

// loseAnswer tells a leader that the connection to the controller is gone. What it
// has asked for may have been agreed to, or be still under way.
func (w *world) loseAnswer() {
	b, ok := w.anyLeader()
	if !ok {
		return
	}
	w.replies = slices.DeleteFunc(w.replies, func(x reply) bool { return x.to == b.id })
	s := b.State()
	b.Answered(w.now, Answer{LeaderEpoch: s.LeaderEpoch, PartitionEpoch: s.PartitionEpoch, Code: wire.NetworkException})
}

// fence ends a broker's session: it is out of the ISR, unless it is the last, and
// leads no more.
func (w *world) fence(b *node) {
	w.fenced = append(w.fenced, b.id)
	isr := slices.DeleteFunc(slices.Clone(w.truth.ISR), func(id int32) bool { return id == b.id })
	switch {
	case len(isr) == 0 && w.truth.Leader == b.id:
		w.elect(NoLeader, w.truth.ISR)
	case len(isr) == 0:
	case w.truth.Leader == b.id:
		alive := slices.DeleteFunc(slices.Clone(isr), func(id int32) bool { return !w.eligible(id) })
		if len(alive) == 0 {
			w.elect(NoLeader, isr)
			return
		}
		w.elect(alive[below(w.rt, "next", len(alive))], isr)
	case len(isr) < len(w.truth.ISR):
		w.setISR(isr)
		w.note()
	}
}

func (w *world) unfence(b *node) {
	w.fenced = slices.DeleteFunc(w.fenced, func(id int32) bool { return id == b.id })
	if w.truth.Leader == NoLeader && slices.Contains(w.truth.ISR, b.id) {
		w.elect(b.id, w.truth.ISR)
	}
}

func (w *world) crash() {
	b, ok := w.anyUp()
	if !ok {
		return
	}
	w.restarts++
	b.Replica = nil
	if w.powerLoss && below(w.rt, "power loss", 2) == 0 {
		b.disk.PowerLoss(below(w.rt, "torn", 300))
	}
	w.requests = slices.DeleteFunc(w.requests, func(q fetch) bool { return q.from == b.id })
	w.answers = slices.DeleteFunc(w.answers, func(q fetched) bool { return q.from == b.id || q.to == b.id })
}

// reopen begins another life. It cannot register before the session of the last
// one is over, and what it hears is from then on.
func (w *world) reopen(b *node) {
	if w.eligible(b.id) {
		w.fence(b)
	}
	w.open(b, 0)
	w.heard[b.id-1] = len(w.states) - 1
}

// move has the controller elect another of the ISR: the preferred leader, say.
func (w *world) move() {
	id, ok := pick(w.rt, "leader", w.truth.ISR, w.eligible)
	if ok && id != w.truth.Leader {
		w.elect(id, w.truth.ISR)
	}
}

// acknowledge takes the answers that producers can have now.
func (w *world) acknowledge() {
	w.waits = slices.DeleteFunc(w.waits, func(x waiting) bool {
		b := w.node(x.to)
		if b.Replica != x.life || b.State().LeaderEpoch != x.epoch {
			return true
		}
		code, done := b.Acknowledge(x.end, -1)
		if done && code == 0 {
			w.acked++
			w.copies(x)
			w.confirmed = append(w.confirmed, x.values...)
			delete(x.p.values, x.seq)
		}
		return done
	})
}

// copies checks that what is acknowledged is on as many replicas as
// min.insync.replicas says, as far as they are up.
func (w *world) copies(x waiting) {
	n := 0
	for _, b := range w.nodes {
		if !b.up() || b.LogEnd() >= x.end && slices.ContainsFunc(w.records(b.Replica, 0), func(r inLog) bool { return r.value == x.values[0] }) {
			n++
		}
	}
	if n < int(w.topic.MinInsyncReplicas) {
		w.t.Fatalf("%v was acknowledged and is on %d replicas", x.values, n)
	}
}

// check checks what must hold after every step.
func (w *world) check() {
	for _, b := range w.nodes {
		if !b.up() {
			continue
		}
		if q := &b.asked; q.open() && b.about != &q.isr[0] {
			if b.about, b.joining = &q.isr[0], nil; q.joins >= 0 {
				b.joining = w.node(q.joins).Replica
			}
		}
		if b.HighWatermark() > b.LogEnd() {
			w.t.Fatalf("%s", b.describe())
		}
		records := w.records(b.Replica, 0)
		w.once(b, records)
		w.rebuilt(b, records)
		if b.Leads() {
			w.commit(b, records)
		}
	}
	w.acknowledge()
	for _, v := range w.confirmed {
		if !slices.ContainsFunc(w.committed, func(r inLog) bool { return r.value == v }) {
			w.t.Fatalf("%s was confirmed, and is below nobody's high watermark", v)
		}
	}
	w.strongISR()
}

// once checks that a log has no record twice, and those of each producer in order.
func (w *world) once(b *node, records []inLog) {
	next := map[int64]int32{}
	for i, r := range records {
		if r.offset != int64(i) {
			w.t.Fatalf("broker %d has offset %d at place %d", b.id, r.offset, i)
		}
		var pid int64
		var seq int32
		if _, err := fmt.Sscanf(r.value, "%d:%d", &pid, &seq); err != nil {
			w.t.Fatalf("%v", err)
		}
		if want, ok := next[pid]; ok && seq != want {
			w.t.Fatalf("broker %d has sequence %d of producer %d at offset %d, not %d", b.id, seq, pid, r.offset, want)
		}
		next[pid] = add(seq, 1)
	}
}

// commit notes what a leader's high watermark has passed. It was committed before,
// or is now; nothing else ever stands at that offset.
func (w *world) commit(b *node, records []inLog) {
	for i, r := range records[:b.HighWatermark()] {
		switch {
		case i == len(w.committed):
			w.committed = append(w.committed, r)
		case w.committed[i] != r:
			w.t.Fatalf("offset %d was committed as %+v, and is %+v with leader %d of epoch %d", i, w.committed[i], r, b.id, b.State().LeaderEpoch)
		}
	}
}

// strongISR checks that whoever may be elected has everything that is committed.
func (w *world) strongISR() {
	for _, id := range w.truth.ISR {
		b := w.node(id)
		if !b.up() {
			continue // until it is up again
		}
		records := w.records(b.Replica, 0)
		if len(records) < len(w.committed) || !slices.Equal(records[:len(w.committed)], w.committed) {
			w.t.Fatalf("committed is\n%+v\nand the log of broker %d, which is in the ISR %d,\n%+v", w.committed, id, w.truth.ISR, records)
		}
	}
}

// rebuilt checks what a replica knows about its log against the log.
func (w *world) rebuilt(b *node, records []inLog) {
	var starts []storage.EpochStart
	for _, r := range records {
		if n := len(starts); n == 0 || starts[n-1].Epoch != r.epoch {
			starts = append(starts, storage.EpochStart{Epoch: r.epoch, Start: r.offset})
		}
	}
	if s := b.State(); b.Leads() && (len(starts) == 0 || starts[len(starts)-1].Epoch != s.LeaderEpoch) {
		starts = append(starts, storage.EpochStart{Epoch: s.LeaderEpoch, Start: b.LogEnd()})
	}
	for e := range b.State().LeaderEpoch + 2 {
		found, end := b.EndOfEpoch(e)
		wantFound, wantEnd := endByScan(starts, e, b.LogEnd())
		// Of a follower the end of an epoch in which it has led itself, and has
		// written nothing, is known as well.
		if (found != wantFound || end != wantEnd) && (b.Leads() || end < b.LogEnd()) {
			w.t.Fatalf("broker %d: epoch %d ends as (%d, %d), by the log as (%d, %d)", b.id, e, found, end, wantFound, wantEnd)
		}
	}
	var again producers
	for h, err := range b.log.Batches(0) {
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		x := wire.Batch(h)
		again.appended(&x)
	}
	for id, p := range again.byID {
		got := b.producers.byID[id]
		same := got != nil && got.seen >= 1 && got.seen <= p.seen
		for i := 0; same && i < got.seen; i++ { // a snapshot tells of the newest alone
			same = got.recent[(got.next+window-1-i)%window] == p.recent[(p.next+window-1-i)%window]
		}
		if !same {
			w.t.Fatalf("broker %d knows %+v of producer %d, the log says %+v", b.id, got, id, p)
		}
	}
}

// endByScan is what epochs.endOf should be: the last beginning at or below an
// epoch, and the first above it.
func endByScan(starts []storage.EpochStart, epoch int32, logEnd int64) (int32, int64) {
	found, end := int32(unknown), int64(unknown)
	for _, s := range starts {
		switch {
		case s.Epoch <= epoch:
			found, end = s.Epoch, unknown
		case end == unknown:
			end = s.Start
		}
	}
	switch {
	case epoch < 0 || len(starts) == 0 || epoch > starts[len(starts)-1].Epoch:
		return unknown, unknown
	case found == unknown:
		return epoch, end
	case end == unknown:
		return found, logEnd
	}
	return found, end
}

// settle heals everything. Everybody must come to have the same log, all of it
// committed, and be in the ISR.
func (w *world) settle() {
	w.requests, w.answers, w.questions, w.replies = nil, nil, nil, nil
	for _, b := range w.nodes {
		if !b.up() {
			w.reopen(b)
		}
	}
	for _, b := range w.nodes {
		if !w.eligible(b.id) {
			w.unfence(b)
		}
	}
	// A question of which the answer is lost is asked again.
	for _, b := range w.nodes {
		if s := b.State(); b.Leads() {
			b.Answered(w.now, Answer{LeaderEpoch: s.LeaderEpoch, PartitionEpoch: s.PartitionEpoch, Code: wire.NetworkException})
		}
	}
	for range 40 {
		for _, b := range w.nodes {
			if w.heard[b.id-1] < len(w.states) {
				w.hear(b, len(w.states)-1)
			}
			for len(b.flushing) > 0 || w.flush(b) {
				w.synced(b)
			}
			if q, ok := w.fetch(b); ok {
				w.took(b, w.serve(w.node(q.to), q, 1<<20))
			}
			if q, ok := w.ask(b); ok {
				a := w.decide(q)
				w.note()
				b.Answered(w.now, a)
			}
			w.check()
		}
	}
	leader := w.node(w.truth.Leader)
	for _, b := range w.nodes {
		if b.LogEnd() != leader.LogEnd() || b.HighWatermark() != leader.LogEnd() || b.Digest(b.LogEnd()) != leader.Digest(b.LogEnd()) || !slices.Contains(leader.State().ISR, b.id) {
			w.t.Fatalf("never came to rest:\n%s\n%s\n%s", w.nodes[0].describe(), w.nodes[1].describe(), w.nodes[2].describe())
		}
	}
}

func TestWhateverHappens(t *testing.T) {
	var names []int
	for i, s := range steps {
		for range s.often {
			names = append(names, i)
		}
	}
	var met situations
	for _, minISR := range []int32{1, 2} {
		for _, flush := range []int64{1, 3, math.MaxInt64} {
			topic := config.Topic{MinInsyncReplicas: minISR, MaxMessageBytes: 1 << 20, FlushMessages: flush,
				SegmentBytes: map[bool]int64{true: 300, false: 1 << 30}[flush < math.MaxInt64], SegmentMillis: math.MaxInt64}
			t.Run(fmt.Sprintf("min.insync.replicas=%d,flush.messages=%d", minISR, flush), rapid.MakeCheck(func(t *rapid.T) {
				w := newWorld(t, topic)
				for range below(t, "steps", 400) {
					i := names[below(t, "step", len(names))]
					t.Log(steps[i].name)
					steps[i].do(w)
					w.check()
				}
				w.settle()
				met.add(w.situations)
			}))
		}
	}
	if !t.Failed() && (met.acked == 0 || met.retried == 0 || met.failovers == 0 || met.divergences == 0 || met.grown == 0 || met.shrunk == 0 || met.restarts == 0) {
		t.Errorf("the runs have met too little: %+v", met)
	}
	t.Logf("%+v", met)
}

func (s *situations) add(x situations) {
	s.acked += x.acked
	s.retried += x.retried
	s.failovers += x.failovers
	s.divergences += x.divergences
	s.grown += x.grown
	s.shrunk += x.shrunk
	s.restarts += x.restarts
}
