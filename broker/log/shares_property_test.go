package log

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// heldRecord is a record that a member has, as far as anybody knows.
type heldRecord struct {
	member string
	epoch  int32 // of the leader
	until  time.Duration
}

// TestSharesWhateverDies has members of a share group fetch, accept and release while brokers die,
// which lead partitions, coordinate the group, or keep what it has read: what was accepted, and that
// was answered, is never delivered again; nobody is given what another has; and in the end
// everything that was produced is accepted.
func TestSharesWhateverDies(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newShared(t, 3, func(b *config.Broker) { b.GroupShareDeliveryCountLimit = 10 })
		l.groupSetting("s", "share.auto.offset.reset", "earliest")
		members := []*sharer{l.sharer("s", "x"), l.sharer("s", "y"), l.sharer("s", "z")}
		has := map[*sharer][]string{}    // what a member has been given and not yet said anything of
		at := map[string]int64{}         // offsets
		held := map[string]heldRecord{}  // by value
		accepted := map[string]bool{}    // and answered
		perhaps := map[string]bool{}     // accepted, and nobody has answered
		deliveries := map[string]int{}   // of those that were counted
		produced, down := []string{}, -1 // acknowledged; the broker that is down
		named := 0
		clock := func() time.Duration { return time.Duration(l.now.Mono) }
		leader := func() (*labNode, int32) {
			info := l.controller.machine.(*ControllerNode).Image().Partition("shared", 0)
			if info.Leader < 1 || l.brokers[info.Leader-1].machine == nil {
				return nil, -1
			}
			return l.brokers[info.Leader-1], info.LeaderEpoch
		}
		var epoch int32
		connected := func(m *sharer) bool {
			n, e := leader()
			if n == nil {
				return false
			}
			if m.c == nil || m.c.closed != nil || m.to != n {
				if m.c != nil && m.c.closed == nil {
					m.c.hangUp()
				}
				m.c, m.to, m.epoch = l.client(n), n, 0
				has[m] = nil
				for v, h := range held {
					if h.member == m.member {
						delete(held, v)
					}
				}
			}
			epoch = e
			return true
		}
		fetch := func(m *sharer, choose func() string) {
			if !connected(m) {
				return
			}
			type word struct{ value, word string }
			var words []word
			says := ""
			list := has[m]
			// total: no two are at one offset
			slices.SortFunc(list, func(a, b string) int { return int(at[a] - at[b]) })
			has[m] = nil
			for _, v := range list {
				w := "keep"
				if m.epoch > 0 {
					w = choose()
				}
				if w == "keep" {
					has[m] = append(has[m], v)
					continue
				}
				words = append(words, word{v, w})
				says += fmt.Sprintf("%d-%d %s,", at[v], at[v], w)
			}
			e := epoch
			m.c.send(m.request(says, 300*time.Millisecond), 2)
			for range 400 {
				if len(m.c.answers) > 0 || m.c.closed != nil {
					break
				}
				l.advance(100 * time.Millisecond)
			}
			failed := len(m.c.answers) == 0
			var r *kmsg.ShareFetchResponse
			if !failed {
				if r = m.c.answer().(*kmsg.ShareFetchResponse); r.ErrorCode != 0 {
					m.c.hangUp() // it begins anew
					m.c, failed = nil, true
				}
			}
			said := int16(0)
			if !failed {
				m.epoch++
				for _, topic := range r.Topics {
					for _, p := range topic.Partitions {
						said = p.AcknowledgeErrorCode
					}
				}
			}
			for _, w := range words {
				delete(held, w.value)
				switch {
				case w.word == "accept" && !failed && said == 0:
					accepted[w.value] = true
				case w.word == "accept":
					perhaps[w.value] = true
				}
			}
			if failed {
				return
			}
			for _, topic := range r.Topics {
				for _, p := range topic.Partitions {
					if len(p.AcquiredRecords) == 0 {
						continue
					}
					offsets := offsetsOf(t, p.Records)
					for v, offset := range offsets {
						if !slices.ContainsFunc(p.AcquiredRecords, func(a kmsg.ShareFetchResponseTopicPartitionAcquiredRecord) bool {
							return a.FirstOffset <= offset && offset <= a.LastOffset
						}) {
							continue
						}
						if accepted[v] {
							rt.Fatalf("%s is delivered to %s, and was accepted", v, m.member)
						}
						if h, is := held[v]; is && h.member != m.member && h.epoch == e && clock() < h.until {
							rt.Fatalf("%s is delivered to %s, and %s has it", v, m.member, h.member)
						}
						at[v] = offset
						deliveries[v]++
						held[v] = heldRecord{m.member, e, clock() + 29*time.Second}
						if !slices.Contains(has[m], v) {
							has[m] = append(has[m], v)
						}
					}
				}
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"produce": func(rt *rapid.T) {
				n, _ := leader()
				if n == nil {
					rt.Skip()
				}
				c := l.client(n)
				named++
				v := fmt.Sprint("r", named)
				c.send(produceRequest("shared", -1, 20*time.Second, batch(v)), 9)
				for range 300 {
					if len(c.answers) > 0 || c.closed != nil {
						break
					}
					l.advance(100 * time.Millisecond)
				}
				if len(c.answers) > 0 && c.answer().(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode == 0 {
					produced = append(produced, v)
				}
				c.hangUp()
			},
			"fetch": func(rt *rapid.T) {
				m := rapid.SampledFrom(members).Draw(rt, "member")
				fetch(m, func() string {
					return rapid.SampledFrom([]string{"accept", "accept", "accept", "release", "keep"}).Draw(rt, "says")
				})
			},
			"hang up": func(rt *rapid.T) {
				m := rapid.SampledFrom(members).Draw(rt, "member")
				if m.c != nil && m.c.closed == nil {
					m.c.hangUp()
				}
				m.c = nil
				connected(m)
			},
			"crash": func(rt *rapid.T) {
				if down >= 0 {
					rt.Skip()
				}
				down = rapid.IntRange(0, 2).Draw(rt, "broker")
				l.crash(l.brokers[down])
			},
			"start": func(rt *rapid.T) {
				if down < 0 {
					rt.Skip()
				}
				l.start(l.brokers[down])
				down = -1
			},
			"time": func(rt *rapid.T) {
				l.advance(time.Duration(rapid.IntRange(1, 20).Draw(rt, "s")) * time.Second)
			},
		})
		if down >= 0 {
			l.start(l.brokers[down])
		}
		l.advance(time.Minute)
		for range 6 {
			for range 4 {
				fetch(members[0], func() string { return "accept" })
			}
			l.advance(31 * time.Second)
		}
		for _, v := range produced {
			if !accepted[v] && !perhaps[v] && deliveries[v] < 10 {
				rt.Fatalf("%s is accepted by nobody, and was delivered %d times", v, deliveries[v])
			}
		}
	})
}

// offsetsOf are the offsets of records by their values.
func offsetsOf(t testing.TB, batches []byte) map[string]int64 {
	t.Helper()
	list := make(map[string]int64)
	for h, b := range wire.SplitBatches(machine.Literal(batches)) {
		if err := wire.EachRecord(b, func(r *wire.Record) error {
			list[string(r.Value)] = h.BaseOffset + int64(r.OffsetDelta)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
