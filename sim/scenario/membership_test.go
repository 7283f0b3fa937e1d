package scenario

import (
	"slices"
	"strings"
	"testing"

	"brokersim/checker/result"
)

// A pool of workers beside a poll loop that commits by itself loses what is in hand when a
// member dies. The same without workers loses nothing, and neither is a broker's fault.
func TestAutoCommitLosesWhatIsHandedOff(t *testing.T) {
	lost := 0
	for seed := range uint64(4) {
		r := Run(Case{Spec: load(t, "auto-commit-handoff"), Seed: seed + 1})
		for _, f := range r.Findings {
			if f.Outcome == result.Broken && f.Property != "no-skip" {
				t.Errorf("seed %d: %s is broken", seed+1, f.Property)
			}
			for _, v := range f.Violations {
				if !strings.Contains(v.What, "Group mailer ") {
					t.Errorf("seed %d: %s", seed+1, v.What)
				}
				lost++
			}
		}
	}
	if lost == 0 {
		t.Error("nothing is lost")
	}
}

// Who commits behind the work has some of it done twice when a member dies, and loses nothing.
func TestCommitAfterDoesTwice(t *testing.T) {
	twice := int64(0)
	for seed := range uint64(4) {
		r := Run(Case{Spec: load(t, "commit-after"), Seed: seed + 1})
		if r.Verdict != result.Kept {
			t.Errorf("seed %d: %s\n%s", seed+1, r.Verdict, findings(&r))
		}
		twice += r.Ledger.DupProcessed
	}
	if twice == 0 {
		t.Error("nothing is done twice")
	}
}

// groups comes to all situations of groups, breaks nothing, and is the same when it is made
// again.
func TestGroups(t *testing.T) {
	reached := map[string]int64{}
	for seed := range uint64(4) {
		c := Case{Spec: load(t, "groups"), Seed: seed + 1}
		r := Run(c)
		if r.Verdict != result.Kept {
			t.Errorf("seed %d: %s\n%s", seed+1, r.Verdict, findings(&r))
		}
		for name, n := range r.Reached {
			reached[name] += n
		}
		if again := Run(c); again.TraceHash != r.TraceHash {
			t.Errorf("seed %d: %s, and then %s", seed+1, r.TraceHash, again.TraceHash)
		}
	}
	for _, name := range []string{"rebalance", "cooperative-revoke", "static-rejoin", "offsets-loaded", "offsets-compacted", "member-expired", "poll-interval-exceeded", "member-fenced"} {
		if reached[name] == 0 {
			t.Errorf("no run has come to %s", name)
		}
	}
}

func TestMembersRefuse(t *testing.T) {
	const head = "topics:\n  t: {replication: 1}\nproducers:\n  p: {topic: t, rate_per_second: 1}\nreaders:\n"
	for reader, want := range map[string]string{
		"  r: {topics: [t], commit: after}":                                                                                       "f: reader r: commit, workers and until are for members of a consumer group: set: {group.id: r}",
		"  r: {topics: [t], replay: 1s, set: {group.id: g}}":                                                                      "f: reader r: replay: the position of a member of a group is the group's",
		"  r: {topics: [t], commit: after, set: {group.id: g}}":                                                                   "f: reader r: commit: after, but enable.auto.commit=true",
		"  r: {topics: [t], commit: aftr, set: {group.id: g}}":                                                                    `f.yaml:6: commit: "aftr": want one of auto, after, before, async, async-only, never; did you mean "after"?`,
		"  r: {topics: [t], set: {group.ids: g}}":                                                                                 `f.yaml:6: Kafka has no consumer setting "group.ids"; did you mean "group.id"?`,
		"  r: {topics: [t], from: 3s, until: 2s, set: {group.id: g}}":                                                             "f: reader r: until 2s is not after from 3s",
		"  r: {topics: [t], workers: 2, commit: after, set: {group.id: g, enable.auto.commit: false}}":                            "f: reader r: workers: want commit: auto or never: nobody commits what workers have done",
		"  r: {topics: [t], set: {group.id: g, partition.assignment.strategy: org.apache.kafka.clients.consumer.StickyAssigner}}": "StickyAssignor",
	} {
		s, err := Parse("f.yaml", []byte(head+reader+"\n"))
		if err == nil {
			_, err = Check(Case{Spec: s})
		}
		if err == nil || err.Error() != want && !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n got  %v\n want %s", reader, err, want)
		}
	}
}

// Members that are counted have a group.instance.id of their own.
func TestNumberedMembers(t *testing.T) {
	s, err := Parse("f.yaml", []byte("topics:\n  t: {replication: 1}\nproducers:\n  p: {topic: t, rate_per_second: 1}\nreaders:\n  r: {topics: [t], members: 2, set: {group.id: g, group.instance.id: i}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Settings(Case{Spec: s})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.Readers {
		c := set.Consumer(r.Name)
		got = append(got, r.Name, c.GroupID, c.GroupInstanceID)
	}
	if want := []string{"r-1", "g", "i-1", "r-2", "g", "i-2"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
