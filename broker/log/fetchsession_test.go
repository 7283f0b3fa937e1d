package log

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// sessionFetch is a Fetch in a session, of partitions of a topic from offsets.
func sessionFetch(id, epoch int32, topic string, from map[int32]int64, forget ...int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.SessionID, req.SessionEpoch = -1, 1<<20, id, epoch
	if len(from) > 0 {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = topic
		for _, n := range slices.Sorted(maps.Keys(from)) {
			p := kmsg.NewFetchRequestTopicPartition()
			p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = n, from[n], 1<<20, -1, -1
			t.Partitions = append(t.Partitions, p)
		}
		req.Topics = append(req.Topics, t)
	}
	if len(forget) > 0 {
		f := kmsg.NewFetchRequestForgottenTopic()
		f.Topic, f.Partitions = topic, forget
		req.ForgottenTopics = append(req.ForgottenTopics, f)
	}
	return req
}

// told is what a Fetch has answered, a partition each.
func told(resp *kmsg.FetchResponse) map[int32]string {
	m := map[int32]string{}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			m[p.Partition] = fmt.Sprintf("error %d, high watermark %d, log start %d", p.ErrorCode, p.HighWatermark, p.LogStartOffset)
		}
	}
	return m
}

// newPartitions is a broker that leads n partitions of "orders".
func newPartitions(t testing.TB, n int, set func(*config.Broker)) (*lab, *labClient) {
	l := newCluster(t, 1, set)
	req := kmsg.NewPtrCreateTopicsRequest()
	x := kmsg.NewCreateTopicsRequestTopic()
	x.Topic, x.NumPartitions, x.ReplicationFactor = "orders", int32(n), 1
	req.Topics, req.TimeoutMillis = append(req.Topics, x), 10_000
	c := l.client(l.brokers[0])
	if code := ask[*kmsg.CreateTopicsResponse](c, req, 7).Topics[0].ErrorCode; code != 0 {
		t.Fatal(wire.ErrorName(code))
	}
	l.advance(time.Second)
	return l, c
}

func produceTo(c *labClient, n int32, value string) {
	req := produceRequest("orders", 1, time.Second, batch(value))
	req.Topics[0].Partitions[0].Partition = n
	ask[*kmsg.ProduceResponse](c, req, 9)
}

func TestFetchSession(t *testing.T) {
	_, c := newPartitions(t, 3, nil)
	produceTo(c, 1, "a")
	full := ask[*kmsg.FetchResponse](c, sessionFetch(0, 0, "orders", map[int32]int64{0: 0, 1: 0, 2: 0, 7: 0}), 12)
	if full.SessionID <= 0 || len(told(full)) != 4 {
		t.Fatalf("a full fetch: session %d, %v", full.SessionID, told(full))
	}
	id := full.SessionID
	// What has not changed is not said; an error always is, and what was asked for before still
	// is. Records are given again as long as nobody asks for what comes after them.
	next := ask[*kmsg.FetchResponse](c, sessionFetch(id, 1, "", nil), 12)
	if got := told(next); len(got) != 2 || got[1] == "" || got[7] == "" || next.SessionID != id {
		t.Errorf("nothing new: session %d, %v", next.SessionID, got)
	}
	next = ask[*kmsg.FetchResponse](c, sessionFetch(id, 2, "orders", map[int32]int64{1: 1}, 7), 12)
	if len(next.Topics) != 0 || next.SessionID != id {
		t.Errorf("all read, and 7 forgotten: %v", told(next))
	}
	produceTo(c, 2, "b")
	produceTo(c, 0, "c")
	next = ask[*kmsg.FetchResponse](c, sessionFetch(id, 3, "", nil), 12)
	if got := told(next); len(got) != 2 || got[0] == "" || got[2] == "" {
		t.Errorf("two have more: %v", got)
	}
	// Who has had records comes behind those who had none.
	if got := next.Topics[0].Partitions[0].Partition; got != 0 {
		t.Errorf("%d first", got)
	}
	produceTo(c, 1, "d")
	next = ask[*kmsg.FetchResponse](c, sessionFetch(id, 4, "", nil), 12)
	if got := next.Topics[0].Partitions[0].Partition; got != 1 {
		t.Errorf("%d first, not the one that had no records the last time", got)
	}

	code := func(req *kmsg.FetchRequest, version int16) int16 {
		return ask[*kmsg.FetchResponse](c, req, version).ErrorCode
	}
	for what, x := range map[string]struct { // unordered: none of them changes anything
		req     *kmsg.FetchRequest
		version int16
		code    int16
	}{
		"an epoch that was":   {sessionFetch(id, 4, "", nil), 12, wire.InvalidFetchSessionEpoch},
		"an epoch to come":    {sessionFetch(id, 6, "", nil), 12, wire.InvalidFetchSessionEpoch},
		"a session of nobody": {sessionFetch(id+1, 5, "", nil), 12, wire.FetchSessionIDNotFound},
		"no session":          {sessionFetch(0, 5, "", nil), 12, wire.FetchSessionIDNotFound},
		"an epoch below -1":   {sessionFetch(id, -2, "", nil), 12, wire.InvalidFetchSessionEpoch},
		"by id":               {sessionFetch(id, 5, "", nil), 13, wire.FetchSessionTopicIDError},
	} {
		if got := code(x.req, x.version); got != x.code {
			t.Errorf("%s: %s, want %s", what, wire.ErrorName(got), wire.ErrorName(x.code))
		}
	}
	// A session ends with a fetch that wants none, and with its last partition.
	if got := ask[*kmsg.FetchResponse](c, sessionFetch(id, -1, "orders", map[int32]int64{0: 0}), 12); got.SessionID != 0 || got.ErrorCode != 0 || len(told(got)) != 1 {
		t.Errorf("the last fetch: session %d, %v", got.SessionID, told(got))
	}
	if got := code(sessionFetch(id, 5, "", nil), 12); got != wire.FetchSessionIDNotFound {
		t.Errorf("a session that has ended: %s", wire.ErrorName(got))
	}
	id = ask[*kmsg.FetchResponse](c, sessionFetch(0, 0, "orders", map[int32]int64{0: 0}), 7).SessionID
	if got := ask[*kmsg.FetchResponse](c, sessionFetch(id, 1, "orders", nil, 0), 7); got.SessionID != 0 || got.ErrorCode != 0 || len(got.Topics) != 0 {
		t.Errorf("all forgotten: %+v", got)
	}
	if got := code(sessionFetch(id, 2, "", nil), 7); got != wire.FetchSessionIDNotFound {
		t.Errorf("a session of nothing: %s", wire.ErrorName(got))
	}
}

// A fetch of a session may be parked, and is answered with what came; if its session has gone
// on meanwhile on another connection, with an error.
func TestFetchSessionParked(t *testing.T) {
	l, c := newPartitions(t, 2, nil)
	id := ask[*kmsg.FetchResponse](c, sessionFetch(0, 0, "orders", map[int32]int64{0: 0, 1: 0}), 12).SessionID
	wait := func(epoch int32) *kmsg.FetchRequest {
		req := sessionFetch(id, epoch, "", nil)
		req.MinBytes, req.MaxWaitMillis = 1, 500
		return req
	}
	c.send(wait(1), 12)
	c.waits("a fetch of nothing")
	other := l.client(l.brokers[0])
	produceTo(other, 1, "a")
	if got := told(c.answer().(*kmsg.FetchResponse)); len(got) != 1 || got[1] == "" {
		t.Errorf("what came: %v", got)
	}
	c.send(sessionFetch(id, 2, "orders", map[int32]int64{1: 1}), 12)
	if got := c.answer().(*kmsg.FetchResponse); len(got.Topics) != 0 {
		t.Errorf("nothing came: %v", told(got))
	}
	c.send(wait(3), 12)
	ask[*kmsg.FetchResponse](other, sessionFetch(id, 4, "", nil), 12)
	l.advance(time.Second)
	if got := c.answer().(*kmsg.FetchResponse); got.ErrorCode != wire.InvalidFetchSessionEpoch || len(got.Topics) != 0 {
		t.Errorf("overtaken: %+v", got)
	}
	l.crash(l.brokers[0])
	l.start(l.brokers[0])
	l.advance(20 * time.Second)
	if got := ask[*kmsg.FetchResponse](l.client(l.brokers[0]), sessionFetch(id, 5, "", nil), 12).ErrorCode; got != wire.FetchSessionIDNotFound {
		t.Errorf("after a restart: %s", wire.ErrorName(got))
	}
}

// Sessions are few: the one that was not used for two minutes goes first, a follower's takes
// the place of a consumer's, and one that is that old gives way to a larger one.
func TestFetchSessionEviction(t *testing.T) {
	begin := func(l *lab, c *labClient, follower bool, parts int) int32 {
		from := map[int32]int64{}
		for n := range parts {
			from[int32(n)] = 0
		}
		req := sessionFetch(0, 0, "orders", from)
		if follower {
			req.ReplicaID = 5
		}
		return ask[*kmsg.FetchResponse](c, req, 12).SessionID
	}
	lives := func(c *labClient, id, epoch int32) bool {
		return ask[*kmsg.FetchResponse](c, sessionFetch(id, epoch, "", nil), 12).ErrorCode == 0
	}
	few := func(b *config.Broker) { b.MaxIncrementalFetchSessionCacheSlots = 2 }
	l, c := newPartitions(t, 3, few)
	a, b := begin(l, c, false, 2), begin(l, c, false, 1)
	if begin(l, c, false, 3) != 0 {
		t.Error("a young session gave way to a consumer")
	}
	f := begin(l, c, true, 1) // in the place of the smallest
	if f == 0 || lives(c, b, 1) || !lives(c, a, 1) {
		t.Error("a follower has not got the place of the smallest session")
	}
	l.advance(121 * time.Second)
	if !lives(c, a, 2) {
		t.Fatal("gone by itself")
	}
	if g := begin(l, c, false, 1); g == 0 || lives(c, f, 1) {
		t.Error("the session that was not used for two minutes has not gone")
	}
	if begin(l, c, false, 2) != 0 || begin(l, c, false, 3) == 0 || lives(c, a, 3) {
		t.Error("an old session must give way to a larger one, and not to one that is as large")
	}
	l, c = newPartitions(t, 1, func(b *config.Broker) { b.MaxIncrementalFetchSessionCacheSlots = 0 })
	if begin(l, c, true, 1) != 0 {
		t.Error("a session without a slot")
	}
}

// A session tells what full fetches would: whatever is produced, asked for and forgotten, who
// keeps what he was told last knows the same as who asks for everything each time.
func TestFetchSessionTellsAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l, c := newPartitions(t, 4, nil)
		other := l.client(l.brokers[0])
		version := rapid.SampledFrom([]int16{7, 11, 12}).Draw(rt, "version")
		from := map[int32]int64{} // what is wanted
		knows := map[int32]string{}
		var id, epoch int32
		produced := 0
		read := func(resp *kmsg.FetchResponse) map[int32][]string {
			got := map[int32][]string{}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					got[p.Partition] = values(c.l.t, p.RecordBatches)
				}
			}
			return got
		}
		for range rapid.IntRange(1, 40).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 3).Draw(rt, "records") {
				produced++
				produceTo(other, rapid.Int32Range(0, 3).Draw(rt, "to"), fmt.Sprint(produced))
			}
			say := map[int32]int64{}
			var forget []int32
			for n := range int32(6) { // 4 and 5 are not there
				switch rapid.IntRange(0, 5).Draw(rt, "what") {
				case 0:
					from[n] = rapid.Int64Range(0, 4).Draw(rt, "from")
					say[n] = from[n]
				case 1:
					if _, has := from[n]; has && id != 0 {
						forget = append(forget, n)
						delete(from, n)
						delete(knows, n)
						delete(say, n)
					}
				}
			}
			if rapid.IntRange(0, 9).Draw(rt, "anew") == 0 || len(from) == 0 {
				id = 0
			}
			if id == 0 {
				epoch, say, forget, knows = 0, from, nil, map[int32]string{}
			}
			got := ask[*kmsg.FetchResponse](c, sessionFetch(id, epoch, "orders", say, forget...), version)
			want := ask[*kmsg.FetchResponse](other, sessionFetch(0, -1, "orders", from), version)
			if got.ErrorCode != 0 {
				rt.Fatalf("session %d epoch %d: %s", id, epoch, wire.ErrorName(got.ErrorCode))
			}
			id, epoch = got.SessionID, epoch+1
			maps.Copy(knows, told(got))
			if len(from) > 0 && !maps.Equal(knows, told(want)) {
				rt.Fatalf("in the session\n%v\nand without\n%v", knows, told(want))
			}
			records := read(got)
			for n, list := range read(want) { // unordered: all are compared
				if !slices.Equal(records[n], list) {
					rt.Fatalf("partition %d: %q in the session, %q without", n, records[n], list)
				}
			}
			if len(from) == 0 {
				id = 0
			}
		}
	})
}

// Ids of sessions do not come again: a session of a life before is not taken for one of this.
func TestFetchSessionIDs(t *testing.T) {
	seen := map[int32]bool{}
	for life := range byte(20) {
		s := newFetchSessions(1000, [16]byte{life})
		for range 50 {
			var resp kmsg.FetchResponse
			s.begin(machine.Instant(0), kmsg.NewPtrFetchRequest(), &resp)
			if resp.SessionID <= 0 || seen[resp.SessionID] {
				t.Fatalf("session %d", resp.SessionID)
			}
			seen[resp.SessionID] = true
		}
	}
}
