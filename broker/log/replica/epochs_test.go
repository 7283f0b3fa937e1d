package replica

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"brokersim/broker/storage"
)

func starts(pairs ...int64) (list []storage.EpochStart) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, storage.EpochStart{Epoch: int32(pairs[i]), Start: pairs[i+1]})
	}
	return list
}

func TestEpochsBegin(t *testing.T) {
	for _, c := range []struct {
		what   string
		before []storage.EpochStart
		epoch  int32
		offset int64
		after  []storage.EpochStart
	}{
		{"the first", nil, 3, 0, starts(3, 0)},
		{"the next", starts(1, 0), 2, 5, starts(1, 0, 2, 5)},
		{"one that goes on", starts(1, 0, 2, 5), 2, 7, starts(1, 0, 2, 5)},
		{"one that begins where the last one wrote nothing", starts(1, 0, 2, 5), 4, 5, starts(1, 0, 4, 5)},
		{"two empty ones go", starts(1, 0, 2, 5, 3, 5), 4, 5, starts(1, 0, 4, 5)},
		{"all go", starts(1, 0, 2, 5), 3, 0, starts(3, 0)},
		{"an earlier epoch in the place of an empty one", starts(1, 0, 4, 5), 3, 5, starts(1, 0, 3, 5)},
		{"the epoch below goes on in the place of an empty one", starts(1, 0, 2, 5, 4, 9), 2, 9, starts(1, 0, 2, 5)},
		{"an epoch that falls", starts(1, 0, 3, 5), 2, 7, starts(1, 0, 2, 7)},
		{"the same epoch, earlier", starts(1, 0, 2, 5), 2, 3, starts(1, 0, 2, 3)},
		{"an earlier epoch, earlier", starts(1, 0, 2, 5, 3, 8), 1, 3, starts(1, 0)},
	} {
		e := epochs{list: c.before}
		e.begin(c.epoch, c.offset)
		if !reflect.DeepEqual(e.list, c.after) {
			t.Errorf("%s: %v, want %v", c.what, e.list, c.after)
		}
	}
}

func TestEndOf(t *testing.T) {
	for _, c := range []struct {
		list        []storage.EpochStart
		epoch, want int32
		end         int64
	}{
		{nil, 0, -1, -1},
		{nil, -1, -1, -1},
		{starts(2, 0, 3, 4, 6, 7), -1, -1, -1},
		{starts(2, 0, 3, 4, 6, 7), -2, -2, 0}, // as Kafka answers whatever is below all but -1
		{starts(2, 0, 3, 4, 6, 7), 0, 0, 0},   // below all: what there was of it is gone
		{starts(2, 0, 3, 4, 6, 7), 1, 1, 0},
		{starts(2, 0, 3, 4, 6, 7), 2, 2, 4},
		{starts(2, 0, 3, 4, 6, 7), 3, 3, 7},
		{starts(2, 0, 3, 4, 6, 7), 4, 3, 7}, // the largest that is not above (KIP-279)
		{starts(2, 0, 3, 4, 6, 7), 5, 3, 7},
		{starts(2, 0, 3, 4, 6, 7), 6, 6, 9},
		{starts(2, 0, 3, 4, 6, 7), 7, -1, -1},
		{starts(2, 0, 3, 9), 3, 3, 9}, // it has written nothing
		{starts(2, 0, 3, 9), 2, 2, 9},
	} {
		e := epochs{list: c.list}
		if found, end := e.endOf(c.epoch, 9); found != c.want || end != c.end {
			t.Errorf("epoch %d of %v: (%d, %d), want (%d, %d)", c.epoch, c.list, found, end, c.want, c.end)
		}
	}
}

// Whatever a log is made of, and whoever led in between: what is known of epochs
// is what a scan of the log finds.
func TestEpochsAreThoseOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e epochs
		var log []int32    // the epoch of each record
		newest := int32(0) // anybody has led in
		empty := int32(-1) // the epoch in which this replica has led since, and not written
		t.Repeat(map[string]func(*rapid.T){
			"lead": func(t *rapid.T) {
				newest += rapid.Int32Range(1, 3).Draw(t, "epochs")
				empty = newest
				e.begin(newest, int64(len(log)))
			},
			"append": func(t *rapid.T) {
				last := int32(0)
				if len(log) > 0 {
					last = log[len(log)-1]
				}
				if empty >= 0 && rapid.Bool().Draw(t, "as leader") {
					log = append(log, empty)
					return
				}
				// As a follower, of anything that somebody has written meanwhile.
				epoch := rapid.Int32Range(last, newest).Draw(t, "epoch")
				e.begin(epoch, int64(len(log)))
				log, empty = append(log, epoch), -1
			},
			"": func(t *rapid.T) {
				var list []storage.EpochStart
				for i, epoch := range log {
					if i == 0 || log[i-1] != epoch {
						list = append(list, storage.EpochStart{Epoch: epoch, Start: int64(i)})
					}
				}
				if n := len(list); empty >= 0 && (n == 0 || list[n-1].Epoch < empty) {
					list = append(list, storage.EpochStart{Epoch: empty, Start: int64(len(log))})
				}
				for epoch := int32(-1); epoch <= newest+1; epoch++ {
					found, end := e.endOf(epoch, int64(len(log)))
					if f, x := endByScan(list, epoch, int64(len(log))); found != f || end != x {
						t.Fatalf("epoch %d of %v: (%d, %d), by the log (%d, %d)", epoch, list, found, end, f, x)
					}
				}
			},
		})
	})
}
