package share

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// What a coordinator could not read again from its log it does not write: the log would be of no
// use to anybody who comes later.
func TestNothingIsWrittenThatIsNotRead(t *testing.T) {
	for _, row := range []struct {
		stateEpoch int32
		start      int64
		want       int16
	}{
		{0, -1, 0}, {0, 5, 0}, {1 << 30, 1 << 62, 0},
		{-1, 0, wire.InvalidRequest}, {-1 << 31, 0, wire.InvalidRequest}, {0, -2, wire.InvalidRequest},
	} {
		w := newWorld()
		if got := w.init(row.stateEpoch, row.start); got != row.want {
			t.Errorf("state epoch %d from %d on: %d, want %d", row.stateEpoch, row.start, got, row.want)
		}
		w.restart()
	}
}

// A write may name as many batches as a frame has room for, in any order.
func TestManyBatches(t *testing.T) {
	const n = 400_000
	var list []kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch
	for i := int64(n - 1); i >= 0; i-- {
		list = append(list, kmsg.WriteShareGroupStateRequestTopicPartitionStateBatch{FirstOffset: 2 * i, LastOffset: 2 * i, DeliveryState: int8(Archived), DeliveryCount: 1})
	}
	batches := batchesOf(list)
	if got := Combine(nil, batches, 0); slices.ContainsFunc(batches, unsound) || len(got) != n || got[0].First != 0 || got[n-1].First != 2*(n-1) {
		t.Errorf("%d batches, want %d", len(got), n)
	}
}
