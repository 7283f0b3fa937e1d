package client

import (
	"cmp"
	"encoding/binary"
	"slices"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// aborted is which producers have, where an answer has been read to, a transaction that was
// aborted (CompletedFetch). A broker tells only read_committed which those are: a list of
// producer ids and the first offset of each transaction. A transaction ends at its marker.
type aborted struct {
	list []kmsg.FetchResponseTopicPartitionAbortedTransaction // that begin further on, the nearest first
	open []int64                                              // producer ids
}

// begin takes what an answer says. The order in it is the broker's.
func (x *aborted) begin(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	x.list, x.open = append(x.list[:0], list...), x.open[:0]
	slices.SortStableFunc(x.list, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
}

// has reports whether a batch, the next in the log, is not for applications: of control
// records, or of a transaction that was aborted.
func (x *aborted) has(h *wire.Batch, batch machine.Bytes) bool {
	for len(x.list) > 0 && x.list[0].FirstOffset < h.NextOffset() {
		x.open = append(x.open, x.list[0].ProducerID)
		x.list = x.list[1:]
	}
	if h.IsControl() {
		if len(x.open) > 0 && !commits(batch) {
			x.open = slices.DeleteFunc(x.open, func(id int64) bool { return id == h.ProducerID })
		}
		return true
	}
	return h.IsTransactional() && slices.Contains(x.open, h.ProducerID)
}

// commits reports whether a control batch is the marker of a commit: its key is a version
// and, of an abort, 0. What is no marker ends nothing.
func commits(batch machine.Bytes) (is bool) {
	is = true
	_ = wire.EachRecord(batch, func(r *wire.Record) error {
		is = len(r.Key) < 4 || binary.BigEndian.Uint16(r.Key[2:]) != 0
		return nil
	})
	return is
}

// Batch is a batch of a producer as it stands in a log.
type Batch struct {
	wire.Batch
	Commits bool // it is the marker of a commit
}
