package replica

import (
	"math"
	"slices"
	"testing"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// A lookup by time that does not find the first committed record that is no older is told,
// with the timestamp and both offsets; what is right is not, whatever the stamps.
func TestCheckTimes(t *testing.T) {
	late := make([]int64, 3*mostStamps) // rises, and falls once near its end
	for i := range late {
		late[i] = int64(10 * i)
	}
	beside := slices.Clone(late) // 30 is asked for, and so 31, which two batches have
	late[len(late)-4], beside[4], beside[5] = 5, 31, 31
	for _, tt := range []struct {
		name   string
		stamps [][]int64 // of the records of each batch
		append bool      // message.timestamp.type=LogAppendTime
		open   []int64   // of one more batch, that is not committed
		start  int64     // where DeleteRecords has the log start
		want   string    // with the bug planted
	}{
		{name: "none"},
		{name: "they rise", stamps: each(1, 2, 3, 4, 5)},
		{name: "they are one", stamps: each(3, 3, 3),
			want: "the time index finds offset 2 for timestamp 3, and the first record that is no older is at offset 0"},
		{name: "a clock goes back", stamps: each(3, 1, 5),
			want: "the time index finds offset 2 for timestamp 2, and the first record that is no older is at offset 0"},
		{name: "and forth", stamps: each(10, 20, 2, 21, 3, 30),
			want: "the time index finds offset 3 for timestamp 9, and the first record that is no older is at offset 0"},
		{name: "the largest is behind", stamps: each(3, 9, 9, 1),
			want: "the time index finds offset -1 for timestamp 9, and the first record that is no older is at offset 1"},
		{name: "late", stamps: each(late...),
			want: "the time index finds offset 45 for timestamp 420, and the first record that is no older is at offset 42"},
		{name: "one more than what is asked for", stamps: each(beside...),
			want: "the time index finds offset 5 for timestamp 31, and the first record that is no older is at offset 4"},
		{name: "within a batch", stamps: [][]int64{{7, 1}, {2, 9, 4}, {3, 8}},
			want: "the time index finds offset 6 for timestamp 8, and the first record that is no older is at offset 3"},
		{name: "the log appends", stamps: each(5, 1, 9), append: true},
		{name: "what is not committed is not found", stamps: each(1, 2, 3), open: []int64{9}},
		{name: "what is deleted is not found", stamps: [][]int64{{1}, {9, 2}, {5}}, start: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, planted := range []bool{false, true} {
				r := stampedLog(t, planted, tt.append, tt.stamps)
				if tt.open != nil {
					s := r.State()
					s.ISR, s.PartitionEpoch = []int32{1, 2}, s.PartitionEpoch+1
					if _, err := r.Apply(0, s); err != nil {
						t.Fatal(err)
					}
					appendStamps(t, r, tt.open)
				}
				if tt.start > 0 {
					if _, code, err := r.DeleteRecords(tt.start); code != 0 || err != nil {
						t.Fatal(code, err)
					}
				}
				got, want := "", ""
				if planted {
					want = tt.want
				}
				if err := r.CheckTimes(); err != nil {
					got = err.Error()
				}
				if got != want {
					t.Errorf("planted %t: %q, want %q", planted, got, want)
				}
			}
		})
	}
}

// The timestamps and records by which CheckTimes judges are those of the records that there
// are: committed, not deleted, with the time that counts.
func TestTimes(t *testing.T) {
	r := stampedLog(t, false, false, [][]int64{{1, 8}, {9, 2}, {5}, {10, 11}})
	if _, _, err := r.DeleteRecords(3); err != nil {
		t.Fatal(err)
	}
	s := r.State()
	s.ISR, s.PartitionEpoch = []int32{1, 2}, s.PartitionEpoch+1
	if _, err := r.Apply(0, s); err != nil {
		t.Fatal(err)
	}
	appendStamps(t, r, []int64{99})
	highs, stamps, err := r.times()
	if err != nil || !slices.Equal(highs, []high{{2, 3}, {5, 4}, {10, 5}, {11, 6}}) || !slices.Equal(stamps, []int64{9, 5, 11}) {
		t.Errorf("%v %v %v", highs, stamps, err)
	}
}

// each are batches of one record.
func each(stamps ...int64) (list [][]int64) {
	for _, x := range stamps {
		list = append(list, []int64{x})
	}
	return list
}

// stampedLog is a leader alone that has taken batches with such timestamps, each of which its
// indexes tell of but the first.
func stampedLog(t *testing.T, planted, ofLog bool, stamps [][]int64) *Replica {
	t.Helper()
	points := failpoint.New(1, 1)
	if planted {
		if err := points.Arm(failpoint.S17RawStamps, failpoint.Always, "return(true)"); err != nil {
			t.Fatal(err)
		}
	}
	topic := config.DefaultTopic()
	topic.IndexIntervalBytes, topic.LogAppendTime, topic.TimestampAfterMaxMillis = 0, ofLog, math.MaxInt64
	r, _, err := Open(storagetest.New(), Config{TP: wire.TP{Topic: "orders"}, Self: 1, Topic: topic, Eligible: func(int32) bool { return true }, Failpoints: points}, Saved{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(0, State{Leader: 1, Replicas: []int32{1, 2}, ISR: []int32{1}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range stamps {
		appendStamps(t, r, s)
	}
	return r
}

func appendStamps(t *testing.T, r *Replica, stamps []int64) {
	t.Helper()
	w := wire.NewBuilder(-1, -1, -1)
	for _, x := range stamps {
		w.Append(x, nil, []byte("v"), nil)
	}
	now := machine.Instant(r.LogEnd()) * 1_000_000 // ms
	if _, code, err := r.Append(both(now), w.Bytes(), 1); code != 0 || err != nil {
		t.Fatal(wire.ErrorName(code), err)
	}
}
