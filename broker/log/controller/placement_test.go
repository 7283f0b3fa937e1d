package controller

import (
	"testing"

	"brokersim/broker/machine"
)

// image with the racks of brokers 1, 2, ...
func imageOfRacks(racks ...string) *Image {
	im := NewImage()
	for i, rack := range racks {
		id := int32(i + 1)
		im.Brokers[id] = &BrokerInfo{ID: id, Rack: rack, ShutDownOffset: -1}
	}
	return im
}

func TestPlacement(t *testing.T) {
	for _, c := range []struct {
		name               string
		racks              []string
		partitions, factor int
		perRack            int // at most so many replicas of a partition in one rack
		leads              int // every broker leads exactly so many partitions
	}{
		{"no racks", []string{"", "", ""}, 9, 3, 3, 3},
		{"one replica", []string{"", "", ""}, 3, 1, 1, 1},
		{"three racks", []string{"a", "b", "c", "a", "b", "c"}, 12, 3, 1, 2},
		{"more replicas than racks", []string{"a", "a", "b", "b"}, 8, 3, 2, 2},
	} {
		for seed := range uint64(20) {
			p := newPlacer(imageOfRacks(c.racks...), machine.NewDraw(seed, "placement"))
			leads := make(map[int32]int)
			for n := range c.partitions {
				replicas := p.place(n, c.factor)
				if len(replicas) != c.factor || hasDuplicate(replicas) {
					t.Fatalf("%s, seed %d: partition %d on %d", c.name, seed, n, replicas)
				}
				perRack := make(map[string]int)
				for _, id := range replicas {
					if perRack[c.racks[id-1]]++; perRack[c.racks[id-1]] > c.perRack {
						t.Errorf("%s, seed %d: partition %d on %d, more than %d in rack %q", c.name, seed, n, replicas, c.perRack, c.racks[id-1])
					}
				}
				leads[replicas[0]]++
			}
			for i := range c.racks {
				if id := int32(i + 1); leads[id] != c.leads {
					t.Errorf("%s, seed %d: broker %d leads %d partitions, not %d", c.name, seed, id, leads[id], c.leads)
				}
			}
		}
	}
}

func TestPlacementIsKeyed(t *testing.T) {
	place := func(seed uint64) [3]int32 {
		p := newPlacer(imageOfRacks("", "", "", "", ""), machine.NewDraw(seed, "placement"))
		return [3]int32(p.place(0, 3))
	}
	different := make(map[[3]int32]bool)
	for seed := range uint64(50) {
		if place(seed) != place(seed) {
			t.Fatalf("seed %d places twice in two ways", seed)
		}
		different[place(seed)] = true
	}
	if len(different) < 10 {
		t.Errorf("50 seeds placed in %d ways", len(different))
	}
}
