package quorum

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
)

// tester is a test or a property of rapid.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// node is a quorum with its disk; syncs are answered when the test says so.
type node struct {
	t   tester
	d   *storagetest.Disk
	q   *Quorum
	out machine.Effects
}

var wall = machine.Now{Wall: machine.Instant(1_700_000_000 * time.Second)}

func boot(t tester, d *storagetest.Disk) *node {
	t.Helper()
	q, err := Open(d, Config{ID: 101})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, d: d, q: q}
	q.Begin(wall, &n.out)
	return n
}

// syncs performs the syncs that are asked for, one after the other, and returns
// how many there were.
func (n *node) syncs() int {
	count := 0
	for len(n.out.List) > 0 {
		e := n.out.List[0]
		n.out.List = slices.Delete(n.out.List, 0, 1)
		if e.Kind != machine.DoSync {
			n.t.Fatalf("asked to %v", e)
		}
		n.d.Sync(e.Name)
		n.done(e.Tag, nil)
		count++
	}
	return count
}

func (n *node) done(tag machine.Tag, err error) {
	n.q.Disk(wall, &machine.Input{Kind: machine.DiskDone, Tag: tag, Err: err}, &n.out)
}

func (n *node) append(values ...string) int64 {
	n.t.Helper()
	var bytes [][]byte
	for _, v := range values {
		bytes = append(bytes, []byte(v))
	}
	base, err := n.q.Append(wall, bytes, &n.out)
	if err != nil {
		n.t.Fatal(err)
	}
	return base
}

// log is the records of the log, control records as *.
func (n *node) log() string {
	n.t.Helper()
	var all []string
	err := n.q.Records(0, n.q.LogEnd(), func(offset int64, value []byte, control bool) error {
		if offset != int64(len(all)) {
			return fmt.Errorf("offset %d follows %d records", offset, len(all))
		}
		if control {
			value = []byte("*")
		}
		all = append(all, string(value))
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func fetchRequest(offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes = 500, 1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = Topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

func (n *node) fetch(req *kmsg.FetchRequest) (kmsg.FetchResponseTopicPartition, machine.Bytes, bool) {
	n.t.Helper()
	resp, records, wait := n.q.Fetch(req)
	if len(records) != 1 || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		n.t.Fatalf("answered %+v with %d records", resp, len(records))
	}
	return resp.Topics[0].Partitions[0], records[0], wait
}

func TestLeads(t *testing.T) {
	n := boot(t, storagetest.New())
	if len(n.out.List) != 1 || n.out.List[0].Tag != TagState || n.q.LogEnd() != 0 {
		t.Fatalf("before its epoch is durable it did %v to a log that ends at %d", &n.out, n.q.LogEnd())
	}
	if p, _, wait := n.fetch(fetchRequest(0)); p.ErrorCode != wire.NotLeaderOrFollower || wait {
		t.Errorf("before it leads: %+v, wait=%t", p, wait)
	}
	n.out.Reset()
	n.d.Sync(stateFile)
	n.done(TagState, nil)
	if n.q.LogEnd() != 1 || n.q.Leading() || n.q.HighWatermark() != 0 {
		t.Fatalf("log end %d, leading %t, high watermark %d", n.q.LogEnd(), n.q.Leading(), n.q.HighWatermark())
	}
	n.syncs()
	if !n.q.Leading() || n.q.HighWatermark() != 1 || n.q.Epoch() != 1 {
		t.Fatalf("leading %t, high watermark %d, epoch %d", n.q.Leading(), n.q.HighWatermark(), n.q.Epoch())
	}
	if got := n.log(); got != "*" {
		t.Errorf("log %q", got)
	}
}

// Several appends share a sync, and the high watermark is what a sync that has
// been answered covered when it was asked for.
func TestGroupSync(t *testing.T) {
	n := boot(t, storagetest.New())
	n.syncs()
	n.append("a")
	n.append("b", "c")
	n.append("d")
	if len(n.out.List) != 1 {
		t.Fatalf("three appends asked for\n%v", &n.out)
	}
	n.out.Reset()
	n.done(TagLog, nil)
	if hw := n.q.HighWatermark(); hw != 2 {
		t.Errorf("high watermark %d after the sync that covered 2", hw)
	}
	if got := n.syncs(); got != 1 || n.q.HighWatermark() != 5 {
		t.Errorf("%d more syncs, high watermark %d", got, n.q.HighWatermark())
	}
	n.done(TagLog, nil)
	if n.q.HighWatermark() != 5 || len(n.out.List) > 0 {
		t.Errorf("an answer to nothing moved the high watermark to %d: %v", n.q.HighWatermark(), &n.out)
	}
}

func TestFailedSync(t *testing.T) {
	for _, tag := range []machine.Tag{TagState, TagLog} {
		n := boot(t, storagetest.New())
		if tag == TagLog {
			n.syncs()
			n.append("a")
		}
		hw := n.q.HighWatermark()
		n.done(tag, machine.ErrIO)
		n.done(tag, nil) // a sync is not asked for again and believed
		if !errors.Is(n.q.Err(), machine.ErrIO) || n.q.HighWatermark() != hw || n.q.Leading() {
			t.Errorf("tag %d: err %v, high watermark %d then %d, leading %t", tag, n.q.Err(), hw, n.q.HighWatermark(), n.q.Leading())
		}
	}
}

func TestFullDisk(t *testing.T) {
	n := boot(t, storagetest.New())
	n.syncs()
	n.d.Err = machine.ErrNoSpace
	if _, err := n.q.Append(wall, [][]byte{{1}}, &n.out); !errors.Is(err, machine.ErrNoSpace) {
		t.Errorf("append: %v", err)
	}
	if !errors.Is(n.q.Err(), machine.ErrNoSpace) || n.q.LogEnd() != 1 {
		t.Errorf("err %v, log end %d", n.q.Err(), n.q.LogEnd())
	}
	n = &node{t: t, d: storagetest.New()}
	n.d.Err = machine.ErrNoSpace
	q, err := Open(n.d, Config{ID: 101})
	if err != nil {
		t.Fatal(err)
	}
	q.Begin(wall, &n.out)
	if q.Err() == nil || len(n.out.List) > 0 {
		t.Errorf("began on a full disk: %v, %v", q.Err(), &n.out)
	}
}

// Whatever happens: what was below the high watermark is there in the next life,
// the epoch rises, and no two batches of one epoch come from two lives.
func TestCrashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := storagetest.New()
		n := boot(rt, d)
		var committed []string // below the high watermark, ever
		epoch := int32(0)      // the last one that anything was written in
		written := 0
		look := func() {
			all := strings.Fields(n.log())
			hw := int(n.q.HighWatermark())
			if hw < len(committed) && n.q.Leading() {
				rt.Fatalf("high watermark %d, was %d", hw, len(committed))
			}
			if k := min(hw, len(all)); k > len(committed) {
				committed = slices.Clone(all[:k])
			}
			if len(all) < len(committed) || !slices.Equal(all[:len(committed)], committed) {
				rt.Fatalf("log %v has lost of %v", all, committed)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				if n.q.role != leading {
					t.Skip()
				}
				var values []string
				for range rapid.IntRange(1, 3).Draw(t, "records") {
					values = append(values, fmt.Sprint("r", written))
					written++
				}
				n.append(values...)
			},
			"sync": func(t *rapid.T) {
				if len(n.out.List) == 0 {
					t.Skip()
				}
				e := n.out.List[0]
				n.out.List = slices.Delete(n.out.List, 0, 1)
				n.d.Sync(e.Name)
				n.done(e.Tag, nil)
			},
			"restart": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "power loss") {
					d.PowerLoss(rapid.IntRange(0, 100).Draw(t, "torn"))
				}
				n = boot(rt, d)
				if n.q.Epoch() <= epoch {
					t.Fatalf("epoch %d after a life that wrote in %d", n.q.Epoch(), epoch)
				}
			},
			"": func(*rapid.T) {
				look()
				if n.q.role == leading {
					epoch = n.q.Epoch()
				}
			},
		})
	})
}

func TestFetch(t *testing.T) {
	d := storagetest.New()
	n := boot(t, d)
	n.syncs()
	n.append("a", "b") // 1, 2
	n.syncs()
	n = boot(t, d) // epoch 2: 3
	n.syncs()
	n.append("c") // 4
	n.syncs()
	n.append("d") // 5, not synced

	for _, c := range []struct {
		name   string
		offset int64
		with   func(*kmsg.FetchRequest, *kmsg.FetchRequestTopicPartition)
		code   int16
		wait   bool
		upTo   int64 // offset after the last record; 0: no records
	}{
		{name: "all", offset: 0, upTo: 5},
		{name: "in the middle of a batch", offset: 2, upTo: 5},
		{name: "at the high watermark", offset: 5, wait: true},
		{name: "above the high watermark", offset: 6, wait: true},
		{name: "above the log end", offset: 7, code: wire.OffsetOutOfRange},
		{name: "below zero", offset: -1, code: wire.OffsetOutOfRange},
		{name: "one batch at least", offset: 0, upTo: 1, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = 1 }},
		{name: "one batch at least of all", offset: 0, upTo: 1, with: func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MaxBytes = 1 }},
		{name: "negative size", offset: 0, upTo: 1, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.PartitionMaxBytes = -1 }},
		{name: "will not wait", offset: 5, with: func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MaxWaitMillis = 0 }},
		{name: "wants nothing", offset: 5, with: func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.MinBytes = 0 }},
		{name: "this epoch", offset: 3, upTo: 5, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 2 }},
		{name: "an old epoch", offset: 3, code: wire.FencedLeaderEpoch, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 1 }},
		{name: "a later epoch", offset: 3, code: wire.UnknownLeaderEpoch, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.CurrentLeaderEpoch = 3 }},
		{name: "partition 1", offset: 0, code: wire.UnknownTopicOrPartition, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.Partition = 1 }},
		{name: "another topic", offset: 0, code: wire.UnknownTopicOrPartition, with: func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) { r.Topics[0].Topic = "orders" }},
		{name: "by topic id", offset: 0, upTo: 5, with: func(r *kmsg.FetchRequest, _ *kmsg.FetchRequestTopicPartition) {
			r.Topics[0].Topic, r.Topics[0].TopicID = "", topicID
		}},
		{name: "same history", offset: 3, upTo: 5, with: func(_ *kmsg.FetchRequest, p *kmsg.FetchRequestTopicPartition) { p.LastFetchedEpoch = 1 }},
	} {
		req := fetchRequest(c.offset)
		if c.with != nil {
			c.with(req, &req.Topics[0].Partitions[0])
		}
		p, b, wait := n.fetch(req)
		upTo := int64(0)
		for h := range wire.SplitBatches(b) {
			upTo = h.NextOffset()
			if epoch := int32(1 + h.BaseOffset/3); h.LeaderEpoch != epoch {
				t.Errorf("%s: the batch at %d has leader epoch %d, not %d", c.name, h.BaseOffset, h.LeaderEpoch, epoch)
			}
		}
		if p.ErrorCode != c.code || wait != c.wait || upTo != c.upTo {
			t.Errorf("%s: code %d, wait %t, up to %d; want %d, %t, %d", c.name, p.ErrorCode, wait, upTo, c.code, c.wait, c.upTo)
		}
		if known := c.code != wire.UnknownTopicOrPartition; known && (p.HighWatermark != 5 || p.CurrentLeader.LeaderEpoch != 2 || p.CurrentLeader.LeaderID != 101) {
			t.Errorf("%s: high watermark %d, leader %+v", c.name, p.HighWatermark, p.CurrentLeader)
		}
		if p.DivergingEpoch.EndOffset >= 0 {
			t.Errorf("%s: diverges %+v", c.name, p.DivergingEpoch)
		}
	}

	if _, records, wait := n.q.Fetch(kmsg.NewPtrFetchRequest()); len(records) > 0 || wait {
		t.Errorf("a fetch of nothing: %d records, wait %t", len(records), wait)
	}
	var from2 []int64
	if err := n.q.Records(2, n.q.LogEnd(), func(offset int64, _ []byte, _ bool) error {
		from2 = append(from2, offset)
		return nil
	}); err != nil || !slices.Equal(from2, []int64{2, 3, 4, 5}) {
		t.Errorf("records from 2: %d, %v", from2, err)
	}

	for _, c := range []struct {
		offset    int64
		epoch     int32
		wantEpoch int32
		wantEnd   int64
	}{
		{4, 1, 1, 3}, // epoch 1 ended at 3
		{9, 2, 2, 6}, // epoch 2 has not come so far
		{2, 0, 0, 0}, // there was no epoch 0
		{2, 7, 2, 6}, // nor is there a 7
	} {
		req := fetchRequest(c.offset)
		req.Topics[0].Partitions[0].LastFetchedEpoch = c.epoch
		p, b, wait := n.fetch(req)
		if p.ErrorCode != 0 || wait || b.Len() > 0 || p.DivergingEpoch.Epoch != c.wantEpoch || p.DivergingEpoch.EndOffset != c.wantEnd {
			t.Errorf("offset %d after epoch %d: %+v, want epoch %d to %d", c.offset, c.epoch, p, c.wantEpoch, c.wantEnd)
		}
	}
}

func FuzzState(f *testing.F) {
	line := electionState{LeaderID: 101, LeaderEpoch: 3, VotedID: 101}.line()
	f.Add(line)
	f.Add(slices.Concat(line, electionState{LeaderID: 101, LeaderEpoch: 4, VotedID: 101}.line()))
	f.Add(slices.Concat(line, line[:10]))
	f.Add(slices.Concat([]byte("x\n"), line))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := storagetest.New()
		d.Put(stateFile, b)
		s, _, err := readState(d)
		if err != nil {
			return
		}
		// What is left is what was understood.
		again, _, err := readState(d)
		if err != nil || again != s {
			t.Fatalf("%q is %+v, then %+v, %v", b, s, again, err)
		}
	})
}

func TestState(t *testing.T) {
	at := func(epoch int32) []byte { return electionState{LeaderID: 101, LeaderEpoch: epoch, VotedID: 101}.line() }
	for _, c := range []struct {
		name  string
		file  []byte
		epoch int32
		bad   bool
	}{
		{"none", nil, 0, false},
		{"one", at(1), 1, false},
		{"two", slices.Concat(at(1), at(2)), 2, false},
		{"torn", slices.Concat(at(1), at(2)[:20]), 1, false},
		{"torn before the newline", slices.Concat(at(1), at(2)[:len(at(2))-1]), 1, false},
		{"garbage for an end", slices.Concat(at(1), []byte("\x00\n\x00\n")), 1, false},
		{"garbage in the middle", slices.Concat(at(1), []byte("\x00\x00\n"), at(2)), 0, true},
		{"back", slices.Concat(at(2), at(1)), 0, true},
	} {
		d := storagetest.New()
		if c.file != nil {
			d.Put(stateFile, c.file)
		}
		s, cut, err := readState(d)
		if left, _ := d.Size(stateFile); err == nil && left+cut != int64(len(c.file)) {
			t.Errorf("%s: %d bytes are cut, %d left", c.name, cut, left)
		}
		if (err != nil) != c.bad || !c.bad && s.LeaderEpoch != c.epoch {
			t.Errorf("%s: %+v, %v", c.name, s, err)
		}
	}
	if got, want := string(at(3)), `{"leaderId":101,"leaderEpoch":3,"votedId":101,"data_version":0} `; !strings.HasPrefix(got, want) {
		t.Errorf("a state is %q, not %q and its checksum", got, want)
	}
}

// A log from an epoch that quorum-state has not heard of means that the one or
// the other is not ours.
func TestForeignLog(t *testing.T) {
	d := storagetest.New()
	boot(t, d).syncs()
	if err := d.Remove(stateFile); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(d, Config{ID: 101}); err == nil || !strings.Contains(err.Error(), "leader epoch 1, above 0") {
		t.Errorf("opened: %v", err)
	}
}

// What was cut off of the log and of quorum-state is said.
func TestFound(t *testing.T) {
	d := storagetest.New()
	n := boot(t, d)
	n.syncs()
	if list := n.q.Found(); len(list) > 0 {
		t.Errorf("of nothing: %q", list)
	}
	if _, err := n.q.Append(wall, [][]byte{[]byte("metadata")}, &n.out); err != nil {
		t.Fatal(err)
	}
	n.syncs()
	file := n.q.log.File()
	log := d.Get(file)
	log[len(log)-1] ^= 1
	d.Put(file, log)
	d.Put(stateFile, append(d.Get(stateFile), '{'))
	list := boot(t, d).q.Found()
	if len(list) != 2 || list[0] != stateFile+": cut 1 bytes that were not written whole" ||
		!strings.HasPrefix(list[1], Dir+": cut ") || !strings.Contains(list[1], "offset 1, ") || !strings.Contains(list[1], "CRC-32C") {
		t.Errorf("found %q", list)
	}
	// A log whose beginning is only in a snapshot that is not whole.
	d = storagetest.New()
	snapshot := SnapshotID{EndOffset: 5, Epoch: 1}.file()
	d.Put(snapshot, []byte("half a snapshot"))
	d.Put(Dir+"/00000000000000000005.log", nil)
	want := []string{
		snapshot + ": removed, since it is not whole",
		Dir + ": it begins at offset 5, and no snapshot tells what is before; only another controller's can",
	}
	if list := boot(t, d).q.Found(); !slices.Equal(list, want) {
		t.Errorf("found %q, want %q", list, want)
	}
}

// A follower that makes a snapshot of its own when its leader names another, since the two
// logs part before that, does not take its own log for what is committed.
func TestSnapshotNamedMeanwhile(t *testing.T) {
	w := newWorld(1, 3, noBug)
	v := w.voters[1]
	q := v.q
	q.enter(w.now, 1, &v.out)
	q.lead(w.now, &v.out)
	for range 3 {
		w.append(v)
	}
	settle := func() {
		for len(v.out.List) > 0 {
			w.sync(v)
		}
	}
	settle()
	has := fetchRequest(2)
	p := &has.Topics[0].Partitions[0]
	has.ReplicaID, p.CurrentLeaderEpoch, p.LastFetchedEpoch = 103, 1, 1
	q.Arrived(w.now, has)
	q.enter(w.now, 2, &v.out)
	q.follow(w.now, 101, &v.out)
	settle()
	q.MakeSnapshot(w.now, 2, [][]byte{[]byte("* 1"), []byte("r1 1")}, &v.out)
	req := q.AskFetch().(*kmsg.FetchRequest)
	x := kmsg.NewFetchResponseTopicPartition()
	x.HighWatermark, x.SnapshotID.EndOffset, x.SnapshotID.Epoch = 4, 3, 2
	x.CurrentLeader.LeaderID, x.CurrentLeader.LeaderEpoch = 101, 2
	answer := kmsg.NewFetchResponseTopic()
	answer.Partitions = append(answer.Partitions, x)
	resp := kmsg.NewPtrFetchResponse()
	resp.Topics = append(resp.Topics, answer)
	named := func() { q.Fetched(w.now, req, resp, []wire.Records{{}}, &v.out) }
	if named(); q.HighWatermark() != 2 || q.making.fetched {
		t.Errorf("high watermark %d, want 2; fetches %t", q.HighWatermark(), q.making.fetched)
	}
	if at := q.FetchAt(); at != w.now.Mono.Add(q.cfg.RetryBackoff) {
		t.Errorf("asks again at %v, want after the back-off", at)
	}
	settle()
	if named(); q.HighWatermark() != 2 || !q.making.fetched || q.making.id != (SnapshotID{3, 2}) {
		t.Errorf("then: high watermark %d, making %+v", q.HighWatermark(), q.making)
	}
}

// A leader's snapshot that is on the disk beside a longer log of an earlier epoch, since
// the power was lost before it took that log's place, takes it at the next start; and
// nobody stands for election with a log that is about to go.
func TestSnapshotBesideAnotherLog(t *testing.T) {
	w := newWorld(1, 3, noBug)
	lead := func(v *voter, epoch int32, records int) {
		v.q.enter(w.now, epoch, &v.out)
		v.q.lead(w.now, &v.out)
		for range records {
			w.append(v)
		}
		for len(v.out.List) > 0 {
			w.sync(v)
		}
	}
	leader, v := w.voters[0], w.voters[1]
	lead(v, 1, 6)
	lead(leader, 2, 2)
	has := fetchRequest(3)
	p := &has.Topics[0].Partitions[0]
	has.ReplicaID, p.CurrentLeaderEpoch, p.LastFetchedEpoch = 103, 2, 2
	leader.q.Arrived(w.now, has)
	w.snapshot(leader)
	for len(leader.out.List) > 0 {
		w.sync(leader)
	}
	id := leader.q.Snapshot()
	if id != (SnapshotID{3, 2}) {
		t.Fatalf("snapshot %+v", id)
	}
	v.q.enter(w.now, 2, &v.out)
	for len(v.out.List) > 0 {
		w.sync(v)
	}
	v.d.Put(id.file(), leader.d.Get(id.file()))
	w.boot(v)
	for range 3 {
		w.now.Mono = w.now.Mono.Add(time.Second)
		w.tick(v)
	}
	if v.q.role != unattached || v.q.epoch != 2 {
		t.Errorf("%v of epoch %d with a log that is about to go", v.q.Role(), v.q.epoch)
	}
	if epoch, end := v.q.last(); epoch != 2 || end != 3 {
		t.Errorf("its last is offset %d of epoch %d", end, epoch)
	}
	for len(v.out.List) > 0 {
		w.sync(v)
	}
	if v.q.Snapshot() != id || v.q.LogStart() != 3 || v.q.LogEnd() != 3 {
		t.Errorf("snapshot %+v of a log from %d to %d, want from 3 to 3", v.q.Snapshot(), v.q.LogStart(), v.q.LogEnd())
	}
	w.tick(v)
	if w.now.Mono = w.now.Mono.Add(time.Second); v.q.Deadline() <= w.now.Mono {
		w.tick(v)
	}
	if v.q.role == unattached {
		t.Error("it does not stand any more")
	}
}
