package quorum

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// world is voters whose messages and syncs come in any order, late or not at all, and
// who die and start again. After each event it is held to the invariants of Kafka's
// RaftEventSimulationTest.
type world struct {
	draw   machine.Draw
	step   uint64
	now    machine.Now
	voters []*voter
	mail   []letter
	cut    map[[2]int32]bool // from one voter to another
	bug    failpoint.Site

	leaders   map[int32]int32 // by epoch
	committed []entry         // by anybody, ever
	written   int
	elections int
	cuts      int // of logs
	restarts  int
	snapshots int
	loaded    int // of a leader
	broken    string
}

// entry is a record of the log.
type entry struct {
	value string
	epoch int32
}

type voter struct {
	id            int32
	d             *storagetest.Disk
	q             *Quorum
	out           machine.Effects
	points        *failpoint.Set
	highWatermark int64
	epoch         int32
	answers       []letter // until they are Spoken
	versions      []int64
}

// letter is a request, or the answer to one.
type letter struct {
	from, to int32
	life     *Quorum // of the one who asks
	req      kmsg.Request
	resp     kmsg.Response
	records  []wire.Records
	wait     bool
}

const noBug = failpoint.LeaderChange // a situation: it changes nothing

func newWorld(seed uint64, voters int, bug failpoint.Site) *world {
	w := &world{draw: machine.NewDraw(seed, "world"), now: wall, cut: map[[2]int32]bool{}, leaders: map[int32]int32{}, bug: bug}
	for i := range voters {
		v := &voter{id: int32(101 + i), d: storagetest.New(), points: failpoint.New(seed, uint32(101+i))}
		if bug != noBug {
			if err := v.points.Arm(bug, failpoint.Always, "return(true)"); err != nil {
				panic(err)
			}
		}
		w.voters = append(w.voters, v)
	}
	for _, v := range w.voters {
		w.boot(v)
	}
	return w
}

func (w *world) n(of int) int {
	w.step++
	return int(w.draw.With(w.step).N(uint64(of)))
}

func (w *world) config(v *voter) Config {
	c := Config{
		ID: v.id, Seed: 7, ElectionTimeout: 100 * time.Millisecond, ElectionBackoffMax: 100 * time.Millisecond,
		FetchTimeout: 200 * time.Millisecond, RetryBackoff: 5 * time.Millisecond, Failpoints: v.points,
	}
	for _, x := range w.voters {
		c.Voters = append(c.Voters, x.id)
	}
	return c
}

func (w *world) boot(v *voter) {
	for _, a := range v.answers {
		w.lost(a)
	}
	q, err := Open(v.d, w.config(v))
	if err != nil {
		w.fail("voter %d cannot start: %v", v.id, err)
		return
	}
	v.q, v.out, v.highWatermark, v.answers, v.versions = q, machine.Effects{}, 0, nil, nil
	q.Begin(w.now, &v.out)
}

func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

func (w *world) voter(id int32) *voter { return w.voters[id-101] }

// speak sends what a voter has to say.
func (w *world) speak(v *voter) {
	for i := range v.q.peers {
		id := v.q.peers[i].id
		if v.q.Wants(w.now, id) {
			w.mail = append(w.mail, letter{from: v.id, to: id, life: v.q, req: v.q.Ask(id)})
		}
	}
	if leader, ok := v.q.WantsFetch(w.now); ok {
		w.mail = append(w.mail, letter{from: v.id, to: leader, life: v.q, req: v.q.AskFetch()})
	}
	for len(v.answers) > 0 && v.q.Spoken(v.versions[0]) {
		w.mail = append(w.mail, v.answers[0])
		v.answers, v.versions = v.answers[1:], v.versions[1:]
	}
}

// deliver takes a letter out of the mail and hands it over, or loses it.
func (w *world) deliver(i int, lose bool) {
	l := w.mail[i]
	w.mail = slices.Delete(w.mail, i, i+1)
	to := w.voter(l.to)
	if lose || w.cut[[2]int32{l.from, l.to}] {
		w.lost(l)
		return
	}
	if l.resp == nil {
		w.answer(to, l)
		return
	}
	if to.q != l.life {
		return
	}
	before := to.q.LogEnd()
	switch req := l.req.(type) {
	case *kmsg.FetchRequest:
		to.q.Fetched(w.now, req, l.resp.(*kmsg.FetchResponse), l.records, &to.out)
	case *kmsg.FetchSnapshotRequest:
		w.loaded++
		to.q.SnapshotFetched(w.now, req, l.resp.(*kmsg.FetchSnapshotResponse), &to.out)
	default:
		to.q.Answered(w.now, l.from, l.req, l.resp, &to.out)
	}
	if to.q.LogEnd() < before {
		w.cuts++
	}
}

// lost tells the asker that its connection has ended.
func (w *world) lost(l letter) {
	asker, other := w.voter(l.from), l.to
	if l.resp != nil {
		asker, other = w.voter(l.to), l.from
	}
	if asker.q != l.life {
		return
	}
	switch l.req.(type) {
	case *kmsg.FetchRequest, *kmsg.FetchSnapshotRequest:
		asker.q.FetchLost(w.now)
	default:
		asker.q.Lost(w.now, other)
	}
}

func (w *world) answer(v *voter, l letter) {
	a := letter{from: l.to, to: l.from, life: l.life, req: l.req}
	switch req := l.req.(type) {
	case *kmsg.VoteRequest:
		a.resp = v.q.Vote(w.now, req, &v.out)
	case *kmsg.BeginQuorumEpochRequest:
		a.resp = v.q.BeginEpoch(w.now, req, &v.out)
	case *kmsg.EndQuorumEpochRequest:
		a.resp = v.q.EndEpoch(w.now, req, &v.out)
	case *kmsg.FetchSnapshotRequest:
		a.resp = v.q.FetchSnapshot(w.now, req)
	case *kmsg.FetchRequest:
		v.q.Arrived(w.now, req)
		a.resp, a.records, _ = v.q.Fetch(req) // its time may be over at once
	}
	v.answers, v.versions = append(v.answers, a), append(v.versions, v.q.Version())
}

func (w *world) sync(v *voter) {
	if len(v.out.List) == 0 {
		return
	}
	i := w.n(len(v.out.List))
	e := v.out.List[i]
	v.out.List = slices.Delete(v.out.List, i, i+1)
	v.d.Sync(e.Name)
	v.q.Disk(w.now, &machine.Input{Kind: machine.DiskDone, Tag: e.Tag}, &v.out)
}

func (w *world) append(v *voter) {
	if !v.q.Leads() {
		return
	}
	w.written++
	if _, err := v.q.Append(w.now, [][]byte{[]byte(fmt.Sprint("r", w.written))}, &v.out); err != nil {
		w.fail("voter %d: %v", v.id, err)
	}
}

// snapshot has a voter let go of what is committed of its log.
func (w *world) snapshot(v *voter) {
	if !v.q.WantsSnapshot(0) || v.q.HighWatermark() <= v.q.LogStart() {
		return
	}
	var values [][]byte
	for _, e := range w.image(v, v.q.HighWatermark()) {
		values = append(values, []byte(fmt.Sprint(e.value, " ", e.epoch)))
	}
	w.snapshots++
	v.q.MakeSnapshot(w.now, int64(len(values)), values, &v.out)
}

func (w *world) tick(v *voter) { v.q.Tick(w.now, &v.out) }

// event is one step of a run with trouble.
func (w *world) event() {
	v := w.voters[w.n(len(w.voters))]
	if v.q.ending && !v.q.HandsOver() { // its process ends, and is started again
		w.restarts++
		w.boot(v)
	}
	switch k := w.n(1000); {
	case k < 480 && len(w.mail) > 0:
		w.deliver(w.n(len(w.mail)), w.n(20) == 0)
	case k < 700:
		w.sync(v)
	case k < 780:
		w.append(v)
	case k < 960:
		w.pass(time.Duration(w.n(8000)) * time.Microsecond)
	case k < 975:
		w.toggle(v.id, w.voters[w.n(len(w.voters))].id)
	case k < 979:
		v.q.Resign(w.now, &v.out)
	case k < 985:
		clear(w.cut)
	case k < 992:
		w.restarts++
		w.boot(v)
	case k < 999:
		w.snapshot(v)
	case k < 1000:
		w.restarts++
		v.d.PowerLoss(w.n(100))
		w.boot(v)
	}
}

func (w *world) toggle(a, b int32) {
	if a != b {
		w.cut[[2]int32{a, b}] = !w.cut[[2]int32{a, b}]
	}
}

func (w *world) pass(d time.Duration) {
	w.now.Mono = w.now.Mono.Add(d)
	for _, v := range w.voters {
		w.tick(v)
	}
}

// check holds the world to its invariants.
func (w *world) check() {
	for _, v := range w.voters {
		q := v.q
		if q.Err() != nil {
			w.fail("voter %d has failed: %v", v.id, q.Err())
			return
		}
		if q.Epoch() < v.epoch && q.state.isDurable() {
			w.fail("voter %d: epoch %d after %d", v.id, q.Epoch(), v.epoch)
		}
		if q.state.isDurable() {
			v.epoch = q.Epoch()
		}
		if q.Leads() {
			if other, led := w.leaders[q.Epoch()]; led && other != v.id {
				w.fail("epoch %d is led by %d and %d", q.Epoch(), other, v.id)
			} else if !led {
				w.elections++
				w.leaders[q.Epoch()] = v.id
			}
		}
		if q.HighWatermark() < v.highWatermark {
			w.fail("voter %d: high watermark %d after %d", v.id, q.HighWatermark(), v.highWatermark)
		}
		if q.HighWatermark() != v.highWatermark {
			v.highWatermark = q.HighWatermark()
			w.commits(v)
		}
	}
}

// commits holds what a voter takes for committed against what others have.
func (w *world) commits(v *voter) {
	log := w.image(v, v.highWatermark)
	for i := range min(len(log), len(w.committed)) {
		if log[i] != w.committed[i] {
			w.fail("voter %d has %v at offset %d, where %v is committed", v.id, log[i], i, w.committed[i])
			return
		}
	}
	if len(log) <= len(w.committed) {
		return
	}
	w.committed = log
	have := 0
	for _, other := range w.voters {
		if l := w.image(other, v.highWatermark); slices.Equal(l, log) {
			have++
		}
	}
	if have <= len(w.voters)/2 {
		w.fail("voter %d has the high watermark %d, and %d of %d have the log up to there", v.id, v.highWatermark, have, len(w.voters))
	}
}

// image is the records of a voter below an offset, those before its log from its
// snapshot.
func (w *world) image(v *voter, upTo int64) []entry {
	var list []entry
	if v.q.Snapshot().EndOffset > 0 {
		err := v.q.SnapshotRecords(func(value []byte) error {
			var e entry
			_, err := fmt.Sscan(string(value), &e.value, &e.epoch)
			list = append(list, e)
			return err
		})
		if err != nil || int64(len(list)) != v.q.Snapshot().EndOffset {
			w.fail("voter %d: snapshot %+v of %d records: %v", v.id, v.q.Snapshot(), len(list), err)
		}
	}
	upTo = max(min(upTo, v.q.LogEnd()), v.q.LogStart())
	err := v.q.batches(v.q.LogStart(), upTo, func(h wire.Batch, b machine.Bytes) error {
		return wire.EachRecord(b, func(r *wire.Record) error {
			value := string(r.Value)
			if h.IsControl() {
				value = "*"
			}
			list = append(list, entry{value, h.LeaderEpoch})
			return nil
		})
	})
	if err != nil {
		w.fail("voter %d: %v", v.id, err)
	}
	return list
}

// settle ends the trouble, and has the world come to rest.
func (w *world) settle() {
	clear(w.cut)
	for _, v := range w.voters {
		if v.q.ending { // its process has ended by now, and is started again
			w.boot(v)
		}
	}
	for range 4000 {
		if w.atRest() || w.broken != "" {
			return
		}
		for _, v := range w.voters {
			for len(v.out.List) > 0 {
				w.sync(v)
			}
			w.speak(v)
		}
		for n := len(w.mail); n > 0; n-- {
			w.deliver(0, false)
		}
		w.pass(2 * time.Millisecond)
		w.check()
	}
	w.fail("not at rest: %s", w.roles())
}

func (w *world) atRest() bool {
	var leader *voter
	for _, v := range w.voters {
		if v.q.Leading() {
			leader = v
		}
	}
	if leader == nil {
		return false
	}
	for _, v := range w.voters {
		if v.q.HighWatermark() != leader.q.LogEnd() || v.q.LogEnd() != leader.q.LogEnd() || v.q.Leader() != leader.id {
			return false
		}
	}
	return true
}

func (w *world) roles() (s string) {
	for _, v := range w.voters {
		s += fmt.Sprintf("%d %s of epoch %d, log end %d, high watermark %d; ", v.id, v.q.Role(), v.q.Epoch(), v.q.LogEnd(), v.q.HighWatermark())
	}
	return s
}

func (w *world) run(events int) {
	for range events {
		w.event()
		for _, v := range w.voters {
			w.speak(v)
		}
		if w.check(); w.broken != "" {
			return
		}
	}
	w.settle()
	w.check()
}

// worlds is how many are run; QUORUM_WORLDS asks for more.
func worlds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("QUORUM_WORLDS"), 10, 32); err == nil {
		return n
	}
	return 150
}

func TestWorlds(t *testing.T) {
	for _, voters := range []int{3, 5} {
		var elections, cuts, committed, restarts, snapshots, loaded int
		for seed := range worlds() {
			w := newWorld(seed, voters, noBug)
			w.run(1500)
			if w.broken != "" {
				t.Fatalf("%d voters, seed %d: %s\n%s", voters, seed, w.broken, w.roles())
			}
			snapshots, loaded = snapshots+w.snapshots, loaded+w.loaded
			elections, cuts, committed, restarts = elections+w.elections, cuts+w.cuts, committed+len(w.committed), restarts+w.restarts
		}
		t.Logf("%d voters: %d elections, %d truncations, %d records committed, %d restarts, %d snapshots, %d fetched", voters, elections, cuts, committed, restarts, snapshots, loaded)
		if n := int(worlds()); elections < 2*n || cuts < n/4 || committed < 10*n || restarts < n || snapshots < n || loaded < n/10 {
			t.Errorf("too little has happened")
		}
	}
}

// Each planted bug of a quorum shows in some world: the invariants can fail.
func TestWorldsFindBugs(t *testing.T) {
	bugs := []failpoint.Site{failpoint.C07CutBelowHighWatermark, failpoint.C11VoteTwice, failpoint.C12KeepDiverged}
	if !testing.Short() { // they take a thousand worlds
		bugs = append(bugs, failpoint.C01VoteBeforeDurable, failpoint.C10ForgetVote)
	}
	for _, bug := range bugs {
		found := ""
		seed := uint64(0)
		for ; seed < 3000 && found == ""; seed++ {
			w := newWorld(seed, 3, bug)
			w.run(1500)
			found = w.broken
		}
		if found == "" {
			t.Errorf("%v: not found in %d worlds", bug, seed)
		} else {
			t.Logf("%v: world %d: %s", bug, seed-1, found)
		}
	}
}

// What a majority has of an earlier epoch is not committed by that (Raft, figure 8).
func TestOwnEpoch(t *testing.T) {
	w := newWorld(1, 3, noBug)
	v := w.voters[0]
	q := v.q
	q.enter(w.now, 1, &v.out)
	q.lead(w.now, &v.out)
	w.append(v)
	q.enter(w.now, 3, &v.out)
	q.lead(w.now, &v.out) // offset 2
	for len(v.out.List) > 0 {
		w.sync(v)
	}
	fetch := fetchRequest(2) // it has what is of epoch 1
	p := &fetch.Topics[0].Partitions[0]
	fetch.ReplicaID, p.CurrentLeaderEpoch, p.LastFetchedEpoch = 102, 3, 1
	if q.Arrived(w.now, fetch); q.HighWatermark() != 0 {
		t.Errorf("high watermark %d with nothing of the epoch on a majority of disks", q.HighWatermark())
	}
	p.FetchOffset, p.LastFetchedEpoch = 3, 3
	if q.Arrived(w.now, fetch); q.HighWatermark() != 3 {
		t.Errorf("high watermark %d, want 3", q.HighWatermark())
	}
}
