package replica

import (
	"strings"
	"testing"

	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
	"brokersim/faults/failpoint"
)

// noIndex is a disk that has trouble with indexes alone.
type noIndex struct {
	*storagetest.Disk
	trouble bool
}

func (d *noIndex) Append(name string, b machine.Bytes) error {
	if d.trouble && strings.HasSuffix(name, ".index") {
		return machine.ErrIO
	}
	return d.Disk.Append(name, b)
}

// Whoever looks at a log that has given out an offset twice comes to an end.
func TestEachOfABrokenLog(t *testing.T) {
	d, points := &noIndex{Disk: storagetest.New()}, failpoint.New(1, 1)
	if err := points.Arm(failpoint.S04EndAfterIndex, failpoint.Always, "return(true)"); err != nil {
		t.Fatal(err)
	}
	topic := config.DefaultTopic()
	topic.IndexIntervalBytes = 0
	r, _, err := Open(d, Config{TP: wire.TP{Topic: "orders"}, Self: 1, Topic: topic, Eligible: func(int32) bool { return true }, Failpoints: points}, Saved{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Apply(0, State{Leader: 1, Replicas: []int32{1}, ISR: []int32{1}}); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		d.trouble = i == 2 || i == 3
		if _, _, err := r.Append(both(0), batch(-1, -1, -1, 0, "v"), 1); err != nil {
			t.Fatal(err)
		}
	}
	read := 0
	err = r.Each(0, func(*wire.Batch, *wire.Record) error {
		read++
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "orders-0: nothing follows offset") || read > 20 {
		t.Errorf("%d records, error %v", read, err)
	}
}
