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
			p := newPlacer(imageOfRacks(c.racks...), machine.NewDraw(seed, "placement"), true)
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
		p := newPlacer(imageOfRacks("", "", "", "", ""), machine.NewDraw(seed, "placement"), true)
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

// Brokers that are fenced have replicas where too few live, and lead nothing; one that shuts
// down has none.
func TestPlacementOnFenced(t *testing.T) {
	im := imageOfRacks("", "", "", "", "")
	im.Brokers[2].Fenced = true
	im.Brokers[3].Fenced = true
	im.Brokers[5].ShutDownOffset = 7
	fenced := func(id int32) bool { return id == 2 || id == 3 }
	for seed := range uint64(20) {
		p := newPlacer(im, machine.NewDraw(seed, "placement"), true)
		for factor := 1; factor <= 4; factor++ {
			if err := p.enough(factor); err != nil {
				t.Fatalf("%d replicas: %v", factor, err)
			}
			thirds := make(map[int32]bool)
			for n := range 8 {
				replicas := p.place(n, factor)
				if len(replicas) != factor || hasDuplicate(replicas) {
					t.Fatalf("seed %d: partition %d on %d", seed, n, replicas)
				}
				for i, id := range replicas {
					if fenced(id) != (i >= 2) || id == 5 {
						t.Errorf("seed %d: partition %d on %d", seed, n, replicas)
					}
				}
				if factor == 3 {
					thirds[replicas[2]] = true
				}
			}
			if factor == 3 && len(thirds) != 2 {
				t.Errorf("seed %d: %d fenced brokers have all replicas", seed, len(thirds))
			}
		}
		if p.enough(5) == nil {
			t.Error("5 replicas on 4 brokers")
		}
	}
	if newPlacer(im, machine.NewDraw(0, "placement"), false).enough(3) == nil {
		t.Error("3 replicas on 2 brokers that live")
	}
	im.Brokers[1].Fenced, im.Brokers[4].Fenced = true, true
	if newPlacer(im, machine.NewDraw(0, "placement"), true).enough(1) == nil {
		t.Error("a partition where all brokers are fenced")
	}
}
