package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// seatsOf draws members with subscriptions and what they have had.
func drawSeats(t *rapid.T, alike bool) ([]seat, []Topic) {
	var topics []Topic
	for i := range rapid.IntRange(0, 4).Draw(t, "topics") {
		x := Topic{Name: fmt.Sprintf("t%d", i), Partitions: rapid.Int32Range(0, 9).Draw(t, "partitions")}
		x.ID[0] = byte(rapid.IntRange(0, 9).Draw(t, "id")*10 + i)
		topics = append(topics, x)
	}
	taken := map[string]bool{}
	var seats []seat
	for i := range rapid.IntRange(1, 6).Draw(t, "members") {
		s := seat{id: fmt.Sprintf("m%d", i)}
		if rapid.IntRange(0, 3).Draw(t, "static") == 0 {
			instance := fmt.Sprintf("i%d", i)
			s.instance = &instance
		}
		had := map[TopicID][]int32{}
		for _, x := range topics {
			if alike || rapid.Bool().Draw(t, "reads") {
				s.topics = append(s.topics, x)
			}
			for p := range x.Partitions + 1 { // one more than there is: the topic may have been another
				if k := fmt.Sprint(x.ID, p); !taken[k] && rapid.IntRange(0, 3).Draw(t, "had") == 0 {
					taken[k] = true
					had[x.ID] = append(had[x.ID], p)
				}
			}
		}
		s.had = makeShare(had)
		seats = append(seats, s)
	}
	return seats, topics
}

// complete checks that each partition that somebody reads has one owner who reads it.
func checkShares(t *rapid.T, seats []seat, topics []Topic, shares []share) {
	for _, x := range topics {
		for p := range x.Partitions {
			owners, readers := 0, 0
			for i := range seats {
				reads := slices.ContainsFunc(seats[i].topics, func(y Topic) bool { return y.ID == x.ID })
				if reads {
					readers++
				}
				if shares[i].has(x.ID, p) {
					owners++
					if !reads {
						t.Fatalf("%s has %s-%d, which it does not read", seats[i].id, x.Name, p)
					}
				}
			}
			if owners != min(readers, 1) {
				t.Fatalf("%s-%d has %d owners and %d readers", x.Name, p, owners, readers)
			}
		}
	}
	total := 0
	for i := range shares {
		total += shares[i].count()
		if !slices.IsSortedFunc(shares[i], func(a, b topicShare) int { return compareIDs(a.id, b.id) }) {
			t.Fatalf("%v is not sorted", shares[i])
		}
	}
}

func TestUniformProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alike := rapid.Bool().Draw(t, "alike")
		seats, topics := drawSeats(t, alike)
		shares := uniform(seats, alike)
		checkShares(t, seats, topics, shares)
		least, most := shares[0].count(), shares[0].count()
		for i := range shares {
			least, most = min(least, shares[i].count()), max(most, shares[i].count())
		}
		if alike && most-least > 1 {
			t.Fatalf("somebody has %d and somebody %d", least, most)
		}
		if alike { // whoever has no more than the others keeps all that it had
			for i := range seats {
				had := seats[i].had.filter(func(id TopicID, p int32) bool {
					return slices.ContainsFunc(topics, func(x Topic) bool { return x.ID == id && p < x.Partitions })
				})
				if kept := had.and(shares[i]).count(); kept < min(had.count(), least) {
					t.Fatalf("%s keeps %d of %d, and each has %d at least", seats[i].id, kept, had.count(), least)
				}
			}
		}
		// What is fair stays.
		for i := range seats {
			seats[i].had = shares[i]
		}
		for i, again := range uniform(seats, alike) {
			if alike && !again.equal(shares[i]) {
				t.Fatalf("%s has had %v, and is given %v though nothing has changed", seats[i].id, shares[i], again)
			}
		}
		// No move of one partition would make members who read different topics more equal.
		if !alike {
			for i := range seats {
				for j := range seats {
					if shares[i].count()-shares[j].count() < 2 {
						continue
					}
					for _, x := range seats[j].topics {
						if len(shares[i].partitionsOf(x.ID)) > 0 {
							t.Fatalf("%s has %d and %s %d, and could give it one of %s", seats[i].id, shares[i].count(), seats[j].id, shares[j].count(), x.Name)
						}
					}
				}
			}
		}
	})
}

func TestRangeProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alike := rapid.Bool().Draw(t, "alike")
		seats, topics := drawSeats(t, alike)
		shares := ranged(seats)
		checkShares(t, seats, topics, shares)
		for i := range seats {
			for _, x := range seats[i].topics {
				p := shares[i].partitionsOf(x.ID)
				if len(p) > 0 && int(p[len(p)-1]-p[0]) != len(p)-1 {
					t.Fatalf("%s has %v of %s: not a range", seats[i].id, p, x.Name)
				}
				for _, y := range seats[i].topics {
					if alike && x.Partitions == y.Partitions && !slices.Equal(p, shares[i].partitionsOf(y.ID)) {
						t.Fatalf("%s has %v of %s and %v of %s, which are alike", seats[i].id, p, x.Name, shares[i].partitionsOf(y.ID), y.Name)
					}
				}
			}
		}
	})
}

// Kafka's own examples (RangeAssignor, UniformAssignor).
func TestAssignorExamples(t *testing.T) {
	one := Topic{ID: TopicID{1}, Name: "T1", Partitions: 3}
	two := Topic{ID: TopicID{2}, Name: "T2", Partitions: 3}
	seats := func(had ...share) []seat {
		return []seat{{id: "M0", topics: []Topic{one, two}, had: had[0]}, {id: "M1", topics: []Topic{one, two}, had: had[1]}}
	}
	show := func(shares []share) string {
		var out []string
		for _, s := range shares {
			text := ""
			for _, t := range s {
				text += fmt.Sprintf("T%d%v", t.id[0], t.partitions)
			}
			out = append(out, text)
		}
		return strings.Join(out, " | ")
	}
	if got, want := show(ranged(seats(nil, nil))), "T1[0 1]T2[0 1] | T1[2]T2[2]"; got != want {
		t.Errorf("range: %s, want %s", got, want)
	}
	if got, want := show(uniform(seats(nil, nil), true)), "T1[0 1 2] | T2[0 1 2]"; got != want {
		t.Errorf("uniform: %s, want %s", got, want)
	}
	all := makeShare(map[TopicID][]int32{{1}: {0, 1, 2}, {2}: {0, 1, 2}})
	if got, want := show(uniform(seats(nil, all), true)), "T2[0 1 2] | T1[0 1 2]"; got != want {
		t.Errorf("uniform: %s, want %s", got, want)
	}
}
