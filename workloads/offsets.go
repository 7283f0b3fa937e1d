package workloads

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
	"brokersim/checker/history"
	"brokersim/workloads/client"
)

// OffsetReader is the last look at what groups have committed.
type OffsetReader struct {
	client *client.OffsetReader
	scribe scribe
}

// NewOffsetReader returns it with the number of its process.
func NewOffsetReader(c *client.OffsetReader, id int32, rec *history.Recorder, tps func(wire.TP) history.TP) *OffsetReader {
	return &OffsetReader{client: c, scribe: scribe{rec: rec, tps: tps, process: id, fin: true}}
}

// Done reports whether all has been read.
func (o *OffsetReader) Done() bool { return len(o.client.Left()) == 0 }

// Step is one step of the machine.
func (o *OffsetReader) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	o.client.Step(now, in, out)
	o.record()
	o.client.Run(now, out)
	o.record()
}

func (o *OffsetReader) record() {
	group, list := o.client.Events()
	for i := range list {
		o.scribe.group(&list[i], group, "")
	}
}

// Deadline is when the machine next wants a Tick.
func (o *OffsetReader) Deadline() machine.Instant { return o.client.Deadline() }
