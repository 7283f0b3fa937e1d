package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// playShare plays the commands about share groups.
func (s *story) playShare(l line, group string) bool {
	switch l.cmd {
	case "sjoin", "sbeat", "sleave":
		r := kmsg.NewPtrShareGroupHeartbeatRequest()
		who := l.word(0)
		r.Version, r.GroupID, r.MemberID, r.MemberEpoch = 1, group, who, int32(l.n("epoch", int(s.gen[who])))
		if t, ok := l.values["topics"]; ok {
			r.SubscribedTopicNames = list(t)
		}
		switch l.cmd {
		case "sjoin":
			r.MemberEpoch = 0
		case "sleave":
			r.MemberEpoch = leaves
		}
		s.ask(who, r)
	case "sinit": // what the runner has share coordinators begin, they have begun
		epoch, topics := s.l.m.ShareUninitialized(s.l.now.Mono, group)
		s.say("state of epoch %d of %s", epoch, showPlain(shareOf(topics)))
		s.l.ask("", ShareInitialized{group, topics})
	case "sdescribe":
		r := kmsg.NewPtrShareGroupDescribeRequest()
		r.Version, r.GroupIDs = 1, []string{group}
		s.ask("", r)
	case "salter":
		r := kmsg.NewPtrAlterShareGroupOffsetsRequest()
		r.GroupID = group
		for _, tp := range l.words {
			topic, index, _ := strings.Cut(tp, "-")
			r.Topics = append(r.Topics, kmsg.AlterShareGroupOffsetsRequestTopic{Topic: topic, Partitions: []kmsg.AlterShareGroupOffsetsRequestTopicPartition{{Partition: int32(index[0] - '0')}}})
		}
		s.ask("", r)
	case "sdelete":
		r := kmsg.NewPtrDeleteShareGroupOffsetsRequest()
		r.GroupID = group
		for _, t := range l.words {
			r.Topics = append(r.Topics, kmsg.DeleteShareGroupOffsetsRequestTopic{Topic: t})
		}
		s.ask("", r)
	case "sdeleted":
		s.l.ask("", ShareDeleted{group, []TopicID{nameID(l.word(0))}})
	case "sstate":
		members, epoch, topics, ok := s.l.m.ShareState(group)
		s.say("%v: %d members, epoch %d, %s", ok, members, epoch, showPlain(shareOf(topics)))
	default:
		return false
	}
	return true
}

func (s *story) showShared(body kmsg.Response) string {
	switch r := body.(type) {
	case *kmsg.ShareGroupHeartbeatResponse:
		if r.ErrorCode != 0 {
			return "ShareGroupHeartbeat" + code(r.ErrorCode) + " " + str(r.ErrorMessage)
		}
		text := fmt.Sprintf("ShareGroupHeartbeat member=%s epoch=%d", *r.MemberID, r.MemberEpoch)
		if r.Assignment != nil {
			of := map[TopicID][]int32{}
			for _, t := range r.Assignment.TopicPartitions {
				of[t.TopicID] = t.Partitions
			}
			text += " " + showPlain(makeShare(of))
		}
		return text
	case *kmsg.ShareGroupDescribeResponse:
		text := "ShareGroupDescribe"
		for _, g := range r.Groups {
			text += fmt.Sprintf("\n  %s%s %s epoch=%d target=%d %s", g.GroupID, code(g.ErrorCode), g.GroupState, g.GroupEpoch, g.AssignmentEpoch, g.Assignor)
			for _, m := range g.Members {
				text += fmt.Sprintf("\n    %s epoch=%d topics=%s has", m.MemberID, m.MemberEpoch, strings.Join(m.SubscribedTopicNames, ","))
				for _, t := range m.Assignment.TopicPartitions {
					text += fmt.Sprintf(" %s%v", t.Topic, t.Partitions)
				}
			}
		}
		return text
	case *kmsg.AlterShareGroupOffsetsResponse:
		text := "AlterShareGroupOffsets" + code(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(" %s-%d%s", t.Topic, p.Partition, code(p.ErrorCode))
			}
		}
		return text
	case *kmsg.DeleteShareGroupOffsetsResponse:
		text := "DeleteShareGroupOffsets" + code(r.ErrorCode)
		for _, t := range r.Topics {
			text += fmt.Sprintf(" %s%s", t.Topic, code(t.ErrorCode))
		}
		return text
	}
	return fmt.Sprintf("%T", body)
}

// Every partition is somebody's, every member has one of each topic that it reads if there is
// any, nobody has what he does not read, all evenly, and what need not move stays: whatever
// members had, and while they come and go.
func TestSimpleAssignor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var offers []offer
		for _, name := range []string{"a", "b", "c"}[:rapid.IntRange(1, 3).Draw(t, "topics")] {
			o := offer{Topic: Topic{Name: name, ID: nameID(name)}}
			for p := range int32(rapid.IntRange(0, 6).Draw(t, "partitions")) {
				o.partitions = append(o.partitions, p)
			}
			offers = append(offers, o)
		}
		n := 0
		var seats []shareSeat
		join := func() {
			topics := slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3).Draw(t, "reads"))))
			had := map[TopicID][]int32{}
			for _, name := range topics {
				had[nameID(name)] = rapid.SliceOfN(rapid.Int32Range(0, 7), 0, 3).Draw(t, "had")
			}
			seats = append(seats, shareSeat{id: fmt.Sprint(n), topics: topics, had: makeShare(had)})
			n++
		}
		for range rapid.IntRange(1, 8).Draw(t, "members") {
			join()
		}
		for range rapid.IntRange(1, 20).Draw(t, "assignments") {
			checkSimple(t, seats, offers)
			if len(seats) > 1 && rapid.Bool().Draw(t, "leaves") {
				i := rapid.IntRange(0, len(seats)-1).Draw(t, "who")
				seats = slices.Delete(seats, i, i+1)
			}
			if len(seats) < 12 && rapid.Bool().Draw(t, "joins") {
				join()
			}
		}
	})
}

// checkSimple assigns, and the seats have what they are given.
func checkSimple(t *rapid.T, seats []shareSeat, offers []offer) {
	shares := simple(seats, offers)
	for _, o := range offers {
		var loads, of []int
		for i := range seats {
			has := shares[i].partitionsOf(o.ID)
			if !slices.Contains(seats[i].topics, o.Name) {
				if len(has) > 0 {
					t.Fatalf("%s has %v of %s, which it does not read", seats[i].id, has, o.Name)
				}
				continue
			}
			loads = append(loads, len(has))
		}
		for _, p := range o.partitions {
			n := 0
			for i := range seats {
				if shares[i].has(o.ID, p) {
					n++
				}
			}
			of = append(of, n)
		}
		if len(loads) == 0 || len(of) == 0 {
			continue
		}
		if slices.Min(loads) == 0 || slices.Min(of) == 0 || slices.Max(of)-slices.Min(of) > 1 || slices.Max(loads)-slices.Min(loads) > 1 {
			t.Fatalf("members have %v of %s, and its partitions %v: %v", loads, o.Name, of, shares)
		}
	}
	for i := range seats {
		seats[i].had = shares[i]
	}
	for i, again := range simple(seats, offers) {
		if !again.equal(shares[i]) {
			t.Fatalf("%s has %v, and then %v, where nothing has changed", seats[i].id, shares[i], again)
		}
	}
}
